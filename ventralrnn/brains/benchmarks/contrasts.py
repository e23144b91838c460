"""Whether models differ: their scores on the same samples of stimuli, subjects, neurons or units."""

from collections.abc import Sequence

import numpy as np

from ventralrnn.analysis.inference.intervals import sample_variance, t_interval, t_p_values
from ventralrnn.analysis.inference.pairs import Contrasts, arrange, model_pairs

# So many values of samples x pictures are held at a time.
_BLOCK_VALUES = 1 << 22


def contrast_samples(scores: Sequence[float] | np.ndarray, samples: np.ndarray, number: int, level: float) -> Contrasts:
    """Compare scores by what they are in the same samples.

    Parameters
    ----------
    scores : array-like, (model,)
        In the data.
    samples : numpy.ndarray, (model, sample)
        In samples with replacement, which are the same for all models.
    number : int
        Of what there was to draw from.
    level : float
        Of intervals.

    Returns
    -------
    Contrasts
        From the variance of the differences over samples and Student's t, whose degrees of freedom are `number` or the
        number of samples, whichever is smaller, minus 1.
    """
    given = np.asarray(scores, float)
    first, second = model_pairs(len(given)).T
    difference = given[first] - given[second]
    variance = sample_variance((samples[first] - samples[second]).T, number)
    dof = min(number, samples.shape[1]) - 1
    low, high = t_interval(difference, variance, dof, level)
    return arrange(len(given), difference, low, high, t_p_values(difference, variance, dof))


def draw_indices(number: int, samples: int, seed: int) -> np.ndarray:
    """Return what is in each sample, (sample, number)."""
    return np.random.default_rng(seed).integers(number, size=(samples, number))


def rank_correlation_samples(values: np.ndarray, target: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Return Spearman's correlations with a target, in samples of what both were measured for.

    Parameters
    ----------
    values : numpy.ndarray, (model, stimulus)
        Of every model.
    target : numpy.ndarray, (stimulus,)
        What they are correlated with.
    samples : int
        Number of samples.
    seed : int
        Of the draws.

    Returns
    -------
    numpy.ndarray, (model, sample)
        What is drawn is ranked anew in every sample, as a bootstrap that copies stimuli would rank it.
    """
    number = len(target)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK_VALUES // number)
    found = []
    for start in range(0, samples, block):
        size = min(block, samples - start)
        drawn = rng.integers(number, size=(size, number))
        often = np.array([np.bincount(row, minlength=number) for row in drawn], float)
        theirs = _weighted_ranks(target, often)
        found.append(np.stack([_correlate(_weighted_ranks(row, often), theirs, often) for row in values]))
    return np.concatenate(found, -1)


def _weighted_ranks(values: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Return mean ranks, (sample, stimulus), of values of which some are there several times."""
    distinct, place = np.unique(values, return_inverse=True)
    place = place.ravel()
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(distinct)))
    count = np.add.reduceat(often[:, order], starts, axis=1)
    until = np.cumsum(count, 1)
    return np.asarray((until - (count - 1) / 2)[:, place])


def _correlate(first: np.ndarray, second: np.ndarray, often: np.ndarray) -> np.ndarray:
    total = often.sum(1, keepdims=True)
    one, two = (each - (often * each).sum(1, keepdims=True) / total for each in (first, second))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((often * one * two).sum(1) / np.sqrt((often * one**2).sum(1) * (often * two**2).sum(1)))
