"""Recordings as Brain-Score assemblies."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.errors import RecordingError


def to_assembly(recording: Mapping[str, xr.DataArray], areas: Sequence[str]) -> Any:
    """Return areas of a recording as a NeuroidAssembly.

    Parameters
    ----------
    recording : Recording
        With a clock: times are its ``time_ms``.
    areas : sequence of str
        Areas to hold; they are read into memory.

    Returns
    -------
    brainscore_core NeuroidAssembly, (presentation, neuroid, time_bin)
        Time bins are as long as a step and start at each state's time, in ms; they are the union over areas, NaN where
        an area holds no state in a bin. Neuroids carry neuroid_id, region, channel, y, x.

    Raises
    ------
    RecordingError
        If Brain-Score is not installed, or the recording has no clock.
    """
    try:
        from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
    except ImportError:
        raise RecordingError("Brain-Score is not installed: pip install 'ventralrnn[brainscore]'") from None
    arrays = {area: recording[area] for area in areas}
    times = sorted({float(t) for array in arrays.values() for t in array.time_ms.values})
    if not all(np.isfinite(times)):
        raise RecordingError("the recorded model has no clock, so its steps have no time bins: use the arrays instead")
    starts = np.array(times)
    ends = starts + _step_length(recording, times)
    if (np.stack([starts, ends]) % 1 == 0).all():  # Brain-Score's bins are whole milliseconds, and chosen as such
        starts, ends = starts.astype(int), ends.astype(int)
    first = next(iter(arrays.values()))
    parts = []
    for array in arrays.values():
        # (presentation, neuroid, time_bin), steps put where their times are
        part = np.full((array.sizes["stimulus"], array.sizes["neuroid"], len(times)), np.nan, array.dtype)
        part[:, :, np.searchsorted(times, array.time_ms.values)] = array.transpose("stimulus", "neuroid", "time").values
        parts.append(part)
    regions = np.repeat(list(arrays), [array.sizes["neuroid"] for array in arrays.values()])
    place = {c: np.concatenate([array[c].values for array in arrays.values()]) for c in ("channel", "y", "x")}
    ids = [
        f"{region}.{c}.{y}.{x}"
        for region, c, y, x in zip(regions, place["channel"], place["y"], place["x"], strict=True)
    ]
    presentation = {
        name: ("presentation", first[name].values) for name in ("stimulus_id", "label") if name in first.coords
    }
    return NeuroidAssembly(
        np.concatenate(parts, axis=1),
        coords={
            **presentation,
            # A level of its own keeps the dimension a MultiIndex, which assemblies expect, if there are no labels.
            "presentation_number": ("presentation", np.arange(first.sizes["stimulus"])),
            "neuroid_id": ("neuroid", ids),
            "region": ("neuroid", regions),
            **{name: ("neuroid", values) for name, values in place.items()},
            "time_bin_start": ("time_bin", starts),
            "time_bin_end": ("time_bin", ends),
        },
        dims=["presentation", "neuroid", "time_bin"],
    )


def _step_length(recording: Any, times: Sequence[float]) -> float:
    clock = recording.attrs["model_details"].get("specification", {}).get("clock") or recording.attrs["clock"]
    return float(clock["ms_per_step"]) if clock else float(np.diff(times).min(initial=np.inf))
