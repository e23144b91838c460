"""Dissimilarities of stimuli that do not fit into memory together: tile against tile."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.rdm.container import pair_position
from ventralrnn.analysis.rdm.patterns import (
    Frame,
    Patterns,
    distances_between,
    distances_within,
    place,
    squared_lengths,
)
from ventralrnn.errors import AnalysisError

#: Reads the patterns of some stimuli, (stimulus, feature).
Read = Callable[[slice], Tensor]


def tile_rows(count: int, row_bytes: int, memory: int) -> int:
    """Return how many stimuli a tile holds, so that two tiles fit; all, if they fit together.

    Parameters
    ----------
    count : int
        Number of stimuli.
    row_bytes : int
        Bytes of one pattern.
    memory : int
        Bytes for patterns.

    Returns
    -------
    int
        At least 1; tiles are of equal size but for the last.
    """
    if count * row_bytes <= memory:
        return count
    most = max(1, memory // (2 * row_bytes))
    return -(-count // -(-count // most))


def distances_by_tiles(
    read: Read,
    count: int,
    rows: int,
    distance: str,
    *,
    constant: str = "raise",
    where: str = "",
    names: Sequence[str] | None = None,
) -> np.ndarray:
    """Compute the dissimilarities of all pairs of stimuli, two tiles at a time.

    Parameters
    ----------
    read : callable
        Takes a slice of stimuli and returns their patterns, (stimulus, feature).
    count : int
        Number of stimuli.
    rows : int
        Stimuli a tile.
    distance : {'correlation', 'euclidean', 'sqeuclidean', 'cosine'}
        See :func:`compute_distances`.
    constant : {'raise', 'nan'}
        See :func:`compute_distances`.
    where : str
        Names the state, for messages.
    names : sequence of str, optional
        Of the stimuli, for messages.

    Returns
    -------
    numpy.ndarray, (pair,)
        NaN throughout for a state that is.

    Raises
    ------
    AnalysisError
        As :func:`compute_distances`.
    """
    tiles = [slice(start, min(start + rows, count)) for start in range(0, count, rows)]
    result = np.empty(0)
    frame: Frame | None = None
    exists: bool | None = None

    def load(tile: slice) -> Patterns:
        nonlocal frame, exists
        values = read(tile)[None]
        here = not bool(values.isnan().all())
        if exists is not None and here != exists:
            raise AnalysisError(
                f"features{where}: NaN for some stimuli and not for others, near stimulus "
                f"{tile.start if names is None else names[tile.start]}: leave these stimuli out"
            )
        exists = here
        patterns = place(values, distance, frame, constant, where, None if names is None else names[tile])
        frame = patterns.frame
        return patterns

    for position, tile in enumerate(tiles):
        held = load(tile)
        if len(tiles) == 1:
            return distances_within(held)[0].cpu().numpy()
        if position == 0:
            result = np.full(count * (count - 1) // 2, np.nan, str(held.frame.centre.dtype).removeprefix("torch."))
        at = np.arange(tile.start, tile.stop)
        if held.count > 1:
            put_within(result, count, at, held)
        lengths = squared_lengths(held)
        for other in tiles[position + 1 :]:
            put_between(result, count, at, held, np.arange(other.start, other.stop), load(other), lengths)
    return result


def put_within(result: np.ndarray, count: int, at: np.ndarray, held: Patterns) -> None:
    """Write the dissimilarities of a tile's stimuli, which stand at ascending positions, among those of all pairs."""
    first, second = np.triu_indices(len(at), 1)
    result[pair_position(at[first], at[second], count)] = distances_within(held)[0].cpu().numpy()


def put_between(
    result: np.ndarray,
    count: int,
    at: np.ndarray,
    held: Patterns,
    other_at: np.ndarray,
    other: Patterns,
    lengths: Tensor | None = None,
) -> None:
    """Write the dissimilarities of a tile's stimuli to those of another among those of all pairs."""
    pairs = pair_position(at[:, None], other_at[None], count)
    result[pairs] = distances_between(held, other, lengths)[0].cpu().numpy()


def to_patterns(values: np.ndarray, device: torch.device) -> Tensor:
    """Return what was read as a tensor on a device; float16 and float32 as they are, all else as float64."""
    if values.dtype not in (np.float16, np.float32, np.float64):
        values = values.astype(np.float64)
    values = np.ascontiguousarray(values)
    return torch.from_numpy(values if values.flags.writeable else values.copy()).to(device)
