"""Named models, checkpoints, and loading."""

from importlib import import_module
from typing import Any

_HOME = {
    "list_models": "registry",
    "model_spec": "registry",
    "register": "registry",
    "summarise": "summary",
    "load_model": "load",
    "load_checkpoint": "checkpoints",
    "save_checkpoint": "checkpoints",
    "read_header": "headers",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
