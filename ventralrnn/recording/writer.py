"""Appending batches to a recording: large ones on a thread of their own."""

import contextlib
import mmap
import os
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ventralrnn.recording.journal import Entry, Journal
from ventralrnn.recording.layout import AreaLayout, pieces

_PAGE = 4096
_DIRECT = getattr(os, "O_DIRECT", 0)
# Up to this size a batch is written at once by the thread that computes. A second thread that wakes up for every small
# piece throws those of the forward pass off their processors: measured, 15 % of the speed of a pooled extraction.
_SMALL_BATCH = 1 << 21
_OPEN_FILES = 256


def page_aligned(shape: Sequence[int], dtype: str) -> np.ndarray:
    """Return an empty array whose memory starts at a page, as direct writing needs."""
    number = int(np.prod(shape, dtype=int))
    memory = mmap.mmap(-1, max(number * np.dtype(dtype).itemsize, 1))
    if hasattr(mmap, "MADV_HUGEPAGE"):  # a third less time for a direct write, which looks up every page
        with contextlib.suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=dtype, count=number).reshape(shape)


class Writer:
    """Write batches behind the computation.

    One large batch is being written while the next is computed; more wait for the writer, so memory stays bounded.
    Chunk files are extended in place and the journal gets its line last, so that a kill at any moment loses the batch
    under way and nothing else.

    Parameters
    ----------
    folder : pathlib.Path
        Where the store is being made.
    layouts : sequence of AreaLayout
        The areas.
    journal : Journal
        Gets a line for every batch.
    """

    def __init__(self, folder: Path, layouts: Sequence[AreaLayout], journal: Journal) -> None:
        self._folder = folder
        self._layouts = layouts
        self._journal = journal
        self._row = journal.rows
        self._direct = bool(_DIRECT)
        self._files = _Files()
        self._queue: queue.Queue[tuple[dict[str, np.ndarray], Entry, Callable[[], None]] | None] = queue.Queue(1)
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def put(self, states: dict[str, np.ndarray], entry: Entry, done: Callable[[], None]) -> None:
        """Hand over a batch.

        Parameters
        ----------
        states : dict of str to numpy.ndarray, (step, stimulus, neuroid)
            For every area the kept steps; rows beyond ``len(entry.indices)`` are ignored.
        entry : Entry
            What the journal shall say.
        done : callable
            Called when the arrays may be used again.

        Raises
        ------
        OSError
            If an earlier batch could not be written, for example because the disk is full.
        """
        self._raise()
        if self._thread is None and sum(array.nbytes for array in states.values()) <= _SMALL_BATCH:
            self._direct = False
            self._commit(states, entry, done)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ventralrnn-writer", daemon=True)
            self._thread.start()
        self._queue.put((states, entry, done))

    def close(self) -> None:
        """Wait for all batches handed over, and raise what went wrong."""
        if self._thread is not None:
            if self._thread.is_alive():
                self._queue.put(None)
            self._thread.join()
        self._files.close()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                self._commit(*item)
            except BaseException as error:  # handed to the computing thread
                self._error = error

    def _commit(self, states: dict[str, np.ndarray], entry: Entry, done: Callable[[], None]) -> None:
        try:
            if self._error is None:  # after an error, batches are only taken off the queue
                self._write(states, len(entry.indices))
                self._journal.commit(entry)
        finally:
            done()

    def _write(self, states: dict[str, np.ndarray], count: int) -> None:
        for layout in self._layouts:
            for index, step in enumerate(layout.steps):
                if step in layout.unreached:
                    continue
                rows = states[layout.name][index].reshape(-1, layout.neuroids)
                for chunk, first, size in pieces(self._row, count, layout.chunk_rows):
                    offset = (self._row + first) % layout.chunk_rows * layout.row_bytes
                    path = chunk_path(self._folder, layout.name, chunk, index)
                    self._pwrite(path, rows[first : first + size], offset)
        self._row += count

    def _pwrite(self, path: Path, rows: np.ndarray, offset: int) -> None:
        """Write rows at an offset, past the page cache where sizes and addresses are whole pages.

        Filling the page cache with data that nobody reads soon costs the processor more than the forward pass has to
        spare: measured, a quarter of the speed of an extraction of full activations.
        """
        direct = self._direct and not (offset | rows.nbytes | rows.ctypes.data) % _PAGE
        data = rows.reshape(-1).view(np.uint8).data
        try:
            self._files.write(path, data, offset, _DIRECT if direct else 0)
        except OSError as error:
            if not direct or error.errno == 28:
                raise
            self._direct = False  # a file system without direct writing
            self._files.write(path, data, offset, 0)


def chunk_path(folder: Path, area: str, chunk: int, index: int) -> Path:
    """Return the file of a chunk, as the Zarr format names it."""
    return folder / area / "activations" / "c" / str(chunk) / str(index) / "0"


class _Files:
    """Files that stay open between batches; the one unused for longest is closed when there are many."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[Path, int], int] = OrderedDict()

    def write(self, path: Path, data: memoryview, offset: int, flags: int) -> None:
        """Write all of ``data`` at an offset; the file and its folder are made if need be."""
        try:
            file = self._file(path, flags)
            while data:
                written = os.pwrite(file, data, offset)
                data, offset = data[written:], offset + written
            # Network file systems say only when a file is closed that the disk is full: before the journal counts it.
            os.close(os.dup(file))
        except OSError as error:
            error.filename = str(path)
            raise

    def close(self) -> None:
        """Close all files."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _file(self, path: Path, flags: int) -> int:
        key = (path, flags)
        if key in self._open:
            self._open.move_to_end(key)
            return self._open[key]
        if len(self._open) >= _OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o644)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o644)
        self._open[key] = file
        return file
