"""Time courses of all areas in one figure."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_COLUMNS = {
    "strength": "Response strength\n(root mean square of the state, over its median's peak)",
    "change": "Change from step to step\n(share of the state's length)",
}


def plot_time_courses(courses: Mapping[str, xr.Dataset], title: str = "", note: str = "") -> Figure:
    """Draw the time course of every area, one row an area.

    Parameters
    ----------
    courses : mapping of str to xarray.Dataset
        What :func:`ventralrnn.analysis.time_courses` returns.
    title, note : str
        Above and below the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Median over stimuli, with the range from the 10th to the 90th percentile; times before the input has reached
        an area are hatched.
    """
    figure = Figure(figsize=(9, 1.2 + 1.45 * len(courses)), layout="constrained")
    axes = figure.subplots(len(courses), len(_COLUMNS), squeeze=False, sharex=True)
    colours = colormaps["viridis"](np.linspace(0.1, 0.8, len(courses)))
    times = np.concatenate([_times(course) for course in courses.values()])
    step = _step(courses)
    for row, (area, course) in enumerate(courses.items()):
        for column, (what, heading) in enumerate(_COLUMNS.items()):
            ax = axes[row, column]
            _draw(ax, course, what, colours[row], float(times.min()) - step / 2)
            if row == 0:
                ax.set_title(heading, fontsize=9)
            if column == 0:
                ax.set_ylabel(area, rotation=0, ha="right", va="center", fontsize=12, fontweight="bold")
    has_clock = all("time_ms" in c.coords and np.isfinite(c.time_ms).all() for c in courses.values())
    for ax in axes[-1]:
        ax.set_xlim(times.min() - step / 2, times.max() + step / 2)
        ax.set_xlabel("Time after stimulus onset (ms)" if has_clock else "Time step")
    if title:
        figure.suptitle(title, fontsize=11, fontweight="bold")
    if note:
        figure.supxlabel(textwrap.fill(note, 130), fontsize=8, color="0.35")
    return figure


def _times(course: xr.Dataset) -> np.ndarray:
    milliseconds = course.time_ms.values
    return milliseconds if np.isfinite(milliseconds).all() else course.time_step.values.astype(float)


def _step(courses: Mapping[str, xr.Dataset]) -> float:
    gaps = [np.diff(_times(course)).min() for course in courses.values() if course.sizes["time"] > 1]
    return float(min(gaps, default=1.0))


def _draw(ax: Axes, course: xr.Dataset, what: str, colour: Any, left: float) -> None:
    times, values = _times(course), course[what].values
    reached = np.isfinite(course["strength"].values).any(0)
    shown = np.isfinite(values).any(0)
    if what == "strength" and reached.any():
        peak = float(np.nanmax(np.nanmedian(values[:, reached], 0)))
        values = values / (peak or 1.0)  # a silent area has no peak
    if shown.any():
        low, middle, high = np.nanpercentile(values[:, shown], [10, 50, 90], axis=0)
        ax.fill_between(times[shown], low, high, color=colour, alpha=0.25, lw=0)
        ax.plot(times[shown], middle, "o-", color=colour, ms=4)
        ax.set_ylim(0, max(1.05, float(high.max()) * 1.05))
    if reached.any():
        _hatch(ax, left, float(times[reached][0]), times, label=what == "strength")
    ax.spines[["top", "right"]].set_visible(False)


def _hatch(ax: Axes, left: float, first: float, times: np.ndarray, label: bool) -> None:
    """Mark the time before the first response."""
    right = first - (float(np.diff(times).min()) / 2 if len(times) > 1 else 0)
    if right <= left:
        return
    ax.axvspan(left, right, facecolor="none", edgecolor="0.75", hatch="///", lw=0)
    if label and right - left > 0.25 * (times.max() - left):
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        ax.text(0.02, 0.9, "not reached yet", transform=ax.transAxes, fontsize=8, color="0.4", va="top", bbox=box)
