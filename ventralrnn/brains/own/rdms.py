"""A user's own RDMs: a file, a folder with a file for every subject, or a folder of such folders, one an area."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.analysis.rdm.container import count_stimuli, make_rdms
from ventralrnn.analysis.results import open_result
from ventralrnn.brains.formats.matrices import SUFFIXES, read_matrices
from ventralrnn.errors import AnalysisError

# Lie beside the RDMs and say what their axes are.
_STIMULI = ("stimuli.txt", "stimuli.csv")
_TIMES = "time_ms.txt"
_NAME_COLUMNS = ("stimulus_id", "stimulus", "name", "id", "path", "file")
_LEADING: dict[int, tuple[str, ...]] = {0: (), 1: ("subject",), 2: ("subject", "time"), 3: ("subject", "area", "time")}


def read_rdms(
    path: str | os.PathLike[str],
    *,
    dims: Sequence[str] | None = None,
    stimuli: Sequence[str] | None = None,
    time_ms: Sequence[float] | None = None,
    variable: str | None = None,
) -> xr.Dataset:
    """Read RDMs that a user brings along.

    Parameters
    ----------
    path : path
        - ``.nc``: what ``ventralrnn rdm`` or :func:`ventralrnn.analysis.results.save_result` wrote;
        - ``.npy``, ``.npz``, ``.csv``, ``.mat``: one array, square (..., stimulus, stimulus) or upper triangles
          (..., pair);
        - a folder of such files, each one subject, in the order of their names;
        - a folder of such folders, each one area, with the same subjects in every area.

        Beside them may lie ``stimuli.txt`` (a name a line) or ``stimuli.csv`` (a column ``stimulus_id``, or the first)
        and ``time_ms.txt`` (numbers).
    dims : sequence of str, optional
        What the dimensions before the stimuli are, of ``'subject'``, ``'area'``, ``'time'``. By default one is
        ``'subject'``, or ``'time'`` where times are given that fit it or the file is one subject of a folder; two are
        subject and time; three subject, area and time.
    stimuli : sequence of str, optional
        Names of the stimuli; without any, RDMs are compared in the order in which they are.
    time_ms : sequence of float, optional
        Times after stimulus onset, in ms.
    variable : str, optional
        Which variable of an ``.npz`` or ``.mat`` file, where it holds several.

    Returns
    -------
    xarray.Dataset
        As :func:`ventralrnn.analysis.rdm.make_rdms` returns.

    Raises
    ------
    AnalysisError
        If there is nothing, or something that is no RDM: not symmetric, not zero on the diagonal, NaN for some pairs,
        or of other sizes than its neighbours; the message names the file.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.brains import read_rdms
    >>> np.save("rdms.npy", np.random.default_rng(0).random((3, 10)))  # three subjects, five stimuli
    >>> rdms = read_rdms("rdms.npy", stimuli=["face", "house", "car", "tree", "cup"])
    >>> dict(rdms.dissimilarity.sizes)
    {'subject': 3, 'pair': 10}
    """
    source = Path(path)
    if source.suffix == ".nc":
        return _open(source)
    if not source.exists():
        raise AnalysisError(f"{source}: no such file or folder")
    here = source if source.is_dir() else source.parent
    beside = _find_times(here) if time_ms is None else np.asarray(time_ms, float)
    if source.is_dir():
        result = _read_folder(source, dims, beside, variable)
    else:
        result = _read_file(source, dims, beside, variable, within=False)
    names = list(stimuli) if stimuli is not None else _find_names(here)
    return _finish(result, names, beside, source)


def _open(source: Path) -> xr.Dataset:
    rdms = open_result(source)
    if "dissimilarity" not in rdms or "pair" not in rdms["dissimilarity"].dims:
        raise AnalysisError(f"{source}: holds no RDMs (a variable dissimilarity with a dimension pair)")
    return rdms


def _read_folder(
    folder: Path, dims: Sequence[str] | None, times: np.ndarray | None, variable: str | None
) -> xr.Dataset:
    files = _data_files(folder)
    areas = [below for below in sorted(folder.iterdir()) if below.is_dir() and _data_files(below)]
    if files and areas:
        raise AnalysisError(f"{folder}: holds both RDMs and folders of RDMs ({areas[0].name}); give one or the other")
    if areas:
        parts = [_read_subjects(_data_files(area), dims, times, variable) for area in areas]
        _check_alike(parts, areas)
        return _stack(parts, "area", [area.name for area in areas])
    if not files:
        raise AnalysisError(f"{folder}: no RDMs are there: {', '.join(SUFFIXES)}, or folders of them")
    return _read_subjects(files, dims, times, variable)


def _read_subjects(
    files: list[Path], dims: Sequence[str] | None, times: np.ndarray | None, variable: str | None
) -> xr.Dataset:
    if len(files) == 1:
        return _read_file(files[0], dims, times, variable, within=False)
    parts = [_read_file(file, dims, times, variable, within=True) for file in files]
    _check_alike(parts, files)
    return _stack(parts, "subject", [file.stem for file in files])


def _read_file(
    file: Path, dims: Sequence[str] | None, times: np.ndarray | None, variable: str | None, *, within: bool
) -> xr.Dataset:
    """Read one file; `within` a folder it is one subject, so that it has no dimension of subjects of its own."""
    values, names = read_matrices(file, variable)
    leading = values.ndim - 1
    if dims is None:
        fits = leading == 1 and times is not None and len(times) == len(values)
        chosen = ("time",) if leading == 1 and (within or fits) else _LEADING.get(leading)
        if chosen is None or (within and "subject" in chosen):
            raise AnalysisError(f"{file}: {leading} dimensions before the stimuli; say with dims= what they are")
    else:
        chosen = tuple(d for d in dims if not (within and d == "subject"))
        if len(chosen) != leading or set(chosen) - {"subject", "area", "time"}:
            raise AnalysisError(f"dims: {', '.join(dims)} for the {leading} dimensions before the stimuli of {file}")
    return make_rdms(values, chosen, stimulus_id=names)


def _stack(parts: list[xr.Dataset], dim: str, names: list[str]) -> xr.Dataset:
    arrays = [part["dissimilarity"] for part in parts]
    dims = (dim, *(str(d) for d in arrays[0].dims[:-1]))
    return make_rdms(np.stack([a.values for a in arrays]), dims, {**parts[0].coords, dim: names})


def _check_alike(parts: list[xr.Dataset], sources: list[Path]) -> None:
    first, name = parts[0], sources[0].name
    for part, source in zip(parts, sources, strict=True):
        if part.sizes["pair"] != first.sizes["pair"]:
            mine, other = count_stimuli(part.sizes["pair"]), count_stimuli(first.sizes["pair"])
            raise AnalysisError(f"{source}: RDMs of {mine} stimuli, and of {other} in {name}")
        for coordinate, what in (("stimulus_id", "names of stimuli"), ("subject", "subjects")):
            here, there = (list(p[coordinate].values) if coordinate in p.coords else None for p in (part, first))
            if here != there:
                raise AnalysisError(f"{source}: other {what} than in {name}")
        if dict(part.sizes) != dict(first.sizes):
            raise AnalysisError(f"{source}: sizes {dict(part.sizes)}, and {dict(first.sizes)} in {name}")


def _finish(result: xr.Dataset, names: list[str] | None, times: np.ndarray | None, source: Path) -> xr.Dataset:
    array = result["dissimilarity"].transpose(..., "pair")
    dims = array.dims[:-1]
    coords: dict[Any, Any] = {name: c for name, c in result.coords.items() if name in dims}
    if times is not None:
        if "time" not in dims or len(times) != array.sizes["time"]:
            shape = f"{array.sizes['time']} times" if "time" in dims else "no dimension of time"
            raise AnalysisError(f"time_ms: {len(times)} times, and {source} has {shape}")
        coords["time_ms"] = ("time", times)
    if names is None and "stimulus_id" in result.coords:
        names = result["stimulus_id"].values.tolist()
    try:
        return make_rdms(array.values, [str(d) for d in dims], coords, names, {"source": str(source)})
    except AnalysisError as error:
        raise AnalysisError(f"{source}: {error}") from error


def _data_files(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in SUFFIXES and file.name not in _STIMULI and file.is_file()
    ]


def _find_times(folder: Path) -> np.ndarray | None:
    file = folder / _TIMES
    if not file.is_file():
        return None
    try:
        return np.array([float(word) for word in file.read_text("utf-8").replace(",", " ").split()])
    except ValueError as error:
        raise AnalysisError(f"{file}: give times in ms, numbers only ({error})") from error


def _find_names(folder: Path) -> list[str] | None:
    for file in (folder / name for name in _STIMULI):
        if file.is_file():
            text = file.read_text("utf-8-sig").splitlines()
            return _first_column(text) if file.suffix == ".csv" else [line.strip() for line in text if line.strip()]
    return None


def _first_column(lines: list[str]) -> list[str]:
    rows = [row for row in csv.reader(lines) if row]
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    known = next((head.index(column) for column in _NAME_COLUMNS if column in head), None)
    return [row[known or 0].strip() for row in rows[known is not None :]]
