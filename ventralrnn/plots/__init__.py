"""Figures; each module loads what it draws with only when it is used."""

from importlib import import_module
from typing import Any

_HOME = {
    "draw_best": "comparison",
    "draw_matrix": "comparison",
    "draw_rdm": "rdms",
    "plot_comparison": "comparison",
    "plot_curves": "training",
    "plot_rdms": "rdms",
    "plot_time_courses": "timecourses",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
