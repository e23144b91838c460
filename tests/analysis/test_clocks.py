"""Lags and clocks: brains that follow a model at a known pace are recovered, and chance is called chance."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import interp1d
from scipy.spatial.distance import pdist
from scipy.stats import binom, spearmanr

from ventralrnn.analysis.clocks import best_lag, fit_clock, linear_path, monotone_path
from ventralrnn.analysis.clocks.paths import fit_path, mean_along, mean_of_path
from ventralrnn.analysis.comparison import compare_rdms
from ventralrnn.analysis.rdm import make_rdms, select_stimuli
from ventralrnn.brains import Experiment, simulate_rdms
from ventralrnn.errors import AnalysisError

QUICK = {"bootstrap": 0, "permutations": 9, "splits": 2}


def walk(stimuli: int = 24, steps: int = 6, neuroids: int = 60, seed: int = 0, name: str = "IT") -> xr.DataArray:
    """Return an area whose every step adds something to the step before, as a recording holds it."""
    states = np.cumsum(np.random.default_rng(seed).standard_normal((stimuli, steps, neuroids)), 1)
    coords = {
        "stimulus_id": ("stimulus", [f"s{i:02d}" for i in range(stimuli)]),
        "time_step": ("time", np.arange(steps)),
        "time_ms": ("time", 60.0 + 10 * np.arange(steps)),
    }
    return xr.DataArray(states, coords, ("stimulus", "time", "neuroid"), name)


def rdms_of(area: xr.DataArray) -> xr.Dataset:
    """Return an area's RDMs (time, pair) as scipy computes them."""
    values = [pdist(area.values[:, t], "correlation") for t in range(area.sizes["time"])]
    coords = {name: area[name] for name in ("time_step", "time_ms")}
    return make_rdms(np.array(values), ("time",), coords, area.stimulus_id.values, {"model": "walk"})


def random_rdms(count: int, stimuli: int, rng: np.random.Generator, common: Any = 0.0) -> xr.Dataset:
    """Return RDMs (time, pair) of independent patterns around common ones."""
    values = [pdist(common + rng.standard_normal((stimuli, 10))) for _ in range(count)]
    return make_rdms(np.array(values), ("time",), {"time_ms": ("time", 10.0 * np.arange(count))})


def every_path(steps: int, times: int) -> Sequence[tuple[int, ...]]:
    return list(combinations_with_replacement(range(times), steps))


similarities = arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.floats(-1, 1, allow_subnormal=False)
)


@settings(deadline=None, max_examples=60)
@given(similarities)
def test_no_path_is_better(similarity: np.ndarray) -> None:
    path = monotone_path(similarity)
    rows = np.arange(len(similarity))
    best = max(similarity[rows, list(other)].sum() for other in every_path(*similarity.shape))
    assert (np.diff(path) >= 0).all()
    assert similarity[rows, path].sum() == pytest.approx(best, abs=1e-12)


def test_paths_of_many_matrices_at_once() -> None:
    many = np.random.default_rng(0).standard_normal((3, 7, 5, 9))
    for shape in ("monotone", "linear"):
        paths = fit_path(many, np.arange(5.0), np.arange(9.0) * 10, shape)  # type: ignore[arg-type]
        assert paths.shape == (3, 7, 5)
        np.testing.assert_array_equal(paths[2, 3], fit_path(many[2, 3], np.arange(5.0), np.arange(9.0) * 10, shape))  # type: ignore[arg-type]


def test_no_line_is_better() -> None:
    rng = np.random.default_rng(1)
    steps, times = np.array([0.0, 1.0, 3.0, 4.0]), np.array([0.0, 10.0, 20.0, 35.0, 50.0])
    for _ in range(20):
        similarity = rng.standard_normal((4, 5))
        line = linear_path(similarity, steps, times)
        assert np.ptp(np.diff(line) / np.diff(steps)) == pytest.approx(0, abs=1e-9) and line[-1] >= line[0]
        sums = []
        for first, last in combinations_with_replacement(times, 2):
            at = first + (last - first) * steps / 4
            sums.append(sum(interp1d(times, row)(t) for row, t in zip(similarity, at, strict=True)) / 4)
        assert mean_of_path(similarity, times, line) == pytest.approx(max(sums), abs=1e-12)
        assert mean_along(similarity, times, line[None])[0] == pytest.approx(max(sums), abs=1e-12)


def test_shapes_have_names() -> None:
    with pytest.raises(AnalysisError, match="shape: 'curved'"):
        fit_path(np.ones((2, 2)), np.arange(2.0), np.arange(2.0), "curved")  # type: ignore[arg-type]


@pytest.mark.parametrize("pace", [10.0, 20.0, 35.0])
@pytest.mark.parametrize("shape", ["monotone", "linear"])
def test_a_known_pace_is_recovered(pace: float, shape: Any) -> None:
    area = walk()
    experiment = Experiment(subjects=3, neuroids=40, ms_per_step=pace, onset_ms=90.0, bin_ms=10.0, snr=0.5)
    clock = fit_clock(
        rdms_of(area), simulate_rdms(area, experiment), shape=shape, bootstrap=60, permutations=199, splits=8
    )
    truth = 90 + pace * (np.arange(6) + 0.5)
    assert np.abs(clock.brain_ms.values - truth).max() <= max(10, pace / 2)
    assert clock.ms_per_step == pytest.approx(pace, rel=0.25)
    assert clock.onset_ms == pytest.approx(truth[0], abs=10)
    assert clock.ms_per_step_low <= clock.ms_per_step <= clock.ms_per_step_high
    assert ((clock.brain_ms_low <= clock.brain_ms) & (clock.brain_ms <= clock.brain_ms_high)).all()
    # Of 199 orders of six steps some may be the one that there is: more than two with p = .003.
    assert clock.p_steps <= 3 / 200
    assert clock.held_out > clock.held_out_fixed and clock.held_out > clock.held_out_backwards
    assert clock.held_out > clock.null_times and clock.held_out > clock.null_steps


def test_intervals_hold_the_truth() -> None:
    area, inside = walk(stimuli=30), []
    for seed in range(12):
        experiment = Experiment(subjects=2, neuroids=40, ms_per_step=20.0, onset_ms=90.0, snr=0.2, repeats=5)
        brain = simulate_rdms(area, experiment, seed=seed)
        clock = fit_clock(rdms_of(area), brain, shape="linear", bootstrap=100, permutations=1, splits=1)
        inside.append(float(clock.ms_per_step_low) - 1 <= 20 <= float(clock.ms_per_step_high) + 1)
    # 95 % of intervals, which are as coarse as the bins, hold the truth; less than 8 of 12 has p < .001.
    assert sum(inside) >= binom.ppf(0.001, 12, 0.95)


@pytest.mark.parametrize("shape", ["monotone", "linear"])
def test_p_values_of_chance(shape: Any) -> None:
    rng, runs, permutations = np.random.default_rng(0), 200, 19
    found = {"p_times": np.empty(runs), "p_steps": np.empty(runs)}
    for run in range(runs):
        # Model and brain have a geometry in common, so that similarities are high, but no course in time.
        common = rng.standard_normal((10, 10))
        model, brain = (random_rdms(count, 10, rng, common) for count in (4, 8))
        clock = fit_clock(model, brain, shape=shape, bootstrap=0, permutations=permutations, splits=3, seed=run)
        for name, values in found.items():
            values[run] = clock[name]
    for values in found.values():
        for level in (0.05, 0.1, 0.25, 0.5):
            reached = int((values <= level + 1e-9).sum())
            # Orders that come twice count against the one that there is, so that p values may be a little large.
            assert reached <= binom.ppf(0.999, runs, level)
        assert (values <= 0.5).sum() >= binom.ppf(0.001, runs, 0.4)


def test_the_map_is_fitted_on_other_stimuli() -> None:
    # Without any relation a map fitted and judged on the same stimuli would find one.
    rng = np.random.default_rng(3)
    held_out = []
    for seed in range(30):
        model, brain = random_rdms(4, 16, rng), random_rdms(20, 16, rng)
        held_out.append(float(fit_clock(model, brain, seed=seed, **QUICK).held_out))
        fitted = compare_rdms(model, brain).similarity.values
        assert mean_of_path(fitted, np.arange(20.0), monotone_path(fitted).astype(float)) > 0.03
    assert abs(np.mean(held_out)) < 3 * np.std(held_out) / np.sqrt(30)


def test_held_out_against_its_definition() -> None:
    area = walk(stimuli=12, steps=3)
    model, brain = rdms_of(area), simulate_rdms(area, Experiment(subjects=2, neuroids=20, window_ms=(50.0, 100.0)))
    clock = fit_clock(model, brain, bootstrap=0, permutations=5, splits=1, seed=4)
    order = np.random.default_rng(4).permutation(12)

    def similarity(stimuli: np.ndarray) -> np.ndarray:
        ours, theirs = (select_stimuli(r, stimuli)["dissimilarity"].values for r in (model, brain))
        return np.array([[np.mean([spearmanr(a, s[t]).statistic for s in theirs]) for t in range(5)] for a in ours])

    train, test = similarity(order[:6]), similarity(order[6:])
    paths = every_path(3, 5)
    best = max(paths, key=lambda p: train[[0, 1, 2], list(p)].sum())
    assert clock.held_out == pytest.approx(test[[0, 1, 2], list(best)].mean(), abs=1e-9)
    assert clock.held_out_fixed == pytest.approx(test[:, train.mean(0).argmax()].mean(), abs=1e-9)
    best = max(paths, key=lambda p: train[:, ::-1][[0, 1, 2], list(p)].sum())
    assert clock.held_out_backwards == pytest.approx(test[:, ::-1][[0, 1, 2], list(best)].mean(), abs=1e-9)
    whole = compare_rdms(model, brain).similarity.transpose("subject", "time", "brain_time").mean("subject").values
    best = max(paths, key=lambda p: whole[[0, 1, 2], list(p)].sum())
    np.testing.assert_array_equal(clock.brain_ms, brain.time_ms.values[list(best)])


@pytest.mark.parametrize("lag", [0.0, 45.0, -20.0])
def test_a_known_lag_is_recovered(lag: float) -> None:
    area = walk()
    # The clock says when a step begins, and a brain's bin is known by its centre.
    window = (-50.0, 120 + lag)
    experiment = Experiment(subjects=3, neuroids=40, onset_ms=60 + lag, bin_ms=5.0, window_ms=window)
    found = best_lag(rdms_of(area), simulate_rdms(area, experiment), bootstrap=100)
    assert found.lag_ms == pytest.approx(lag + 5, abs=5)
    assert found.lag_ms_low <= lag + 5 + 2.5 and found.lag_ms_high >= lag + 5 - 2.5
    assert np.abs(found.best_ms.values - (60 + lag + 10 * np.arange(6) + 5)).max() <= 10
    assert ((found.best_ms_low <= found.best_ms) & (found.best_ms <= found.best_ms_high)).all()
    assert float(found.lag[int(np.nanargmax(found.profile.values))]) == found.lag_ms


def test_the_profile_of_lags_against_its_definition() -> None:
    area = walk(stimuli=12, steps=3)
    model, brain = rdms_of(area), simulate_rdms(area, Experiment(subjects=2, neuroids=20, window_ms=(0.0, 200.0)))
    found = best_lag(model, brain, bootstrap=0)
    similarity = compare_rdms(model, brain).similarity.mean("subject")
    for lag, value in zip(found.lag.values, found.profile.values, strict=True):
        times = model.time_ms.values + lag
        if times[0] < 5 or times[-1] > 195:
            assert np.isnan(value)
            continue
        expected = [interp1d(brain.time_ms, row)(t) for row, t in zip(similarity.values, times, strict=True)]
        assert value == pytest.approx(np.mean(expected), abs=1e-9)
    assert (found.lag.values % 10 == 0).all() and np.isnan(found.lag_ms_low)


def several(unreached: bool = True) -> tuple[xr.Dataset, xr.Dataset]:
    """Return RDMs (area, time, pair), the second area without its first step, and (subject, area, time, pair)."""
    areas = {name: walk(stimuli=12, steps=4, seed=i, name=name) for i, name in enumerate(("V1", "IT"))}
    values = np.stack([rdms_of(area)["dissimilarity"].values for area in areas.values()])
    if unreached:
        values[1, 0] = np.nan
    clock = (("area", "time"), 50 + 10.0 * np.arange(4) + [[0], [20]])
    coords = {"area": list(areas), "time_ms": clock, "time_step": ("time", np.arange(4))}
    model = make_rdms(values, ("area", "time"), coords, areas["V1"].stimulus_id.values)
    return model, simulate_rdms(areas, Experiment(subjects=3, neuroids=20))


def test_all_areas_at_once_and_states_that_do_not_exist() -> None:
    model, brain = several()
    clock, lag = fit_clock(model, brain, **QUICK), best_lag(model, brain, bootstrap=20)
    assert clock.brain_ms.dims == lag.best_ms.dims == ("area", "brain_area", "time")
    assert clock.held_out.dims == lag.lag_ms.dims == ("area", "brain_area")
    assert clock.brain_area.values.tolist() == clock.area.values.tolist() == ["V1", "IT"]
    for values in (clock.brain_ms, lag.best_ms):
        missing = np.isnan(values)
        assert missing.sel(area="IT")[:, 0].all() and int(missing.sum()) == 2
    for area in ("V1", "IT"):
        single = model.sel(area=area).isel(time=slice(1, None)) if area == "IT" else model.sel(area=area)
        alone = fit_clock(single.drop_vars("area"), brain.sel(area=["IT"]), **QUICK)
        assert alone.held_out.dims == ("brain_area",)
        expected = clock.sel(area=area, brain_area="IT")
        assert alone.held_out[0] == pytest.approx(float(expected.held_out), abs=1e-12)
        np.testing.assert_array_equal(alone.brain_ms[0], expected.brain_ms.values[-alone.sizes["time"] :])


def test_an_area_of_one_step_has_no_clock() -> None:
    model, brain = several()
    model["dissimilarity"][1, :3] = np.nan
    clock = fit_clock(model, brain, **QUICK)
    assert np.isnan(clock.sel(area="IT").to_array()).all() and np.isfinite(clock.held_out.sel(area="V1")).all()


def test_a_model_without_a_clock_has_no_lag() -> None:
    area = walk(stimuli=10, steps=3)
    brain = simulate_rdms(area, Experiment(subjects=1, neuroids=20))
    found = best_lag(rdms_of(area).drop_vars("time_ms"), brain, bootstrap=0)
    assert np.isnan(found.lag_ms) and found.sizes["lag"] == 0 and np.isfinite(found.best_ms).all()


def test_seeds_and_attributes() -> None:
    model, brain = several(unreached=False)
    first = fit_clock(model, brain, bootstrap=10, permutations=9, splits=2, seed=5)
    xr.testing.assert_identical(fit_clock(model, brain, bootstrap=10, permutations=9, splits=2, seed=5), first)
    assert not first.equals(fit_clock(model, brain, bootstrap=10, permutations=9, splits=2, seed=6))
    assert first.attrs["shape"] == "monotone" and first.attrs["splits"] == 2 and first.attrs["method"] == "spearman"


def test_stimuli_are_matched_by_name() -> None:
    model, brain = several(unreached=False)
    turned = select_stimuli(brain, np.arange(12)[::-1])
    assert fit_clock(model, turned, **QUICK).held_out.equals(fit_clock(model, brain, **QUICK).held_out)


def test_what_cannot_be_fitted_is_named() -> None:
    model, brain = several(unreached=False)
    with pytest.raises(AnalysisError, match="brain: has no dimension time"):
        fit_clock(model, brain.isel(time=0))
    with pytest.raises(AnalysisError, match="model: has a dimension subject"):
        fit_clock(brain, brain)
    with pytest.raises(AnalysisError, match="brain: needs a coordinate time_ms"):
        fit_clock(model, brain.drop_vars("time_ms"))
    with pytest.raises(AnalysisError, match="brain: needs a coordinate time_ms"):
        best_lag(model, brain.isel(time=slice(None, None, -1)))
    with pytest.raises(AnalysisError, match="5 stimuli are too few"):
        fit_clock(select_stimuli(model, range(5)), select_stimuli(brain, range(5)))
    with pytest.raises(AnalysisError, match="permutations: 0 is less than 1"):
        fit_clock(model, brain, permutations=0)
    with pytest.raises(AnalysisError, match="more than the brain's times, 75 to 85 ms, cover"):
        best_lag(model, brain.isel(time=slice(12, 14)), bootstrap=0)
    with pytest.raises(AnalysisError, match="RDMs of different stimuli"):
        fit_clock(model, brain.assign_coords(stimulus_id=("stimulus", [f"other {i}" for i in range(12)])))
