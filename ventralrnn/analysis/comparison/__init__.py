"""Comparing RDMs: every state of a model with every state of a brain, in one call."""

from ventralrnn.analysis.comparison.combination import (
    Combination,
    VariancePartition,
    crossvalidate_weights,
    fit_weights,
    partial_vectors,
    partition_variance,
)
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
    "Combination",
    "VariancePartition",
    "as_rdms",
    "compare_prepared",
    "compare_rdms",
    "compare_vectors",
    "crossvalidate_weights",
    "fit_weights",
    "mean_ranks",
    "measured_pairs",
    "partial_vectors",
    "partition_variance",
    "prepare",
]
