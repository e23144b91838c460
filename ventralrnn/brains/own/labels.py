"""What a user's own stimuli, time bins and neuroids are called."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ventralrnn.brains.formats.tables import read_list, read_table, stimulus_column, to_coordinate, to_numbers
from ventralrnn.brains.own.arrays import Block
from ventralrnn.brains.own.description import Description, Source
from ventralrnn.errors import DataError
from ventralrnn.stimuli import load_stimuli
from ventralrnn.stimuli.lists import DEGREES_COLUMNS, PATH_COLUMNS

_STARTS, _ENDS = ("start_ms", "time_start_ms"), ("end_ms", "time_end_ms")
_CENTRES = ("time_ms", "ms", "centre_ms")


class StimulusTable(NamedTuple):
    """Names of the stimuli, what else is known of each, and where their pictures are, if there are some."""

    ids: list[str]
    coords: dict[str, np.ndarray]
    source: str


def mismatch(what: str, axis: str, count: int, block: Block, source: Source) -> str:
    """Return the problem that something has another number than an axis, and a guess why."""
    sizes = dict(zip(block.axes, block.values.shape, strict=True))
    said = f"{what}, and axis {axis} of {source.file.name} has {sizes.get(axis, 1)}"
    said += f" ({', '.join(f'{name} {size}' for name, size in sizes.items())})"
    other = next((name for name, size in sizes.items() if size == count and name != axis), None)
    return f"{said}; axis {other} has {count}: are the axes in the right order?" if other else said


def stimulus_names(description: Description, blocks: Sequence[Block], shown: list[list[str] | None]) -> StimulusTable:
    """Return the stimuli in the order of the result.

    Parameters
    ----------
    description : Description
        Says which they are, or leaves it to the files.
    blocks : sequence of Block
        The responses.
    shown : list of (list of str or None)
        Of each block the names along its axis of stimuli or presentations, where known.

    Returns
    -------
    StimulusTable
        As stated; else as the files name them, sorted where they are presentations.

    Raises
    ------
    DataError
        Neither states them.
    """
    if description.stimuli is not None:
        return _stated(description.stimuli)
    known = [(block, names) for block, names in zip(blocks, shown, strict=True) if names is not None]
    if not known:
        sizes = dict(zip(blocks[0].axes, blocks[0].values.shape, strict=True))
        description.fail("stimuli", f"is missing: say which the {sizes['stimulus']} stimuli are, in order")
    if any("presentation" in block.axes for block, _ in known):
        return StimulusTable(sorted({name for _, names in known for name in names}), {}, "")
    block, names = known[0]
    coords = {n: v for n, (axis, v) in block.coords.items() if axis == "stimulus" and n != "stimulus_id"}
    return StimulusTable(names, coords, block.about.get("stimuli", ""))


def _stated(stimuli: Path | str | tuple[str, ...]) -> StimulusTable:
    if isinstance(stimuli, tuple):
        return StimulusTable(list(stimuli), {}, "")
    if isinstance(stimuli, Path) and stimuli.is_file():
        if stimuli.suffix.lower() != ".csv":
            return StimulusTable(read_list(stimuli), {}, "")
        table = read_table(stimuli)
        column = stimulus_column(table)
        if column is None:
            raise DataError(f"{stimuli}: no column stimulus_id (or path); it has {', '.join(table)}")
        left_out = (column, *PATH_COLUMNS, *DEGREES_COLUMNS)
        coords = {name: to_coordinate(values) for name, values in table.items() if name not in left_out}
        if not set(PATH_COLUMNS) & set(table):
            return StimulusTable(table[column], coords, "")
    else:
        coords = {}
    found = load_stimuli(stimuli)
    if found.labels is not None:
        coords["label"] = np.array(found.labels)
    return StimulusTable(list(found.ids), coords, str(stimuli))


def presentation_names(description: Description, source: Source, block: Block) -> list[str] | None:
    """Return the name of every stimulus or presentation of a block, where they are known.

    Raises
    ------
    DataError
        Presentations without names, or with too few or too many.
    """
    axis = "presentation" if "presentation" in block.axes else "stimulus"
    if "stimulus_id" in block.coords:
        return [str(name) for name in block.coords["stimulus_id"][1]]
    if axis == "stimulus":
        return None
    count = block.values.shape[block.axes.index(axis)]
    if description.presentations is None:
        problem = f"is missing: say which stimulus each of the {count} presentations of {source.file.name} showed"
        description.fail("presentations", problem)
    names = _read_presentations(description.presentations)
    if len(names) != count:
        what = f"{len(names)} names of stimuli"
        description.fail("presentations", mismatch(what, axis, len(names), block, source))
    return names


def _read_presentations(presentations: Path | tuple[str, ...]) -> list[str]:
    if isinstance(presentations, tuple):
        return list(presentations)
    if presentations.suffix.lower() != ".csv":
        return read_list(presentations)
    table = read_table(presentations)
    column = stimulus_column(table)
    if column is None:
        raise DataError(f"{presentations}: no column stimulus_id, one row a presentation; it has {', '.join(table)}")
    return table[column]


def positions(description: Description, names: list[str], stimuli: StimulusTable, source: Source) -> np.ndarray:
    """Return where the named stimuli stand among all.

    Raises
    ------
    DataError
        A name is none of them, or a stimulus has no name here.
    """
    place = {stimulus: i for i, stimulus in enumerate(stimuli.ids)}
    for name in names:
        if name not in place:
            lower = {stimulus.lower(): stimulus for stimulus in place}
            near = difflib.get_close_matches(name.lower(), lower, n=1)
            guess = (
                f"did you mean {lower[near[0]]!r}?" if near else f"they are {stimuli.ids[0]!r} to {stimuli.ids[-1]!r}"
            )
            hint = "; a CSV list with columns path and stimulus_id gives pictures the names of the responses"
            problem = f"{source.file.name} has responses to {name!r}, which is none of them; {guess}{hint}"
            description.fail("stimuli", problem, "stimuli: stimuli.csv")
    if missing := [stimulus for stimulus in stimuli.ids if stimulus not in set(names)]:
        problem = f"{len(missing)} of {len(place)} have no response in {source.file.name}, such as {missing[0]!r}"
        description.fail("stimuli", f"{problem}; list those that were shown", "stimuli: shown.csv")
    return np.array([place[name] for name in names])


def bins(description: Description, blocks: Sequence[Block], count: int) -> dict[str, np.ndarray]:
    """Return begin, end and centre of the time bins in ms, those of them that are known.

    Parameters
    ----------
    description : Description
        Its `time` goes before what files say.
    blocks : sequence of Block
        The responses.
    count : int
        Number of bins.

    Returns
    -------
    dict of str to numpy.ndarray of float, (time,)
        ``time_start_ms``, ``time_end_ms``, ``time_ms``.

    Raises
    ------
    DataError
        There are times of another number, or none for an axis of time.
    """
    stated, block, source = description.time, blocks[0], description.sources[0]
    own = {n: v.astype(float) for n, (axis, v) in block.coords.items() if axis == "time" and n.startswith("time_")}
    if own and (stated is None or source.file.suffix.lower() == ".nwb"):
        return own
    if stated is None:
        if "time" in block.axes:
            description.fail("time", f"is missing: say where the {count} bins of {source.file.name} lie")
        return {}
    if stated.file is not None:
        found = _read_bins(stated.file)
        length = len(next(iter(found.values())))
        if length != count:
            description.fail("time", mismatch(f"{length} bins in {stated.file.name}", "time", length, block, source))
        return found
    assert stated.start_ms is not None and stated.bin_ms is not None
    starts = stated.start_ms + (stated.step_ms or stated.bin_ms) * np.arange(count)
    ends = starts + stated.bin_ms
    if stated.end_ms is not None and not np.isclose(ends[-1], stated.end_ms):
        problem = f"{count} bins from {stated.start_ms:g} ms end at {ends[-1]:g} ms, not at {stated.end_ms:g}"
        description.fail("time", problem)
    return {"time_start_ms": starts, "time_end_ms": ends}


def _read_bins(file: Path) -> dict[str, np.ndarray]:
    if file.suffix.lower() == ".npy":
        try:
            return {"time_ms": np.load(file, allow_pickle=False).astype(float).ravel()}
        except (ValueError, OSError, EOFError) as error:
            raise DataError(f"{file}: no times in ms ({error})") from error
    words = " ".join(read_list(file)).replace(",", " ").split()
    numbers = to_numbers(words)
    if numbers is not None:
        return {"time_ms": numbers}
    table = read_table(file)
    columns = {}
    for name, known in (("time_start_ms", _STARTS), ("time_end_ms", _ENDS), ("time_ms", _CENTRES)):
        column = next((c for c in known if c in table), None)
        if column is not None:
            found = to_numbers(table[column])
            if found is None or np.isnan(found).any():
                raise DataError(f"{file}: column {column} must hold times in ms, numbers only")
            columns[name] = found
    if not columns:
        raise DataError(f"{file}: no column start_ms, end_ms or time_ms; it has {', '.join(table)}")
    return columns


def neuroids(description: Description, blocks: Sequence[Block]) -> dict[str, np.ndarray]:
    """Return what is known of every neuroid, of all blocks one after the other.

    Raises
    ------
    DataError
        The table has another number of rows.
    """
    sizes = [block.values.shape[block.axes.index("neuroid")] if "neuroid" in block.axes else 1 for block in blocks]
    found = _of_files(description.sources, blocks, sizes)
    if description.neuroids is not None:
        table = read_table(description.neuroids)
        rows = len(next(iter(table.values())))
        if rows != sum(sizes):
            what = f"{rows} rows in {description.neuroids.name}"
            if len(blocks) == 1:
                problem = mismatch(what, "neuroid", rows, blocks[0], description.sources[0])
            else:
                problem = f"{what}, and the files of responses have {sum(sizes)} neuroids together"
            description.fail("neuroids", problem, "neuroids: neurons.csv")
        found |= {name: to_coordinate(values) for name, values in table.items()}
    return found


def _of_files(sources: Sequence[Source], blocks: Sequence[Block], sizes: list[int]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    own = [{n: v for n, (axis, v) in block.coords.items() if axis == "neuroid"} for block in blocks]
    for name in own[0]:
        if all(name in coords for coords in own):
            found[name] = np.concatenate([coords[name] for coords in own])
    for name in ("area", "subject"):
        stated = [getattr(source, name) for source in sources]
        if any(entry is not None for entry in stated) and (name not in found or None not in stated):
            found[name] = np.repeat([entry or "" for entry in stated], sizes)
    ids = found.get("neuroid_id")
    if ids is None or len(set(ids.tolist())) < len(ids):
        whose = [source.subject or source.file.stem for source in sources]
        if len(set(whose)) < len(whose):
            whose = [f"{name}-{source.file.stem}" for name, source in zip(whose, sources, strict=True)]
        prefixes = [f"{name}-" for name in whose] if len(sources) > 1 else [""]
        every = [coords["neuroid_id"] for coords in own] if ids is not None else [np.arange(size) for size in sizes]
        names = [f"{prefix}{name}" for prefix, these in zip(prefixes, every, strict=True) for name in these]
        found["neuroid_id"] = np.array(names)
    return found


def as_coords(dim: str, values: dict[str, np.ndarray], taken: set[str]) -> dict[str, Any]:
    """Return further coordinates of one dimension; a name that is taken gets the dimension's before it."""
    return {f"{dim}_{name}" if name in taken else name: (dim, column) for name, column in values.items()}
