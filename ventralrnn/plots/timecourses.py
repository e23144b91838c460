"""Anything over time, one line an area: response strength, accuracy, whatever has (area, time).

Draws what :func:`ventralrnn.analysis.time_courses`, :func:`~ventralrnn.analysis.compute_dynamics`,
:func:`~ventralrnn.analysis.decode` and :func:`~ventralrnn.analysis.encode` return.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ventralrnn.errors import AnalysisError
from ventralrnn.plots.style import (
    ENDED,
    PAGE,
    UNREACHED,
    Times,
    area_colours,
    area_markers,
    finish_figure,
    hatch,
    legend_of,
    mark_simulated,
    new_figure,
    styled,
    take_axes,
    times_of,
    unreached_patch,
    unreached_times,
)

Courses = Mapping[str, xr.Dataset] | xr.Dataset

_NAMES = {
    "strength": "response strength",
    "change": "change from step to step\n(share of the state's length)",
    "response_pooled": "response",
    "accuracy": "balanced accuracy",
    "speed_mean": "speed of the state",
    "participation_ratio": "dimensions (participation ratio)",
    "omega_squared": "variance explained by category (ω²)",
    "score": "score",
    "share": "share of the state",
}
# Of each area in its own units, so that areas are compared by shape alone.
_RELATIVE = ("strength", "response_pooled")
_MANY = {"stimulus": "stimuli", "neuroid": "neuroids"}
_SPREAD = set(_MANY)


class _Course(NamedTuple):
    """The line of an area: NaN where there is no state."""

    times: Times
    middle: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    reached: np.ndarray


@styled
def plot_time_courses(
    result: Courses,
    what: str | None = None,
    *,
    areas: Sequence[str] | None = None,
    normalise: bool = True,
    stimulus: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the time course of every area, with its band.

    Parameters
    ----------
    result : mapping of str to xarray.Dataset, or xarray.Dataset
        What :func:`~ventralrnn.analysis.time_courses` returns: ``strength`` or ``change`` (stimulus, time) of each
        area. Or a result over (area, time), as :func:`~ventralrnn.analysis.compute_dynamics`,
        :func:`~ventralrnn.analysis.decode` or :func:`~ventralrnn.analysis.encode` return, or over (connection, time).
        Where there are stimuli or neuroids, their median is drawn, with the range from the 10th to the 90th percentile;
        else the value with its interval, if there is one.
    what : str, optional
        Which variable; ``strength``, ``response_pooled``, ``accuracy`` or ``score`` by default.
    areas : sequence of str, optional
        All by default.
    normalise : bool
        Whether strengths of response are divided by the area's largest.
    stimulus : (float, float), optional
        When the picture was on, in ms after its onset (in steps for a model without a clock), which is shaded. Results
        do not hold it.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        Times at which the input has not reached an area are hatched: all over for one area, in a strip an area below
        for several.

    Raises
    ------
    AnalysisError
        If an area or a variable is not there.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.analysis import time_courses
    >>> from ventralrnn.plots import plot_time_courses
    >>> states = np.random.default_rng(0).normal(size=(10, 3, 4)).cumsum(1)
    >>> coords = {"time_step": ("time", [0, 1, 2]), "time_ms": ("time", [80.0, 90.0, 100.0])}
    >>> recording = {"IT": xr.DataArray(states, dims=("stimulus", "time", "neuroid"), coords=coords)}
    >>> ax = plot_time_courses(time_courses(recording))
    >>> ax.get_xlabel()
    'time after stimulus onset (ms)'
    """
    ax = take_axes(ax)
    name = _variable(result, what)
    courses = {area: _course(result, area, name, normalise) for area in _areas(result, name, areas)}
    in_ms = all(course.times.in_ms for course in courses.values())
    _draw(ax, courses, stimulus)
    if isinstance(result, xr.Dataset) and "chance" in result and name == "accuracy":
        ax.axhline(float(result["chance"]), color="0.3", lw=0.8, ls=":", label="chance")
    label = _NAMES.get(name, name.replace("_", " "))
    ax.set_ylabel(f"{label}\n(share of its peak)" if normalise and name in _RELATIVE else label)
    ax.set_xlabel(Times(np.zeros(1), in_ms).label)
    handles = legend_of([ax])
    shown = [handle.get_label() for handle in handles]
    handles = legend_of([ax], [unreached_patch(label) for label in (UNREACHED, ENDED) if label in shown])
    ax.legend(handles=handles, title=_band(result, name), ncols=2 if len(courses) > 2 else 1)
    mark_simulated(ax, result)
    return ax


@styled
def make_time_course_figure(
    result: Courses,
    title: str = "",
    note: str = "",
    *,
    what: Sequence[str] | None = None,
    stimulus: tuple[float, float] | None = None,
) -> Figure:
    """Draw several time courses of every area: a row an area, a column a variable.

    Parameters
    ----------
    result : mapping of str to xarray.Dataset, or xarray.Dataset
        As for :func:`plot_time_courses`.
    title, note : str
        Above and below the figure.
    what : sequence of str, optional
        Variables; ``strength`` and ``change`` by default, or the only one that there is.
    stimulus : (float, float), optional
        When the picture was on, in ms after its onset, which is shaded.

    Returns
    -------
    matplotlib.figure.Figure
        All panels with the same times; those before the input has reached an area are hatched.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.analysis import time_courses
    >>> from ventralrnn.plots import make_time_course_figure
    >>> states = np.random.default_rng(0).normal(size=(10, 3, 4)).cumsum(1)
    >>> coords = {"time_step": ("time", [0, 1, 2]), "time_ms": ("time", [80.0, 90.0, 100.0])}
    >>> recording = {"IT": xr.DataArray(states, dims=("stimulus", "time", "neuroid"), coords=coords)}
    >>> figure = make_time_course_figure(time_courses(recording), title="IT")
    >>> len(figure.axes)  # strength and change
    2
    """
    chosen = list(what or ([_variable(result, None)] if isinstance(result, xr.Dataset) else ["strength", "change"]))
    areas = _areas(result, chosen[0])
    figure = new_figure(min(PAGE, 40 + 70 * len(chosen)), 12 + 23 * len(areas))
    axes = figure.subplots(len(areas), len(chosen), squeeze=False, sharex=True)
    colours = area_colours(areas)
    for column, name in enumerate(chosen):
        courses = {area: _course(result, area, _variable(result, name), True) for area in areas}
        left, right = _ends(courses)
        for row, area in enumerate(areas):
            ax = axes[row, column]
            _draw(ax, {area: courses[area]}, stimulus, (left, right), list(courses))
            if column == 0:
                ax.set_ylabel(area, rotation=0, ha="right", va="center", fontweight="bold", color=colours[area])
        label = _NAMES.get(name, name.replace("_", " ")).replace("\n", " ")
        axes[0, column].set_title(f"{label} (share of its peak)" if name in _RELATIVE else label)
        axes[-1, column].set_xlabel(Times(np.zeros(1), all(c.times.in_ms for c in courses.values())).label)
    handles = [h for h in legend_of(list(axes.flat)) if h.get_label() not in areas]
    return finish_figure(figure, title, note, result, handles=handles)


def _areas(result: Courses, name: str, wanted: Sequence[str] | None = None) -> list[str]:
    known = [str(a) for a in (result[_over(result, name)].values if isinstance(result, xr.Dataset) else result)]
    unknown = [area for area in wanted or () if area not in known]
    if unknown:
        raise AnalysisError(f"areas: no {unknown[0]} here; there are {', '.join(known)}")
    return [area for area in known if wanted is None or area in wanted]


def _over(result: xr.Dataset, name: str) -> str:
    return "connection" if "connection" in result[name].dims else "area"


def _select(result: xr.Dataset, area: str, name: str) -> xr.Dataset:
    """Return an area, or a connection at the times of the area that it leads to."""
    if _over(result, name) == "area":
        return result.sel(area=area)
    one = result[[name]].sel(connection=area)
    if "time_ms" in result.coords and "target" in one.coords:
        ms = result["time_ms"].sel(area=str(one["target"].values)).values
        return one.drop_vars("time_ms", errors="ignore").assign_coords(time_ms=("time", ms))
    return one


def _variable(result: Courses, what: str | None) -> str:
    first = result if isinstance(result, xr.Dataset) else next(iter(result.values()))
    series = [str(name) for name, v in first.data_vars.items() if _is_course({str(d) for d in v.dims})]
    found = what or next((name for name in ("strength", *_NAMES) if name in series), None)
    if found is None or found not in series:
        raise AnalysisError(f"what: {found or 'nothing'} is no time course of this result; it has {', '.join(series)}")
    return found


def _is_course(dims: set[str]) -> bool:
    """Whether these are times of areas or connections, and at most one dimension to take percentiles over."""
    return "time" in dims and len(dims & _SPREAD) <= 1 and len(dims - {"time", *_SPREAD}) <= 1 < len(dims)


def _course(result: Courses, area: str, name: str, normalise: bool) -> _Course:
    one: Any = _select(result, area, name) if isinstance(result, xr.Dataset) else result[area]
    values = np.asarray(one[name].transpose(..., "time").values, float)
    # What is defined from the second or third state on tells less of when the area is reached.
    first = next((n for n in ("strength", "response_pooled") if n in one), name)
    reached = np.isfinite(one[first].transpose(..., "time").values)
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    if values.ndim == 1:
        middle = values
        ends = [pair for pair in _interval_names(name) if pair[0] in one]
        if ends:
            low, high = (np.asarray(one[end].values, float) for end in ends[0])
    else:
        there, reached = np.isfinite(values).any(0), reached if reached.ndim == 1 else reached.any(0)
        spread = np.full((3, len(there)), np.nan)
        spread[:, there] = np.nanpercentile(values[:, there], [10, 50, 90], axis=0)
        low, middle, high = spread
    if normalise and name in _RELATIVE and np.isfinite(middle).any():
        peak = float(np.nanmax(middle)) or 1.0  # a silent area has no peak
        middle, low, high = middle / peak, None if low is None else low / peak, None if high is None else high / peak
    return _Course(times_of(one), middle, low, high, reached)


def _interval_names(name: str) -> list[tuple[str, str]]:
    own = [(f"{name}_low", f"{name}_high")]
    return own + ([("lower", "upper")] if name == "accuracy" else [("low", "high")] if name == "score" else [])


def _band(result: Courses, name: str) -> str | None:
    """Return what the bands are, in words."""
    first = result if isinstance(result, xr.Dataset) else next(iter(result.values()))
    over = next((what for dim, what in _MANY.items() if dim in first[name].dims), None)
    if over is not None:
        return f"median, 10th to 90th\npercentile of {over}"
    level = first.attrs.get("confidence", first.attrs.get("level"))
    has = any(low in first for low, _ in _interval_names(name))
    return None if level is None or not has else f"band: {100 * float(level):g} % interval"


def _step(times: np.ndarray) -> float:
    return float(np.diff(times).min()) if len(times) > 1 else 1.0


def _ends(courses: Mapping[str, _Course]) -> tuple[float, float]:
    times = [c.times.values for c in courses.values()]
    step = min((_step(t) for t in times if len(t) > 1), default=1.0)
    return min(t.min() for t in times) - step / 2, max(t.max() for t in times) + step / 2


def _draw(
    ax: Axes,
    courses: Mapping[str, _Course],
    stimulus: tuple[float, float] | None,
    ends: tuple[float, float] | None = None,
    among: Sequence[str] = (),
) -> None:
    left, right = ends or _ends(courses)
    colours, markers = area_colours(among or list(courses)), area_markers(among or list(courses))
    if stimulus is not None:
        left = min(left, stimulus[0])
        ax.axvspan(*stimulus, facecolor="0.92", edgecolor="0.7", lw=0.5, zorder=0, label="stimulus on")
    strip = 0.035 if len(courses) > 1 else 1.0
    for row, (area, course) in enumerate(reversed(list(courses.items()))):
        for start, stop in unreached_times(course.times.values, course.reached, left, right):
            # As in an unrolled residual network, whose states end.
            label = ENDED if (course.times.values[course.reached] < start).any() else UNREACHED
            if strip == 1:
                hatch(ax, start, stop, label=label)
            else:
                # In the area's colour, so that one sees whose strip it is.
                hatch(ax, start, stop, row * strip, (row + 0.8) * strip, colours[area], label)
    for area, course in courses.items():
        _line(ax, course, area, colours[area], markers[area])
    ax.set_xlim(left, right)
    low, high = _range(courses)
    # Room for the strips below the lines.
    below = 0 if strip == 1 else strip * len(courses) * 1.4
    ax.set_ylim(low - below * (high - low) / (1 - below), high)
    ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= high])


def _line(ax: Axes, course: _Course, area: str, colour: Any, marker: str) -> None:
    times, there = course.times.values, np.isfinite(course.middle)
    if not there.any():
        return
    if course.low is not None and course.high is not None:
        ax.fill_between(times[there], course.low[there], course.high[there], color=colour, alpha=0.22, lw=0)
    dense = there.sum() > 40
    ax.plot(times[there], course.middle[there], color=colour, marker="" if dense else marker, label=area)


def _range(courses: Mapping[str, _Course]) -> tuple[float, float]:
    parts = [v[np.isfinite(v)] for c in courses.values() for v in (c.middle, c.low, c.high) if v is not None]
    values = np.concatenate(parts)
    if not len(values):
        return 0.0, 1.0
    low, high = min(0.0, float(values.min())), float(values.max())
    return low, (high + 0.05 * (high - low)) if high > low else low + 1.0
