"""Noise covariance of features from repeats, with shrinkage; whitening without a feature x feature matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import to_kind, to_tensor
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

A = TypeVar("A", np.ndarray, Tensor)


@dataclass(frozen=True)
class Noise:
    """A noise covariance: a diagonal that was shrunk towards, plus what a few directions add.

    Parameters
    ----------
    deviation : torch.Tensor of float64, (feature,)
        Standard deviation of each feature in the target of shrinkage; its square is the diagonal D.
    directions : torch.Tensor of float64, (feature, rank)
        Orthonormal columns V.
    variances : torch.Tensor of float64, (rank,)
        Variance along each direction, after division by `deviation`.
    rest : float
        Variance in all other directions, after division by `deviation`.
    shrinkage : float
        Weight of the target, 0 to 1.

    Notes
    -----
    The covariance is ``D^(1/2) (V diag(variances) V' + rest (I - V V')) D^(1/2)``. There are no more directions than
    residuals, so whitening costs feature x rank where a precision matrix costs feature x feature (Woodbury's identity).
    """

    deviation: Tensor
    directions: Tensor
    variances: Tensor
    rest: float
    shrinkage: float

    def whiten(self, features: A) -> A:
        """Return patterns whose scalar products are those of the given ones under the precision matrix.

        Parameters
        ----------
        features : numpy.ndarray or torch.Tensor, (..., feature)
            Patterns.

        Returns
        -------
        numpy.ndarray or torch.Tensor, (..., feature)
            ``W features`` with ``W' W`` the inverse of the covariance.

        Raises
        ------
        AnalysisError
            If the number of features is another.
        """
        values = to_tensor(features, "features", finite=False)
        if values.shape[-1] != len(self.deviation):
            raise AnalysisError(f"noise: of {len(self.deviation)} features, but patterns have {values.shape[-1]}")
        directions = self.directions.to(values)
        # Measured from their mean, which costs no more and keeps large offsets out of the product.
        scaled = (values - self._origin(values)) / self.deviation.to(values)
        complete = directions.shape[1] == len(directions)
        outside = 0.0 if complete else self.rest**-0.5
        gains = (self.variances.rsqrt() - outside).to(values)
        along = ((scaled @ directions) * gains) @ directions.mT
        return to_kind(along.add_(scaled, alpha=outside) if outside else along, features)

    @staticmethod
    def _origin(values: Tensor) -> Tensor:
        rows = values.reshape(-1, values.shape[-1])
        return torch.nanmean(rows, 0).nan_to_num_()

    def covariance(self) -> Tensor:
        """Return the covariance as a matrix, (feature, feature)."""
        inner = (self.directions * (self.variances - self.rest)) @ self.directions.mT
        inner.diagonal().add_(self.rest)
        return inner * self.deviation[:, None] * self.deviation

    def precision(self) -> Tensor:
        """Return the inverse of the covariance as a matrix, (feature, feature)."""
        complete = self.directions.shape[1] == len(self.directions)
        rest = 0.0 if complete else 1 / self.rest
        inner = (self.directions * (1 / self.variances - rest)) @ self.directions.mT
        inner.diagonal().add_(rest)
        return inner / self.deviation[:, None] / self.deviation


def residuals_of(features: A) -> tuple[A, int]:
    """Return what is left of repeats without the mean of each stimulus.

    Parameters
    ----------
    features : numpy.ndarray or torch.Tensor, (repeat, stimulus, feature)
        NaN throughout where a stimulus has fewer repeats.

    Returns
    -------
    tuple of (array, (sample, feature)) and int
        Residuals of the repeats that there are, and their degrees of freedom: samples minus stimuli.

    Raises
    ------
    AnalysisError
        If no stimulus has two repeats.
    """
    values = to_tensor(features, "features", ndim=3, finite=False)
    there = ~values.isnan().all(2)
    rest = (values - torch.nanmean(values, 0))[there]
    freedom = int(there.sum()) - int(there.any(0).sum())
    if freedom < 1:
        raise AnalysisError("noise: no stimulus has two repeats, so there are no residuals to estimate it from")
    return to_kind(rest, features), freedom


@checked(AnalysisError)
def estimate_noise(residuals: A, method: str = "shrinkage_diag", dof: int | None = None) -> Noise:
    """Estimate a noise covariance from residuals.

    Parameters
    ----------
    residuals : numpy.ndarray or torch.Tensor, (sample, feature)
        Their mean is removed.
    method : {'shrinkage_diag', 'shrinkage_eye', 'ledoit_wolf', 'oas', 'diag', 'full'}
        'shrinkage_diag' shrinks towards the features' variances [1]_, 'shrinkage_eye' and 'ledoit_wolf' towards a
        multiple of the identity [2]_ (the latter divides by samples instead of degrees of freedom, as scikit-learn
        does), 'oas' likewise with another weight [3]_; 'diag' is the variances alone, 'full' the sample covariance.
    dof : int, optional
        Degrees of freedom that sums of squares are divided by; samples minus one by default, samples for 'ledoit_wolf'
        and 'oas'.

    Returns
    -------
    Noise
        Its ``whiten`` goes into distances.

    Raises
    ------
    AnalysisError
        If there are too few residuals, or a feature that never varies.

    Notes
    -----
    Weights of shrinkage need sums over all pairs of features of squared covariances. These equal sums over pairs of
    samples, so that time grows with features times samples squared.

    References
    ----------
    .. [1] Schafer & Strimmer (2005). Statistical Applications in Genetics and Molecular Biology 4(1), 32.
    .. [2] Ledoit & Wolf (2004). Journal of Multivariate Analysis 88(2), 365-411.
    .. [3] Chen, Wiesel, Eldar & Hero (2010). IEEE Transactions on Signal Processing 58(10), 5016-5029.
    """
    check_method(method)
    values = to_tensor(residuals, "residuals", ndim=2).double()
    samples = len(values)
    if samples < 2:
        raise AnalysisError(f"residuals: {samples} sample: a covariance needs at least two")
    freedom = dof or (samples if method in ("ledoit_wolf", "oas") else samples - 1)
    values = values - values.mean(0)
    variances = values.square().sum(0) / freedom
    diagonal = method in ("diag", "shrinkage_diag")
    if bool((variances == 0).any()) if diagonal else not bool(variances.any()):
        silent = int((variances == 0).nonzero()[0])
        raise AnalysisError(f"residuals: feature {silent} never varies, so its noise is not known: leave such out")
    target = variances if diagonal else variances.mean().expand_as(variances)
    deviation = target.sqrt()
    scaled = values / deviation
    gram = scaled @ scaled.mT
    fourth = float(scaled.pow(4).sum())
    of_features = float(scaled.square().sum(0).square().sum())
    weight = METHODS[method](Residuals(gram, scaled.shape[1], fourth, of_features), freedom)
    return _noise_of(scaled, gram, deviation, weight, freedom)


def check_method(method: str) -> None:
    """Refuse a way to estimate a covariance that is not one of those known."""
    if method not in METHODS:
        raise AnalysisError(f"noise {method!r}: {', '.join(list(METHODS)[:-1])} or {list(METHODS)[-1]}")


def _noise_of(scaled: Tensor, gram: Tensor, deviation: Tensor, weight: float, freedom: int) -> Noise:
    """Return weight I + (1 - weight) scaled' scaled / freedom by the directions that the second part has."""
    samples, features = scaled.shape
    if weight >= 1:
        return Noise(deviation, scaled.new_zeros(features, 0), scaled.new_zeros(0), 1.0, 1.0)
    kept = scaled * ((1 - weight) / freedom) ** 0.5
    if samples < features:
        squares, left = decompose(gram * ((1 - weight) / freedom), weight, features)
        directions = (kept.mT @ left) / squares.sqrt()
    else:
        squares, directions = torch.linalg.eigh(kept.mT @ kept)
        squares = squares.clamp(min=0)
        _check_inverse(squares, weight, samples, features)
    return Noise(deviation, directions, squares + weight, weight, weight)


def decompose(gram: Tensor, weight: float, features: int) -> tuple[Tensor, Tensor]:
    """Return the variances of residuals along their directions, and how these are made of the residuals.

    Parameters
    ----------
    gram : torch.Tensor of float64, (sample, sample)
        Scalar products of residuals, which are fewer than features, divided by degrees of freedom.
    weight : float
        Of the target of shrinkage.
    features : int
        Their number.

    Returns
    -------
    tuple of torch.Tensor, (rank,) and (sample, rank)
        Eigenvalues above rounding, and eigenvectors.

    Raises
    ------
    AnalysisError
        If the shrunk covariance has no inverse.
    """
    squares, left = torch.linalg.eigh(gram)
    # The mean was removed: rounding would make directions of what has no variance.
    real = squares > squares[-1] * len(gram) * torch.finfo(squares.dtype).eps
    squares, left = squares[real], left[:, real]
    _check_inverse(squares, weight, len(gram), features)
    return squares, left


def _check_inverse(squares: Tensor, weight: float, samples: int, features: int) -> None:
    smallest = float(squares[0]) if len(squares) == features else 0.0
    if weight + smallest <= float(squares[-1]) * features * torch.finfo(squares.dtype).eps:
        raise AnalysisError(
            f"noise: {samples} residuals of {features} features have a covariance without inverse: use a method "
            "with shrinkage, such as shrinkage_diag"
        )


@dataclass(frozen=True)
class Residuals:
    """What the weight of shrinkage needs to know of residuals that were divided by the deviations of the target.

    Parameters
    ----------
    gram : torch.Tensor of float64, (sample, sample)
        Their scalar products.
    features : int
        Number of features.
    fourth : float
        Sum of fourth powers; only where the target is a diagonal.
    squares : float
        Sum over features of squared sums of squares; only where the target is a diagonal.
    """

    gram: Tensor
    features: int
    fourth: float
    squares: float


def _ledoit_wolf(residuals: Residuals, freedom: int) -> float:
    gram, features, samples = residuals.gram, residuals.features, len(residuals.gram)
    squares = float(gram.square().sum()) / samples**2  # of the covariance, over all pairs of features
    mean = float(gram.trace()) / samples / features
    distance = squares - features * mean**2
    error = (float(gram.diagonal().square().sum()) / samples - squares) / samples
    return min(error, distance) / distance if distance > 0 else 1.0


def _oas(residuals: Residuals, freedom: int) -> float:
    gram, features, samples = residuals.gram, residuals.features, len(residuals.gram)
    squares = float(gram.square().sum()) / samples**2 / features**2
    mean = (float(gram.trace()) / samples / features) ** 2
    # As in scikit-learn: equation 23 of the paper without its terms in 1 / features.
    below = (samples + 1) * (squares - mean / features)
    return min((squares + mean) / below, 1.0) if below > 0 else 1.0


def _schafer_strimmer(residuals: Residuals, freedom: int) -> float:
    gram, samples = residuals.gram, len(residuals.gram)
    # Sums over all pairs of features, less those of a feature with itself.
    products = (float(gram.diagonal().square().sum()) - residuals.fourth) / (samples - 1)
    covariances = (float(gram.square().sum()) - residuals.squares) / (samples - 1) ** 2
    variance = samples / freedom**2 * (products - covariances)
    return min(max(variance / covariances, 0.0), 1.0) if covariances > 0 else 1.0


#: How the weight of shrinkage follows from residuals and their degrees of freedom.
METHODS: dict[str, Callable[[Residuals, int], float]] = {
    "shrinkage_diag": _schafer_strimmer,
    "shrinkage_eye": _ledoit_wolf,
    "ledoit_wolf": _ledoit_wolf,
    "oas": _oas,
    "diag": lambda residuals, freedom: 1.0,
    "full": lambda residuals, freedom: 0.0,
}


def as_noise(noise: Any) -> Noise:
    """Return a noise covariance as it is, or that of a precision matrix.

    Parameters
    ----------
    noise : Noise or array (feature, feature)
        A covariance, or a symmetric positive definite precision matrix.

    Returns
    -------
    Noise
        A covariance.

    Raises
    ------
    AnalysisError
        If a matrix is none.
    """
    if isinstance(noise, Noise):
        return noise
    matrix = to_tensor(noise, "noise", ndim=2).double()
    largest = float(matrix.abs().amax()) if matrix.numel() else 0.0
    tolerance = 1e-6 * largest
    if matrix.shape[0] != matrix.shape[1] or float((matrix - matrix.mT).abs().amax()) > tolerance:
        raise AnalysisError(f"noise: a precision matrix is square and symmetric, not of shape {tuple(matrix.shape)}")
    values, directions = torch.linalg.eigh(matrix)
    if float(values[0]) <= 0:
        raise AnalysisError("noise: the precision matrix is not positive definite: shrink its covariance first")
    return Noise(matrix.new_ones(len(matrix)), directions, 1 / values, 1.0, 0.0)
