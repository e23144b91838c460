"""Temporal generalisation: what is decoded at one time, with a decoder that was trained at another.

Draws what :func:`ventralrnn.analysis.decode` returns with ``generalise=True``; without, see
:func:`ventralrnn.plots.plot_time_courses`.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from ventralrnn.errors import AnalysisError
from ventralrnn.plots.comparison import draw_outline
from ventralrnn.plots.style import (
    ABSENT,
    absence,
    choose,
    edges,
    legend_below,
    mark_simulated,
    styled,
    take_axes,
    times_of,
    unreached_patch,
)


@styled
def plot_generalisation(
    result: xr.Dataset, *, area: str | None = None, limit: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the accuracy of decoders trained at each time (upwards) and tested at each time (across).

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`~ventralrnn.analysis.decode` returns with ``generalise=True``.
    area : str, optional
        Has to be named if there are several.
    limit : float, optional
        Accuracy at the upper end of the colour scale, whose middle is chance; the largest by default.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        A dotted diagonal where both times are one; outlined where the interval lies above chance (not corrected for the
        number of times); times at which the input has not reached the area are hatched.

    Raises
    ------
    AnalysisError
        If the area is not there or not named, or decoders were not tested at other times.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.analysis import decode
    >>> from ventralrnn.plots import plot_generalisation
    >>> states = np.random.default_rng(0).normal(size=(20, 3, 5))
    >>> coords = {"time_step": ("time", [0, 1, 2])}
    >>> area = xr.DataArray(states, dims=("stimulus", "time", "neuroid"), coords=coords)
    >>> result = decode({"IT": area}, np.repeat(["cat", "dog"], 10), folds=5, generalise=True)
    >>> ax = plot_generalisation(result)
    """
    ax = take_axes(ax, height=70)
    one = choose(result, "area", "area", area)
    if "time_other" not in one["accuracy"].dims:
        raise AnalysisError("result: decoders were tested at their own time only; use decode(..., generalise=True)")
    accuracy = one["accuracy"].transpose("time", "time_other").values
    chance = float(one["chance"])
    trained, tested = times_of(one), times_of(one, suffix="_other")
    x, y = edges(tested.values), edges(trained.values)
    ax.patch.set(**ABSENT, lw=0)
    if np.isfinite(accuracy).any():
        top = max(limit or float(np.nanmax(accuracy)), chance + 1e-6)
        # As far below chance as above, so that equal distances have equal strengths.
        mesh = ax.pcolormesh(
            x,
            y,
            np.ma.masked_invalid(accuracy),
            norm=TwoSlopeNorm(chance, 2 * chance - top, top),
            cmap="RdBu_r",
            rasterized=True,
        )
        bar = ax.figure.colorbar(mesh, ax=ax, fraction=0.046, pad=0.02, label="balanced accuracy")
        lowest = min(chance, float(np.nanmin(accuracy)))
        bar.ax.set_ylim(lowest, top)
        bar.ax.axhline(chance, color="black", lw=0.8)
        away = 0.06 * (top - lowest)
        ticks = [t for t in bar.ax.get_yticks() if lowest <= t <= top and abs(t - chance) > away]
        bar.ax.set_yticks([*ticks, chance], [*(f"{t:.2g}" for t in ticks), "chance"])
        bar.outline.set_visible(False)
        draw_outline(ax, one["lower"].transpose("time", "time_other").values > chance, x, y)
    ax.plot([max(x[0], y[0]), min(x[-1], y[-1])], [max(x[0], y[0]), min(x[-1], y[-1])], color="black", lw=0.7, ls=":")
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), aspect="equal")
    unit = "ms" if trained.in_ms else "step"
    ax.set(xlabel=f"tested at ({unit})", ylabel=f"trained at ({unit})")
    if "area" in one.coords:
        ax.set_title(str(one["area"].values))
    if np.isnan(accuracy).any():
        legend_below(ax, [unreached_patch(absence(np.isfinite(accuracy).any(1)))], 20)
    mark_simulated(ax, result)
    return ax
