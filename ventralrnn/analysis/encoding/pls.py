"""Partial least squares regression, a fit for every time bin, all at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import A, to_kind, to_tensor
from ventralrnn.analysis.rowspace import FeatureSpace, products_of_rows
from ventralrnn.errors import AnalysisError

COMPONENTS = 25

# scikit-learn stops a component's iteration here. What it predicts depends on where, so these are part of the method.
_TOLERANCE = 1e-6
_MAX_ITERATIONS = 500
# Size up to which squaring a matrix is cheaper than the products with vectors that it saves.
_SQUARED_UP_TO = 256


@dataclass(frozen=True)
class PLSFit(Generic[A]):
    """What a PLS regression found.

    Attributes
    ----------
    weights : array, (feature, neuroid) or (feature, neuroid, time_bin)
        Of features less `feature_means`.
    feature_means : array, (feature,)
        Mean of the training stimuli.
    intercept : array, (neuroid,) or (neuroid, time_bin)
        Mean response to the training stimuli.
    """

    weights: A
    feature_means: A
    intercept: A

    def predict(self, features: A) -> A:
        """Return predicted responses (stimulus, neuroid) or (stimulus, neuroid, time_bin) to other stimuli."""
        rows = to_tensor(features, "features", ndim=2).double()
        weights, means, intercept = (to_tensor(p, "fit") for p in (self.weights, self.feature_means, self.intercept))
        return to_kind(torch.einsum("sf,f...->s...", rows - means, weights) + intercept, features)


def fit_pls(features: A, responses: A, components: int = COMPONENTS) -> PLSFit[A]:
    """Fit a PLS regression, for responses with time bins one for every bin.

    Parameters
    ----------
    features : numpy.ndarray or torch.Tensor, (stimulus, feature)
        Of the training stimuli.
    responses : numpy.ndarray or torch.Tensor, (stimulus, neuroid) or (stimulus, neuroid, time_bin)
        Responses to the same stimuli. Each bin is fitted by itself, over all its neuroids: that is not one fit with
        neuroid x time_bin targets, whose components are shared by the bins.
    components : int
        Number of components. A fit that has explained all that can be explained ends before.

    Returns
    -------
    PLSFit
        Equal to ``sklearn.cross_decomposition.PLSRegression(components, scale=False)``, to which Brain-Score's metric
        ``pls`` sets it, on each bin.

    Raises
    ------
    AnalysisError
        If there are fewer stimuli or features than components, or values are NaN.

    Notes
    -----
    NIPALS [1]_ looks for the direction in which features and responses covary most by power iteration, and
    scikit-learn stops it at a tolerance that leaves a trace in the result, so the number of iterations is part of the
    method and is kept. But each iteration needs only the covariance of features and responses, not the data, and
    deflation changes that by one product of two vectors [2]_. Where features outnumber stimuli, all of it is done with
    inner products of stimuli [3]_.

    References
    ----------
    .. [1] Wegelin, A survey of partial least squares (PLS) methods, with emphasis on the two-block case, Technical
       report 371, University of Washington (2000).
    .. [2] Dayal & MacGregor, Improved PLS algorithms, Journal of Chemometrics 11 (1997).
    .. [3] Rosipal & Trejo, Kernel partial least squares regression in reproducing kernel Hilbert space, JMLR 2 (2001).
    """
    given = to_tensor(features, "features", ndim=2)
    targets = _check_responses(responses, len(given))
    rows = np.arange(len(given))
    space = FeatureSpace(given)
    products, _ = space.products(rows, rows[:0])
    coefficients = pls_coefficients(products, targets - targets.mean(0), components, space.wide)
    means = given.double().mean(0)
    if space.wide:
        coefficients = torch.einsum("sf,snb->fnb", given.double() - means, coefficients)
    intercept = targets.mean(0)
    if np.ndim(responses) == 2:
        coefficients, intercept = coefficients[..., 0], intercept[..., 0]
    return PLSFit(*(to_kind(part, features) for part in (coefficients, means, intercept)))


def predict_pls(
    space: FeatureSpace, responses: Tensor, train: np.ndarray, test: np.ndarray, components: int = COMPONENTS
) -> Tensor:
    """Return responses to test stimuli as a PLS regression on training stimuli predicts them.

    Parameters
    ----------
    space : FeatureSpace
        Features of all stimuli.
    responses : torch.Tensor of float64, (stimulus, neuroid, time_bin)
        Responses to all stimuli; those to test stimuli are not looked at.
    train, test : numpy.ndarray of int
        Positions of the stimuli.
    components : int
        Number of components.

    Returns
    -------
    torch.Tensor, (test stimulus, neuroid, time_bin)
        See :func:`fit_pls`.
    """
    known = responses[torch.as_tensor(train, device=responses.device)]
    mean = known.mean(0)
    products, cross = space.products(train, test)
    coefficients = pls_coefficients(products, known - mean, components, space.wide)
    return torch.einsum("sf,fnb->snb", cross, coefficients) + mean


def pls_coefficients(products: Tensor, responses: Tensor, components: int, wide: bool) -> Tensor:
    """Return weights of features, or where these are given as a Gram matrix, of training stimuli.

    Parameters
    ----------
    products : torch.Tensor of float64, (stimulus, feature) or (stimulus, stimulus)
        Centred features, or their inner products.
    responses : torch.Tensor of float64, (stimulus, neuroid, time_bin)
        Centred.
    components : int
        Number of components.
    wide : bool
        Whether `products` is a Gram matrix.

    Returns
    -------
    torch.Tensor, (feature or stimulus, neuroid, time_bin)
        Predictions are test features, or inner products of test and training stimuli, times these.
    """
    most = min(products.shape[0] - 1, products.shape[1])
    if components < 1 or components > most:
        raise AnalysisError(f"components: {components} are beyond so few stimuli or features; take up to {most}")
    # Directions are vectors of weights of features (narrow) or of stimuli (wide), with the metric that goes with them.
    square = products if wide else products_of_rows(products.mT)
    metric = products if wide else None
    bins = responses.permute(2, 0, 1)
    covariance = bins if wide else products.mT @ bins
    return nipals(lambda rotation: rotation @ square, metric, covariance, components).permute(1, 2, 0)


def nipals(square: Callable[[Tensor], Tensor], metric: Tensor | None, covariance: Tensor, components: int) -> Tensor:
    """Return the coefficients of several PLS regressions, from what determines them.

    Parameters
    ----------
    square : callable
        Maps directions (regression, direction) by the products of features with themselves, which are symmetric.
    metric : torch.Tensor, (direction, direction), or None
        Gives the length of directions; None where they are of weights of features.
    covariance : torch.Tensor of float64, (regression, direction, neuroid)
        Products of centred features and responses, as maps of directions.
    components : int
        Number of components.

    Returns
    -------
    torch.Tensor, (regression, direction, neuroid)
        See :func:`pls_coefficients`.
    """
    covariance = covariance.clone()
    dual = covariance if metric is None else metric @ covariance
    coefficients = torch.zeros_like(covariance)
    first = (dual * covariance).sum(1).clamp(min=0).sqrt()
    floor = first.norm(dim=-1, keepdim=True) * covariance.shape[1] * torch.finfo(covariance.dtype).eps
    found: list[tuple[Tensor, Tensor]] = []
    for _ in range(components):
        direction = _dominant(covariance, dual, metric, first)
        alive = torch.einsum("bd,bdn->bn", direction, dual).norm(dim=-1, keepdim=True) > floor
        rotation = direction
        for before, measured in found:
            rotation = rotation - before * (measured * direction).sum(-1, keepdim=True)
        scores = square(rotation)
        lifted = scores if metric is None else scores @ metric
        energy = (rotation * lifted).sum(-1, keepdim=True)
        scale = torch.where(alive & (energy > 0), 1 / energy, 0)
        loading, measured = scores * scale, lifted * scale
        shared = torch.einsum("bd,bdn->bn", rotation, dual)
        coefficients += (rotation * scale)[:, :, None] * shared[:, None]
        covariance -= loading[:, :, None] * shared[:, None]
        if metric is not None:
            dual -= measured[:, :, None] * shared[:, None]
        found.append((rotation, measured))
        if not alive.any():
            break
    return coefficients


def _dominant(covariance: Tensor, dual: Tensor, metric: Tensor | None, first: Tensor) -> Tensor:
    """Return the directions (bin, direction) of unit length where scikit-learn's power iteration ends.

    It starts from the first neuroid that still varies. `first` (bin, neuroid) are the norms before any deflation.
    """
    bins, directions, neuroids = covariance.shape
    norms = (dual * covariance).sum(1).clamp(min=0).sqrt()
    varies = norms > first * torch.finfo(norms.dtype).eps * directions
    column = varies.to(torch.int8).argmax(-1)
    start = covariance[torch.arange(bins, device=column.device), :, column][..., None]
    if neuroids == 1:
        ended = start
    elif neuroids <= directions:
        # In the smaller of the two spaces, here that of neuroids.
        weights = torch.zeros(bins, neuroids, 1, dtype=start.dtype, device=start.device)
        weights[torch.arange(bins), column] = 1
        step = covariance.mT @ dual
        ended = covariance @ _iterate(step, step, weights)
    else:
        ended = _iterate(covariance @ dual.mT, metric, start)
    lengths = (ended * (ended if metric is None else metric @ ended)).sum(1).clamp(min=0).sqrt()
    return (ended / lengths.clamp(min=torch.finfo(lengths.dtype).tiny)[:, None])[..., 0]


def _iterate(step: Tensor, metric: Tensor | None, start: Tensor) -> Tensor:
    """Return the vectors (bin, direction, 1) at which a power iteration moves by less than the tolerance.

    Powers of small matrices are squared, which doubles the iterations that one product makes: a product of matrices
    takes far less than as many products with a vector.
    """
    kept = block = _unit(start)
    done = kept.norm(dim=(1, 2)) == 0
    last, taken, power = block, 1, step
    while taken < _MAX_ITERATIONS and not done.all():
        following = _unit(power @ block)[..., : _MAX_ITERATIONS - taken]
        taken += following.shape[-1]
        path = torch.cat([last, following], -1)
        measured = path if metric is None else metric @ path
        lengths = (path * measured).sum(1).clamp(min=0).sqrt()
        cosine = (path[..., 1:] * measured[..., :-1]).sum(1) / (lengths[:, 1:] * lengths[:, :-1])
        # scikit-learn compares the squared distance of unit vectors.
        still = 2 - 2 * cosine < _TOLERANCE
        still[:, -1] |= taken == _MAX_ITERATIONS
        where = still.to(torch.int8).argmax(-1)[:, None, None].expand(-1, following.shape[1], 1)
        ends = still.any(-1) & ~done
        kept = torch.where(ends[:, None, None], following.gather(2, where), kept)
        done = done | ends
        last = following[..., -1:]
        if step.shape[-1] <= _SQUARED_UP_TO:
            block = torch.cat([block, following], -1)
            power = power @ power
            power = power / power.abs().amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(power.dtype).tiny)
        else:
            block = following
    return kept


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=1, keepdim=True).clamp(min=torch.finfo(vectors.dtype).tiny)


def _check_responses(responses: Any, stimuli: int) -> Tensor:
    targets = to_tensor(responses, "responses").double()
    if targets.ndim == 2:
        targets = targets[..., None]
    if targets.ndim != 3 or len(targets) != stimuli:
        raise AnalysisError(
            f"responses: give (stimulus, neuroid) or (stimulus, neuroid, time_bin) for {stimuli} stimuli, not "
            f"{tuple(np.shape(responses))}"
        )
    return targets
