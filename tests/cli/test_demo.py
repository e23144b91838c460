"""The command ``ventralrnn demo``: it shows what there is, again and again."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.recording.common import assert_same_store, files, tiny
from ventralrnn import open_recording
from ventralrnn.analysis.results import open_result
from ventralrnn.cli import demo
from ventralrnn.cli.main import main
from ventralrnn.errors import DataError
from ventralrnn.recording.store import partial_path
from ventralrnn.stimuli import cache, load_stimuli

SLOW = demo._SLOW
ELSEWHERE = os.environ.get(cache.VARIABLE, "")


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["demo", *map(str, arguments)])
    return int(ended.value.code or 0)


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, with an empty data cache and no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))

    def get(name: str) -> None:
        raise DataError(f"{name} cannot be downloaded (no connection). To put it in place by hand, save it")

    monkeypatch.setattr(cache, "get", get)
    monkeypatch.setattr(demo, "_SAMPLES", 9)
    monkeypatch.setattr(demo, "_TABLE_SAMPLES", 9)
    # The benchmark that is left takes two seconds; one test takes them all.
    monkeypatch.setattr(demo, "_SLOW", ("-rdm", "-ridge", *demo._SLOW))


def check_closing_words(said: str, out: Path) -> None:
    """Every file is listed, in two columns, and the last line names those to open."""
    lines = said.splitlines()
    start = lines.index(f"Written to {out}/") + 1
    listed = lines[start : lines.index("", start)]
    assert sorted(line.split()[0] for line in listed) == sorted(path.name for path in out.iterdir())
    assert len({len(line) - len(line[2:].partition("   ")[2].lstrip()) for line in listed}) == 1
    assert lines[-2].startswith(f"Open {out / 'report.html'} in a browser")
    assert lines[-1].startswith(f"{out / 'timecourses.png'}, ") and lines[-1].endswith(f" {out / 'scores.csv'}")


@pytest.fixture
def small_model(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that puts a small network, of some seed, in the place of the demo's model."""

    def choose(seed: int = 0) -> None:
        monkeypatch.setattr(demo, "_model", lambda: (tiny(seed=seed), "Small weights."))

    choose()
    return choose


def test_the_demo_shows_what_there_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_SLOW", SLOW)
    assert run() == 0
    out = Path("demo")
    said = capsys.readouterr()
    first, second, third, fourth, fifth = said.err.splitlines()
    assert (
        "demo/ventral.zarr" in first and "simulated brain" in second and third.startswith("fetching kriegeskorte2008 (")
    )
    assert fourth == "scoring ventral and its control ventral-feedforward on 6 benchmarks ..."
    assert fifth == "putting it all into one page ..."
    assert "stands in:\n  kriegeskorte2008: cannot be downloaded (no connection)\n" in said.out
    assert "\n  cichy2016: not in the data cache\n  cowley2023: not in the data cache\n" in said.out
    check_closing_words(said.out, out)
    table = open_result(out / "scores.nc")
    assert table["simulated"].values.all() and "REAL DATA" not in said.out
    lines = said.out.splitlines()
    start = lines.index("SIMULATED DATA: a noisy brain made of ventral")
    assert [line.split()[0] for line in lines[start + 1 : start + 7]] == [
        str(name).removeprefix("ventralrnn.") for name in table["benchmark"].values
    ]
    assert max(map(len, lines)) <= 100
    # The brain is ventral's, so it is the more alike.
    assert (table["difference"].sel(model="ventral", model_other="ventral-feedforward") > 0).all()
    with open(out / "scores.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12 and {row["data"] for row in rows} == {"simulated"}
    assert [float(row["score"]) for row in rows] == table["score"].values.ravel().tolist()
    recording = open_recording(out / "ventral.zarr")
    embedded = load_stimuli("embedded")
    assert list(recording) == ["V1", "V2", "V4", "IT"]
    assert recording["IT"].stimulus_id.values.tolist() == list(embedded.ids)
    assert recording["IT"].label.values.tolist() == list(embedded.labels or ())
    first = {area: recording[area].time_ms.values[len(recording[area].attrs["unreached_steps"])] for area in recording}
    assert first == {"V1": 50, "V2": 60, "V4": 70, "IT": 80}
    # The line of Python that it prints works.
    assert recording["IT"].sel(time=recording["IT"].time_ms == 100).mean("neuroid").shape == (400, 1)
    figures = ["rdms.png", "simulated.png", "timecourses.png"]
    for figure in figures:
        picture = np.asarray(Image.open(out / figure).convert("L"))
        assert min(picture.shape) > 500
        assert 0.02 < (picture < 200).mean() < 0.9
    results = ["rdms.nc", "scores.csv", "scores.nc", "simulated-brain.nc", "simulated-rsa.nc"]
    assert sorted(path.name for path in out.iterdir()) == sorted([*figures, *results, "report.html", "ventral.zarr"])


def test_the_simulated_brain_is_found_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Each of its areas is most like the same area of the model, within its noise ceiling."""
    assert run("--offline") == 0
    assert "nothing was fetched (--offline)" in capsys.readouterr().out
    assert open_result("demo/simulated-brain.nc").attrs["simulated"] == "yes"
    result = open_result("demo/simulated-rsa.nc")
    late = result.isel(brain_time=-1)
    for area in ("V4", "IT"):
        found = late.sel(brain_area=area)
        best = found.similarity.max("time")
        assert str(best.area.values[np.argmax(best.values)]) == area
        assert float(found.ceiling_lower) < float(best.max()) <= float(found.ceiling_upper)
    before = result.isel(brain_time=0).similarity
    assert float(abs(before).max()) < 0.1


def test_primates_are_used_where_they_are(
    small_model: Any, needs: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(cache.VARIABLE, ELSEWHERE)
    for name in ("kriegeskorte2008", "cichy2016"):
        needs(name)
    assert run() == 0
    said = capsys.readouterr().out
    assert "primates.png" in said
    result = open_result("demo/cichy2016-rsa.nc")
    assert result.brain_area.values.tolist() == ["EVC", "IT"] and result.sizes["subject"] == 15
    assert Path("demo/primates.png").stat().st_size > 10_000
    check_closing_words(said, Path("demo"))
    # Once more, and they are gone: what was made with them is no result of this run.
    monkeypatch.setenv(cache.VARIABLE, "empty")
    assert run("--offline") == 0
    said = capsys.readouterr().out
    check_closing_words(said, Path("demo"))
    assert not [path for path in Path("demo").iterdir() if "primates" in path.name or "2008" in path.name]


def test_once_more_draws_the_figure_alone(small_model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", "here") == 0
    before = {path: path.stat().st_mtime_ns for path in Path("here/ventral.zarr").rglob("*")}
    Path("here/timecourses.png").unlink()
    capsys.readouterr()
    assert run("--out", "here") == 0
    assert capsys.readouterr().err.startswith("taking up here/ventral.zarr ...\n")
    assert {path: path.stat().st_mtime_ns for path in Path("here/ventral.zarr").rglob("*")} == before
    assert Path("here/timecourses.png").stat().st_size > 10_000


def test_json(small_model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["recording"] == "demo/ventral.zarr" and said["weights"] == "Small weights."
    assert said["figures"] == [f"demo/{name}.png" for name in ("timecourses", "rdms", "simulated")]
    assert said["results"] == [f"demo/{name}.nc" for name in ("rdms", "scores", "simulated-brain", "simulated-rsa")]
    assert [row["model"] for row in said["scores"]] == ["ventral", "ventral-feedforward"]
    assert said["scores"][1]["compared_with"] == "ventral" and 0 <= said["scores"][1]["p_value"] <= 1


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
