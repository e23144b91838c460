"""How well each picture's object is told from others, and when that is well enough."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm, spearmanr

_CAP = 5.0


def image_sensitivity(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return how well each picture's object is told from all others: d', the image-level vector I1 [1]_.

    Parameters
    ----------
    probabilities : numpy.ndarray, (..., stimulus, category)
        What a decoder answers.
    truth : numpy.ndarray of int, (stimulus,)
        The category of each picture.

    Returns
    -------
    numpy.ndarray of float64, (..., stimulus)
        Mean over the other categories of ``z(hit) - z(false alarm)``, at most 5 either way; NaN where none is known.

    Notes
    -----
    Against a distractor, the picture's object is hit with the probability ``p_object / (p_object + p_distractor)``.
    The false alarms are those of all pictures of the distractor, taken together.

    References
    ----------
    .. [1] Rajalingham, Issa, Bashivan, Kar, Schmidt & DiCarlo 2018, Large-scale, high-resolution comparison of the core
       visual object recognition behavior of humans, monkeys, and state-of-the-art deep artificial neural networks,
       Journal of Neuroscience 38:7255.
    """
    values = np.asarray(probabilities, np.float64)
    categories = values.shape[-1]
    own = np.take_along_axis(values, np.broadcast_to(truth[:, None], (*values.shape[:-1], 1)), -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        wrong = values / (values + own)
    itself = truth[:, None] == np.arange(categories)
    wrong = np.where(itself, np.nan, wrong)
    alarms = np.full((*values.shape[:-2], categories, categories), np.nan)
    for category in range(categories):
        members = wrong[..., truth == category, :]
        if members.shape[-2]:
            alarms[..., category, :] = mean_of_known(members, -2)
    # (..., stimulus, distractor): pictures of the distractor that were taken for the stimulus' object.
    alarm = np.swapaxes(alarms, -1, -2)[..., truth, :]
    with np.errstate(invalid="ignore"):
        found = np.clip(norm.ppf(1 - wrong) - norm.ppf(alarm), -_CAP, _CAP)
    return mean_of_known(found, -1)


def crossing_times(sensitivity: np.ndarray, thresholds: np.ndarray, times: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return when sensitivities first reach their thresholds.

    Parameters
    ----------
    sensitivity : numpy.ndarray, (time, stimulus)
        NaN counts as not reached.
    thresholds : numpy.ndarray, (stimulus,)
        For every stimulus.
    times : sequence of float, (time,)
        In ms, ascending.

    Returns
    -------
    numpy.ndarray of float64, (stimulus,)
        In ms: on the straight line from the highest sensitivity before to the first that reaches the threshold; the
        first time where it is reached from the start; NaN where it never is.
    """
    at = np.asarray(times, np.float64)
    with np.errstate(invalid="ignore"):
        reached = sensitivity >= thresholds
    hit = reached.argmax(0)
    before = np.where(np.arange(len(at))[:, None] < hit, sensitivity, -np.inf)
    before = np.where(np.isnan(before), -np.inf, before)
    last = before.argmax(0)
    columns = np.arange(sensitivity.shape[1])
    low, high = before[last, columns], sensitivity[hit, columns]
    between = np.isfinite(low)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(between, (thresholds - low) / (high - low), 1)
    found = np.where(between, at[last] + share * (at[hit] - at[last]), at[hit])
    return np.where(reached.any(0), found, np.nan)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation over what both have; NaN if that is less than two, or does not vary."""
    both = np.isfinite(first) & np.isfinite(second)
    a, b = first[both], second[both]
    if len(a) < 2 or (a == a[0]).all() or (b == b[0]).all():
        return float("nan")
    return float(spearmanr(a, b)[0])


def mean_of_known(values: np.ndarray, axis: int) -> np.ndarray:
    """Return means over what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    count = there.sum(axis)
    return np.where(count > 0, np.where(there, values, 0).sum(axis) / np.maximum(count, 1), np.nan)
