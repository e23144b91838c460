"""Comparing RDMs: every state of a model with every state of a brain, in one call."""

from ventralrnn.analysis.comparison.comparators import (
    METHODS,
    PRODUCT_METHODS,
    compare_prepared,
    compare_vectors,
    measured_pairs,
    prepare,
)
from ventralrnn.analysis.comparison.compare import as_rdms, compare_rdms
from ventralrnn.analysis.comparison.ranks import mean_ranks

__all__ = [
    "METHODS",
    "PRODUCT_METHODS",
    "as_rdms",
    "compare_prepared",
    "compare_rdms",
    "compare_vectors",
    "mean_ranks",
    "measured_pairs",
    "prepare",
]
