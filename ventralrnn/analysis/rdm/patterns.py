"""Patterns as vectors whose squared distances are wanted, by matrix products that hold for near-duplicates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ventralrnn.errors import AnalysisError

# Values that are prepared at a time: so many stay in a processor's cache until they are multiplied. Other devices
# have no such cache, and want large products.
_BLOCK_VALUES = 1 << 19
_BLOCK_VALUES_ELSEWHERE = 1 << 26
# Products of patterns with themselves go by so many rows, and leave out what lies further below the diagonal.
_TILE_ROWS = 128
_TILE_ROWS_ELSEWHERE = 2048
# Narrower blocks of features would spend their time on adding up products.
_LEAST_WIDTH = 64
# Centred patterns shorter than so many roundings of their mean may be constant, which is then looked at exactly.
_ROUNDINGS = 64


@dataclass(frozen=True)
class Frame:
    """The origin from which patterns are measured; the same for all whose distances are wanted.

    Distances do not depend on it. Rounding does: patterns close to each other should be close to the origin.

    Parameters
    ----------
    distance : str
        'correlation', 'cosine', 'euclidean' or 'sqeuclidean'.
    centre : torch.Tensor, (state, 1, feature)
        About the mean of the patterns.
    mean, scale : torch.Tensor of float64, (state, 1, 1)
        What is subtracted from, and then multiplied with, the origin before unit length; 0 and 1 where patterns are
        not brought to unit length.
    """

    distance: str
    centre: Tensor
    mean: Tensor
    scale: Tensor


@dataclass(frozen=True)
class Patterns:
    """Patterns and what turns each into the vector that is multiplied.

    Parameters
    ----------
    values : torch.Tensor, (state, stimulus, feature)
        As they were given.
    frame : Frame
        The origin.
    shift, scale, lift : torch.Tensor or None, (state, stimulus, 1)
        The vector is ``(values - centre - shift) * scale + (centre - mean) * lift``; None is 0, 1 and 0.
    ready : bool
        `values` are the vectors.

    Notes
    -----
    Of a pattern x with mean m over features and unit-length scale s = 1 / |x - m|, the correlation distance to another
    is half the squared distance of z = (x - m) s. Computed as it stands, z of near-duplicates with a large offset
    differ by rounding. With the origin r = (c - m0) s0 of a common pattern c, z - r is written as a sum of two terms
    that are both small: (x - c - (m - m0)) s + (c - m0) (s - s0), whose differences are known to the rounding of
    themselves. Cosine is the same with m = 0.
    """

    values: Tensor
    frame: Frame
    shift: Tensor | None = None
    scale: Tensor | None = None
    lift: Tensor | None = None
    ready: bool = False

    @property
    def count(self) -> int:
        """Number of stimuli."""
        return self.values.shape[1]

    def block(self, states: slice, features: slice) -> Tensor:
        """Return the vectors of some states, (state, stimulus, feature), for some of the features."""
        if self.ready:
            return self.values[states, :, features]
        centre = self.frame.centre[states, :, features]
        block = self.values[states, :, features] - centre
        if self.shift is not None:
            block -= self.shift[states]
        if self.scale is not None and self.lift is not None:
            block *= self.scale[states]
            block.addcmul_(centre - self.frame.mean[states].to(centre.dtype), self.lift[states])
        return block

    def settle(self) -> "Patterns":
        """Replace the values by the vectors, in place; they must be of the type that products are computed in."""
        for state in range(len(self.values)):
            some = slice(state, state + 1)
            for features in _features(self, 1):
                self.values[some, :, features] = self.block(some, features)
        return replace(self, ready=True)


def place(
    values: Tensor,
    distance: str,
    frame: Frame | None = None,
    constant: str = "raise",
    where: str = "",
    names: Sequence[str] | None = None,
) -> Patterns:
    """Prepare patterns.

    Parameters
    ----------
    values : torch.Tensor, (state, stimulus, feature)
        Of float16, float32 or float64. A state that is NaN throughout stays NaN.
    distance : str
        'correlation', 'cosine', 'euclidean' or 'sqeuclidean'.
    frame : Frame, optional
        That of patterns prepared before; made from these by default.
    constant : {'raise', 'nan'}
        What becomes of a pattern that the distance is not defined for: the same value in all features for
        correlation, zeros for cosine.
    where : str
        Names the state, for messages.
    names : sequence of str, optional
        Of the stimuli, for messages; numbers by default.

    Returns
    -------
    Patterns
        Vectors that are not defined are NaN.

    Raises
    ------
    AnalysisError
        If a pattern is not finite in a state that exists, or is not defined and `constant` is 'raise'.
    """
    work = torch.float64 if values.dtype == torch.float64 else torch.float32
    _check_finite(values, where, names)
    if distance in ("euclidean", "sqeuclidean"):
        return Patterns(values, frame or _plain_frame(values, distance, work))
    mean, length, undefined = _moments(values, distance, work)
    if constant == "raise" and bool(undefined.any()):
        _raise_undefined(undefined, distance, where, names)
    scale = torch.where(undefined, torch.nan, 1 / length)
    frame = frame or _unit_frame(values, distance, mean, scale)
    shift = (mean - frame.mean).to(work) if distance == "correlation" else None
    return Patterns(values, frame, shift, scale.to(work), (scale - frame.scale).to(work))


def _plain_frame(values: Tensor, distance: str, work: torch.dtype) -> Frame:
    zero = torch.zeros(len(values), 1, 1, dtype=torch.float64, device=values.device)
    return Frame(distance, values.mean(1, keepdim=True, dtype=work), zero, zero + 1)


def _unit_frame(values: Tensor, distance: str, mean: Tensor, scale: Tensor) -> Frame:
    """Return an origin near the patterns' mean that a few with another offset or length do not move away."""
    work = torch.float64 if values.dtype == torch.float64 else torch.float32
    known = ~scale.isnan()
    middle = torch.where(known, mean, torch.nan).nanmedian(1, keepdim=True).values.nan_to_num_()
    typical = scale.nanmedian(1, keepdim=True).values.nan_to_num_(1)
    weights = torch.where(known, torch.minimum(scale, typical), 0)
    weights /= weights.sum(1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
    centre = torch.empty(len(values), 1, values.shape[2], dtype=work, device=values.device)
    for state, target in enumerate(centre):
        row = weights[state].mT.to(work)
        if values.dtype == work:
            torch.mm(row, values[state], out=target)
        else:
            torch.mm(row, values[state].to(work), out=target)
    if distance == "correlation":
        centre += (middle - (weights * mean).sum(1, keepdim=True)).to(work)
    return Frame(distance, centre, middle, typical)


def _check_finite(values: Tensor, where: str, names: Sequence[str] | None) -> None:
    """Refuse what is not finite, unless a whole state is NaN; a sum over features tells without a copy."""
    suspect = ~values.sum(2, dtype=torch.float32 if values.dtype == torch.float16 else None).isfinite()
    for state in suspect.any(1).nonzero().flatten().tolist():
        if bool(suspect[state].all()) and bool(values[state].isnan().all()):
            continue
        for stimulus in suspect[state].nonzero().flatten().tolist():
            if not bool(values[state, stimulus].isfinite().all()):
                raise AnalysisError(
                    f"features{where}: holds NaN or infinity for stimulus {_name(stimulus, names)}: leave such "
                    "stimuli, states or neuroids out"
                )


def _raise_undefined(undefined: Tensor, distance: str, where: str, names: Sequence[str] | None) -> None:
    state, stimulus, _ = undefined.nonzero()[0].tolist()
    number = int(undefined.any(0).sum())
    which = f"stimulus {_name(stimulus, names)}" + (f" of state {state}" if len(undefined) > 1 else "")
    what = "has the same value in all features" if distance == "correlation" else "is zero in all features"
    raise AnalysisError(
        f"features{where}: {which} {what}{f' ({number} stimuli do)' if number > 1 else ''}, so its {distance} distance "
        "is not defined: use euclidean, or constant='nan' for NaN in its pairs"
    )


def _name(stimulus: int, names: Sequence[str] | None) -> str:
    return str(stimulus) if names is None else str(names[stimulus])


def _moments(values: Tensor, distance: str, work: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean over features, length of what is left of each pattern, and for which that is not defined."""
    states, stimuli, features = values.shape
    mean = torch.zeros(states, stimuli, 1, dtype=torch.float64, device=values.device)
    length = torch.empty_like(mean)
    for index in _parts(values):
        part = values[index].to(work)
        if distance == "correlation":
            first = part.mean(2, keepdim=True)
            part = part - first
            # The mean of what is left is what rounding took away from the first.
            rest = part.mean(2, keepdim=True)
            part -= rest
            mean[index] = first.double() + rest.double()
        # An error of the length moves near-duplicates apart along the pattern, as far as the pattern is long.
        length[index] = torch.linalg.vector_norm(part, dim=2, keepdim=True, dtype=torch.float64)
    undefined = length == 0
    if distance == "correlation":
        rounding = _ROUNDINGS * torch.finfo(work).eps * mean.abs() * features**0.5
        for state, stimulus, _ in (length <= rounding).nonzero().tolist():
            pattern = values[state, stimulus]
            undefined[state, stimulus] = bool(pattern.amax() == pattern.amin())
    return mean, length, undefined


def _block_values(tensor: Tensor) -> int:
    return _BLOCK_VALUES if tensor.device.type == "cpu" else _BLOCK_VALUES_ELSEWHERE


def _parts(values: Tensor) -> Iterator[tuple[slice, slice]]:
    """Cut states, or the stimuli of each where they are large, into parts that stay in a cache."""
    states, stimuli, features = values.shape
    together = max(1, _block_values(values) // (stimuli * features))
    rows = max(1, min(stimuli, _block_values(values) // features))
    for state in range(0, states, together):
        for row in range(0, stimuli, rows):
            yield slice(state, state + together), slice(row, row + rows)


def _features(patterns: Patterns, states: int) -> Iterator[slice]:
    features = patterns.values.shape[2]
    width = max(_LEAST_WIDTH, _block_values(patterns.values) // (patterns.count * states))
    # Blocks of the same size, rather than a last one of a few features.
    width = -(-features // -(-features // width))
    for start in range(0, features, width):
        yield slice(start, start + width)


def products_within(patterns: Patterns) -> Tensor:
    """Return scalar products of the vectors of each state with one another.

    Parameters
    ----------
    patterns : Patterns
        Of n stimuli.

    Returns
    -------
    torch.Tensor, (state, n, n)
        What lies far below the diagonal is left undefined.
    """
    states, count, _ = patterns.values.shape
    work = patterns.frame.centre.dtype
    sums = torch.zeros(states, count, count, dtype=work, device=patterns.values.device)
    together = max(1, _block_values(patterns.values) // patterns.values[0].numel())
    rows = _TILE_ROWS if patterns.values.device.type == "cpu" else _TILE_ROWS_ELSEWHERE
    for state in range(0, states, together):
        some = slice(state, state + together)
        target = sums[some]
        for features in _features(patterns, len(target)):
            block = patterns.block(some, features)
            for row in range(0, count, rows):
                _add_product(target[:, row : row + rows, row:], block[:, row : row + rows], block[:, row:])
    return sums


def products_between(first: Patterns, second: Patterns) -> Tensor:
    """Return scalar products of the vectors of each state with those of other stimuli.

    Parameters
    ----------
    first, second : Patterns
        Of n and m stimuli, in the same frame.

    Returns
    -------
    torch.Tensor, (state, n, m)
        Sums over features.
    """
    states = len(first.values)
    sums = first.frame.centre.new_zeros(states, first.count, second.count)
    larger = max(first, second, key=lambda p: p.count)
    for state in range(states):
        some = slice(state, state + 1)
        for features in _features(larger, 1):
            _add_product(sums[some], first.block(some, features), second.block(some, features))
    return sums


def _add_product(target: Tensor, left: Tensor, right: Tensor) -> None:
    if len(target) == 1:  # a matrix product writes into a part of a matrix, a batched one into a copy
        target[0].addmm_(left[0], right[0].T)
    else:
        target.baddbmm_(left, right.mT)


def squared_lengths(patterns: Patterns) -> Tensor:
    """Return the scalar product of every vector with itself, (state, stimulus)."""
    states, count, _ = patterns.values.shape
    sums = patterns.frame.centre.new_zeros(states, count)
    for state in range(states):
        some = slice(state, state + 1)
        for features in _features(patterns, 1):
            sums[some] += patterns.block(some, features).square().sum(2)
    return sums


def to_distances(products: Tensor, first: Tensor, second: Tensor, distance: str) -> Tensor:
    """Turn scalar products into distances, in place.

    Parameters
    ----------
    products : torch.Tensor, (state, n, m)
        Of vectors.
    first : torch.Tensor, (state, n)
        Products of the first with themselves.
    second : torch.Tensor, (state, m)
        Products of the second with themselves.
    distance : str
        What is wanted.

    Returns
    -------
    torch.Tensor, (state, n, m)
        The same memory; rounding below zero is zero.
    """
    squared = products.mul_(-2).add_(first[:, :, None]).add_(second[:, None, :]).clamp_(min=0)
    if distance in ("correlation", "cosine"):
        return squared.mul_(0.5)
    return squared.sqrt_() if distance == "euclidean" else squared


def distances_within(patterns: Patterns) -> Tensor:
    """Return the distances of all pairs of stimuli.

    Parameters
    ----------
    patterns : Patterns
        Of n stimuli.

    Returns
    -------
    torch.Tensor, (state, n (n - 1) / 2)
        Upper triangles without the diagonal, row by row.
    """
    sums = products_within(patterns)
    lengths = sums.diagonal(dim1=1, dim2=2).clone()
    return upper(to_distances(sums, lengths, lengths, patterns.frame.distance))


def distances_between(first: Patterns, second: Patterns, lengths: Tensor | None = None) -> Tensor:
    """Return the distances of stimuli to other stimuli.

    Parameters
    ----------
    first, second : Patterns
        Of n and m stimuli, in the same frame.
    lengths : torch.Tensor, (state, n), optional
        What :func:`squared_lengths` returns for the first, where it is known.

    Returns
    -------
    torch.Tensor, (state, n, m)
        Distances.
    """
    own = squared_lengths(first) if lengths is None else lengths
    return to_distances(products_between(first, second), own, squared_lengths(second), first.frame.distance)


def upper(square: Tensor) -> Tensor:
    """Return upper triangles without the diagonal, row by row: (..., n, n) -> (..., n (n - 1) / 2)."""
    return torch.cat([square[..., i, i + 1 :] for i in range(square.shape[-1] - 1)], -1)
