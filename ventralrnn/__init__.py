"""Recurrent models of the primate ventral stream, recorded at every area and time step.

The names below load what they need when they are first used, so that ``import ventralrnn`` costs next to nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "load_model": "ventralrnn.zoo",
    "extract": "ventralrnn.recording",
    "open_recording": "ventralrnn.recording",
    "compute_rdm": "ventralrnn.analysis",
    "compare_rdms": "ventralrnn.analysis",
    "load_brain": "ventralrnn.brains",
    "score": "ventralrnn.brains",
}
__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'ventralrnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
