"""Benchmarks of our own as Brain-Score's objects, which score any BrainModel."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ventralrnn.brains.benchmarks import evaluate, simulate_data
from ventralrnn.brains.brainscore import get_benchmark
from ventralrnn.errors import AnalysisError

pytest.importorskip("brainscore_vision")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:the benchmark's pictures")
NAME = "ventralrnn.Kriegeskorte2008.human-IT-rdm"


class Static:
    """A BrainModel of another make: brightness of the picture's parts, without time."""

    identifier = "static"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def visual_degrees(self) -> int:
        return 8

    def start_recording(self, target: str, time_bins: Any) -> None:
        self.asked.append((target, time_bins))

    def look_at(self, stimuli: Any, number_of_trials: int = 1) -> Any:
        from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
        from PIL import Image

        ids = stimuli["stimulus_id"].tolist()[::-1]
        values = [np.asarray(Image.open(stimuli.get_stimulus(i)).resize((8, 8)), float).ravel() for i in ids]
        coords = {
            "stimulus_id": ("presentation", ids),
            "presentation_number": ("presentation", np.arange(len(ids))),
            "neuroid_id": ("neuroid", np.arange(192)),
            "region": ("neuroid", ["IT"] * 192),
        }
        return NeuroidAssembly(np.array(values), coords=coords, dims=["presentation", "neuroid"])


def test_any_brain_model_is_scored() -> None:
    data = simulate_data(NAME, "ventral")
    benchmark = get_benchmark(NAME, data=data, stimuli="embedded", samples=20)
    assert benchmark.identifier == NAME and benchmark.parent == "IT" and "Kriegeskorte" in benchmark.bibtex
    candidate = Static()
    score = benchmark(candidate)
    assert candidate.asked == [("IT", [(70.0, 170.0)])]
    assert float(score) == pytest.approx(float(score.attrs["raw"]) / float(benchmark.ceiling))
    assert 0 < float(score) < 1 and score.attrs["states"]["score"].shape == (1, 1)


def test_a_model_with_time_gets_the_score_of_all_its_states() -> None:
    from ventralrnn.brains.brainscore import VentralBrainModel

    data = simulate_data(NAME, "ventral")
    score = get_benchmark(NAME, data=data, stimuli="embedded", samples=20)(VentralBrainModel("ventral"))
    own = evaluate(NAME, "ventral", data=data, stimuli="embedded", samples=20)
    states = score.attrs["states"]
    assert states["time_step"].values.tolist() == own["time_step"].values.tolist() == list(range(8))
    assert float(score.attrs["raw"]) == pytest.approx(own.attrs["committed_score"], abs=1e-5)
    ours = own["score"].sel(area=states["area"].values)
    np.testing.assert_allclose(states["score"].values, ours.values, atol=1e-5)
    np.testing.assert_array_equal(np.isnan(states["time_ms"].values), np.isnan(ours.values))


def test_other_data_have_another_ceiling() -> None:
    first, second = (
        get_benchmark(NAME, data=simulate_data(NAME, "ventral", seed=s).isel(subject=slice(n)), stimuli="embedded")
        for s, n in ((0, 8), (1, 3))
    )
    assert first.identifier == second.identifier and float(first.ceiling) != float(second.ceiling)


def test_answers_are_not_asked_of_brain_models() -> None:
    with pytest.raises(AnalysisError, match="answers before the softmax"):
        get_benchmark("ventralrnn.Peterson2019.human-uncertainty")


@pytest.mark.parametrize("name", ["kriegeskorte2008", "cowley2023"])
def test_pictures_are_shown_as_they_are(needs: Callable[[str], Path], name: str) -> None:
    from PIL import Image

    from ventralrnn.brains.brainscore.own import _SIDES, stimulus_set
    from ventralrnn.networks.preprocessing import Preprocessing
    from ventralrnn.stimuli import load_stimuli

    needs(name)
    known = load_stimuli(name)
    with stimulus_set(name) as pictures:
        for index in (0, 17, len(known) - 1):
            file = pictures.get_stimulus(known.ids[index])
            expected = known.load(index, Preprocessing(size=_SIDES[name]))[0]
            np.testing.assert_array_equal(np.asarray(Image.open(file)), expected)
    assert not Path(file).exists()
