"""Concordant minus discordant pairs of values, exactly, without a loop over values."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.comparison.ranks import mean_ranks

# On a CPU, signs of all differences of n values are multiplied as long as n is below the first and n**2 (m + k) below
# the second times m k: measured where counting inversions, a millisecond for any two rows, becomes faster.
_LONGEST_SIGNS = 8192
_SIGNS_PER_COMPARISON = 750_000
# Blocks merged at a time: more would need more than a byte for the number of a block.
_MOST_BLOCKS = 128


def concordance(first: Tensor, second: Tensor) -> Tensor:
    """Return the number of concordant minus discordant pairs of values, for every two rows.

    Parameters
    ----------
    first : torch.Tensor, (m, n)
        Finite values.
    second : torch.Tensor, (k, n)
        Finite values on the same device.

    Returns
    -------
    torch.Tensor of float64, (m, k)
        Whole numbers. Pairs of values that are tied in either row count as nothing.
    """
    one, two = mean_ranks(first), mean_ranks(second)
    (m, length), k = first.shape, len(second)
    few = length <= _LONGEST_SIGNS and length**2 * (m + k) <= _SIGNS_PER_COMPARISON * m * k
    if first.device.type != "cpu" or few:
        return _by_signs(one, two)
    return torch.from_numpy(_by_inversions(one.numpy(), two.numpy()))


def tied_pairs(rows: Tensor) -> Tensor:
    """Return the number of pairs of equal values in every row of (m, n), as float64 (m,)."""
    doubled = (2 * mean_ranks(rows)).long()
    counts = [torch.bincount(row).double() for row in doubled]
    return torch.stack([(c * (c - 1)).sum() / 2 for c in counts]) if counts else rows.new_zeros(0).double()


def _by_signs(first: Tensor, second: Tensor) -> Tensor:
    """Sum the products of the signs of all differences of ranks, one distance along the row at a time."""
    total = torch.zeros(len(first), len(second), dtype=torch.float64, device=first.device)
    # Of whole numbers every difference is at least one, which a clamp makes a sign.
    one, two = ((2 * ranks).float() for ranks in (first, second))
    for shift in range(1, first.shape[1]):
        signs = [(ranks[:, shift:] - ranks[:, :-shift]).clamp_(-1, 1) for ranks in (one, two)]
        total += signs[0] @ signs[1].T
    return total


def _by_inversions(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Count the discordant pairs as inversions of one row in the order of the other."""
    one, two = _Ranked(first), _Ranked(second)
    result = np.empty((len(first), len(second)))

    def count(place: tuple[int, int]) -> None:
        result[place] = _concordance_of_two(one, two, *place)

    with ThreadPoolExecutor(max_workers=torch.get_num_threads()) as threads:
        list(threads.map(count, np.ndindex(result.shape)))
    return result


class _Ranked:
    """Rows of whole ranks, what is tied in them, and the order of those without ties."""

    def __init__(self, ranks: np.ndarray) -> None:
        self.ranks = (2 * ranks - 2).astype(np.uint32)
        self.ties = [_pairs_among(np.bincount(row)) for row in self.ranks]
        self.order = [None if ties else _inverse(row // 2) for row, ties in zip(self.ranks, self.ties, strict=True)]


def _inverse(permutation: np.ndarray) -> np.ndarray:
    order = np.empty(len(permutation), np.int64)
    order[permutation] = np.arange(len(permutation))
    return order


def _pairs_among(sizes: np.ndarray) -> int:
    return int((sizes * (sizes - 1)).sum()) // 2


def _concordance_of_two(first: _Ranked, second: _Ranked, i: int, j: int) -> int:
    x, y = first.ranks[i], second.ranks[j]
    both = 0
    # One row is put into the order of the other. Among values that are tied there its own must rise, since they are
    # not discordant: a sort of both together, which a row without ties saves.
    if (order := first.order[i]) is not None:
        sequence = y[order]
    elif (order := second.order[j]) is not None:
        sequence = x[order]
    else:
        packed = x.astype(np.uint64) << np.uint64(32) | y
        packed.sort()
        edges = np.flatnonzero(packed[1:] != packed[:-1]) + 1
        both = _pairs_among(np.diff(edges, prepend=0, append=len(packed)))
        sequence = packed.astype(np.uint32)
    distinct = len(x) * (len(x) - 1) // 2 - first.ties[i] - second.ties[j] + both
    return distinct - 2 * count_inversions(sequence)


def count_inversions(values: np.ndarray) -> int:
    """Return how many pairs of values stand in falling order.

    Parameters
    ----------
    values : numpy.ndarray of unsigned integers, (n,)
        Less than 2**32; equal values are no inversion.

    Returns
    -------
    int
        Exactly.

    Notes
    -----
    A merge sort with a wide fan: sorted blocks, b at a time, are sorted into one, each value carrying the number of
    its block. A pair of one merge is inverted if the numbers of its blocks are so after it. These are counted by
    comparison within chunks of 2 b values, and between chunks from how often each number occurs in them. All blocks
    are treated at once, so that numpy runs over whole arrays log n / log b times.
    """
    levels = next(depth for depth in range(1, 32) if _MOST_BLOCKS**depth >= len(values))
    base = next(b for b in range(2, _MOST_BLOCKS + 1, 2) if b**levels >= len(values))
    bits = (base - 1).bit_length()
    largest = int(values.max(initial=0))
    # What fills up the last block is no less than anything before it.
    kind = np.uint32 if largest < 1 << (32 - bits) else np.uint64
    key: np.ndarray = np.full(base**levels, largest, kind)
    key[: len(values)] = values
    total = 0
    for level in range(levels):
        blocks = key.reshape(-1, base, base**level)
        blocks <<= bits
        blocks |= np.arange(base, dtype=key.dtype)[:, None]
        merged = key.reshape(-1, base ** (level + 1))
        merged.sort(axis=-1)
        numbers = (merged & kind((1 << bits) - 1)).astype(np.uint8)
        total += sum(_inversions_of_numbers(numbers, base))
        key >>= bits
    return total


def _inversions_of_numbers(numbers: np.ndarray, base: int) -> Iterator[int]:
    """Yield parts of the number of inversions within the rows, (row, n), of numbers less than `base`."""
    width = min(2 * base, numbers.shape[1])
    chunks = np.ascontiguousarray(numbers.reshape(-1, width).T)
    falls = np.empty(chunks.shape, bool)
    for shift in range(1, width):
        yield int(np.count_nonzero(np.greater(chunks[:-shift], chunks[shift:], out=falls[shift:])))
    if width < numbers.shape[1]:
        place = numbers.reshape(-1, width) + base * np.arange(numbers.size // width)[:, None]
        occurs = np.bincount(place.ravel(), minlength=numbers.size // width * base)
        occurs = occurs.reshape(len(numbers), -1, base)
        before = occurs.cumsum(1) - occurs
        larger = before.sum(-1, keepdims=True) - before.cumsum(-1)
        yield int(np.vdot(larger, occurs))
