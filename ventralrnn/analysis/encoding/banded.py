"""Banded ridge regression: several feature spaces together, each with its own penalty for every target."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.analysis.encoding.crossvalidation import Folds, check_folds
from ventralrnn.analysis.rowspace import FeatureSpace
from ventralrnn.errors import AnalysisError

# Of a feature space whose kernel has a mean diagonal of one.
PENALTIES = tuple(float(p) for p in np.logspace(-4, 3, 8))


class BandedPrediction(NamedTuple):
    """What a banded ridge regression predicts for test stimuli.

    Attributes
    ----------
    parts : numpy.ndarray, (band, test stimulus, target)
        What each band contributes; their sum is the prediction, less `intercept`.
    intercept : numpy.ndarray, (target,)
        Mean response to the training stimuli.
    log_weights : numpy.ndarray, (band, target)
        Natural logarithm of the weight of each band's kernel, the penalty divided out: -inf is a band not used.
    """

    parts: np.ndarray
    intercept: np.ndarray
    log_weights: np.ndarray


def predict_banded(
    bands: Mapping[str, Any] | Sequence[FeatureSpace],
    responses: Any,
    train: np.ndarray,
    test: np.ndarray,
    penalties: Sequence[float] | np.ndarray | None = None,
    *,
    samples: int = 20,
    folds: int | Folds = 5,
    seed: int = 0,
) -> BandedPrediction:
    """Predict responses to test stimuli from several feature spaces at once.

    Parameters
    ----------
    bands : mapping of str to array (stimulus, feature), or sequence of FeatureSpace
        Features of all stimuli. Each band is scaled so that its training stimuli have a mean squared length of one;
        what it may contribute is then up to its penalty.
    responses : array, (stimulus, target)
        Responses to all stimuli; those to test stimuli are not looked at.
    train, test : numpy.ndarray of int
        Positions of the stimuli.
    penalties : sequence of float, optional
        Overall penalties to try. By default eight from 1e-4 to 1e3.
    samples : int
        Relative weights of the bands to try: equal ones, each band alone, and for the rest draws from Dirichlet
        distributions.
    folds : int or list of (train, test)
        How penalties are chosen; positions among the training stimuli.
    seed : int
        Of draws and folds.

    Returns
    -------
    BandedPrediction
        As himalaya's ``MultipleKernelRidgeCV`` finds it by random search, in float64 on the CPU.

    Raises
    ------
    AnalysisError
        If bands and responses differ in their stimuli, or a band does not vary.

    References
    ----------
    Dupre la Tour et al., Feature-space selection with banded ridge regression, NeuroImage 264 (2022).
    """
    from himalaya.kernel_ridge import predict_weighted_kernel_ridge, solve_multiple_kernel_ridge_random_search
    from sklearn.model_selection import PredefinedSplit

    spaces = _as_spaces(bands)
    targets = to_tensor(responses, "responses", ndim=2).double().numpy(force=True)
    if any(len(space.features) != len(targets) for space in spaces):
        raise AnalysisError(f"bands: give features of all {len(targets)} stimuli that have responses")
    kernels, cross = _kernels(spaces, train, test)
    intercept = targets[train].mean(0)
    grid = np.asarray(PENALTIES if penalties is None else penalties, float)
    if grid.ndim != 1 or not len(grid) or not (grid > 0).all():
        raise AnalysisError("penalties: give positive numbers")
    inner = check_folds(folds, len(train), seed)
    number = np.full(len(train), -1)
    for i, (_, left_out) in enumerate(inner):
        number[left_out] = i
    # The logarithm of a band that is not used is minus infinity, and means to be.
    with _numpy_backend(), np.errstate(divide="ignore"):
        log_weights, dual, _ = solve_multiple_kernel_ridge_random_search(
            kernels,
            targets[train] - intercept,
            n_iter=_band_weights(len(spaces), samples, seed),
            alphas=grid,
            cv=PredefinedSplit(number),
            return_weights="dual",
            progress_bar=False,
        )
        parts = predict_weighted_kernel_ridge(cross, dual, log_weights, split=True)
    return BandedPrediction(parts, intercept, log_weights)


def split_explained(responses: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return how much of the responses each band explains; the sum is the R2 of the whole prediction.

    Parameters
    ----------
    responses : numpy.ndarray, (stimulus, target)
        Test responses less the mean response to training stimuli, which is what zero explains.
    parts : numpy.ndarray, (band, stimulus, target)
        As :func:`predict_banded` returns.

    Returns
    -------
    numpy.ndarray, (band, target)
        The product measure: correlated bands share what they explain together. NaN where there is no response.

    References
    ----------
    Dupre la Tour et al., Feature-space selection with banded ridge regression, NeuroImage 264 (2022); its product
    measure.
    """
    total = np.square(responses).sum(0)
    explained = (2 * responses * parts - parts * parts.sum(0)).sum(1)
    return explained / np.where(total > 0, total, np.nan)


def _as_spaces(bands: Mapping[str, Any] | Sequence[FeatureSpace]) -> list[FeatureSpace]:
    if isinstance(bands, Mapping):
        return [FeatureSpace(to_tensor(features, name, ndim=2).cpu()) for name, features in bands.items()]
    return list(bands)


def _kernels(spaces: list[FeatureSpace], train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kernels, cross = [], []
    for i, space in enumerate(spaces):
        first, second = space.products(train, test)
        inner, other = (first, second) if space.wide else (first @ first.mT, second @ first.mT)
        scale = inner.diagonal().mean()
        if not float(scale) > 0:
            raise AnalysisError(f"bands: number {i} does not vary over the training stimuli; leave it out")
        kernels.append((inner / scale).numpy(force=True))
        cross.append((other / scale).numpy(force=True))
    if not kernels:
        raise AnalysisError("bands: give at least one")
    return np.stack(kernels), np.stack(cross)


def _band_weights(bands: int, samples: int, seed: int) -> np.ndarray:
    fixed = [np.full((1, bands), 1 / bands)]
    if bands > 1:
        fixed.append(np.eye(bands))
    certain = np.concatenate(fixed)
    rng = np.random.default_rng(seed)
    drawn = max(0, samples - len(certain)) if bands > 1 else 0
    # Half of the draws near equal weights, half near few bands, as himalaya does.
    spread = [rng.dirichlet(np.full(bands, 1.0 if i % 2 else 0.1)) for i in range(drawn)]
    return np.concatenate([certain, *(row[None] for row in spread)])


@contextmanager
def _numpy_backend() -> Iterator[None]:
    """Compute with numpy whatever backend of himalaya the user has chosen, and leave that as it was."""
    from himalaya.backend import get_backend, set_backend

    before = get_backend()
    set_backend("numpy")
    try:
        yield
    finally:
        set_backend(before)
