"""Brain-Score: our models as its models, its benchmarks on our models, and nothing of its caches."""

from ventralrnn.facade import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "VentralBrainModel": "model",
        "brainscore_ids": "catalogue",
        "get_benchmark": "own",
        "score": "scoring",
        "submit": "submission",
    },
)
