"""Responses of brains in one shape, whatever they were read from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.errors import DataError

#: Dimensions of responses, in order.
DIMS = ("repeat", "stimulus", "time", "neuroid")


def make_responses(
    values: np.ndarray,
    stimulus_id: Sequence[str],
    *,
    time_start_ms: Sequence[float] | np.ndarray | None = None,
    time_end_ms: Sequence[float] | np.ndarray | None = None,
    time_ms: Sequence[float] | np.ndarray | None = None,
    neuroid_id: Sequence[str] | np.ndarray | None = None,
    area: Sequence[str] | np.ndarray | None = None,
    subject: Sequence[str] | np.ndarray | None = None,
    coords: Mapping[str, Any] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Put responses into the shape in which all analyses of brains take them.

    Parameters
    ----------
    values : numpy.ndarray, (repeat, stimulus, time, neuroid)
        NaN for a repeat that there is not.
    stimulus_id : sequence of str, (stimulus,)
        Names of the stimuli, each once.
    time_start_ms, time_end_ms : sequence of float, (time,), optional
        Begin and end of every bin, in ms after stimulus onset.
    time_ms : sequence of float, (time,), optional
        Centre of every bin; by default halfway between begin and end, NaN where neither is known.
    neuroid_id : sequence of str, (neuroid,), optional
        Names of the neurons, channels or voxels, each once; numbers by default.
    area, subject : sequence of str, (neuroid,), optional
        Where each was recorded, and in whom.
    coords : mapping, optional
        More coordinates, as :class:`xarray.DataArray` takes them.
    attrs : mapping, optional
        Attributes, such as licence and citation.

    Returns
    -------
    xarray.DataArray of float32 or float64, (repeat, stimulus, time, neuroid)
        Coordinates ``repeat``; ``stimulus_id`` (stimulus); ``time_step``, ``time_ms`` and, where known,
        ``time_start_ms``, ``time_end_ms`` (time); ``neuroid_id`` and, where known, ``area``, ``subject`` (neuroid).
        Its name is the area, where there is one.

    Raises
    ------
    DataError
        If sizes do not fit, or a name occurs twice.
    """
    if values.ndim != len(DIMS):
        raise DataError(f"responses: shape {values.shape}; give ({', '.join(DIMS)})")
    values = values.astype(np.float32 if values.dtype.itemsize < 4 else np.promote_types(values.dtype, np.float32))
    repeats, _, times, neuroids = values.shape
    names = np.arange(neuroids).astype(str) if neuroid_id is None else neuroid_id
    if time_ms is None:
        known = time_start_ms is not None and time_end_ms is not None
        time_ms = (np.asarray(time_start_ms) + np.asarray(time_end_ms)) / 2 if known else np.full(times, np.nan)
    given = {
        "stimulus_id": ("stimulus", stimulus_id),
        "time_ms": ("time", time_ms),
        "time_start_ms": ("time", time_start_ms),
        "time_end_ms": ("time", time_end_ms),
        "neuroid_id": ("neuroid", names),
        "area": ("neuroid", area),
        "subject": ("neuroid", subject),
    }
    found: dict[str, Any] = {"repeat": np.arange(repeats), "time_step": ("time", np.arange(times))}
    for name, (dim, entries) in given.items():
        if entries is not None:
            found[name] = (dim, _checked(entries, name, dim, values.shape[DIMS.index(dim)]))
    areas = np.unique(found["area"][1]) if "area" in found else []
    name = str(areas[0]) if len(areas) == 1 else "responses"
    return xr.DataArray(values, {**found, **(coords or {})}, DIMS, name, {**(attrs or {}), "unreached_steps": []})


def _checked(entries: Sequence[Any] | np.ndarray, name: str, dim: str, size: int) -> np.ndarray:
    array = np.asarray(entries, float) if name.startswith("time") else np.array([str(entry) for entry in entries])
    if array.shape != (size,):
        raise DataError(f"{name}: {array.size} for an axis {dim} of {size}")
    if name in ("stimulus_id", "neuroid_id"):
        unique, counts = np.unique(array, return_counts=True)
        if (counts > 1).any():
            raise DataError(f"{name}: {str(unique[counts > 1][0])!r} occurs twice; give each its own name")
    return array
