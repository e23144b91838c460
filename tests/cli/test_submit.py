"""The command ``ventralrnn submit``: a folder for Brain-Score, one line for what is wrong."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ventralrnn.cli.main import main

Captured = pytest.CaptureFixture[str]


def run(capsys: Captured, *arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["submit", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_a_folder_is_written(capsys: Captured, tmp_path: Path) -> None:
    status, out, err = run(capsys, "ventral", "--out", tmp_path)
    assert (status, err) == (0, "") and out.startswith(f"{tmp_path / 'ventral'}: __init__.py, metadata.yml, model.py")
    status, out, _ = run(capsys, "ventral", "--out", tmp_path, "--name", "mine", "--area", "IT=V4", "--json")
    assert status == 0 and json.loads(out)["path"] == str(tmp_path / "mine")
    assert "areas={'IT': 'V4'}" in (tmp_path / "mine" / "model.py").read_text()


def test_what_is_wrong_is_one_line(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "ventral").mkdir()
    for arguments, message in (
        (("ventral", "--out", tmp_path), "is there already"),
        (("nothing", "--out", tmp_path), "nothing"),
        (("ventral", "--out", tmp_path, "--name", "a/b"), "letters, digits"),
        (("ventral", "--out", tmp_path, "--name", "m", "--area", "IT=TE"), "area IT: the model has no module 'TE'"),
        (("ventral", "--out", tmp_path, "--name", "m", "--ms-per-step", 10), "has its own, in its specification"),
    ):
        status, out, err = run(capsys, *arguments)
        assert (status, out) == (2, "") and message in err and err.count("\n") == 1, err
    assert [path.name for path in tmp_path.iterdir()] == ["ventral"]


def test_a_failed_submission_leaves_no_folder(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **keywords: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("ventralrnn.brains.brainscore.submission._write_weights", full)
    status, out, err = run(capsys, "ventral", "--out", tmp_path / "new")
    assert (status, out) == (2, "") and "No space left" in err and err.count("\n") == 1
    assert not any(tmp_path.iterdir())
