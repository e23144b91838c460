"""What a recording on disk consists of: per area one array (stimulus, time, neuroid) of raw chunks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ventralrnn.errors import RecordingError

# Chunks hold one step of many stimuli: reading one (area, step) over all stimuli touches nothing else, and a batch is
# appended to the end of each step's last chunk.
_CHUNK_BYTES = 1 << 23
_CHUNK_ROWS = 4096


@dataclass(frozen=True)
class AreaLayout:
    """One area's array.

    Parameters
    ----------
    name : str
        Area, or connection for a current.
    steps : tuple of int
        Time steps kept.
    unit_shape : tuple of int
        Shape of one state without the batch: (channel, y, x), (channel,) or (token, channel).
    dtype : str
        'float32' or 'float16'.
    rows : int
        Number of stimuli at most.
    time_ms : tuple of float
        Time of each kept step in ms after stimulus onset; NaN without a clock.
    unreached : tuple of int
        Kept steps at which the input has not reached the area; they stay NaN.

    Raises
    ------
    RecordingError
        If the name cannot be that of a group.
    """

    name: str
    steps: tuple[int, ...]
    unit_shape: tuple[int, ...]
    dtype: str
    rows: int
    time_ms: tuple[float, ...]
    unreached: tuple[int, ...]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+", self.name):  # it names a folder of the store
            raise RecordingError(f"area {self.name!r}: a name has letters, digits, _ and - only")

    @property
    def neuroids(self) -> int:
        """Number of neuroids."""
        return int(np.prod(self.unit_shape, dtype=int))

    @property
    def row_bytes(self) -> int:
        """Bytes of one stimulus at one step."""
        return self.neuroids * np.dtype(self.dtype).itemsize

    @property
    def chunk_rows(self) -> int:
        """Stimuli in a chunk: it depends on the state's size alone, so that no result depends on the batch size."""
        return max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // self.row_bytes, self.rows))

    @property
    def padded_rows(self) -> int:
        """Rows that the chunks of all stimuli hold, the last one filled up."""
        return -(-self.rows // self.chunk_rows) * self.chunk_rows

    @property
    def stimulus_bytes(self) -> int:
        """Bytes of one stimulus at all steps, unreached ones left out."""
        return (len(self.steps) - len(self.unreached)) * self.row_bytes

    def neuroid_coordinates(self) -> dict[str, np.ndarray]:
        """Return channel, y and x of every neuroid, in the order of ``state.flatten(1)``.

        Returns
        -------
        dict of str to numpy.ndarray of int32, (neuroid,)
            For (token, channel) states y is the token; for (channel,) states y and x are 0.
        """
        shape = self.unit_shape
        index = np.indices(shape, dtype=np.int32).reshape(len(shape), -1)
        zero = np.zeros(self.neuroids, np.int32)
        if len(shape) == 1:
            return {"channel": index[0], "y": zero, "x": zero}
        if len(shape) == 2:
            return {"channel": index[1], "y": index[0], "x": zero}
        rest = np.arange(self.neuroids, dtype=np.int32)
        last = shape[-1]
        y = (rest // last) % int(np.prod(shape[1:-1], dtype=int))
        return {"channel": index[0], "y": y.astype(np.int32), "x": index[-1]}


def pieces(start: int, count: int, chunk_rows: int) -> Sequence[tuple[int, int, int]]:
    """Cut a run of rows at chunk borders.

    Parameters
    ----------
    start, count : int
        First row and number of rows.
    chunk_rows : int
        Rows in a chunk.

    Returns
    -------
    list of (int, int, int)
        Chunk, first row within the run, number of rows.
    """
    cut, row = [], start
    while row < start + count:
        size = min(chunk_rows - row % chunk_rows, start + count - row)
        cut.append((row // chunk_rows, row - start, size))
        row += size
    return cut
