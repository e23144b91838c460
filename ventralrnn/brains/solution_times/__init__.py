"""Object solution times, equal to Brain-Score's metric ``ost`` and without TensorFlow."""

from ventralrnn.brains.solution_times.compute import ost_score, solution_times
from ventralrnn.brains.solution_times.decoder import decode_probabilities, first_weights
from ventralrnn.brains.solution_times.sensitivity import crossing_times, image_sensitivity, rank_correlation

__all__ = [
    "crossing_times",
    "decode_probabilities",
    "first_weights",
    "image_sensitivity",
    "ost_score",
    "rank_correlation",
    "solution_times",
]
