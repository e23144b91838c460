"""PSTHs and reliability in time: against scipy, Brain-Score's formula, and simulations whose truth is known."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ventralrnn.analysis.encoding import explainable_variance, reliability
from ventralrnn.analysis.reliability import psth, split_half_reliability
from ventralrnn.errors import AnalysisError


def trials(values: np.ndarray, **attrs: Any) -> xr.DataArray:
    repeats, stimuli, times, neuroids = values.shape
    coords = {
        "stimulus_id": ("stimulus", [f"s{i}" for i in range(stimuli)]),
        "time_ms": ("time", 5.0 + 10 * np.arange(times)),
        "time_start_ms": ("time", 10.0 * np.arange(times)),
        "time_end_ms": ("time", 10.0 * np.arange(times) + 10),
        "area": ("neuroid", ["V4"] * neuroids),
    }
    return xr.DataArray(values, coords, ("repeat", "stimulus", "time", "neuroid"), "V4", attrs)


def counts(seed: int = 0, shape: tuple[int, ...] = (6, 8, 3, 4)) -> np.ndarray:
    return np.random.default_rng(seed).poisson(4.0, shape).astype(float)


def test_psth_is_means_and_students_intervals() -> None:
    values = counts()
    values[4:, 2] = np.nan
    result = psth(trials(values), confidence=0.9)
    assert result["mean"].dims == ("stimulus", "time", "neuroid")
    np.testing.assert_array_equal(result["count"][2], 4)
    for stimulus in (0, 2):
        cell = values[: 4 if stimulus == 2 else 6, stimulus, 1, 3]
        low, high = stats.t.interval(0.9, len(cell) - 1, cell.mean(), stats.sem(cell))
        found = result.isel(stimulus=stimulus, time=1, neuroid=3)
        np.testing.assert_allclose([found["mean"], found["low"], found["high"]], [cell.mean(), low, high], rtol=1e-12)
    over = psth(trials(values), over=("repeat", "stimulus"))
    assert over["mean"].dims == ("time", "neuroid") and (over["count"] == 8).all()
    means = np.nanmean(values, 0)
    low, high = stats.t.interval(0.95, 7, means.mean(0), stats.sem(means))
    np.testing.assert_allclose(over["low"], low)
    np.testing.assert_allclose(over["high"], high)
    population = psth(trials(values), over=("repeat", "stimulus", "neuroid"))
    np.testing.assert_allclose(population["mean"], means.mean((0, 2)))
    assert population.time_ms.values.tolist() == [5, 15, 25] and "area" not in population.coords


def test_psth_in_spikes_a_second() -> None:
    values = counts()
    expected = values.mean(0) * 100
    np.testing.assert_allclose(psth(trials(values), per_second=True)["mean"], expected)
    bare = trials(values).drop_vars(["time_start_ms", "time_end_ms"])
    np.testing.assert_allclose(psth(bare.assign_attrs(bin_ms=10), per_second=True)["mean"], expected)
    with pytest.raises(AnalysisError, match="per_second: responses do not say how wide"):
        psth(bare, per_second=True)
    with pytest.raises(AnalysisError, match="per_second: responses are 'Hz'"):
        psth(trials(values, units="Hz"), per_second=True)


def test_intervals_hold_the_truth() -> None:
    """95 % intervals for Poisson counts: over repeats the stimulus' rate, over stimuli the mean of all rates."""
    rng = np.random.default_rng(1)
    rates = rng.gamma(4, 2, (40, 1, 300))
    result = psth(trials(rng.poisson(rates, (8, 40, 1, 300)).astype(float)))
    within = ((result["low"] <= rates) & (rates <= result["high"])).mean()
    assert float(within) == pytest.approx(0.95, abs=0.015)
    over = psth(trials(rng.poisson(rates, (8, 40, 1, 300)).astype(float)), over=("repeat", "stimulus"))
    # Of a gamma distribution of shape 4 and scale 2.
    assert float(((over["low"] <= 8) & (over["high"] >= 8)).mean()) == pytest.approx(0.95, abs=0.035)


def test_one_repeat_has_no_interval_and_none_no_mean() -> None:
    values = counts()
    values[1:, 0] = np.nan
    values[:, 1] = np.nan
    result = psth(trials(values))
    np.testing.assert_array_equal(result["mean"][0], values[0, 0])
    assert result["low"][0].isnull().all() and result["mean"][1].isnull().all()
    assert result["count"][:2, 0, 0].values.tolist() == [1, 0]


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6), st.floats(0.1, 10), st.floats(-20, 20))
def test_reliability_does_not_depend_on_scale_offset_or_order(seed: int, scale: float, offset: float) -> None:
    values = counts(seed, (4, 9, 2, 2))
    order = np.random.default_rng(seed).permutation(9)
    first, second = (split_half_reliability(trials(v), 3) for v in (values, (scale * values + offset)[:, order]))
    for name in ("split_half", "reliability", "explainable"):
        np.testing.assert_allclose(second[name], first[name], atol=1e-8)


def test_reliability_in_time() -> None:
    """A signal that comes at the second bin: none before; then of variance 1 with noise 2 in 10 repeats."""
    rng = np.random.default_rng(2)
    signal = rng.standard_normal((500, 2, 40)) * np.array([0, 1])[:, None]
    values = signal + np.sqrt(2) * rng.standard_normal((10, 500, 2, 40))
    result = split_half_reliability(trials(values), 20)
    assert result.reliability.dims == ("time", "neuroid") and result.time_ms.values.tolist() == [5, 15]
    assert abs(float(result.reliability[0].mean())) < 0.03 and abs(float(result.explainable[0].mean())) < 0.01
    assert float(result.split_half[1].mean()) == pytest.approx(1 / (1 + 2 / 5), abs=0.01)
    assert float(result.reliability[1].mean()) == pytest.approx(1 / (1 + 2 / 10), abs=0.01)
    assert float(result.explainable[1].mean()) == pytest.approx(1 / 3, abs=0.01)
    # As the functions on arrays say.
    array = values.transpose(1, 2, 3, 0)
    np.testing.assert_array_equal(result.reliability, reliability(array, 20))
    np.testing.assert_array_equal(result.explainable, explainable_variance(array))


def test_what_is_refused_is_named() -> None:
    values = trials(counts())
    with pytest.raises(AnalysisError, match="responses: give dimensions repeat, stimulus, time, neuroid, not stimulus"):
        psth(values[0])
    with pytest.raises(AnalysisError, match="over: stimulus; give repeat, stimulus, neuroid in this order"):
        psth(values, over=("stimulus",))
    with pytest.raises(AnalysisError, match="confidence"):
        psth(values, confidence=1)
    with pytest.raises(AnalysisError, match="splits: give 1 or more"):
        split_half_reliability(values, 0)
    with pytest.raises(AnalysisError, match="two repeats"):
        split_half_reliability(values[:1])
