"""What lies on disk, and how it is read."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from tests.recording.common import inputs, tiny, write_pictures
from ventralrnn import extract, open_recording
from ventralrnn.errors import RecordingError
from ventralrnn.recording import Recording, layout
from ventralrnn.recording.layout import AreaLayout, pieces
from ventralrnn.recording.store import _readable
from ventralrnn.stimuli import ArrayStimuli

ROWS, CHUNK_ROWS = 20, 8


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Return a recording of several chunks, with labels."""
    labels = [f"class {i % 3}" for i in range(ROWS)]
    stimuli = ArrayStimuli(inputs(ROWS), ids=[f"ø{i:02d}" for i in range(ROWS)], labels=labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_CHUNK_ROWS", CHUNK_ROWS)
        return extract(tiny(), stimuli, tmp_path_factory.mktemp("store") / "a.zarr", batch_size=5)


@pytest.fixture
def chunks_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which every chunk of activations that is read is added."""
    read: list[str] = []
    get = zarr.storage.LocalStore.get

    async def note(self: Any, key: str, *arguments: Any, **options: Any) -> Any:
        if "activations/c/" in key:
            read.append(key.split("activations/c/")[1])
        return await get(self, key, *arguments, **options)

    monkeypatch.setattr(zarr.storage.LocalStore, "get", note)
    return read


def test_opening_and_looking_reads_no_states(recording: Recording, chunks_read: list[str]) -> None:
    opened = open_recording(recording.path)
    array = opened["IT"]
    assert array.dtype == np.float32
    later = array.sel(time=array.time_ms == 65).isel(stimulus=slice(3, 5))
    assert later.shape == (2, 1, 20)
    repr(opened)
    assert chunks_read == []


def test_one_step_reads_that_step_alone(recording: Recording, chunks_read: list[str]) -> None:
    array = open_recording(recording.path)["IT"]
    values = array.isel(time=3).values
    assert sorted(chunks_read) == ["0/3/0", "1/3/0", "2/3/0"]
    chunks_read.clear()
    np.testing.assert_array_equal(array[9:12, 2, 1:4].values, array.values[9:12, 2, 1:4])
    assert chunks_read[0] == "1/2/0"
    np.testing.assert_array_equal(values, array.values[:, 3])


def test_every_way_of_indexing(recording: Recording) -> None:
    array, whole = recording["V2"], recording["V2"].values
    for key in (
        (slice(None), 1),
        (slice(None, None, -1),),
        (slice(None, None, 3), slice(2, None), -1),
        (-1, -2, -3),
        ([3, 1, 1, 17], slice(None), [0, 5]),
        (np.arange(ROWS) % 2 == 0, [2, 0]),
    ):
        np.testing.assert_array_equal(
            array[key].values, whole[np.ix_(*_axes(key, whole.shape))].reshape(array[key].shape)
        )
    points = xr.DataArray([4, 2, 9], dims="p"), xr.DataArray([1, 4, 1], dims="p")
    np.testing.assert_array_equal(array.isel(stimulus=points[0], time=points[1]).values, whole[[4, 2, 9], [1, 4, 1]])


def _axes(key: tuple[Any, ...], shape: tuple[int, ...]) -> list[np.ndarray]:
    full = [*key, *[slice(None)] * (len(shape) - len(key))]
    return [np.atleast_1d(np.arange(size)[k]) for k, size in zip(full, shape, strict=True)]


def test_xarray_works_on_it(recording: Recording) -> None:
    array = recording["IT"]
    whole = array.values
    by_label = array.groupby("label").mean("stimulus")
    np.testing.assert_allclose(by_label.sel(label="class 1").values, whole[1::3].mean(0), rtol=1e-6)
    at = array.sel(time=array.time_ms == 75).mean("neuroid")
    np.testing.assert_allclose(at.values[:, 0], whole[:, 3].mean(1), rtol=1e-6)
    chosen = array.set_index(stimulus="stimulus_id").sel(stimulus="ø07")
    np.testing.assert_array_equal(chosen.values, whole[7])
    assert array.where(array.channel == 2, drop=True).sizes["neuroid"] == 4


def test_it_is_a_mapping(recording: Recording) -> None:
    assert isinstance(recording, Mapping)
    assert list(recording) == list(recording.keys()) == ["V1", "V2", "IT"]
    assert len(recording) == 3
    assert "IT" in recording and "V4" not in recording
    assert recording.get("V4") is None
    assert {name: array.name for name, array in recording.items()} == {"V1": "V1", "V2": "V2", "IT": "IT"}
    with pytest.raises(KeyError, match=r"a\.zarr has no area 'V4'; it has V1, V2, IT"):
        recording["V4"]


def test_repr(recording: Recording) -> None:
    assert repr(recording).splitlines() == [
        f"<Recording of stream: {recording.path}>",
        "  V1: 20 stimuli x 5 steps x 192 neuroids",
        "  V2: 20 stimuli x 5 steps x 64 neuroids, not reached at steps [0]",
        "  IT: 20 stimuli x 5 steps x 20 neuroids, not reached at steps [0, 1]",
    ]


def test_labels_and_ids(recording: Recording) -> None:
    assert recording["V1"].label.values.tolist() == [f"class {i % 3}" for i in range(ROWS)]
    assert recording["V1"].stimulus_id.values.tolist() == [f"ø{i:02d}" for i in range(ROWS)]
    assert recording["V1"].stimulus_id.dtype.kind == "U"


def test_files(recording: Recording) -> None:
    files = {str(path.relative_to(recording.path)) for path in recording.path.rglob("*") if path.is_file()}
    states = {f for f in files if "activations/c/" in f}
    reached = {"V1": range(5), "V2": range(1, 5), "IT": range(2, 5)}
    # A chunk is one step of some stimuli; steps that the input has not reached take no space.
    assert states == {f"{a}/activations/c/{c}/{s}/0" for a, steps in reached.items() for s in steps for c in range(3)}
    sizes = {(recording.path / f).stat().st_size for f in states if f.startswith("V1")}
    assert sizes == {CHUNK_ROWS * 192 * 4}
    per_area = ["stimulus_id", "stimulus_digest", "label", "time_step", "time_ms", "channel", "y", "x"]
    rest = {f"{a}/{n}/{f}" for a in reached for n in per_area for f in ("zarr.json", "c/0")}
    groups = {"zarr.json", *(f"{a}/zarr.json" for a in reached), *(f"{a}/activations/zarr.json" for a in reached)}
    assert files - states == rest | groups
    last = zarr.open_array(recording.path / "V1/activations", mode="r")
    assert last.chunks == (CHUNK_ROWS, 1, 192) and last.shape == (ROWS, 5, 192)


def test_zarr_alone_reads_it(recording: Recording) -> None:
    group: Any = zarr.open_group(recording.path, mode="r")
    assert group["IT/activations"].metadata.dimension_names == ("stimulus", "time", "neuroid")
    np.testing.assert_array_equal(group["IT/activations"][:], recording["IT"].values)
    assert group["IT/stimulus_id"][:].tolist() == [f"ø{i:02d}" for i in range(ROWS)]


@pytest.mark.skipif(
    tuple(map(int, xr.__version__.split(".")[:2])) < (2024, 10), reason="this xarray reads only the older Zarr format"
)
def test_xarray_opens_a_group_by_itself(recording: Recording) -> None:
    data = xr.open_zarr(recording.path, group="IT", consolidated=False)
    assert data.activations.dims == ("stimulus", "time", "neuroid")
    np.testing.assert_array_equal(data.activations.values, recording["IT"].values)
    for name in ("stimulus_id", "label", "time_step", "time_ms", "channel", "y", "x"):
        np.testing.assert_array_equal(data[name].values, recording["IT"][name].values)
    assert data.attrs["unreached_steps"] == [0, 1]


def test_paths_without_a_recording(tmp_path: Path, recording: Recording) -> None:
    with pytest.raises(RecordingError, match=r"nothing\.zarr: no recording is there: `ventralrnn extract` makes one$"):
        open_recording(tmp_path / "nothing.zarr")
    zarr.open_group(tmp_path / "other.zarr", mode="w")
    with pytest.raises(RecordingError, match=r"other\.zarr: a Zarr store, but not a recording of ventralrnn"):
        open_recording(tmp_path / "other.zarr")
    shutil.copytree(recording.path, tmp_path / "b.zarr.partial")
    with pytest.raises(RecordingError, match=r"b\.zarr: no recording is there; .*b\.zarr\.partial is unfinished"):
        open_recording(str(tmp_path / "b.zarr"))


def test_a_recording_can_be_moved(tmp_path: Path, recording: Recording) -> None:
    shutil.copytree(recording.path, tmp_path / "b.zarr")
    np.testing.assert_array_equal(open_recording(tmp_path / "b.zarr")["V1"].values, recording["V1"].values)


def test_ids_of_files(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "pictures" / "cats", 3)
    recording = extract(tiny(), folder.parent, tmp_path / "a.zarr")
    assert recording["V1"].stimulus_id.values.tolist() == ["cats/000.png", "cats/001.png", "cats/002.png"]
    assert recording["V1"].label.values.tolist() == ["cats"] * 3
    assert len(set(recording["V1"].stimulus_digest.values)) == 3
    assert zarr.open_array(recording.path / "V1/activations", mode="r").chunks == (3, 1, 192)


@pytest.mark.parametrize(
    ("start", "count", "rows"), [(0, 10, 4), (3, 1, 4), (7, 9, 4), (8, 4, 4), (0, 3, 1), (5, 0, 4)]
)
def test_rows_are_cut_at_the_borders_of_chunks(start: int, count: int, rows: int) -> None:
    got = [(chunk, start + first + i) for chunk, first, size in pieces(start, count, rows) for i in range(size)]
    assert got == [(row // rows, row) for row in range(start, start + count)]
    assert all(size <= rows for _, _, size in pieces(start, count, rows))


@pytest.mark.parametrize(
    ("neuroids", "rows", "chunk_rows"), [(1, 10**6, 4096), (1, 300, 300), (8192, 10**6, 256), (10**8, 50, 1)]
)
def test_chunks_hold_a_few_megabytes(neuroids: int, rows: int, chunk_rows: int) -> None:
    area = AreaLayout("a", (0, 1, 2), (neuroids,), "float32", rows, (0.0, 1.0, 2.0), (0,))
    assert area.chunk_rows == chunk_rows
    assert area.padded_rows % chunk_rows == 0 and 0 <= area.padded_rows - rows < chunk_rows
    assert area.stimulus_bytes == 2 * 4 * neuroids


def test_sizes_are_written_in_units_that_suit_them() -> None:
    sizes = (0, 999, 1000, 123456, 999_999, 25 * 10**9, 2 * 10**12, 5 * 10**15)
    texts = ["0 bytes", "999 bytes", "1 kB", "123.5 kB", "1000 kB", "25 GB", "2 TB", "5000 TB"]
    assert [_readable(size) for size in sizes] == texts


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_piece_is_named(recording: Recording, tmp_path: Path, damage: str) -> None:
    """Zarr reads a missing chunk as NaN, which would pass for a state that does not exist."""
    copy = tmp_path / "a.zarr"
    shutil.copytree(recording.path, copy)
    piece = copy / "IT" / "activations" / "c" / "1" / "2" / "0"
    if damage == "missing":
        piece.unlink()
    else:
        piece.write_bytes(piece.read_bytes()[:100])
    opened = open_recording(copy)
    assert np.isfinite(opened["V1"].values).all()
    with pytest.raises(RecordingError, match="IT/activations/c/1/2/0: missing or damaged"):
        opened["IT"]


@pytest.mark.parametrize("lost", ["IT", "IT/zarr.json", "zarr.json"])
def test_a_damaged_store_is_named(recording: Recording, tmp_path: Path, lost: str) -> None:
    copy = tmp_path / "a.zarr"
    shutil.copytree(recording.path, copy)
    if (copy / lost).is_dir():
        shutil.rmtree(copy / lost)
    else:
        (copy / lost).write_text("{")
    with pytest.raises(RecordingError, match="a.zarr: damaged"):
        open_recording(copy)["IT"]
