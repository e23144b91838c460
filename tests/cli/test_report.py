"""The command ``ventralrnn report``."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.report.common import record, write_labelled
from ventralrnn.cli.main import main
from ventralrnn.recording import Recording


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("recording")
    return record(write_labelled(folder / "pictures", 2), folder / "tiny.zarr")


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["report", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_it_says_what_it_wrote(recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.html"
    assert run(recording.path, "--out", out) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{out}   0.") and said.out.endswith("MB over one file; open it in a browser\n")
    assert out.read_text("utf-8").startswith("<!doctype html>")


def test_as_json(recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.html"
    assert run(recording.path.parent, "--out", out, "--title", "A title", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["path"] == str(out) and made["bytes"] == out.stat().st_size
    assert made["sources"] == [str(recording.path)] and made["movies"] == 1 and made["sections"] == 1
    assert "<title>A title - ventralrnn report</title>" in out.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.nc", "--out", "report.html"], "none.nc: there is no such file"),
        (["none.zarr", "--out", "report.html"], "none.zarr: no recording is there"),
        (["text.nc", "--out", "report.html"], "text.nc: neither a recording"),
        ([".", "--out", "mine.html"], "mine.html: exists and is no report"),
        (["empty", "--out", "report.html"], "empty: this folder holds no recording"),
        (["text.nc", "--out", "report.pdf"], "report.pdf: the report is a web page"),
        (["text.nc", "--out", "report.html", "--stimuli", "nowhere"], "text.nc"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.nc").write_text("text")
    Path("mine.html").write_text("mine")
    Path("empty").mkdir()
    assert run(*arguments) == 2
    said = capsys.readouterr()
    assert message in said.err and said.err.count("\n") == 1 and not said.out
    assert not Path("report.html").exists() and Path("mine.html").read_text() == "mine"


def test_pictures_that_are_nowhere_are_an_error(
    recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(recording.path, "--out", tmp_path / "report.html", "--stimuli", tmp_path / "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err
