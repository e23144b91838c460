"""Memory that the allocator keeps."""

import ctypes
import platform
import subprocess
import sys
from typing import Any

import pytest

from ventralrnn import memory

FAULTS = """
import resource
from ventralrnn.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [bytearray(20 << 20) for _ in range(4)]  # 20480 pages
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults(), keep_freed_memory(), keep_freed_memory())
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_freed_memory_is_kept() -> None:
    """Blocks that are taken and freed again and again cost no page faults once the allocator keeps them."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    before, first, second, after = done.stdout.split()
    assert (first, second) == ("True", "True")
    assert int(before) > 15000
    assert int(after) < 1000


def test_systems_without_glibc_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda *arguments: called.append(arguments))
    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory.keep_freed_memory() is False
    assert called == []
    monkeypatch.setattr(sys, "platform", "linux")

    class Musl:
        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

    monkeypatch.setattr(ctypes, "CDLL", lambda *arguments: Musl())
    assert memory.keep_freed_memory() is False


@pytest.mark.parametrize(
    ("refused", "kept"), [({-3: {1 << 30}}, True), ({-3: {1 << 30, 1 << 25}}, False), ({-1: {1 << 30}}, False)]
)
def test_what_the_allocator_refuses(monkeypatch: pytest.MonkeyPatch, refused: dict[int, set[int]], kept: bool) -> None:
    class Glibc:
        @staticmethod
        def mallopt(parameter: int, value: int) -> int:
            return int(value not in refused.get(parameter, set()))

    monkeypatch.setattr(ctypes, "CDLL", lambda *arguments: Glibc())
    monkeypatch.setattr(sys, "platform", "linux")
    assert memory.keep_freed_memory() is kept
