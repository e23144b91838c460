"""Dissimilarities made isotropic: RDMs times the inverse root of the covariance that noise gives their pairs."""

import torch
from torch import Tensor

from ventralrnn.analysis.rdm.container import count_stimuli
from ventralrnn.errors import AnalysisError

# Missing pairs whose square system is solved at once.
_MOST_MISSING = 5000


def whiten_pairs(vectors: Tensor, sigma_k: Tensor | None = None, present: Tensor | None = None) -> Tensor:
    """Return vectors whose inner products are those of RDMs whitened by the covariance of their dissimilarities.

    Parameters
    ----------
    vectors : torch.Tensor of float64, (row, pair)
        RDMs of n stimuli; zero at missing pairs.
    sigma_k : torch.Tensor of float64, (stimulus, stimulus), optional
        Covariance of the noise of the stimuli's patterns; only its differences between stimuli matter. Without, the
        identity.
    present : torch.Tensor of bool, (pair,), optional
        Pairs that were measured.

    Returns
    -------
    torch.Tensor of float64, (row, pair)
        y with y1 . y2 = d1' V^-1 d2, V being the covariance of the pairs that are present.

    Raises
    ------
    AnalysisError
        If `sigma_k` does not fit or is not positive definite, or too many pairs are missing.

    Notes
    -----
    V = (C Sigma C') squared by element, with the contrasts C of all pairs of stimuli [1]_. With D the square matrix of
    d, d1' V^-1 d2 = tr(B D1 B D2) / 4, where B = Sigma^-1 - Sigma^-1 1 1' Sigma^-1 / (1' Sigma^-1 1): among all
    symmetric matrices M whose squared distances are d, d' V^-1 d is the least value of tr(Sigma^-1 M Sigma^-1 M).
    B = L L' with n - 1 columns, and y lists L' D L / 2. For Sigma = I, V is 4 on the diagonal, 1 where two pairs share
    a stimulus, else 0. Its eigenspaces are the constants (2n), sums of two effects of stimuli (n) and the rest (2), so
    that its inverse root costs as much as reading the pairs. Missing pairs are filled with their least-squares
    estimate under V, which leaves the value for the pairs present as it is.

    References
    ----------
    .. [1] Diedrichsen, J., Berlot, E., Mur, M., Schütt, H. H., Shahbazi, M. & Kriegeskorte, N. (2021). Comparing
       representational geometries using whitened unbiased-distance-matrix similarity. Neurons, Behavior, Data
       analysis, and Theory 5(3).
    """
    count = count_stimuli(vectors.shape[-1])
    root = None if sigma_k is None else _root_of_inverse(sigma_k, count)
    pairs = torch.triu_indices(count, count, 1, device=vectors.device)
    if present is not None and not bool(present.all()):
        vectors = _fill(vectors, present, pairs, root, count)
    if root is None:
        return _inverse_root(vectors, pairs, count)
    whitened = root.T @ _square(vectors, pairs, count) @ root / 2
    rows, columns = torch.triu_indices(count - 1, count - 1, device=vectors.device)
    weight = torch.full(rows.shape, 2**0.5, dtype=vectors.dtype, device=vectors.device)
    weight[rows == columns] = 1
    return whitened[:, rows, columns] * weight


def _inverse_root(vectors: Tensor, pairs: Tensor, count: int) -> Tensor:
    """Multiply by the root of V^-1 for Sigma = I, eigenspace by eigenspace."""
    constant, effect, rest = ((scale * count) ** -0.5 for scale in (2, 1, 2 / count))
    if count == 2:
        return vectors * constant
    mean = vectors.mean(-1, keepdim=True)
    sums = vectors.new_zeros(len(vectors), count).index_add_(1, pairs[0], vectors).index_add_(1, pairs[1], vectors)
    effects = (sums - (count - 1) * mean) / (count - 2)
    # The rest is what the mean and the effects of the two stimuli leave; collecting terms saves passes over the pairs.
    change = effects * (effect - rest) + mean * (constant - rest) / 2
    return (vectors * rest).add_(change[:, pairs[0]]).add_(change[:, pairs[1]])


def _root_of_inverse(sigma_k: Tensor, count: int) -> Tensor:
    """Return L, (stimulus, stimulus - 1), with L L' = B of the notes above."""
    if sigma_k.shape != (count, count):
        raise AnalysisError(f"sigma_k: give {count} x {count} covariances, not shape {tuple(sigma_k.shape)}")
    if not torch.allclose(sigma_k, sigma_k.T):
        raise AnalysisError("sigma_k: a covariance is symmetric")
    contrasts = torch.eye(count, dtype=sigma_k.dtype, device=sigma_k.device)[1:] - 1 / count
    root, failed = torch.linalg.cholesky_ex(contrasts @ sigma_k @ contrasts.T)
    if bool(failed):
        raise AnalysisError("sigma_k: not positive definite; shrink it towards its diagonal")
    return torch.linalg.solve_triangular(root, contrasts, upper=False).T


def _square(vectors: Tensor, pairs: Tensor, count: int) -> Tensor:
    square = vectors.new_zeros(len(vectors), count, count)
    square[:, pairs[0], pairs[1]] = vectors
    square[:, pairs[1], pairs[0]] = vectors
    return square


def _fill(vectors: Tensor, present: Tensor, pairs: Tensor, root: Tensor | None, count: int) -> Tensor:
    missing = torch.nonzero(~present)[:, 0]
    if len(missing) > _MOST_MISSING:
        raise AnalysisError(
            f"{len(missing)} pairs are missing; whitened comparisons take up to {_MOST_MISSING}: compare stimuli that "
            "have all pairs, or without whitening"
        )
    if root is None:
        kernel = torch.eye(count, dtype=vectors.dtype, device=vectors.device) - 1 / count
    else:
        kernel = root @ root.T
    first, second = pairs[:, missing]
    system = (
        kernel[first[:, None], first] * kernel[second[:, None], second]
        + kernel[first[:, None], second] * kernel[second[:, None], first]
    )
    filled = vectors.clone()
    filled[:, missing] = 0
    known = (kernel @ _square(filled, pairs, count) @ kernel)[:, first, second]
    filled[:, missing] = -torch.linalg.solve(system, known.T).T
    return filled
