"""Responses with repeats: peristimulus time histograms, and how reliable they are at every time."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy import stats

from ventralrnn.analysis.encoding.scores import explainable_variance, extrapolate, split_half
from ventralrnn.analysis.results import provenance
from ventralrnn.errors import AnalysisError

_DIMS = ("repeat", "stimulus", "time", "neuroid")
_PER_BIN = "spikes a bin"


def psth(
    responses: xr.DataArray,
    *,
    over: Sequence[str] = ("repeat",),
    per_second: bool = False,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Return peristimulus time histograms: mean responses in time, with intervals.

    Parameters
    ----------
    responses : xarray.DataArray, (repeat, stimulus, time, neuroid)
        As :func:`ventralrnn.brains.load_responses` returns them; NaN for a repeat that there is not.
    over : sequence of str
        What is averaged over, one after the other: ``('repeat',)``, ``('repeat', 'stimulus')`` or
        ``('repeat', 'stimulus', 'neuroid')``.
    per_second : bool
        Divide counts of spikes by the width of the bins, which coordinates or ``bin_ms`` among the attributes state.
    confidence : float
        Of the intervals.

    Returns
    -------
    xarray.Dataset
        ``mean``, ``low``, ``high`` and ``count`` in the dimensions that remain. The interval is for the mean over more
        of what is averaged over last, `count` of which there are: repeats of the same stimulus, or other stimuli, or
        other neuroids. NaN where there are fewer than two, and where there are no responses.

    Raises
    ------
    AnalysisError
        If dimensions do not fit, or the width of the bins is not known.

    Notes
    -----
    Intervals are Student's, of the means over what was averaged over before, so that repeats of one stimulus do not
    count as different stimuli.
    """
    _check(responses)
    if not over or tuple(over) != ("repeat", "stimulus", "neuroid")[: len(over)]:
        raise AnalysisError(f"over: {', '.join(over) or 'nothing'}; give repeat, stimulus, neuroid in this order")
    if not 0 < confidence < 1:
        raise AnalysisError(f"confidence: give a share between 0 and 1, not {confidence}")
    ordered = responses.transpose(*_DIMS)
    values = np.asarray(ordered.values, np.float64)
    if per_second:
        values = values / _bin_seconds(responses)[:, None]
    dims = list(_DIMS)
    for dim in over[:-1]:
        values = _nanmean(values, dims.index(dim))
        dims.remove(dim)
    axis = dims.index(over[-1])
    count = (~np.isnan(values)).sum(axis)
    mean = _nanmean(values, axis)
    squares = np.nansum(np.square(values - np.expand_dims(mean, axis)), axis)
    known = np.where(count > 1, count, 2)
    half = stats.t.ppf((1 + confidence) / 2, known - 1) * np.sqrt(squares / (known - 1) / known)
    half = np.where(count > 1, half, np.nan)
    dims.remove(over[-1])
    result = xr.Dataset(
        {"mean": (dims, mean), "low": (dims, mean - half), "high": (dims, mean + half), "count": (dims, count)},
        _coords(responses, dims),
    )
    units = "spikes a second" if per_second else str(responses.attrs.get("units", ""))
    return result.assign_attrs(provenance(responses.attrs, analysis="psth", over=list(over), units=units))


def split_half_reliability(responses: xr.DataArray, splits: int = 100, *, seed: int = 0) -> xr.Dataset:
    """Return how reliable the response of every neuroid to all stimuli is, at every time.

    Parameters
    ----------
    responses : xarray.DataArray, (repeat, stimulus, time, neuroid)
        As :func:`ventralrnn.brains.load_responses` returns them; NaN for a repeat that there is not.
    splits : int
        How often repeats are halved at random.
    seed : int
        Of the halves.

    Returns
    -------
    xarray.Dataset
        All (time, neuroid): ``split_half``, the correlation over stimuli of the means of two halves of the repeats,
        mean over splits; ``reliability``, the same extrapolated to all repeats, which divides scores that are corrected
        for noise (:func:`ventralrnn.analysis.encoding.correct_for_noise`); ``explainable``, the share of a single
        trial's variance over stimuli that the stimulus explains. NaN where responses do not vary.

    Raises
    ------
    AnalysisError
        If dimensions do not fit, or a stimulus has fewer than two repeats.
    """
    _check(responses)
    if splits < 1:
        raise AnalysisError(f"splits: give 1 or more, not {splits}")
    values = np.asarray(responses.transpose("stimulus", "time", "neuroid", "repeat").values, np.float64)
    dims = ("time", "neuroid")
    halves = split_half(values, splits, seed=seed)
    found = {
        "split_half": (dims, halves.mean(0)),
        "reliability": (dims, extrapolate(halves).mean(0)),
        "explainable": (dims, explainable_variance(values)),
    }
    attrs = provenance(responses.attrs, analysis="split-half reliability", splits=splits, split_seed=seed)
    return xr.Dataset(found, _coords(responses, dims), attrs)


def _check(responses: xr.DataArray) -> None:
    if set(responses.dims) != set(_DIMS):
        raise AnalysisError(f"responses: give dimensions {', '.join(_DIMS)}, not {', '.join(map(str, responses.dims))}")


def _nanmean(values: np.ndarray, axis: int) -> np.ndarray:
    count = (~np.isnan(values)).sum(axis)
    return np.nansum(values, axis) / np.where(count, count, np.nan)


def _bin_seconds(responses: xr.DataArray) -> np.ndarray:
    if responses.attrs.get("units", _PER_BIN) != _PER_BIN:
        raise AnalysisError(f"per_second: responses are {responses.attrs['units']!r}, not {_PER_BIN!r}")
    if {"time_start_ms", "time_end_ms"} <= set(responses.coords):
        return (responses["time_end_ms"].values - responses["time_start_ms"].values) / 1000
    if "bin_ms" in responses.attrs:
        return np.full(responses.sizes["time"], float(responses.attrs["bin_ms"]) / 1000)
    raise AnalysisError("per_second: responses do not say how wide their bins are (time_start_ms and time_end_ms)")


def _coords(responses: xr.DataArray, dims: Sequence[str]) -> dict[str, xr.DataArray]:
    return {str(name): c for name, c in responses.coords.items() if c.dims and set(c.dims) <= set(dims)}
