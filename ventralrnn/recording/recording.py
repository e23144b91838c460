"""A recording as its users see it: areas as labelled arrays that are read when they are needed."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from ventralrnn.arguments import checked
from ventralrnn.errors import RecordingError
from ventralrnn.recording.writer import chunk_path

if TYPE_CHECKING:
    import zarr


class Recording(Mapping[str, xr.DataArray]):
    """Every recorded area of one model for one set of stimuli, a mapping from area name to activations.

    Parameters
    ----------
    path : path
        A ``*.zarr`` folder written by :func:`ventralrnn.extract`.

    Attributes
    ----------
    attrs : dict
        Model, specification, weight hash, preprocessing, stimuli, versions, seed and command.
    areas : tuple of str
        Names of the areas (and of connections, where currents were recorded).

    Raises
    ------
    RecordingError
        If there is no finished recording at ``path``.

    Examples
    --------
    >>> import numpy as np
    >>> import ventralrnn
    >>> pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    >>> recording = ventralrnn.extract("ventral", pictures, "four.zarr", areas=["IT"], pool="mean")
    >>> list(recording), recording.attrs["model"]
    (['IT'], 'ventral')
    >>> late = recording["IT"].isel(time=recording["IT"].time_ms.values >= 100)
    >>> late.sizes["time"]
    3
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import zarr

        self.path = Path(path)
        partial = self.path.with_name(self.path.name + ".partial")
        if not (self.path / "zarr.json").is_file():
            raise RecordingError(f"{self.path}: {_what_is_there(self.path, partial)}")
        try:
            self._root = zarr.open_group(self.path, mode="r")
        except (ValueError, KeyError, OSError) as error:
            raise RecordingError(
                f"{self.path}: damaged, zarr.json cannot be read ({error}): record it again"
            ) from error
        self.attrs: dict[str, Any] = dict(self._root.attrs)
        if "areas" not in self.attrs:
            raise RecordingError(f"{self.path}: a Zarr store, but not a recording of ventralrnn")
        self.areas: tuple[str, ...] = tuple(self.attrs["areas"])
        self._whole: set[str] = set()

    def __getitem__(self, area: str) -> xr.DataArray:
        """Return one area's activations, read lazily.

        Parameters
        ----------
        area : str
            Name of the area.

        Returns
        -------
        xarray.DataArray, (stimulus, time, neuroid)
            Coordinates stimulus_id (and label), time_step, time_ms (ms after stimulus onset), channel, y, x. NaN where
            the input has not reached the area; these steps are listed in the attribute ``unreached_steps``.

        Raises
        ------
        RecordingError
            If a part of it is missing or damaged.
        """
        if area not in self.areas:
            raise KeyError(f"{self.path} has no area {area!r}; it has {', '.join(self.areas)}")
        group = self._group(area)
        array = group["activations"]
        coordinates = {
            name: (member.metadata.dimension_names[0], _plain(member[:]), dict(member.attrs))
            for name, member in group.arrays()
            if name != "activations"
        }
        data = xr.Variable(
            ("stimulus", "time", "neuroid"), indexing.LazilyIndexedArray(_ZarrArray(array)), dict(group.attrs)
        )
        # By way of a Dataset, which keeps its variables lazy: DataArray itself would read this one.
        return xr.Dataset({"activations": data}, coordinates)["activations"].rename(area)

    def _group(self, area: str) -> Any:
        """Return the group of an area, all of whose pieces are on disk: those missing would be read as NaN."""
        try:
            group: Any = self._root[area]
            array = group["activations"]
        except (ValueError, KeyError, OSError) as error:
            raise RecordingError(f"{self.path}: damaged, area {area} cannot be read: record it again") from error
        if area not in self._whole:
            unreached = set(group.attrs["unreached_steps"])
            reached = [i for i, step in enumerate(group["time_step"][:].tolist()) if step not in unreached]
            size = int(np.prod(array.chunks)) * array.dtype.itemsize
            for chunk in range(-(-array.shape[0] // array.chunks[0])):
                for index in reached:
                    piece = chunk_path(self.path, area, chunk, index)
                    if not piece.is_file() or piece.stat().st_size != size:
                        raise RecordingError(f"{piece}: missing or damaged, a part of {self.path}: record it again")
            self._whole.add(area)
        return group

    def __iter__(self) -> Iterator[str]:
        return iter(self.areas)

    def __len__(self) -> int:
        return len(self.areas)

    def __repr__(self) -> str:
        lines = [f"<Recording of {self.attrs['model']}: {self.path}>"]
        for area in self.areas:
            group = self._group(area)
            shape = group["activations"].shape
            unreached = group.attrs["unreached_steps"]
            note = f", not reached at steps {unreached}" if unreached else ""
            lines.append(f"  {area}: {shape[0]} stimuli x {shape[1]} steps x {shape[2]} neuroids{note}")
        return "\n".join(lines)

    def to_brainscore(self, *areas: str) -> Any:
        """Return areas as a Brain-Score NeuroidAssembly (presentation, neuroid, time_bin).

        Parameters
        ----------
        *areas : str
            Areas to hold, all by default.

        Returns
        -------
        brainscore_core NeuroidAssembly
            See :func:`ventralrnn.recording.assembly.to_assembly`.
        """
        from ventralrnn.recording.assembly import to_assembly

        return to_assembly(self, areas or self.areas)


@checked(RecordingError)
def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Open a recording.

    Parameters
    ----------
    path : path
        A ``*.zarr`` folder written by :func:`ventralrnn.extract`.

    Returns
    -------
    Recording
        ``open_recording(path)["IT"]`` is an :class:`xarray.DataArray` (stimulus, time, neuroid), read lazily.

    Raises
    ------
    RecordingError
        If there is no finished recording.

    Examples
    --------
    >>> import numpy as np
    >>> import ventralrnn
    >>> pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    >>> ventralrnn.extract("ventral", pictures, "four.zarr", areas=["IT"], pool="mean").areas
    ('IT',)
    >>> recording = ventralrnn.open_recording("four.zarr")
    >>> recording["IT"].time_ms.values
    array([ 50.,  60.,  70.,  80.,  90., 100., 110., 120.])
    """
    return Recording(path)


class _ZarrArray(BackendArray):
    """A Zarr array that xarray indexes without reading it: older versions of xarray cannot open this format."""

    def __init__(self, array: "zarr.Array") -> None:
        self.array: Any = array
        self.shape = array.shape
        self.dtype = array.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        return np.asarray(self.array.oindex[key])


def _plain(values: np.ndarray) -> np.ndarray:
    """Return strings as fixed-length unicode, which every xarray indexes and writes alike."""
    return values if values.dtype.kind in "iuf" else np.array(values.tolist(), dtype=str)


def _what_is_there(path: Path, partial: Path) -> str:
    """Say what is where no recording is."""
    if partial.exists():
        return f"no recording is there; {partial} is unfinished: continue it as it was begun, with --resume"
    if path.is_file():
        return "is a file, not a recording: that is the folder *.zarr which `ventralrnn extract` writes"
    if path.is_dir():
        return "this folder is no recording: give the folder *.zarr which `ventralrnn extract` wrote"
    return "no recording is there: `ventralrnn extract` makes one"
