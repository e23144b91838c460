"""A model compared with brains: every step with every time, beside what noise allows."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from ventralrnn.errors import AnalysisError

Panel = tuple[str, xr.Dataset]

_NAMES = {
    "spearman": "Spearman's ρ",
    "corr": "Pearson's r",
    "cosine": "cosine",
    "rho-a": "ρ-a",
    "kendall": "Kendall's τ-a",
}


def plot_comparison(result: xr.Dataset | Mapping[str, xr.Dataset], title: str = "", note: str = "") -> Figure:
    """Draw how similar the states of a model are to those of brains.

    Parameters
    ----------
    result : xarray.Dataset, or mapping of str to xarray.Dataset
        What :func:`ventralrnn.analysis.rsa` returns, for a model with ``area`` and ``time``. Comparisons with several
        data sets by their names, which are added to the names of the areas; all with time or all without.
    title, note : str
        Above and below the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Where the brain has time, a row for each of its areas: a matrix model step x brain ms for every area of the
        model, clusters that are significant outlined; and the best step of each area at every brain time, beside the
        noise ceiling. Where it has none, a panel for each of its areas: similarity over model time with its interval,
        and the noise ceiling. All panels share their scales; states that do not exist are hatched.

    Raises
    ------
    AnalysisError
        If the model has no dimension ``area`` or ``time``.
    """
    several = {"": result} if isinstance(result, xr.Dataset) else result
    panels = [panel for name, one in several.items() for panel in _panels(one, name)]
    with_time = "brain_time" in panels[0][1]["similarity"].dims
    figure = _matrices(panels) if with_time else _courses(panels)
    if title:
        figure.suptitle(title, fontsize=11, fontweight="bold")
    if note:
        figure.supxlabel(textwrap.fill(note, int(14 * figure.get_figwidth())), fontsize=8, color="0.35")
    return figure


def _panels(result: xr.Dataset, name: str) -> list[Panel]:
    """Return the comparison with each area of the brain, and what it is called."""
    if not {"area", "time"} <= set(result["similarity"].dims):
        raise AnalysisError("result: give a comparison of a model with the dimensions area and time")
    if "brain_area" not in result["similarity"].dims:
        return [(name or str(result.attrs.get("brain", "")), result)]
    areas = result["brain_area"].values.astype(str)
    return [(f"{area}\n({name})" if name else str(area), result.sel(brain_area=area)) for area in areas]


def _matrices(panels: Sequence[Panel]) -> Figure:
    areas = panels[0][1]["area"].values.astype(str)
    figure = Figure(figsize=(2.2 * len(areas) + 4.2, 0.9 + 2.2 * len(panels)), layout="constrained")
    widths = [1.0] * len(areas) + [1.5]
    axes = figure.subplots(len(panels), len(areas) + 1, squeeze=False, width_ratios=widths)
    values = [one["similarity"].values for _, one in panels]
    smallest, largest = (float(f([f(v) for v in values])) for f in (np.nanmin, np.nanmax))
    norm = TwoSlopeNorm(0, -largest, largest)
    image: Any = None
    for row, (brain, one) in enumerate(panels):
        for ax, area in zip(axes[row], areas, strict=False):
            image = draw_matrix(ax, one.sel(area=area), norm) or image
        clock = all(_has_clock(one.sel(area=area)) for area in areas)
        axes[row, 0].set_ylabel("model time (ms)" if clock else "model step", fontsize=9)
        axes[row, 0].text(
            -0.42, 0.5, f"brain\n{brain}", transform=axes[row, 0].transAxes, ha="right", va="center", fontsize=10,
            fontweight="bold",
        )  # fmt: skip
        draw_best(axes[row, -1], one)
        axes[row, -1].set_title(f"best step of each area: brain {brain}".replace("\n", " "), fontsize=9)
    for ax, area in zip(axes[0], areas, strict=False):
        ax.set_title(f"model {area}", fontsize=10, fontweight="bold")
    for ax in axes[-1]:
        ax.set_xlabel("brain time (ms)", fontsize=9)
    _share_limits(axes[:, -1])
    axes[0, -1].legend(frameon=False, fontsize=8)
    if image is not None:
        bar = figure.colorbar(image, ax=list(axes[:, -2]), location="right", fraction=0.08, pad=0.02, aspect=30)
        bar.set_label(_measure(panels[0][1]), fontsize=9)
        bar.outline.set_visible(False)
        bar.ax.set_ylim(min(0, smallest), largest)
    return figure


def draw_matrix(ax: Axes, result: xr.Dataset, norm: Any = None) -> Any:
    """Draw the matrix model step x brain time of one area of the model and one of the brain.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    result : xarray.Dataset, (time, brain_time)
        What :func:`ventralrnn.analysis.rsa` returns, one area of both chosen.
    norm : matplotlib.colors.Normalize, optional
        Colour scale.

    Returns
    -------
    matplotlib.collections.QuadMesh or None
        What was drawn, None if no state exists.
    """
    similarity = result["similarity"].transpose("time", "brain_time").values
    model, brain = _model_times(result), _brain_times(result)
    ax.tick_params(labelsize=8)
    ax.set(xlim=(_edges(brain)[0], _edges(brain)[-1]), ylim=(_edges(model)[0], _edges(model)[-1]))
    ax.patch.set(facecolor="white", edgecolor="0.8", hatch="///", lw=0)
    if np.isnan(similarity).all():
        return None
    mesh = ax.pcolormesh(
        _edges(brain), _edges(model), np.ma.masked_invalid(similarity), norm=norm, cmap="RdBu_r", rasterized=True
    )
    if "significant" in result and result["significant"].values.any():
        _outline(ax, result["significant"].transpose("time", "brain_time").values, _edges(brain), _edges(model))
    return mesh


def _outline(ax: Axes, mask: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Draw the border of a mask along the edges of its cells."""
    padded = np.pad(mask, 1)
    for row, column in zip(*np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1]), strict=True):
        ax.plot([x[column]] * 2, y[row : row + 2], color="black", lw=1)
    for row, column in zip(*np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1]), strict=True):
        ax.plot(x[column : column + 2], [y[row]] * 2, color="black", lw=1)


def draw_best(ax: Axes, result: xr.Dataset) -> None:
    """Draw, over brain time, how similar the best step of every area of the model is, and the noise ceiling.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    result : xarray.Dataset, (area, time, brain_time)
        What :func:`ventralrnn.analysis.rsa` returns, one area of the brain chosen.
    """
    brain = _brain_times(result)
    areas = result["area"].values.astype(str)
    _ceiling(ax, result, brain)
    for area, colour in zip(areas, _colours(len(areas)), strict=True):
        one = result.sel(area=area).transpose("time", "brain_time", ...)
        values = one["similarity"].values
        there = np.isfinite(values).any(0)
        if not there.any():
            continue
        best = np.nanargmax(np.where(np.isnan(values), -np.inf, values), 0)
        columns = np.flatnonzero(there)
        picked = (best[columns], columns)
        if "low" in one:
            low, high = one["low"].values[picked], one["high"].values[picked]
            ax.fill_between(brain[columns], low, high, color=colour, alpha=0.2, lw=0)
        ax.plot(brain[columns], values[picked], color=colour, lw=1.8, label=area)
    _tidy(ax)


def _courses(panels: Sequence[Panel]) -> Figure:
    areas = panels[0][1]["area"].values.astype(str)
    columns = min(len(panels), 4)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(1.2 + 2.9 * columns, 1.0 + 2.5 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, (brain, one) in zip(axes, panels, strict=False):
        ends = np.concatenate([_edges(_model_times(one.sel(area=area))) for area in areas])
        _ceiling(ax, one, np.array([ends.min(), ends.max()]))
        for area, colour in zip(areas, _colours(len(areas)), strict=True):
            _course(ax, one.sel(area=area), str(area), colour)
        ax.set_title(f"brain {brain}", fontsize=10, fontweight="bold")
        clock = all(_has_clock(one.sel(area=area)) for area in areas)
        ax.set_xlabel("model time (ms)" if clock else "model step", fontsize=9)
        ax.set_xlim(ends.min(), ends.max())
        _tidy(ax)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    _share_limits(axes[: len(panels)])
    axes[0].set_ylabel(_measure(panels[0][1]), fontsize=9)
    entries = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(entries.values(), entries.keys(), loc="outside right center", frameon=False, fontsize=9)
    return figure


def _course(ax: Axes, one: xr.Dataset, area: str, colour: Any) -> None:
    times, values = _model_times(one), one["similarity"].values
    there = np.isfinite(values)
    if "low" in one:
        ax.fill_between(
            times[there], one["low"].values[there], one["high"].values[there], color=colour, alpha=0.2, lw=0
        )
    ax.plot(times[there], values[there], "o-", color=colour, ms=4, lw=1.8, label=area)


def _ceiling(ax: Axes, result: xr.Dataset, times: np.ndarray) -> None:
    if "ceiling_lower" not in result:
        return
    low, high = (np.broadcast_to(result[f"ceiling_{name}"].values, times.shape) for name in ("lower", "upper"))
    if np.isfinite(low).any():
        ax.fill_between(times, low, high, color="0.6", alpha=0.45, lw=0, label="noise ceiling")


def _tidy(ax: Axes) -> None:
    ax.axhline(0, color="0.4", lw=0.8)
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)


def _share_limits(axes: Any) -> None:
    limits = [ax.get_ylim() for ax in axes]
    for ax in axes:
        ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def _colours(count: int) -> np.ndarray:
    return np.asarray(colormaps["viridis"](np.linspace(0.1, 0.8, count)))


def _measure(result: xr.Dataset) -> str:
    method = str(result.attrs.get("method", ""))
    return f"similarity of RDMs ({_NAMES.get(method, method)})" if method else "similarity of RDMs"


def _has_clock(result: xr.Dataset) -> bool:
    return "time_ms" in result.coords and bool(np.isfinite(result["time_ms"].values).all())


def _model_times(result: xr.Dataset) -> np.ndarray:
    return np.asarray(result["time_ms" if _has_clock(result) else "time_step"].values, float)


def _brain_times(result: xr.Dataset) -> np.ndarray:
    if "brain_time_ms" in result.coords:
        return np.asarray(result["brain_time_ms"].values, float)
    return np.arange(result.sizes["brain_time"], dtype=float)


def _edges(times: np.ndarray) -> np.ndarray:
    """Return the borders of cells around times, which need not be evenly spaced."""
    if len(times) == 1:
        return np.array([times[0] - 0.5, times[0] + 0.5])
    middles = (times[1:] + times[:-1]) / 2
    return np.concatenate([[2 * times[0] - middles[0]], middles, [2 * times[-1] - middles[-1]]])
