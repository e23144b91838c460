"""How well responses are predicted, and how well they could be."""

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import A, to_kind, to_tensor
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
    return to_kind((_unit(first) * _unit(second)).sum(0), predictions)


def _unit(values: Tensor) -> Tensor:
    """Return centred values of unit length over stimuli, NaN where all that they vary by is rounding."""
    shifted = values - values[:1]
    differences = shifted - shifted.mean(0)
    lengths = differences.norm(dim=0)
    floor = torch.finfo(values.dtype).eps * len(values) ** 0.5 * values.abs().amax(0)
    return differences / torch.where(lengths > floor, lengths, torch.nan)


def reliability(responses: A, splits: int = 10, *, seed: int = 0) -> A:
    """Return how much of the variance over stimuli of mean responses is not noise, from halves of the repeats.

    Parameters
    ----------
    responses : numpy.ndarray or torch.Tensor, (stimulus, ..., repeat)
        All repeats of all stimuli.
    splits : int
        How often repeats are halved at random.
    seed : int
        Of the halves.

    Returns
    -------
    array of float64, (...)
        Pearson correlation of the means of two halves, extrapolated to all repeats by Spearman and Brown's formula,
        mean over splits. An estimate, which noise can make negative; NaN where responses do not vary.

    Raises
    ------
    AnalysisError
        If there are fewer than two repeats, or values are NaN.

    Notes
    -----
    Brain-Score's ``internal_consistency`` has these values for each neuroid with ``seed=1``; its ceiling is the mean
    over splits of their median over neuroids.

    References
    ----------
    Schoppe et al., Measuring the performance of neural models, Frontiers in Computational Neuroscience 10 (2016).
    """
    from sklearn.model_selection import ShuffleSplit

    trials = _check_repeats(responses)
    halves = ShuffleSplit(splits, train_size=0.5, random_state=seed).split(np.zeros(trials.shape[-1]))
    found = []
    for first, second in halves:
        r = correlate(*(trials[..., torch.as_tensor(half, device=trials.device)].mean(-1) for half in (first, second)))
        found.append(2 * r / (1 + r))
    return to_kind(torch.stack(found).mean(0), responses)


def explainable_variance(responses: A) -> A:
    """Return the share of a single trial's variance over stimuli that the stimulus explains.

    Parameters
    ----------
    responses : numpy.ndarray or torch.Tensor, (stimulus, ..., repeat)
        All repeats of all stimuli.

    Returns
    -------
    array of float64, (...)
        Unbiased signal variance divided by it plus the noise's. NaN where responses do not vary.

    Raises
    ------
    AnalysisError
        If there are fewer than two repeats, or values are NaN.

    References
    ----------
    Sahani & Linden, How linear are auditory cortical responses?, NIPS 15 (2002), eq. 1.
    """
    trials = _check_repeats(responses)
    repeats = trials.shape[-1]
    noise = trials.var(-1, unbiased=True).mean(0)
    signal = trials.mean(-1).var(0, unbiased=True) - noise / repeats
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


def _check_repeats(responses: A) -> Tensor:
    trials = to_tensor(responses, "responses").double()
    if trials.ndim < 2 or trials.shape[-1] < 2 or len(trials) < 2:
        raise AnalysisError(
            f"responses: give at least two stimuli and, as the last dimension, two repeats, not {tuple(trials.shape)}"
        )
    return trials
