"""Whole runs: they learn, they stop anywhere and go on to the same weights, and they say what is wrong."""

import csv
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.networks.common import can_compile
from tests.training.common import ALONE, CLASSES, labelled, spec, write_folder
from ventralrnn.errors import TrainingError
from ventralrnn.graph import write_plain
from ventralrnn.networks import Norm, RecurrentNetwork
from ventralrnn.networks.weights import hash_weights
from ventralrnn.training import Recipe, Run, train
from ventralrnn.training.batches import make_batches
from ventralrnn.training.run import _Sitting
from ventralrnn.training.trainer import Trainer
from ventralrnn.zoo import load_checkpoint

RECIPE = Recipe(epochs=3, batch_size=8, precision="float32", padding=1, cutout=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of 40 pictures in two classes."""
    return write_folder(tmp_path / "pictures", labelled(40))


def run(folder: Path, out: Path, recipe: Recipe = RECIPE, **arguments: Any) -> Run:
    """Train the small network."""
    values = {"validation": 0.2, "device": "cpu", **arguments}
    return train(values.pop("model", spec()), str(folder), out, recipe=recipe, **values)


def weights(run: Run) -> str:
    """Return the identity of what a run ended with."""
    return hash_weights(load_checkpoint(run.checkpoint))


@pytest.mark.parametrize("optimiser", ["sgd", "muon"])
def test_a_run_learns_and_says_how(folder: Path, tmp_path: Path, optimiser: str) -> None:
    recipe = replace(RECIPE, epochs=8, optimiser=optimiser)
    done = run(folder, tmp_path / "run", recipe, seed=2)
    assert done.info["validation_accuracy"]["3"] == 1.0
    network = load_checkpoint(done.best)
    assert network.checkpoint_info["classes"] == list(CLASSES)
    assert network.checkpoint_info["seed"] == 2
    assert network.checkpoint_info["recipe"]["optimiser"] == optimiser
    with open(tmp_path / "run" / "metrics.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 9))
    assert float(rows[-1]["train_loss"]) < 0.7 * float(rows[0]["train_loss"])
    assert {p.name for p in (tmp_path / "run").iterdir()} == {
        "best.safetensors",
        "last.safetensors",
        "metrics.csv",
        "run.json",
    }


def test_statistics_are_there_for_every_area_and_step(folder: Path, tmp_path: Path) -> None:
    network = load_checkpoint(run(folder, tmp_path / "run").checkpoint)
    dependence = network.spec.dependence
    for area, norm in network.norms.items():
        reached = [dependence.is_reached(area, step) for step in range(network.spec.steps)]
        # At the last step nothing reads a state any more.
        assert (norm.batches[:-1] > 0).tolist() == reached[:-1]


def test_the_same_seed_gives_the_same_weights_and_another_does_not(folder: Path, tmp_path: Path) -> None:
    first, second = run(folder, tmp_path / "a"), run(folder, tmp_path / "b")
    assert weights(first) == weights(second)
    assert weights(run(folder, tmp_path / "c", seed=1)) != weights(first)


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("stop", [1, 4, 5, 7])
def test_a_run_that_breaks_off_at_any_batch_goes_on_to_the_same_weights(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int, average: float
) -> None:
    recipe = replace(RECIPE, average=average, accumulate=2)
    whole = run(folder, tmp_path / "whole", recipe)
    learn, count = Trainer._learn, 0

    def breaking(self: Trainer, *args: Any) -> None:
        nonlocal count
        count += 1
        if count > stop:
            raise RuntimeError("power cut")
        learn(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_learn", breaking)
        with pytest.raises(RuntimeError, match="power cut"):
            run(folder, tmp_path / "broken", recipe, save_every=0.0)
    again = run(folder, tmp_path / "broken", recipe, resume=True)
    assert weights(again) == weights(whole)
    assert hash_weights(load_checkpoint(again.best)) == hash_weights(load_checkpoint(whole.best))
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in r.rows] for r in (again, whole)]
    assert timeless[0] == timeless[1]


SCRIPT = """
import sys
from ventralrnn.training import train
model, recipe, data, out = sys.argv[1:]
train(model, data, out, recipe=recipe, validation=0.2, device="cpu", save_every=0.0, resume=True)
"""


def test_a_run_that_is_killed_goes_on_to_the_same_weights(folder: Path, tmp_path: Path) -> None:
    recipe, out = replace(RECIPE, epochs=40), tmp_path / "killed"
    write_plain(spec(), tmp_path / "small.yaml")
    write_plain(recipe, tmp_path / "recipe.json")
    files = [str(path) for path in (tmp_path / "small.yaml", tmp_path / "recipe.json", folder, out)]
    state = out / "state.safetensors"
    kills = 0
    for attempt in range(3):
        child = subprocess.Popen([sys.executable, "-c", SCRIPT, *files])
        begun, before = time.monotonic(), state.stat().st_mtime_ns if state.exists() else 0
        while child.poll() is None and time.monotonic() - begun < 120:
            # As soon as it goes on, and a little later each time, in the middle of whatever it does.
            if state.exists() and state.stat().st_mtime_ns > before:
                time.sleep(0.05 * attempt)
                child.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
        kills += child.wait() == -signal.SIGKILL
    assert kills == 3
    assert weights(run(folder, out, recipe, resume=True)) == weights(run(folder, tmp_path / "whole", recipe))


def test_ctrl_c_keeps_the_batches_that_were_learnt(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn, count = Trainer._learn, 0

    def interrupted(self: Trainer, *args: Any) -> None:
        nonlocal count
        count += 1
        learn(self, *args)
        if count == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_learn", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(folder, tmp_path / "run")
    assert count == 2
    count = 0
    monkeypatch.setattr(Trainer, "_learn", lambda self, *args: (learn(self, *args), setattr(self, "n", count)))
    assert weights(run(folder, tmp_path / "run", resume=True)) == weights(run(folder, tmp_path / "whole"))


def test_a_finished_run_is_not_done_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(folder, tmp_path / "run")
    monkeypatch.setattr(_Sitting, "run", None)
    again = run(folder, tmp_path / "run", resume=True)
    assert (again.info, again.rows) == (json.loads(json.dumps(first.info)), first.rows)


def test_weights_that_are_there_are_not_overwritten(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "run" / "last.safetensors"
    kept.parent.mkdir()
    kept.write_bytes(b"somebody's")
    with pytest.raises(TrainingError, match="holds a run already"):
        run(folder, tmp_path / "run")
    assert kept.read_bytes() == b"somebody's"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, r"another seed \(0, not 1\)"),
        ({"recipe": replace(RECIPE, epochs=9)}, r"another recipe \(epochs \(3, not 9\)\)"),
        ({"model": spec(steps=5)}, r"another model \(steps \(4, not 5\)\)"),
        ({"validation": 0.3}, "another data"),
    ],
)
def test_another_run_cannot_go_on(folder: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    run(folder, tmp_path / "run")
    with pytest.raises(TrainingError, match=message):
        run(folder, tmp_path / "run", **{"resume": True, **changes})
    with pytest.raises(TrainingError, match="holds a run already: resume=True goes on with it"):
        run(folder, tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_the_run(folder: Path, tmp_path: Path) -> None:
    wild = replace(RECIPE, optimiser="sgd", learning_rate=1e20, warm_up=0.0, epochs=5)
    with pytest.raises(
        TrainingError, match=r"not finite at epoch \d+, batch \d+; the largest activation is .* in (V1|IT) at step \d"
    ):
        run(folder, tmp_path / "run", wild)
    for name in ("best.safetensors", "last.safetensors"):
        assert not (tmp_path / "run" / name).exists()


def test_gradients_of_parts_are_those_of_the_whole_batch_where_batch_norm_is_no_part_of_it() -> None:
    """With one picture repeated, every part has the batch's own statistics."""
    one = labelled(2)
    pictures = type(one)(one.pixels.repeat(8, 1, 1, 1), one.labels.repeat(8), CLASSES)
    found = []
    for parts in (1, 2):
        recipe = replace(RECIPE, crop="none", flip="none", batch_size=16, accumulate=parts, optimiser="sgd")
        torch.manual_seed(0)
        network = RecurrentNetwork(spec()).double()
        trainer = Trainer(network, recipe, make_batches(pictures, network.spec.preprocessing, recipe, 0, ALONE), ALONE)
        x = torch.randn(2, 3, 8, 8, dtype=torch.float64).repeat(8, 1, 1, 1)
        trainer.optimisers = []
        trainer._learn(x, torch.arange(2).repeat(8))
        found.append({name: p.grad for name, p in network.named_parameters()})
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, msg=name)


@pytest.mark.parametrize("readout", ["all", "last"])
def test_the_loss_is_the_mean_over_readout_times_or_the_last(readout: str) -> None:
    recipe = replace(RECIPE, readout=readout, label_smoothing=0.1, crop="none", flip="none")
    pictures, network = labelled(8), RecurrentNetwork(spec())
    trainer = Trainer(network, recipe, make_batches(pictures, network.spec.preprocessing, recipe, 0, ALONE), ALONE)
    ((x, y),) = trainer.batches.epoch(0)
    with torch.no_grad():
        scores = network.train()(x, readout=(2, 3), record={}).double()
    log = scores.log_softmax(-1)
    each = [-(0.95 * log[range(8), t, y] + 0.05 * log[range(8), t, 1 - y]).mean().item() for t in range(2)]
    trainer._learn(x, y)
    expected = sum(each) / 2 if readout == "all" else each[1]
    assert math.isclose(trainer.running()["train_loss"] * 1, expected, rel_tol=1e-5)


def test_the_average_is_that_of_the_weights_after_every_update(folder: Path) -> None:
    recipe = replace(RECIPE, average=0.5, optimiser="sgd", warm_up=0.0)
    network = RecurrentNetwork(spec())
    expected = {k: v.clone() for k, v in network.state_dict().items() if v.is_floating_point()}
    trainer = Trainer(network, recipe, make_batches(labelled(), spec().preprocessing, recipe, 0, ALONE), ALONE)
    for done, (x, y) in enumerate(trainer.batches.epoch(0)):
        trainer._learn(x, y)
        trainer.batch += 1
        keep = min(0.5, (1 + done) / (10 + done))
        for key, value in expected.items():
            value.mul_(keep).add_(network.state_dict()[key], alpha=1 - keep)
    for key, value in expected.items():
        torch.testing.assert_close(trainer.trained.state_dict()[key], value)


@pytest.mark.parametrize(
    "changes",
    [
        {"shared": False},
        {"norm": Norm(statistics="shared")},
        {"norm": Norm(affine="step")},
        {"input_steps": None, "readouts": (1, 2, 3)},
    ],
    ids=["unshared", "statistics shared over time", "affine", "picture stays on"],
)
def test_other_specifications_train(folder: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    done = run(folder, tmp_path / "run", replace(RECIPE, epochs=1), model=spec(**changes))
    assert math.isfinite(done.rows[0]["train_loss"])


def test_training_goes_on_from_a_checkpoint_for_other_classes(folder: Path, tmp_path: Path) -> None:
    first = run(folder, tmp_path / "first")
    second = run(folder, tmp_path / "second", replace(RECIPE, epochs=1), model=str(first.checkpoint))
    assert second.rows[0]["train_loss"] < first.rows[0]["train_loss"]
    three = labelled(60)
    write_folder(tmp_path / "three", type(three)(three.pixels, torch.arange(60) % 3, ("a", "b", "c")))
    third = run(tmp_path / "three", tmp_path / "third", replace(RECIPE, epochs=1), model=str(first.checkpoint))
    assert load_checkpoint(third.checkpoint).spec.post_net.classes == 3


def test_a_specification_from_a_file(folder: Path, tmp_path: Path) -> None:
    write_plain(spec(), tmp_path / "small.yaml")
    done = run(folder, tmp_path / "run", replace(RECIPE, epochs=1), model=str(tmp_path / "small.yaml"))
    assert load_checkpoint(done.checkpoint).spec == spec()


def test_random_crops_of_files_train_and_go_on(folder: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=2, crop="resized", flip="random", cutout=0, optimiser="sgd", checkpoint_steps=True)
    whole = run(folder, tmp_path / "whole", recipe)

    def stop(out: Path) -> None:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        run(folder, tmp_path / "run", recipe, after_epoch=stop)
    assert weights(run(folder, tmp_path / "run", recipe, resume=True)) == weights(whole)


def test_a_compiled_step_learns_the_same(folder: Path, tmp_path: Path) -> None:
    if not can_compile():
        pytest.skip("no g++ or no Python headers here")
    recipe = replace(RECIPE, epochs=1, batch_size=16, optimiser="sgd")
    plain = load_checkpoint(run(folder, tmp_path / "plain", recipe).checkpoint)
    compiled = load_checkpoint(run(folder, tmp_path / "compiled", replace(recipe, compiled=True)).checkpoint)
    assert hash_weights(plain) != hash_weights(RecurrentNetwork(plain.spec))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[name], value, rtol=1e-3, atol=1e-4)


def test_without_a_compiler(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("no compiler here")

    plain = torch.compile
    monkeypatch.setattr("torch.compile", lambda model: plain(model, backend=fail))
    with pytest.raises(TrainingError, match="compiled: .*Train without it"):
        run(folder, tmp_path / "run", replace(RECIPE, compiled=True))


def test_a_damaged_state_is_refused_and_never_unpickled(folder: Path, tmp_path: Path) -> None:
    def stop(out: Path) -> None:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        run(folder, tmp_path / "run", after_epoch=stop)
    state = tmp_path / "run" / "state.safetensors"

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "trapped",))

    for content in (b"", state.read_bytes()[:100], pickle.dumps(Trap())):
        state.write_bytes(content)
        with pytest.raises(TrainingError, match=r"state\.safetensors: not the state of a run"):
            run(folder, tmp_path / "run", resume=True)
    assert not (tmp_path / "trapped").exists()
