"""Models beside each other, with what noise allows and which differences are significant.

Draws what :func:`ventralrnn.analysis.contrast_models` and :func:`ventralrnn.brains.benchmarks.compare_models` return.
"""

from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ventralrnn.analysis.inference import holm
from ventralrnn.errors import AnalysisError
from ventralrnn.plots.comparison import measure_of
from ventralrnn.plots.style import axes_beside, choose, legend_of, mark_simulated, styled, take_axes

_FEW = 4
# That stand side by side at the width of a column.
_LETTERS = 60
_DOT = "#0072B2"


@styled
def plot_models(
    result: xr.Dataset,
    *,
    benchmark: str | None = None,
    pairs: Literal["brackets", "matrix", "none"] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how well each of several models does, and which of them differ.

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`~ventralrnn.analysis.contrast_models` returns; or
        :func:`~ventralrnn.brains.benchmarks.compare_models`, whose p values are corrected here (Holm).
    benchmark : str, optional
        Of a comparison on several, its identifier (``ventralrnn.`` may be left out).
    pairs : {'brackets', 'matrix', 'none'}, optional
        How differences whose p, corrected for the number of pairs, is at most 1 - level are shown: a bracket each with
        its p; or a square of models x models below, with a dot where the model of the column is better. By default
        brackets for up to four models.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        A dot a model with its interval, and the noise ceiling, lower to upper bound or a line.

    Raises
    ------
    AnalysisError
        If there are no models, or the benchmark is not there or not named.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import contrast_models
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> from ventralrnn.plots import plot_models
    >>> rng = np.random.default_rng(0)
    >>> good, bad = rng.random((2, 190))
    >>> brain = make_rdms(good + 0.5 * rng.random((4, 190)), ("subject",))
    >>> ax = plot_models(contrast_models({"good": make_rdms(good), "bad": make_rdms(bad)}, brain, bootstrap=100))
    """
    if "model" not in result.dims:
        raise AnalysisError("result: has no models; give what contrast_models or compare_models returns")
    one = _corrected(_benchmark(result, benchmark))
    values, low, high = (one[name].values for name in (_value(one), "low", "high"))
    names = [str(name) for name in one["model"].values]
    way = pairs or ("brackets" if len(names) <= _FEW else "matrix")
    tested = "p_corrected" in one and way != "none"
    ax = take_axes(ax, height=62 + (20 + 4.5 * len(names) if tested and way == "matrix" else 8))
    _ceiling(ax, one)
    ends = np.abs(np.stack([low, high]) - values)
    ax.errorbar(np.arange(len(names)), values, ends, fmt="o", color=_DOT, ms=4, elinewidth=1, capsize=2, zorder=3)
    ax.axhline(0, color="0.4", lw=0.6)
    ax.set(xlim=(-0.6, len(names) - 0.4), ylabel=measure_of(one) if "similarity" in one else "score")
    _name(ax, names)
    if tested:
        (_brackets if way == "brackets" else _matrix)(ax, one)
    if "benchmark" in one.coords:
        ax.set_title(str(one["benchmark"].values).removeprefix("ventralrnn."))
    handles = legend_of([ax])
    if handles:
        ax.legend(handles=handles)
    simulated = "simulated" in one and bool(one["simulated"])
    mark_simulated(ax, xr.Dataset(attrs={"simulated": "yes"}) if simulated else result)
    return ax


def _benchmark(result: xr.Dataset, name: str | None) -> xr.Dataset:
    if "benchmark" not in result.dims:
        return result
    known = [str(value) for value in result["benchmark"].values]
    full = f"ventralrnn.{name}" if name is not None and name not in known else name
    return choose(result, "benchmark", "benchmark", full)


def _corrected(one: xr.Dataset) -> xr.Dataset:
    """Return a comparison whose p values are corrected for the number of pairs, if it has some."""
    if "p_corrected" in one or "p_value" not in one or "model_other" not in one["p_value"].dims:
        return one
    p = one["p_value"].transpose("model", "model_other").values
    corrected, upper = np.full_like(p, np.nan), np.triu_indices(len(p), 1)
    corrected[upper] = holm(p[upper])
    corrected.T[upper] = corrected[upper]
    return one.assign(p_corrected=(("model", "model_other"), corrected))


def _value(one: xr.Dataset) -> str:
    return "similarity" if "similarity" in one else "score"


def _ceiling(ax: Axes, one: xr.Dataset) -> None:
    high = next((float(one[name]) for name in ("ceiling_upper", "ceiling") if name in one), np.nan)
    low = float(one["ceiling_lower"]) if "ceiling_lower" in one else np.nan
    if np.isfinite(low):
        ax.axhspan(low, high, facecolor="0.82", lw=0, zorder=0, label="noise ceiling, lower to upper")
    elif np.isfinite(high):
        ax.axhline(high, color="0.6", lw=2, zorder=0, label="noise ceiling")


def _alpha(one: xr.Dataset) -> float:
    return 1 - float(one.attrs.get("level", 0.95)) + 1e-12


def _brackets(ax: Axes, one: xr.Dataset) -> None:
    p = one["p_corrected"].transpose("model", "model_other").values
    found = [(j - i, i, j) for i in range(len(p)) for j in range(i + 1, len(p)) if p[i, j] <= _alpha(one)]
    low, high = ax.get_ylim()
    step = 0.11 * (high - low)
    y = high
    for _, i, j in sorted(found):
        ax.plot([i, i, j, j], [y, y + 0.25 * step, y + 0.25 * step, y], color="black", lw=0.7, label=f"_{i}-{j}")
        ax.text((i + j) / 2, y + 0.3 * step, _say(float(p[i, j])), ha="center", va="bottom", fontsize=6)
        y += step
    ax.set_ylim(low, y + 0.2 * step)


def _say(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"


def _matrix(ax: Axes, one: xr.Dataset) -> None:
    """Draw models x models below, a column under each dot."""
    p = one["p_corrected"].transpose("model", "model_other").values
    better = one["difference"].transpose("model", "model_other").values > 0
    count, names = len(p), [str(name) for name in one["model"].values]
    below = axes_beside(ax, "below", 4.5 * count, 2)
    # A dot in the column of a model that is better than that of the row.
    rows, columns = np.nonzero((better & (p <= _alpha(one))).T)
    below.scatter(columns, rows, s=18, color="black", label="better")
    for line in np.arange(count + 1) - 0.5:
        below.plot([-0.5, count - 0.5], [line, line], color="0.8", lw=0.4)
        below.plot([line, line], [-0.5, count - 0.5], color="0.8", lw=0.4)
    _name(below, names)
    ax.tick_params(axis="x", labelbottom=False, length=0)
    below.set_yticks(range(count), [f"than {name}" for name in names])
    below.set(xlim=ax.get_xlim(), ylim=(count - 0.5, -0.5))
    below.tick_params(length=0)
    below.spines[:].set_visible(False)
    below.set_xlabel(f"dot: model of the column better than that of the row\n(p ≤ {_alpha(one):.2g}, corrected)")


def _name(ax: Axes, names: list[str]) -> None:
    ax.set_xticks(range(len(names)), names)
    if max(map(len, names)) * len(names) > _LETTERS:
        ax.tick_params(axis="x", labelrotation=35)
        for label in ax.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
