"""Categories of stimuli: numbers for them, folds that hold all of them, shuffles, and balanced accuracies."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from ventralrnn.analysis.encoding.crossvalidation import Folds, check_folds
from ventralrnn.analysis.reading import check_labels
from ventralrnn.errors import AnalysisError


def number_categories(labels: Sequence[object] | np.ndarray, stimuli: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the different labels, sorted, and which of them each stimulus has.

    Parameters
    ----------
    labels : sequence, (stimulus,)
        One for each stimulus.
    stimuli : int
        Number of stimuli.

    Returns
    -------
    tuple of numpy.ndarray, (category,) and (stimulus,)
        Labels, and their numbers.

    Raises
    ------
    AnalysisError
        If there is not one label for each, one is None or NaN, or there is but one category.
    """
    check_labels(labels)
    values = np.asarray(labels)
    if values.shape != (stimuli,):
        raise AnalysisError(f"labels: give one for each of {stimuli} stimuli, not shape {values.shape}")
    names, codes = np.unique(values.astype(str) if values.dtype == object else values, return_inverse=True)
    if len(names) < 2:
        raise AnalysisError(f"labels: all stimuli are of the same category, {str(names[0])!r}")
    return names, codes.ravel()


def stratified_folds(folds: int | Folds, names: np.ndarray, codes: np.ndarray, seed: int) -> Folds:
    """Return splits whose parts hold stimuli of every category."""
    counts = np.bincount(codes)
    if isinstance(folds, int | np.integer) and counts.min() < folds:
        rare = names[counts.argmin()]
        raise AnalysisError(
            f"labels: category {str(rare)!r} has {counts.min()} stimuli, too few for {folds} folds; take fewer folds "
            "or leave it out"
        )
    splits = check_folds(folds, len(codes), seed, codes)
    for train, _ in splits:
        missing = np.flatnonzero(np.bincount(codes[train], minlength=len(names)) == 0)
        if len(missing):
            raise AnalysisError(f"folds: no training stimulus is of category {str(names[missing[0]])!r}")
    tested = np.unique(np.concatenate([test for _, test in splits]))
    untested = np.flatnonzero(np.bincount(codes[tested], minlength=len(names)) == 0)
    if len(untested):
        raise AnalysisError(f"folds: no test stimulus is of category {str(names[untested[0]])!r}")
    return splits


def shuffle(codes: np.ndarray, splits: Folds, rng: np.random.Generator) -> np.ndarray:
    """Return categories shuffled, where every stimulus is tested once within each fold, so that all stay stratified."""
    tested = np.concatenate([test for _, test in splits])
    if len(np.unique(tested)) == len(tested) == len(codes):
        shuffled = codes.copy()
        for _, test in splits:
            shuffled[test] = rng.permutation(codes[test])
        return shuffled
    return rng.permutation(codes)


def balanced(shares: np.ndarray, codes: np.ndarray) -> float:
    """Return the mean over categories of the shares of their stimuli that are decoded, (stimulus,)."""
    return float(np.mean([np.nanmean(shares[codes == code]) for code in range(codes.max() + 1)]))


def balanced_interval(
    correct: np.ndarray, codes: np.ndarray, confidence: float, samples: int, seed: int
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return balanced accuracies of states (..., stimulus) and the ends of their intervals, none without samples.

    An end is that of the bootstrap over stimuli or of Wilson's interval, whichever is farther out: where all stimuli
    are right, or all wrong, all samples are the same, and where nearly all are, samples are too much alike.
    """
    if not 0 < confidence < 1:
        raise AnalysisError(f"confidence: give a share between 0 and 1, not {confidence}")
    rng = np.random.default_rng(seed)
    flat = correct.reshape(-1, len(codes))
    # Stimuli that no split tests count for nothing.
    tested = ~np.isnan(flat).all(0) if not np.isnan(flat).all() else np.ones(len(codes), bool)
    values = np.zeros((len(flat), samples + 1))
    for code in range(codes.max() + 1):
        member = np.flatnonzero((codes == code) & tested)
        drawn = rng.multinomial(len(member), np.full(len(member), 1 / len(member)), samples)
        # Whole numbers, so that equal accuracies are equal to the last digit.
        values += flat[:, member] @ np.concatenate([np.ones((1, len(member))), drawn]).T / len(member)
    values /= codes.max() + 1
    tail = 100 * (1 - confidence) / 2
    shape = correct.shape[:-1]
    if not samples:
        return values[:, 0].reshape(shape), ()
    low, high = np.percentile(values[:, 1:], [tail, 100 - tail], axis=1)
    counts = np.bincount(codes[tested])
    # A mean over categories is as sure as a share of so many stimuli; all there are, where categories are equal.
    low_score, high_score = wilson_interval(values[:, 0], len(counts) ** 2 / (1 / counts).sum(), confidence)
    ends = np.minimum(low, low_score), np.maximum(high, high_score)
    return values[:, 0].reshape(shape), tuple(end.reshape(shape) for end in ends)


def wilson_interval(share: np.ndarray, count: float, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the score interval of shares of so many.

    Parameters
    ----------
    share : numpy.ndarray
        Shares, 0 to 1; NaN gives NaN.
    count : float
        Of what they are shares.
    confidence : float
        Of the interval.

    Returns
    -------
    tuple of numpy.ndarray
        Ends, which lie apart also where the share is 0 or 1 [1]_.

    References
    ----------
    .. [1] Wilson, Probable inference, the law of succession, and statistical inference, Journal of the American
       Statistical Association 22 (1927).
    """
    part = norm.isf((1 - confidence) / 2) ** 2 / count
    inside = np.clip(share, 0, 1)
    middle = inside + part / 2
    half = np.sqrt(part * (inside * (1 - inside) + part / 4))
    return np.clip((middle - half) / (1 + part), 0, 1), np.clip((middle + half) / (1 + part), 0, 1)
