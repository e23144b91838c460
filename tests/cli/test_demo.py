"""The command ``ventralrnn demo``: it shows what there is, again and again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.recording.common import assert_same_store, files, tiny
from ventralrnn import open_recording
from ventralrnn.cli import demo
from ventralrnn.cli.main import main
from ventralrnn.recording.store import partial_path
from ventralrnn.stimuli import load_stimuli


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["demo", *map(str, arguments)])
    return int(ended.value.code or 0)


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def small_model(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that puts a small network, of some seed, in the place of the demo's model."""

    def choose(seed: int = 0) -> None:
        monkeypatch.setattr(demo, "_model", lambda: (tiny(seed=seed), "Small weights."))

    choose()
    return choose


def test_the_demo_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    out = Path("demo")
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "demo/ventral.zarr" in said.err
    assert f"Look at\n  {out / 'timecourses.png'} " in said.out
    recording = open_recording(out / "ventral.zarr")
    embedded = load_stimuli("embedded")
    assert list(recording) == ["V1", "V2", "V4", "IT"]
    assert recording["IT"].stimulus_id.values.tolist() == list(embedded.ids)
    assert recording["IT"].label.values.tolist() == list(embedded.labels or ())
    first = {area: recording[area].time_ms.values[len(recording[area].attrs["unreached_steps"])] for area in recording}
    assert first == {"V1": 50, "V2": 60, "V4": 70, "IT": 80}
    # The line of Python that it prints works.
    assert recording["IT"].sel(time=recording["IT"].time_ms == 100).mean("neuroid").shape == (400, 1)
    picture = np.asarray(Image.open(out / "timecourses.png").convert("L"))
    assert min(picture.shape) > 500
    assert 0.02 < (picture < 200).mean() < 0.5
    assert sorted(path.name for path in out.iterdir()) == ["timecourses.png", "ventral.zarr"]


def test_once_more_draws_the_figure_alone(small_model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", "here") == 0
    before = {path: path.stat().st_mtime_ns for path in Path("here/ventral.zarr").rglob("*")}
    Path("here/timecourses.png").unlink()
    capsys.readouterr()
    assert run("--out", "here") == 0
    assert capsys.readouterr().err == "taking up here/ventral.zarr ...\n"
    assert {path: path.stat().st_mtime_ns for path in Path("here/ventral.zarr").rglob("*")} == before
    assert Path("here/timecourses.png").stat().st_size > 10_000


def test_json(small_model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    result = {"recording": "demo/ventral.zarr", "figure": "demo/timecourses.png", "weights": "Small weights."}
    assert json.loads(capsys.readouterr().out) == result


def test_a_recording_of_an_older_version_is_replaced(small_model: Callable[[int], None]) -> None:
    assert run() == 0
    old = files(Path("demo/ventral.zarr"))
    small_model(1)
    assert run() == 0
    assert files(Path("demo/ventral.zarr")) != old
    small_model(0)
    assert run() == 0
    assert files(Path("demo/ventral.zarr")) == old


@pytest.mark.parametrize("seed", [0, 1], ids=["of the same model", "of another model"])
def test_a_demo_that_was_killed_goes_on(
    small_model: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    def stop(*arguments: Any) -> None:
        raise KeyboardInterrupt

    assert run("--out", "whole") == 0
    small_model(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ventralrnn.recording.extraction.finish", stop)
        assert run() == 130
    assert partial_path(Path("demo/ventral.zarr")).exists() and not Path("demo/timecourses.png").exists()
    small_model(0)
    assert run() == 0
    assert_same_store(Path("demo/ventral.zarr"), Path("whole/ventral.zarr"))
    assert not partial_path(Path("demo/ventral.zarr")).exists()


def test_a_figure_that_cannot_be_written_leaves_the_last_one(
    small_model: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    before = Path("demo/timecourses.png").read_bytes()

    def half(self: Any, path: Path, **options: Any) -> None:
        path.write_bytes(before[:100])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", half)
    capsys.readouterr()
    assert run() == 2
    assert "No space left on device" in capsys.readouterr().err
    assert Path("demo/timecourses.png").read_bytes() == before


def test_a_place_that_is_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("demo").write_text("")
    assert run() == 2
    assert "Directory 'demo' is a file" in capsys.readouterr().err


def test_a_recording_that_is_gone_is_made_again(small_model: Any) -> None:
    assert run() == 0
    shutil.rmtree("demo/ventral.zarr")
    assert run() == 0
    assert len(open_recording("demo/ventral.zarr")) == 3
