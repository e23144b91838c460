"""A user's own responses, described by one small YAML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.brains.own.arrays import Block, read_block
from ventralrnn.brains.own.description import Description, Source, read_description
from ventralrnn.brains.own.labels import (
    StimulusTable,
    as_coords,
    bins,
    mismatch,
    neuroids,
    positions,
    presentation_names,
    stimulus_names,
)
from ventralrnn.brains.responses.shape import DIMS, make_responses
from ventralrnn.errors import DataError

#: Kinds of file that :func:`load_own_data` takes.
DESCRIPTIONS = (".yaml", ".yml")
_NETCDF = ".nc"
_ABOUT = ("name", "description", "units", "licence", "citation", "stimuli")
_COORDS = {"repeat", "stimulus_id", "time_step", "time_ms", "time_start_ms", "time_end_ms"}
_OF_NEUROIDS = ("neuroid_id", "area", "subject")


def load_own_data(path: Path) -> xr.DataArray:
    """Return a user's own responses.

    Parameters
    ----------
    path : pathlib.Path
        A description (``.yaml``), a folder that holds exactly one, or responses in netCDF (``.nc``) whose dimensions
        are named.

    Returns
    -------
    xarray.DataArray, (repeat, stimulus, time, neuroid)
        As :func:`ventralrnn.brains.load_responses` describes.

    Raises
    ------
    DataError
        Something is missing or does not fit; names the key of the description or the file, and says what to do.
    """
    description = describe(path)
    blocks = [_checked(description, source, read_block(description, source)) for source in description.sources]
    shown = [presentation_names(description, s, b) for s, b in zip(description.sources, blocks, strict=True)]
    stimuli = stimulus_names(description, blocks, shown)
    parts = [
        _in_shape(description, source, block, names, stimuli)
        for source, block, names in zip(description.sources, blocks, shown, strict=True)
    ]
    values = _join(description, parts)
    return _label(description, blocks, values, stimuli)


def describe(path: Path) -> Description:
    """Return the description at a path, see :func:`load_own_data`.

    Raises
    ------
    DataError
        There is none, or more than one; or it is not in order.
    """
    if path.is_dir():
        found = [file for file in sorted(path.iterdir()) if file.suffix.lower() in DESCRIPTIONS]
        if len(found) != 1:
            what = f"{len(found)} descriptions (*.yaml)" if found else "no description (*.yaml)"
            raise DataError(f"{path}: holds {what} of responses; name one file")
        path = found[0]
    if path.suffix.lower() in DESCRIPTIONS:
        return read_description(path)
    if path.suffix.lower() == _NETCDF:
        return Description(path, (Source(path),), None, None, None, None, None, None, {})
    raise DataError(f"{path}: describe responses in a YAML file, such as my_data.yaml, and give that")


def is_described(path: Path) -> bool:
    """Whether a path is that of a description of responses, or of a folder that holds one."""
    if path.is_dir():
        return any(file.suffix.lower() in DESCRIPTIONS for file in path.iterdir())
    return path.is_file() and path.suffix.lower() in DESCRIPTIONS


def _checked(description: Description, source: Source, block: Block) -> Block:
    kind = block.values.dtype
    if kind.kind not in "fiub":
        description.fail("responses", f"{source.file.name} holds {kind}, not numbers")
    if not block.values.size:
        description.fail("responses", f"{source.file.name} is empty, shape {block.values.shape}")
    if np.isinf(block.values).any():
        raise DataError(f"{source.file}: holds infinity; NaN marks repeats that there are not")
    return block


def _in_shape(
    description: Description, source: Source, block: Block, names: list[str] | None, stimuli: StimulusTable
) -> np.ndarray:
    """Return the responses of one file, (repeat, stimulus, time, neuroid)."""
    order = ("presentation", "time", "neuroid") if "presentation" in block.axes else DIMS
    there = [axis for axis in order if axis in block.axes]
    values = block.values.transpose([block.axes.index(axis) for axis in there])
    values = values.reshape([values.shape[there.index(axis)] if axis in there else 1 for axis in order])
    if "presentation" in block.axes:
        assert names is not None
        return _fold(values, positions(description, names, stimuli, source), len(stimuli.ids))
    count = len(stimuli.ids)
    if count != values.shape[1]:
        description.fail("stimuli", mismatch(f"there are {count}", "stimulus", count, block, source))
    if names is None:
        return values
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        problem = f"{source.file.name} has responses to {twice!r} twice: rows are presentations then"
        description.fail("axes", problem, "axes: [presentation, neuroid]")
    return values[:, np.argsort(positions(description, names, stimuli, source))]


def _fold(values: np.ndarray, stimulus: np.ndarray, count: int) -> np.ndarray:
    """Make (presentation, time, neuroid) into (repeat, stimulus, time, neuroid), NaN where a stimulus has fewer."""
    order = np.argsort(stimulus, kind="stable")
    sizes = np.bincount(stimulus, minlength=count)
    repeat = np.arange(len(stimulus)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    shape = (int(sizes.max()), count, *values.shape[1:])
    folded = np.full(shape, np.nan, np.promote_types(values.dtype, np.float32))
    folded[repeat, stimulus[order]] = values[order]
    return folded


def _join(description: Description, parts: Sequence[np.ndarray]) -> np.ndarray:
    """Put neuroids of several files beside each other, NaN where a file has fewer repeats."""
    if len(parts) == 1:
        return parts[0]
    for part, source in zip(parts, description.sources, strict=True):
        if part.shape[2] != parts[0].shape[2]:
            problem = f"{source.file.name} has {part.shape[2]} time bins, and {description.sources[0].file.name} has "
            description.fail("responses", f"{problem}{parts[0].shape[2]}: describe them apart")
    repeats = max(len(part) for part in parts)
    kind = np.result_type(np.float32, *parts)
    padded = [np.pad(p.astype(kind), [(0, repeats - len(p)), *[(0, 0)] * 3], constant_values=np.nan) for p in parts]
    return np.concatenate(padded, 3)


def _label(
    description: Description, blocks: Sequence[Block], values: np.ndarray, stimuli: StimulusTable
) -> xr.DataArray:
    times = bins(description, blocks, values.shape[2])
    units = neuroids(description, blocks)
    taken = _COORDS | {*DIMS, *_OF_NEUROIDS}
    coords = as_coords("stimulus", stimuli.coords, taken)
    more = {name: column for name, column in units.items() if name not in _OF_NEUROIDS}
    coords |= as_coords("neuroid", more, taken | set(coords))
    known: dict[str, Any] = times | {name: units[name] for name in _OF_NEUROIDS if name in units}
    own = {k: v for k, v in blocks[0].about.items() if k in _ABOUT}
    about: dict[str, object] = {**own, **description.about, "source": str(description.path)}
    about["stimuli"] = stimuli.source
    try:
        responses = make_responses(values, stimuli.ids, **known, coords=coords, attrs=about)
    except DataError as error:
        raise DataError(f"{description.path}: {error}") from error
    _check_missing(description, responses)
    return responses


def _check_missing(description: Description, responses: xr.DataArray) -> None:
    missing = np.isnan(responses.values)
    for dim, name in (("stimulus", "stimulus_id"), ("neuroid", "neuroid_id")):
        axis = DIMS.index(dim)
        gone = missing.all(tuple(i for i in range(4) if i != axis))
        if gone.any():
            which = str(responses[name].values[gone][0])
            raise DataError(f"{description.path}: {name} {which!r} has no responses but NaN; leave it out")
