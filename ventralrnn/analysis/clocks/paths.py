"""Paths through a similarity matrix: which model step each brain time is at, steps never running backwards."""

from typing import Literal

import numpy as np

from ventralrnn.errors import AnalysisError

Shape = Literal["monotone", "linear"]
# Ends of straight lines are taken from so many times, evenly spaced among those that there are.
_ENDS = 128
# Sums of lines that are held at a time.
_BLOCK_VALUES = 1 << 23


def fit_begins(similarity: np.ndarray, steps: np.ndarray, times: np.ndarray, shape: Shape = "monotone") -> np.ndarray:
    """Return when a brain passes into each step but the first, along the best path.

    Parameters
    ----------
    similarity : numpy.ndarray, (..., step, time)
        Similarity of every model step with every brain time, without NaN; at least two steps.
    steps : numpy.ndarray, (step,)
        Time steps, increasing.
    times : numpy.ndarray, (time,)
        Brain times in ms, increasing.
    shape : {'monotone', 'linear'}
        Any path along which steps do not decrease, or steps that begin on a straight line.

    Returns
    -------
    numpy.ndarray, (..., step - 1)
        In ms, not decreasing; minus infinity for steps that have begun before the first time, infinity for those that
        have not by the last.

    Raises
    ------
    AnalysisError
        If the shape is unknown.
    """
    if shape == "monotone":
        path = monotone_path(similarity)
        later = np.arange(1, similarity.shape[-2])
        return _between(times)[(path[..., None, :] < later[:, None]).sum(-1)]
    if shape == "linear":
        return linear_begins(similarity, steps, times)
    raise AnalysisError(f"shape: {shape!r} is neither 'monotone' nor 'linear'")


def monotone_path(similarity: np.ndarray) -> np.ndarray:
    """Assign every brain time a model step, none below that of the time before, with the largest sum of similarities.

    Parameters
    ----------
    similarity : numpy.ndarray, (..., step, time)
        Without NaN.

    Returns
    -------
    numpy.ndarray of int, (..., time)
        Positions of the steps, not decreasing in time; the lowest of equally good ones.

    Notes
    -----
    Dynamic programming [1]_: with ``V(i, 0) = S(i, 0)`` and ``V(i, t) = S(i, t) + max over i' <= i of V(i', t - 1)``,
    the path ends at the i with the largest V(i, last) and is traced back through the maxima: exact, in a time
    proportional to steps x times.

    References
    ----------
    .. [1] Sakoe & Chiba 1978, Dynamic programming algorithm optimization for spoken word recognition, IEEE Transactions
       on Acoustics, Speech, and Signal Processing 26(1):43-49; here a step may take any number of times, or none.
    """
    count, positions = similarity.shape[-1], np.arange(similarity.shape[-2])
    value = similarity[..., 0]
    before = np.empty((count, *value.shape), np.int32)
    for time in range(1, count):
        best = np.maximum.accumulate(value, -1)
        rises = np.ones(value.shape, bool)
        rises[..., 1:] = best[..., 1:] > best[..., :-1]
        before[time] = np.maximum.accumulate(np.where(rises, positions, 0), -1)
        value = similarity[..., time] + best
    path = np.empty((*similarity.shape[:-2], count), int)
    path[..., -1] = value.argmax(-1)
    for time in range(count - 1, 0, -1):
        path[..., time - 1] = np.take_along_axis(before[time], path[..., time, None], -1)[..., 0]
    return path


def linear_begins(similarity: np.ndarray, steps: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Find the onset and the ms a step for which each time, assigned the step that it falls in, fits best.

    Parameters
    ----------
    similarity : numpy.ndarray, (..., step, time)
        Without NaN.
    steps : numpy.ndarray, (step,)
        Time steps, increasing.
    times : numpy.ndarray, (time,)
        Brain times in ms, increasing; at least two.

    Returns
    -------
    numpy.ndarray, (..., step - 1)
        When each step but the first begins, in ms. The second and the last begin between two brain times (with more
        than 128 such moments, at 128 of them evenly spaced), those between on the straight line.
    """
    moments = _between(times)[1:-1]
    ends = moments[np.unique(np.linspace(0, len(moments) - 1, min(len(moments), _ENDS)).round().astype(int))]
    first, last = np.triu_indices(len(ends)) if len(steps) > 2 else (np.arange(len(ends)),) * 2
    share = (steps[1:] - steps[1]) / (steps[-1] - steps[1]) if len(steps) > 2 else np.zeros(1)
    lines = ends[first, None] + (ends[last] - ends[first])[:, None] * share
    flat = similarity.reshape(-1, *similarity.shape[-2:])
    block = max(1, _BLOCK_VALUES // len(lines))
    best = [mean_of_lines(flat[i : i + block], times, lines).argmax(-1) for i in range(0, len(flat), block)]
    return lines[np.concatenate(best)].reshape(*similarity.shape[:-2], len(steps) - 1)


def mean_of_lines(similarity: np.ndarray, times: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return the mean similarity for each of some assignments of times to steps.

    Parameters
    ----------
    similarity : numpy.ndarray, (..., step, time)
        Similarities.
    times : numpy.ndarray, (time,)
        Brain times, increasing.
    begins : numpy.ndarray, (line, step - 1)
        When each step but the first begins, not decreasing.

    Returns
    -------
    numpy.ndarray, (..., line)
        Means over times.
    """
    sums, edges = _sums(similarity), _edges(times, begins)
    total = np.zeros((*similarity.shape[:-2], len(begins)))
    for step in range(similarity.shape[-2]):
        row = sums[..., step, :]
        total += row[..., edges[:, step + 1]] - row[..., edges[:, step]]
    return total / len(times)


def mean_of_path(similarity: np.ndarray, times: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return the mean similarity of every matrix for an assignment of its own.

    Parameters
    ----------
    similarity : numpy.ndarray, (..., step, time)
        Similarities.
    times : numpy.ndarray, (time,)
        Brain times, increasing.
    begins : numpy.ndarray, (..., step - 1)
        When each step but the first begins, not decreasing.

    Returns
    -------
    numpy.ndarray, (...)
        Means over times.
    """
    sums, edges = _sums(similarity), _edges(times, begins)
    upto, since = (np.take_along_axis(sums, e[..., None], -1)[..., 0] for e in (edges[..., 1:], edges[..., :-1]))
    return (upto - since).sum(-1) / len(times)


def _between(times: np.ndarray) -> np.ndarray:
    """Return the moments before, between and after times, (time + 1,)."""
    return np.concatenate([[-np.inf], (times[1:] + times[:-1]) / 2, [np.inf]])


def _sums(similarity: np.ndarray) -> np.ndarray:
    """Return sums over times up to each, (..., step, time + 1)."""
    sums = np.zeros((*similarity.shape[:-1], similarity.shape[-1] + 1))
    np.cumsum(similarity, -1, out=sums[..., 1:])
    return sums


def _edges(times: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return how many times come before each step, the first and the end included, (..., step + 1)."""
    edges = np.zeros((*begins.shape[:-1], begins.shape[-1] + 2), int)
    edges[..., 1:-1] = np.searchsorted(times, begins)
    edges[..., -1] = len(times)
    return edges
