"""Several RDMs at once: what one explains beyond others, and what they explain together."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from ventralrnn.analysis.arrays import A, to_kind, to_tensor
from ventralrnn.analysis.comparison.comparators import compare_prepared, measured_pairs, prepare
from ventralrnn.analysis.rdm.container import count_stimuli, pair_indices, pair_position
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

LINEAR_METHODS = ("cosine", "corr", "whitened", "whitened-corr")
_PARTIAL_METHODS = ("spearman", *LINEAR_METHODS)
# Below this share of its squared length, what is left of a unit row is rounding.
_NOTHING_LEFT = 1e-10
_FEWEST_TESTED = 3
_MOST_PARTS = 12


class Combination(NamedTuple):
    """A weighted sum of RDMs, tested on stimuli that its weights have not seen."""

    similarity: np.ndarray
    """(fold, k), of the sum with each target among the stimuli of a fold."""
    weights: np.ndarray
    """(fold, k, w), not negative, of each RDM, fitted to each target on the other stimuli."""


class VariancePartition(NamedTuple):
    """Shares of the variance of targets that several RDMs explain."""

    total: np.ndarray
    """(k,), explained by all together."""
    unique: np.ndarray
    """(w, k), explained by one and by no other."""
    parts: dict[tuple[int, ...], np.ndarray]
    """For every set of RDMs, by their positions, the share (k,) that is common to these and to no other."""


def partial_vectors(
    first: A, second: A, controls: A, method: str = "spearman", *, sigma_k: np.ndarray | Tensor | None = None
) -> A:
    """Compare every RDM of one set with every RDM of another, without what either shares with further RDMs.

    Parameters
    ----------
    first, second : numpy.ndarray or torch.Tensor, (m, pair) and (k, pair)
        As for :func:`~ventralrnn.analysis.comparison.compare_vectors`.
    controls : numpy.ndarray or torch.Tensor, (c, pair)
        RDMs to control for. Those that do not exist or are constant explain nothing.
    method : str
        ``'spearman'``, ``'corr'``, ``'cosine'``, ``'whitened'`` or ``'whitened-corr'``.
    sigma_k : array, (stimulus, stimulus) or (stimulus,), optional
        For the whitened methods.

    Returns
    -------
    numpy.ndarray or torch.Tensor of float64, (m, k)
        Similarity of the residuals after regression on the controls (of ranks for ``'spearman'``); NaN also for RDMs
        that the controls explain wholly.

    Raises
    ------
    AnalysisError
        As :func:`~ventralrnn.analysis.comparison.compare_vectors`, or if the method is another.
    """
    _check_method(method, _PARTIAL_METHODS)
    one, two, given = _prepared({"first": first, "second": second, "controls": controls}, method, sigma_k)
    basis = _basis(given[~given[:, :1].isnan().any(-1)])
    shared = [compare_prepared(rows, basis) for rows in (one, two)]
    left = [1 - part.square().sum(-1) for part in shared]
    lengths = [torch.where(rest > _NOTHING_LEFT, rest, torch.nan).sqrt() for rest in left]
    result = compare_prepared(one, two) - shared[0] @ shared[1].T
    return to_kind(result / torch.outer(*lengths), first)


@checked(AnalysisError)
def fit_weights(models: A, targets: A, method: str = "corr", *, sigma_k: np.ndarray | Tensor | None = None) -> A:
    """Find the non-negative weights of RDMs whose sum is most like each target.

    Parameters
    ----------
    models : numpy.ndarray or torch.Tensor, (w, pair)
        RDMs to add, such as those of areas or of feature maps.
    targets : numpy.ndarray or torch.Tensor, (k, pair)
        RDMs to be explained.
    method : str
        What to maximise: ``'corr'``, ``'cosine'``, ``'whitened'`` or ``'whitened-corr'``.
    sigma_k : array, (stimulus, stimulus) or (stimulus,), optional
        For the whitened methods.

    Returns
    -------
    numpy.ndarray or torch.Tensor of float64, (k, w)
        Weights of the RDMs as they were given, scaled to a sum of squares of one; zero throughout if every model is
        unlike the target. NaN for targets that do not exist or are constant. Models that do not exist have weight 0.

    Raises
    ------
    AnalysisError
        As :func:`~ventralrnn.analysis.comparison.compare_vectors`, or if the method is another.

    Notes
    -----
    The least-squares projection of a target onto the cone that the models span makes the smallest angle with it, so
    that non-negative least squares of prepared RDMs maximises the similarity itself ([1]_; the
    ``fit_regress_nn`` of rsatoolbox). It needs the products among models and with targets only.

    References
    ----------
    .. [1] Khaligh-Razavi, S.-M. & Kriegeskorte, N. (2014). Deep supervised, but not unsupervised, models may explain
       IT cortical representation. PLoS Computational Biology 10, e1003915.
    """
    _check_method(method, LINEAR_METHODS)
    rows, goals = _prepared({"models": models, "targets": targets}, method, sigma_k, unit=False)
    length = torch.linalg.vector_norm(rows, dim=-1)
    scale = torch.where(length > 0, length, torch.inf)
    rows = (rows / scale[:, None]).nan_to_num(nan=0)
    products = compare_prepared(rows, rows).cpu().numpy()
    wanted = compare_prepared(goals / torch.linalg.vector_norm(goals, dim=-1, keepdim=True), rows)
    weights = torch.from_numpy(_non_negative(products, wanted.cpu().numpy())).to(rows.device) / scale
    norm = torch.linalg.vector_norm(weights, dim=-1, keepdim=True)
    return to_kind(weights / torch.where(norm > 0, norm, 1), models)


@checked(AnalysisError)
def crossvalidate_weights(
    models: A,
    targets: A,
    method: str = "corr",
    *,
    folds: int = 5,
    seed: int = 0,
    sigma_k: np.ndarray | Tensor | None = None,
) -> Combination:
    """Test weighted sums of RDMs on other stimuli than their weights were fitted on.

    Parameters
    ----------
    models, targets, method, sigma_k
        As for :func:`fit_weights`.
    folds : int
        Groups into which the stimuli are divided at random; one after the other is tested: weights are fitted on pairs
        among the other stimuli, similarity is that of pairs within the group. Pairs of one stimulus of each are in
        neither.
    seed : int
        Of the division.

    Returns
    -------
    Combination
        ``similarity`` (fold, k) and ``weights`` (fold, k, w), numpy. The mean over folds is the crossvalidated
        similarity.

    Raises
    ------
    AnalysisError
        If a group would hold less than three stimuli, or as :func:`fit_weights`.
    """
    one, two = (to_tensor(v, n, ndim=2, finite=False) for v, n in ((models, "models"), (targets, "targets")))
    count = count_stimuli(one.shape[1])
    if folds < 2 or count // folds < _FEWEST_TESTED:
        raise AnalysisError(f"folds: {folds} of {count} stimuli; give at least 2, of at least {_FEWEST_TESTED} stimuli")
    covariance = None if sigma_k is None else np.asarray(to_tensor(sigma_k, "sigma_k").cpu())
    order = np.random.default_rng(seed).permutation(count)
    similarity, weights = [], []
    for fold in range(folds):
        tested = np.sort(order[fold::folds])
        seen = np.setdiff1d(order, tested)
        fitted = fit_weights(
            one[:, _pairs(seen, count)], two[:, _pairs(seen, count)], method, sigma_k=_among(covariance, seen)
        )
        rows, goals = _prepared(
            {"models": one[:, _pairs(tested, count)], "targets": two[:, _pairs(tested, count)]},
            method,
            _among(covariance, tested),
            unit=False,
        )
        summed = fitted @ rows.nan_to_num(nan=0)
        cosine = torch.nn.functional.cosine_similarity(summed, goals, dim=-1, eps=0)
        similarity.append(cosine.cpu().numpy())
        weights.append(fitted.cpu().numpy())
    return Combination(np.stack(similarity), np.stack(weights))


@checked(AnalysisError)
def partition_variance(
    models: A, targets: A, method: str = "corr", *, sigma_k: np.ndarray | Tensor | None = None
) -> VariancePartition:
    """Divide the explained variance of targets into what each RDM explains alone and what RDMs share.

    Parameters
    ----------
    models : numpy.ndarray or torch.Tensor, (w, pair)
        Up to twelve RDMs.
    targets : numpy.ndarray or torch.Tensor, (k, pair)
        RDMs to be explained.
    method : str
        ``'corr'``, ``'spearman'`` (of ranks), ``'cosine'``, ``'whitened'`` or ``'whitened-corr'``.
    sigma_k : array, (stimulus, stimulus) or (stimulus,), optional
        For the whitened methods.

    Returns
    -------
    VariancePartition
        Shares of the variance of each target, numpy; the parts sum to the total. Shared parts can be negative, where
        one RDM suppresses what disturbs another. NaN for targets that do not exist or are constant; models that do not
        exist explain nothing.

    Raises
    ------
    AnalysisError
        If there are more than twelve models, or as :func:`partial_vectors`.

    Notes
    -----
    Linear regression, without bounds on the weights, on every set of the models; the parts are the commonality
    coefficients of [1]_.

    References
    ----------
    .. [1] Nimon, K., Lewis, M., Kane, R. & Haynes, R. M. (2008). An R package to compute commonality coefficients in
       the multiple regression case. Behavior Research Methods 40, 457-466.
    """
    _check_method(method, _PARTIAL_METHODS)
    rows, goals = _prepared({"models": models, "targets": targets}, method, sigma_k)
    if len(rows) > _MOST_PARTS:
        raise AnalysisError(f"models: {len(rows)} RDMs have {2 ** len(rows) - 1} parts; give up to {_MOST_PARTS}")
    rows = rows.nan_to_num(nan=0)
    products = compare_prepared(rows, rows).cpu().numpy()
    wanted = compare_prepared(rows, goals).cpu().numpy()
    everyone = range(len(rows))
    sets = [chosen for size in range(len(rows) + 1) for chosen in combinations(everyone, size)]
    explained = {chosen: _explained(products, wanted, chosen) for chosen in sets}
    total = explained[tuple(everyone)]
    parts = {chosen: _common(explained, chosen, everyone) for chosen in sets[1:]}
    unique = np.stack([parts[i,] for i in everyone]) if len(rows) else np.zeros((0, len(goals)))
    return VariancePartition(total, unique, parts)


def _check_method(method: str, known: tuple[str, ...]) -> None:
    if method not in known:
        raise AnalysisError(f"method: {method!r} is none of {', '.join(known)}, which several RDMs can be put into")


def _prepared(
    vectors: dict[str, np.ndarray | Tensor], method: str, sigma_k: np.ndarray | Tensor | None, unit: bool = True
) -> list[Tensor]:
    """Prepare RDMs in float64, all for the same pairs: residuals can be small."""
    tensors = {name: to_tensor(v, name, ndim=2, finite=False).double() for name, v in vectors.items()}
    sizes = {t.shape[1] for t in tensors.values()}
    if len(sizes) > 1:
        raise AnalysisError(f"{', '.join(vectors)}: RDMs of {min(sizes)} and of {max(sizes)} pairs")
    masks = [measured_pairs(t, name) for name, t in tensors.items()]
    pairs = torch.stack(masks).all(0)
    return [prepare(t, method, sigma_k=sigma_k, pairs=pairs, unit=unit) for t in tensors.values()]


def _basis(rows: Tensor) -> Tensor:
    """Return orthonormal rows that span those of (row, column), which have unit length."""
    if not len(rows):
        return rows
    values, vectors = torch.linalg.eigh(compare_prepared(rows, rows))
    kept = values > _NOTHING_LEFT * values[-1]
    return (vectors[:, kept] / values[kept].sqrt()).T @ rows


def _non_negative(products: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Solve non-negative least squares, (k, w), from the products (w, w) among regressors and (k, w) with targets."""
    values, vectors = np.linalg.eigh(products)
    kept = values > _NOTHING_LEFT * max(values.max(initial=0), 1)
    root = np.sqrt(values[kept])
    design, goals = root[:, None] * vectors[:, kept].T, wanted @ vectors[:, kept] / root
    solved = [nnls(design, goal)[0] if np.isfinite(goal).all() else np.full(len(products), np.nan) for goal in goals]
    return np.array(solved).reshape(wanted.shape)


def _pairs(stimuli: np.ndarray, count: int) -> Tensor:
    first, second = pair_indices(len(stimuli))
    return torch.from_numpy(pair_position(stimuli[first], stimuli[second], count))


def _among(covariance: np.ndarray | None, stimuli: np.ndarray) -> np.ndarray | None:
    if covariance is None:
        return None
    return covariance[stimuli] if covariance.ndim == 1 else covariance[np.ix_(stimuli, stimuli)]


def _explained(products: np.ndarray, wanted: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    """Return the shares, (k,), of unit targets that a regression on some models explains."""
    index = np.array(chosen, int)
    inverse = np.linalg.pinv(products[np.ix_(index, index)], rcond=_NOTHING_LEFT, hermitian=True)
    part = wanted[index]
    return np.einsum("ik,ij,jk->k", part, inverse, part)


def _common(
    explained: dict[tuple[int, ...], np.ndarray], chosen: tuple[int, ...], everyone: Sequence[int]
) -> np.ndarray:
    others = set(everyone) - set(chosen)
    terms = [
        (-1) ** (size + 1) * explained[tuple(sorted(others | set(some)))]
        for size in range(len(chosen) + 1)
        for some in combinations(chosen, size)
    ]
    return np.sum(terms, axis=0)
