"""Lags and clocks: when in a brain the steps of a model are."""

from ventralrnn.analysis.clocks.lags import best_lag
from ventralrnn.analysis.clocks.maps import fit_clock
from ventralrnn.analysis.clocks.paths import linear_begins, monotone_path

__all__ = ["best_lag", "fit_clock", "linear_begins", "monotone_path"]
