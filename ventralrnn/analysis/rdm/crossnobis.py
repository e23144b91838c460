"""Crossvalidated dissimilarities: unbiased by noise that differs between repeats."""

from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import to_kind, to_tensor
from ventralrnn.analysis.rdm.noise import as_noise
from ventralrnn.analysis.rdm.patterns import upper
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

A = TypeVar("A", np.ndarray, Tensor)


def compute_crossnobis(features: A, noise: Any = None) -> A:
    """Compute crossnobis dissimilarities: squared Mahalanobis distances without the bias of noise.

    Parameters
    ----------
    features : numpy.ndarray or torch.Tensor, (..., run, stimulus, feature)
        Patterns of every run or repeat; dimensions before are states, such as time points. A stimulus that a run lacks
        is NaN throughout there, a state that does not exist is NaN throughout.
    noise : Noise or array (feature, feature), optional
        What :func:`estimate_noise` returns, or a precision matrix. Without, the distance is the crossvalidated squared
        Euclidean one.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (..., pair)
        Upper triangles, row by row. Not divided by the number of features (rsatoolbox divides). May be negative; its
        expectation is zero for stimuli that do not differ. NaN where a stimulus has fewer than two runs.

    Raises
    ------
    AnalysisError
        If there are fewer than two runs or stimuli, or a pattern is NaN in part.

    Notes
    -----
    The mean over all ordered pairs of different runs of ``(x_i - x_j)_run . (x_i - x_j)_other``, as in Walther et al.
    [1]_; with leave-one-run-out means it is the same number. It comes from sums of products: those of the runs' sum
    with itself, less those of each run with itself. Where runs are missing, the scalar product of two stimuli is the
    mean over the pairs of different runs in which the one and the other are there; patterns are measured from their
    mean over all runs and stimuli.

    References
    ----------
    .. [1] Walther, Nili, Ejaz, Alink, Kriegeskorte & Diedrichsen (2016). Reliability of dissimilarity measures for
       multi-voxel pattern analysis. NeuroImage 137, 188-200.
    """
    values = _runs(features)
    states = values.reshape(-1, *values.shape[-3:])
    whiten = None if noise is None else as_noise(noise).whiten
    kernels = [_kernel(state if whiten is None else whiten(state)) for state in states]
    result = torch.stack([from_kernel(kernel) for kernel in kernels])
    return to_kind(result.reshape(*values.shape[:-3], -1), features)


def _runs(features: Any) -> Tensor:
    values = to_tensor(features, "features", finite=False)
    if values.ndim < 3:
        raise AnalysisError(f"features: give (..., run, stimulus, feature), not shape {tuple(values.shape)}")
    runs, stimuli = values.shape[-3:-1]
    if runs < 2 or stimuli < 2:
        raise AnalysisError(
            f"features: {runs} runs of {stimuli} stimuli: a crossvalidated distance needs at least two of both"
        )
    check_runs(values)
    return values


def check_runs(values: Tensor) -> None:
    """Refuse patterns (..., run, stimulus, feature) that are not finite in part; sums tell which to look at."""
    for index in (~values.sum(-1).isfinite()).nonzero().tolist():
        pattern = values[tuple(index)]
        if not bool(pattern.isfinite().all()) and not bool(pattern.isnan().all()):
            raise AnalysisError(
                f"features: stimulus {index[-1]} of run {index[-2]} holds NaN or infinity in some features: leave "
                "these features out, or make the whole pattern NaN"
            )


def _kernel(state: Tensor) -> Tensor:
    """Return the mean scalar product over different runs of every two stimuli, (stimulus, stimulus)."""
    if bool(state[:, :, 0].isnan().all()):
        return state.new_full((state.shape[1],) * 2, torch.nan)
    patterns, there = centre_runs(state)
    return divide_by_pairs(product_of_runs(patterns), there)


def centre_runs(state: Tensor) -> tuple[Tensor, Tensor]:
    """Return patterns (run, stimulus, feature) less their mean, 0 where they are missing, and where they are not."""
    there = ~state[:, :, 0].isnan()
    if bool(there.all()):
        return state - state.mean((0, 1)), there
    return (state - torch.nanmean(state.flatten(0, 1), 0)).nan_to_num_(0), there


def product_of_runs(patterns: Tensor) -> Tensor:
    """Return scalar products of stimuli summed over pairs of different runs, (stimulus, stimulus)."""
    total = patterns.sum(0)
    products = total @ total.mT
    for run in patterns:
        products.addmm_(run, run.mT, alpha=-1)
    return products


def divide_by_pairs(products: Tensor, there: Tensor) -> Tensor:
    """Return means from sums over pairs of different runs; NaN where there is no pair."""
    counts = there.to(products.dtype)
    of_each = counts.sum(0)
    pairs = torch.outer(of_each, of_each) - counts.mT @ counts
    return products / torch.where(pairs > 0, pairs, torch.nan)


def from_kernel(kernel: Tensor) -> Tensor:
    """Return squared distances of all pairs, (pair,), from scalar products that may differ with their order."""
    own = kernel.diagonal()
    return upper(own[:, None] + own - kernel - kernel.mT)


@checked(AnalysisError)
def compute_poisson(
    features: A, *, crossvalidated: bool = False, prior_rate: float = 1.0, prior_weight: float = 0.1
) -> A:
    """Compute symmetrised Kullback-Leibler divergences between Poisson rates.

    Parameters
    ----------
    features : numpy.ndarray or torch.Tensor, (..., stimulus, feature) or (..., run, stimulus, feature)
        Rates or counts, 0 or more; with runs where `crossvalidated`.
    crossvalidated : bool
        Take the difference of rates from all other runs and that of their logarithms from one run, and average over
        runs: unbiased by differences that are only noise, as far as the logarithm allows.
    prior_rate, prior_weight : float
        Rates become ``(rate + prior_rate * prior_weight) / (1 + prior_weight)``, which keeps logarithms finite.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (..., pair)
        ``sum over features of (rate_i - rate_j) (log rate_i - log rate_j)``, upper triangles. Not divided by the number
        of features (rsatoolbox divides). NaN throughout for a state that is.

    Raises
    ------
    AnalysisError
        If a rate is negative or not finite, or there are too few stimuli or runs.

    Notes
    -----
    As in rsatoolbox 0.3.2 times the number of features; its ``poisson_cv`` returns the last fold, this the mean over
    all folds [1]_.

    References
    ----------
    .. [1] Schutt, Kipnis, Diedrichsen & Kriegeskorte (2023). Statistical inference on representational geometries.
       eLife 12, e82566.
    """
    if prior_weight < 0 or prior_rate < 0 or prior_weight * prior_rate == 0:
        raise AnalysisError("prior_rate, prior_weight: give numbers above 0")
    if crossvalidated:
        values = _runs(features)
    else:
        values = to_tensor(features, "features", finite=False)
        if values.ndim < 2 or values.shape[-2] < 2:
            raise AnalysisError(f"features: give (..., stimulus, feature) of two or more, not {tuple(values.shape)}")
    core = 3 if crossvalidated else 2
    states = values.reshape(-1, *values.shape[-core:])
    kernels = []
    for state in states:
        check_rates(state)
        kernels.append(poisson_kernel(state, crossvalidated, prior_rate, prior_weight))
    result = torch.stack([from_kernel(kernel) for kernel in kernels])
    return to_kind(result.reshape(*values.shape[:-core], -1), features)


def check_rates(state: Tensor) -> None:
    """Refuse what are no rates; a state may be NaN throughout."""
    if not bool((state >= 0).all()) and not bool(state.isnan().all()):
        raise AnalysisError("features: Poisson rates are 0 or more and not NaN: baselines must not be subtracted")
    if bool(state.isinf().any()):
        raise AnalysisError("features: holds infinity")


def poisson_kernel(state: Tensor, crossvalidated: bool, prior_rate: float = 1.0, prior_weight: float = 0.1) -> Tensor:
    """Return what :func:`from_kernel` makes divergences of, (stimulus, stimulus); it adds up over features."""

    def rates(raw: Tensor) -> Tensor:
        return (raw + prior_rate * prior_weight) / (1 + prior_weight)

    if crossvalidated:
        others = (state.sum(0) - state) / (len(state) - 1)
        left, right = rates(others), rates(state).log()
        left, right = (side - side.mean(1, keepdim=True) for side in (left, right))
        return left.transpose(0, 1).flatten(1) @ right.transpose(0, 1).flatten(1).mT / len(state)
    left, right = rates(state), rates(state).log()
    return (left - left.mean(0)) @ (right - right.mean(0)).mT
