"""Decoding: which category a state tells, at every time."""

from ventralrnn.analysis.decoding.classifiers import LinearClassifier, fit_lda, shrinkage_penalty
from ventralrnn.analysis.decoding.decode import decode

__all__ = ["LinearClassifier", "decode", "fit_lda", "shrinkage_penalty"]
