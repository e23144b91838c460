"""Representational dissimilarity matrices: the geometry of every area at every time step."""

from ventralrnn.analysis.rdm.container import make_rdms, match_stimuli, select_stimuli, square_rdms

__all__ = ["make_rdms", "match_stimuli", "select_stimuli", "square_rdms"]
