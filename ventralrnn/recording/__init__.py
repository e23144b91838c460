"""Hooks, the recorder, the store on disk, and extraction."""

from importlib import import_module
from typing import Any

_HOME = {
    "Recorder": "recorder",
    "Recording": "recording",
    "extract": "extraction",
    "open_recording": "recording",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
