"""Ctrl-C between two batches, so that what is kept is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from ventralrnn.training.processes import Process


@dataclass
class Stop:
    """Whether somebody asked the run to stop."""

    asked: bool = False


@contextmanager
def stopping(process: Process) -> Iterator[Stop]:
    """Take note of the first Ctrl-C inside, in place of raising it; a second one is raised at once.

    Parameters
    ----------
    process : Process
        Several processes are not stopped in the same batch, so there Ctrl-C is raised at once, and the run goes on from
        the last state that was kept.

    Yields
    ------
    Stop
        To be looked at between batches.
    """
    stop = Stop()
    if process.count > 1 or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, frame: FrameType | None) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
