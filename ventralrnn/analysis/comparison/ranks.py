"""Mean ranks of long rows: one sort of packed integers a row, which numpy vectorises."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import A, to_kind, to_tensor

# Values ranked at a time: a block and its sorted copies stay in the cache of a core.
_BLOCK_VALUES = 1 << 19
# Half integers below this are exact in float32.
_EXACT_IN_FLOAT32 = 1 << 23


def mean_ranks(values: A) -> A:
    """Return the rank of each value within its row, 1 for the smallest; tied values share the mean of their ranks.

    Parameters
    ----------
    values : numpy.ndarray or torch.Tensor, (..., n)
        Rows to rank, each on its own.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (..., n)
        Equal to ``scipy.stats.rankdata(values, axis=-1)`` to the last bit: float32 for float32 and float16 as long as
        all ranks are exact in it (rows of less than 2**23 values), else float64. A row that holds NaN is NaN
        throughout.

    Raises
    ------
    AnalysisError
        If the values are not real numbers.

    Notes
    -----
    numpy sorts 64-bit integers with vector instructions several times faster than torch, scipy or numpy sort floats
    together with their indices, so on a CPU a float32 and its position are packed into one integer. Blocks of rows
    are ranked in as many threads as torch uses. On other devices torch sorts.
    """
    tensor = to_tensor(values, "values", finite=False)
    rows = tensor.reshape(-1, tensor.shape[-1]) if tensor.numel() and tensor.ndim else tensor.reshape(-1, 1)
    length = rows.shape[-1]
    narrow = tensor.dtype == torch.float32 and length < _EXACT_IN_FLOAT32
    ranks = torch.empty(rows.shape, dtype=torch.float32 if narrow else torch.float64, device=rows.device)
    step = max(1, _BLOCK_VALUES // length)
    starts = range(0, len(rows), step)
    if tensor.device.type != "cpu":
        for start in starts:
            _rank_on_device(rows[start : start + step], ranks[start : start + step])
    elif rows.numel():
        source, target = rows.numpy(), ranks.numpy()

        def rank(start: int) -> None:
            _rank(source[start : start + step], target[start : start + step])

        with ThreadPoolExecutor(max_workers=torch.get_num_threads()) as threads:
            list(threads.map(rank, starts))
    if rows.numel() and not bool(rows.sum().isfinite()):
        ranks[rows.isnan().any(-1)] = torch.nan
    return to_kind(ranks.reshape(tensor.shape), values)


def _rank(rows: np.ndarray, ranks: np.ndarray) -> None:
    """Write the ranks of a block of rows, (row, n), into `ranks`, whose rows lie one after the other."""
    count, length = rows.shape
    position, key = _order(rows)
    ordered = np.empty(rows.shape, ranks.dtype)
    ordered[:] = np.arange(1, length + 1, dtype=ranks.dtype)
    again = np.zeros(rows.shape, bool)
    np.equal(key[:, 1:], key[:, :-1], out=again[:, 1:])
    _share(ordered.reshape(-1), np.flatnonzero(again))
    if count > 1:
        position += length * np.arange(count)[:, None]
    ranks.reshape(-1)[position.reshape(-1)] = ordered.reshape(-1)


def _share(ordered: np.ndarray, again: np.ndarray) -> None:
    """Give values that equal the one before, at the places `again`, and the first of each such run their mean rank."""
    if not len(again):
        return
    start = np.flatnonzero(np.diff(again, prepend=-2) > 1)
    size = np.diff(start, append=len(again))
    first = again[start] - 1
    mean = ordered[first] + (size / 2).astype(ordered.dtype)
    ordered[first] = mean
    ordered[again] = np.repeat(mean, size)


def _order(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for every row of (row, n) the positions of its values in rising order, and keys that tell ties."""
    if rows.dtype != np.float32:
        position = np.argsort(rows, axis=-1)
        return position, np.take_along_axis(rows, position, axis=-1)
    # Adding zero makes one zero of the two. Read as integers, positive floats are in order and negative ones reversed.
    bits = (rows + np.float32(0)).view(np.int32)
    bits ^= (bits >> 31) & np.int32(0x7FFFFFFF)
    packed = bits.astype(np.int64) << 32
    packed |= np.arange(rows.shape[-1], dtype=np.int64)
    packed.sort(axis=-1)
    return packed & 0xFFFFFFFF, packed >> 32


def _rank_on_device(rows: Tensor, ranks: Tensor) -> None:
    """Write the ranks of a block of rows, (row, n), into `ranks`, by the sort of the device."""
    ordered, position = rows.sort(dim=-1)
    place = torch.arange(rows.shape[-1], device=rows.device).expand(rows.shape)
    changes = ordered[:, 1:] != ordered[:, :-1]
    edge = changes.new_ones(len(rows), 1)
    first = torch.where(torch.cat([edge, changes], -1), place, 0).cummax(-1).values
    last = torch.where(torch.cat([changes, edge], -1), place, rows.shape[-1]).flip(-1).cummin(-1).values.flip(-1)
    ranks.scatter_(-1, position, (first + last).to(ranks.dtype) / 2 + 1)
