"""The command ``ventralrnn score``: a table, a file, one line for what is wrong."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.brains.brainscore.common import STATIC, TEMPORAL, Data, injected, write_data
from ventralrnn.analysis.results import open_result
from ventralrnn.cli.main import main
from ventralrnn.cli.score_report import report

Captured = pytest.CaptureFixture[str]
MODEL = """
import sys
sys.path.insert(0, {root!r})
from tests.brains.brainscore.common import Clocked

def build():
    return Clocked()
"""


def run(capsys: Captured, *arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["score", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    pytest.importorskip("brainscore_vision")
    return write_data(tmp_path_factory.mktemp("brainscore"))


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Return a recurrent model of somebody else."""
    file = tmp_path / "mine.py"
    file.write_text(MODEL.format(root=str(Path(__file__).parents[2])))
    return f"{file}:build"


def test_a_model_of_ones_own_is_scored_with_its_steps(capsys: Captured, data: Data, model: str, tmp_path: Path) -> None:
    out = tmp_path / "score.nc"
    arguments = (model, "--area", "IT=it", "--ms-per-step", 10, "--onset-ms", "IT=10", "--device", "cpu")
    with injected(data):
        status, text, _ = run(
            capsys, *arguments, "--benchmark", TEMPORAL, "--uncovered", "nan", "--out", out, "--seed", 3
        )
    assert status == 0
    lines = text.splitlines()
    assert lines[0] == f"{model} on {TEMPORAL}" and lines[1].split()[:2] == ["TIME", "BIN"]
    assert lines[2].split()[:4] == ["0-10", "ms", "-", "-"]
    result = open_result(out)
    scores = result["score"].values
    assert [float(line.split()[2]) for line in lines[3:7]] == pytest.approx(scores[1:], abs=5e-4)
    assert len(set(scores[1:].round(6))) == 4, "no step stands for another"
    assert f"mean of the 4 time bins that are covered: {scores[1:].mean():.3f}" in text
    states = result["state_score"].mean("time_bin").values[0]
    table = lines[lines.index("score of every state, mean over time bins") + 1 :]
    assert table[0].split() == ["STEP", "TIME", "IT"] and table[1].split()[:3] == ["0", "10", "ms"]
    assert [float(line.split()[-1]) for line in table[1:6]] == pytest.approx(states, abs=5e-4)
    assert not (tmp_path / "score.nc.states").exists()


def test_json(capsys: Captured, data: Data, model: str) -> None:
    with injected(data):
        status, text, _ = run(
            capsys,
            model,
            "--benchmark",
            STATIC,
            "--area",
            "IT=it",
            "--ms-per-step",
            20,
            "--onset-ms",
            "IT=70",
            "--json",
        )
    found = json.loads(text[text.index("{") :])
    assert status == 0 and found["score"] == pytest.approx(found["raw"] ** 2 / found["ceiling"])
    assert found["attributes"]["metric_computed_by"] == "ventralrnn (PLS)"
    assert found["area"] == ["IT"] and found["time_step"] == [0, 1, 2, 3, 4] and len(found["state_score"][0]) == 5
    assert found["attributes"]["best_score"] == max(found["state_score"][0])
    assert found["low"] < found["raw"] < found["high"]


def test_what_is_wrong_is_one_line(capsys: Captured, model: str, tmp_path: Path) -> None:
    pytest.importorskip("brainscore_vision")
    cases = [
        ((model, "--benchmark", STATIC, "--data-dir", tmp_path, "--area", "IT=it"), "data are missing: https://"),
        ((model, "--benchmark", "Nothing2020", "--area", "IT=it"), "no benchmark 'Nothing2020'"),
        (("vental", "--benchmark", STATIC), "did you mean ventral"),
        ((model, "--benchmark", STATIC, "--area", "IT=it", "--resume"), "goes with --out"),
        ((model, "--benchmark", STATIC, "--area", "IT"), "write it like IT=it.output"),
        ((model, "--benchmark", STATIC, "--out", "score.txt"), "ends in .nc"),
        ((model, "--benchmark", STATIC, "--onset-ms", "IT=70"), "goes with --ms-per-step"),
    ]
    for arguments, message in cases:
        status, out, err = run(capsys, *arguments)
        assert (status, out) == (2, "") and message in err and "Traceback" not in err, err


@pytest.mark.parametrize(("ms", "said"), [(np.nan, ""), (90.0, ", 90 ms")])
def test_a_score_in_words(ms: float, said: str) -> None:
    committed = {"committed_score": 0.3, "committed_low": 0.2, "committed_high": 0.4, "committed_area": "IT"}
    best = {"best_score": 0.4, "best_area": "IT", "best_step": 1, "best_ms": ms}
    result = xr.Dataset(
        {"score": (("area", "time"), [[0.3, 0.4]]), "ceiling_lower": 0.45, "ceiling": 0.54},
        {"area": ["IT"], "time_step": ("time", [0, 1]), "time_ms": (("area", "time"), [[ms - 10, ms]])},
        {"benchmark": "my_rdms-rdm", **committed, **best},
    )
    lines = list(report(result))
    assert lines[1] == "score 0.300 (0.200..0.400) of IT, ceiling 0.450..0.540"
    assert lines[-1] == f"best of all states: 0.400, IT, step 1{said}"
    assert list(report(result.drop_vars("ceiling_lower")))[1].endswith("ceiling 0.540")


def test_without_brain_score_the_way_to_it_is_named(
    capsys: Captured, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "brainscore_vision", None)
    status, _, err = run(capsys, model, "--benchmark", STATIC, "--area", "IT=it")
    assert status == 2 and "pip install 'ventralrnn[brainscore]'" in err and err.count("\n") == 1
