"""Benchmarks of our own: how like a brain each area of a model is at each step, and when."""

from ventralrnn.facade import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BENCHMARKS": "registry",
        "compare_models": "table",
        "evaluate": "scoring",
        "find_benchmark": "registry",
        "own_benchmark": "own",
        "show_table": "show",
        "simulate_data": "simulation",
        "table_rows": "show",
    },
)
