"""Memory that the allocator keeps."""

import ctypes
import platform
import resource
import sys
from typing import Any

import pytest
import torch

from ventralrnn import memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_freed_memory_is_kept() -> None:
    """Blocks that are taken and freed again and again cost no page faults once the allocator keeps them."""

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            torch.ones(1 << 22)  # 16 MiB, 4096 pages
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    assert memory.keep_freed_memory() is True
    faults()
    assert faults() < 4096
    assert memory.keep_freed_memory() is True


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
