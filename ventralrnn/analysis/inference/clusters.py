"""Cluster tests over time, and over model time and brain time, by the maximum statistic."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ventralrnn.analysis.inference.permutation import PermutationTest, count_p_values
from ventralrnn.errors import AnalysisError

# Values labelled at a time.
_BLOCK_VALUES = 1 << 24
# Exponents of extent and height.
_EXTENT, _HEIGHT = 0.5, 2.0


@dataclass(frozen=True)
class Clusters:
    """Neighbouring times at which a statistic is high.

    Parameters
    ----------
    label : numpy.ndarray of int, (...)
        Number of the cluster, from 1; 0 outside.
    mass : numpy.ndarray, (cluster,)
        Sum of the statistic over the cluster.
    p_value : numpy.ndarray, (cluster,)
        Family-wise, over all clusters of all maps.
    """

    label: np.ndarray
    mass: np.ndarray
    p_value: np.ndarray

    def significant(self, level: float = 0.05) -> np.ndarray:
        """Return where the significant clusters are.

        Parameters
        ----------
        level : float
            Family-wise error rate.

        Returns
        -------
        numpy.ndarray of bool, (...)
            True inside clusters whose p value is at most `level`. That a cluster is significant does not say that each
            of its times is, nor when exactly it begins [1]_.

        References
        ----------
        .. [1] Sassenhagen & Draschkow 2019, Cluster-based permutation tests of MEG/EEG data do not establish
           significance of effect latency or location, Psychophysiology 56:e13335.
        """
        return np.concatenate([[False], self.p_value <= level])[self.label]


def cluster_test(test: PermutationTest, threshold: float, *, dimensions: int = 1) -> Clusters:
    """Test clusters of high values against the largest clusters of permuted data.

    Parameters
    ----------
    test : PermutationTest
        Statistic, (..., time) or (..., time, other time). States that do not exist, NaN, are in no cluster.
    threshold : float
        Times above it form clusters. It decides what kind of effect is found best (a high one: strong and short), but
        the error rate holds with any.
    dimensions : int
        How many of the last dimensions are time: 1, or 2 for model time x brain time. Times are neighbours along each
        of them, not across corners. Dimensions before are separate maps of one family.

    Returns
    -------
    Clusters
        With p values that hold the family-wise error over all maps.

    Raises
    ------
    AnalysisError
        If the statistic has fewer dimensions.

    References
    ----------
    .. [1] Maris & Oostenveld 2007, Nonparametric statistical testing of EEG- and MEG-data, J. Neurosci. Methods
       164:177-190.
    """
    maps = _maps(test, dimensions)
    label, mass, _ = _label(maps.observed, threshold)
    size = max(1, _BLOCK_VALUES // max(maps.observed.size, 1))
    largest = np.zeros(len(maps.null))
    for start in range(0, len(maps.null), size):
        block = maps.null[start : start + size]
        stack = block.reshape(-1, *block.shape[2:])
        _, masses, at = _label(stack, threshold)
        np.maximum.at(largest, start + at // maps.observed.shape[0], masses)
    p_value = count_p_values(mass, largest[:, None])
    return Clusters(label.reshape(test.observed.shape), mass, p_value)


def enhance(statistic: np.ndarray, *, dimensions: int = 1, step: float = 0.1) -> np.ndarray:
    """Return the threshold-free cluster enhancement of a statistic.

    Parameters
    ----------
    statistic : numpy.ndarray, (..., time) or (..., time, other time)
        High values are enhanced by the extent of what surrounds them; NaN where there is none.
    dimensions : int
        How many of the last dimensions are time.
    step : float
        Between thresholds, in units of the statistic.

    Returns
    -------
    numpy.ndarray, (...)
        Sum over thresholds h from `step` on of extent(h)**0.5 * h**2 * step [1]_; NaN stays.

    Raises
    ------
    AnalysisError
        If the statistic has fewer dimensions, or `step` is not above 0.

    References
    ----------
    .. [1] Smith & Nichols 2009, Threshold-free cluster enhancement, NeuroImage 44:83-98.
    """
    if step <= 0:
        raise AnalysisError(f"step: {step} is not above 0")
    maps = _stack(statistic, dimensions)
    filled = np.where(np.isnan(maps), -np.inf, maps)
    enhanced = np.zeros(maps.shape)
    highest = filled.max() if filled.size else -np.inf
    structure = _structure(dimensions)
    for height in np.arange(step, highest, step) if np.isfinite(highest) else ():
        label, _ = ndimage.label(filled > height, structure)
        extent = np.bincount(label.ravel()).astype(float)
        extent[0] = 0
        enhanced += (extent**_EXTENT)[label] * height**_HEIGHT * step
    return np.where(np.isnan(maps), np.nan, enhanced).reshape(statistic.shape)


def enhanced_test(test: PermutationTest, *, dimensions: int = 1, step: float = 0.1) -> PermutationTest:
    """Return a test of the threshold-free cluster enhancement of a statistic.

    Parameters
    ----------
    test : PermutationTest
        Statistic, (..., time) or (..., time, other time), best in units of its own spread.
    dimensions : int
        How many of the last dimensions are time.
    step : float
        Between thresholds, in units of the statistic.

    Returns
    -------
    PermutationTest
        Its `max_p_values` hold the family-wise error over all states.
    """
    observed = enhance(test.observed, dimensions=dimensions, step=step)
    null = np.stack([enhance(one, dimensions=dimensions, step=step) for one in test.null])
    return PermutationTest(observed, null)


def _maps(test: PermutationTest, dimensions: int) -> PermutationTest:
    observed = _stack(test.observed, dimensions)
    return PermutationTest(observed, test.null.reshape(len(test.null), *observed.shape))


def _stack(statistic: np.ndarray, dimensions: int) -> np.ndarray:
    if dimensions not in (1, 2) or statistic.ndim < dimensions:
        raise AnalysisError(f"dimensions: {dimensions} of time in a statistic of {statistic.ndim} dimensions")
    return statistic.reshape(-1, *statistic.shape[statistic.ndim - dimensions :])


def _structure(dimensions: int) -> np.ndarray:
    """Return which neighbours belong together: those of one map along its times."""
    structure = np.zeros((3,) * (dimensions + 1), bool)
    structure[1] = ndimage.generate_binary_structure(dimensions, 1)
    return structure


def _label(maps: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels (map, ...), and of every cluster its mass and its map."""
    filled = np.where(np.isnan(maps), -np.inf, maps)
    label, number = ndimage.label(filled > threshold, _structure(maps.ndim - 1))
    inside = label > 0
    of = label[inside] - 1
    mass = np.bincount(of, filled[inside], minlength=number)
    at = np.zeros(number, int)
    at[of] = np.nonzero(inside)[0]
    return label, mass, at
