"""Models with time as Brain-Score's subjects: bins, stimuli, tasks, recordings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.brains.brainscore.common import Clocked, Data, stimulus_set
from ventralrnn import extract
from ventralrnn.brains.brainscore import VentralBrainModel
from ventralrnn.errors import RecordingError, StimulusError, VentralrnnError
from ventralrnn.graph import Clock
from ventralrnn.networks.preprocessing import Preprocessing

pytest.importorskip("brainscore_vision")

CLOCK = Clock(10, {"IT": 80})
AREAS = {"IT": "it"}


def subject(steps: int = 5, clock: Clock | None = CLOCK, **how: Any) -> VentralBrainModel:
    return VentralBrainModel(Clocked(steps), AREAS, clock=clock, device="cpu", **how)


def by_hand(steps: int, pictures: Any) -> np.ndarray:
    """Return states (step, stimulus, neuroid) computed without any of what is tested."""
    model = Clocked(steps)
    states = []
    for name in pictures["stimulus_id"]:
        image = Image.open(pictures.get_stimulus(name)).resize((16, 16), Image.Resampling.BILINEAR)
        picture = torch.from_numpy(np.asarray(image).transpose(2, 0, 1)[None] / 255).float()
        state, found = model.enter(picture.flatten(1)), []
        entering = state
        for _ in range(steps):
            state = model.it(state + entering)
            found.append(state.detach().numpy()[0])
        states.append(found)
    return np.array(states).transpose(1, 0, 2)


def test_bins_are_filled_by_the_steps_that_cover_them(data: Data) -> None:
    model = subject()
    model.start_recording("IT", [(80, 90), (85, 105), (90, 130), (70, 90)])
    found = model.look_at(data.stimuli)
    states = by_hand(5, data.stimuli)
    expected = [
        states[0],
        states[0] * 5 / 20 + states[1] * 10 / 20 + states[2] * 5 / 20,
        states[1:5].mean(0),
        states[0],  # half of the bin lies before the first response
    ]
    assert found.dims == ("presentation", "neuroid", "time_bin")
    np.testing.assert_allclose(found.values, np.stack(expected, -1), rtol=2e-5, atol=2e-6)
    assert found["time_bin_start"].values.tolist() == [80, 85, 90, 70]
    assert (found["region"].values == "IT").all() and len(set(found["neuroid_id"].values)) == 40
    assert found["object_name"].values.tolist() == data.stimuli["object_name"].tolist()


def test_a_single_bin_has_no_time_axis_and_every_step_is_a_bin_by_default(data: Data) -> None:
    model = subject()
    single = np.empty((), dtype=object)
    single[()] = (80, 130)
    model.start_recording("IT", [single])
    mean = model.look_at(data.stimuli)
    model.start_recording("IT")
    steps = model.look_at(data.stimuli)
    assert mean.dims == ("presentation", "neuroid") and steps.sizes["time_bin"] == 5
    assert steps["time_bin_end"].values.tolist() == [90, 100, 110, 120, 130]
    np.testing.assert_allclose(mean.values, steps.values.mean(-1), atol=1e-6)


@pytest.mark.parametrize("clock", [CLOCK, None])
def test_a_measurement_without_time_is_the_mean_of_all_steps(data: Data, clock: Clock | None) -> None:
    model = subject(clock=clock)
    model.start_recording("IT", [(0, 0)])
    found = model.look_at(data.stimuli)
    assert found.dims == ("presentation", "neuroid") and model.coverage(data.stimuli).tolist() == [1]
    np.testing.assert_allclose(found.values, by_hand(5, data.stimuli).mean(0), rtol=2e-5, atol=2e-6)
    with pytest.raises(RecordingError, match="does not end after it starts"):
        model.start_recording("IT", [(0, 0), (10, 20)])


def test_what_no_step_covers_is_an_error_or_nan_and_never_a_repetition(data: Data) -> None:
    model = subject()
    model.start_recording("IT", [(70, 80), (80, 90), (140, 150)])
    with pytest.raises(RecordingError, match="from 80 to 130 ms.*70-80, 140-150 ms.*uncovered='nan'"):
        model.look_at(data.stimuli)
    open_ = subject(uncovered="nan")
    open_.start_recording("IT", [(70, 80), (80, 90), (140, 150)])
    found = open_.look_at(data.stimuli).values
    assert np.isnan(found[..., [0, 2]]).all() and np.isfinite(found[..., 1]).all()
    np.testing.assert_allclose(open_.coverage(data.stimuli), [0, 1, 0])


def test_a_static_model_answers_one_bin_and_is_not_repeated_over_several(data: Data) -> None:
    static = subject(steps=1, clock=None)
    static.start_recording("IT", [(70, 170)])
    np.testing.assert_allclose(static.look_at(data.stimuli).values, by_hand(1, data.stimuli)[0], rtol=2e-5, atol=2e-6)
    static.start_recording("IT", [(70, 80), (80, 90)])
    with pytest.raises(RecordingError, match="no clock.*clock="):
        static.look_at(data.stimuli)
    clocked = subject(steps=1, uncovered="nan")
    clocked.start_recording("IT", [(70, 80), (80, 90), (90, 100)])
    assert np.isfinite(clocked.look_at(data.stimuli).values).all((0, 1)).tolist() == [False, True, False]
    unclocked = subject(clock=None)
    unclocked.start_recording("IT", [(70, 170)])
    with pytest.raises(RecordingError, match="5 steps and no clock"):
        unclocked.look_at(data.stimuli)


def test_blocks_and_files_change_nothing(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    model = subject(batch_size=7)
    model.start_recording("IT", [(80, 90), (85, 130)])
    mapped = subject()
    mapped.start_recording("IT", [(80, 90), (85, 130)])
    whole = model.look_at(data.stimuli)
    monkeypatch.setattr("ventralrnn.brains.brainscore.model._RESIDENT_BYTES", 0)
    found = mapped.look_at(data.stimuli)
    np.testing.assert_allclose(found.values, whole.values, atol=1e-6)
    base = found.values
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert base is not None, "responses lie in a file, not in memory"


def test_presentations_repeat_and_keep_their_order(data: Data) -> None:
    model = subject()
    model.start_recording("IT", [(80, 90)])
    twice = data.stimuli.iloc[[3, 1, 3]]
    twice.stimulus_paths = data.stimuli.stimulus_paths
    found = model.look_at(twice)
    np.testing.assert_array_equal(found.values[0], found.values[2])
    np.testing.assert_allclose(found.values, by_hand(1, data.stimuli)[0][[3, 1, 3]], rtol=2e-5, atol=2e-6)
    paths = [str(data.stimuli.get_stimulus(name)) for name in ("p003", "p001", "p003")]
    np.testing.assert_allclose(model.look_at(paths).values, found.values, atol=1e-6)
    with pytest.raises(StimulusError, match="no file nowhere.png"):
        model.look_at(["nowhere.png"])


class Noisy(Clocked):
    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return super().forward(pictures + torch.randn(()))


def test_trials_are_averaged_where_the_model_is_stochastic(data: Data) -> None:
    def look(trials: int, seed: int = 0, stochastic: bool = True) -> np.ndarray:
        model = VentralBrainModel(Noisy(), AREAS, clock=CLOCK, device="cpu", stochastic=stochastic, seed=seed)
        model.start_recording("IT", [(80, 90)])
        return model.look_at(data.stimuli, number_of_trials=trials).values

    np.testing.assert_allclose(look(3), np.mean([look(1, seed) for seed in range(3)], 0), atol=1e-6)
    np.testing.assert_array_equal(look(3, stochastic=False), look(1))


def test_pictures_keep_their_size_in_degrees_and_it_is_announced(data: Data) -> None:
    model = subject(visual_degrees=None)
    assert model.visual_degrees() == 8
    wide = data.stimuli.copy(deep=True)
    wide["degrees"] = 4.0
    wide.stimulus_paths = data.stimuli.stimulus_paths
    model.start_recording("IT", [(80, 90)])
    with pytest.warns(UserWarning, match="span 4 degrees.*padded"):
        small = model.look_at(wide)
    assert not np.allclose(small.values, model.look_at(data.stimuli).values)
    preprocessing = Preprocessing(size=16, crop=0.5)
    cropping = VentralBrainModel(Clocked(), AREAS, clock=CLOCK, device="cpu", preprocessing=preprocessing)
    cropping.start_recording("IT", [(80, 90)])
    np.testing.assert_allclose(
        cropping.look_at(data.stimuli).values, model.look_at(data.stimuli).values, atol=1e-6, err_msg="nothing is cut"
    )


def test_a_recording_answers_like_its_model(data: Data, tmp_path: Path) -> None:
    model = subject()
    path = tmp_path / "a.zarr"
    extract(Clocked(), data.stimuli, path, areas=AREAS, clock=CLOCK, device="cpu")
    recorded = VentralBrainModel(path)
    for one in (model, recorded):
        one.start_recording("IT", [(80, 90), (85, 130)])
    some = data.stimuli.iloc[[5, 2]]
    some.stimulus_paths = data.stimuli.stimulus_paths
    np.testing.assert_allclose(recorded.look_at(some).values, model.look_at(some).values, atol=1e-6)
    assert recorded.identifier.split("-")[-1] == model.identifier.split("-")[-1], "the same weights"
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    other = stimulus_set(data.folder)
    other.stimulus_paths = {**data.stimuli.stimulus_paths, "p001": data.stimuli.get_stimulus("p002")}
    with pytest.raises(StimulusError, match="'p001' is another picture"):
        recorded.look_at(other)
    renamed = StimulusSet(data.stimuli.copy(deep=True))
    renamed["stimulus_id"] = "x" + renamed["stimulus_id"]
    renamed.stimulus_paths = {"x" + name: p for name, p in data.stimuli.stimulus_paths.items()}
    with pytest.raises(StimulusError, match="40 of 40 stimuli are not recorded, 'xp000'"):
        recorded.look_at(renamed)
    with pytest.raises(RecordingError, match="clock: .* is a recording"):
        VentralBrainModel(path, clock=CLOCK)


def test_our_networks_commit_their_areas_by_name() -> None:
    model = VentralBrainModel("ventral", device="cpu")
    assert model.areas == {area: area for area in ("V1", "V2", "V4", "IT")}
    assert model.visual_degrees() == 8 and isinstance(model.visual_degrees(), int)
    other = VentralBrainModel("ventral", {"IT": "V4"}, device="cpu")
    other.start_recording("IT", [(70, 120)])
    with pytest.raises(RecordingError, match="nothing committed to TE"):
        other.start_recording("TE", [(70, 120)])
    with pytest.raises(RecordingError, match="not one of ventralrnn's own"):
        VentralBrainModel(Clocked())


def test_identity_changes_with_the_weights() -> None:
    model = subject()
    before = model.identifier
    with torch.no_grad():
        model.states.model.it[0].weight.add_(0.1)  # type: ignore[attr-defined]
    assert model.identifier != before


def test_without_brain_score_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from ventralrnn.brains.brainscore.environment import load_brainscore

    monkeypatch.setitem(sys.modules, "brainscore_vision", None)
    with pytest.raises(VentralrnnError, match=r"pip install 'ventralrnn\[brainscore\]'"):
        load_brainscore()
