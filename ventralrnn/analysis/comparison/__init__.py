"""Comparing RDMs: every state of a model with every state of a brain, in one call."""

from ventralrnn.analysis.comparison.comparators import compare_prepared, compare_vectors, measured_pairs, prepare
from ventralrnn.analysis.comparison.ranks import mean_ranks

__all__ = ["compare_prepared", "compare_vectors", "mean_ranks", "measured_pairs", "prepare"]
