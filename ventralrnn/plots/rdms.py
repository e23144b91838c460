"""RDMs: one with its categories, and those of every area at every step.

Draws what :func:`ventralrnn.compute_rdm` and :func:`ventralrnn.load_brain` return.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from ventralrnn.analysis.rdm import square_rdms
from ventralrnn.errors import AnalysisError
from ventralrnn.plots.style import (
    ABSENT,
    PAGE,
    absence,
    area_colours,
    choose,
    finish_figure,
    legend_below,
    mark_simulated,
    new_figure,
    styled,
    take_axes,
    times_of,
    unreached_patch,
)

# Tol's "muted", safe for all kinds of colour vision; more categories than these cannot be told apart by colour.
CATEGORIES = (
    "#332288",
    "#88CCEE",
    "#117733",
    "#DDCC77",
    "#CC6677",
    "#AA4499",
    "#44AA99",
    "#999933",
    "#882255",
    "#BBBBBB",
)
_COLUMNS = 10
_BAR = 0.05


@styled
def plot_rdm(
    rdms: xr.Dataset,
    *,
    area: str | None = None,
    subject: str | None = None,
    time: int | None = None,
    labels: bool = True,
    limits: tuple[float, float] | None = None,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw one RDM, with a bar of its categories.

    Parameters
    ----------
    rdms : xarray.Dataset
        What :func:`ventralrnn.compute_rdm` returns. Where its stimuli have labels, they are sorted by them.
    area, subject : str, optional
        Which; has to be named if there are several. Of subjects, the mean is drawn by default.
    time : int, optional
        Position along ``time``; the last by default.
    labels : bool
        Whether categories are shown, with their names.
    limits : (float, float), optional
        Dissimilarities at the ends of the colour scale; those of the 1st and 99th percentile by default.
    colorbar : bool
        Whether the scale is shown.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        A state that the input has not reached is a hatched square.

    Raises
    ------
    AnalysisError
        If an area or a subject is not there.

    Examples
    --------
    >>> import numpy as np
    >>> import ventralrnn
    >>> from ventralrnn.plots import plot_rdm
    >>> rdms = ventralrnn.compute_rdm(np.random.default_rng(0).normal(size=(6, 40)))
    >>> ax = plot_rdm(rdms)
    """
    ax = take_axes(ax, height=70, layout="compressed")
    one = choose(rdms, "area", "area", area)
    if "subject" in one["dissimilarity"].dims:
        one = (
            choose(one, "subject", "subject", subject) if subject is not None else one.mean("subject", keep_attrs=True)
        )
    if "time" in one["dissimilarity"].dims:
        one = one.isel(time=-1 if time is None else time)
    square, names = sort_rdms(one, labels)
    shown = names if names is not None and len(set(names)) <= 3 * _COLUMNS else None
    image = draw_square(ax, square.values, shown, limits or limits_of(one["dissimilarity"].values))
    if shown is not None and image is not None:
        runs = _runs(shown)
        ax.set_yticks([(start + stop - 1) / 2 for _, start, stop in runs], [name for name, _, _ in runs])
        ax.tick_params(length=0)
    if image is not None and colorbar:
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03, label=_scale(rdms))
        bar.outline.set_visible(False)
    if image is None:
        legend_below(ax, [unreached_patch()], 2)
    heading = [str(one[name].values) for name in ("area",) if name in one.coords]
    ax.set_title(" ".join([*heading, *_heading(one)]))
    mark_simulated(ax, rdms)
    return ax


@styled
def make_rdm_figure(
    rdms: xr.Dataset,
    title: str = "",
    note: str = "",
    *,
    areas: Sequence[str] | None = None,
    times: Sequence[int] | None = None,
) -> Figure:
    """Draw the RDMs of areas (rows) at time steps (columns): a strip of film an area.

    Parameters
    ----------
    rdms : xarray.Dataset
        What :func:`ventralrnn.compute_rdm` returns, with ``area`` and ``time``. Where its stimuli have labels, they are
        sorted by them and a bar shows the categories. Of subjects, the mean is drawn.
    title, note : str
        Above and below the figure.
    areas : sequence of str, optional
        All by default.
    times : sequence of int, optional
        Positions along ``time`` to draw, for movies that are longer than a page is wide; by default at most ten that
        are spread evenly.

    Returns
    -------
    matplotlib.figure.Figure
        Colours from the 1st to the 99th percentile of an area's dissimilarities over all its steps, each area with its
        scale; states that the input has not reached are hatched.

    Raises
    ------
    AnalysisError
        If there is no dimension ``area`` or ``time``.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> import ventralrnn
    >>> from ventralrnn.plots import make_rdm_figure, save_figure
    >>> states = np.random.default_rng(0).normal(size=(6, 3, 40))
    >>> recording = {"IT": xr.DataArray(states, dims=("stimulus", "time", "neuroid"))}
    >>> save_figure(make_rdm_figure(ventralrnn.compute_rdm(recording)), "rdms.pdf").name
    'rdms.pdf'
    """
    rdms = prepare_rdms(rdms, areas)
    rdms = rdms.isel(time=_spread(rdms.sizes["time"], times))
    square, labels = sort_rdms(rdms, True)
    names = [str(area) for area in rdms["area"].values]
    count = rdms.sizes["time"]
    side = min(24.0, (PAGE - 62) / count)
    figure = new_figure(40 + side * count + (22 if labels else 0), max(16 + (side + 4) * len(names), 50))
    axes = figure.subplots(len(names), count, squeeze=False)
    headings = {area: headings_of(rdms, area) for area in names}
    alike = len(set(map(tuple, headings.values()))) == 1
    there = np.ones((len(names), count), bool)
    for row, area in enumerate(names):
        values = square.sel(area=area).transpose("time", ...).values
        limits = limits_of(rdms["dissimilarity"].sel(area=area).values)
        image = None
        for column, heading in enumerate(headings[area]):
            ax = axes[row, column]
            drawn = draw_square(ax, values[column], labels, limits)
            there[row, column] = drawn is not None
            image = drawn or image
            if row == 0 or not alike:
                ax.set_title(heading, fontweight="normal", loc="center")
        axes[row, 0].set_ylabel(
            area, rotation=0, ha="right", va="center", fontweight="bold", color=area_colours(names)[area]
        )
        if image is not None:
            bar = figure.colorbar(image, ax=list(axes[row]), fraction=0.03, pad=0.01, aspect=12)
            bar.set_label(_scale(rdms), fontsize=6)
            bar.outline.set_visible(False)
    handles = category_patches(labels)
    if not there.all():
        handles.append(unreached_patch(absence(there)))
    if handles:
        figure.legend(handles=handles, loc="outside right center", handlelength=0.9)
    return finish_figure(figure, title, note, rdms)


def prepare_rdms(rdms: xr.Dataset, areas: Sequence[str] | None) -> xr.Dataset:
    """Return RDMs of areas over time, those that are wanted, averaged over subjects."""
    if not {"area", "time"} <= set(rdms["dissimilarity"].dims):
        raise AnalysisError("rdms: give RDMs with the dimensions area and time")
    known = [str(area) for area in rdms["area"].values]
    unknown = [area for area in areas or () if area not in known]
    if unknown:
        raise AnalysisError(f"areas: no {unknown[0]} here; there are {', '.join(known)}")
    if areas is not None:
        rdms = rdms.isel(area=[known.index(area) for area in areas])
    return rdms.mean("subject", keep_attrs=True) if "subject" in rdms["dissimilarity"].dims else rdms


def draw_square(ax: Axes, square: np.ndarray, labels: Sequence[str] | None, limits: tuple[float, float] | None) -> Any:
    """Draw a square of dissimilarities, NaN throughout where the state does not exist; return the image or None."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_box_aspect(1)
    count = len(square)
    if np.isnan(square).all():
        ax.set(xlim=(0, 1), ylim=(0, 1))
        ax.add_patch(Rectangle((0, 0), 1, 1, **ABSENT, lw=0))
        return None
    low, high = limits or (None, None)
    # Dissimilarities of a stimulus with itself are zero by definition and would only widen the scale.
    shown = np.where(np.eye(count, dtype=bool), np.nan, square)
    image = ax.imshow(shown, vmin=low, vmax=high, interpolation="none" if count < 200 else "antialiased")
    if labels is not None:
        colours, thick = palette_of(labels), _BAR * count
        for name, start, stop in _runs(labels):
            for x, y, width, height in (
                (start - 0.5, -0.5 - thick, stop - start, thick),
                (-0.5 - thick, start - 0.5, thick, stop - start),
            ):
                ax.add_patch(Rectangle((x, y), width, height, facecolor=colours[name], lw=0, clip_on=False))
        ax.set(xlim=(-0.5 - thick, count - 0.5), ylim=(count - 0.5, -0.5 - thick))
    return image


def palette_of(labels: Sequence[str]) -> dict[str, str]:
    """Return the categories in their order, each with its colour."""
    return {name: CATEGORIES[i % len(CATEGORIES)] for i, name in enumerate(dict.fromkeys(labels))}


def category_patches(labels: Sequence[str] | None) -> list[Patch]:
    """Return what stands in a legend for the categories, if there are no more than colours."""
    if labels is None or len(set(labels)) > len(CATEGORIES):
        return []
    return [Patch(color=colour, label=name) for name, colour in palette_of(labels).items()]


def _runs(labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return each category with its first position and the one behind its last."""
    names = list(dict.fromkeys(labels))
    starts = [list(labels).index(name) for name in names]
    return list(zip(names, starts, [*starts[1:], len(labels)], strict=True))


def _spread(count: int, times: Sequence[int] | None) -> list[int]:
    if times is not None:
        return list(times)
    return sorted(set(np.linspace(0, count - 1, min(count, _COLUMNS)).round().astype(int).tolist()))


def sort_rdms(rdms: xr.Dataset, wanted: bool) -> tuple[xr.DataArray, list[str] | None]:
    """Return square RDMs with stimuli sorted by their labels, and these; None if there are none or not wanted."""
    square = square_rdms(rdms)
    if not wanted or "label" not in rdms.coords:
        return square, None
    labels = rdms["label"].values.astype(str)
    order = np.argsort(labels, kind="stable")
    return square.isel(stimulus=order, stimulus_other=order), labels[order].tolist()


def limits_of(values: np.ndarray) -> tuple[float, float] | None:
    """Return the 1st and 99th percentile of dissimilarities; None where there are none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = np.percentile(finite, [1, 99])
    return float(low), float(high)


def _heading(one: xr.Dataset) -> list[str]:
    """Return the time of a single state in words, if it has one."""
    if "time_ms" in one.coords and one["time_ms"].ndim == 0 and np.isfinite(one["time_ms"]):
        return [f"{float(one['time_ms']):g} ms"]
    if "time_step" in one.coords and one["time_step"].ndim == 0:
        return [f"step {int(one['time_step'])}"]
    return []


def headings_of(rdms: xr.Dataset, area: str) -> list[str]:
    """Return the times of an area in words."""
    times = times_of(rdms.sel(area=area))
    return [f"{value:g} ms" if times.in_ms else f"step {value:g}" for value in times.values]


def _scale(rdms: xr.Dataset) -> str:
    distance = str(rdms.attrs.get("distance", ""))
    return f"{distance} distance" if distance in ("correlation", "euclidean", "cosine") else distance or "dissimilarity"
