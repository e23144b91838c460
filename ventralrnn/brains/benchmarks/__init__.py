"""Benchmarks of our own: how like a brain each area of a model is at each step, and when."""

from importlib import import_module
from typing import Any

_HOME = {
    "BENCHMARKS": "registry",
    "compare_models": "table",
    "evaluate": "scoring",
    "find_benchmark": "registry",
    "show_table": "table",
    "get_benchmark": "ventralrnn.brains.brainscore.own",
    "simulate_data": "simulation",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        home = _HOME[name]
        return getattr(import_module(home if "." in home else f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
