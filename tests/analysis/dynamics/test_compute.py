"""The dynamics of whole recordings: of a small network, of simulated neurons, of macaque IT."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.io import loadmat

from tests.analysis.dynamics.common import recorded
from tests.analysis.dynamics.test_timescales import ar1
from tests.analysis.lazy import lazy
from tests.recording.common import inputs, tiny
from ventralrnn import extract
from ventralrnn.analysis import compute_dynamics, time_courses
from ventralrnn.analysis.dynamics import (
    compute_contributions,
    compute_selectivity,
    curvature,
    distance_to_end,
    find_latencies,
    measures,
    participation_ratio,
    sparseness,
    speed,
)
from ventralrnn.analysis.reading import area as reading
from ventralrnn.analysis.results import open_result, save_result
from ventralrnn.errors import AnalysisError
from ventralrnn.recording import Recording
from ventralrnn.stimuli import cache

LABELS = list("aabbcaabbc")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return extract(tiny(), inputs(), tmp_path_factory.mktemp("r") / "r.zarr", currents=True, device="cpu")


@pytest.fixture(scope="module")
def result(recording: Recording) -> xr.Dataset:
    return compute_dynamics(recording, LABELS, bootstrap=50)


def test_every_measure_is_that_of_its_function(recording: Recording, result: xr.Dataset) -> None:
    for area in ("V1", "V2", "IT"):
        array = recording[area]
        there = ~np.isin(array.time_step, array.attrs["unreached_steps"])
        states, times = array.values[:, there], array.time_ms.values[there]
        one = result.sel(area=area)
        expected = {
            "speed": speed(states, times),
            "curvature": curvature(states),
            "distance_to_end": distance_to_end(states),
            "population_sparseness": sparseness(states, -1),
            "response": time_courses({area: array})[area].strength.values[:, there],
        }
        for name, value in expected.items():
            assert one[name].dims == ("stimulus", "time")
            np.testing.assert_allclose(one[name].values[:, there], value, rtol=1e-5, err_msg=name)
            assert np.isnan(one[name].values[:, ~there]).all()
            mean = np.sqrt((value**2).mean(0)) if name == "response" else value.mean(0)
            pooled = "response_pooled" if name == "response" else f"{name}_mean"
            np.testing.assert_allclose(one[pooled].values[there], mean, rtol=1e-5)
        for unbiased, name in ((False, "participation_ratio"), (True, "participation_ratio_unbiased")):
            ratio = participation_ratio(np.moveaxis(states, 1, 0), unbiased)
            np.testing.assert_allclose(one[name].values[there], ratio, rtol=1e-4)
        course = np.sqrt((states.astype(float) ** 2).mean((0, 2)))
        for name, value in find_latencies(course, times).items():
            np.testing.assert_allclose(one[name], value, rtol=1e-5, err_msg=name)
        own = result.isel(neuroid=np.flatnonzero(result.neuroid_area == area))
        for name, value in compute_selectivity(states, LABELS).items():
            np.testing.assert_allclose(own[f"neuroid_{name}"].values[there], value, rtol=1e-4, atol=1e-4, err_msg=name)
            np.testing.assert_allclose(one[name].values[there], np.nanmean(value, -1), rtol=1e-3, err_msg=name)
        np.testing.assert_allclose(own.neuroid_lifetime_sparseness.values[there], sparseness(states), rtol=1e-4)
        courses = np.sqrt((states.astype(float) ** 2).mean(0))
        for name, value in find_latencies(courses.T, times).items():
            np.testing.assert_allclose(own[f"neuroid_{name}"], value, rtol=1e-3, atol=1e-4, err_msg=name)
        assert own.channel.values.tolist() == array.channel.values.tolist()


def test_intervals_hold_what_they_are_of(result: xr.Dataset) -> None:
    for prefix in ("", "neuroid_"):
        for name in ("onset", "half_maximum"):
            value, low, high = (result[f"{prefix}{name}{end}"].values for end in ("", "_low", "_high"))
            known = np.isfinite(low) & np.isfinite(high)
            assert known.any() and (low[known] <= high[known]).all()
            assert np.mean((low <= value)[known] & (value <= high)[known]) > 0.8
    assert (result.response_pooled_low <= result.response_pooled_high).values[np.isfinite(result.response_pooled)].all()


def test_shares_of_connections_are_there(recording: Recording, result: xr.Dataset) -> None:
    shares = compute_contributions(recording)
    np.testing.assert_allclose(result.share, shares.share.mean("stimulus"), rtol=1e-9)
    assert result.connection.values.tolist() == shares.connection.values.tolist()
    assert compute_dynamics(recording, areas=["V2"], bootstrap=0).target.values.tolist() == ["V2", "V2"]


def test_it_is_written_and_read(result: xr.Dataset, tmp_path: Path) -> None:
    back = open_result(save_result(result, tmp_path / "d.nc"))
    xr.testing.assert_allclose(back, result)
    assert back.attrs["model"] == "stream" and back.attrs["threshold"] == "fraction:0.1:1"
    assert back.attrs["response"] == "rms" and back.onset.attrs["units"] == "ms"
    assert back.neuroid_onset.attrs["units"] == "ms" and back.onset_low.attrs["units"] == "ms"


def test_blocks_and_groups_make_no_difference(
    recording: Recording, result: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_BLOCK_VALUES", 2 * 5 * 192)
    monkeypatch.setattr(measures, "_GROUP_VALUES", 5 * 64 * 20)
    again = compute_dynamics(recording, LABELS, bootstrap=50)
    for name in result.data_vars:
        np.testing.assert_allclose(again[name] * 1.0, result[name] * 1.0, rtol=1e-3, atol=1e-4, err_msg=name)


def test_only_a_block_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BLOCK_VALUES", 2 * 55)
    states = np.random.default_rng(0).standard_normal((9, 5, 11))
    array, reads = lazy(recorded(states))
    compute_dynamics({"IT": array}, bootstrap=5)
    assert max(int(np.prod(shape)) for shape in reads) == 2 * 55


def test_without_neuroids_and_bootstrap(recording: Recording, result: xr.Dataset) -> None:
    plain = compute_dynamics(recording, LABELS, bootstrap=0, neuroids=False)
    assert "neuroid" not in plain.dims and "onset_low" not in plain
    for name in ("onset", "omega_squared", "lifetime_sparseness", "timescale"):
        np.testing.assert_allclose(plain[name], result[name], rtol=1e-6)


def test_units(result: xr.Dataset) -> None:
    units = {name: variable.attrs.get("units") for name, variable in result.variables.items()}
    assert units["onset_low"] == units["timescale"] == units["lag"] == units["time_ms"] == units["neuroid_peak"] == "ms"
    assert units["speed_mean"] == "arbitrary units per ms" and units["curvature"] == "degrees"
    assert units["strength"] == units["response_pooled_high"] == "arbitrary units"
    numbers = {name for name, values in result.data_vars.items() if values.dtype.kind == "f"}
    assert {name for name in numbers if not units[name]} == set()
    states = np.random.default_rng(1).random((6, 4, 3))
    spikes = recorded(states, times=np.full(4, np.nan)).assign_attrs(units="spikes/s")
    assert compute_dynamics(spikes, bootstrap=0).speed.attrs["units"] == "spikes/s per step"


def test_a_model_without_a_clock_counts_steps() -> None:
    states = np.random.default_rng(1).random((6, 4, 3)) * np.array([1, 5, 3, 1])[:, None]
    found = compute_dynamics({"A": recorded(states, times=np.full(4, np.nan)), "B": recorded(states)}, bootstrap=0)
    assert found.attrs["units"] == found.onset.attrs["units"] == "steps"
    assert found.peak.sel(area="A") == found.peak.sel(area="B") and 0.5 < found.peak.sel(area="A") < 2
    assert np.isnan(found.time_ms.sel(area="A")).all() and np.isfinite(found.time_ms.sel(area="B")).all()
    assert found.lag.values.tolist() == [1, 2, 3]


def test_areas_with_time_axes_of_their_own() -> None:
    states = np.random.default_rng(2).random((6, 5, 3))
    found = compute_dynamics({"A": recorded(states), "B": recorded(states[:, :2, :1])}, bootstrap=10)
    assert found.time_step.values.tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(found.response_pooled.sel(area="B").values[2:]).all()
    assert np.isfinite(found.response_pooled.sel(area="B").values[:2]).all()
    assert found.sizes["neuroid"] == 4 and np.isnan(found.neuroid_response_pooled.values[2:, 3]).all()


def test_one_neuroid_two_stimuli_one_step() -> None:
    states = np.random.default_rng(3).random((2, 1, 1))
    found = compute_dynamics({"A": recorded(states)}, bootstrap=10)
    assert found.onset == 50 and found.peak_at_end and np.isnan(found.peak)
    assert np.isnan(found.speed).all() and np.isnan(found.timescale) and found.participation_ratio == pytest.approx(1)


def test_labels_by_name_by_order_and_of_the_recording() -> None:
    states = np.random.default_rng(4).random((6, 3, 2))
    array = recorded(states, label=("stimulus", list("xxyyzz")))
    own = compute_dynamics({"A": array}, bootstrap=0)
    named = compute_dynamics({"A": array}, {f"s{i}": "xxyyzz"[i] for i in reversed(range(6))}, bootstrap=0)
    ordered = compute_dynamics(array.rename("A"), list("xxyyzz"), bootstrap=0)
    xr.testing.assert_identical(own.f, named.f)
    xr.testing.assert_identical(own.f, ordered.f)
    assert "f" not in compute_dynamics({"A": array.drop_vars("label")}, bootstrap=0)
    unique = array.drop_vars("label").assign_coords(label=("stimulus", list("abcdef")))
    assert "f" not in compute_dynamics({"A": unique}, bootstrap=0), "a label for each tells nothing"


def simulated(repeats: int = 8, seed: int = 0) -> tuple[xr.DataArray, np.ndarray]:
    """Return noisy responses (stimulus, repeat, time, neuroid), from 200 ms before on, and their latencies."""
    rng = np.random.default_rng(seed)
    times = np.arange(-200.0, 400, 10)
    latencies = np.array([60.0, 90, 120, 150])
    ramp = np.clip((times[:, None] - latencies) / 40, 0, 1) * np.where(times[:, None] < 300, 1, 0)
    gains = rng.uniform(8, 12, (20, 1, 1, 4))
    noise = ar1(5.0, 20 * repeats, len(times), 4, seed).reshape(20, repeats, len(times), 4)
    dims = ("stimulus", "repeat", "time", "neuroid")
    return recorded(5 + gains * ramp + noise, times, dims), latencies


def test_simulated_neurons() -> None:
    array, latencies = simulated()
    found = compute_dynamics({"IT": array}, response="mean", bootstrap=200)
    assert found.attrs["threshold"] == "baseline:3:2" and found.attrs["response"] == "mean"
    np.testing.assert_allclose(found.neuroid_half_maximum, latencies + 20, atol=4)
    # Three standard deviations of noise that 160 presentations average out are soon exceeded.
    assert ((found.neuroid_onset > latencies - 5) & (found.neuroid_onset < latencies + 10)).all()
    np.testing.assert_allclose(found.neuroid_duration, 295 - (latencies + 20), atol=8)
    assert not found.peak_at_end and 290 < (found.half_maximum + found.duration).item() < 300
    assert found.sizes["lag"] == 19


def test_the_timescale_is_that_of_fluctuations_before_the_stimulus() -> None:
    found = compute_dynamics({"IT": simulated(60)[0]}, bootstrap=0, neuroids=False)
    assert found.timescale.item() == pytest.approx(50, rel=0.1)


def test_responses_that_cancel_in_the_mean() -> None:
    array, latencies = simulated(20)
    signs = xr.DataArray([1.0, -1, -1, 1], dims="neuroid")
    deviating = (array - 5) * signs + 5
    found, mean = (compute_dynamics({"IT": deviating}, response=r, bootstrap=0) for r in ("rms", "mean"))
    assert latencies[0] - 5 < found.onset < latencies[0] + 15
    assert np.isfinite(found.neuroid_onset).all() and np.isnan(mean.neuroid_onset.values[[1, 2]]).all()
    before = deviating.mean("repeat").values[:, array.time_ms.values < 0].mean((0, 1))
    expected = np.sqrt(((deviating.mean("repeat").values - before) ** 2).mean(-1))
    np.testing.assert_allclose(found.response.values[0], expected, rtol=1e-9)


def test_repeats_and_rows_of_one_stimulus_are_the_same() -> None:
    array, _ = simulated(3)
    rows = array.stack(trial=("stimulus", "repeat")).transpose("trial", "time", "neuroid")
    ids = rows["stimulus_id"].values
    trials = recorded(rows.values, array.time_ms.values, ("trial", "time", "neuroid"), stimulus_id=("trial", ids))
    order = np.random.default_rng(1).permutation(60)
    first = compute_dynamics({"IT": array}, bootstrap=5)
    second = compute_dynamics({"IT": trials[order].sortby("stimulus_id")}, bootstrap=5).sortby("stimulus_id")
    for name in ("response_pooled", "onset", "autocorrelation", "participation_ratio", "neuroid_onset"):
        np.testing.assert_allclose(second[name], first[name], rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(second.response, first.sortby("stimulus_id").response, rtol=1e-9)


def test_missing_repeats_are_left_out() -> None:
    array, _ = simulated(4)
    array[3, 3, :, 1] = np.nan
    array[:, 2] = np.nan
    found = compute_dynamics({"IT": array}, response="mean", bootstrap=0)
    mean = np.nanmean(array.values, 1)
    np.testing.assert_allclose(found.response.values[0], mean.mean(-1), rtol=1e-9)
    trials = np.nanmean(array.values[3, :3], 0)
    np.testing.assert_allclose(mean[3, :, 1], trials[:, 1], rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"labels": ["a", "b"] * 2 + ["a", None]}, "labels: that of stimulus 5 is None"),
        ({}, {"labels": "kind"}, "labels: stimuli have no coordinate 'kind'"),
        ({}, {"labels": ["a"]}, "labels: 1 of them for 6 stimuli"),
        ({}, {"labels": {"s0": "a"}}, "labels: there is none for stimulus 's1'"),
        ({}, {"areas": ["V9"]}, "areas: there is no 'V9'; there are A"),
        ({}, {"response": "max"}, "response: 'max' is unknown: rms or mean"),
        ({}, {"threshold": "baseline:3"}, "threshold: baseline:3:1 needs times before the stimulus"),
        ({}, {"bootstrap": -1}, "bootstrap: -1 samples"),
        ({}, {"confidence": 95}, "confidence: 95"),
        ({"states": np.nan}, {}, "area A, step 1: holds NaN or infinity for stimulus s2"),
        ({"states": np.inf}, {}, "area A, step 1: holds NaN or infinity for stimulus s2"),
    ],
)
def test_what_is_refused_is_named(change: dict, arguments: dict, message: str) -> None:
    states = np.random.default_rng(5).random((6, 3, 2))
    if change:
        states[2, 1, 1] = change["states"]
    with pytest.raises(AnalysisError, match=message):
        compute_dynamics({"A": recorded(states)}, **{"bootstrap": 3, **arguments})


def test_recordings_that_are_none() -> None:
    states = np.random.default_rng(6).random((6, 3, 2))
    with pytest.raises(AnalysisError, match="recording: holds no area"):
        compute_dynamics({})
    with pytest.raises(AnalysisError, match=r"area A: give dimensions .* not a, time, neuroid"):
        compute_dynamics({"A": recorded(states, dims=("a", "time", "neuroid"))})
    with pytest.raises(AnalysisError, match="area A: holds nothing"):
        compute_dynamics({"A": recorded(states[:0])})
    with pytest.raises(AnalysisError, match="areas: A and B hold different stimuli"):
        compute_dynamics({"A": recorded(states), "B": recorded(states[:5])})
    with pytest.raises(AnalysisError, match="area A: the recording holds no state"):
        compute_dynamics({"A": recorded(states * np.nan)})


def macaque_it() -> xr.DataArray:
    """Return spikes/s of all units in bins of 20 ms, (stimulus, repeat, time, neuroid), NaN for missing repeats."""
    folder = cache.find("zhang2011")
    if folder is None:
        pytest.skip("the recordings of Zhang et al. (2011) are not here")
    units = []
    for file in sorted(folder.rglob("*_raster_data.mat")):
        loaded = loadmat(file, simplify_cells=True)
        binned = loaded["raster_data"][:, :1000].reshape(-1, 50, 20).mean(-1) * 1000
        units.append((binned, np.array(loaded["raster_labels"]["combined_ID_position"])))
    names = np.unique(units[0][1])
    states = np.full((len(names), 30, 50, len(units)), np.nan)
    for unit, (binned, shown) in enumerate(units):
        for row, name in enumerate(names):
            trials = binned[shown == name][:30]
            states[row, : len(trials), :, unit] = trials
    # A unit that lacks a stimulus has no mean response to it.
    whole = np.isfinite(states).any((1, 2)).all(0)
    times = -500 + 10 + 20.0 * np.arange(50)
    dims = ("stimulus", "repeat", "time", "neuroid")
    return recorded(states[..., whole], times, dims, stimulus_id=("stimulus", names))


def test_macaque_it() -> None:
    array = macaque_it()
    labels = [str(name).split("_")[0] for name in array.stimulus_id.values]
    found = compute_dynamics({"IT": array}, labels, bootstrap=200).sel(area="IT")
    assert found.attrs["threshold"] == "baseline:3:2"
    # What is known of macaque IT: first responses about 100 ms after onset, and a peak soon after it.
    assert 60 < found.onset < 140 and found.onset_low <= found.onset <= found.onset_high
    assert found.onset < found.half_maximum + 20 and 100 < found.peak < 300
    # Selectivity for objects comes with the response, and there is none before.
    omega = found.omega_squared.values
    before = array.time_ms.values < 0
    assert abs(omega[before].mean()) < 0.02 and omega[array.time_ms.values > 100].max() > 0.05
    assert 20 < found.timescale < 500
