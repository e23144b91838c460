"""Scores on a benchmark: of every area at every step, beside the ceiling and what was committed to.

Draws what :func:`ventralrnn.score` and :func:`ventralrnn.brains.benchmarks.evaluate` return.
"""

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ventralrnn.errors import AnalysisError
from ventralrnn.plots.style import (
    Times,
    area_colours,
    area_markers,
    edges,
    legend_below,
    legend_of,
    mark_simulated,
    styled,
    take_axes,
)

_CEILING = "noise ceiling"
# Of our scores, what Brain-Score's results hold of the same kind.
_COMMITTED = {"score": "raw", "low": "low", "high": "high"}
_METRICS = {"rdm": "similarity of RDMs"}


@styled
def plot_scores(result: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw a model's score on a benchmark over time.

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`ventralrnn.score` returns. For a benchmark of ours, a score of every area and step, with intervals.
        For one of Brain-Score the same before it is held against the ceiling, or a score for every time bin, with its
        standard error over splits.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        Ours: a line an area; the committed score as a bar with its interval over the window of time in which its area
        is averaged, and the noise ceiling, lower to upper bound or a line. Brain-Score's: raw scores beside the
        ceiling of each time bin.

    Raises
    ------
    AnalysisError
        If there are no scores.

    Examples
    --------
    >>> import xarray as xr
    >>> from ventralrnn.plots import plot_scores
    >>> bins = {"time_bin_start": ("time_bin", [70, 90]), "time_bin_end": ("time_bin", [90, 110])}
    >>> numbers = {"score": [0.5, 0.6], "raw": [0.4, 0.5], "error": [0.01, 0.02], "ceiling": [0.8, 0.83]}
    >>> ax = plot_scores(xr.Dataset({name: ("time_bin", values) for name, values in numbers.items()}, bins))
    """
    if "score" not in result:
        raise AnalysisError("result: has no score; give what ventralrnn.score returns")
    ax = take_axes(ax)
    if "state_raw" in result and "time_bin" not in result["state_raw"].dims:
        _states(ax, _as_ours(result))
    elif "area" in result["score"].dims:
        (_states if "time" in result["score"].dims else _areas)(ax, result)
    else:
        _brainscore(ax, result)
    ax.set_title(str(result.attrs.get("benchmark", "")).removeprefix("ventralrnn."))
    handles = legend_of([ax])
    if handles:
        legend_below(ax, handles, 22)
    mark_simulated(ax, result)
    return ax


def _as_ours(result: xr.Dataset) -> xr.Dataset:
    """Return scores of states on a static benchmark of Brain-Score in the form of those on ours."""
    region = str(result.attrs.get("region", ""))
    known = [str(area) for area in result["area"].values]
    area = region if region in known else json.loads(str(result.attrs.get("areas", "{}"))).get(region, "")
    bins = json.loads(str(result.attrs.get("time_bins_ms", "null")))
    committed = {
        "committed_area": area,
        "committed_steps": "null",
        "committed_covered_ms": json.dumps(None if bins is None else [bins[0][0], bins[-1][1]]),
        **{f"committed_{name}": float(result[value]) for name, value in _COMMITTED.items()},
    }
    states = {name: result[f"state_{value}"] for name, value in _COMMITTED.items()}
    return xr.Dataset({**states, "ceiling": result["ceiling"]}, attrs={**result.attrs, **committed})


def _states(ax: Axes, result: xr.Dataset) -> None:
    areas = [str(area) for area in result["area"].values]
    colours, markers = area_colours(areas), area_markers(areas)
    there = {area: np.isfinite(result["score"].sel(area=area).transpose("time").values) for area in areas}
    # A clock counts that says when each state is that has a score.
    in_ms = "time_ms" in result.coords and all(
        np.isfinite(result["time_ms"].sel(area=area).values[there[area]]).all() for area in areas
    )
    name = "time_ms" if in_ms else "time_step"
    times = {area: np.asarray((result.sel(area=area))[name].values, float) for area in areas}
    gaps = [np.diff(times[area][there[area]]).min() for area in areas if there[area].sum() > 1]
    apart = 0.1 * float(min(gaps, default=1.0))
    _ceiling(ax, result)
    for row, area in enumerate(areas):
        one, shown = result.sel(area=area), there[area]
        values, when = one["score"].values[shown], times[area][shown] + (row - (len(areas) - 1) / 2) * apart
        ends = np.abs(np.stack([one["low"].values, one["high"].values])[:, shown] - values)
        if shown.any():
            ax.errorbar(when, values, ends, color=colours[area], lw=0, elinewidth=0.7, zorder=2)
            ax.plot(when, values, color=colours[area], marker=markers[area], label=area)
    area = str(result.attrs.get("committed_area", ""))
    if area in areas:
        _committed(ax, result, Times(times[area][there[area]], in_ms), there[area], colours[area])
    ax.axhline(0, color="0.4", lw=0.6)
    ax.set(xlabel=Times(np.zeros(1), in_ms).label, ylabel=_metric(result))


def _committed(ax: Axes, result: xr.Dataset, times: Times, there: np.ndarray, colour: Any) -> None:
    """Draw the score that was chosen before anything was scored, over the time that it averages."""
    steps = json.loads(str(result.attrs["committed_steps"]))
    covered = json.loads(str(result.attrs.get("committed_covered_ms", "null")))
    if times.in_ms and covered:
        left, right = covered
    else:
        # Without a window, all the steps that were averaged, each for as long as it lasts.
        borders, known = edges(times.values), result["time_step"].values[there].tolist()
        first, last = (known.index(steps[i]) for i in (0, -1)) if steps else (0, len(known) - 1)
        left, right = borders[first], borders[last + 1]
    score, low, high = (float(result.attrs[f"committed_{name}"]) for name in _COMMITTED)
    ax.fill_between([left, right], low, high, color=colour, alpha=0.15, lw=0, zorder=0.5)
    look: dict[str, Any] = {"color": colour, "lw": 3, "alpha": 0.45, "zorder": 1, "solid_capstyle": "butt"}
    area = result.attrs["committed_area"]
    ax.plot([left, right], [score] * 2, label=f"committed: {area}, averaged", **look)


def _areas(ax: Axes, result: xr.Dataset) -> None:
    areas = [str(area) for area in result["area"].values]
    colours, markers = area_colours(areas), area_markers(areas)
    _ceiling(ax, result)
    for row, area in enumerate(areas):
        one = result.sel(area=area)
        value, low, high = (float(one[name]) for name in ("score", "low", "high"))
        ax.errorbar(row, value, [[value - low], [high - value]], color=colours[area], marker=markers[area], ms=5)
    ax.axhline(0, color="0.4", lw=0.6)
    ax.set_xticks(range(len(areas)), areas)
    ax.set(xlim=(-0.5, len(areas) - 0.5), ylabel=_metric(result))


def _brainscore(ax: Axes, result: xr.Dataset) -> None:
    raw, error, ceiling = (np.atleast_1d(result[name].values) for name in ("raw", "error", "ceiling"))
    if "time_bin" in result.dims:
        starts, stops = (result[f"time_bin_{end}"].values.astype(float) for end in ("start", "end"))
        ax.set_xlabel("time after stimulus onset (ms)")
    else:
        starts, stops = np.arange(len(raw)) - 0.3, np.arange(len(raw)) + 0.3
        ax.set_xticks([])
        ax.set_xlim(-1, len(raw))
    for i, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        if np.isfinite(ceiling[i]):
            ax.plot([start, stop], [ceiling[i]] * 2, color="0.6", lw=2, label=_CEILING)
        if np.isfinite(raw[i]):
            ax.plot([start, stop], [raw[i]] * 2, color="#0072B2", label="score before the ceiling")
            spread = error[i] if np.isfinite(error[i]) else None
            ax.errorbar((start + stop) / 2, raw[i], spread, color="#0072B2", marker="o")
    share = np.atleast_1d(result["score"].values)
    if len(raw) == 1 and np.isfinite(share[0]):
        words = f"{share[0]:.2f} of the ceiling"
        ax.annotate(words, (stops[0], raw[0]), (3, 0), textcoords="offset points", va="center")
    ax.set_ylim(bottom=min(0.0, float(np.nanmin(raw, initial=0))))
    ax.set_ylabel("score")


def _ceiling(ax: Axes, result: xr.Dataset) -> None:
    high = float(result["ceiling"]) if "ceiling" in result else np.nan
    low = float(result["ceiling_lower"]) if "ceiling_lower" in result else np.nan
    if np.isfinite(low):
        ax.axhspan(low, high, facecolor="0.8", lw=0, zorder=0, label=f"{_CEILING}, lower to upper")
    elif np.isfinite(high):
        ax.axhline(high, color="0.6", lw=2, zorder=0, label=_CEILING)


def _metric(result: xr.Dataset) -> str:
    metric = str(result.attrs.get("metric", ""))
    return f"score ({_METRICS.get(metric, metric)})" if metric else "score"
