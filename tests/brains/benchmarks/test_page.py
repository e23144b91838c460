"""Every line of the page on benchmarks works as written, and its table is that of the results file."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.scores import MODELS, Row, read_rows, rows_of, show
from ventralrnn.brains.benchmarks import BENCHMARKS, compare_models
from ventralrnn.cli.main import main

PAGE = (Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def test_python_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "benchmarks.md", "exec"), names)
        assert capsys.readouterr().out.strip()


def test_commands_work(needs: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    needs("cichy2016"), needs("kriegeskorte2008")
    (block,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines():
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line)[1:])
        assert ended.value.code == 0
        assert "IT" in capsys.readouterr().out


def test_the_table_is_that_of_the_results() -> None:
    rows = read_rows()
    assert show(rows) in PAGE
    assert {row.benchmark for row in rows} == set(BENCHMARKS) and {row.model for row in rows} == set(MODELS)
    for row in rows:
        assert row.low <= row.score <= row.high
        assert not row.score > row.ceiling, "no model is better than the best possible one"


def test_every_benchmark_is_described() -> None:
    for identifier in BENCHMARKS:
        assert f"`{identifier.removeprefix('ventralrnn.')}`" in PAGE


def test_rows_are_what_a_comparison_says() -> None:
    name = "ventralrnn.Cowley2023.V4-ridge"
    table = compare_models({"ventral-feedforward": "ventral-feedforward"}, [name], simulate="always", samples=10)
    (row,) = rows_of(table)
    assert isinstance(row, Row) and row.benchmark == name and row.score == float(table["score"][0, 0])
    assert row.ceiling == float(table["ceiling"][0]) and row.best_step == float(table["best_step"][0, 0])
