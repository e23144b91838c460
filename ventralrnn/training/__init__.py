"""Training and evaluation at every readout time."""

from importlib import import_module
from typing import Any

_HOME = {
    "Evaluation": "evaluation",
    "RECIPES": "recipe",
    "Recipe": "recipe",
    "Run": "run",
    "evaluate": "evaluation",
    "find_recipe": "recipe",
    "train": "run",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
