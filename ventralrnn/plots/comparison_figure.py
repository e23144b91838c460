"""A whole comparison of a model with a brain, or several, in one figure.

Draws what :func:`ventralrnn.analysis.rsa` returns.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ventralrnn.errors import AnalysisError
from ventralrnn.plots.comparison import (
    measure_of,
    plot_best_steps,
    plot_similarity,
    plot_similarity_matrix,
)
from ventralrnn.plots.style import (
    PAGE,
    absence,
    area_colours,
    finish_figure,
    legend_of,
    new_figure,
    share_limits,
    styled,
    unreached_patch,
)

Panel = tuple[str, xr.Dataset]
_CEILING_NOTE = (
    "The upper bound of the noise ceiling includes the subject itself, so it lies above 0 also before the response "
    "begins, where the lower bound is 0: there is nothing to explain."
)


@styled
def make_comparison_figure(result: xr.Dataset | Mapping[str, xr.Dataset], title: str = "", note: str = "") -> Figure:
    """Draw how similar the states of a model are to those of brains.

    Parameters
    ----------
    result : xarray.Dataset, or mapping of str to xarray.Dataset
        What :func:`~ventralrnn.analysis.rsa` returns, for a model with ``area`` and ``time``. Comparisons with several
        data sets by their names, which are added to the names of the areas; all with time or all without.
    title, note : str
        Above and below the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each area of the brain. Where the brain has time: a matrix model step x brain ms for every area of the
        model, clusters that are significant outlined; and the best step of each area at every brain time, beside the
        noise ceiling. Where it has none: a panel for each area of the model, similarity over model time with its
        interval, and the noise ceiling. All panels share their scales; states that do not exist are hatched.

    Raises
    ------
    AnalysisError
        If the model has no dimension ``area`` or ``time``.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import rsa
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> from ventralrnn.plots import make_comparison_figure
    >>> rng = np.random.default_rng(0)
    >>> coords = {"area": ["V1", "IT"], "time_step": ("time", [0, 1, 2])}
    >>> model = make_rdms(rng.random((2, 3, 45)), ("area", "time"), coords)
    >>> brain = make_rdms(rng.random((3, 45)), ("subject",))
    >>> figure = make_comparison_figure(rsa(model, brain, bootstrap=20))
    """
    several = {"": result} if isinstance(result, xr.Dataset) else result
    panels = [panel for name, one in several.items() for panel in _panels(one, name)]
    timed = "brain_time" in panels[0][1]["similarity"].dims
    figure, handles = (_matrices if timed else _courses)(panels)
    if timed and any(_of_subjects(one) and (one["ceiling_lower"] <= 0).any() for _, one in panels):
        note = f"{note} {_CEILING_NOTE}".strip()
    return finish_figure(figure, title, note, *several.values(), handles=handles)


def _of_subjects(result: xr.Dataset) -> bool:
    return "ceiling_lower" in result and "repeats" not in str(result.attrs.get("ceiling_from", ""))


def _panels(result: xr.Dataset, name: str) -> list[Panel]:
    """Return the comparison with each area of the brain, and what it is called."""
    if not {"area", "time"} <= set(result["similarity"].dims):
        raise AnalysisError("result: give a comparison of a model with the dimensions area and time")
    if "brain_area" not in result["similarity"].dims:
        return [(name or str(result.attrs.get("brain", "")), result)]
    areas = result["brain_area"].values.astype(str)
    return [(f"{area}\n({name})" if name else str(area), result.sel(brain_area=area)) for area in areas]


def _matrices(panels: Sequence[Panel]) -> tuple[Figure, list[Any]]:
    areas = [str(area) for area in panels[0][1]["area"].values]
    figure = new_figure(PAGE, 12 + 36 * len(panels))
    axes = figure.subplots(len(panels), len(areas) + 1, squeeze=False, width_ratios=[1.0] * len(areas) + [1.6])
    values = [one["similarity"].values for _, one in panels]
    limit = max((float(np.nanmax(np.abs(v))) for v in values if np.isfinite(v).any()), default=1.0)
    colours = area_colours(areas)
    for row, (brain, one) in enumerate(panels):
        for ax, area in zip(axes[row], areas, strict=False):
            plot_similarity_matrix(one, area=area, limit=limit, ceiling=False, colorbar=False, ax=ax)
            _plain(ax, f"model {area}" if row == 0 else "", colours[area])
            if ax is not axes[row, 0]:
                ax.set_ylabel("")
                ax.tick_params(labelleft=False)
        axes[row, 0].set_ylabel(f"brain {brain}\n{axes[row, 0].get_ylabel()}")
        plot_best_steps(one, legend=False, ax=axes[row, -1])
        _plain(axes[row, -1], "best step of each area" if row == 0 else "", "black")
        axes[row, -1].set_ylabel("")
        for ax in axes[row]:
            if row + 1 < len(panels):
                ax.set_xlabel("")
    share_limits(list(axes[:, -1]))
    meshes = [mesh for ax in axes[:, :-1].flat for mesh in ax.collections if mesh.get_array() is not None]
    if meshes:
        bar = figure.colorbar(meshes[0], ax=list(axes[:, -2]), fraction=0.08, pad=0.03, aspect=30)
        bar.set_label(measure_of(panels[0][1]))
        smallest = min(float(np.nanmin(v)) for v in values if np.isfinite(v).any())
        bar.ax.set_ylim(min(0, smallest), limit)
        bar.outline.set_visible(False)
    extra: list[Any] = []
    if any(one["significant"].values.any() for _, one in panels if "significant" in one):
        extra.append(Line2D([], [], marker="s", mfc="none", mec="black", ls="", ms=5, label="significant cluster"))
    lacking = {absence(there) for _, one in panels if not (there := _there(one)).all()}
    extra.extend(unreached_patch(label) for label in sorted(lacking))
    return figure, legend_of(list(axes[:, -1]), extra)


def _there(one: xr.Dataset) -> np.ndarray:
    """Return (area, time) at which there is a state that is similar to anything."""
    known = one["similarity"].notnull()
    return known.any([dim for dim in known.dims if dim not in ("area", "time")]).transpose("area", "time").values


def _courses(panels: Sequence[Panel]) -> tuple[Figure, list[Any]]:
    areas = [str(area) for area in panels[0][1]["area"].values]
    figure = new_figure(min(PAGE, 22 + 38 * len(areas)), 8 + 27 * len(panels))
    axes = figure.subplots(len(panels), len(areas), squeeze=False, sharex="col")
    colours = area_colours(areas)
    for row, (brain, one) in enumerate(panels):
        for ax, area in zip(axes[row], areas, strict=True):
            plot_similarity(one, areas=[area], legend=False, ax=ax)
            _plain(ax, f"model {area}" if row == 0 else "", colours[area])
            ax.set_ylabel("")
            if row + 1 < len(panels):
                ax.set_xlabel("")
            if ax is not axes[row, 0]:
                ax.tick_params(labelleft=False)
        # The name of a data set below that of the area says that both are a brain's.
        axes[row, 0].set_ylabel(brain if "\n" in brain else f"brain {brain}", fontweight="bold", fontsize=6)
    share_limits(list(axes.flat))
    figure.supylabel(measure_of(panels[0][1]))
    extra: list[Any] = []
    if any("p_corrected" in one for _, one in panels):
        for filled, words in (("0.3", "p ≤ 0.05, corrected"), ("white", "n. s.")):
            extra.append(Line2D([], [], marker="o", mfc=filled, mec="0.3", ls="", label=words))
    lines = [h for h in legend_of(list(axes.flat)) if h.get_label() not in areas]
    return figure, lines + extra


def _plain(ax: Axes, title: str, colour: object) -> None:
    """Give a panel of a figure a heading of its own; that the data are simulated stands above the figure."""
    ax.set_title("", loc="right")
    ax.set_title(title, color=colour)
