"""Evaluation at every readout time: the numbers, the statistics behind them, and what is refused."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, recall_score

from tests.networks.common import build
from tests.training.common import CLASSES, labelled, spec, write_folder
from ventralrnn.errors import GraphError, SpecificationError, StimulusError, TrainingError
from ventralrnn.networks import Norm, PostNet, RecurrentNetwork, TimeBatchNorm, count_multiply_adds, count_parameters
from ventralrnn.stimuli import standardise
from ventralrnn.stimuli.cifar10 import LABELS
from ventralrnn.training import evaluate
from ventralrnn.training.calibration import calibrate
from ventralrnn.training.evaluation import CALIBRATION_PICTURES, Evaluation
from ventralrnn.training.files import list_files
from ventralrnn.training.measures import expected_calibration_error, wilson_interval
from ventralrnn.training.pictures import load_folder
from ventralrnn.zoo import save_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pictures")
    write_folder(place / "train", labelled(60, seed=1))
    write_folder(place / "test", labelled(50, seed=2))
    return place


def network(**changes: Any) -> RecurrentNetwork:
    """Return a network whose every weight and statistic is random."""
    return build(spec(**changes), dtype=torch.float32)


def forget(network: RecurrentNetwork, *steps: int) -> RecurrentNetwork:
    """Take away the statistics of some steps, as a run leaves those that it never came to."""
    for norm in network.modules():
        if isinstance(norm, TimeBatchNorm) and len(norm.batches) > 1:
            norm.batches[list(steps)] = 0
    return network.eval()


def run(network: Any, folder: Path, **arguments: Any) -> Evaluation:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # above all: no statistics of another step
        return evaluate(network, str(folder), device="cpu", **arguments)


def softmax(scores: np.ndarray) -> np.ndarray:
    return torch.from_numpy(scores).double().softmax(-1).numpy()


# -- the numbers ----------------------------------------------------------------------------------------------------


def test_scores_are_those_of_a_plain_forward_pass(folder: Path) -> None:
    model = network()
    result = run(model, folder)
    pictures = load_folder(folder / "test", model.spec.preprocessing)
    with torch.no_grad():
        expected = model(standardise(pictures.pixels, model.spec.preprocessing), readout="all")
    assert [r.step for r in result.readouts] == [1, 2, 3]
    np.testing.assert_allclose(result.scores, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert (result.labels == pictures.labels.numpy()).all() and result.classes == CLASSES


def test_every_readout_time_agrees_with_scikit_learn(folder: Path) -> None:
    result = run(network(), folder)
    for i, r in enumerate(result.readouts):
        answers, p = result.scores[:, i].argmax(1), softmax(result.scores[:, i])
        assert r.accuracy == accuracy_score(result.labels, answers)
        assert r.cross_entropy == pytest.approx(log_loss(result.labels, p, labels=[0, 1]), rel=1e-9)
        assert r.confusion == tuple(map(tuple, confusion_matrix(result.labels, answers).tolist()))
        assert r.class_accuracy == tuple(recall_score(result.labels, answers, average=None))
        interval = binomtest(round(r.accuracy * 50), 50).proportion_ci(method="wilson")
        assert (r.low, r.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
        assert r.calibration_error == pytest.approx(guo(p, result.labels), abs=1e-12)


def guo(p: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Return the expected calibration error, written as in the paper."""
    confidence, right, total = p.max(1), p.argmax(1) == labels, 0.0
    for m in range(1, bins + 1):
        inside = (confidence > (m - 1) / bins) & (confidence <= m / bins)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


def test_calibration_error_by_hand_and_by_the_paper() -> None:
    p = np.array([[0.9, 0.1], [0.92, 0.08], [0.4, 0.6], [1.0, 0.0]])
    # 0.9 and 0.92 share a bin: half right. 0.6 lies at an upper end, so alone. 1.0 is in the last, and right.
    assert expected_calibration_error(p, np.array([0, 1, 1, 0])) == pytest.approx((abs(1.82 - 1) + 0.4 + 0) / 4)
    rng = np.random.default_rng(0)
    many, labels = rng.dirichlet(np.full(10, 0.3), 3000), rng.integers(0, 10, 3000)
    assert expected_calibration_error(many, labels) == pytest.approx(guo(many, labels), rel=1e-9)
    assert expected_calibration_error(np.eye(3), np.arange(3)) == 0


@pytest.mark.parametrize(("right", "number"), [(0, 1), (1, 1), (0, 500), (500, 500), (3, 7), (9312, 10000)])
def test_wilson_interval_is_scipys(right: int, number: int) -> None:
    expected = binomtest(right, number).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson_interval(right, number) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_result_does_not_depend_on_the_batch_size(folder: Path) -> None:
    results = [run(network(), folder, batch_size=size) for size in (1, 7, 500)]
    for other in results[1:]:
        np.testing.assert_allclose(other.scores, results[0].scores, rtol=1e-4, atol=1e-5)
        assert [r.accuracy for r in other.readouts] == [r.accuracy for r in results[0].readouts]
    again = run(network(), folder, batch_size=7)
    assert (again.scores == results[1].scores).all(), "to the last bit"


def test_facts_about_the_model(folder: Path) -> None:
    model = network()
    result = run(model, folder)
    assert [r.trained for r in result.readouts] == [False, True, True]
    assert [r.ms for r in result.readouts] == [model.spec.time_ms("IT", step) for step in (1, 2, 3)]
    assert [r.multiply_adds for r in result.readouts] == [count_multiply_adds(model.spec, [s]) for s in (1, 2, 3)]
    assert result.parameters == sum(p.numel() for p in model.parameters()) == count_parameters(model.spec)
    assert result.main.step == 3 and result.humans is None and result.notes == ()


def test_what_only_the_last_readout_was_trained_for(folder: Path) -> None:
    model = network()
    model.checkpoint_info = {"recipe": {"readout": "last"}}
    assert [r.trained for r in run(model, folder).readouts] == [False, False, True]


def test_a_checkpoint_and_its_network_give_the_same(folder: Path, tmp_path: Path) -> None:
    info = {"classes": list(CLASSES), "seed": 5, "training_pictures": 60}
    save_checkpoint(network(), tmp_path / "m.safetensors", info)
    result = run(tmp_path / "m.safetensors", folder)
    assert (result.scores == run(network(), folder).scores).all()
    assert result.weights == str(tmp_path / "m.safetensors") and result.info == info


def test_readouts_are_chosen(folder: Path) -> None:
    everything = run(network(), folder)
    for chosen in ("1,3", [3, 1]):
        some = run(network(), folder, readouts=chosen)
        assert [r.step for r in some.readouts] == [1, 3]
        np.testing.assert_allclose(some.scores, everything.scores[:, [0, 2]], rtol=1e-4, atol=1e-5)
    assert [r.step for r in run(network(), folder, steps=3).readouts] == [1, 2], "a shorter run"


def test_a_class_without_pictures_has_no_accuracy(tmp_path: Path) -> None:
    pictures = labelled(20)
    write_folder(tmp_path / "test", pictures.take((pictures.labels == 1).nonzero()[:, 0]))
    model = network()
    model.checkpoint_info = {"classes": list(CLASSES)}
    first, second = run(model, tmp_path).main.class_accuracy
    assert np.isnan(first) and 0 <= second <= 1


# -- statistics -----------------------------------------------------------------------------------------------------


def test_a_longer_run_is_recalibrated_and_leaves_trained_steps_alone(folder: Path) -> None:
    model = network()
    short, long = run(model, folder), run(model, folder, steps=7)
    assert [r.step for r in long.readouts] == [1, 2, 3, 4, 5, 6]
    assert [r.recalibrated for r in long.readouts] == [False] * 3 + [True] * 3
    assert [r.trained for r in long.readouts] == [False, True, True] + [False] * 3
    np.testing.assert_allclose(long.scores[:, :3], short.scores, rtol=1e-4, atol=1e-5)
    assert long.notes == ("no batch norm statistics for steps 4:7: computed from 60 training pictures",)
    train = list_files(folder / "train", model.spec.preprocessing, CLASSES)
    fresh = calibrate(model, train, CALIBRATION_PICTURES, steps=7)
    for name, norm in model.named_modules():
        if isinstance(norm, TimeBatchNorm) and len(norm.batches) > 1:
            fresh.get_submodule(name).running_mean[:4] = norm.running_mean  # type: ignore[index,operator]
            fresh.get_submodule(name).running_var[:4] = norm.running_var  # type: ignore[index,operator]
    for name in ("pre_net.norms.0",):
        fresh.get_submodule(name).load_state_dict(model.get_submodule(name).state_dict())
    pictures = load_folder(folder / "test", model.spec.preprocessing)
    with torch.no_grad():
        expected = fresh(standardise(pictures.pixels, model.spec.preprocessing), readout=(4, 5, 6))
    np.testing.assert_allclose(long.scores[:, 3:], expected.numpy(), rtol=1e-3, atol=1e-4)
    assert (run(model, folder, steps=7).scores == long.scores).all()
    longer = replace(model.spec, steps=7, readouts=(4, 5, 6))
    assert [r.multiply_adds for r in long.readouts[3:]] == [count_multiply_adds(longer, [s]) for s in (4, 5, 6)]


def test_the_network_given_is_left_as_it_is(folder: Path) -> None:
    model = forget(network(), 1)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    run(model, folder, steps=6)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_missing_statistics_are_computed_and_named(folder: Path) -> None:
    result = run(forget(network(), 3), folder)
    assert [r.recalibrated for r in result.readouts] == [False, False, True]
    assert result.notes == ("no batch norm statistics for step 3: computed from 60 training pictures",)
    np.testing.assert_allclose(result.scores[:, :2], run(network(), folder).scores[:, :2], rtol=1e-4, atol=1e-5)


def test_random_weights_are_recalibrated_throughout(folder: Path) -> None:
    torch.manual_seed(0)
    assert all(r.recalibrated for r in run(RecurrentNetwork(spec()).eval(), folder).readouts)


def test_without_training_pictures_such_readouts_are_left_out(tmp_path: Path) -> None:
    write_folder(tmp_path / "test", labelled(10))
    result = run(forget(network(), 3), tmp_path)
    assert [r.step for r in result.readouts] == [1, 2]
    assert result.notes[0].startswith("no batch norm statistics for step 3,") and "not read out" in result.notes[0]
    with pytest.raises(TrainingError, match="no batch norm statistics for step 3, and .* has no training pictures"):
        run(forget(network(), 3), tmp_path, readouts=[3])
    with pytest.raises(TrainingError, match="no batch norm statistics for steps 1:4"):
        run(forget(network(), 0, 1, 2, 3), tmp_path)


def test_statistics_shared_over_time_are_kept_and_said(folder: Path) -> None:
    result = run(network(norm=Norm("shared")), folder, steps=6)
    assert len(result.readouts) == 5 and not any(r.recalibrated for r in result.readouts)
    assert "one set of batch norm statistics" in result.notes[0]


def test_learnt_scale_and_shift_beyond_the_trained_steps_are_said(folder: Path) -> None:
    notes = run(network(norm=Norm(affine="step")), folder, steps=5).notes
    assert notes[0] == "scale and shift beyond step 3 are those learnt for it"


def test_an_untied_network(folder: Path) -> None:
    model = network(shared=False)
    result = run(model, folder)
    assert [r.multiply_adds for r in result.readouts] == [count_multiply_adds(model.spec, [s]) for s in (1, 2, 3)]
    assert result.parameters == sum(p.numel() for p in model.parameters())
    assert run(forget(network(shared=False), 3), folder).readouts[-1].recalibrated
    with pytest.raises(SpecificationError, match="cannot run 5"):
        run(model, folder, steps=5)


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "why"),
    [
        ({"readouts": [4]}, TrainingError, "readout at step 4: outside the run.*: steps=5 runs longer"),
        ({"readouts": [-1, 2]}, TrainingError, "steps 0 to 3$"),
        ({"readouts": []}, TrainingError, "empty"),
        ({"readouts": "x"}, SpecificationError, "write steps like"),
        ({"readouts": [0]}, GraphError, "nothing to read out"),
        ({"steps": 1}, GraphError, "nothing to read out"),
        ({"steps": 0}, TrainingError, "at least 1"),
        ({"batch_size": 0}, TrainingError, "at least 1"),
    ],
)
def test_readouts_that_there_are_not(folder: Path, arguments: dict[str, Any], error: type, why: str) -> None:
    with pytest.raises(error, match=why):
        run(network(), folder, **arguments)


def test_other_classes_are_refused(folder: Path) -> None:
    with pytest.raises(TrainingError, match="small: tells 3 classes apart, and .* has 2"):
        run(network(post_net=PostNet(3)), folder)
    model = network()
    model.checkpoint_info = {"classes": ["up", "down"]}
    with pytest.raises(TrainingError, match=f"no class '{CLASSES[0]}' was learnt: there are up, down"):
        run(model, folder)


def test_a_model_of_other_classes_is_refused_for_cifar10(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = replace(labelled(4), classes=LABELS)
    monkeypatch.setattr("ventralrnn.training.evaluation.load_test", lambda *_, **__: fake)
    model = network()
    with pytest.raises(TrainingError, match="tells 2 classes apart, and cifar10 has 10"):
        evaluate(model)
    model.checkpoint_info = {"classes": list(CLASSES)}
    with pytest.raises(TrainingError, match=rf"other classes than cifar10 has \({', '.join(CLASSES)}.*not airplane\)"):
        evaluate(model)


def test_other_modules_are_refused(folder: Path) -> None:
    with pytest.raises(TrainingError, match="file.py:make: has no specification"):
        run("file.py:make", folder)
    with pytest.raises(TrainingError, match="Linear: only networks of ventralrnn"):
        run(torch.nn.Linear(2, 2), folder)


def test_answers_that_are_not_finite_are_refused(folder: Path) -> None:
    model = network()
    with torch.no_grad():
        model.post_net.linear.bias[0] = float("nan")
    with pytest.raises(TrainingError, match="answers at step 1 are not finite"):
        run(model, folder)


def test_pictures_that_were_learnt_from_are_said(tmp_path: Path) -> None:
    write_folder(tmp_path, labelled(10))
    model = network()
    model.checkpoint_info = {"data": load_folder(tmp_path, model.spec.preprocessing).digest()}
    assert "the very pictures" in run(model, tmp_path).notes[0]


def test_people_are_asked_about_cifar10_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.full((50, 2), 3.0)
    monkeypatch.setattr("ventralrnn.training.evaluation.read_counts", lambda labels: counts)
    assert run(network(), folder).humans is None
    fake = replace(labelled(50), classes=LABELS)
    monkeypatch.setattr("ventralrnn.training.evaluation.load_test", lambda *_, **__: fake)
    counts = np.random.default_rng(0).integers(1, 9, (50, 10)).astype(float)
    humans = evaluate(network(post_net=PostNet(10)), device="cpu", entropy_threshold=1.5).humans
    assert humans is not None and len(humans.cross_entropy) == 3
    assert humans.reaction is not None and humans.reaction.threshold == 1.5


def test_pictures_of_a_folder_are_read_as_they_are_needed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    held = load_folder(folder / "test", model.spec.preprocessing)
    monkeypatch.setattr("ventralrnn.training.evaluation.load_test", lambda *_, **__: held)
    expected = run(model, folder, batch_size=7)
    monkeypatch.undo()
    largest = 0
    original = RecurrentNetwork.forward

    def forward(self: Any, x: torch.Tensor, *args: Any, **rest: Any) -> Any:
        nonlocal largest
        largest = max(largest, len(x))
        return original(self, x, *args, **rest)

    monkeypatch.setattr(RecurrentNetwork, "forward", forward)
    monkeypatch.setattr("ventralrnn.training.pictures._read", None)
    found = run(model, folder, batch_size=7)
    assert np.array_equal(found.scores, expected.scores) and np.array_equal(found.labels, expected.labels)
    assert largest == 7 < len(found.labels)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path, labelled(30))
    broken = sorted(tmp_path.rglob("*.png"))[25]
    broken.write_bytes(b"no picture")
    for size in (4, 100):  # read by processes of their own, or by this one
        with pytest.raises(StimulusError, match=broken.name) as caught:
            run(network(), tmp_path, batch_size=size)
        assert "Traceback" not in str(caught.value) and "--skip-bad" not in str(caught.value)
