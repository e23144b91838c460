"""Distances between the shapes of states: what is left when one is rotated onto the other, for all pairs."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ventralrnn.analysis.arrays import A, to_kind
from ventralrnn.analysis.rowspace import centred, centred_gram, decompose_gram
from ventralrnn.analysis.similarity.cka import as_states, count_stimuli
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

MEASURES = ("procrustes", "angular")


@checked(AnalysisError)
def shape_distances(
    states: Sequence[A] | A,
    others: Sequence[A] | A | None = None,
    *,
    measure: str = "angular",
    alpha: float = 1.0,
) -> A:
    """Return shape distances of all pairs of states.

    Parameters
    ----------
    states : sequence of numpy.ndarray or torch.Tensor (stimulus, feature), or one array (state, stimulus, feature)
        Responses to the same stimuli in the same order. Features may differ in number; the fewer are filled up with
        zeros. A state that does not exist is NaN throughout.
    others : like `states`, optional
        Other states, of the same stimuli, to compare each state with. By default the states with each other.
    measure : {'angular', 'procrustes'}
        The angle (radians) between two centred states, or the length of their difference, after the best rotation or
        reflection. Both are metrics; the angle does not depend on scale.
    alpha : float
        1 leaves states as they are, 0 whitens them, so that any linear map is disregarded and distances rest on
        canonical correlations; values between do so in part.

    Returns
    -------
    array of float64, (state, other)
        NaN where a state does not exist, and for 'angular' where it does not vary.

    Raises
    ------
    AnalysisError
        If states differ in their stimuli, some of the values of a state are NaN, or the measure is unknown.

    Notes
    -----
    The best rotation needs the sum of the singular values of the two states' covariance, which are those of a matrix of
    as many rows and columns as there are stimuli or features, whichever are fewer.

    References
    ----------
    Williams et al., Generalized shape metrics on neural representations, NeurIPS (2021), eq. 4, 5 and 9.
    """
    check_measure(measure, alpha)
    given: list[Tensor] = as_states(states, "states")
    other_states: list[Tensor] = [] if others is None else as_states(others, "others")
    count_stimuli([*given, *other_states])
    first = [shape_factor(state, alpha) for state in given]
    second = None if others is None else [shape_factor(state, alpha) for state in other_states]
    result = pair_distances(first, second, measure)
    return to_kind(result, states if isinstance(states, Tensor) else states[0])


def check_measure(measure: str, alpha: float) -> None:
    """Refuse a measure that is none of the two, and a share of whitening that is none."""
    if measure not in MEASURES:
        raise AnalysisError(f"measure: {measure!r} is none; take {' or '.join(MEASURES)}")
    if not 0 <= alpha <= 1:
        raise AnalysisError(f"alpha: give a number from 0 (whitened) to 1 (as it is), not {alpha}")


def shape_factor(features: Tensor, alpha: float = 1.0) -> Tensor | None:
    """Return a state rotated into the fewest dimensions that hold it, centred and whitened in part.

    Parameters
    ----------
    features : torch.Tensor, (stimulus, feature)
        Finite, or NaN throughout.
    alpha : float
        See :func:`shape_distances`.

    Returns
    -------
    torch.Tensor of float64, (stimulus, dimension), or None
        None for a state that does not exist.
    """
    if bool(features.isnan().all()):
        return None
    count, width = features.shape
    if width >= count:
        lengths, left = decompose_gram(centred_gram(features))
    else:
        exact = centred(features, torch.float64)
        if alpha == 1:
            return exact
        lengths, basis = decompose_gram(exact.mT @ exact)
        left = exact @ basis / lengths
    return left * (alpha * lengths + (1 - alpha))


def pair_distances(first: Sequence[Tensor | None], second: Sequence[Tensor | None] | None, measure: str) -> Tensor:
    """Return distances (state, other) of factors from :func:`shape_factor`."""
    columns = first if second is None else second
    found = next((factor for factor in (*first, *columns) if factor is not None), None)
    device = None if found is None else found.device
    result = torch.full((len(first), len(columns)), torch.nan, dtype=torch.float64, device=device)
    for i, one in enumerate(first):
        for j, other in enumerate(columns):
            if one is None or other is None:
                continue
            if second is None and j <= i:
                result[i, j] = result[j, i] if j < i else _own_distance(one, measure)
            else:
                result[i, j] = _distance(one, other, measure)
    return result


def _own_distance(factor: Tensor, measure: str) -> float:
    return torch.nan if measure == "angular" and not bool(factor.any()) else 0.0


def _distance(one: Tensor, other: Tensor, measure: str) -> Tensor:
    overlap = torch.linalg.svdvals(one.mT @ other).sum() if one.shape[1] and other.shape[1] else one.new_zeros(())
    squares = one.square().sum(), other.square().sum()
    if measure == "procrustes":
        return (squares[0] + squares[1] - 2 * overlap).clamp(min=0).sqrt()
    lengths = (squares[0] * squares[1]).sqrt()
    return (overlap / torch.where(lengths > 0, lengths, torch.nan)).clamp(max=1).arccos()
