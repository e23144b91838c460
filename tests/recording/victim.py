"""An extraction in a process of its own, to be killed or measured; run by :func:`tests.recording.processes.start`."""

import itertools
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ventralrnn.recording import extract, layout, writer
from ventralrnn.stimuli import ArrayStimuli

# What changes files, as CPython announces it to audit hooks.
CHANGES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link"}


class SlowStimuli(ArrayStimuli):
    """Takes its time to read a stimulus, and from the tenth on waits for a file."""

    pause = 0.0
    gate: str | None = None

    def load(self, index: int, *arguments: Any) -> Any:
        time.sleep(self.pause)
        while self.gate and index >= 10 and not os.path.exists(self.gate):
            time.sleep(0.005)
        return super().load(index, *arguments)


def count_changes(folder: str, kill_at: int | None) -> Callable[[], int]:
    """Count changes of files in a folder, and end this process by SIGKILL at one of them: writes half done."""
    counter = itertools.count()
    last = -1

    def is_due() -> bool:
        nonlocal last
        last = next(counter)
        return last == kill_at

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES and any(str(a).startswith(folder) for a in arguments) and is_due():
            os.kill(os.getpid(), signal.SIGKILL)

    def torn(write: Callable[..., int]) -> Callable[..., int]:
        def wrapper(file: int, data: Any, *rest: Any) -> int:
            if folder in os.readlink(f"/proc/self/fd/{file}") and is_due():
                try:
                    write(file, memoryview(data)[: len(data) // 2], *rest)
                finally:
                    os.kill(os.getpid(), signal.SIGKILL)
            return write(file, data, *rest)

        return wrapper

    os.write, os.pwrite = torn(os.write), torn(os.pwrite)
    sys.addaudithook(audit)
    return lambda: last + 1


def run(
    *,
    model: str,
    stimuli: str,
    out: str,
    chunk_rows: int = 4096,
    small_batch: int = 0,
    pause: float = 0.0,
    gate: str | None = None,
    kill_at: int | None = None,
    report: str | None = None,
    **options: Any,
) -> None:
    """Extract; write a report of the changes of files, and of the peak memory, in bytes."""
    torch.set_num_threads(1)
    layout._CHUNK_ROWS = chunk_rows
    writer._SMALL_BATCH = small_batch
    pictures: Any = stimuli
    if stimuli.endswith(".npy"):
        pictures = SlowStimuli(np.load(stimuli))
        pictures.pause, pictures.gate = pause, gate
    changes = count_changes(out, kill_at)  # under both its names
    extract(model, pictures, out, command="the same", **options)
    if report:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        Path(report).write_text(json.dumps({"changes": changes(), "peak": peak}))


run(**globals()["options"])
