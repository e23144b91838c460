"""Similarity of states beyond RDMs: centred kernel alignment and shape distances, all pairs at once."""

from ventralrnn.analysis.similarity.cka import cka
from ventralrnn.analysis.similarity.compare import compare_states
from ventralrnn.analysis.similarity.shapes import shape_distances

__all__ = ["cka", "compare_states", "shape_distances"]
