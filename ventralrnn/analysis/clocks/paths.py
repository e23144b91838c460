"""Paths through a similarity matrix of model steps and brain times, along which time does not run backwards."""

from typing import Literal

import numpy as np

from ventralrnn.errors import AnalysisError

Shape = Literal["monotone", "linear"]
# Ends of straight lines are taken from so many brain times, evenly spaced among those that there are.
_ENDS = 128
# Sums of lines that are held at a time.
_BLOCK_VALUES = 1 << 23


def fit_path(similarity: np.ndarray, steps: np.ndarray, times: np.ndarray, shape: Shape = "monotone") -> np.ndarray:
    """Return the brain time of every model step along the best path.

    Parameters
    ----------
    similarity : numpy.ndarray, (..., step, time)
        Similarity of every model step with every brain time, without NaN.
    steps : numpy.ndarray, (step,)
        Time steps, increasing.
    times : numpy.ndarray, (time,)
        Brain times in ms, increasing.
    shape : {'monotone', 'linear'}
        Any path along which time does not decrease, or a straight line.

    Returns
    -------
    numpy.ndarray, (..., step)
        Brain times, in ms.

    Raises
    ------
    AnalysisError
        If the shape is unknown.
    """
    if shape == "monotone":
        return times[monotone_path(similarity)]
    if shape == "linear":
        return linear_path(similarity, steps, times)
    raise AnalysisError(f"shape: {shape!r} is neither 'monotone' nor 'linear'")


def monotone_path(similarity: np.ndarray) -> np.ndarray:
    """Assign every model step a brain time, none before the last step's, with the largest sum of similarities.

    Parameters
    ----------
    similarity : numpy.ndarray, (..., step, time)
        Without NaN.

    Returns
    -------
    numpy.ndarray of int, (..., step)
        Positions of the times, not decreasing along steps; the earliest of equally good ones.

    Notes
    -----
    Dynamic programming [1]_: with ``V(0, j) = S(0, j)`` and ``V(i, j) = S(i, j) + max over j' <= j of V(i - 1, j')``,
    the path ends at the j with the largest V(last, j) and is traced back through the maxima: exact, in a time
    proportional to steps x times.

    References
    ----------
    .. [1] Sakoe & Chiba 1978, Dynamic programming algorithm optimization for spoken word recognition, IEEE Transactions
       on Acoustics, Speech, and Signal Processing 26(1):43-49; here steps may share a time and times may be skipped.
    """
    count, positions = similarity.shape[-2], np.arange(similarity.shape[-1])
    value, best_before = similarity[..., 0, :], []
    for step in range(1, count):
        best = np.maximum.accumulate(value, -1)
        rises = np.ones(value.shape, bool)
        rises[..., 1:] = best[..., 1:] > best[..., :-1]
        best_before.append(np.maximum.accumulate(np.where(rises, positions, 0), -1))
        value = similarity[..., step, :] + best
    path = np.empty(similarity.shape[:-1], int)
    path[..., -1] = value.argmax(-1)
    for step in range(count - 1, 0, -1):
        path[..., step - 1] = np.take_along_axis(best_before[step - 1], path[..., step, None], -1)[..., 0]
    return path


def linear_path(similarity: np.ndarray, steps: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Assign model steps brain times on a straight line, onset + slope x step with a slope of at least 0.

    Parameters
    ----------
    similarity : numpy.ndarray, (..., step, time)
        Without NaN; between brain times it is interpolated linearly.
    steps : numpy.ndarray, (step,)
        Time steps, increasing.
    times : numpy.ndarray, (time,)
        Brain times in ms, increasing.

    Returns
    -------
    numpy.ndarray, (..., step)
        Brain times, in ms, of the line with the largest summed similarity. The times of its first and last step are
        brain times (with more than 128 of these, 128 of them evenly spaced).
    """
    ends = times[np.unique(np.linspace(0, len(times) - 1, min(len(times), _ENDS)).round().astype(int))]
    first, last = np.triu_indices(len(ends))
    share = (steps - steps[0]) / (steps[-1] - steps[0])
    lines = ends[first, None] + (ends[last] - ends[first])[:, None] * share
    flat = similarity.reshape(-1, *similarity.shape[-2:])
    block = max(1, _BLOCK_VALUES // len(lines))
    best = [mean_along(flat[start : start + block], times, lines).argmax(-1) for start in range(0, len(flat), block)]
    return lines[np.concatenate(best)].reshape(similarity.shape[:-1])


def mean_along(similarity: np.ndarray, times: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Return the mean similarity along each of some lines.

    Parameters
    ----------
    similarity : numpy.ndarray, (..., step, time)
        Similarities.
    times : numpy.ndarray, (time,)
        Brain times, increasing.
    lines : numpy.ndarray, (line, step)
        Brain times within those of `times`.

    Returns
    -------
    numpy.ndarray, (..., line)
        Means over steps; between brain times similarity is interpolated linearly.
    """
    lower, share = _place(times, lines)
    total = np.zeros((*similarity.shape[:-2], len(lines)))
    for step in range(lines.shape[1]):
        row = similarity[..., step, :]
        total += row[..., lower[:, step]] * (1 - share[:, step])
        total += row[..., np.minimum(lower[:, step] + 1, len(times) - 1)] * share[:, step]
    return total / lines.shape[1]


def mean_of_path(similarity: np.ndarray, times: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Return the mean similarity along a path of its own for every matrix.

    Parameters
    ----------
    similarity : numpy.ndarray, (..., step, time)
        Similarities.
    times : numpy.ndarray, (time,)
        Brain times, increasing.
    path : numpy.ndarray, (..., step)
        Brain time of every step.

    Returns
    -------
    numpy.ndarray, (...)
        Means over steps; between brain times similarity is interpolated linearly.
    """
    lower, share = _place(times, path)
    upper = np.minimum(lower + 1, len(times) - 1)
    below, above = (np.take_along_axis(similarity, at[..., None], -1)[..., 0] for at in (lower, upper))
    return (below * (1 - share) + above * share).mean(-1)


def _place(times: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the brain time below each time, and the share of the way to the next."""
    if len(times) == 1:
        return np.zeros(at.shape, int), np.zeros(at.shape)
    lower = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    return lower, (at - times[lower]) / (times[lower + 1] - times[lower])
