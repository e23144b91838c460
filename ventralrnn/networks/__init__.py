"""Torch modules that run a graph through time; what needs no torch loads none."""

from importlib import import_module
from typing import Any

_HOME = {
    "NetworkSpec": "spec",
    "Norm": "spec",
    "PostNet": "spec",
    "PreNet": "spec",
    "Preprocessing": "preprocessing",
    "RecurrentNetwork": "network",
    "ResNet": "resnet",
    "TimeBatchNorm": "norm",
    "count_multiply_adds": "cost",
    "count_parameters": "cost",
    "recalibrate": "recalibration",
    "show_equivalence": "resnet",
    "to_recurrent": "resnet",
    "to_resnet": "resnet",
    "whiten": "whitening",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
