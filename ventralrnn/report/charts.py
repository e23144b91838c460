"""What the page's charts are made of: lines over an axis, matrices, and rows of marks with their intervals."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.report.encode import plain

Chart = dict[str, Any]
_COLUMNS = 200
#: Those of the figures in hue and marker, and of enough contrast on the page (report.css).
_AREAS = {"V1": 0, "EVC": 0, "V2": 1, "V4": 2, "IT": 3}


def has_clock(result: Any) -> bool:
    """Whether every state has a time in ms."""
    return "time_ms" in result.coords and bool(np.isfinite(result["time_ms"].values).all())


def model_times(one: Any, clock: bool) -> np.ndarray:
    """Return the times (ms) of one area's states, or their steps where the model has no clock."""
    name = "time_ms" if clock else "time_step"
    if name in one.coords:
        return np.asarray(one[name].values, float)
    return np.arange(one.sizes["time"], dtype=float)


def time_axis(clock: bool) -> dict[str, str]:
    """Return what the axis of a model's time says."""
    return {"label": "time after stimulus onset", "unit": "ms"} if clock else {"label": "time step", "unit": ""}


def brain_axis(result: xr.Dataset) -> tuple[np.ndarray, dict[str, str]]:
    """Return the times of a brain, and what their axis says."""
    if "brain_time_ms" in result.coords:
        return np.asarray(result["brain_time_ms"].values, float), {"label": "brain time", "unit": "ms"}
    return np.arange(result.sizes["brain_time"], dtype=float), {"label": "brain time", "unit": "bins"}


def before(times: np.ndarray, reached: np.ndarray) -> list[list[float]]:
    """Return the spans of time in which states do not exist.

    Parameters
    ----------
    times : numpy.ndarray, (time,)
        Ascending.
    reached : numpy.ndarray of bool, (time,)
        Whether there is a state.

    Returns
    -------
    list of [from, to]
        Half a step is counted to each side.
    """
    if len(times) < 2:
        return []
    half = float(np.diff(times).min()) / 2
    spans: list[list[float]] = []
    for time, there in zip(times, reached, strict=True):
        if there:
            continue
        if spans and abs(spans[-1][1] - (time - half)) < half:
            spans[-1][1] = float(time + half)
        else:
            spans.append([float(time - half), float(time + half)])
    return spans


def line(
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    bounds: Sequence[np.ndarray | None] = (None, None),
    colour: int = 0,
) -> dict[str, Any]:
    """Return one line of a panel, with its interval; NaN is a gap."""
    found: dict[str, Any] = {"name": name, "x": plain(x), "y": plain(y), "colour": colour}
    low, high = bounds
    if low is not None and high is not None and np.isfinite(low).any():
        found |= {"low": plain(low), "high": plain(high)}
    return found


def area_names(result: Any) -> list[str]:
    """Return the names of the areas of a result."""
    return [str(area) for area in result["area"].values]


def area_colours(names: Iterable[str]) -> dict[str, int]:
    """Return which colour and marker each area has: V1, V2, V4 and IT always the same, others what is left."""
    found, others = {}, 0
    for name in names:
        found[name] = _AREAS.get(name, len(set(_AREAS.values())) + others)
        others += name not in _AREAS
    return found


def by_area(result: xr.Dataset, name: str, title: str, clock: bool, low: str = "", high: str = "") -> dict[str, Any]:
    """Return a panel of :func:`lines` with a line an area; `low` and `high` name the ends of its interval."""
    series = []
    for area, colour in area_colours(area_names(result)).items():
        one = result.sel(area=area)
        bounds = [one[n].values if n in one else None for n in (low, high)]
        series.append(line(area, model_times(one, clock), one[name].values, bounds, colour))
    return {"title": title, "series": series}


def lines(
    title: str,
    panels: Sequence[dict[str, Any]],
    x: dict[str, str],
    y: dict[str, Any],
    note: str = "",
    *,
    share: bool = True,
) -> Chart:
    """Return a chart of lines.

    Parameters
    ----------
    title : str
        Its heading.
    panels : sequence of dict
        Each with ``title``, ``series`` (of :func:`line`), and where there are such ``ceiling`` (x, low, high), ``rule``
        (value, name) and ``unreached`` (of :func:`before`); and its own ``y`` where it differs.
    x, y : dict
        ``label`` and ``unit``; ``zero`` of y: whether the axis holds zero.
    note : str
        Below it.
    share : bool
        Whether all panels have the same y axis.
    """
    return {"kind": "lines", "title": title, "panels": list(panels), "x": x, "y": y, "note": note, "share": share}


def ceiling(
    x: np.ndarray, low: Any, high: Any, name: str = "noise ceiling", sound: Any = True
) -> dict[str, Any] | None:
    """Return the band that noise leaves a perfect model, None where it is not known; paler where it is not `sound`."""
    lower, upper = (np.broadcast_to(np.asarray(bound, float), np.shape(x)) for bound in (low, high))
    if not np.isfinite(upper).any():
        return None
    lower = np.where(np.isfinite(lower), lower, upper)
    return {"x": plain(x), "low": plain(lower), "high": plain(upper), "name": name} | {
        "sound": np.broadcast_to(np.asarray(sound, bool), np.shape(x)).tolist()
    }


def matrix(
    title: str,
    panels: Sequence[dict[str, Any]],
    x: dict[str, str],
    y: dict[str, str],
    z: dict[str, Any],
    note: str = "",
) -> Chart:
    """Return a chart of matrices; each panel has ``title``, ``x``, ``y``, ``values`` and ``outlined`` (y, x)."""
    found = list(panels)
    if not z.get("diverging"):
        every = [v for panel in found for row in panel["values"] for v in row if v is not None]
        z = {**z, "low": min(every, default=0.0), "high": max(every, default=1.0)}
    else:
        every = [abs(v) for panel in found for row in panel["values"] for v in row if v is not None]
        z = {**z, "low": -max(every, default=1.0), "high": max(every, default=1.0)}
    return {"kind": "matrix", "title": title, "panels": found, "x": x, "y": y, "z": z, "note": note}


def columns(count: int) -> tuple[np.ndarray, str]:
    """Return which of many times a matrix shows, and what is to be said about it."""
    if count <= _COLUMNS:
        return np.arange(count), ""
    kept = np.linspace(0, count - 1, _COLUMNS).round().astype(int)
    return kept, f" {_COLUMNS} of {count} brain times are shown, evenly spread."


def mark(name: str, value: Any, low: Any = np.nan, high: Any = np.nan, *, open_end: bool = False) -> dict[str, Any]:
    """Return one mark of a row: a value with its interval; with `open_end` what was seen is at least the value."""
    return {"name": name, "value": plain(value), "low": plain(low), "high": plain(high), "open": open_end}


def rows(title: str, panels: Sequence[dict[str, Any]], x: dict[str, Any], note: str = "") -> Chart:
    """Return a chart of rows; panels have ``title``, ``rows`` (name, marks, colour), maybe ``ceiling`` (low, high)."""
    return {"kind": "rows", "title": title, "panels": list(panels), "x": x, "note": note}


def table(title: str, head: Sequence[str], body: Sequence[Sequence[str]], note: str = "") -> Chart:
    """Return a table of text."""
    return {"kind": "table", "title": title, "head": list(head), "body": [list(row) for row in body], "note": note}
