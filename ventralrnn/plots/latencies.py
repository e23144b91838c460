"""The ladder of latencies: when each area begins to respond and when it is at its peak, model beside brain.

Draws what :func:`ventralrnn.analysis.compute_dynamics` returns.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ventralrnn.errors import AnalysisError
from ventralrnn.plots.style import area_colours, legend_below, mark_simulated, styled, take_axes

_LINES = ("-", "--", ":", "-.")
_APART = 0.22
_KINDS = ("onset", "peak")


@styled
def plot_latencies(result: xr.Dataset | Mapping[str, xr.Dataset], *, ax: Axes | None = None) -> Axes:
    """Draw onset and peak of every area's response, low areas below.

    Parameters
    ----------
    result : xarray.Dataset, or mapping of str to xarray.Dataset
        What :func:`~ventralrnn.analysis.compute_dynamics` returns; several, for example of a model and of a brain, by
        their names.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        Onsets are filled and peaks open, with their intervals; lines join the onsets, and the peaks, of one result. A
        triangle to the left: the response began then or earlier. A triangle to the right: it is largest at the end of
        the recording, which holds no peak.

    Raises
    ------
    AnalysisError
        If there is no onset, or some results are in ms and some in steps.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.analysis import compute_dynamics
    >>> from ventralrnn.plots import plot_latencies
    >>> rates = np.exp(-((np.arange(20) - 8.0) ** 2) / 20)[None, :, None] * np.ones((10, 1, 8))
    >>> coords = {"time_step": ("time", range(20)), "time_ms": ("time", np.arange(20) * 10.0)}
    >>> cells = xr.DataArray(rates, dims=("stimulus", "time", "neuroid"), coords=coords)
    >>> ax = plot_latencies(compute_dynamics({"IT": cells}, bootstrap=20, neuroids=False))
    """
    results: dict[str, Any] = {"": result} if isinstance(result, xr.Dataset) else dict(result)
    units = {str(one.attrs.get("units", "ms")) for one in results.values()}
    if len(units) > 1:
        raise AnalysisError("result: some latencies are in ms and some in steps; give the model a clock")
    if any("onset" not in one or "area" not in one["onset"].dims for one in results.values()):
        raise AnalysisError("result: has no onset of areas; give what compute_dynamics returns")
    # From the result that has most, so that areas which only one has keep their place.
    longest = max(results.values(), key=lambda one: one.sizes["area"])
    areas = [str(area) for area in longest["area"].values]
    areas += [str(a) for one in results.values() for a in one["area"].values if str(a) not in areas]
    ax = take_axes(ax, height=22 + 11 * len(areas))
    for row, one in enumerate(results.values()):
        shift = (row - (len(results) - 1) / 2) * _APART
        _ladder(ax, one, areas, shift, _LINES[row % len(_LINES)])
    ax.set_yticks(range(len(areas)), areas)
    for label, area in zip(ax.get_yticklabels(), areas, strict=True):
        label.set(color=area_colours(areas)[area], fontweight="bold")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.5, len(areas) - 0.5)
    unit = units.pop()
    ax.set_xlabel("time after stimulus onset (ms)" if unit == "ms" else "time step")
    ax.grid(axis="x", color="0.9", lw=0.5)
    ax.set_axisbelow(True)
    handles = _handles(results)
    legend_below(ax, handles, 22)
    mark_simulated(ax, results)
    return ax


def _ladder(ax: Axes, one: xr.Dataset, areas: list[str], shift: float, line: str) -> None:
    colours = area_colours(areas)
    rungs: dict[str, list[tuple[float, float]]] = {kind: [] for kind in _KINDS}
    for area in one["area"].values.astype(str):
        state, y = one.sel(area=area), areas.index(area) + shift
        for kind in _KINDS:
            value, marker = _place(state, kind)
            if not np.isfinite(value):
                continue
            rungs[kind].append((value, y))
            face: Any = colours[area] if kind == "onset" else "white"
            look: dict[str, Any] = {"color": colours[area], "mfc": face, "ms": 4, "ls": "", "zorder": 3}
            ax.plot(value, y, marker=marker, label=f"{area} {kind}", **look)
            if f"{kind}_low" in state and marker in ("o", "D"):
                ends = [float(state[f"{kind}_low"]), float(state[f"{kind}_high"])]
                ax.plot(ends, [y, y], color=colours[area], lw=1, zorder=2, label=f"{area} {kind} interval")
    for kind, points in rungs.items():
        if len(points) > 1:
            ax.plot(*zip(*points, strict=True), color="0.35" if kind == "onset" else "0.7", lw=0.8, ls=line, zorder=1)


def _place(state: xr.Dataset, kind: str) -> tuple[float, str]:
    """Return where a latency is drawn, and with which marker."""
    value = float(state[kind]) if kind in state else np.nan
    if kind == "onset" and "onset_at_start" in state and bool(state["onset_at_start"]):
        return value, "<"
    if kind == "peak" and "peak_at_end" in state and bool(state["peak_at_end"]):
        times = state["time_ms" if state.attrs.get("units", "ms") == "ms" else "time_step"].values
        return float(times[np.isfinite(state["response_pooled"].values)][-1]), ">"
    return value, "o" if kind == "onset" else "D"


def _handles(results: Mapping[str, xr.Dataset]) -> list[Any]:
    def one(marker: str, face: str, words: str) -> Line2D:
        return Line2D([], [], marker=marker, ls="", color="0.3", mfc=face, ms=4, label=words)

    handles = [one("o", "0.3", "onset")]
    early = any(bool(r["onset_at_start"].any()) for r in results.values() if "onset_at_start" in r)
    late = any(bool(r["peak_at_end"].any()) for r in results.values() if "peak_at_end" in r)
    if early:
        handles.append(one("<", "0.3", "onset then or before"))
    if any(np.isfinite(r["peak"].values).any() for r in results.values() if "peak" in r):
        handles.append(one("D", "white", "peak"))
    if late:
        handles.append(one(">", "white", "still rising at the end"))
    if len(results) > 1:
        handles += [
            Line2D([], [], color="0.35", ls=_LINES[row % len(_LINES)], lw=0.8, label=name)
            for row, name in enumerate(results)
        ]
    return handles
