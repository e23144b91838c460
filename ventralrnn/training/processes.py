"""Several processes that train one network together, started by torchrun."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from ventralrnn.devices import choose_device


@dataclass(frozen=True)
class Process:
    """One process of a run.

    Parameters
    ----------
    rank : int
        Its number; the one of rank 0 writes files and reports.
    count : int
        How many there are.
    device : torch.device
        Where it computes.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes."""
        if self.count > 1:
            tensor = tensor.clone()
            dist.all_reduce(tensor)
        return tensor

    def wait(self) -> None:
        """Wait for all the others."""
        if self.count > 1:
            dist.barrier()


@contextmanager
def join(device: str) -> Iterator[Process]:
    """Join the other processes that torchrun started, if it did.

    Parameters
    ----------
    device : str
        'auto', 'cpu', 'cuda' or 'mps'; among several processes on GPUs each takes the one of its local rank.

    Yields
    ------
    Process
        This one.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = choose_device(device)
    if count == 1:
        yield Process(0, 1, chosen)
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Process(dist.get_rank(), count, chosen)
    finally:
        dist.destroy_process_group()


def describe_machine(process: Process) -> str:
    """Return what a run ran on, in a few words."""
    if process.device.type == "cuda":
        what = torch.cuda.get_device_name(process.device)
    else:
        model = next((line for line in _cpu_lines() if line.startswith("model name")), "")
        what = f"{model.partition(':')[2].strip() or platform.machine()}, {len(os.sched_getaffinity(0))} cores"
    return what if process.count == 1 else f"{process.count} processes on {what}"


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
