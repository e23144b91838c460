"""The command ``ventralrnn evaluate``: a table that fits a terminal, everything as JSON, one line for what is wrong."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.networks.common import build
from tests.training.common import CLASSES, labelled, spec, write_folder
from ventralrnn.cli.main import main
from ventralrnn.networks import NetworkSpec, PostNet
from ventralrnn.stimuli.cifar10 import LABELS
from ventralrnn.training import evaluate
from ventralrnn.zoo import save_checkpoint

Captured = pytest.CaptureFixture[str]
INFO = {
    "classes": list(CLASSES),
    "seed": 3,
    "epochs": 12,
    "training_pictures": 47500,
    "data": "0123456789abcdef",
    "recipe": {"name": "fast", "readout": "all"},
}


def run(capsys: Captured, *arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pictures")
    write_folder(place / "train", labelled(60, seed=1))
    write_folder(place / "test", labelled(50, seed=2))
    return place


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    save_checkpoint(build(spec()), tmp_path / "m.safetensors", INFO)
    return tmp_path / "m.safetensors"


@pytest.fixture
def as_cifar10(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let 50 pictures stand for the test split of CIFAR-10, with human labels; return a model for them."""
    rng = np.random.default_rng(0)
    fake = replace(labelled(50), classes=LABELS)
    counts = rng.integers(0, 5, (50, 10)).astype(float)
    counts[np.arange(50), fake.labels.numpy()] += 40
    monkeypatch.setattr("ventralrnn.training.evaluation.load_test", lambda *_, **__: fake)
    monkeypatch.setattr("ventralrnn.training.evaluation.read_counts", lambda _: counts)
    save_checkpoint(build(spec(post_net=PostNet(10))), tmp_path / "ten.safetensors")
    return tmp_path / "ten.safetensors"


def narrow(out: str) -> bool:
    return all(len(line) <= 80 or ".safetensors" in line or "pictures0" in line for line in out.splitlines())


def test_the_table(capsys: Captured, checkpoint: Path, folder: Path) -> None:
    status, out, err = run(capsys, checkpoint, "--data", folder, "--device", "cpu")
    assert (status, err) == (0, "") and narrow(out)
    result = evaluate(checkpoint, str(folder), device="cpu")
    lines = out.splitlines()
    assert f"Weights: {checkpoint}" in lines and f"Parameters: {result.parameters:,}" in lines
    assert "Learnt from: 47,500 pictures, data 0123456789abcdef, 12 epochs of recipe fast," in lines
    head = next(i for i, line in enumerate(lines) if line.startswith("STEP"))
    for line, r in zip(lines[head + 1 :], result.readouts, strict=False):
        words = line.split()
        assert words[:4] == [str(r.step), f"{r.ms:g}", "yes" if r.trained else "no", f"{100 * r.accuracy:.2f}"]
        assert words[5:8] == [f"{100 * r.low:.2f}", "-", f"{100 * r.high:.2f}"]
        assert words[8:10] == [f"{r.cross_entropy:.3f}", f"{100 * r.calibration_error:.2f}"]
    classes = lines.index("Accuracy of each class at step 3, in %")
    assert lines[classes + 1].split() == [
        word
        for name, value in zip(CLASSES, result.main.class_accuracy, strict=True)
        for word in (name, f"{100 * value:.1f}")
    ]
    assert "CIFAR-10H" not in out and "peterson2019" not in out


def test_a_longer_run_says_what_its_statistics_are(capsys: Captured, checkpoint: Path, folder: Path) -> None:
    status, out, _ = run(capsys, checkpoint, "--data", folder, "--steps", 6, "--readout", "3,5")
    assert status == 0 and narrow(out)
    head, *rows = out[out.index("STEP") :].splitlines()[:3]
    assert [row.split()[0] for row in rows] == ["3", "5*"] and len({len(line) for line in (head, *rows)}) == 1
    assert "\n* no batch norm statistics for step 5: computed from 60 training pictures.\n" in out


def test_json_holds_everything(capsys: Captured, checkpoint: Path, folder: Path) -> None:
    status, out, err = run(capsys, checkpoint, "--data", folder, "--device", "cpu", "--json")
    assert (status, err) == (0, "")
    found, result = json.loads(out), evaluate(checkpoint, str(folder), device="cpu")
    assert (found["pictures"], found["classes"], found["info"]) == (50, list(CLASSES), INFO)
    assert (found["weights"], found["parameters"], found["humans"]) == (str(checkpoint), result.parameters, None)
    for plain, r in zip(found["readouts"], result.readouts, strict=True):
        assert plain["confusion"] == [list(row) for row in r.confusion] and sum(map(sum, r.confusion)) == 50
        assert plain["class_accuracy"] == list(r.class_accuracy)
        for key in ("step", "ms", "trained", "recalibrated", "accuracy", "low", "high", "multiply_adds"):
            assert plain[key] == getattr(r, key)


def test_many_classes_are_summed_up(capsys: Captured, tmp_path: Path) -> None:
    names = tuple(f"class{n:03d}" for n in range(40))
    pictures = replace(labelled(40), labels=labelled(40).labels * 0 + np.arange(40), classes=names)
    write_folder(tmp_path / "test", pictures)
    save_checkpoint(build(spec(post_net=PostNet(40))), tmp_path / "m.safetensors")
    status, out, _ = run(capsys, tmp_path / "m.safetensors", "--data", tmp_path)
    assert status == 0 and narrow(out)
    assert "The 30 classes with the lowest accuracy at step 3, in % (--json: all)" in out
    assert sum(word.startswith("class0") for word in out.split()) == 30


def test_people_next_to_the_model(capsys: Captured, as_cifar10: Path) -> None:
    status, out, err = run(capsys, as_cifar10, "--device", "cpu")
    assert (status, err) == (0, "") and narrow(out)
    humans = evaluate(as_cifar10, device="cpu").humans
    assert humans is not None and humans.reaction is not None
    flat = " ".join(out.split())
    assert f"the entropy of the human labels, is {humans.entropy:.3f}." in flat
    for nats, c in zip(humans.cross_entropy, humans.correlations, strict=True):
        assert f"{nats:.3f} {nats - humans.entropy:.3f} {c.rho:.3f} ({c.low:.3f} to {c.high:.3f})" in flat
    assert f"first is below {humans.reaction.threshold:.3f} nats (which most pictures cross)" in flat
    assert f"{2 * humans.reaction.never:.1f} % never (censored)" in flat
    assert "it says how people disagree, not how fast they are" in flat
    _, out, _ = run(capsys, as_cifar10, "--device", "cpu", "--json")
    found = json.loads(out)["humans"]
    assert found["cross_entropy"] == pytest.approx(humans.cross_entropy)
    times = [None if ms != ms else ms for ms in humans.reaction.ms.tolist()]
    assert found["reaction"]["ms"] == times and found["reaction"]["never"] == times.count(None)


def test_a_threshold_that_nothing_crosses(capsys: Captured, as_cifar10: Path) -> None:
    status, out, _ = run(capsys, as_cifar10, "--threshold", "1e-12")
    flat = " ".join(out.split())
    assert status == 0 and "nats (as asked). Median: after the last readout time." in flat
    assert "100.0 % never" in flat and "undefined, the 0 pictures" in flat
    status, out, _ = run(capsys, as_cifar10, "--readout", "3")
    assert status == 0 and "Reaction times: none" in out


def test_where_human_labels_come_from(capsys: Captured, as_cifar10: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ventralrnn.training.evaluation.read_counts", lambda _: None)
    status, out, _ = run(capsys, as_cifar10)
    assert status == 0 and "`ventralrnn data get peterson2019` fetches them" in out


def test_random_weights_are_warned_about(capsys: Captured, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def model_spec(_: str) -> NetworkSpec:
        return spec()

    monkeypatch.setattr("ventralrnn.zoo.load.model_spec", model_spec)
    monkeypatch.setattr("ventralrnn.training.evaluation.shipped_checkpoint", lambda _: None)
    monkeypatch.setattr("ventralrnn.zoo.load.shipped_checkpoint", lambda _: None)
    with pytest.warns(UserWarning, match="has no trained weights here: they are random"):
        monkeypatch.setattr("ventralrnn.cli.options.show_warnings_plainly", lambda: None)
        status, out, _ = run(capsys, "small", "--data", folder)
    assert status == 0 and "Weights:" not in out and " yes " not in out
    assert "no batch norm statistics for steps 1:4: computed from 60 training pictures" in out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["none.safetensors"], "none.safetensors: no such checkpoint"),
        (["vntral"], "no model 'vntral': did you mean ventral"),
        (["file.py:make"], "file.py:make: has no specification to evaluate"),
        (["MODEL", "--data", "nowhere"], "nowhere: give cifar10, imagenet, or a folder"),
        (["MODEL", "--data", "imagenet"], "imagenet: say where it lies with --data-dir"),
        (["MODEL", "--data", "DATA", "--readout", "9"], "readout at step 9: outside the run"),
        (["MODEL", "--data", "DATA", "--readout", "a"], "--readout 'a': write steps like"),
        (["MODEL", "--data", "DATA", "--readout", "0"], "nothing to read out"),
        (["MODEL", "--data", "DATA", "--device", "abacus"], "--device 'abacus'"),
    ],
)
def test_what_is_wrong_gets_one_line_and_status_2(
    capsys: Captured, checkpoint: Path, folder: Path, arguments: list[str], why: str
) -> None:
    known = {"MODEL": checkpoint, "DATA": folder}
    status, out, err = run(capsys, *(known.get(a, a) for a in arguments))
    assert (status, out) == (2, "")
    assert err.startswith(f"ventralrnn: error: {why}") and err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--steps", "0"], ["--batch-size", "0"], ["--threshold", "0"], []])
def test_bad_options_are_status_2(capsys: Captured, arguments: list[str]) -> None:
    model = ["m.safetensors"] if arguments else []
    assert run(capsys, *model, *arguments)[0] == 2


def test_help(capsys: Captured) -> None:
    status, out, _ = run(capsys, "--help")
    assert status == 0 and "Accuracy of MODEL at every readout time." in out
