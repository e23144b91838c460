"""Torch modules that run a graph through time; what needs no torch loads none."""

from ventralrnn.facade import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
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
    },
)
