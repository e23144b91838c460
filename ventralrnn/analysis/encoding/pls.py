"""Partial least squares regression, a fit for every time bin, all at once."""

from typing import Any, Generic, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import A, to_kind, to_tensor
from ventralrnn.analysis.rowspace import FeatureSpace
from ventralrnn.errors import AnalysisError

COMPONENTS = 25

# scikit-learn stops a component's iteration here. What it predicts depends on where, so these are part of the method.
_TOLERANCE = 1e-6
_MAX_ITERATIONS = 500


class PLSFit(NamedTuple, Generic[A]):
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
        weights, means, intercept = (to_tensor(part, "fit") for part in self)
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
        raise AnalysisError(f"components: {components} cannot be had from so few stimuli or features; take up to {most}")
    # Directions are vectors of weights of features (narrow) or of stimuli (wide), with the metric that goes with them.
    square = products if wide else products.mT @ products
    metric = products if wide else None
    bins = responses.permute(2, 0, 1)
    return _nipals(square, metric, bins if wide else products.mT @ bins, components).permute(1, 2, 0)


def _nipals(square: Tensor, metric: Tensor | None, covariance: Tensor, components: int) -> Tensor:
    """Return the coefficients (bin, direction, neuroid) of PLS regressions that share their features.

    `covariance` (bin, direction, neuroid) is that of features and responses, `square` that of features, both as maps
    of directions; `metric` gives the length of directions.
    """
    covariance = covariance.clone()
    dual = covariance if metric is None else metric @ covariance
    found: list[tuple[Tensor, Tensor]] = []
    coefficients = torch.zeros_like(covariance)
    first = (dual * covariance).sum(1).clamp(min=0).sqrt()
    floor = first.norm(dim=-1) * covariance.shape[1] * torch.finfo(covariance.dtype).eps
    for _ in range(components):
        direction, length = _dominant(covariance, dual, first)
        alive = (length > floor)[:, None]
        direction = direction / length.clamp(min=torch.finfo(length.dtype).tiny)[:, None]
        rotation = direction
        for before, measured in found:
            rotation = rotation - before * (measured * direction).sum(-1, keepdim=True)
        scores = rotation @ square  # symmetric
        lifted = scores if metric is None else scores @ metric
        energy = (rotation * lifted).sum(-1, keepdim=True)
        alive = alive & (energy > 0)
        scale = torch.where(alive, 1 / energy, 0)
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


def _dominant(covariance: Tensor, dual: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
    """Return the direction (bin, direction) where scikit-learn's power iteration ends, and its length (bin,).

    It starts from the first neuroid that still varies. `first` (bin, neuroid) are the norms before any deflation.
    """
    bins, _, neuroids = covariance.shape
    norms = (dual * covariance).sum(1).clamp(min=0).sqrt()
    varies = norms > first * torch.finfo(norms.dtype).eps * covariance.shape[1]
    start = varies.to(torch.int8).argmax(-1)
    weights = torch.zeros(bins, neuroids, 1, dtype=covariance.dtype, device=covariance.device)
    weights[torch.arange(bins), start] = 1
    # Few neuroids: their square matrix is applied; many: the two factors are.
    small = covariance.mT @ dual if neuroids <= covariance.shape[1] else None

    def apply(vector: Tensor) -> tuple[Tensor, Tensor]:
        image = dual.mT @ (covariance @ vector) if small is None else small @ vector
        return image, (vector * image).sum(1).clamp(min=0).sqrt()

    image, length = apply(weights)
    done = torch.full((bins, 1), neuroids == 1, device=covariance.device) | (length == 0)
    for _ in range(_MAX_ITERATIONS - 1):
        if done.all():
            break
        following = torch.where(done[:, None], weights, image / image.norm(dim=1, keepdim=True))
        next_image, next_length = apply(following)
        # Squared distance of unit vectors, which scikit-learn compares with its tolerance.
        cosine = (following * image).sum(1) / (length * next_length)
        moved = 2 - 2 * cosine
        weights, image, length = following, next_image, next_length
        done = done | (moved < _TOLERANCE) | (length == 0)
    return (covariance @ weights)[..., 0], length[:, 0]


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
