"""Spikes in NWB files (Neurodata Without Borders), counted in time bins after each presentation of a stimulus."""

import re
from typing import Any

import numpy as np

from ventralrnn.brains.formats.tables import STIMULUS_COLUMNS
from ventralrnn.brains.own.arrays import Block
from ventralrnn.brains.own.description import Description, Source, Time
from ventralrnn.errors import DataError

_EXAMPLE = "responses: {file: session.nwb, table: trials, stimulus: image, onset: start_time}"
_TIME = "time: {start_ms: 0, end_ms: 300, bin_ms: 10}"
_STIMULUS = (*STIMULUS_COLUMNS, "stimulus_name", "image", "image_name", "image_id")
_ONSET = "start_time"
_AREAS = ("area", "brain_area", "region", "location")
# A trial's start need not be that of the stimulus; such columns say when that was.
_LOOKS_LIKE_ONSET = re.compile(r"onset|(^|_)on(_|$)")


def read_nwb(description: Description, source: Source) -> Block:
    """Count the spikes of every unit in an NWB file.

    Parameters
    ----------
    description : Description
        Its `time` says which bins.
    source : Source
        The file; its `table` is the table of trials or presentations, `stimulus` and `onset` are columns of it.

    Returns
    -------
    Block
        (presentation, time, neuroid), spikes a bin, a bin without its end. Rows without a stimulus or an onset are no
        presentations. NaN where a presentation is not within the unit's ``obs_intervals``, if it has some.

    Raises
    ------
    DataError
        pynwb is not installed; the file cannot be read; or a table, a column or the time is missing.
    """
    try:
        from pynwb import NWBHDF5IO
    except ImportError as error:
        raise DataError(f"{source.file}: reading NWB takes pynwb: pip install pynwb") from error
    if description.axes is not None:
        description.fail("axes", "is not for NWB files, whose tables state them; leave it out", _EXAMPLE)
    starts, ends = _bins(description)
    try:
        with NWBHDF5IO(str(source.file), "r", load_namespaces=True) as opened:
            content = opened.read()
            onsets, names = _presentations(description, source, content)
            if content.units is None or "spike_times" not in content.units.colnames:
                description.fail("responses", f"{source.file.name} has no units with spike times", _EXAMPLE)
            count = len(content.units.id)
            values = np.empty((len(onsets), len(starts), count), np.float32)
            for unit in range(count):
                values[:, :, unit] = _count(content.units, unit, onsets, starts, ends)
            coords = _coords(content, count)
            about = _about(content)
    except (OSError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{source.file}: cannot be read as NWB ({error})") from error
    coords |= {
        "stimulus_id": ("presentation", names),
        "time_start_ms": ("time", starts),
        "time_end_ms": ("time", ends),
    }
    return Block(values, ("presentation", "time", "neuroid"), coords, about)


def _bins(description: Description) -> tuple[np.ndarray, np.ndarray]:
    time = description.time or Time()
    if time.start_ms is None or time.bin_ms is None or time.end_ms is None:
        missing = "start_ms, end_ms and bin_ms" if time.start_ms is None else "end_ms"
        description.fail("time", f"{missing} missing: say in which bins spikes are counted", _TIME)
    step = time.step_ms or time.bin_ms
    count = int((time.end_ms - time.start_ms - time.bin_ms) / step + 1 + 1e-9)
    if count < 1:
        span = f"{time.start_ms:g} to {time.end_ms:g} ms"
        description.fail("time", f"no bin of {time.bin_ms:g} ms fits into {span}", _TIME)
    # Rounded, so that a bin ends exactly where the next begins and no spike is counted twice.
    starts = np.round(time.start_ms + step * np.arange(count), 6)
    return starts, np.round(starts + time.bin_ms, 6)


def _presentations(description: Description, source: Source, content: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return onsets in seconds and names of stimuli."""
    tables = {str(name): table for name, table in (content.intervals or {}).items()}
    tables |= {name: getattr(content, name) for name in ("trials", "epochs") if getattr(content, name) is not None}
    file, known = source.file.name, ", ".join(tables) or "none"
    name = source.table or ("trials" if "trials" in tables else known)
    if name not in tables:
        description.fail("responses", f"{file}: say which table holds the presentations; it has {known}", _EXAMPLE)
    columns = tables[name].colnames
    stimulus = source.stimulus or next((column for column in _STIMULUS if column in columns), None)
    if stimulus not in columns:
        described = f"which column of {name} names the stimuli; it has {', '.join(columns)}"
        description.fail("responses", f"{file}: stimulus: say {described}", _EXAMPLE)
    others = [column for column in columns if _LOOKS_LIKE_ONSET.search(column)]
    if source.onset is None and others:
        described = f"whether {_ONSET} or {' or '.join(others)} is when the stimulus came on"
        description.fail("responses", f"{file}: onset: say {described}", _EXAMPLE)
    onset = source.onset or _ONSET
    if onset not in columns:
        described = f"{name} has no column {onset!r}; it has {', '.join(columns)}"
        description.fail("responses", f"{file}: onset: {described}", _EXAMPLE)
    times = np.asarray(tables[name][onset][:], float)
    names = np.array([_name(value) for value in tables[name][stimulus][:]])
    shown = np.isfinite(times) & (names != "")
    if not shown.any():
        description.fail("responses", f"{file}: {name} has no row with both a stimulus and an onset", _EXAMPLE)
    return times[shown], names[shown]


def _name(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:g}"
    return str(value)


def _count(units: Any, unit: int, onsets: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    spikes = np.sort(np.asarray(units.get_unit_spike_times(unit), float))
    begin, end = onsets[:, None] + starts / 1000, onsets[:, None] + ends / 1000
    counts = (np.searchsorted(spikes, end) - np.searchsorted(spikes, begin)).astype(np.float32)
    if "obs_intervals" in units.colnames:
        observed = np.asarray(units.get_unit_obs_intervals(unit), float).reshape(-1, 2)
        if len(observed):
            within = (begin[:, :1] >= observed[:, 0]) & (end[:, -1:] <= observed[:, 1])
            counts[~within.any(1)] = np.nan
    return counts


def _coords(content: Any, count: int) -> dict[str, tuple[str, np.ndarray]]:
    units = content.units
    coords = {"neuroid_id": ("neuroid", np.array([str(unit) for unit in units.id[:]]))}
    column = next((name for name in _AREAS if name in units.colnames), None)
    if column is not None:
        coords["area"] = ("neuroid", np.array([_name(value) for value in units[column][:]]))
    elif "electrodes" in units.colnames:
        places = [units["electrodes"][unit]["location"] for unit in range(count)]
        coords["area"] = ("neuroid", np.array([str(place.iloc[0]) if len(place) else "" for place in places]))
    subject = getattr(content.subject, "subject_id", None)
    if subject:
        coords["subject"] = ("neuroid", np.array([str(subject)] * count))
    return coords


def _about(content: Any) -> dict[str, str]:
    publications = content.related_publications
    cited = "; ".join(map(str, publications)) if publications is not None and not isinstance(publications, str) else ""
    stated = {"description": content.session_description, "citation": cited or publications}
    return {"units": "spikes a bin", **{key: str(value) for key, value in stated.items() if value}}
