"""A score in words and tables, for a terminal."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ventralrnn.cli.tables import columns, fill

if TYPE_CHECKING:
    import xarray as xr

_NONE = "-"


def report(result: "xr.Dataset") -> Iterator[str]:
    """Yield the lines that say what a model scores, of what is committed and of every state.

    Parameters
    ----------
    result : xarray.Dataset
        What :func:`ventralrnn.score` returns.
    """
    yield f"{result.attrs.get('model', 'model')} on {result.attrs['benchmark']}"
    if "committed_score" in result.attrs:
        yield from _own(result)
    else:
        yield from _of_brainscore(result)


def _of_brainscore(result: "xr.Dataset") -> Iterator[str]:
    attrs = result.attrs
    timed = "time_bin" in result.dims
    head = [*(["TIME BIN"] if timed else []), "SCORE", "RAW", "95 % OF RAW", "ERROR", "CEILING"]
    best = _best_of_bins(result) if timed and "state_score" in result else None
    rows = [head + ["BEST STATE"] if best else head]
    for i in range(result["score"].size):
        at = result.isel(time_bin=i) if timed else result
        score, raw, error, ceiling, low, high = (
            float(at[name].values.ravel()[0]) for name in ("score", "raw", "error", "ceiling", "low", "high")
        )
        row = [f"{float(at['time_bin_start']):g}-{float(at['time_bin_end']):g} ms"] if timed else []
        row += [_number(score), _number(raw), _span(low, high), _number(error), _number(ceiling)]
        rows.append(row + ([best[i]] if best else []))
    yield columns(rows, left=())
    if timed:
        number = int(result["score"].notnull().sum())
        yield f"mean of the {number} time bins that are covered: {_number(float(result['score'].mean()))}"
    said = "SCORE is 1 at the ceiling; ERROR that of RAW over splits, its interval over neuroids. Metric computed by "
    said += "{}; field of view {:g} degrees."
    yield fill(said.format(attrs["metric_computed_by"], float(attrs["visual_degrees"])))
    if "state_score" in result:
        scores = result["state_score"]
        yield from _states(scores.mean("time_bin") if timed else scores, "mean over time bins" if timed else "")
        yield from _best(attrs)


def _own(result: "xr.Dataset") -> Iterator[str]:
    attrs = result.attrs
    yield (
        f"score {_number(float(attrs['committed_score']))} "
        f"({_span(float(attrs['committed_low']), float(attrs['committed_high']))}) of {attrs['committed_area']}, "
        f"ceiling {_ceiling(result)}"
    )
    yield from _states(result["score"], "")
    yield from _best(attrs)
    for key, word in (("citation", "Cite"), ("licence", "Licence")):
        if attrs.get(key):
            yield fill(f"{word}: {attrs[key]}", rest="  ")


def _ceiling(result: "xr.Dataset") -> str:
    lower = float(result["ceiling_lower"]) if "ceiling_lower" in result else float("nan")
    upper = _number(float(result["ceiling"]))
    return f"{_number(lower)}..{upper}" if lower == lower else upper


def _states(scores: "xr.DataArray", what: str) -> Iterator[str]:
    """Yield a table of scores, a line a step and a column an area."""
    areas = [str(name) for name in scores["area"].values]
    yield ""
    if "time" in scores.dims:
        yield f"score of every state{', ' + what if what else ''}"
    else:
        yield "score of every area's course over time"
        yield columns([areas, [_number(float(value)) for value in scores.values]], left=(), keys=0)
        return
    times = _common_times(scores)
    rows = [["STEP", *(["TIME"] if times else []), *areas]]
    for i, step in enumerate(scores["time_step"].values):
        row = [str(int(step)), *([times[i]] if times else [])]
        rows.append(row + [_number(float(scores.isel(area=a, time=i))) for a in range(len(areas))])
    yield columns(rows, left=(), keys=2 if times else 1)


def _common_times(scores: "xr.DataArray") -> list[str]:
    """Return the time of every step in words; none where areas differ in it, or have no clock."""
    if "time_ms" not in scores.coords:
        return []
    found = []
    times = scores["time_ms"].transpose(..., "time").values.reshape(-1, scores.sizes["time"])
    for column in times.T:
        known = {float(time) for time in column if time == time}
        if len(known) != 1:
            return []
        found.append(f"{known.pop():g} ms")
    return found


def _best(attrs: Mapping[Any, Any]) -> Iterator[str]:
    if not attrs.get("best_area"):
        return
    step = f", step {attrs['best_step']}" if "best_step" in attrs else ""
    ms = float(attrs.get("best_ms", "nan"))
    time = f", {ms:g} ms" if ms == ms else ""  # A model without a clock has no ms.
    yield f"best of all states: {_number(float(attrs['best_score']))}, {attrs['best_area']}{step}{time}"


def _best_of_bins(result: "xr.Dataset") -> list[str]:
    """Return, for every time bin, which state is most like the brain in it."""
    found = []
    for i in range(result.sizes["time_bin"]):
        scores = result["state_score"].isel(time_bin=i)
        if not bool(scores.notnull().any()):
            found.append(_NONE)
            continue
        place = {str(dim): int(index) for dim, index in scores.argmax(...).items()}
        state = scores.isel(place)
        time = float(state["time_ms"])
        when = f"{time:g} ms" if time == time else f"step {int(state['time_step'])}"
        found.append(f"{state['area'].item()} {when} {_number(float(state))}")
    return found


def _span(low: float, high: float) -> str:
    return f"{_number(low)}..{_number(high)}" if low == low else _NONE


def _number(value: float) -> str:
    return f"{value:.3f}" if value == value else _NONE
