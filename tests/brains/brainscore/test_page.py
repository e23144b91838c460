"""Every command and every line of Python of the page on Brain-Score works as written."""

import re
import shlex
from pathlib import Path

import pytest

from tests.brains.brainscore.common import injected, write_data
from ventralrnn.cli.main import main

pytest.importorskip("brainscore_vision")

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "brainscore.md").read_text()
MODEL = """
import sys
sys.path.insert(0, {root!r})
from tests.brains.brainscore.common import Clocked as build
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_it_works_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_data(tmp_path / "responses", until_ms=100)
    (tmp_path / "my_data").mkdir()
    (tmp_path / "my_model.py").write_text(MODEL.format(root=str(ROOT)))
    monkeypatch.chdir(tmp_path)
    lines = [shlex.split(line) for block in blocks("console") for line in block.splitlines()]
    assert len(lines) == 3
    with injected(data):
        for line in lines:
            with pytest.raises(SystemExit) as ended:
                main(line[1:])
            assert ended.value.code == 0, capsys.readouterr().err
            assert capsys.readouterr().out.strip()
        for block in blocks("python"):
            exec(compile(block, "brainscore.md", "exec"), {})
            assert "ceiling" in capsys.readouterr().out
    assert (tmp_path / "score.nc").is_file() and (tmp_path / "submission" / "ventral" / "model.py").is_file()
