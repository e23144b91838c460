"""From model steps to a brain's milliseconds: when it passes into each step, or which step each time is most like.

Draws what :func:`ventralrnn.analysis.clocks.fit_clock` and :func:`ventralrnn.analysis.clocks.best_lag` return.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ventralrnn.errors import AnalysisError
from ventralrnn.plots.style import area_colours, area_markers, choose, mark_simulated, styled, take_axes


@styled
def plot_clock(
    result: xr.Dataset, *, area: str | None = None, brain_area: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw how a model's steps and a brain's milliseconds belong together.

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`~ventralrnn.analysis.clocks.fit_clock` or :func:`~ventralrnn.analysis.clocks.best_lag` returns.
    area, brain_area : str, optional
        Have to be named if there are several.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        Of a fitted clock: when the brain passes into each step, with intervals, and the straight line through them;
        p says whether the order of the brain's times matters. Of a lag: the step that each time is most like, with its
        interval. Open squares are when the model's own clock puts its steps.

    Raises
    ------
    AnalysisError
        If an area is not there or not named, or the result is of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis.clocks import fit_clock
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> from ventralrnn.plots import plot_clock
    >>> steps = np.random.default_rng(0).random((3, 66))
    >>> model = make_rdms(steps, ("time",), {"time_step": ("time", [0, 1, 2])})
    >>> brain = make_rdms(np.repeat(steps, 2, 0), ("time",), {"time_ms": ("time", 50 + 10.0 * np.arange(6))})
    >>> ax = plot_clock(fit_clock(model, brain, splits=2, permutations=9, bootstrap=10))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('brain time (ms)', 'model step')
    """
    one = choose(choose(result, "area", "area", area), "brain_area", "brain_area", brain_area)
    if not {"begin_ms", "best_step"} & set(one):
        raise AnalysisError("result: has no map of steps to times; give what fit_clock or best_lag returns")
    ax = take_axes(ax)
    name = str(one["area"].values) if "area" in one.coords else "model"
    colour, marker = area_colours([name])[name], area_markers([name])[name]
    if "begin_ms" in one:
        _begins(ax, one, colour, marker)
    else:
        _steps(ax, one, colour)
    if "time_ms" in one.coords and "time" in one["time_ms"].dims:
        steps = _step_numbers(one)
        there = steps >= _first(one, steps)
        look: dict[str, Any] = {"color": "0.5", "mfc": "none", "label": "the model's own clock"}
        ax.plot(one["time_ms"].values[there], steps[there], "s", **look)
    ax.set(xlabel="brain time (ms)", ylabel="model step")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    brain = str(one["brain_area"].values) if "brain_area" in one.coords else "brain"
    ax.set_title(f"model {name} × {brain if brain == 'brain' else 'brain ' + brain}")
    ax.legend()
    mark_simulated(ax, result)
    return ax


def _begins(ax: Axes, one: xr.Dataset, colour: str, marker: str) -> None:
    steps, begins = _step_numbers(one), one["begin_ms"].values
    there = np.isfinite(begins)
    p = float(one["p_times"]) if "p_times" in one else np.nan
    label = "brain passes into the step" + (f" (order: p = {p:.2g})" if np.isfinite(p) else "")
    ends = np.abs(np.stack([one["begin_ms_low"].values, one["begin_ms_high"].values]) - begins)[:, there]
    look: dict[str, Any] = {"color": colour, "marker": marker, "ls": "", "elinewidth": 0.8}
    ax.errorbar(begins[there], steps[there], xerr=np.nan_to_num(ends), label=label, **look)
    slope, onset = float(one["ms_per_step"]), float(one["onset_ms"])
    if np.isfinite(slope) and there.any():
        # The onset is where the line puts the first step that exists.
        start = _first(one, steps)
        across = np.array([start, steps[there][-1]])
        ax.plot(onset + slope * (across - start), across, color=colour, lw=0.8, label=f"{slope:.3g} ms a step")


def _steps(ax: Axes, one: xr.Dataset, colour: str) -> None:
    times, steps = one["brain_time_ms"].values, one["best_step"].values
    if "best_step_low" in one:
        low, high = one["best_step_low"].values, one["best_step_high"].values
        there = np.isfinite(low) & np.isfinite(high)
        ax.fill_between(times[there], low[there], high[there], color=colour, alpha=0.2, lw=0, step="mid")
    lag = float(one["lag_ms"]) if "lag_ms" in one else np.nan
    label = "most similar step" + (f" (lag {lag:g} ms)" if np.isfinite(lag) else "")
    ax.step(times, steps, where="mid", color=colour, label=label)


def _first(one: xr.Dataset, steps: np.ndarray) -> float:
    """Return the first step that exists, as far as the result tells: before it nothing begins or is most alike."""
    if "best_step" in one:
        return float(np.nanmin(one["best_step"].values, initial=steps[-1]))
    begun = np.flatnonzero(np.isfinite(one["begin_ms"].values))
    return float(steps[max(begun[0] - 1, 0)]) if len(begun) else float(steps[0])


def _step_numbers(one: xr.Dataset) -> np.ndarray:
    if "time_step" in one.coords:
        return np.asarray(one["time_step"].values, float)
    return np.arange(one.sizes["time"], dtype=float)
