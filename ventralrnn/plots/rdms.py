"""RDMs of every area at every time step in one figure."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ventralrnn.analysis.rdm import square_rdms
from ventralrnn.errors import AnalysisError

# More categories than this cannot be told apart by colour.
_COLOURS = 10


def draw_rdm(
    ax: Axes, square: np.ndarray, labels: Sequence[str] | None = None, limits: tuple[float, float] | None = None
) -> AxesImage | None:
    """Draw one RDM, with a bar of categories along its upper edge.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    square : numpy.ndarray, (stimulus, stimulus)
        Dissimilarities; NaN throughout where the state does not exist, which is drawn as a hatched square.
    labels : sequence of str, optional
        Category of every stimulus, those of a category side by side.
    limits : tuple of float, optional
        Dissimilarities at the two ends of the colour scale; those of the RDM by default.

    Returns
    -------
    matplotlib.image.AxesImage or None
        What was drawn; None where the state does not exist.
    """
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    count = len(square)
    ax.set_box_aspect(1)
    if np.isnan(square).all():
        ax.set(xlim=(0, 1), ylim=(0, 1))
        ax.axvspan(0, 1, facecolor="none", edgecolor="0.75", hatch="///", lw=0)
        return None
    low, high = limits or (None, None)
    # Dissimilarities of a stimulus with itself are zero by definition and would only widen the scale.
    shown = np.where(np.eye(count, dtype=bool), np.nan, square)
    image = ax.imshow(
        shown, cmap="viridis", vmin=low, vmax=high, interpolation="none" if count < 200 else "antialiased"
    )
    if labels is not None:
        _bar(ax, labels, count)
    return image


def _bar(ax: Axes, labels: Sequence[str], count: int) -> None:
    thickness = 0.045 * count
    for (_, colour), start, stop in zip(_categories(labels), *_runs(labels), strict=True):
        for extent in ((start, stop, -thickness, 0), (-thickness, 0, start, stop)):
            left, right, bottom, top = (e - 0.5 for e in extent)
            ax.fill([left, right, right, left], [bottom, bottom, top, top], color=colour, lw=0, clip_on=False)
    ax.set(xlim=(-0.5 - thickness, count - 0.5), ylim=(count - 0.5, -0.5 - thickness))


def _categories(labels: Sequence[str]) -> list[tuple[str, Any]]:
    """Return the categories in their order, each with its colour."""
    names = list(dict.fromkeys(labels))
    palette = colormaps["tab10"].colors  # type: ignore[attr-defined]
    return [(name, palette[i % _COLOURS]) for i, name in enumerate(names)]


def _runs(labels: Sequence[str]) -> tuple[list[int], list[int]]:
    names = list(dict.fromkeys(labels))
    starts = [list(labels).index(name) for name in names]
    return starts, [*starts[1:], len(labels)]


def plot_rdms(rdms: xr.Dataset, title: str = "", note: str = "", *, times: Sequence[int] | None = None) -> Figure:
    """Draw the RDMs of every area (rows) at every time step (columns).

    Parameters
    ----------
    rdms : xarray.Dataset
        What :func:`ventralrnn.compute_rdm` returns, with ``area`` and ``time``. Where its stimuli have labels, they are
        sorted by them and a bar shows the categories.
    title, note : str
        Above and below the figure.
    times : sequence of int, optional
        Positions along ``time`` to draw, for movies that are longer than a page is wide; by default at most ten that
        are spread evenly.

    Returns
    -------
    matplotlib.figure.Figure
        Colours from the 1st to the 99th percentile of an area's dissimilarities over all its steps; states that the
        input has not reached are hatched.

    Raises
    ------
    AnalysisError
        If there is no dimension ``area`` or ``time``, or there are no stimuli to show.
    """
    if not {"area", "time"} <= set(rdms["dissimilarity"].dims):
        raise AnalysisError("rdms: give RDMs with the dimensions area and time")
    rdms = rdms.isel(time=_spread(rdms.sizes["time"], times))
    square, labels = _sorted(rdms)
    areas = [str(area) for area in rdms["area"].values]
    figure = Figure(figsize=(1.1 + 1.25 * rdms.sizes["time"], 1.1 + 1.35 * len(areas)), layout="constrained")
    axes = figure.subplots(len(areas), rdms.sizes["time"], squeeze=False)
    headings = {area: _headings(rdms, area) for area in areas}
    alike = len(set(map(tuple, headings.values()))) == 1
    for row, area in enumerate(areas):
        values = square.sel(area=area).transpose("time", ...).values
        limits = _limits(rdms["dissimilarity"].sel(area=area).values)
        image = None
        for column, heading in enumerate(headings[area]):
            ax = axes[row, column]
            image = draw_rdm(ax, values[column], labels, limits) or image
            if row == 0 or not alike:
                ax.set_title(heading, fontsize=9 if alike else 8, color="0.25")
        axes[row, 0].set_ylabel(area, rotation=0, ha="right", va="center", fontsize=12, fontweight="bold")
        if image is not None:
            bar = figure.colorbar(image, ax=list(axes[row]), fraction=0.03, pad=0.01, aspect=12)
            bar.ax.tick_params(labelsize=7)
            if row == 0:
                bar.set_label(_scale(rdms), fontsize=8)
            bar.outline.set_visible(False)
    _legend(figure, labels)
    if title:
        figure.suptitle(title, fontsize=11, fontweight="bold")
    if note:
        figure.supxlabel(textwrap.fill(note, 13 * rdms.sizes["time"] + 20), fontsize=8, color="0.35")
    return figure


def _spread(count: int, times: Sequence[int] | None) -> list[int]:
    if times is not None:
        return list(times)
    return sorted(set(np.linspace(0, count - 1, min(count, 10)).round().astype(int).tolist()))


def _sorted(rdms: xr.Dataset) -> tuple[xr.DataArray, list[str] | None]:
    square = square_rdms(rdms)
    if "label" not in rdms.coords:
        return square, None
    labels = rdms["label"].values.astype(str)
    order = np.argsort(labels, kind="stable")
    return square.isel(stimulus=order, stimulus_other=order), labels[order].tolist()


def _limits(values: np.ndarray) -> tuple[float, float] | None:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = np.percentile(finite, [1, 99])
    return float(low), float(high)


def _headings(rdms: xr.Dataset, area: str) -> list[str]:
    if "time_ms" in rdms.coords:
        ms = rdms["time_ms"].sel(area=area).values if "area" in rdms["time_ms"].dims else rdms["time_ms"].values
        if np.isfinite(ms).any():
            return [f"{value:g} ms" if np.isfinite(value) else "" for value in ms]
    return [f"step {step}" for step in rdms["time_step"].values]


def _scale(rdms: xr.Dataset) -> str:
    distance = str(rdms.attrs.get("distance", ""))
    return f"{distance} distance" if distance in ("correlation", "euclidean", "cosine") else distance or "dissimilarity"


def _legend(figure: Figure, labels: Sequence[str] | None) -> None:
    if labels is None or len(set(labels)) > _COLOURS:
        return
    from matplotlib.patches import Patch

    patches = [Patch(color=colour, label=name) for name, colour in _categories(labels)]
    figure.legend(handles=patches, loc="outside right center", frameon=False, fontsize=8, handlelength=0.8)
