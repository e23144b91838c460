"""A recording on disk: started, continued, finished. It gets its final name only when it is whole."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ventralrnn.errors import RecordingError
from ventralrnn.recording.journal import Journal
from ventralrnn.recording.layout import AreaLayout
from ventralrnn.recording.writer import chunk_path

_JOURNAL = "journal.jsonl"


class OtherRecordingError(RecordingError):
    """What is there was made from something else than what is asked for."""


def partial_path(out: Path) -> Path:
    """Return where a recording lies until it is whole."""
    return out.with_name(out.name + ".partial")


def open_partial(out: Path, header: Mapping[str, Any], resume: bool) -> Journal | None:
    """Start or continue a recording.

    Parameters
    ----------
    out : pathlib.Path
        The recording's final name.
    header : mapping
        What identifies the extraction.
    resume : bool
        Continue what is there; without it, nothing may be there.

    Returns
    -------
    Journal or None
        The journal; None if everything was written and only the final name was missing.

    Raises
    ------
    RecordingError
        If something is there and ``resume`` is off, or belongs to another extraction.
    """
    folder = partial_path(out)
    if resume and not (folder / _JOURNAL).exists() and (folder / "zarr.json").exists():
        folder.rename(out)
        return None
    try:
        folder.mkdir(parents=True, exist_ok=resume)
    except FileExistsError:
        raise RecordingError(
            f"{folder}: an unfinished recording is there: continue it with resume=True, or remove it"
        ) from None
    try:
        journal = Journal(folder / _JOURNAL, header, resume)
    except OSError:  # a full disk: what could not even begin shall not stay in the way
        if not resume:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        check_same(journal.header, header, str(folder))
    except RecordingError:
        journal.close()
        raise
    return journal


def check_same(before: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    """Refuse to continue a recording made from something else, naming the differences.

    Raises
    ------
    OtherRecordingError
        Names the differences: the model, its weights, the stimuli, the preprocessing, what is recorded.
    """
    differences = _differences(before.get("identity", {}), now["identity"])
    if differences:
        more = f"; and {len(differences) - 5} more differences" if len(differences) > 5 else ""
        raise OtherRecordingError(
            f"{where} was made from something else, so it cannot be continued: {'; '.join(differences[:5])}{more} "
            "(give another name for `out`, or remove it)"
        )


def _differences(before: Any, now: Any, path: str = "") -> list[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = [*now, *(key for key in before if key not in now)]
        return [d for k in keys for d in _differences(before.get(k), now.get(k), f"{path}.{k}" if path else str(k))]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [d for i, pair in enumerate(zip(before, now, strict=True)) for d in _differences(*pair, f"{path}[{i}]")]
    return [] if before == now else [f"{path} was {_short(before)}, is {_short(now)}"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def check_space(folder: Path, layouts: Sequence[AreaLayout], done_rows: int) -> None:
    """Refuse to start what the disk cannot hold.

    Raises
    ------
    RecordingError
        Says what is needed, what is free, and what makes it smaller.
    """
    needed = sum(layout.stimulus_bytes * (layout.padded_rows - done_rows) for layout in layouts)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise RecordingError(
            f"{folder}: the recording needs {_readable(needed)} and {_readable(free)} are free: record fewer areas or "
            "steps, pool='mean', dtype='float16', or another disk"
        )


def _readable(size: int) -> str:
    """Write a number of bytes in the unit that suits it."""
    units = ("bytes", "kB", "MB", "GB", "TB")
    power = min((len(str(size)) - 1) // 3, len(units) - 1)
    return f"{size / 1000**power:.4g} {units[power]}"


def finish(
    out: Path,
    journal: Journal,
    layouts: Sequence[AreaLayout],
    attributes: Mapping[str, Any],
    labels: Sequence[str] | None,
    ids: Sequence[str],
) -> None:
    """Write the metadata and coordinates, and give the recording its final name.

    Parameters
    ----------
    out : pathlib.Path
        The final name.
    journal : Journal
        With every batch.
    layouts : sequence of AreaLayout
        The areas.
    attributes : mapping
        Of the whole recording.
    labels : sequence of str or None
        Of all stimuli of the set.
    ids : sequence of str
        Of all stimuli of the set.
    """
    import zarr

    folder = partial_path(out)
    _clear(folder, layouts)
    chosen = [index for entry in journal.entries for index in entry.indices]
    bad = [list(item) for entry in journal.entries for item in entry.bad]
    per_stimulus = {
        "stimulus_id": np.array([ids[i] for i in chosen], dtype=object),
        "stimulus_digest": np.array([d for entry in journal.entries for d in entry.digests], dtype=object),
    }
    if labels is not None:
        per_stimulus["label"] = np.array([labels[i] for i in chosen], dtype=object)
    root = zarr.open_group(folder, mode="a", zarr_format=3)
    root.attrs.put({**attributes, "areas": [layout.name for layout in layouts], "skipped_stimuli": bad})
    for layout in layouts:
        _finish_area(root, folder, layout, len(chosen), per_stimulus)
    journal.path.unlink()
    os.replace(folder, out)
    journal.close()


def _clear(folder: Path, layouts: Sequence[AreaLayout]) -> None:
    """Remove all but states and journal: what a kill while the recording was being finished left half-made."""
    kept = {folder: {_JOURNAL, *(layout.name for layout in layouts)}}
    for layout in layouts:
        kept |= {folder / layout.name: {"activations"}, folder / layout.name / "activations": {"c"}}
    for parent, names in kept.items():
        for item in parent.iterdir() if parent.is_dir() else ():
            if item.name not in names:
                shutil.rmtree(item) if item.is_dir() else item.unlink()


def _finish_area(
    root: Any, folder: Path, layout: AreaLayout, rows: int, per_stimulus: Mapping[str, np.ndarray]
) -> None:
    group = root.create_group(layout.name, attributes={"unreached_steps": list(layout.unreached)})
    group.create_array(
        "activations",
        shape=(rows, len(layout.steps), layout.neuroids),
        chunks=(layout.chunk_rows, 1, layout.neuroids),
        dtype=layout.dtype,
        compressors=None,
        filters=None,
        fill_value=float("nan"),
        dimension_names=("stimulus", "time", "neuroid"),
    )
    _pad_last_chunk(folder, layout, rows)
    for name, values in per_stimulus.items():
        _coordinate(group, name, values, "stimulus")
    _coordinate(group, "time_step", np.array(layout.steps, np.int32), "time")
    _coordinate(group, "time_ms", np.array(layout.time_ms, np.float64), "time", units="ms")
    for name, values in layout.neuroid_coordinates().items():
        _coordinate(group, name, values, "neuroid")


def _coordinate(group: Any, name: str, values: np.ndarray, dimension: str, **attributes: str) -> None:
    dtype = str if values.dtype == object else values.dtype
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=dtype,
        chunks=values.shape,
        compressors=None,
        dimension_names=(dimension,),
        attributes=attributes,
    )
    array[:] = values


def _pad_last_chunk(folder: Path, layout: AreaLayout, rows: int) -> None:
    """Fill the last chunk up with NaN: the format wants whole chunks."""
    used = rows % layout.chunk_rows
    if not used:
        return
    for index, step in enumerate(layout.steps):
        if step not in layout.unreached:
            filler = np.full((layout.chunk_rows - used, layout.neuroids), np.nan, layout.dtype)
            with open(chunk_path(folder, layout.name, rows // layout.chunk_rows, index), "r+b") as file:
                file.seek(used * layout.row_bytes)
                file.write(filler.tobytes())
