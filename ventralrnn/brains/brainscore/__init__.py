"""Brain-Score: our models as its models, its benchmarks on our models, and nothing of its caches."""

from importlib import import_module
from typing import Any

_HOME = {
    "VentralBrainModel": "model",
    "brainscore_ids": "catalogue",
    "score": "scoring",
    "submit": "submission",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
