"""Which recordings and results a report is about, and what each of them is."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from ventralrnn.analysis.results import open_result
from ventralrnn.errors import AnalysisError, VentralrnnError
from ventralrnn.recording import Recording, open_recording


@dataclass(frozen=True)
class Source:
    """One recording or result.

    Parameters
    ----------
    path : pathlib.Path
        Its file or folder.
    kind : str
        'recording', or what kind of result: 'rdms', 'rsa', 'dynamics', 'decoding', 'encoding', 'score', 'benchmark',
        'benchmarks' or 'other'.
    content : Recording or xarray.Dataset
        What is in it.
    attrs : dict
        Its attributes, JSON read.
    """

    path: Path
    kind: str
    content: Any
    attrs: dict[str, Any]

    @property
    def simulated(self) -> bool:
        """Whether it is, or was compared with, a simulation."""
        if self.kind == "benchmarks" and "simulated" in self.dataset:
            return bool(self.dataset["simulated"].all())
        return any(str(self.attrs.get(key, "")).lower() in ("yes", "true") for key in ("simulated", "brain_simulated"))

    @property
    def warning(self) -> list[str]:
        """What is to be said first where it is simulated."""
        return ["SIMULATED, not primate data."] if self.simulated else []

    @property
    def model(self) -> str | None:
        """The model, and which of its connections were cut."""
        if not self.attrs.get("model"):
            return None
        details = self.attrs.get("model_details")
        cut = details.get("cut") if isinstance(details, dict) else None
        return f"{self.attrs['model']} without {', '.join(map(str, cut))}" if cut else str(self.attrs["model"])

    @property
    def dataset(self) -> xr.Dataset:
        """The result."""
        assert isinstance(self.content, xr.Dataset)
        return self.content

    @property
    def recording(self) -> Recording:
        """The recording."""
        assert isinstance(self.content, Recording)
        return self.content


def collect(paths: Sequence[str | os.PathLike[str]]) -> tuple[list[Source], list[str]]:
    """Read what a report is about.

    Parameters
    ----------
    paths : sequence of path
        Recordings (``*.zarr``), results (``*.nc``), and folders of them.

    Returns
    -------
    sources : list of Source
        Each once, in the order given; those of a folder by name, recordings first.
    notes : list of str
        Which files of folders were passed over, and why.

    Raises
    ------
    AnalysisError, RecordingError
        A path is neither a recording nor a result nor a folder that holds any.
    """
    sources: list[Source] = []
    notes: list[str] = []
    seen: set[Path] = set()
    for path in map(Path, paths):
        for file, named in _files(path):
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            try:
                sources.append(_read(file))
            except VentralrnnError as error:
                if named:
                    raise
                notes.append(str(error))
    if not sources:
        raise AnalysisError(f"{', '.join(map(str, paths))}: nothing to show; {notes[0] if notes else 'no files'}")
    return sources, notes


def _files(path: Path) -> Iterator[tuple[Path, bool]]:
    """Yield files with whether they were named themselves."""
    if path.suffix == ".zarr" or (path / "zarr.json").is_file() or path.is_file():
        yield path, True
    elif path.is_dir():
        within = [file for ending in ("*.zarr", "*.nc") for file in sorted(path.glob(ending))]
        if not within:
            raise AnalysisError(f"{path}: this folder holds no recording (*.zarr) and no result (*.nc)")
        yield from ((file, False) for file in within)
    else:
        raise AnalysisError(f"{path}: there is no such file or folder")


def _read(path: Path) -> Source:
    if path.suffix == ".zarr" or path.is_dir():
        recording = open_recording(path)
        return Source(path, "recording", recording, read_attrs(recording.attrs))
    try:
        result = open_result(path)
    except AnalysisError as error:
        raise AnalysisError(f"{path}: neither a recording (*.zarr) nor a result (*.nc): {error.args[0]}") from error
    return Source(path, _kind(result), result, read_attrs(result.attrs))


def _kind(result: xr.Dataset) -> str:
    """Tell what made a result from the names of what it holds."""
    names, dims = set(map(str, result.data_vars)), set(map(str, result.dims))
    if "dissimilarity" in names and "pair" in dims:
        return "rdms"
    if "similarity" in names and {"area", "time"} <= set(result["similarity"].dims):
        return "rsa"
    if {"onset", "peak", "response_pooled"} <= names and "area" in dims:
        return "dynamics"
    if {"accuracy", "chance"} <= names and {"area", "time"} <= dims:
        return "decoding"
    if {"benchmark", "model"} <= dims and {"score", "ceiling"} <= names:
        return "benchmarks"
    if "committed_score" in result.attrs and "score" in names:
        return "benchmark"
    if {"score", "raw", "ceiling", "error"} <= names:
        return "score"
    if "score" in names and {"area", "time", "neuroid"} <= set(result["score"].dims):
        return "encoding"
    return "other"


def read_attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes with those that are JSON read; netCDF holds nothing nested."""
    return {str(key): _parsed(value) for key, value in attrs.items()}


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and (value[:1] in ("{", "[") or value in ("null", "true", "false")):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
