"""Models against each other, two at a time: every pair once, and what was found as a matrix."""

from itertools import combinations
from typing import NamedTuple

import numpy as np


class Contrasts(NamedTuple):
    """How much better some models score than others, each (model, other model); NaN on the diagonal.

    Parameters
    ----------
    difference, low, high : numpy.ndarray
        Score of the first minus that of the second, and its interval.
    p_value : numpy.ndarray
        Two-sided, for no difference; not corrected for the number of comparisons.
    """

    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray


def model_pairs(models: int) -> np.ndarray:
    """Return all pairs of models, (pair, 2), each once."""
    return np.array(list(combinations(range(models), 2)), int).reshape(-1, 2)


def to_matrix(models: int, values: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """Return (model, other model), NaN on the diagonal, of values (pair,) and of what they are the other way round."""
    first, second = model_pairs(models).T
    matrix = np.full((models, models), np.nan)
    matrix[first, second], matrix[second, first] = values, turned
    return matrix


def arrange(models: int, difference: np.ndarray, low: np.ndarray, high: np.ndarray, p_value: np.ndarray) -> Contrasts:
    """Return what was found for :func:`model_pairs`, each (pair,), as matrices (model, other model)."""
    # Turned round, the low end of one is minus the high end of the other.
    ways = ((difference, -difference), (low, -high), (high, -low), (p_value, p_value))
    return Contrasts(*(to_matrix(models, one, other) for one, other in ways))
