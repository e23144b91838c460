"""An array of responses out of one file of any common kind, with the axes that it is said to have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ventralrnn.brains.formats.matlab import read_matlab
from ventralrnn.brains.formats.numpy import read_numpy
from ventralrnn.brains.formats.tables import read_table, stimulus_column, to_numbers
from ventralrnn.brains.own.description import AXES, Description, Source
from ventralrnn.errors import AnalysisError, DataError

SUFFIXES = (".npy", ".npz", ".mat", ".csv", ".nc", ".nwb")
_VARIABLE = "responses: {{file: {}, variable: {}}}"
# Coordinates of netCDF that are taken over, with the axis that they belong to.
_OF_TIME = ("time_ms", "time_start_ms", "time_end_ms")


class Block(NamedTuple):
    """What one file holds.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers.
    axes : tuple of str
        Their names, out of 'repeat', 'stimulus', 'time', 'neuroid', 'presentation'.
    coords : dict of str to (str, numpy.ndarray)
        Coordinates that the file states itself, each with its axis.
    about : dict of str to str
        Attributes that the file states itself.
    """

    values: np.ndarray
    axes: tuple[str, ...]
    coords: dict[str, tuple[str, np.ndarray]]
    about: dict[str, str]


def read_block(description: Description, source: Source) -> Block:
    """Read one file of responses.

    Parameters
    ----------
    description : Description
        Whose axes hold for files that do not name theirs.
    source : Source
        The file.

    Returns
    -------
    Block
        As many axes as the array has.

    Raises
    ------
    DataError
        The file cannot be read or holds no such array; or the axes do not fit.
    """
    suffix = source.file.suffix.lower()
    if suffix != ".nwb":
        for key in ("table", "stimulus", "onset"):
            if getattr(source, key) is not None:
                description.fail("responses", f"{key} is for NWB files, and {source.file.name} is none")
    match suffix:
        case ".npy":
            return _with_axes(description, source, _load_numpy(source.file))
        case ".npz":
            return _with_axes(description, source, _choose(description, source, _load_numpy(source.file)))
        case ".mat":
            return _with_axes(description, source, _choose(description, source, _load_matlab(source)))
        case ".csv":
            return _read_csv(description, source)
        case ".nc":
            return _read_netcdf(description, source)
        case ".nwb":
            from ventralrnn.brains.own.nwb import read_nwb

            return read_nwb(description, source)
    kinds = f"{', '.join(SUFFIXES[:-1])} and {SUFFIXES[-1]}"
    description.fail("responses", f"{source.file.name} is none of the kinds of file that are read: {kinds}")


def _load_numpy(file: Path) -> Any:
    try:
        return read_numpy(file)
    except AnalysisError as error:
        raise DataError(str(error)) from error


def _load_matlab(source: Source) -> dict[str, np.ndarray]:
    try:
        found = read_matlab(source.file, source.variable)
        return found or read_matlab(source.file)
    except AnalysisError as error:
        raise DataError(str(error)) from error


def _choose(description: Description, source: Source, variables: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the variable that is asked for, or the only one that it can be."""
    name, file = source.variable, source.file.name
    if name is not None:
        if name in variables:
            return variables[name]
        known = ", ".join(variables) or "none"
        description.fail("responses", f"{file} has no variable {name!r}; it has {known}", _VARIABLE.format(file, known))
    wanted = len(description.axes or ())
    numbers = [n for n, v in variables.items() if v.dtype.kind in "fiub" and v.size > 1]
    fitting = [n for n in numbers if variables[n].ndim == wanted] if len(numbers) > 1 else numbers
    if len(fitting) == 1:
        return variables[fitting[0]]
    shapes = ", ".join(f"{n} {variables[n].shape}" for n in variables) or "nothing"
    example = _VARIABLE.format(file, (fitting or numbers or ["counts"])[0])
    description.fail("responses", f"{file} holds {shapes}: say which variable holds the responses", example)


def _with_axes(description: Description, source: Source, values: np.ndarray) -> Block:
    axes = description.axes
    if axes is None:
        shape = f"{source.file.name} has shape {values.shape}"
        description.fail("axes", f"is missing: say what the axes of the array are, in order; {shape}")
    if source.file.suffix.lower() == ".mat":
        values = _as_many(values, len(axes))
    if values.ndim != len(axes):
        description.fail(
            "axes", f"{len(axes)} names for the {values.ndim} axes of {source.file.name}, shape {values.shape}"
        )
    return Block(values, axes, {}, {})


def _as_many(values: np.ndarray, wanted: int) -> np.ndarray:
    """Undo what MATLAB does to shapes: it drops axes of one at the end, and makes vectors rows or columns."""
    if values.ndim < wanted:
        return values.reshape(*values.shape, *[1] * (wanted - values.ndim))
    return values.ravel() if wanted == 1 and values.ndim == 2 and 1 in values.shape else values


def _read_csv(description: Description, source: Source) -> Block:
    """Read a table with a column of stimuli and one for each neuroid; a row is one presentation."""
    table = read_table(source.file)
    if source.variable is not None:
        description.fail("responses", "variable is not for CSV files")
    if description.axes not in (None, ("presentation", "neuroid"), ("stimulus", "neuroid")):
        what = "a CSV table has rows that are presentations and columns that are neuroids"
        description.fail("axes", what, "axes: [presentation, neuroid]")
    column = stimulus_column(table)
    names = table.pop(column) if column is not None else None
    if to_numbers(list(table)) is not None and column is None:
        raise DataError(f"{source.file}: the first line must name the columns: stimulus_id, then one name a neuroid")
    values = {name: to_numbers(entries) for name, entries in table.items()}
    for name, numbers in values.items():
        if numbers is None:
            wrong = next(entry for entry in table[name] if to_numbers([entry]) is None)
            raise DataError(f"{source.file}: {wrong!r} in column {name} is no number; columns are neuroids")
    if not values:
        raise DataError(f"{source.file}: there is no column of responses, one a neuroid, beside {column}")
    coords = {"neuroid_id": ("neuroid", np.array(list(values)))}
    axis = description.axes[0] if description.axes else "stimulus" if names is None else "presentation"
    if names is not None:
        coords["stimulus_id"] = (axis, np.array(names))
    return Block(np.stack([v for v in values.values() if v is not None], 1), (axis, "neuroid"), coords, {})


def _read_netcdf(description: Description, source: Source) -> Block:
    import xarray as xr

    try:
        with xr.open_dataset(source.file, engine="netcdf4") as opened:
            data = opened.load()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{source.file}: cannot be read as netCDF ({error})") from error
    # What is written as a variable may be meant as a coordinate.
    data = data.set_coords([name for name in _COORDINATES if name in data])
    array = data[_netcdf_variable(description, source, data)]
    axes = tuple(str(dim) for dim in array.dims)
    if description.axes is not None:
        if len(description.axes) != len(axes):
            there = f"the axes {', '.join(axes)} of {source.file.name}"
            description.fail("axes", f"{len(description.axes)} names for {there}")
        array = array.rename({old: new for old, new in zip(axes, description.axes, strict=True) if old != new})
        axes = description.axes
    if unknown := [axis for axis in axes if axis not in AXES]:
        description.fail("axes", f"{source.file.name} has an axis {unknown[0]!r}: say what its axes are, in order")
    coords = {
        str(name): (str(c.dims[0]), _plain(c.values))
        for name, c in array.coords.items()
        if c.ndim == 1 and str(name) not in ("repeat", "time_step", *AXES)
    }
    coords |= _axis_names(array)
    about = {str(k): str(v) for k, v in {**data.attrs, **array.attrs}.items() if isinstance(v, str)}
    return Block(array.values, axes, coords, about)


_COORDINATES = ("stimulus_id", "neuroid_id", "area", "subject", *_OF_TIME)


def _netcdf_variable(description: Description, source: Source, data: Any) -> str:
    names = {str(name): variable.values for name, variable in data.data_vars.items()}
    if source.variable is not None or len(names) != 1:
        chosen = _choose(description, source, names)
        return next(name for name, values in names.items() if values is chosen)
    return next(iter(names))


def _axis_names(array: Any) -> dict[str, tuple[str, np.ndarray]]:
    """Return what netCDF states as coordinates with the names of the axes themselves."""
    meant = {"stimulus": "stimulus_id", "presentation": "stimulus_id", "neuroid": "neuroid_id", "time": "time_ms"}
    return {
        name: (axis, _plain(array[axis].values))
        for axis, name in meant.items()
        if axis in array.coords and name not in array.coords
    }


def _plain(values: np.ndarray) -> np.ndarray:
    return values.astype(str) if values.dtype.kind in "OS" else values
