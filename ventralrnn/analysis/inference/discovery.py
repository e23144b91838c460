"""Many tests at once: which of them to believe."""

from typing import Literal

import numpy as np
from scipy import stats

from ventralrnn.errors import AnalysisError


def false_discovery(p_values: np.ndarray, method: Literal["bh", "by"] = "bh") -> np.ndarray:
    """Return p values that hold the false discovery rate over all tests.

    Parameters
    ----------
    p_values : numpy.ndarray, (...)
        NaN where there is no test.
    method : {'bh', 'by'}
        Benjamini & Hochberg 1995 [1]_, for tests that are independent or positively related; Benjamini & Yekutieli
        2001 [2]_, for any.

    Returns
    -------
    numpy.ndarray, (...)
        Adjusted p values: among all tests at or below a level, the expected share of false ones is at most the level.

    Raises
    ------
    AnalysisError
        If the method is unknown or a p value is none.

    References
    ----------
    .. [1] Benjamini & Hochberg 1995, Controlling the false discovery rate, J. R. Stat. Soc. B 57:289-300.
    .. [2] Benjamini & Yekutieli 2001, The control of the false discovery rate in multiple testing under dependency,
       Annals of Statistics 29:1165-1188.
    """
    if method not in ("bh", "by"):
        raise AnalysisError(f"method: {method!r} is not 'bh' or 'by'")
    values = np.asarray(p_values, float)
    tested = ~np.isnan(values)
    if ((values[tested] < 0) | (values[tested] > 1)).any():
        raise AnalysisError("p_values: lie between 0 and 1")
    adjusted = np.full(values.shape, np.nan)
    if tested.any():
        adjusted[tested] = stats.false_discovery_control(values[tested], method=method)
    return adjusted


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p values that hold the chance of any false finding over all tests.

    Parameters
    ----------
    p_values : numpy.ndarray, (...)
        NaN where there is no test.

    Returns
    -------
    numpy.ndarray, (...)
        Adjusted p values, after Holm [1]_: valid however the tests depend on each other.

    References
    ----------
    .. [1] Holm 1979, A simple sequentially rejective multiple test procedure, Scand. J. Statistics 6:65-70.
    """
    values = np.asarray(p_values, float)
    corrected = np.full(values.shape, np.nan)
    there = np.isfinite(values)
    tests = values[there]
    order = np.argsort(tests)
    steps = np.maximum.accumulate(tests[order] * np.arange(len(order), 0, -1))
    adjusted = np.empty_like(tests)
    adjusted[order] = np.clip(steps, 0, 1)
    corrected[there] = adjusted
    return corrected
