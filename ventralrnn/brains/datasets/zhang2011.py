"""Spikes of single units, counted in time bins."""

from pathlib import Path

import numpy as np
import xarray as xr

from ventralrnn.brains.responses.shape import make_responses
from ventralrnn.errors import AnalysisError, DataError
from ventralrnn.stimuli import cache, registry

#: Data sets of spikes.
SPIKES = ("zhang2011",)
# Sample 501, counted from 1, is stimulus onset; samples are 1 ms.
_ONSET = 500


def load_spikes(
    name: str = "zhang2011",
    *,
    bin_ms: int = 50,
    step_ms: int | None = None,
    window_ms: tuple[int, int] = (-500, 500),
) -> xr.DataArray:
    """Return how often each unit fires in each time bin of each trial. Nothing is downloaded.

    Parameters
    ----------
    name : str
        ``'zhang2011'``: macaque inferior temporal cortex, 132 units, 7 objects at 3 positions, 20 trials each [1]_.
    bin_ms : int
        Width of a bin, in ms.
    step_ms : int, optional
        From the begin of a bin to that of the next, in ms; by default `bin_ms`. With less, bins overlap.
    window_ms : (int, int)
        The first bin begins at the first, and none ends after the second, in ms after stimulus onset.

    Returns
    -------
    xarray.DataArray of float32, (repeat, stimulus, time, neuroid)
        Spike counts; NaN for a trial that there is not (seven units have 19 of one condition). ``stimulus_id``,
        ``object``, ``position`` (stimulus); ``time_step``, ``time_ms``, the centre of the bin, ``time_start_ms``,
        ``time_end_ms`` (time); ``neuroid_id`` and the same as ``unit``, ``session``, ``area`` (neuroid). Units of
        different sessions were not recorded at once: trials of the same number have nothing in common but the
        stimulus. Licence and citation are among the attributes.

    Raises
    ------
    DataError
        There is no such data set; it is not here, and how to get it; or it is not what its hash promises.
    AnalysisError
        No bin fits into the recording.

    References
    ----------
    .. [1] Zhang, Meyers, Bichot, Serre, Poggio & Desimone 2011, Object decoding with attention in inferior temporal
       cortex, PNAS 108:8850.

    Examples
    --------
    >>> from ventralrnn.brains import load_spikes
    >>> load_spikes("zhang2011", bin_ms=100, window_ms=(0, 300)).shape  # doctest: +SKIP
    """
    if name not in SPIKES:
        raise DataError(f"{name}: no data set of spikes; there is {', '.join(SPIKES)}")
    starts = _starts(bin_ms, bin_ms if step_ms is None else step_ms, window_ms)
    data, folder = registry.data_set(name), cache.path(name)
    files = [folder / file.path for file in data.files]
    units = [_read_unit(file) for file in files]
    stimuli = sorted({label for _, labels in units for label in labels})
    repeats = max(labels.count(label) for _, labels in units for label in stimuli)
    values = np.full((repeats, len(stimuli), len(starts), len(units)), np.nan, np.float32)
    for unit, (spikes, labels) in enumerate(units):
        counts = _count(spikes, starts, bin_ms)
        of = np.array(labels)
        for position, label in enumerate(stimuli):
            trials = counts[of == label]
            values[: len(trials), position, :, unit] = trials
    names = [file.name.removesuffix("_raster_data.mat") for file in files]
    coords = {
        "object": ("stimulus", [label.partition("_")[0] for label in stimuli]),
        "position": ("stimulus", [label.partition("_")[2] for label in stimuli]),
        "unit": ("neuroid", names),
        "session": ("neuroid", [unit.partition("spk")[0] for unit in names]),
    }
    attrs = {
        "name": name,
        "bin_ms": float(bin_ms),
        "units": "spikes a bin",
        "licence": data.licence,
        "citation": data.citation,
    }
    return make_responses(
        values,
        stimuli,
        time_start_ms=starts,
        time_end_ms=starts + bin_ms,
        neuroid_id=names,
        area=["IT"] * len(names),
        coords=coords,
        attrs=attrs,
    )


def _starts(bin_ms: int, step_ms: int, window_ms: tuple[int, int]) -> np.ndarray:
    for value, name in ((bin_ms, "bin_ms"), (step_ms, "step_ms"), *((edge, "window_ms") for edge in window_ms)):
        if value != int(value) or (value < 1 and name != "window_ms"):
            raise AnalysisError(f"{name}: {value} is no whole number of ms; spikes are known to 1 ms")
    first, last = window_ms
    if first < -_ONSET or last > _ONSET or last - first < bin_ms:
        raise AnalysisError(
            f"window_ms: {window_ms} with bins of {bin_ms} ms; the recording is from {-_ONSET} to {_ONSET} ms"
        )
    return np.arange(first, last - bin_ms + 1, step_ms)


def _read_unit(file: Path) -> tuple[np.ndarray, list[str]]:
    """Return spikes (trial, ms) and the condition of every trial."""
    from scipy.io import loadmat

    try:
        content = loadmat(file, squeeze_me=True, variable_names=["raster_data", "raster_labels"])
        labels = content["raster_labels"]["combined_ID_position"].item()
    except (KeyError, ValueError, OSError) as error:
        raise DataError(f"{file}: the spikes cannot be read ({error})") from error
    return content["raster_data"], [str(label) for label in labels]


def _count(spikes: np.ndarray, starts: np.ndarray, bin_ms: int) -> np.ndarray:
    """Count spikes (trial, ms) in bins, (trial, time)."""
    until = np.concatenate([np.zeros((len(spikes), 1), int), spikes.cumsum(1, dtype=int)], 1)
    begin = starts.astype(int) + _ONSET
    return until[:, begin + int(bin_ms)] - until[:, begin]
