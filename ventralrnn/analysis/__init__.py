"""Analyses: pure functions on arrays and labelled arrays."""

from ventralrnn.analysis.comparison import compare_rdms
from ventralrnn.analysis.decoding import decode
from ventralrnn.analysis.dynamics import compute_contributions, compute_dynamics, find_fixed_points, jacobian_spectrum
from ventralrnn.analysis.embedding import embed_states
from ventralrnn.analysis.encoding import encode
from ventralrnn.analysis.inference import contrast_models, contrast_states, rsa
from ventralrnn.analysis.rdm import compute_rdm, extract_rdm
from ventralrnn.analysis.similarity import cka, compare_states
from ventralrnn.analysis.timecourses import time_courses

__all__ = [
    "cka",
    "compare_rdms",
    "compare_states",
    "compute_contributions",
    "compute_dynamics",
    "compute_rdm",
    "contrast_models",
    "contrast_states",
    "decode",
    "embed_states",
    "encode",
    "extract_rdm",
    "find_fixed_points",
    "jacobian_spectrum",
    "rsa",
    "time_courses",
]
