"""States on the move: every area's geometry at every time as a point, those that are alike near each other.

Draws what :func:`ventralrnn.analysis.embed_states` returns, or what it takes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ventralrnn.analysis.embedding import embed_states
from ventralrnn.errors import AnalysisError
from ventralrnn.plots.style import area_colours, area_markers, mark_simulated, styled, take_axes, times_of


@styled
def plot_trajectories(result: xr.Dataset, *, areas: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the path of every area's geometry through time, by multidimensional scaling.

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`~ventralrnn.analysis.embed_states` returns; or RDMs (area, time, pair), or what
        :func:`~ventralrnn.analysis.compare_states` returns for one recording, which are embedded with its defaults.
    areas : sequence of str, optional
        Which are drawn; all take part in the scaling.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        Arrows lead from each state to the next; the first and the last are labelled with their times. Both axes have
        the same scale and no direction that means anything. The stress says how far distances in the plane are from
        those of the states.

    Raises
    ------
    AnalysisError
        If an area is not there, or the result has nothing to embed.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import embed_states
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> from ventralrnn.plots import plot_trajectories
    >>> coords = {"area": ["V1", "IT"], "time_step": ("time", [0, 1, 2, 3])}
    >>> rdms = make_rdms(np.random.default_rng(0).random((2, 4, 45)), ("area", "time"), coords)
    >>> ax = plot_trajectories(embed_states(rdms))
    """
    ax = take_axes(ax, height=75)
    placed = result if "position" in result else embed_states(result)
    known = [str(area) for area in placed["area"].values]
    unknown = [area for area in areas or () if area not in known]
    if unknown:
        raise AnalysisError(f"areas: no {unknown[0]} here; there are {', '.join(known)}")
    colours, markers = area_colours(known), area_markers(known)
    for area in areas or known:
        one = placed.sel(area=area)
        points, times = one["position"].transpose("time", "dimension").values[:, :2], times_of(one)
        there = np.isfinite(points).all(1)
        points, when = points[there], times.values[there]
        if not len(points):
            continue
        ax.plot(*points.T, color=colours[area], marker=markers[area], lw=0, label=area)
        for start, end in zip(points[:-1], points[1:], strict=True):
            arrow = {"arrowstyle": "-|>,head_length=0.25,head_width=0.12", "color": colours[area], "lw": 1}
            ax.annotate("", end, start, arrowprops={**arrow, "shrinkA": 1.5, "shrinkB": 2}, annotation_clip=False)
        for position in dict.fromkeys((0, len(points) - 1)):
            text = f"{when[position]:g}{' ms' if times.in_ms else ''}"
            # On the side to which the path does not go on.
            left = points[position, 0] < points[:, 0].mean()
            how: dict[str, Any] = {"xytext": (-4 if left else 4, 0), "ha": "right" if left else "left", "va": "center"}
            ax.annotate(text, points[position], textcoords="offset points", fontsize=6, color=colours[area], **how)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xticks=[], yticks=[], xlabel="dimension 1", ylabel="dimension 2")
    ax.margins(0.12)
    # Room for the times at both sides, of which an axes with equal scales takes no notice.
    left, right = ax.dataLim.intervalx
    room = 0.18 * max(right - left, float(np.ptp(ax.dataLim.intervaly)))
    ax.update_datalim([(left - room, ax.dataLim.y0), (right + room, ax.dataLim.y1)])
    ax.autoscale_view()
    # Two lines, so that they do not reach beyond a narrow figure.
    words = f"states by {placed.attrs['distance']}\nstress-1 {float(placed.attrs['stress']):.2f}"
    ax.set_title(words, fontweight="normal")
    ax.legend()
    mark_simulated(ax, result)
    return ax
