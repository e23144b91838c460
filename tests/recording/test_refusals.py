"""A recording is continued only with the model, weights, stimuli and settings with which it was started."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.networks.common import build
from tests.recording import models
from tests.recording.common import assert_same_store, files, inputs, tiny, tiny_spec, write_pictures
from ventralrnn import extract
from ventralrnn.errors import RecordingError
from ventralrnn.networks import Preprocessing
from ventralrnn.recording.journal import Entry, Journal
from ventralrnn.recording.store import OtherRecordingError, partial_path

BASE: dict[str, Any] = {"areas": ["V1", "IT"], "batch_size": 2, "command": "the same"}


def record(folder: Path, out: Path, **changes: Any) -> Any:
    options = {"model": tiny(), "stimuli": folder, "resume": True, **BASE, **changes}
    return extract(options.pop("model"), options.pop("stimuli"), out, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", 6)


@pytest.fixture(params=["unfinished", "finished"])
def begun(request: pytest.FixtureRequest, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the name of a recording that is finished, or of which two of three batches are."""
    out = tmp_path / "a.zarr"
    if request.param == "finished":
        record(folder, out)
        return out
    commit = Journal.commit

    def stop(journal: Journal, entry: Entry) -> None:
        commit(journal, entry)
        if entry.stop == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "commit", stop)
    with pytest.raises(KeyboardInterrupt):
        record(folder, out)
    monkeypatch.undo()
    return out


def resized(folder: Path) -> None:
    Image.new("RGB", (9, 9)).save(folder / "001.png")


def renamed() -> torch.nn.Module:
    return build(replace(tiny_spec(), name="b"), 0, torch.float32)


DIFFERENCES: dict[str, tuple[dict[str, Any], str]] = {
    "another model": ({"model": tiny(input_steps=None)}, r"model\.specification\.input_steps was 1, is None"),
    "another name": ({"model": renamed()}, r"model\.name was stream, is b"),
    "other weights": ({"model": tiny(seed=1)}, r"weights was [0-9a-f]{57}\.\.\., is [0-9a-f]{57}"),
    "other areas": ({"areas": ["V1", "V2"]}, r"areas\.V2 was None, is .*; areas\.IT was .*, is None"),
    "more areas": ({"areas": None}, r"areas\.V2 was None"),
    "other steps": ({"steps": "0:3"}, r"areas\.V1\.steps was \[0, 1, 2, 3, 4\], is \[0, 1, 2\]"),
    "pooled": ({"pool": "mean"}, r"areas\.V1\.shape was \[3, 8, 8\], is \[3\].*; pool was none, is mean"),
    "another type": ({"dtype": "float16"}, r"areas\.V1\.dtype was float32, is float16"),
    "a cut": ({"cut": ["IT-V2@3:5"]}, r"model\.cut was \[\], is \['IT-V2@3:5'\]"),
    "currents": ({"currents": ["V1-V2"]}, r"areas\.V1-V2 was None"),
    "another batch size": ({"batch_size": 3}, "batch_size was 2, is 3"),
    "another seed": ({"seed": 7}, "seed was 0, is 7"),
    "another size": ({"preprocessing": Preprocessing(16)}, r"preprocessing\.size was 8, is 16"),
    "another mean": ({"preprocessing": Preprocessing(8, mean=(0.5, 0.5, 0.5))}, r"preprocessing\.mean\[0\] was 0\.0"),
    "other stimuli": ({"stimuli": inputs(6)}, r"stimuli\.fingerprint was .*, is"),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_difference_is_named(begun: Path, folder: Path, name: str) -> None:
    changes, message = DIFFERENCES[name]
    with pytest.raises(OtherRecordingError, match=f"made from something else, so it cannot be continued: .*{message}"):
        record(folder, begun, **changes)
    record(folder, begun)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: write_pictures(folder, 7), r"stimuli\.number was 6, is 7"),
        (lambda folder: (folder / "005.png").unlink(), r"stimuli\.number was 6, is 5"),
        (lambda folder: (folder / "005.png").rename(folder / "005a.png"), r"stimuli\.fingerprint was"),
        (resized, r"stimuli\.fingerprint was"),
    ],
    ids=["added", "removed", "renamed", "replaced"],
)
def test_other_pictures(begun: Path, folder: Path, change: Callable[[Path], Any], message: str) -> None:
    change(folder)
    with pytest.raises(OtherRecordingError, match=message):
        record(folder, begun)


def test_a_picture_of_the_same_size_in_the_place_of_another(tmp_path: Path) -> None:
    """Bytes tell where sizes do not, also when everything is recorded already."""
    array = inputs(6)
    for finished in (False, True):
        out = tmp_path / f"{finished}.zarr"
        if finished:
            record(array, out)
        else:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("ventralrnn.recording.extraction.finish", _interrupt)
                with pytest.raises(KeyboardInterrupt):
                    record(array, out)
        other = array.copy()
        other[3] += 1
        with pytest.raises(OtherRecordingError, match="^00003: has changed since it was recorded, so .* restore it"):
            record(other, out)
        assert record(array, out)["V1"].shape[0] == 6


def _interrupt(*arguments: Any) -> None:
    raise KeyboardInterrupt


def test_files_are_named_that_have_changed(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(4):
        Image.new("RGB", (8, 8), (index, 0, 0)).save(folder / f"{index}.bmp")
    record(folder, tmp_path / "a.zarr")
    Image.new("RGB", (8, 8), (9, 9, 9)).save(folder / "2.bmp")
    with pytest.raises(OtherRecordingError, match=f"^{folder / '2.bmp'}: has changed"):
        record(folder, tmp_path / "a.zarr")


def test_where_pictures_lie_and_what_they_are_called_is_no_difference(
    begun: Path, folder: Path, tmp_path: Path
) -> None:
    folder.rename(tmp_path / "moved")
    record(tmp_path / "moved", begun)


def test_other_modules_of_another_model(tmp_path: Path) -> None:
    model = models.recurrent()
    out = tmp_path / "a.zarr"
    extract(model, inputs(), out, areas={"IT": "it"})
    with pytest.raises(OtherRecordingError, match=r"model\.modules\.IT was it, is it\.output"):
        extract(model, inputs(), out, areas={"IT": "it.output"}, resume=True)
    keeps = models.keeps()
    extract(keeps, inputs(), tmp_path / "b.zarr", areas=["IT"], states=models.history)
    with pytest.raises(OtherRecordingError, match=r"model\.states was history, is .*lambda"):
        extract(
            keeps, inputs(), tmp_path / "b.zarr", areas=["IT"], states=lambda m, b: models.history(m, b), resume=True
        )


def test_what_would_be_recorded_is_checked_also_when_only_the_name_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    whole = record(inputs(6), out)
    out.rename(partial_path(out))
    with pytest.raises(OtherRecordingError, match="weights was"):
        record(inputs(6), out, model=tiny(seed=1))
    assert_same_store(record(inputs(6), out).path, whole.path)


def test_a_run_that_cannot_start_leaves_what_is_there(begun: Path, folder: Path) -> None:
    before = files(begun.parent)
    for changes in ({"areas": ["V3"]}, {"batch_size": 3}, {"resume": False}):
        with pytest.raises((RecordingError, ValueError)):
            record(folder, begun, **changes)
    assert files(begun.parent) == before


def test_workers_devices_and_commands_are_no_difference(begun: Path, folder: Path) -> None:
    recording = record(folder, begun, workers=1, device="cpu", command="another", skip_bad=True)
    assert recording.attrs["command"] == "the same"


def test_a_long_list_of_differences_stays_readable(tmp_path: Path) -> None:
    record(inputs(6), tmp_path / "a.zarr")
    other = tiny(steps=6, input_steps=None, bias=False, readouts=(5,), reference="a book")
    changes = {"model": other, "pool": "mean", "dtype": "float16", "seed": 3}
    with pytest.raises(
        OtherRecordingError, match=r"model\.specification\.steps was 5, is 6; .*; and \d+ more"
    ) as raised:
        record(inputs(6), tmp_path / "a.zarr", **changes)
    assert str(raised.value).count(" was ") == 1 + 5
    assert str(raised.value).endswith("more differences (give another name for `out`, or remove it)")


def test_the_default_batch_size_depends_on_the_states_alone(tmp_path: Path) -> None:
    few = extract(tiny(), inputs(3), tmp_path / "a.zarr")
    many = extract(tiny(), inputs(30), tmp_path / "b.zarr")
    assert few.attrs["batch_size"] == many.attrs["batch_size"] == 64
    large = extract(torch.nn.Identity(), np.zeros((2, 3, 512, 1024), np.float32), tmp_path / "c.zarr", areas={"x": ""})
    assert large.attrs["batch_size"] == (1 << 26) // (3 * 512 * 1024 * 4)
