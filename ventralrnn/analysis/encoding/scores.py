"""How well responses are predicted, and how well they could be."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import A, is_finite, to_kind, to_tensor
from ventralrnn.errors import AnalysisError


def correlate(predictions: A, responses: A) -> A:
    """Return Pearson correlations over stimuli.

    Parameters
    ----------
    predictions, responses : numpy.ndarray or torch.Tensor, (stimulus, ...)
        Of the same shape.

    Returns
    -------
    array of float64, (...)
        NaN where one of the two does not vary over stimuli.
    """
    first, second = to_tensor(predictions, "predictions").double(), to_tensor(responses, "responses").double()
    if first.shape != second.shape or len(first) < 2:
        raise AnalysisError(f"predictions {tuple(first.shape)} and responses {tuple(second.shape)} do not fit")
    return to_kind(_correlate(first, second), predictions)


def _correlate(first: Tensor, second: Tensor) -> Tensor:
    return (_unit(first) * _unit(second)).sum(0)


def _unit(values: Tensor) -> Tensor:
    """Return centred values of unit length over stimuli, NaN where all that they vary by is rounding."""
    shifted = values - values[:1]
    differences = shifted - shifted.mean(0)
    lengths = differences.norm(dim=0)
    floor = torch.finfo(values.dtype).eps * len(values) ** 0.5 * values.abs().amax(0)
    return differences / torch.where(lengths > floor, lengths, torch.nan)


def split_half(responses: A, splits: int = 10, *, seed: int = 0) -> A:
    """Return how mean responses to all stimuli correlate between halves of the repeats.

    Parameters
    ----------
    responses : numpy.ndarray or torch.Tensor, (stimulus, ..., repeat)
        NaN for a repeat that there is not; each stimulus has two or more.
    splits : int
        How often repeats are halved at random.
    seed : int
        Of the halves.

    Returns
    -------
    array of float64, (split, ...)
        Pearson correlations. NaN where responses do not vary, or do not exist.

    Raises
    ------
    AnalysisError
        If a stimulus has fewer than two repeats, or values are infinite.

    Notes
    -----
    Where all stimuli have all repeats, the halves are the same repeats for all. Where repeats are missing, each
    stimulus' own are halved; an odd one goes to the second half.
    """
    trials, there = _check_repeats(responses)
    halves = _halves(trials, splits, seed) if there is None else _halves_of_some(trials, there, splits, seed)
    return to_kind(torch.stack([_correlate(first, second) for first, second in halves]), responses)


def reliability(responses: A, splits: int = 10, *, seed: int = 0) -> A:
    """Return how much of the variance over stimuli of mean responses is not noise, from halves of the repeats.

    Parameters
    ----------
    responses : numpy.ndarray or torch.Tensor, (stimulus, ..., repeat)
        NaN for a repeat that there is not; each stimulus has two or more.
    splits : int
        How often repeats are halved at random.
    seed : int
        Of the halves.

    Returns
    -------
    array of float64, (...)
        Pearson correlation of the means of two halves (:func:`split_half`), extrapolated to all repeats by Spearman
        and Brown's formula, mean over splits. An estimate, which noise can make negative; NaN where responses do not
        vary, or do not exist.

    Raises
    ------
    AnalysisError
        If a stimulus has fewer than two repeats, or values are infinite.

    Notes
    -----
    Brain-Score's ``internal_consistency`` has these values for each neuroid with ``seed=1``, where no repeats are
    missing; its ceiling is the mean over splits of their median over neuroids.

    References
    ----------
    Schoppe et al., Measuring the performance of neural models, Frontiers in Computational Neuroscience 10 (2016).
    """
    return extrapolate(split_half(responses, splits, seed=seed)).mean(0)


def extrapolate(halves: A) -> A:
    """Return what correlations between halves of the repeats would be between all of them and as many more.

    Parameters
    ----------
    halves : numpy.ndarray or torch.Tensor, (...)
        Correlations, as :func:`split_half` returns.

    Returns
    -------
    array, (...)
        By Spearman and Brown's formula.
    """
    return 2 * halves / (1 + halves)


def explainable_variance(responses: A) -> A:
    """Return the share of a single trial's variance over stimuli that the stimulus explains.

    Parameters
    ----------
    responses : numpy.ndarray or torch.Tensor, (stimulus, ..., repeat)
        NaN for a repeat that there is not; each stimulus has two or more.

    Returns
    -------
    array of float64, (...)
        Unbiased signal variance divided by it plus the noise's. NaN where responses do not vary, or do not exist.

    Raises
    ------
    AnalysisError
        If a stimulus has fewer than two repeats, or values are infinite.

    Notes
    -----
    Where stimuli have different numbers of repeats, the noise is pooled over all of them.

    References
    ----------
    Sahani & Linden, How linear are auditory cortical responses?, NIPS 15 (2002), eq. 1.
    """
    trials, there = _check_repeats(responses)
    if there is None:
        counts = torch.full(trials.shape[:-1], float(trials.shape[-1]), dtype=torch.float64, device=trials.device)
        means = trials.mean(-1)
        squares = (trials - means[..., None]).square().sum(-1)
    else:
        counts = there.sum(-1).double()
        means = torch.nanmean(trials, -1)
        squares = (trials - means[..., None]).square().nansum(-1)
    noise = squares.sum(0) / (counts - 1).sum(0)
    signal = means.var(0, unbiased=True) - noise * (1 / counts).mean(0)
    total = signal + noise
    return to_kind(signal / torch.where(total > 0, total, torch.nan), responses)


def correct_for_noise(scores: A, reliabilities: A) -> A:
    """Return the correlations that predictions would have with responses without noise.

    Parameters
    ----------
    scores : numpy.ndarray or torch.Tensor, (...)
        Correlations of predictions with mean responses.
    reliabilities : numpy.ndarray or torch.Tensor, (...)
        Of these means, as :func:`reliability` returns; broadcast against `scores`.

    Returns
    -------
    array of float64, (...)
        The score divided by the square root of the reliability. Noise can carry it beyond 1. NaN where the
        reliability is not positive: nothing is known there.
    """
    ratios = to_tensor(scores, "scores", finite=False).double()
    known = to_tensor(reliabilities, "reliabilities", finite=False).double()
    return to_kind(ratios / torch.where(known > 0, known, torch.nan).sqrt(), scores)


def _check_repeats(responses: A) -> tuple[Tensor, Tensor | None]:
    """Return all trials, and which of them there are, or None where all are."""
    trials = to_tensor(responses, "responses", finite=False).double()
    if trials.ndim < 2 or trials.shape[-1] < 2 or len(trials) < 2:
        raise AnalysisError(
            f"responses: give at least two stimuli and, as the last dimension, two repeats, not {tuple(trials.shape)}"
        )
    if is_finite(trials):
        return trials, None
    if bool(trials.isinf().any()):
        raise AnalysisError("responses: hold infinity; leave these stimuli or neuroids out")
    there = ~trials.isnan()
    counts = there.sum(-1)
    # What is NaN for all stimuli is a state that does not exist.
    few = (counts < 2) & (counts > 0).any(0)
    if bool(few.any()):
        stimulus = int(few.nonzero()[0, 0])
        raise AnalysisError(
            f"responses: stimulus {stimulus} has {int(counts[stimulus][few[stimulus]].min())} repeats and NaN for the "
            "others, and two are needed; leave it out"
        )
    return trials, there


def _halves(trials: Tensor, splits: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield means (stimulus, ...) of two halves of the repeats, the same repeats for all stimuli."""
    from sklearn.model_selection import ShuffleSplit

    for halves in ShuffleSplit(splits, train_size=0.5, random_state=seed).split(np.zeros(trials.shape[-1])):
        first, second = (trials[..., torch.as_tensor(half, device=trials.device)].mean(-1) for half in halves)
        yield first, second


def _halves_of_some(trials: Tensor, there: Tensor, splits: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield means (stimulus, ...) of two halves of the repeats that each stimulus has."""
    rng = np.random.default_rng(seed)
    stimuli, repeats = trials.shape[0], trials.shape[-1]
    between = [1] * (trials.ndim - 2)
    # Mostly a repeat is there for all neuroids and times or for none of them, and is drawn once for all.
    one = there.reshape(stimuli, -1, repeats)[:, :1]
    if bool((there.reshape(stimuli, -1, repeats) == one).all()):
        there = one.reshape(stimuli, *between, repeats)
    half = there.sum(-1, keepdim=True) // 2
    for _ in range(splits):
        drawn = torch.from_numpy(rng.random((stimuli, *between, repeats))).to(trials.device)
        rank = torch.where(there, drawn, torch.inf).argsort(-1).argsort(-1)
        first = there & (rank < half)
        yield _mean_of(trials, first), _mean_of(trials, there & ~first)


def _mean_of(trials: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(chosen, trials, 0).sum(-1) / chosen.sum(-1)
