"""Dissimilarities of all pairs of stimuli, for arrays."""

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from torch import Tensor

from ventralrnn.analysis.arrays import to_kind, to_tensor
from ventralrnn.analysis.rdm.patterns import distances_within, place
from ventralrnn.errors import AnalysisError

if TYPE_CHECKING:
    from ventralrnn.analysis.rdm.noise import Noise

A = TypeVar("A", np.ndarray, Tensor)

#: Distances that need one pattern a stimulus and nothing else.
PLAIN = ("correlation", "euclidean", "sqeuclidean", "cosine")


def compute_distances(
    features: A,
    distance: str = "correlation",
    *,
    noise: "Noise | np.ndarray | Tensor | None" = None,
    constant: str = "raise",
) -> A:
    """Compute the dissimilarities of all pairs of stimuli, for any number of states at once.

    Parameters
    ----------
    features : numpy.ndarray or torch.Tensor, (..., stimulus, feature)
        Patterns; dimensions before are states, such as time points. float32 and float16 are computed in float32,
        anything else in float64. A state that is NaN throughout does not exist.
    distance : {'correlation', 'euclidean', 'sqeuclidean', 'cosine', 'mahalanobis'}
        ``1 - r`` with Pearson's r over features; the Euclidean distance or its square; one minus the cosine; the
        squared Mahalanobis distance. None is divided by the number of features.
    noise : Noise or array (feature, feature), optional
        For 'mahalanobis': what :func:`estimate_noise` returns, or a precision matrix.
    constant : {'raise', 'nan'}
        What becomes of stimuli whose features all have the same value (for cosine: are all zero), to which the
        distance is not defined: an error, or NaN in their pairs.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (..., pair)
        Upper triangles without the diagonal, row by row, as :func:`scipy.spatial.distance.pdist` orders them; of the
        kind and on the device of `features`. NaN throughout for a state that does not exist.

    Raises
    ------
    AnalysisError
        If there are fewer than two stimuli, NaN among the values of a state that exists, or a distance is not defined.

    Notes
    -----
    A pair costs one scalar product: squared distances are ``g_ii + g_jj - 2 g_ij`` of products between patterns that
    are brought to unit length (correlation, cosine) and measured from a common origin near their mean first. Rounding
    is therefore relative to the spread of the patterns, not to their offset: about 1e-7 of the largest squared
    distance in float32. rsatoolbox's 'euclidean' and 'mahalanobis' are squared and divided by the number of
    features [1]_.

    References
    ----------
    .. [1] Nili, Wingfield, Walther, Su, Marslen-Wilson & Kriegeskorte (2014). A toolbox for representational similarity
       analysis. PLoS Computational Biology 10(4), e1003553.
    """
    check_distance(distance, (*PLAIN, "mahalanobis"))
    if constant not in ("raise", "nan"):
        raise AnalysisError(f"constant {constant!r}: raise or nan")
    values = to_tensor(features, "features", finite=False)
    check_shape(values.shape, distance)
    states = values.reshape(-1, *values.shape[-2:])
    if values.device.type == "mps":  # which has no float64
        states = states.cpu()
    if distance == "mahalanobis":
        from ventralrnn.analysis.rdm.noise import as_noise

        if noise is None:
            raise AnalysisError("noise: mahalanobis needs a noise covariance: give what estimate_noise returns")
        states, distance = as_noise(noise).whiten(states), "sqeuclidean"
    elif noise is not None:
        raise AnalysisError(f"noise: goes not with {distance}: use mahalanobis")
    result = distances_within(place(states, distance, constant=constant))
    return to_kind(result.reshape(*values.shape[:-2], -1).to(values.device), features)


def check_distance(distance: str, known: tuple[str, ...]) -> None:
    """Refuse a distance that is not one of those known."""
    if distance not in known:
        raise AnalysisError(f"distance {distance!r}: {', '.join(known[:-1])} or {known[-1]}")


def check_shape(shape: Any, distance: str, where: str = "") -> None:
    """Refuse (..., stimulus, feature) of too few stimuli, or too few features for the distance."""
    if len(shape) < 2:
        raise AnalysisError(f"features{where}: give (..., stimulus, feature), not shape {tuple(shape)}")
    if shape[-2] < 2:
        raise AnalysisError(f"features{where}: {shape[-2]} stimuli have no pairs: give at least two")
    needed = 2 if distance == "correlation" else 1
    if shape[-1] < needed:
        raise AnalysisError(
            f"features{where}: {distance} needs at least {needed} features, not {shape[-1]}"
            + (": use euclidean" if needed == 2 else "")
        )
