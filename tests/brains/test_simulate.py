"""Simulated recordings hold what they say they hold."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import pdist

from tests.brains.common import area
from ventralrnn.analysis.rdm.compute import compute_rdm
from ventralrnn.analysis.results import open_result, save_result
from ventralrnn.brains import Experiment, simulate_rdms, simulate_recording
from ventralrnn.errors import AnalysisError

CLEAN = Experiment(subjects=1, neuroids=30, repeats=1, noise="none")


def test_each_step_is_in_its_bin() -> None:
    model = area()
    brain = simulate_recording(model, CLEAN)
    assert brain.dims == ("repeat", "stimulus", "time", "neuroid") and brain.dtype == np.float32
    np.testing.assert_array_equal(brain.time_ms, np.arange(-45, 100, 10))
    assert brain.attrs["bin_ms"] == 10 and brain.stimulus_id.values.tolist() == model.stimulus_id.values.tolist()
    responding = brain.time_ms.values > 60
    assert (brain.values[0][:, ~responding] == 0).all()
    np.testing.assert_allclose(brain.values[0][:, responding], model.values, rtol=1e-6)


@pytest.mark.parametrize("changes", [{"ms_per_step": 17.0}, {"onset_ms": 83.0}, {"bin_ms": 23.0}, {"bin_ms": 3.0}])
def test_bins_average_what_they_cover(changes: dict[str, Any]) -> None:
    model, experiment = area(), replace(CLEAN, window_ms=(-20.0, 180.0), **changes)
    brain = simulate_recording(model, experiment)
    fine = np.arange(-20, 180, 0.01) + 0.005
    step = np.floor((fine - (experiment.onset_ms or 60)) / (experiment.ms_per_step or 10)).astype(int)
    course = np.where(step >= 0, model.values[3, np.clip(step, 0, 3), 7], 0)
    width = experiment.bin_ms
    expected = [course[(fine > t - width / 2) & (fine < t + width / 2)].mean() for t in brain.time_ms.values]
    np.testing.assert_allclose(brain.values[0, 3, :, 7], expected, atol=3e-3)


def test_chosen_steps_follow_one_another() -> None:
    model = area()
    brain = simulate_recording(model, replace(CLEAN, onset_ms=0.0, window_ms=(0.0, 30.0)), steps=[3, 1])
    np.testing.assert_allclose(brain.values[0], model.values[:, [3, 1, 1]], rtol=1e-6)


def test_neurons_have_latencies() -> None:
    experiment = replace(CLEAN, latency_sd_ms=8.0, bin_ms=1.0, neuroids=20)
    brain = simulate_recording(area(), experiment)
    assert brain.latency_ms.values.std() == pytest.approx(8, rel=0.5)
    for neuroid in range(20):
        onset = brain.time_ms.values[np.flatnonzero(brain.values[0, 0, :, neuroid])[0]]
        assert onset == pytest.approx(60 + brain.latency_ms.values[neuroid], abs=1)


def test_trials_jitter() -> None:
    experiment = replace(CLEAN, jitter_sd_ms=5.0, bin_ms=1.0, repeats=40)
    brain = simulate_recording(area(stimuli=3), experiment)
    onsets = brain.time_ms.values[(brain.values != 0).argmax(2)]
    assert onsets.std(0).mean() == pytest.approx(5, rel=0.05) and onsets.mean() == pytest.approx(60, abs=0.5)


def test_gaussian_noise_has_the_stated_ratio() -> None:
    experiment = Experiment(subjects=1, neuroids=30, repeats=200, snr=0.25, window_ms=(60.0, 100.0))
    model = area()
    brain = simulate_recording(model, experiment)
    noise = (brain - brain.mean("repeat")).values
    assert model.values.var(0).mean() / noise.var() == pytest.approx(0.25, rel=0.02)
    np.testing.assert_allclose(brain.mean("repeat").values.mean((0, 2)), model.values.mean((0, 2)), atol=0.1)


def test_poisson_counts_have_the_stated_rates() -> None:
    experiment = Experiment(subjects=1, neuroids=30, repeats=400, noise="poisson", rate_hz=50.0, spontaneous_hz=5.0)
    model = area()
    brain = simulate_recording(model, experiment)
    assert (brain.values == np.round(brain.values)).all()
    rate = brain.mean(("repeat", "stimulus", "neuroid")).values * 100
    before = brain.time_ms.values < 60
    np.testing.assert_allclose(rate[before], 5, rtol=0.05)
    assert rate[~before].mean() == pytest.approx(55, rel=0.02)
    expected = (5 + 50 * model.values[:, 2] / model.values.mean()) / 100
    counts = brain.values[:, :, np.flatnonzero(brain.time_ms.values == 85)[0]]
    assert np.corrcoef(counts.mean(0).ravel(), expected.ravel())[0, 1] > 0.98
    # The variance of counts is their mean.
    assert (counts.var(0) / expected).mean() == pytest.approx(1, abs=0.03)


def test_seeds_and_subjects() -> None:
    model, experiment = area(), Experiment(subjects=2, neuroids=10, repeats=2, latency_sd_ms=2.0)
    first = simulate_recording(model, experiment, seed=4)
    xr.testing.assert_identical(simulate_recording(model, experiment, seed=4), first)
    assert not np.array_equal(simulate_recording(model, experiment, seed=5), first)
    three = simulate_recording(model, replace(experiment, subjects=3), seed=4)
    np.testing.assert_array_equal(three.values[..., :20], first.values)
    sources = three.source_neuroid.values.reshape(3, 10)
    assert len({tuple(s) for s in sources}) == 3 and all(len(set(s)) == 10 for s in sources)
    assert three.subject.values.tolist() == [f"simulated {i}" for i in (1, 2, 3) for _ in range(10)]


def test_rdms_are_those_of_the_recording() -> None:
    model, experiment = area(), Experiment(subjects=3, neuroids=10, repeats=4)
    rdms = simulate_rdms(model, experiment, distance="euclidean", seed=2)
    brain = simulate_recording(model, experiment, seed=2)
    assert rdms["dissimilarity"].dims == ("subject", "time", "pair")
    np.testing.assert_array_equal(rdms.time_ms, brain.time_ms)
    mean = brain.mean("repeat").values
    for subject, time in ((0, 3), (2, 11)):
        expected = pdist(mean[:, time, 10 * subject : 10 * subject + 10].astype(float))
        np.testing.assert_allclose(rdms["dissimilarity"][subject, time], expected, rtol=1e-5)


def test_a_simulated_recording_is_analysed_as_any() -> None:
    brain = simulate_recording(area(), Experiment(subjects=1, neuroids=20))
    found = compute_rdm({"IT": brain})["dissimilarity"].sel(area="IT")
    expected = simulate_rdms(area(), Experiment(subjects=1, neuroids=20))["dissimilarity"].isel(subject=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_several_areas_at_once() -> None:
    areas = {"V1": area("V1"), "IT": area("IT", steps=5, unreached_steps=[0], seed=1)}
    experiment = Experiment(subjects=2, neuroids=10, noise="none")
    rdms = simulate_rdms(areas, experiment)
    assert rdms["dissimilarity"].dims == ("subject", "area", "time", "pair")
    exists = np.isfinite(rdms["dissimilarity"]).all("pair").sel(subject="simulated 1")
    # Before the input has come, nothing differs; V1 begins at step 0, IT at step 1.
    assert rdms.time_ms.values[exists.sel(area="V1")].tolist() == [65, 75, 85, 95, 105]
    assert rdms.time_ms.values[exists.sel(area="IT")].tolist() == [75, 85, 95, 105]
    alone = simulate_rdms(areas["IT"], replace(experiment, window_ms=(-50.0, 110.0)))
    np.testing.assert_array_equal(alone["dissimilarity"], rdms["dissimilarity"].sel(area="IT"))


def test_the_truth_is_written_down(tmp_path: Any) -> None:
    rdms = simulate_rdms(area(), Experiment(neuroids=5, onset_ms=90.0, ms_per_step=20.0), steps=[1, 2], seed=9)
    back = open_result(save_result(rdms, tmp_path / "a.nc")).attrs
    for attrs in (simulate_recording(area(), Experiment(neuroids=5)).attrs, back):
        assert attrs["simulated"] == "yes" and json.loads(attrs["true_areas"]) == ["IT"]
    assert json.loads(back["true_steps"]) == [[1, 2]] and json.loads(back["true_onset_ms"]) == [90]
    assert json.loads(back["true_ms_per_step"]) == [20] and back["seed"] == 9 and back["noise"] == "gaussian"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": "pink"}, "noise: 'pink'"),
        ({"snr": 0.0}, "snr: 0.0 is not above zero"),
        ({"repeats": 0}, "repeats: 0"),
        ({"jitter_sd_ms": -1.0}, "jitter_sd_ms: -1.0 is below zero"),
        ({"ms_per_step": 0.0}, "ms_per_step"),
        ({"window_ms": (0.0, 5.0)}, "window_ms"),
    ],
)
def test_experiments_that_cannot_be_made(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        Experiment(**changes)


def test_what_cannot_be_simulated_is_named() -> None:
    model, few = area(unreached_steps=[0]), Experiment(neuroids=5)
    with pytest.raises(AnalysisError, match="steps: IT has no state at step 0"):
        simulate_recording(model, few, steps=[0, 1])
    with pytest.raises(AnalysisError, match="steps: IT has no state at step 7"):
        simulate_recording(model, few, steps=[7])
    with pytest.raises(AnalysisError, match="neuroids: 100 of the 30 that IT has"):
        simulate_recording(model)
    with pytest.raises(AnalysisError, match="onset_ms: the recording of IT has no clock"):
        simulate_recording(model.assign_coords(time_ms=("time", np.full(4, np.nan))), few)
    with pytest.raises(AnalysisError, match="ms_per_step: the recording of IT has no clock"):
        simulate_recording(model.isel(time=[1]), few)
    with pytest.raises(AnalysisError, match="onset_ms: areas begin at different times"):
        simulate_rdms({"V1": model, "IT": model}, replace(few, onset_ms=50.0))
    with pytest.raises(AnalysisError, match="rate_hz: some stimuli have no spike"):
        simulate_rdms(area(), Experiment(neuroids=5, repeats=2, noise="poisson", spontaneous_hz=2.0))
