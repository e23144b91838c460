"""From recordings and results to sections of the page: one function a kind."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.analysis import time_courses
from ventralrnn.plots.ceilings import explainable
from ventralrnn.report import charts, scores
from ventralrnn.report.charts import Chart
from ventralrnn.report.collect import Source
from ventralrnn.report.encode import plain

_MOST_STIMULI = 1000
_METHODS = {
    "spearman": "Spearman's ρ",
    "corr": "Pearson's r",
    "cosine": "cosine",
    "rho-a": "ρ-a",
    "kendall": "Kendall's τ-a",
    "tau-b": "Kendall's τ-b",
}
_UNREACHED = "Hatched: nothing reaches the area at this time, so there is no state."


def make_section(source: Source) -> dict[str, Any] | None:
    """Return what the page shows of a recording or result besides its RDM movie.

    Parameters
    ----------
    source : Source
        A recording or result.

    Returns
    -------
    dict or None
        ``group``, ``heading``, ``lead`` (what is seen, a sentence a line), ``charts``, ``model``, ``simulated``,
        ``source``; None for RDMs, which are seen as a movie.
    """
    if source.kind == "rdms":
        return None
    heading, view = _VIEWS[source.kind]
    lead, found = view(source)
    return {
        "group": heading,
        "heading": f"{heading}: {_about(source)}",
        "lead": lead,
        "model": source.model,
        "charts": found,
        "simulated": source.simulated,
        "source": source.path.name,
    }


def _about(source: Source) -> str:
    attrs = source.attrs
    model = source.model
    other = attrs.get("benchmark") or attrs.get("brain") or attrs.get("brain_name")
    if source.kind == "benchmarks":
        return " against ".join(str(name) for name in source.dataset["model"].values)
    if source.kind == "rsa" and source.simulated:
        other = "a simulated brain"
    stimuli = attrs.get("stimuli")
    shown = f"{stimuli['name']} stimuli" if isinstance(stimuli, dict) and stimuli.get("name") else None
    parts = [str(part) for part in (model, other or shown) if part]
    return (" and ".join(parts) if other else ", ".join(parts)) or source.path.stem


# --- a recording -----------------------------------------------------------------------------------------------------


def _recording(source: Source) -> tuple[list[str], list[Chart]]:
    recording = source.recording
    count = recording[recording.areas[0]].sizes["stimulus"]
    kept = slice(0, None, -(-count // _MOST_STIMULI))
    courses = time_courses({area: recording[area][kept] for area in recording.areas})
    clock = all(charts.has_clock(course) for course in courses.values())
    found = []
    for what, title, y in (
        ("strength", "Response strength", {"label": "root mean square of the state", "unit": "model units"}),
        ("change", "Change from step to step", {"label": "change", "unit": "share of the state's length"}),
    ):
        panels = []
        for area, colour in charts.area_colours(courses).items():
            course = courses[area]
            times = charts.model_times(course, clock)
            reached = np.isfinite(course["strength"].values).any(0)
            values = np.full((3, len(times)), np.nan)
            seen = np.isfinite(course[what].values).any(0)
            if seen.any():
                values[:, seen] = np.nanpercentile(course[what].values[:, seen], [10, 50, 90], axis=0)
            low, middle, high = values
            panels.append(
                {
                    "title": area,
                    "series": [charts.line(area, times, middle, (low, high), colour)],
                    "unreached": charts.before(times, reached),
                }
            )
        number = len(next(iter(courses.values()))["stimulus"])
        note = f"Median over {number} stimuli, band from the 10th to the 90th percentile. {_UNREACHED}"
        found.append(
            charts.lines(title, panels, charts.time_axis(clock), {**y, "zero": True}, note, share=what == "change")
        )
    first = [
        f"{area} {times[0]:g}"
        for area, course in courses.items()
        if len(times := charts.model_times(course, clock)[np.isfinite(course["strength"].values).any(0)])
    ]
    said = (
        f"First states: {', '.join(first)} ms after stimulus onset." if clock else f"First steps: {', '.join(first)}."
    )
    return [said], found


# --- a comparison with brains ----------------------------------------------------------------------------------------


def _rsa(source: Source) -> tuple[list[str], list[Chart]]:
    result = source.dataset
    if "brain_area" not in result["similarity"].dims:
        name = str(source.attrs.get("brain") or source.attrs.get("brain_name") or "")
        result = result.expand_dims(brain_area=[name])
    extra = [d for d in result["similarity"].dims if d not in ("area", "time", "brain_area", "brain_time")]
    if extra:  # comparisons of single subjects
        result = result[["similarity"]].mean(extra)
    method = str(source.attrs.get("method", ""))
    y: dict[str, Any] = {"label": "similarity of RDMs", "unit": _METHODS.get(method, method), "zero": True}
    clock = charts.has_clock(result)
    if "brain_time" in result["similarity"].dims:
        found = list(_in_brain_time(result, clock, y))
    else:
        found = [_in_model_time(result, clock, y)]
    return [*source.warning, *_best(result, clock, y["unit"])], found


def _in_model_time(result: xr.Dataset, clock: bool, y: dict[str, Any]) -> Chart:
    panels = []
    for name in result["brain_area"].values:
        one = result.sel(brain_area=name)
        series, ends = [], []
        for area, colour in charts.area_colours(charts.area_names(one)).items():
            state = one.sel(area=area)
            times = charts.model_times(state, clock)
            ends += [times.min(), times.max()]
            bounds = [state[n].values if n in state else None for n in ("low", "high")]
            series.append(charts.line(area, times, state["similarity"].values, bounds, colour))
        panel: dict[str, Any] = {"title": f"brain {name}".strip(), "series": series}
        if "ceiling_lower" in one:
            across = np.array([min(ends), max(ends)])
            panel["ceiling"] = _ceiling(one, across)
        panels.append(panel)
    note = "A line an area of the model, from its first state on. " + _bands(result)
    return charts.lines("Similarity at every model step", panels, charts.time_axis(clock), y, note)


def _in_brain_time(result: xr.Dataset, clock: bool, y: dict[str, Any]) -> Iterator[Chart]:
    kept, said = charts.columns(result.sizes["brain_time"])
    result = result.isel(brain_time=kept)
    if "brain_time_other" in result.dims:
        result = result.isel(brain_time_other=0)
    times, axis = charts.brain_axis(result)
    best = []
    for name in result["brain_area"].values:
        one = result.sel(brain_area=name)
        panels = []
        for area in charts.area_names(one):
            state = one.sel(area=area).transpose("time", "brain_time", ...)
            panel = {
                "title": f"model {area}",
                "x": plain(times),
                "y": plain(charts.model_times(state, clock)),
                "values": plain(state["similarity"].values, 3),
            }
            if "significant" in state:
                panel["outlined"] = state["significant"].values.astype(int).tolist()
            panels.append(panel)
        z = {"label": y["label"], "unit": y["unit"], "diverging": True}
        note = "Outlined: significant clusters. " if "significant" in one else ""
        model_axis = {"label": "model time" if clock else "model step", "unit": "ms" if clock else ""}
        title = f"Every model step against every time of brain {name}".strip()
        yield charts.matrix(title, panels, axis, model_axis, z, note + _UNREACHED + said)
        best.append(_best_course(one, times, str(name)))
    note = "At every brain time, the step of each area that is most similar. " + _bands(result)
    yield charts.lines("Best step of each area", best, axis, y, note)


def _best_course(one: xr.Dataset, times: np.ndarray, name: str) -> dict[str, Any]:
    series = []
    for area, colour in charts.area_colours(charts.area_names(one)).items():
        state = one.sel(area=area).transpose("time", "brain_time", ...)
        values = state["similarity"].values
        seen = np.isfinite(values).any(0)
        picked = (np.argmax(np.where(np.isnan(values), -np.inf, values), 0), np.arange(len(times)))
        bounds = [state[n].values[picked] if n in state else None for n in ("low", "high")]
        series.append(charts.line(area, times, np.where(seen, values[picked], np.nan), bounds, colour))
    panel: dict[str, Any] = {"title": f"brain {name}".strip(), "series": series}
    if "ceiling_lower" in one:
        panel["ceiling"] = _ceiling(one, times)
    return panel


def _ceiling(one: xr.Dataset, times: np.ndarray) -> dict[str, Any] | None:
    return charts.ceiling(times, one["ceiling_lower"].values, one["ceiling_upper"].values, sound=explainable(one))


def _bands(result: xr.Dataset) -> str:
    level = 100 * float(result.attrs.get("level", 0.95))
    said = f"Bands: {level:g} % intervals. " if "low" in result else ""
    if "ceiling_lower" in result:
        said += "Grey: noise ceiling, lower to upper bound"
        if "repeats" in str(result.attrs.get("ceiling_from", "")):
            said += " (a second recording of as many repeats, to the geometry without noise)"
        if explainable(result).all():
            return f"{said}."
        return f"{said}; paler where the lower bound is not above 0: there the data hold nothing to explain."
    return said + "There is no noise ceiling: it takes several subjects or repeats."


def _best(result: xr.Dataset, clock: bool, unit: str) -> Iterator[str]:
    """Say for every area of the brain which state is most like it."""
    for name in result["brain_area"].values:
        one = result.sel(brain_area=name)
        values = one["similarity"]
        if not np.isfinite(values.values).any():
            continue
        at = {dim: int(np.argwhere((values == values.max()).values)[0][i]) for i, dim in enumerate(values.dims)}
        there = one.isel({d: i for d, i in at.items()})
        when = f"{float(there['time_ms']):g} ms" if clock else f"step {int(there['time_step'])}"
        then = f" at {float(there['brain_time_ms']):g} ms" if "brain_time_ms" in there.coords else ""
        brain = f"Brain {name}".strip()
        said = f"{brain}{then} is most like model {there['area'].item()} at {when}: {unit} {float(values.max()):.2f}"
        if "low" in there:
            said += f" ({float(there['low']):.2f} to {float(there['high']):.2f})"
        if "ceiling_lower" in there and np.isfinite(there["ceiling_lower"].values).all():
            said += f", noise ceiling {float(there['ceiling_lower']):.2f} to {float(there['ceiling_upper']):.2f}"
        yield said + "."


# --- dynamics --------------------------------------------------------------------------------------------------------

_MEASURES = (
    ("participation_ratio", "Dimensions", {"label": "participation ratio", "unit": "dimensions"}),
    ("omega_squared", "Category selectivity", {"label": "ω²", "unit": "share of variance"}),
    ("population_sparseness_mean", "Sparseness", {"label": "population sparseness", "unit": "0 to 1"}),
    ("speed_mean", "Speed of the state", {"label": "speed", "unit": "model units"}),
    ("curvature_mean", "Curvature of the path", {"label": "curvature", "unit": "degrees"}),
)


def _dynamics(source: Source) -> tuple[list[str], list[Chart]]:
    result = source.dataset
    clock = source.attrs.get("units") == "ms" and charts.has_clock(result)
    unit = "ms" if clock else "steps"
    ladder: list[dict[str, Any]] = []
    for area, colour in charts.area_colours(charts.area_names(result)).items():
        one = result.sel(area=area)
        marks = []
        for name, said in (("onset", "onset"), ("half_maximum", "half of the maximum"), ("peak", "peak")):
            bounds = [float(one[f"{name}_{end}"]) if f"{name}_{end}" in one else np.nan for end in ("low", "high")]
            late = name == "peak" and "peak_at_end" in one and bool(one["peak_at_end"])
            value = float(one[name])
            if late and not np.isfinite(value):
                times = charts.model_times(one, clock)
                value = float(times[np.isfinite(one["response_pooled"].values)][-1])
            marks.append(charts.mark(said, value, *bounds, open_end=late))
        ladder.append({"name": area, "marks": marks, "colour": colour})
    note = f"Threshold of the onset: {source.attrs.get('threshold')}. Bars: 95 % intervals over stimuli."
    if any(mark["open"] for row in ladder for mark in row["marks"]):
        note += " Open: the response still grows at the end of the recording, so its peak is then or later."
    axis = {"label": "latency after stimulus onset" if clock else "latency", "unit": unit}
    found = [charts.rows("When each area responds", [{"title": "", "rows": ladder}], axis, note)]
    panels = []
    for name, title, y in _MEASURES:
        if name in result and set(result[name].dims) == {"area", "time"} and np.isfinite(result[name].values).any():
            stated = str(result[name].attrs.get("units", "1"))
            unit_here = y["unit"] if stated == "1" else stated
            panels.append({**charts.by_area(result, name, title, clock), "y": {**y, "unit": unit_here}})
    if panels:
        label = {"label": "", "unit": "", "zero": True}
        found.append(charts.lines("How the states move", panels, charts.time_axis(clock), label, share=False))
    onsets = ", ".join(f"{row['name']} {row['marks'][0]['value']:.3g}" for row in ladder if row["marks"][0]["value"])
    return [f"Onset of the response: {onsets} {unit}."], found


# --- decoding, encoding ----------------------------------------------------------------------------------------------


def _decoding(source: Source) -> tuple[list[str], list[Chart]]:
    result = source.dataset
    clock, chance = charts.has_clock(result), float(result["chance"])
    best = (
        result["accuracy"]
        .where(result["accuracy"] == result["accuracy"].max())
        .max([d for d in result["accuracy"].dims if d != "area"])
    )
    area = charts.area_names(result)[int(np.nanargmax(best.values))]
    right = 100 * float(best.max())
    lead = [f"Categories are read best from {area}: {right:.0f} % right, chance {100 * chance:.0f} %."]
    y = {"label": "balanced accuracy", "unit": "share of test stimuli", "zero": True}
    if "time_other" not in result["accuracy"].dims:
        panel = charts.by_area(result, "accuracy", "", clock, "lower", "upper")
        panel["rule"] = {"value": chance, "name": "chance"}
        note = "Bands: 95 % intervals over stimuli. A line begins with the first state of its area."
        return lead, [charts.lines("Categories read from every state", [panel], charts.time_axis(clock), y, note)]
    panels = []
    for name in charts.area_names(result):
        one = result.sel(area=name).transpose("time", "time_other", ...)
        other = one["time_ms_other"] if clock and "time_ms_other" in one.coords else one["time_step_other"]
        panels.append(
            {
                "title": name,
                "x": plain(other.values),
                "y": plain(charts.model_times(one, clock)),
                "values": plain(one["accuracy"].values, 3),
            }
        )
    x = {"label": "tested at", "unit": "ms" if clock else "steps"}
    down = {"label": "trained at", "unit": x["unit"]}
    z = {"label": y["label"], "unit": f"{y['unit']}, chance {chance:.2g}"}
    return lead, [charts.matrix("Trained at one time, tested at another", panels, x, down, z, _UNREACHED)]


def _encoding(source: Source) -> tuple[list[str], list[Chart]]:
    result = source.dataset
    clock = charts.has_clock(result)
    score = result["score"].median("neuroid")
    unit = "Pearson's r"
    lead = [f"Median over {result.sizes['neuroid']} neurons; the best state reaches {float(score.max()):.2f}."]
    rest = [d for d in score.dims if d not in ("area", "time")]
    best = score.max(rest) if rest else score
    shown = xr.Dataset({"score": best})
    panel = charts.by_area(shown, "score", "", clock)
    y = {"label": "predicted responses", "unit": unit, "zero": True}
    note = "At the time bin that is predicted best." if rest else ""
    return lead, [charts.lines("Responses predicted from every state", [panel], charts.time_axis(clock), y, note)]


# --- anything else ---------------------------------------------------------------------------------------------------


def _other(source: Source) -> tuple[list[str], list[Chart]]:
    body = []
    for name, variable in source.dataset.data_vars.items():
        shape = " x ".join(f"{size} {dim}" for dim, size in variable.sizes.items()) or "one value"
        span = ""
        if variable.dtype.kind in "fiu" and np.isfinite(variable.values).any():
            span = f"{np.nanmin(variable.values):.4g} to {np.nanmax(variable.values):.4g}"
        body.append([str(name), shape, span])
    return ["The report has no chart for results of this kind; this is what the file holds."], [
        charts.table("Variables", ["variable", "size", "values"], body)
    ]


_VIEWS: dict[str, tuple[str, Callable[[Source], tuple[list[str], list[Chart]]]]] = {
    "recording": ("Time courses", _recording),
    "dynamics": ("Latencies and dynamics", _dynamics),
    "rsa": ("Comparison with brains", _rsa),
    "decoding": ("Decoding", _decoding),
    "encoding": ("Encoding", _encoding),
    "benchmark": ("Scores", scores.show_benchmark),
    "score": ("Scores", scores.show_score),
    "benchmarks": ("Scores", scores.show_benchmarks),
    "other": ("Other results", _other),
}
# In the order of the page.
GROUPS = tuple(dict.fromkeys(heading for heading, _ in _VIEWS.values()))
