"""What a user should see of responses before analysing them."""

from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.analysis.reliability import split_half_reliability
from ventralrnn.errors import DataError

_DIMS = ("repeat", "stimulus", "time", "neuroid")
_SPLITS = 20


def summarise(responses: xr.DataArray) -> dict[str, Any]:
    """Return what responses hold, and what is strange about them.

    Parameters
    ----------
    responses : xarray.DataArray, (repeat, stimulus, time, neuroid)
        As :func:`ventralrnn.brains.load_responses` returns them.

    Returns
    -------
    dict
        ``sizes``; ``stimulus_id``; ``repeats``, the fewest and the most of a stimulus; ``time_ms``; ``bin_ms``;
        ``areas`` and ``subjects``, how many neuroids each has; ``range``, the smallest and the largest value;
        ``reliability``, median over neuroids at every time, or None where a stimulus has fewer than two repeats;
        ``notes``, one sentence each; and the attributes.

    Raises
    ------
    DataError
        If they are no responses of a brain.
    """
    if responses.dims != _DIMS:
        raise DataError(f"{responses.attrs.get('name', responses.name)}: holds no responses ({', '.join(_DIMS)})")
    values = responses.values
    there = ~np.isnan(values)
    repeats = there.any((2, 3)).sum(0)
    return {
        "sizes": {str(name): size for name, size in responses.sizes.items()},
        "stimulus_id": responses["stimulus_id"].values.tolist(),
        "repeats": [int(repeats.min()), int(repeats.max())],
        "time_ms": [float(ms) for ms in responses["time_ms"].values] if responses["time_ms"].notnull().all() else None,
        "bin_ms": _widths(responses),
        "areas": _counts(responses, "area"),
        "subjects": _counts(responses, "subject"),
        "range": [float(np.nanmin(values)), float(np.nanmax(values))],
        "reliability": _reliability(responses, there),
        "notes": _notes(responses, there, repeats),
        "attrs": {k: v for k, v in responses.attrs.items() if isinstance(v, str) and v},
    }


def _widths(responses: xr.DataArray) -> list[float] | None:
    if not {"time_start_ms", "time_end_ms"} <= set(responses.coords):
        stated = responses.attrs.get("bin_ms")
        return None if stated is None else [float(stated)]
    return sorted({round(float(ms), 6) for ms in responses["time_end_ms"].values - responses["time_start_ms"].values})


def _counts(responses: xr.DataArray, name: str) -> dict[str, int]:
    if name not in responses.coords:
        return {}
    found, counts = np.unique(responses[name].values, return_counts=True)
    return {str(value): int(count) for value, count in zip(found, counts, strict=True)}


def _reliability(responses: xr.DataArray, there: np.ndarray) -> list[float] | None:
    if there.sum(0).min() < 2:
        return None
    found = split_half_reliability(responses, _SPLITS)["reliability"].values
    known = ~np.isnan(found)
    return [float(np.median(row[ok])) if ok.any() else float("nan") for row, ok in zip(found, known, strict=True)]


def _notes(responses: xr.DataArray, there: np.ndarray, repeats: np.ndarray) -> list[str]:
    notes = []
    means = np.where(there, responses.values, 0).sum(0) / np.maximum(there.sum(0), 1)
    still = np.flatnonzero(np.ptp(means, axis=0).max(0) == 0)
    if len(still):
        first = str(responses["neuroid_id"].values[still[0]])
        notes.append(f"{len(still)} neuroids respond alike to all stimuli, such as {first}.")
    some = there.any(0)
    if not some.all():
        share = 100 * (1 - some.mean())
        notes.append(f"{share:.2g} % of (stimulus, time, neuroid) have no response at all; analyses may refuse them.")
    elif (there != there.any((2, 3), keepdims=True)).any():
        notes.append("Some repeats are missing for some neuroids only; crossnobis distances cannot be computed.")
    if repeats.min() < 2 <= repeats.max():
        notes.append(f"{int((repeats < 2).sum())} stimuli were shown once, so that reliability is not known.")
    if responses["time_ms"].isnull().any():
        notes.append("When after stimulus onset the responses were measured is not stated (time:).")
    return notes
