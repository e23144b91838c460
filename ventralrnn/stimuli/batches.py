"""Stimuli in batches, decoded a little ahead of their use."""

import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ventralrnn.errors import StimulusError, UnreadableStimulusError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli.base import Stimuli


@dataclass
class Batch:
    """The stimuli of one range of indices.

    Parameters
    ----------
    start, stop : int
        The range of indices that was read: start <= index < stop.
    ids : list of str, length batch
        Stimulus ids of the rows of ``pixels``.
    indices : list of int, length batch
        Their indices in the set.
    pixels : numpy.ndarray, (batch, ...)
        What :meth:`Stimuli.load` gave for each, stacked. The batch is shorter than the range where unreadable
        stimuli were left out; it has no rows where all were.
    digests : list of str, length batch
        Content digests.
    bad : list of (str, str)
        Stimuli of the range that were left out: their id, and the reason.
    """

    start: int
    stop: int
    ids: list[str]
    indices: list[int]
    pixels: np.ndarray
    digests: list[str]
    bad: list[tuple[str, str]]


def read_batches(
    stimuli: Stimuli,
    preprocessing: Preprocessing,
    batch_size: int,
    *,
    start: int = 0,
    skip_bad: bool = False,
    workers: int = 2,
    prefetch: int = 4,
) -> Generator[Batch, None, None]:
    """Read stimuli in order, in batches, with threads that decode a few batches ahead.

    Batch k covers the indices k * batch_size to (k + 1) * batch_size - 1, whatever the start and whatever is left
    out, so that results never depend on where a run was resumed. Closing the generator, or leaving its loop by an
    error or Ctrl-C, ends the threads after at most one picture each.

    Parameters
    ----------
    stimuli : Stimuli
        The set.
    preprocessing : Preprocessing
        The model's.
    batch_size : int
        Stimuli a batch.
    start : int
        Index to start from: a multiple of ``batch_size``, or the number of stimuli (then nothing is read).
    skip_bad : bool
        Leave unreadable stimuli out, listed in ``Batch.bad``, in place of an error.
    workers : int
        Threads that decode.
    prefetch : int
        How many batches at most are decoded, or being decoded, ahead of the one in use.

    Yields
    ------
    Batch
        In order.

    Raises
    ------
    StimulusError
        Arguments that do not fit; or, without ``skip_bad``, the first stimulus in order that cannot be read.
    """
    for what, value in (("batch_size", batch_size), ("workers", workers), ("prefetch", prefetch)):
        if value < 1:
            raise StimulusError(f"{what} is {value}: give 1 or more")
    if not 0 <= start <= len(stimuli) or (start % batch_size and start != len(stimuli)):
        raise StimulusError(
            f"start is {start}: give a multiple of the batch size ({batch_size}) from 0 to {len(stimuli)}"
        )
    # A function of its own, so that the arguments are checked at the call and not at the first batch.
    return _read(_Reader(stimuli, preprocessing, skip_bad), batch_size, start, workers, prefetch)


def _read(reader: "_Reader", batch_size: int, start: int, workers: int, prefetch: int) -> Generator[Batch, None, None]:
    n = len(reader.stimuli)
    ahead: deque[Future[Batch]] = deque()
    starts = iter(range(start, n, batch_size))
    executor = ThreadPoolExecutor(workers, thread_name_prefix="stimuli")
    try:
        while True:
            for first in starts:
                ahead.append(executor.submit(reader.read, first, min(first + batch_size, n)))
                if len(ahead) > prefetch:
                    break
            if not ahead:
                return
            yield ahead.popleft().result()
    finally:
        reader.stopped.set()
        executor.shutdown(wait=True, cancel_futures=True)


class _Reader:
    """Reads one range of stimuli; several threads share it."""

    def __init__(self, stimuli: Stimuli, preprocessing: Preprocessing, skip_bad: bool) -> None:
        self.stimuli = stimuli
        self.preprocessing = preprocessing
        self.skip_bad = skip_bad
        self.stopped = threading.Event()

    def read(self, start: int, stop: int) -> Batch:
        size = self.preprocessing.size
        batch = Batch(start, stop, [], [], np.zeros((0, size, size, 3), np.uint8), [], [])
        rows: list[np.ndarray] = []
        for index in range(start, stop):
            if self.stopped.is_set():
                break
            try:
                pixels, digest = self.stimuli.load(index, self.preprocessing)
            except StimulusError as error:
                if not self.skip_bad:
                    raise UnreadableStimulusError(str(error)) from error
                batch.bad.append((self.stimuli.ids[index], str(error)))
                continue
            if rows and (pixels.shape, pixels.dtype) != (rows[0].shape, rows[0].dtype):
                raise StimulusError(
                    f"{self.stimuli.name}: stimulus {self.stimuli.ids[index]!r} is {pixels.dtype} {pixels.shape}, "
                    f"others are {rows[0].dtype} {rows[0].shape}; stimuli of one set must be of one kind"
                )
            rows.append(pixels)
            batch.ids.append(self.stimuli.ids[index])
            batch.indices.append(index)
            batch.digests.append(digest)
        if rows:
            batch.pixels = np.stack(rows)
        return batch
