"""Behavioural tasks: a feedforward model answers as through Brain-Score's own wrapper."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from tests.brains.brainscore.common import Data, Feedforward, load, some
from ventralrnn.brains.brainscore import VentralBrainModel
from ventralrnn.brains.brainscore.environment import nothing_kept
from ventralrnn.errors import RecordingError

pytest.importorskip("brainscore_vision")


def theirs() -> Any:
    from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper
    from brainscore_vision.model_helpers.brain_transformation import ModelCommitment

    wrapper = PytorchWrapper(identifier="feedforward", model=Feedforward().eval(), preprocessing=load)
    return ModelCommitment("feedforward", wrapper, layers=["it"], region_layer_map={"IT": "it"}, visual_degrees=8)


def ours(**how: Any) -> VentralBrainModel:
    return VentralBrainModel(Feedforward(), {"IT": "it"}, device="cpu", **how)


def test_recordings_are_those_of_the_wrapper(data: Data) -> None:
    found = []
    with nothing_kept():
        for model in (theirs(), ours()):
            model.start_recording("IT", time_bins=[(70, 170)])
            found.append(model.look_at(data.stimuli).transpose("presentation", "neuroid"))
    np.testing.assert_allclose(found[1].values, found[0].values, atol=1e-6)
    assert found[1]["stimulus_id"].values.tolist() == found[0]["stimulus_id"].values.tolist()


def test_probabilities_are_those_of_the_wrapper_and_of_scikit_learn(data: Data) -> None:
    train, test = some(data, range(30)), some(data, range(30, 40))
    found = []
    with nothing_kept():
        for model in (theirs(), ours()):
            model.start_task("probabilities", train)
            found.append(model.look_at(test))
    np.testing.assert_allclose(found[1].values, found[0].values, atol=1e-6)
    assert found[1]["choice"].values.tolist() == found[0]["choice"].values.tolist()
    features = [
        Feedforward().it(torch.from_numpy(load([str(s.get_stimulus(i)) for i in s["stimulus_id"]]))).detach().numpy()
        for s in (train, test)
    ]
    scaler = StandardScaler().fit(features[0])
    fit = LogisticRegression(C=1e-3, solver="newton-cg").fit(scaler.transform(features[0]), train["image_label"])
    expected = fit.predict_proba(scaler.transform(features[1]))
    order = [list(fit.classes_).index(choice) for choice in found[1]["choice"].values]
    np.testing.assert_allclose(found[1].values, expected[:, order], atol=1e-4)


@pytest.mark.parametrize("labels", ["imagenet", ["dog", "cat", "boat"]])
def test_labels_are_those_of_the_wrapper(data: Data, labels: Any) -> None:
    found = []
    with nothing_kept():
        for model in (theirs(), ours()):
            model.start_task("label", labels)
            found.append(model.look_at(data.stimuli))
    assert found[1].values.tolist() == found[0].values.tolist()


def test_labels_of_a_models_own(data: Data) -> None:
    classes = ["one", "two", "three", "four"]
    model = VentralBrainModel(Feedforward(4), {"IT": "it"}, device="cpu", labels=classes)
    model.start_task("label", ["one", "three"])
    outputs = Feedforward(4)(torch.from_numpy(load([str(p) for p in data.stimuli.stimulus_paths.values()])))
    expected = np.array(["one", "three"])[outputs.detach().numpy()[:, [0, 2]].argmax(1)]
    assert model.look_at(data.stimuli).values[0].tolist() == expected.tolist()
    for wrong, message in ((["five"], "knows no 'five'"), ("imagenet", "no ImageNet")):
        with pytest.raises(RecordingError, match=message):
            model.start_task("label", wrong)
    unnamed = VentralBrainModel(Feedforward(4), {"IT": "it"}, device="cpu")
    unnamed.start_task("label", "imagenet")
    with pytest.raises(RecordingError, match="4 outputs, not ImageNet's 1000"):
        unnamed.look_at(data.stimuli)


def test_odd_one_out_is_that_of_the_wrapper(data: Data) -> None:
    triplets = some(data, [0, 1, 2, 3, 4, 5, 0, 4, 9])
    found = []
    with nothing_kept():
        for model in (theirs(), ours()):
            model.start_task("odd_one_out")
            found.append(model.look_at(triplets))
    assert found[1].values.tolist() == found[0].values.tolist() and found[1].shape == (1, 3)


def test_the_readout_is_the_last_step_or_a_chosen_one(data: Data) -> None:
    from tests.brains.brainscore.common import Clocked

    last, second = (
        VentralBrainModel(Clocked(), {"IT": "it"}, device="cpu", readout=readout) for readout in (None, ("IT", 1))
    )
    last_step, second_step = (model._activations(data.stimuli, layers=["readout"]).values for model in (last, second))
    shorter = VentralBrainModel(Clocked(2), {"IT": "it"}, device="cpu")
    np.testing.assert_allclose(second_step, shorter._activations(data.stimuli, layers=["readout"]).values, atol=1e-6)
    assert not np.allclose(last_step, second_step)
    absent = VentralBrainModel(Clocked(), {"IT": "it"}, device="cpu", readout=("IT", 9))
    with pytest.raises(RecordingError, match="readout: area IT has no response at step 9"):
        absent._activations(data.stimuli, layers=["readout"])


def test_nothing_to_do_is_said() -> None:
    model = ours()
    with pytest.raises(RecordingError, match="start_recording or start_task"):
        model.look_at([])
    with pytest.raises(RecordingError, match="task 'dance'"):
        model.start_task("dance")
    model.start_task("passive")
    assert model.look_at([]) is None
