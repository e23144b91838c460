"""Every area and step is scored; known brains are found; real ones have the ceilings that are known of them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import ShuffleSplit

from tests.brains.benchmarks.common import model
from ventralrnn.analysis.encoding import split_half
from ventralrnn.analysis.rdm.compute import compute_rdm
from ventralrnn.analysis.results import open_result, save_result
from ventralrnn.brains import load_responses
from ventralrnn.brains.benchmarks import BENCHMARKS, evaluate, find_benchmark, simulate_data
from ventralrnn.brains.benchmarks.base import Settings
from ventralrnn.errors import AnalysisError, DataError
from ventralrnn.recording import extract
from ventralrnn.stimuli import cache

Needs = Callable[[str], Path]
RDM, HUMAN = "ventralrnn.Kriegeskorte2008.macaque-IT-rdm", "ventralrnn.Cichy2016.IT-rdm"
RIDGE, PLS = "ventralrnn.Cowley2023.V4-ridge", "ventralrnn.Cowley2023.V4-pls"


@pytest.mark.parametrize("identifier", [RDM, HUMAN, RIDGE, PLS])
def test_all_states_are_scored_and_the_brain_is_found(identifier: str) -> None:
    areas = model(stimuli=80)
    data = simulate_data(identifier, areas)
    result = evaluate(identifier, areas, data=data, samples=50)
    benchmark = find_benchmark(identifier)
    assert result["score"].dims == ("area", "time") and result["score"].shape == (3, 5)
    # Unreached states have no score, and all others have one with its interval around it.
    reached = np.array([[step >= first for step in range(5)] for first in range(3)])
    np.testing.assert_array_equal(np.isfinite(result["score"]), reached)
    assert (result["low"].values[reached] <= result["score"].values[reached]).all()
    assert (result["high"].values[reached] >= result["score"].values[reached]).all()
    attrs = result.attrs
    assert attrs["best_area"] == attrs["committed_area"] == benchmark.area and attrs["simulated"] == "yes"
    assert attrs["committed_score"] > result["score"].sel(area="V1").max()
    assert attrs["committed_low"] <= attrs["committed_score"] <= attrs["committed_high"]
    assert "citation" not in attrs and "true_areas" in attrs
    if identifier != RDM:
        assert attrs["committed_score"] < float(result["ceiling"]) + 0.05


def test_the_committed_score_is_that_of_the_mean_state() -> None:
    areas = model()
    data = simulate_data(RDM, areas)
    result = evaluate(RDM, areas, data=data, samples=20)
    # 71-211 ms: 80 to 110 ms of the steps 2, 3 and 4.
    mean = areas["IT"][:, 2:].mean("time")
    own = compute_rdm(mean.values.astype(np.float64)).dissimilarity.values
    assert result.attrs["committed_score"] == pytest.approx(spearmanr(own, data.dissimilarity.values)[0], abs=1e-5)
    assert json.loads(result.attrs["committed_steps"]) == [2, 3, 4]
    assert json.loads(result.attrs["committed_covered_ms"]) == [80.0, 110.0]


def test_other_areas_can_stand_for_the_brain() -> None:
    areas = model()
    data = simulate_data(RDM, areas)
    renamed = {"layer3": areas["V4"], "layer4": areas["IT"]}
    result = evaluate(RDM, renamed, area="layer4", data=data, samples=20)
    assert result.attrs["committed_area"] == "layer4"
    with pytest.raises(AnalysisError, match="the model has no IT; name the one"):
        evaluate(RDM, renamed, data=data)


def test_ridge_scores_are_a_median_over_neurons_with_an_interval_over_them() -> None:
    areas = model(neuroids=60)
    data = simulate_data(RIDGE, areas)
    result = evaluate(RIDGE, areas, data=data, samples=200)
    neurons = result["score_neuroid"].values
    np.testing.assert_array_equal(result["score"].values[1, 2], np.median(neurons[1, 2]))
    rng = np.random.default_rng(0)
    drawn = np.median(neurons[1, 2][rng.integers(50, size=(200, 50))], -1)
    np.testing.assert_allclose(result["low"].values[1, 2], np.percentile(drawn, 2.5))
    benchmark = find_benchmark(RIDGE)
    assert benchmark.bound(data, Settings()) == pytest.approx(float(result["ceiling"]), abs=1e-12)


def test_pls_is_brain_scores_own() -> None:
    areas = model(neuroids=60)
    data = simulate_data(PLS, areas)
    result = evaluate(PLS, {"V4": areas["V4"]}, data=data, samples=20)
    x = areas["V4"].values[:, 3].astype(np.float64)
    y = data.mean("repeat").values[:, 0].astype(np.float64)
    found = []
    for train, test in ShuffleSplit(10, train_size=0.9, random_state=1).split(x):
        predicted = PLSRegression(25, scale=False).fit(x[train], y[train]).predict(x[test])
        found.append([np.corrcoef(p, r)[0, 1] for p, r in zip(predicted.T, y[test].T, strict=True)])
    assert float(result["score"][0, 3]) == pytest.approx(np.median(np.mean(found, 0)), abs=1e-4)


def test_a_result_is_written_and_read(tmp_path: Path) -> None:
    result = evaluate(RDM, model(), data=simulate_data(RDM, model()), samples=20)
    again = open_result(save_result(result, tmp_path / "result.nc"))
    xr.testing.assert_identical(again["score"].drop_vars("time_ms"), result["score"].drop_vars("time_ms"))
    assert again.attrs["committed_score"] == result.attrs["committed_score"]


def test_a_model_is_recorded_for_the_time_that_it_takes() -> None:
    data = simulate_data(RIDGE, "ventral")
    result = evaluate(RIDGE, "ventral-feedforward", data=data, stimuli="embedded", areas=["V4"], samples=20)
    assert result.attrs["model"] == "ventral-feedforward" and result["area"].values.tolist() == ["V4"]
    # States of a feedforward network do not change.
    scores = result["score"].values[0]
    np.testing.assert_allclose(scores[2:], scores[2], atol=1e-5)


def test_what_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    with pytest.raises(AnalysisError, match=r"did you mean ventralrnn.Cichy2016.IT-rdm"):
        evaluate("Cichy2016.IT_rdm", model())
    for identifier, benchmark in BENCHMARKS.items():
        assert not benchmark.here
        with pytest.raises(DataError, match="ventralrnn data get"):
            evaluate(identifier, model())


@pytest.mark.parametrize(
    ("identifier", "lower", "upper"),
    [("ventralrnn.Cichy2016.EVC-rdm", 0.242, 0.392), (HUMAN, 0.453, 0.542)],
)
def test_ceilings_of_cichy2016_are_those_known(
    needs: Needs, tmp_path: Path, identifier: str, lower: float, upper: float
) -> None:
    needs("cichy2016"), needs("kriegeskorte2008")
    recording = extract("ventral", "kriegeskorte2008", tmp_path / "all.zarr", areas=["V1", "IT"])
    result = evaluate(identifier, recording, samples=20)
    assert (float(result["ceiling_lower"]), float(result["ceiling"])) == pytest.approx((lower, upper), abs=6e-4)
    assert float(result["score"].max()) < float(result["ceiling"]) and result.attrs["simulated"] == "no"
    assert "Cichy" in result.attrs["citation"]


def test_macaque_it_has_no_ceiling_and_human_it_a_wide_one(needs: Needs, tmp_path: Path) -> None:
    needs("kriegeskorte2008")
    recording = extract("ventral", "kriegeskorte2008", tmp_path / "it.zarr", areas=["IT"])
    monkey = evaluate(RDM, recording, samples=20)
    assert np.isnan(monkey["ceiling"]) and "none" in monkey.attrs["ceiling_from"]
    assert 0.2 < monkey.attrs["committed_score"] < 0.45
    human = evaluate("Kriegeskorte2008.human-IT-rdm", recording, samples=20)
    assert human.attrs["committed_score"] < float(human["ceiling"])
    assert float(human["ceiling"]) - float(human["ceiling_lower"]) > 0.2


def test_trials_of_cowley2023_agree_as_known_and_bound_the_score(needs: Needs, tmp_path: Path) -> None:
    needs("cowley2023")
    data = load_responses("cowley2023")
    # Of the six repeats that every picture has; with all there are, halves are larger and agree better.
    six = data.isel(time=0, repeat=slice(6)).transpose("stimulus", "neuroid", "repeat").values
    assert np.median(split_half(six).mean(0)) == pytest.approx(0.57, abs=0.01)
    recording = extract("ventral", "cowley2023", tmp_path / "v4.zarr", areas=["V4"], steps="5:6")
    result = evaluate(RIDGE, recording, data=data, samples=50)
    assert 0.45 < result.attrs["committed_score"] < float(result["ceiling"]) < 0.95


def test_other_stimuli_than_the_benchmarks_are_named() -> None:
    data = simulate_data(RDM, model())
    names = [f"other{i}" for i in range(data.sizes["stimulus"])]
    with pytest.raises(AnalysisError, match="model: stimulus .* is not in `benchmark`"):
        evaluate(RDM, model(), data=data.assign_coords(stimulus_id=("stimulus", names)), samples=20)
