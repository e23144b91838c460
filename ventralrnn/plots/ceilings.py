"""Noise ceilings: as a band beside similarities, and between all times of a brain.

Draws what :func:`ventralrnn.analysis.rsa` returns.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from ventralrnn.errors import AnalysisError
from ventralrnn.plots.style import Times, choose, edges, mark_simulated, styled, take_axes, times_of

CEILING = "noise ceiling, lower to upper"
PALE = "the same, lower bound not above 0"
# Zero is where nothing is alike, so the map has two sides.
TWO_SIDED = "RdBu_r"


@styled
def plot_lag_ceilings(
    result: xr.Dataset, bound: str = "lower", *, brain_area: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw what noise allows between times: how similar a brain's time t can be to the geometry of its time t'.

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`~ventralrnn.analysis.rsa` returns for several subjects with times.
    bound : {'lower', 'upper'}
        Which ceiling, see :func:`~ventralrnn.analysis.inference.noise_ceilings`.
    brain_area : str, optional
        Has to be named if there are several.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        The diagonal is the ceiling of each time.

    Raises
    ------
    AnalysisError
        If the area is not there or not named, or the result has no such ceilings.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import rsa
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> from ventralrnn.plots import plot_lag_ceilings
    >>> rng = np.random.default_rng(0)
    >>> model = make_rdms(rng.random((3, 45)), ("time",), {"time_step": ("time", [0, 1, 2])})
    >>> brain = make_rdms(rng.random((3, 4, 45)), ("subject", "time"), {"time_ms": ("time", [60.0, 70.0, 80.0, 90.0])})
    >>> ax = plot_lag_ceilings(rsa(model, brain))
    """
    ax = take_axes(ax, height=65)
    name = f"ceiling_lag_{bound}"
    if name not in result:
        raise AnalysisError(f"result: has no {name}; these need a brain of several subjects with times")
    one = choose(result, "brain_area", "brain_area", brain_area)
    times = times_of(one, "brain_")
    values = one[name].transpose("brain_time", "brain_time_other").values
    if bound == "upper":
        # Where subjects share nothing, nothing is known.
        sure = explainable(one)
        values = np.where(sure[:, None] & sure, values, np.nan)
    top = float(np.nanmax(np.abs(values), initial=0, where=np.isfinite(values))) or 1.0
    side = edges(times.values)
    ax.patch.set(facecolor="0.9")
    mesh = ax.pcolormesh(
        side, side, np.ma.masked_invalid(values.T), norm=TwoSlopeNorm(0, -top, top), cmap=TWO_SIDED, rasterized=True
    )
    bar = ax.figure.colorbar(mesh, ax=ax, fraction=0.05, pad=0.02, label=f"{bound} noise ceiling")
    bar.ax.set_ylim(float(np.nanmin(values, initial=0, where=np.isfinite(values))), top)
    bar.outline.set_visible(False)
    ax.plot(side[[0, -1]], side[[0, -1]], color="0.3", lw=0.6, ls=":")
    ax.set(xlabel=say_time("brain", times), ylabel=f"geometry of brain {'time (ms)' if times.in_ms else 'step'}")
    ax.set_aspect("equal")
    ax.set_title(titles_of(one)[-1])
    mark_simulated(ax, result)
    return ax


def draw_ceiling(ax: Axes, result: xr.Dataset, times: np.ndarray) -> None:
    """Draw the noise ceiling of one area of a brain as a band, pale where its lower bound is not above zero."""
    if "ceiling_lower" not in result:
        return
    low, high = (np.broadcast_to(result[f"ceiling_{name}"].values, times.shape) for name in ("lower", "upper"))
    if not np.isfinite(low).any():
        return
    sure = np.broadcast_to(explainable(result), times.shape)
    if sure.any():
        where = sure.tolist()
        ax.fill_between(times, low, high, where=where, color="0.75", lw=0, zorder=0.1, label=CEILING)
    ax.fill_between(times, low, high, color="0.9", lw=0, zorder=0, label="" if sure.all() else PALE)


def explainable(result: xr.Dataset) -> np.ndarray:
    """Return where subjects share something: the lower ceiling, or its interval where there is one, is above zero."""
    name = "ceiling_lower_low" if "ceiling_lower_low" in result else "ceiling_lower"
    return np.asarray(result[name].values > 0)


def say_time(whose: str, times: Times) -> str:
    """Return what stands at an axis of a model's or a brain's times."""
    return f"{whose} time (ms)" if times.in_ms else f"{whose} step"


def titles_of(one: xr.Dataset) -> list[str]:
    """Return the names of the areas that are compared, the brain's last."""
    parts = [f"model {one['area'].values}"] if "area" in one.coords and one["area"].ndim == 0 else []
    if "brain_area" in one.coords and one["brain_area"].ndim == 0:
        return [*parts, f"brain {one['brain_area'].values}"]
    return [*parts, str(one.attrs.get("brain", "brain"))]
