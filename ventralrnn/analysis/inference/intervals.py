"""From samples of a bootstrap to variances, intervals and p values."""

from typing import Literal

import numpy as np
from scipy import stats

from ventralrnn.errors import AnalysisError

Kind = Literal["t", "percentile"]


def sample_variance(samples: np.ndarray, count: int) -> np.ndarray:
    """Return the variance of an estimate from a bootstrap over one factor.

    Parameters
    ----------
    samples : numpy.ndarray, (sample, ...)
        The estimate in every sample; NaN where a sample allows none.
    count : int
        Number of things that were resampled, n.

    Returns
    -------
    numpy.ndarray, (...)
        The samples' variance times n / (n - 1), for a bootstrap's is that much too small.
    """
    return _variance(samples) * count / (count - 1)


def stimulus_variance(stimuli: np.ndarray, pairs: np.ndarray, count: int) -> np.ndarray:
    """Return the variance of a comparison of RDMs over new stimuli.

    Parameters
    ----------
    stimuli : numpy.ndarray, (sample, ...)
        The estimate where stimuli were resampled.
    pairs : numpy.ndarray, (sample, ...)
        The estimate where single pairs of stimuli were resampled, as if they were independent. Where it is NaN, nothing
        is corrected but the number of stimuli.
    count : int
        Number of stimuli.

    Returns
    -------
    numpy.ndarray, (...)
        Variances, never below a third of those of the bootstrap over stimuli.

    Notes
    -----
    A similarity is a mean over pairs, whose terms hold effects of their two stimuli and an effect of the pair alone,
    such as noise. In a bootstrap over stimuli a pair has the weight v w, of variance 3 where each of v and w has
    variance 1: effects of pairs count three times, effects of stimuli once. The bootstrap over pairs counts the former
    once, so twice its variance is too much. The same follows from the variance of means over pairs that share members
    [1]_, [2]_. rsatoolbox does not correct for it.

    References
    ----------
    .. [1] Snijders & Borgatti 1999, Non-parametric standard errors and tests for network statistics, Connections 22.
    .. [2] Aronow, Samii & Assenova 2015, Cluster-robust variance estimation for dyadic data, Political Analysis 23.
    """
    raw, single = sample_variance(stimuli, count), _variance(pairs)
    return np.where(np.isnan(single), raw, np.maximum(raw - 2 * single, raw / 3))


def stimulus_dof(stimuli: np.ndarray, pairs: np.ndarray, count: int) -> np.ndarray:
    """Return the degrees of freedom of :func:`stimulus_variance`.

    Parameters
    ----------
    stimuli, pairs : numpy.ndarray, (sample, ...)
        The estimate where stimuli and where single pairs were resampled.
    count : int
        Number of stimuli.

    Returns
    -------
    numpy.ndarray, (...)
        n - 1 without correction, and down to about a quarter of it where all variance belongs to pairs: what varies
        between data sets is the variance of sums over the pairs of a stimulus, as a chi square of n - 1, and what is
        left after the correction is smaller than that.
    """
    raw, single = sample_variance(stimuli, count), _variance(pairs)
    left = stimulus_variance(stimuli, pairs, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where((raw > single) & (left < raw - single), left / (raw - single), 1.0)
    return np.maximum((count - 1) * share**2, 1)


def two_factor_variance(
    both: np.ndarray,
    subjects: np.ndarray,
    stimuli: np.ndarray,
    n_subjects: int,
    n_stimuli: int,
    pairs: np.ndarray | None = None,
) -> np.ndarray:
    """Return the variance of an estimate over new subjects and new stimuli.

    Parameters
    ----------
    both, subjects, stimuli : numpy.ndarray, (sample, ...)
        The estimate where both factors were resampled, and where only one was.
    n_subjects, n_stimuli : int
        Numbers of subjects and stimuli.
    pairs : numpy.ndarray, (sample, ...), optional
        The estimate where single pairs were resampled (see :func:`stimulus_variance`). Without, or where it is NaN,
        variances are those of rsatoolbox.

    Returns
    -------
    numpy.ndarray, (...)
        Variances, never below that of either factor and never above that of resampling both.

    Notes
    -----
    Resampling both factors counts the measurement noise three times, and each alone once. For large numbers the
    corrected variance is 2 (subjects + stimuli) - both; here every term has its factors for small numbers [1]_.

    Effects of pairs that differ between subjects count seven times in `both`, three times in `stimuli` and once in
    `subjects`, so that a third of both - subjects - stimuli is theirs, and the correction leaves them once. What
    remains of `pairs` is common to all subjects and is left three times, of which two are taken off.

    References
    ----------
    .. [1] Schütt, Kipnis, Diedrichsen & Kriegeskorte 2023, Statistical inference on representational geometries,
       eLife 12:e82566, "two-factor bootstrap".
    """
    raw = _variance(both)
    a = n_subjects / (n_subjects - 1)
    b = n_stimuli / (n_stimuli - 1)
    of_subjects, of_stimuli = _variance(subjects), _variance(stimuli)
    shared = raw - of_subjects - of_stimuli
    corrected = a * of_subjects + b * of_stimuli - a * b * shared
    least = b * of_stimuli
    if pairs is not None:
        single = _variance(pairs)
        corrected = corrected - 2 * np.where(np.isnan(single), 0, np.maximum(single - shared / 3, 0))
        least = stimulus_variance(stimuli, pairs, n_stimuli)
    corrected = np.maximum(np.maximum(corrected, a * of_subjects), least)
    return np.minimum(corrected, raw)


def _variance(samples: np.ndarray) -> np.ndarray:
    valid = np.isfinite(samples)
    number = valid.sum(0)
    enough = number > 1
    mean = np.where(valid, samples, 0).sum(0) / np.maximum(number, 1)
    squares = np.where(valid, samples - mean, 0) ** 2
    return np.where(enough, squares.sum(0) / np.maximum(number - 1, 1), np.nan)


def t_interval(
    estimate: np.ndarray, variance: np.ndarray, dof: int | np.ndarray, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals from a variance and Student's t.

    Parameters
    ----------
    estimate, variance : numpy.ndarray, (...)
        What was found in the data, and its variance.
    dof : int or numpy.ndarray, (...)
        Degrees of freedom.
    level : float
        Share of data sets whose interval holds the true value.

    Returns
    -------
    tuple of numpy.ndarray, (...)
        Low and high ends.
    """
    reach = stats.t.ppf((1 + check_level(level)) / 2, dof) * np.sqrt(variance)
    return estimate - reach, estimate + reach


def percentile_interval(samples: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals from the quantiles of samples.

    Parameters
    ----------
    samples : numpy.ndarray, (sample, ...)
        The estimate in every sample; NaN where a sample allows none.
    level : float
        Share of the samples inside.

    Returns
    -------
    tuple of numpy.ndarray, (...)
        Low and high ends; NaN where there is no sample.
    """
    outside = (1 - check_level(level)) / 2
    found = np.full((2, *samples.shape[1:]), np.nan)
    some = np.isfinite(samples).any(0)
    if some.any():
        found[:, some] = np.nanquantile(samples[:, some], [outside, 1 - outside], axis=0)
    return found[0], found[1]


def t_p_values(difference: np.ndarray, variance: np.ndarray, dof: int | np.ndarray) -> np.ndarray:
    """Return two-sided p values of a difference from its variance.

    Parameters
    ----------
    difference, variance : numpy.ndarray, (...)
        What was found in the data, and its variance.
    dof : int or numpy.ndarray, (...)
        Degrees of freedom.

    Returns
    -------
    numpy.ndarray, (...)
        p values; 1 where nothing differs in any sample.
    """
    statistic = np.abs(difference) / np.sqrt(np.maximum(variance, np.finfo(float).eps))
    return 2 * stats.t.sf(statistic, dof)


def percentile_p_values(samples: np.ndarray) -> np.ndarray:
    """Return two-sided p values of a difference from the samples on either side of zero.

    Parameters
    ----------
    samples : numpy.ndarray, (sample, ...)
        The difference in every sample; NaN where a sample allows none.

    Returns
    -------
    numpy.ndarray, (...)
        (2 b + 1) / (n + 1) with b the samples on the rarer side, zeros half on each; at most 1.
    """
    valid = np.isfinite(samples)
    number = valid.sum(0)
    zeros = (samples == 0).sum(0) / 2
    rarer = np.minimum((samples < 0).sum(0) + zeros, (samples > 0).sum(0) + zeros)
    return np.where(number > 0, np.minimum((2 * rarer + 1) / (number + 1), 1), np.nan)


def check_level(level: float) -> float:
    """Return a level, or say that it is none.

    Raises
    ------
    AnalysisError
        If it is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise AnalysisError(f"level: {level} is no share; give for example 0.95")
    return level


def check_bootstrap(bootstrap: int) -> None:
    """Refuse too few samples for an interval.

    Raises
    ------
    AnalysisError
        If there are fewer than two.
    """
    if bootstrap < 2:
        raise AnalysisError(f"bootstrap: {bootstrap} samples are too few; 1000 are usual")
