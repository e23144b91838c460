"""Processes that start in no time: forked from a server that has loaded torch, once a test run."""

import multiprocessing
import runpy
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

VICTIM = Path(__file__).with_name("victim.py")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["ventralrnn.recording.extraction", "zarr", "xarray"])


def start(**options: Any) -> BaseProcess:
    """Start an extraction, see ``victim.py``."""
    process = _CONTEXT.Process(target=runpy.run_path, args=(str(VICTIM), {"options": options}), daemon=True)
    process.start()
    return process


def finish(process: BaseProcess) -> int:
    """Wait for a process and return its exit status, negative for a signal."""
    process.join(60)
    assert process.exitcode is not None, "the process hangs"
    return process.exitcode
