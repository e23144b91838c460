"""Human uncertainty: entropies of answers against those of people's labels."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import entropy, spearmanr

from tests.brains.benchmarks.common import SETTINGS, model
from ventralrnn.brains.benchmarks import evaluate, find_benchmark, simulate_data
from ventralrnn.brains.benchmarks.uncertainty import _draw, answer
from ventralrnn.errors import AnalysisError
from ventralrnn.resources import data_dir
from ventralrnn.training import evaluate as evaluate_answers
from ventralrnn.zoo import load_model

NAME = "ventralrnn.Peterson2019.human-uncertainty"


def answers(pictures: int = 200, seed: int = 0) -> dict[str, xr.DataArray]:
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((pictures, 1, 5)) * np.linspace(0.5, 2, 3)[None, :, None]
    scores *= rng.uniform(0.2, 3, pictures)[:, None, None]
    coords = {
        "stimulus_id": ("stimulus", [f"p{i:03d}" for i in range(pictures)]),
        "category": ("neuroid", list("abcde")),
        "time_step": ("time", [3, 4, 5]),
        "time_ms": ("time", [80.0, 90.0, 100.0]),
    }
    return {"answers": xr.DataArray(scores, coords, ("stimulus", "time", "neuroid"), "answers")}


def test_scores_are_rank_correlations_of_entropies() -> None:
    observed = answers()
    data = simulate_data(NAME, observed)
    shuffled = data.isel(stimulus=np.random.default_rng(1).permutation(200), category=[2, 0, 4, 1, 3])
    result = evaluate(NAME, observed, data=shuffled)
    scores = observed["answers"].values[:, 1]
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    human = data.values / data.values.sum(1, keepdims=True)
    # Sorted, so that entropies of the same counts of other labels are equal to the last digit.
    expected = spearmanr(entropy(p.T), entropy(np.sort(human.T, 0)))[0]
    assert float(result["score"][0, 1]) == pytest.approx(expected, abs=1e-12)
    assert float(result["cross_entropy"][0, 1]) == pytest.approx(-(human * np.log(p)).sum(1).mean(), abs=1e-10)
    assert result.attrs["committed_score"] == float(result["score"][0, -1])
    assert result.attrs["committed_low"] < result.attrs["committed_score"] < result.attrs["committed_high"]
    # People who answer as the model does are as reliable as the score is high.
    assert result.attrs["committed_score"] == pytest.approx(float(result["ceiling"]), abs=0.05)
    assert find_benchmark(NAME).bound(shuffled, SETTINGS) == pytest.approx(float(result["ceiling"]), abs=2e-3)


def test_halves_are_drawn_without_replacement() -> None:
    counts = np.random.default_rng(0).multinomial(11, [0.5, 0.2, 0.2, 0.1], size=3000)
    half = _draw(counts, np.full(3000, 5), np.random.default_rng(1))
    assert (half >= 0).all() and (half <= counts).all() and (half.sum(1) == 5).all()
    np.testing.assert_allclose(half.mean(0), counts.mean(0) * 5 / 11, atol=0.05)


def test_answers_are_those_of_an_evaluation() -> None:
    found = answer("ventral", "embedded")
    # Folders of the shipped pictures are evaluated in another order.
    evaluation = evaluate_answers("ventral", str(data_dir() / "stimuli" / "cifar10"))
    assert found.sizes == {"stimulus": 400, "time": len(evaluation.readouts), "neuroid": 10}
    ours = np.sort(found.values[:, -1], axis=None)
    np.testing.assert_allclose(ours, np.sort(evaluation.scores[:, -1], axis=None), atol=1e-3)


def test_recordings_and_strangers_have_no_answers() -> None:
    data = simulate_data(NAME, answers())
    with pytest.raises(AnalysisError, match="the model has no answers"):
        evaluate(NAME, model(), data=data)
    with pytest.raises(AnalysisError, match="needs a model's answers"):
        evaluate(NAME, model(), area="IT", data=data)
    with pytest.raises(AnalysisError, match="people have not judged"):
        evaluate(NAME, answers(201), data=data)
    with pytest.raises(AnalysisError, match="does not say which classes"):
        answer(load_model("ventral", trained=False), "embedded")
