"""A model compared with a brain: every step with every time, beside what noise allows.

Draws what :func:`ventralrnn.analysis.rsa` returns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from ventralrnn.errors import AnalysisError
from ventralrnn.plots.ceilings import TWO_SIDED, draw_ceiling, say_time, titles_of
from ventralrnn.plots.style import (
    Times,
    absence,
    area_colours,
    area_markers,
    axes_beside,
    choose,
    edges,
    hatch,
    legend_of,
    mark_simulated,
    styled,
    take_axes,
    times_of,
    unreached_times,
)

_NAMES = {
    "spearman": "Spearman's ρ",
    "corr": "Pearson's r",
    "cosine": "cosine",
    "rho-a": "ρ-a",
    "kendall": "Kendall's τ-a",
}


@styled
def plot_similarity_matrix(
    result: xr.Dataset,
    *,
    area: str | None = None,
    brain_area: str | None = None,
    limit: float | None = None,
    ceiling: bool = True,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw how similar each step of a model's area is to each time of a brain's.

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`~ventralrnn.analysis.rsa` returns for a brain with times.
    area, brain_area : str, optional
        Of the model and of the brain; have to be named if there are several.
    limit : float, optional
        Similarity at the ends of the colour scale; the largest of the panel by default.
    ceiling : bool
        Whether the noise ceiling at every brain time, and the best step below it, are drawn above the matrix.
    colorbar : bool
        Whether the scale is shown.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        Significant clusters are outlined, steps at which the input has not reached the area hatched.

    Raises
    ------
    AnalysisError
        If an area is not there or not named, or the brain has no times.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import rsa
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> from ventralrnn.plots import plot_similarity_matrix
    >>> rng = np.random.default_rng(0)
    >>> model = make_rdms(rng.random((3, 45)), ("time",), {"time_step": ("time", [0, 1, 2])})
    >>> brain = make_rdms(rng.random((3, 4, 45)), ("subject", "time"), {"time_ms": ("time", [60.0, 70.0, 80.0, 90.0])})
    >>> ax = plot_similarity_matrix(rsa(model, brain))
    """
    ax = take_axes(ax, height=70)
    one = _one(result, area, brain_area)
    similarity = one["similarity"].transpose("time", "brain_time").values
    model, brain = times_of(one), times_of(one, "brain_")
    x, y = edges(brain.values), edges(model.values)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    there = np.isfinite(similarity).any(1)
    for row in np.flatnonzero(~there):
        low, high = (y[row : row + 2] - y[0]) / (y[-1] - y[0])
        hatch(ax, x[0], x[-1], low, high, label=absence(there))
    if np.isfinite(similarity).any():
        top = limit or float(np.nanmax(np.abs(similarity))) or 1.0
        # Squares, not a smooth picture: there is nothing between steps.
        mesh = ax.pcolormesh(
            x, y, np.ma.masked_invalid(similarity), norm=TwoSlopeNorm(0, -top, top), cmap=TWO_SIDED, rasterized=True
        )
        if colorbar:
            bar = ax.figure.colorbar(mesh, ax=ax, fraction=0.05, pad=0.02, label=measure_of(result))
            bar.ax.set_ylim(min(0.0, float(np.nanmin(similarity))), top)
            bar.outline.set_visible(False)
    if "significant" in one and one["significant"].values.any():
        draw_outline(ax, one["significant"].transpose("time", "brain_time").values, x, y)
    ax.set(xlabel=say_time("brain", brain), ylabel=say_time("model", model))
    ax.set_title(" × ".join(titles_of(one)))
    if ceiling:
        _margin(ax, one, brain, similarity)
    mark_simulated(ax, result)
    return ax


@styled
def plot_best_steps(
    result: xr.Dataset, *, brain_area: str | None = None, legend: bool = True, ax: Axes | None = None
) -> Axes:
    """Draw, over brain time, how similar the best step of every area of the model is, and the noise ceiling.

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`~ventralrnn.analysis.rsa` returns for a brain with times.
    brain_area : str, optional
        Has to be named if there are several.
    legend : bool
        Whether there is one.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        The best step is chosen because it is best: a little too good. Bands are the interval of that step. The upper
        ceiling holds the subject itself, so it is above zero also where there is nothing but noise; where the lower
        ceiling is not above zero the data hold nothing to explain, and the ceiling is drawn paler.

    Raises
    ------
    AnalysisError
        If the area is not there or not named, or the brain has no times.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import rsa
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> from ventralrnn.plots import plot_best_steps
    >>> rng = np.random.default_rng(0)
    >>> coords = {"area": ["V1", "IT"], "time_step": ("time", [0, 1, 2])}
    >>> model = make_rdms(rng.random((2, 3, 45)), ("area", "time"), coords)
    >>> brain = make_rdms(rng.random((3, 4, 45)), ("subject", "time"), {"time_ms": ("time", [60.0, 70.0, 80.0, 90.0])})
    >>> ax = plot_best_steps(rsa(model, brain))
    """
    ax = take_axes(ax)
    one = choose(result, "brain_area", "brain_area", brain_area)
    _need(one, "brain_time")
    brain = times_of(one, "brain_")
    draw_ceiling(ax, one, brain.values)
    one = one if "area" in one.dims else one.expand_dims("area")
    areas = [str(area) for area in one["area"].values] if "area" in one.coords else ["model"]
    colours, markers = area_colours(areas), area_markers(areas)
    for row, area in enumerate(areas):
        state = one.isel(area=row).transpose("time", "brain_time", ...)
        values = state["similarity"].values
        columns = np.flatnonzero(np.isfinite(values).any(0))
        if not len(columns):
            continue
        picked = (np.nanargmax(values[:, columns], 0), columns)
        if "low" in state:
            low, high = state["low"].values[picked], state["high"].values[picked]
            ax.fill_between(brain.values[columns], low, high, color=colours[area], alpha=0.2, lw=0)
        every = max(1, len(columns) // 8)
        ax.plot(
            brain.values[columns],
            values[picked],
            color=colours[area],
            marker=markers[area],
            markevery=(row * every // 4, every),
            label=area,
        )
    ax.axhline(0, color="0.4", lw=0.6)
    ax.set(xlabel=say_time("brain", brain), ylabel=measure_of(result))
    ax.set_xlim(*brain.values[[0, -1]])
    ax.set_title(f"best step of each area, {titles_of(one)[-1]}")
    if legend:
        ax.legend(handles=legend_of([ax]), ncols=2)
    mark_simulated(ax, result)
    return ax


@styled
def plot_similarity(
    result: xr.Dataset,
    *,
    areas: Sequence[str] | None = None,
    brain_area: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw, over model time, how similar a model's areas are to a brain without time, and the noise ceiling.

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`~ventralrnn.analysis.rsa` returns.
    areas : sequence of str, optional
        Of the model; all by default. Intervals are bands for one area and bars for several.
    brain_area : str, optional
        Has to be named if there are several.
    legend : bool
        Whether there is one.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        With tests, markers are filled where p, corrected over all states, is at most 1 - level. Times at which the
        input has not reached the only area are hatched.

    Raises
    ------
    AnalysisError
        If an area is not there or not named, or the brain has times.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import rsa
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> from ventralrnn.plots import plot_similarity
    >>> rng = np.random.default_rng(0)
    >>> coords = {"area": ["V1", "IT"], "time_step": ("time", [0, 1, 2])}
    >>> model = make_rdms(rng.random((2, 3, 45)), ("area", "time"), coords)
    >>> brain = make_rdms(rng.random((3, 45)), ("subject",))
    >>> ax = plot_similarity(rsa(model, brain, bootstrap=20))
    """
    ax = take_axes(ax)
    one = choose(result, "brain_area", "brain_area", brain_area)
    if "brain_time" in one["similarity"].dims:
        raise AnalysisError("result: the brain has times; take plot_similarity_matrix or plot_best_steps")
    _need(one, "area")
    known = [str(area) for area in one["area"].values]
    chosen = list(areas or known)
    states = {area: choose(one, "areas", "area", area) for area in chosen}
    times = {area: times_of(state) for area, state in states.items()}
    ends = np.concatenate([edges(t.values) for t in times.values()])
    draw_ceiling(ax, one, np.array([ends.min(), ends.max()]))
    apart = 0.12 * float(np.diff(times[chosen[0]].values).min()) if len(times[chosen[0]].values) > 1 else 0.1
    colours, markers = area_colours(known), area_markers(known)
    for row, (area, state) in enumerate(states.items()):
        shift = (row - (len(states) - 1) / 2) * apart
        look = (colours[area], markers[area])
        _states(ax, state, times[area].values + shift, area, look, alone=len(states) == 1)
    ax.axhline(0, color="0.4", lw=0.6)
    ax.set_xlim(ends.min(), ends.max())
    ax.set(xlabel=say_time("model", Times(ends, all(t.in_ms for t in times.values()))), ylabel=measure_of(result))
    ax.set_title(titles_of(one)[-1])
    if legend:
        ax.legend(handles=legend_of([ax]), ncols=2)
    mark_simulated(ax, result)
    return ax


def _states(ax: Axes, state: xr.Dataset, times: np.ndarray, area: str, look: tuple[Any, str], alone: bool) -> None:
    colour, marker = look
    values = state["similarity"].values
    there = np.isfinite(values)
    for start, stop in unreached_times(times, there, *edges(times)[[0, -1]]) if alone else ():
        hatch(ax, start, stop, label=absence(there))
    if "low" in state and alone:
        ax.fill_between(
            times[there], state["low"].values[there], state["high"].values[there], color=colour, alpha=0.2, lw=0
        )
    elif "low" in state:
        ends = np.abs(np.stack([state["low"].values, state["high"].values]) - values)[:, there]
        ax.errorbar(times[there], values[there], ends, color=colour, lw=0, elinewidth=0.7)
    ax.plot(times[there], values[there], color=colour, label=area, marker=marker, mfc="white")
    if "p_corrected" in state:
        sure = there & (state["p_corrected"].values <= _alpha(state) + 1e-12)
        ax.plot(times[sure], values[sure], color=colour, ls="", marker=marker)


def measure_of(result: xr.Dataset) -> str:
    """Return what a comparison measures, in words."""
    method = str(result.attrs.get("method", ""))
    return f"similarity of RDMs ({_NAMES.get(method, method)})" if method else "similarity of RDMs"


def _margin(ax: Axes, one: xr.Dataset, brain: Times, similarity: np.ndarray) -> None:
    """Draw the noise ceiling and the best step below it above a matrix."""
    if "ceiling_lower" not in one:
        return
    top = axes_beside(ax, "above", 15, 1.5)
    draw_ceiling(top, one, brain.values)
    there = np.isfinite(similarity).any(0)
    if there.any():
        best = np.nanmax(similarity[:, there], 0)
        top.plot(brain.values[there], best, color="black", lw=1, label="best step")
    top.axhline(0, color="0.4", lw=0.6)
    top.set_xlim(ax.get_xlim())
    # Room for the legend.
    low, high = top.get_ylim()
    top.set_ylim(low, high + 0.75 * (high - low))
    top.tick_params(labelbottom=False)
    top.legend(handles=legend_of([top]), loc="upper left", borderaxespad=0)


def draw_outline(ax: Axes, mask: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Draw the border of a mask along the edges of its cells."""
    padded = np.pad(mask, 1)
    lines: list[tuple[Any, Any]] = [
        ([x[column]] * 2, y[row : row + 2])
        for row, column in zip(*np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1]), strict=True)
    ]
    lines += [
        (x[column : column + 2], [y[row]] * 2)
        for row, column in zip(*np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1]), strict=True)
    ]
    for across, up in lines:
        ax.plot(across, up, color="black", lw=0.9, solid_capstyle="projecting", clip_on=False)


def _one(result: xr.Dataset, area: str | None, brain_area: str | None) -> xr.Dataset:
    one = choose(choose(result, "area", "area", area), "brain_area", "brain_area", brain_area)
    _need(one, "time", "brain_time")
    return one


def _need(result: xr.Dataset, *dims: str) -> None:
    lacking = [dim for dim in dims if dim not in result["similarity"].dims]
    if lacking:
        raise AnalysisError(f"result: has no dimension {lacking[0]}; give what rsa returns for a recording")


def _alpha(result: Any) -> float:
    return 1 - float(result.attrs.get("level", 0.95))
