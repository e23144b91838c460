"""``ventralrnn train``: what a user types, sees and finds."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib import image

from tests.training.common import labelled, spec, write_folder
from ventralrnn.cli.main import main
from ventralrnn.graph import write_plain
from ventralrnn.training.journal import read_metrics
from ventralrnn.zoo import load_checkpoint

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Return a command that trains a small network on 200 pictures."""
    folder = write_folder(tmp_path / "pictures", labelled(200))
    write_plain(spec(), tmp_path / "small.yaml")
    names = [str(tmp_path / "small.yaml"), "--data", str(folder), "--out", str(tmp_path / "run")]
    return ["train", *names, "--epochs", "2", "--batch-size", "20", "--device", "cpu"]


def run(arguments: list[str]) -> int:
    """Run the command line."""
    with pytest.raises(SystemExit) as done:
        main(arguments)
    return int(done.value.code or 0)


def test_a_run_on_200_pictures(arguments: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert run(arguments) == 0
    said = capsys.readouterr()
    assert "2 epochs, " in said.out and str(tmp_path / "run" / "last.safetensors") in said.out
    assert [line.split(":")[0] for line in said.err.splitlines()] == ["epoch 1", "epoch 2"]
    assert image.imread(tmp_path / "run" / "curves.png").shape[2] in (3, 4)
    network = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert network.checkpoint_info["training_pictures"] == 190
    assert network.spec == spec()


def test_json_and_changes_of_the_model(arguments: list[str], capsys: Captured) -> None:
    changes = ["--json", "--width", "0.5", "--without", "IT-V1", "--steps", "3", "--unshared", "--readout", "last"]
    assert run([*arguments, *changes]) == 0
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert said.err == "" and len(result["log"]) == 2
    made = load_checkpoint(result["checkpoint"]).spec
    assert [area.channels for area in made.graph.areas] == [2, 3]
    assert (made.steps, made.readout_steps, made.shared) == (3, (2,), False)
    assert "IT-V1" not in [c.name for c in made.graph.connections]
    assert made.name == "small-width0.5-without-IT-V1-steps3-unshared"


def test_tensorboard_shows_the_curves(arguments: list[str], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert run(arguments) == 0
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    table = read_metrics(tmp_path / "run" / "metrics.csv")
    assert set(events.Tags()["scalars"]) == set(table) and "validation_accuracy_3" in table
    for name, values in table.items():
        shown = events.Scalars(name)
        assert [point.step for point in shown] == [1, 2]
        assert [point.value for point in shown] == pytest.approx(values, rel=1e-5)


def test_without_tensorboard(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "tensorboard" else find(name))
    assert run(arguments) == 0
    assert not (tmp_path / "run" / "tensorboard").exists()


def test_a_run_goes_on(arguments: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert run(arguments) == 0
    assert run(arguments) == 2
    assert "holds a run already: --resume goes on with it" in capsys.readouterr().err
    assert run([*arguments, "--resume"]) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--recipe", "slow"], "no recipe 'slow'"),
        (["--without", "IT-V9"], "IT-V9"),
        (["--device", "cuda:99"], "no such device here"),
        (["--batch-size", "0"], "--batch-size"),
        (["--learning-rate", "nan"], "--recipe: --learning-rate is nan"),
        (["--validation", "1"], "--validation"),
    ],
)
def test_wrong_arguments(arguments: list[str], changes: list[str], message: str, capsys: Captured) -> None:
    assert run([*arguments, *changes]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ("ventrall", ".", "did you mean ventral"),
        ("ventral", "nowhere", "nowhere: give cifar10, imagenet, or a folder"),
        ("file.py:factory", ".", "file.py:factory: only networks of ventralrnn are trained here"),
    ],
)
def test_wrong_names(model: str, data: str, message: str, tmp_path: Path, capsys: Captured) -> None:
    assert run(["train", model, "--data", data, "--out", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_training_needs_neither_zarr_nor_brainscore(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "for name in ('zarr', 'xarray', 'brainscore_vision', 'brainscore_core', 'pandas'): sys.modules[name] = None\n"
        "from ventralrnn.cli.main import main\nmain(sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
