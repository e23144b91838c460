"""How alike two RDMs are: each RDM is prepared once, and most comparisons are then one matrix product."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import A, to_kind, to_tensor
from ventralrnn.analysis.comparison.kendall import concordance, tied_pairs
from ventralrnn.analysis.comparison.ranks import mean_ranks
from ventralrnn.analysis.comparison.whitening import whiten_pairs
from ventralrnn.errors import AnalysisError

PRODUCT_METHODS = ("spearman", "rho-a", "cosine", "corr", "whitened", "whitened-corr")
METHODS = (*PRODUCT_METHODS, "kendall", "tau-b")

# Values prepared at a time, and columns of prepared rows multiplied at a time, both in float64.
_BLOCK_VALUES = 1 << 20
_BLOCK_PAIRS = 1 << 14


def compare_vectors(first: A, second: A, method: str = "spearman", *, sigma_k: np.ndarray | Tensor | None = None) -> A:
    """Compare every RDM of one set with every RDM of another.

    Parameters
    ----------
    first : numpy.ndarray or torch.Tensor, (m, pair)
        Upper triangles of RDMs, such as those of all states of a model.
    second : numpy.ndarray or torch.Tensor, (k, pair)
        The same pairs of stimuli, such as those of all subjects, areas and times of a brain.
    method : str
        ``'spearman'``, rank correlation with mean ranks for ties; ``'rho-a'``, its expectation when ties are broken at
        random; ``'corr'``, Pearson correlation; ``'cosine'``; ``'whitened'`` and ``'whitened-corr'``, cosine and
        correlation of dissimilarities whitened by the covariance that noise gives them; ``'kendall'``, Kendall's
        tau-a, in which ties are neither concordant nor discordant; ``'tau-b'``, which leaves ties out of its scale.
    sigma_k : array, (stimulus, stimulus) or (stimulus,), optional
        Covariance, or variances, of the noise of the stimuli's patterns, for the whitened methods. Without, the
        identity.

    Returns
    -------
    numpy.ndarray or torch.Tensor of float64, (m, k)
        Similarities; NaN for a row that is NaN throughout (a state that does not exist) and where the method is
        undefined: constant rows, for the cosines rows of zeros.

    Raises
    ------
    AnalysisError
        If the method is unknown, the numbers of pairs differ, values are infinite, or a pair is NaN in some RDMs of a
        set but not in all.

    Notes
    -----
    Pairs that are NaN in all existing RDMs of one of the sets were never measured there: they are left out of all
    RDMs of both sets. A pair that is missing in some RDMs only would make similarities rest on different pairs, and
    is refused.

    ``spearman`` and ``corr`` are centred and scaled to unit length, so that one product of matrices compares all;
    ``rho-a`` is the closed form of Schütt et al. 2023 [1]_, ``whitened`` that of Diedrichsen et al. 2021 [2]_ (the
    ``cosine_cov`` and ``corr_cov`` of rsatoolbox), see :func:`~ventralrnn.analysis.comparison.whitening.whiten_pairs`.
    float32 RDMs are ranked, centred and multiplied in float64 and kept in float32 in between.

    References
    ----------
    .. [1] Schütt, H. H., Kipnis, A. D., Diedrichsen, J. & Kriegeskorte, N. (2023). Statistical inference on
       representational geometries. eLife 12, e82566.
    .. [2] Diedrichsen, J., Berlot, E., Mur, M., Schütt, H. H., Shahbazi, M. & Kriegeskorte, N. (2021). Comparing
       representational geometries using whitened unbiased-distance-matrix similarity. Neurons, Behavior, Data
       analysis, and Theory 5(3).
    """
    one, two = (to_tensor(v, n, ndim=2, finite=False) for v, n in ((first, "first"), (second, "second")))
    if one.shape[1] != two.shape[1]:
        raise AnalysisError(f"RDMs of {one.shape[1]} and of {two.shape[1]} pairs cannot be compared")
    _check_method(method, METHODS)
    pairs = measured_pairs(one, "first") & measured_pairs(two, "second")
    if method not in PRODUCT_METHODS:
        return to_kind(_kendall(one[:, pairs], two[:, pairs], method), first)
    rows = [prepare(v, method, sigma_k=sigma_k, pairs=pairs) for v in (one, two)]
    return to_kind(compare_prepared(*rows), first)


def prepare(
    vectors: A,
    method: str = "spearman",
    *,
    sigma_k: np.ndarray | Tensor | None = None,
    pairs: np.ndarray | Tensor | None = None,
    unit: bool = True,
) -> A:
    """Transform RDMs so that the inner product of two of them is their similarity.

    Parameters
    ----------
    vectors : numpy.ndarray or torch.Tensor, (m, pair)
        Upper triangles of RDMs.
    method : str
        One of ``PRODUCT_METHODS``, see :func:`compare_vectors`.
    sigma_k : array, (stimulus, stimulus) or (stimulus,), optional
        For the whitened methods.
    pairs : array of bool, (pair,), optional
        Pairs to use, the same for both sides of a comparison. Without, those that :func:`measured_pairs` finds.
    unit : bool
        Scale rows to unit length. Without, the rows of all methods but the rank correlations are linear in the
        dissimilarities, as a weighted sum of RDMs needs.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (m, pair used)
        float32 for float32, else float64. Rows of states that do not exist are NaN throughout; scaled rows also where
        the similarity is undefined. For the whitened methods there are as many columns as `vectors` has, but they are
        no longer single pairs.

    Raises
    ------
    AnalysisError
        As :func:`compare_vectors`.
    """
    _check_method(method, PRODUCT_METHODS)
    tensor = to_tensor(vectors, "vectors", ndim=2, finite=False)
    used = measured_pairs(tensor, "vectors") if pairs is None else torch.as_tensor(pairs, device=tensor.device)
    exists = ~tensor[:, used].isnan().all(-1) if not _rows_finite(tensor).all() else None
    covariance = _covariance(sigma_k, tensor) if method in ("whitened", "whitened-corr") else None
    kept = tensor if bool(used.all()) else tensor[:, used]
    if method in _RANKED:
        rows = mean_ranks(kept)
    else:
        width = tensor.shape[1] if method.startswith("whitened") else kept.shape[1]
        rows = torch.empty(len(kept), width, dtype=tensor.dtype, device=tensor.device)
    step = max(1, _BLOCK_VALUES // max(rows.shape[1], 1))
    for start in range(0, len(kept), step):
        block = slice(start, start + step)
        if method in _RANKED:
            _centre_ranks(rows[block], kept[block], unit, method)
        else:
            prepared = _TRANSFORMS[method](kept[block], covariance, used)
            rows[block] = _unit(prepared) if unit else prepared
    if exists is not None:
        rows[~exists] = torch.nan
    return to_kind(rows, vectors)


def compare_prepared(first: A, second: A) -> A:
    """Return the inner products of rows that :func:`prepare` returned.

    Parameters
    ----------
    first, second : numpy.ndarray or torch.Tensor, (m, column) and (k, column)
        Prepared RDMs.

    Returns
    -------
    numpy.ndarray or torch.Tensor of float64, (m, k)
        Similarities.
    """
    one, two = (to_tensor(v, n, ndim=2, finite=False) for v, n in ((first, "first"), (second, "second")))
    total = torch.zeros(len(one), len(two), dtype=torch.float64, device=one.device)
    for start in range(0, one.shape[1], _BLOCK_PAIRS):
        columns = slice(start, start + _BLOCK_PAIRS)
        total += one[:, columns].double() @ two[:, columns].double().T
    return to_kind(total, first)


def measured_pairs(vectors: A, name: str = "vectors") -> A:
    """Return which pairs of stimuli a set of RDMs holds.

    Parameters
    ----------
    vectors : numpy.ndarray or torch.Tensor, (m, pair)
        Upper triangles of RDMs; those that are NaN throughout do not exist and are passed over.
    name : str
        Of the argument, for messages.

    Returns
    -------
    numpy.ndarray or torch.Tensor of bool, (pair,)
        False for pairs that are NaN in all existing RDMs.

    Raises
    ------
    AnalysisError
        If a pair is NaN in some existing RDMs only, or a value is infinite.
    """
    tensor = to_tensor(vectors, name, ndim=2, finite=False)
    pairs = torch.ones(tensor.shape[1], dtype=torch.bool, device=tensor.device)
    suspect = tensor[~_rows_finite(tensor)]
    if bool(suspect.isinf().any()):
        raise AnalysisError(f"{name}: holds infinity")
    absent = suspect.isnan()
    partial = absent[~absent.all(-1)]
    if len(partial):
        existing = len(tensor) - len(suspect) + len(partial)
        missing = partial.sum(0)
        if bool(((missing > 0) & (missing < existing)).any()):
            pair = int(((missing > 0) & (missing < existing)).nonzero()[0, 0])
            raise AnalysisError(
                f"{name}: pair {pair} is NaN in {int(missing[pair])} of {existing} RDMs; leave out stimuli that were "
                "not measured everywhere (ventralrnn.analysis.rdm.select_stimuli)"
            )
        pairs = missing == 0
    return to_kind(pairs, vectors)


def _check_method(method: str, known: tuple[str, ...]) -> None:
    if method not in known:
        raise AnalysisError(f"method: {method!r} is none of {', '.join(known)}")


def _kendall(first: Tensor, second: Tensor, method: str) -> Tensor:
    pairs = first.shape[1] * (first.shape[1] - 1) / 2
    defined = [_rows_finite(rows) & ~_constant(rows) for rows in (first, second)]
    kept = [rows[chosen] for rows, chosen in zip((first, second), defined, strict=True)]
    score = concordance(*kept)
    if method == "tau-b":
        one, two = (pairs - tied_pairs(rows) for rows in kept)
        score /= (one[:, None] * two).sqrt()
    else:
        score /= pairs
    result = torch.full((len(first), len(second)), torch.nan, dtype=torch.float64, device=first.device)
    result[torch.outer(*defined)] = score.flatten()
    return result


def _constant(rows: Tensor) -> Tensor:
    """Return which rows of (row, column) have one value throughout."""
    return rows.amin(-1) == rows.amax(-1) if rows.shape[1] else rows.new_ones(len(rows), dtype=torch.bool)


def _rows_finite(tensor: Tensor) -> Tensor:
    """Return whether rows are finite; a sum that overflows is looked at twice."""
    finite = tensor.sum(-1).isfinite()
    doubtful = (~finite).nonzero()[:, 0]
    if len(doubtful):
        finite[doubtful] = tensor[doubtful].isfinite().all(-1)
    return finite


def _covariance(sigma_k: Any, like: Tensor) -> Tensor | None:
    if sigma_k is None:
        return None
    covariance = to_tensor(sigma_k, "sigma_k").to(like.device, torch.float64)
    return torch.diag(covariance) if covariance.ndim == 1 else covariance


def _unit(rows: Tensor) -> Tensor:
    """Scale rows, (row, column), to unit length, in place; zero rows have no direction."""
    length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True, dtype=torch.float64)
    return rows.div_(torch.where(length > 0, length, torch.nan).to(rows.dtype))


def _centred(vectors: Tensor) -> Tensor:
    """Centre rows in float64; constant ones become exactly zero."""
    wide = vectors.double()
    centred = wide - wide.mean(-1, keepdim=True)
    centred[_constant(vectors)] = 0
    return centred


def _centre_ranks(ranks: Tensor, vectors: Tensor, unit: bool, method: str) -> None:
    """Centre ranks in place, which is exact in float32 too, and scale them."""
    count = ranks.shape[1]
    ranks -= (count + 1) / 2
    if method == "rho-a":
        ranks *= (12 / (count**3 - count)) ** 0.5 if count > 1 else torch.nan
        ranks[_constant(vectors)] = torch.nan
    elif unit:
        _unit(ranks)


def _whitened(vectors: Tensor, covariance: Tensor | None, used: Tensor) -> Tensor:
    whole = vectors
    if not bool(used.all()):
        whole = vectors.new_zeros(len(vectors), len(used))
        whole[:, used] = vectors
    zero = ~vectors.any(-1)
    whitened = whiten_pairs(whole, covariance, used)
    whitened[zero] = 0
    return whitened


_RANKED = ("spearman", "rho-a")
_TRANSFORMS: dict[str, Callable[[Tensor, Tensor | None, Tensor], Tensor]] = {
    "cosine": lambda vectors, *_: vectors.to(torch.float64, copy=True),
    "corr": lambda vectors, *_: _centred(vectors),
    "whitened": lambda vectors, *rest: _whitened(vectors.double(), *rest),
    "whitened-corr": lambda vectors, *rest: _whitened(_centred(vectors), *rest),
}
