"""Scores on benchmarks, beside the ceilings that noise sets: of Brain-Score, of ours, and tables of many."""

from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.report import charts
from ventralrnn.report.charts import Chart
from ventralrnn.report.collect import Source
from ventralrnn.report.encode import plain

# Of a test, for what is said about it.
_LEVEL = 0.05


def show_benchmark(source: Source) -> tuple[list[str], list[Chart]]:
    """Show the score on a benchmark of ours, and that of every state.

    Parameters
    ----------
    source : Source
        What :func:`ventralrnn.brains.benchmarks.evaluate` returns.

    Returns
    -------
    tuple of list
        What is seen, a sentence a line; and the charts.
    """
    result, attrs = source.dataset, source.attrs
    top = float(result["ceiling"]) if "ceiling" in result else np.nan
    lower = float(result["ceiling_lower"]) if "ceiling_lower" in result else np.nan
    y = {"label": f"score ({attrs.get('metric', 'metric')})", "unit": "1 is perfect", "zero": True}
    committed = charts.mark(
        f"{attrs.get('committed_area')}, chosen before scoring",
        *(float(attrs.get(f"committed_{part}", np.nan)) for part in ("score", "low", "high")),
    )
    marks = [{"name": source.model or "model", "marks": [committed], "colour": 0}]
    note = _ceiling_note(attrs, top)
    panel: dict[str, Any] = {"title": "", "rows": marks, "ceiling": _bounds(lower, top)}
    found = [charts.rows("Score", [panel], {**y, "zero": True}, note)]
    if "time" in result["score"].dims:
        clock = charts.has_clock(result)
        course = charts.by_area(result, "score", "", clock, "low", "high")
        every = np.concatenate([line["x"] for line in course["series"]])
        course["ceiling"] = charts.ceiling(np.array([every.min(), every.max()]), lower, top)
        found.append(charts.lines("Score at every step", [course], charts.time_axis(clock), y, note))
    score = "none" if committed["value"] is None else f"{committed['value']:.3g}"
    return [*source.warning, f"Score {score} of {attrs.get('committed_area')}. {note}"], found


def _bounds(low: float, high: float) -> list[float] | None:
    return [low if np.isfinite(low) else high, high] if np.isfinite(high) else None


def _ceiling_note(attrs: dict[str, Any], top: float) -> str:
    if np.isfinite(top):
        return f"Noise ceiling {top:.2f}."
    return f"No noise ceiling ({str(attrs.get('ceiling_from', 'not known')).removeprefix('none: ')})."


def show_score(source: Source) -> tuple[list[str], list[Chart]]:
    """Show the score of what stands for a region of the brain on a benchmark of Brain-Score, and that of every state.

    Parameters
    ----------
    source : Source
        What :func:`ventralrnn.score` returns.

    Returns
    -------
    tuple of list
        What is seen, a sentence a line; and the charts.
    """
    result = source.dataset
    timed = "time_bin" in result["score"].dims
    charts_ = _over_bins(source) if timed else _one_score(source)
    score, top = float(result["score"].mean()), result["ceiling"].values
    mean = f"mean of {int(result['score'].notnull().sum())} time bins; " if timed else ""
    ceiling = "" if np.isfinite(top).any() else " None is known here."
    return [*source.warning, f"Score {score:.3g}; {mean}1 is the noise ceiling.{ceiling}"], [*charts_, *_states(source)]


def _raw(source: Source) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Return what was measured before it was held against the ceiling, its interval, and what the interval is."""
    result = source.dataset
    raw, error = (np.atleast_1d(result[name].values.astype(float)) for name in ("raw", "error"))
    if "low" in result and np.isfinite(result["low"].values).any():
        low, high = (np.atleast_1d(result[name].values.astype(float)) for name in ("low", "high"))
        return raw, low, high, "Bars and bands: 95 % intervals over neuroids."
    return (
        raw,
        raw - error,
        raw + error,
        "Bars and bands: standard error over splits." if np.isfinite(error).any() else "",
    )


def _over_bins(source: Source) -> list[Chart]:
    result = source.dataset
    raw, low, high, note = _raw(source)
    middle, top = _middles(result), result["ceiling"].values.astype(float)
    panels: list[dict[str, Any]] = [
        {
            "title": "score",
            "series": [charts.line("score", middle, result["score"].values)],
            "y": {"label": "score", "unit": "1 is the ceiling"},
        },
        {
            "title": "before the ceiling",
            "series": [charts.line("raw", middle, raw, (low, high), 1)],
            "ceiling": charts.ceiling(middle, top, top),
            "y": {"label": "raw score", "unit": str(source.attrs.get("metric", "metric"))},
        },
    ]
    x, y = {"label": "brain time", "unit": "ms"}, {"label": "", "unit": "", "zero": True}
    return [charts.lines("Score over time", panels, x, y, note, share=False)]


def _middles(result: xr.Dataset) -> np.ndarray:
    return np.asarray((result["time_bin_start"].values + result["time_bin_end"].values) / 2, float)


def _one_score(source: Source) -> list[Chart]:
    result = source.dataset
    raw, low, high, note = _raw(source)
    row = {"name": source.model or "model", "colour": 0}
    top = float(np.atleast_1d(result["ceiling"].values)[0])
    score = float(np.atleast_1d(result["score"].values)[0])
    panels: list[dict[str, Any]] = [
        {
            "title": "score, 1 is the ceiling",
            "rows": [{**row, "marks": [charts.mark("score", score)]}],
            "ceiling": [1, 1] if np.isfinite(top) else None,
        },
        {
            "title": "before the ceiling",
            "rows": [{**row, "marks": [charts.mark("raw", raw[0], low[0], high[0])]}],
            "ceiling": _bounds(top, top),
        },
    ]
    return [charts.rows("Score", panels, {"label": "score", "unit": "", "zero": True}, note)]


def _states(source: Source) -> list[Chart]:
    """Return the scores of every area at every step, where there are such."""
    result = source.dataset
    if "state_score" not in result:
        return []
    clock = charts.has_clock(result)
    y = {"label": "score", "unit": "1 is the ceiling", "zero": True}
    note = "Every state was scored; the best of many promises too much."
    if "time_bin" not in result["state_score"].dims:
        panel = charts.by_area(result, "state_score", "", clock)
        return [charts.lines("Score of every area at every step", [panel], charts.time_axis(clock), y, note)]
    panels = []
    for area in charts.area_names(result):
        one = result.sel(area=area).transpose("time", "time_bin", ...)
        times = charts.model_times(one, clock)
        values = plain(one["state_score"].values, 3)
        panels.append({"title": area, "x": plain(_middles(result)), "y": plain(times), "values": values})
    up = {"label": "model time" if clock else "model step", "unit": "ms" if clock else ""}
    x = {"label": "brain time", "unit": "ms"}
    return [charts.matrix("Score of every area at every step", panels, x, up, y, note)]


def show_benchmarks(source: Source) -> tuple[list[str], list[Chart]]:
    """Show the scores of several models on several benchmarks.

    Parameters
    ----------
    source : Source
        A table of ours, (benchmark, model).

    Returns
    -------
    tuple of list
        What is seen, a sentence a line; and the charts.
    """
    result = source.dataset
    panels = []
    for name in result["benchmark"].values:
        one = result.sel(benchmark=name)
        top, lower = (float(one[n]) if n in one else np.nan for n in ("ceiling", "ceiling_lower"))
        rows = [
            {
                "name": str(model),
                "marks": [charts.mark("score", *(float(one[p].sel(model=model)) for p in ("score", "low", "high")))],
                "colour": colour,
            }
            for colour, model in enumerate(one["model"].values)
        ]
        simulated = "simulated" in one and bool(one["simulated"])
        title = _short(name) + (" (SIMULATED data)" if simulated else "")
        panels.append({"title": title, "rows": rows, "ceiling": _bounds(lower, top)})
    note = "Bars: intervals of each model. Grey: noise ceiling; where there is none, it is not known."
    x = {"label": "score", "unit": "1 is perfect", "zero": True}
    counts = ", ".join(f"{n} {what}{'s' * (n > 1)}" for what in ("model", "benchmark") if (n := result.sizes[what]))
    found = [charts.rows("Scores", panels, x, note)]
    lead = [*source.warning, f"{counts}."]
    if "difference" in result and result.sizes["model"] == 2:
        lead += _compared(result)
        found += _differences(result)
    return lead, found


def _short(name: Any) -> str:
    return str(name).removeprefix("ventralrnn.")


def _compared(result: xr.Dataset) -> list[str]:
    """Say how often the first of two models is better or worse than the other."""
    first, second = (str(model) for model in result["model"].values)
    one = result.sel(model=first, model_other=second)
    if "p_value" not in one:
        return []
    sure = one["p_value"].values < _LEVEL
    better, worse = ((sure & (sign * one["difference"].values > 0)).sum() for sign in (1, -1))
    number = result.sizes["benchmark"]
    return [
        f"{first} scores higher than {second} on {better} of {number} benchmarks, lower on {worse} (paired test, "
        f"p < {_LEVEL:g} each, not corrected for their number)."
    ]


def _differences(result: xr.Dataset) -> list[Chart]:
    first, second = (str(model) for model in result["model"].values)
    one = result.sel(model=first, model_other=second)
    rows = []
    for name in one["benchmark"].values:
        here = one.sel(benchmark=name)
        numbers = [float(here[n]) if n in here else np.nan for n in ("difference", "difference_low", "difference_high")]
        rows.append({"name": _short(name), "marks": [charts.mark("difference", *numbers)], "colour": 0})
    x = {"label": f"score of {first} minus that of {second}", "unit": "", "zero": True}
    note = "Bars: intervals of the difference, models compared on the same samples."
    return [charts.rows("Difference of the two models", [{"title": "", "rows": rows}], x, note)]
