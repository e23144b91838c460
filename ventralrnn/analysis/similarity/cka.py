"""Linear centred kernel alignment of all pairs of states: prepared Gram matrices and one product."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import A, is_finite, to_kind, to_tensor
from ventralrnn.analysis.rowspace import add_products_of_rows, centred, one_thread_of_torch, products_of_rows
from ventralrnn.errors import AnalysisError

# Fewer stimuli have no unbiased estimate: they enter as n (n - 3).
FEWEST_DEBIASED = 4

# Features that are centred and multiplied at once.
_BLOCK_FEATURES = 1 << 13
# Pairs of stimuli whose products are added up in the precision of the states; blocks of them are in float64.
_BLOCK_PAIRS = 1 << 15


def cka(
    states: Sequence[A] | A,
    others: Sequence[A] | A | None = None,
    *,
    debiased: bool = True,
    batch_size: int | None = None,
    epochs: int = 1,
    seed: int = 0,
) -> A:
    """Return the linear centred kernel alignment of all pairs of states.

    Parameters
    ----------
    states : sequence of numpy.ndarray or torch.Tensor (stimulus, feature), or one array (state, stimulus, feature)
        Responses of as many features as each state has to the same stimuli in the same order. A state that does not
        exist is NaN throughout.
    others : like `states`, optional
        Other states, of the same stimuli, to compare each state with. By default the states with each other.
    debiased : bool
        Take the unbiased estimate of the Hilbert-Schmidt independence criterion [1]_, so that independent states have
        0 on average, and may fall below. The biased one [2]_ grows with the number of features.
    batch_size : int, optional
        Average the criterion over batches of at least so many stimuli, drawn at random [3]_: memory then grows with
        the batch, not the square of the number of stimuli. Debiased only.
    epochs : int
        For batches: how often the stimuli are drawn.
    seed : int
        For batches.

    Returns
    -------
    array of float64, (state, other)
        NaN where a state does not exist or does not vary over stimuli.

    Raises
    ------
    AnalysisError
        If states differ in their stimuli, there are fewer than two (four for the unbiased estimate), or some of the
        values of a state are NaN.

    Notes
    -----
    The unbiased estimate is the inner product of matrices that are U-centred, ``n (n - 3)`` times, which equals the
    three sums of [1]_ without their cancellation. Products of float32 features are computed in float32 after centring,
    sums over many pairs of stimuli in float64.

    References
    ----------
    .. [1] Song et al., Feature selection via dependence maximization, JMLR 13 (2012), eq. 5; U-centring: Szekely &
       Rizzo, Partial distance correlation with methods for dissimilarities, Annals of Statistics 42 (2014).
    .. [2] Kornblith et al., Similarity of neural network representations revisited, ICML (2019).
    .. [3] Nguyen, Raghu & Kornblith, Do wide and deep networks learn the same things?, ICLR (2021), eq. 3.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import cka
    >>> states = np.random.default_rng(0).normal(size=(3, 20, 50))  # (state, stimulus, feature)
    >>> similarity = cka(states)
    >>> similarity.shape, bool(np.allclose(np.diag(similarity), 1))
    ((3, 3), True)
    """
    first: list[Tensor] = as_states(states, "states")
    second: list[Tensor] | None = None if others is None else as_states(others, "others")
    count = count_stimuli([*first, *(second or [])])
    plan = plan_criterion(count, debiased=debiased, batch_size=batch_size, epochs=epochs, seed=seed)
    rows = prepare_states(first, plan)
    result = align(rows, None if second is None else prepare_states(second, plan))
    return to_kind(result, states if isinstance(states, Tensor) else states[0])


class Criterion(NamedTuple):
    """How Gram matrices are prepared: the stimuli of each batch, and whether they are U-centred."""

    batches: list[np.ndarray]
    debiased: bool

    @property
    def width(self) -> int:
        """Number of values of a prepared state."""
        return sum(_packed_width(len(batch)) for batch in self.batches)


def plan_criterion(
    stimuli: int, *, debiased: bool = True, batch_size: int | None = None, epochs: int = 1, seed: int = 0
) -> Criterion:
    """Return which pairs of stimuli enter, and how; the arguments are those of :func:`cka`."""
    fewest = FEWEST_DEBIASED if debiased else 2
    if stimuli < fewest:
        raise AnalysisError(f"states: {stimuli} stimuli; {'debiased ' if debiased else ''}CKA needs at least {fewest}")
    if batch_size is None:
        return Criterion([np.arange(stimuli)], debiased)
    if not debiased:
        raise AnalysisError("batch_size: an average over batches is only right for the debiased estimate")
    if not fewest <= batch_size <= stimuli or epochs < 1:
        raise AnalysisError(f"batch_size: give {fewest} to {stimuli} stimuli, and at least one epoch")
    rng = np.random.default_rng(seed)
    batches = [np.array_split(rng.permutation(stimuli), stimuli // batch_size) for _ in range(epochs)]
    return Criterion([batch for epoch in batches for batch in epoch], debiased)


@one_thread_of_torch()
def prepare_state(features: Tensor, plan: Criterion) -> Tensor:
    """Return centred Gram matrices of one state as one vector of unit length, whose products are the alignments.

    Of each symmetric matrix the upper triangle is kept.

    Parameters
    ----------
    features : torch.Tensor, (stimulus, feature)
        Finite, or NaN throughout.
    plan : Criterion
        From :func:`plan_criterion`.

    Returns
    -------
    torch.Tensor of the features' type, (value,)
        NaN for a state that does not exist, or does not vary.
    """
    if bool(features[0, 0].isnan()):
        return torch.full((plan.width,), torch.nan, dtype=features.dtype, device=features.device)
    parts = []
    for batch in plan.batches:
        whole = len(batch) == len(features)
        chosen = features if whole else features[torch.as_tensor(batch, device=features.device)]
        gram = _upper_gram(chosen)
        if plan.debiased:
            _u_centre(gram)
        parts.append(_pack(gram))
    row = parts[0] if len(parts) == 1 else torch.cat(parts)
    # Squares of products are out of float32's range before the products are.
    length = torch.linalg.vector_norm(row, dtype=torch.float64)
    return row.div_(torch.where(length > 0, length, torch.nan))


def _upper_gram(features: Tensor) -> Tensor:
    """Return the upper triangle of the Gram matrix of centred features, which is then itself centred."""
    count, width = features.shape
    gram = features.new_zeros(count, count)
    for start in range(0, width, _BLOCK_FEATURES):
        add_products_of_rows(gram, centred(features[:, start : start + _BLOCK_FEATURES], features.dtype))
    if gram.device.type != "cpu":
        gram.triu_()
    return gram


def _u_centre(gram: Tensor) -> None:
    """Bring upper triangles to row means of zero without the diagonal, and n (n - 3) pairs to a mean."""
    count = len(gram)
    # Of a state that does not vary nothing but rounding would be left.
    if not bool(gram.diagonal().any()):
        return
    gram.fill_diagonal_(0)
    sums = (gram.sum(0) + gram.sum(1)) / (count - 2)
    gram -= sums
    gram -= sums[:, None]
    gram += sums.sum() / (count - 1)
    gram.triu_(1)
    gram /= (count * (count - 3)) ** 0.5


def _packed_width(count: int) -> int:
    return -(-count // 2) * count + count


def _pack(gram: Tensor) -> Tensor:
    """Return an upper triangle, zero below, as a vector whose products are those of the symmetric matrices.

    The lower half of the rows, turned by 180 degrees, fills the zeros of the upper half; the diagonal comes last. What
    stands twice in the matrix is multiplied by the root of 2.
    """
    count = len(gram)
    half = -(-count // 2)
    row = gram.new_empty(_packed_width(count))
    row[half * count :] = gram.diagonal()
    gram.fill_diagonal_(0)
    rectangle = row[: half * count].view(half, count)
    rectangle.copy_(gram[:half])
    rectangle[: count - half] += gram[half:].flip(0, 1)
    rectangle *= 2**0.5
    return row


@one_thread_of_torch()
def prepare_states(states: Sequence[Tensor], plan: Criterion) -> Tensor:
    """Return :func:`prepare_state` of each state, (state, value), in float32 where all of them are."""
    exact = any(state.dtype == torch.float64 for state in states)
    dtype = torch.float64 if exact else torch.float32
    rows = torch.empty(len(states), plan.width, dtype=dtype, device=states[0].device)
    for row, state in zip(rows, states, strict=True):
        row.copy_(prepare_state(state, plan))
    return rows


def align(rows: Tensor, others: Tensor | None = None) -> Tensor:
    """Return the alignment (state, other) of prepared states."""
    columns = rows if others is None else others.to(rows.dtype)
    result = torch.zeros(len(rows), len(columns), dtype=torch.float64, device=rows.device)
    for first, second in zip(rows.split(_BLOCK_PAIRS, 1), columns.split(_BLOCK_PAIRS, 1), strict=True):
        result += products_of_rows(first) if others is None else first @ second.mT
    if others is None:
        result.diagonal().copy_(torch.where(result.diagonal().isnan(), torch.nan, 1.0))
    return result


def as_states(states: Any, name: str) -> list[Tensor]:
    """Return states as tensors; each finite, or NaN throughout."""
    given = [to_tensor(state, f"{name}[{i}]", ndim=2, finite=False) for i, state in enumerate(states)]
    if not given:
        raise AnalysisError(f"{name}: give at least one state")
    for i, state in enumerate(given):
        if not state.shape[1]:
            raise AnalysisError(f"{name}[{i}]: has no features")
        if not (is_finite(state) or bool(state.isnan().all())):
            raise AnalysisError(f"{name}[{i}]: some values are NaN or infinite; leave these stimuli or features out")
    return given


def count_stimuli(states: Sequence[Tensor]) -> int:
    """Return how many stimuli all states have."""
    counts = {len(state) for state in states}
    if len(counts) > 1:
        raise AnalysisError(f"states: of {min(counts)} and of {max(counts)} stimuli; show all the same stimuli")
    return counts.pop()
