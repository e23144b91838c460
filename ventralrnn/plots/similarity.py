"""All states against each other: areas x steps on both sides, in one matrix.

Draws what :func:`ventralrnn.analysis.compare_states` returns.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ventralrnn.errors import AnalysisError
from ventralrnn.plots.style import (
    ABSENT,
    absence,
    area_colours,
    legend_below,
    mark_simulated,
    styled,
    take_axes,
    unreached_patch,
)

_DIMS = ("area", "time", "area_other", "time_other")


@styled
def plot_state_similarity(result: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw how similar every state is to every other: a block for each pair of areas, time running in each.

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`~ventralrnn.analysis.compare_states` returns, for one recording or two.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        Similarities from 0, or distances. States that the input has not reached are hatched.

    Raises
    ------
    AnalysisError
        If the result is of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.analysis import compare_states
    >>> from ventralrnn.plots import plot_state_similarity
    >>> states = xr.DataArray(np.random.default_rng(0).normal(size=(9, 3, 4)), dims=("stimulus", "time", "neuroid"))
    >>> ax = plot_state_similarity(compare_states({"V4": states, "IT": states + 1}))
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['V4', 'IT']
    """
    name = next((n for n in ("similarity", "distance") if n in result and set(result[n].dims) == set(_DIMS)), None)
    if name is None:
        raise AnalysisError("result: give what compare_states returns")
    ax = take_axes(ax, height=78)
    values = result[name].transpose(*_DIMS).values
    rows, columns = values.shape[0] * values.shape[1], values.shape[2] * values.shape[3]
    square = values.reshape(rows, columns)
    ax.patch.set(**ABSENT, lw=0)
    limits = (0.0, max(1.0, float(np.nanmax(square)))) if name == "similarity" else (0.0, None)
    grid = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
    mesh = ax.pcolormesh(*grid, np.ma.masked_invalid(square), vmin=limits[0], vmax=limits[1], rasterized=True)
    measure = str(result.attrs.get("measure", name))
    label = measure.upper() if name == "similarity" else f"{measure} distance"
    ax.figure.colorbar(mesh, ax=ax, fraction=0.046, pad=0.02, label=label).outline.set_visible(False)
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect="equal")
    _side(ax, result, "_other", values.shape[3], ax.axvline, ax.xaxis)
    _side(ax, result, "", values.shape[1], ax.axhline, ax.yaxis)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title("states of all areas, in time")
    if np.isnan(square).any():
        legend_below(ax, [unreached_patch(absence(np.isfinite(values).any((2, 3))))], 14)
    mark_simulated(ax, result)
    return ax


def _side(ax: Axes, result: xr.Dataset, suffix: str, steps: int, line: Any, axis: Any) -> None:
    """Name the areas along a side, with a bar of its colour for each."""
    areas = [str(area) for area in result[f"area{suffix}"].values]
    colours = area_colours(areas)
    axis.set_ticks([(i + 0.5) * steps - 0.5 for i in range(len(areas))], areas)
    total = len(areas) * steps
    for i, area in enumerate(areas):
        if i:
            line(i * steps - 0.5, color="white", lw=1)
        start, thick = i * steps - 0.5, 0.02
        along, across = (start + 0.5) / total, steps / total
        # The other recording, or side, is drawn across; rows run downwards.
        corner, size = ((along, -thick), (across, thick)) if suffix else ((-thick, 1 - along - across), (thick, across))
        ax.add_patch(
            Rectangle(corner, *size, transform=ax.transAxes, facecolor=colours[area], lw=0, clip_on=False, label=area)
        )
    for label, area in zip(axis.get_ticklabels(), areas, strict=True):
        label.set(color=colours[area], fontweight="bold")
    axis.set_tick_params(pad=5)
