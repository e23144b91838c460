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
from scipy.spatial.distance import pdist
from scipy.stats import binom, spearmanr

from ventralrnn.analysis.clocks import best_lag, fit_clock, linear_begins, monotone_path
from ventralrnn.analysis.clocks.paths import fit_begins, mean_of_lines, mean_of_path
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
    """Return all ways to give times steps that do not decrease."""
    return list(combinations_with_replacement(range(steps), times))


def score(similarity: np.ndarray, times: np.ndarray, begins: Sequence[float] | np.ndarray) -> float:
    """Return the mean similarity of times with the step that has begun last."""
    steps = [int((np.asarray(begins) <= time).sum()) for time in times]
    return float(similarity[steps, np.arange(len(times))].mean())


similarities = arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.floats(-1, 1, allow_subnormal=False)
)


@settings(deadline=None, max_examples=60)
@given(similarities)
def test_no_path_is_better(similarity: np.ndarray) -> None:
    path, columns = monotone_path(similarity), np.arange(similarity.shape[1])
    best = max(similarity[list(other), columns].sum() for other in every_path(*similarity.shape))
    assert (np.diff(path) >= 0).all()
    assert similarity[path, columns].sum() == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("shape", ["monotone", "linear"])
def test_many_matrices_at_once(shape: Any) -> None:
    many = np.random.default_rng(0).standard_normal((3, 7, 5, 9))
    steps, times = np.arange(5.0), np.arange(9.0) * 10
    begins = fit_begins(many, steps, times, shape)
    assert begins.shape == (3, 7, 4)
    scores = mean_of_path(many, times, begins)
    for at in np.ndindex(3, 7):
        np.testing.assert_array_equal(begins[at], fit_begins(many[at], steps, times, shape))
        assert scores[at] == pytest.approx(score(many[at], times, begins[at]), abs=1e-12)


def test_begins_are_where_the_path_goes_on() -> None:
    similarity = np.zeros((4, 5))
    similarity[[1, 1, 1, 3, 3], range(5)] = 1
    times = np.array([0.0, 10.0, 20.0, 40.0, 50.0])
    # The second step has begun before the first time; the third takes no time.
    assert fit_begins(similarity, np.arange(4.0), times).tolist() == [-np.inf, 30, 30]
    assert fit_begins(similarity[:, :3], np.arange(4.0), times[:3]).tolist() == [-np.inf, np.inf, np.inf]


def test_no_line_is_better() -> None:
    rng = np.random.default_rng(1)
    steps, times = np.array([0.0, 1.0, 3.0, 4.0]), np.array([0.0, 10.0, 20.0, 35.0, 50.0])
    for _ in range(20):
        similarity = rng.standard_normal((4, 5))
        begins = linear_begins(similarity, steps, times)
        assert np.ptp(np.diff(begins) / np.diff(steps[1:])) == pytest.approx(0, abs=1e-9) and begins[-1] >= begins[0]
        found = []
        for first, last in combinations_with_replacement([5.0, 15.0, 27.5, 42.5], 2):
            found.append(score(similarity, times, first + (last - first) * (steps[1:] - 1) / 3))
        assert score(similarity, times, begins) == pytest.approx(max(found), abs=1e-12)
        assert mean_of_lines(similarity, times, begins[None])[0] == pytest.approx(max(found), abs=1e-12)


def test_a_line_of_two_steps_is_one_moment() -> None:
    similarity = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    assert linear_begins(similarity, np.arange(2.0), np.arange(4.0)).tolist() == [1.5]


def test_shapes_have_names() -> None:
    with pytest.raises(AnalysisError, match="shape: 'curved'"):
        fit_begins(np.ones((2, 2)), np.arange(2.0), np.arange(2.0), "curved")  # type: ignore[arg-type]


@pytest.mark.parametrize("pace", [10.0, 20.0, 35.0])
@pytest.mark.parametrize("shape", ["monotone", "linear"])
def test_a_known_pace_is_recovered(pace: float, shape: Any) -> None:
    area = walk()
    experiment = Experiment(subjects=3, neuroids=40, ms_per_step=pace, onset_ms=90.0, bin_ms=10.0, snr=0.5)
    clock = fit_clock(
        rdms_of(area), simulate_rdms(area, experiment), shape=shape, bootstrap=60, permutations=199, splits=8
    )
    truth = 90 + pace * np.arange(1, 6)
    # Begins lie between bins of 10 ms.
    assert np.isnan(clock.begin_ms[0]) and np.abs(clock.begin_ms.values[1:] - truth).max() <= 10
    assert clock.ms_per_step == pytest.approx(pace, abs=2.5)
    assert clock.onset_ms == pytest.approx(90, abs=10)
    assert clock.ms_per_step_low <= clock.ms_per_step <= clock.ms_per_step_high
    assert ((clock.begin_ms_low <= clock.begin_ms) & (clock.begin_ms <= clock.begin_ms_high))[1:].all()
    assert clock.p_times == 1 / 200
    # Of 199 orders of six steps some may be the one that there is: more than two with p = .003.
    assert clock.p_steps <= 3 / 200
    assert clock.held_out > clock.held_out_fixed and clock.held_out > clock.held_out_backwards
    assert clock.held_out > clock.null_times and clock.held_out > clock.null_steps


def test_a_growing_signal_does_not_draw_steps_to_its_end() -> None:
    # States have much in common and the last are the strongest, so that steps are most like times after their own.
    common = walk(steps=1, seed=1).isel(time=0, drop=True)
    area = ((walk() + 3 * common) * xr.DataArray(np.linspace(0.3, 2, 6), dims="time")).rename("IT")
    area = area.transpose("stimulus", "time", "neuroid")
    experiment = Experiment(subjects=4, neuroids=50, ms_per_step=20.0, onset_ms=90.0, window_ms=(-50.0, 210.0), snr=2.0)
    brain = simulate_rdms(area, experiment)
    similarity = compare_rdms(rdms_of(area), brain).similarity.mean("subject").values
    ends = np.arange(110, 230, 20)
    assert (brain.time_ms.values[similarity.argmax(1)] >= ends + 15)[:2].all()
    clock = fit_clock(rdms_of(area), brain, bootstrap=0, permutations=99, splits=8)
    assert np.abs(clock.begin_ms.values[1:] - np.arange(110, 200, 20)).max() <= 10
    assert clock.p_times == 1 / 100


def test_intervals_hold_the_truth() -> None:
    area, inside = walk(stimuli=30), []
    for seed in range(12):
        experiment = Experiment(subjects=2, neuroids=40, ms_per_step=20.0, onset_ms=90.0, snr=0.2, repeats=5)
        brain = simulate_rdms(area, experiment, seed=seed)
        clock = fit_clock(rdms_of(area), brain, shape="linear", bootstrap=100, permutations=1, splits=1)
        inside.append(float(clock.ms_per_step_low) - 1 <= 20 <= float(clock.ms_per_step_high) + 1)
    # 95 % of intervals, which are as coarse as the bins, hold the truth.
    assert sum(inside) >= binom.ppf(0.001, 12, 0.95)


@pytest.mark.parametrize("shape", ["monotone", "linear"])
def test_p_values_of_chance(shape: Any) -> None:
    rng, runs, permutations = np.random.default_rng(0), 150, 19
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
            assert (values <= level + 1e-9).sum() <= binom.ppf(0.999, runs, level)
        # Orders that come twice count against the one that there is, so that p values may be a little large.
        assert (values <= 0.5).sum() >= binom.ppf(0.001, runs, 0.4)


def test_the_map_is_fitted_on_other_stimuli() -> None:
    # Without any relation a map fitted and judged on the same stimuli would find one.
    rng = np.random.default_rng(3)
    held_out, fitted = [], []
    for seed in range(30):
        model, brain = random_rdms(4, 16, rng), random_rdms(20, 16, rng)
        held_out.append(float(fit_clock(model, brain, seed=seed, **QUICK).held_out))
        similarity = compare_rdms(model, brain).similarity.values
        fitted.append(similarity[monotone_path(similarity), np.arange(20)].mean())
    assert np.mean(fitted) > 0.03
    assert abs(np.mean(held_out)) < 3 * np.std(held_out) / np.sqrt(30)


def test_held_out_against_its_definition() -> None:
    area = walk(stimuli=12, steps=3)
    model, brain = rdms_of(area), simulate_rdms(area, Experiment(subjects=2, neuroids=20, window_ms=(50.0, 100.0)))
    clock = fit_clock(model, brain, bootstrap=0, permutations=5, splits=1, seed=4)
    order = np.random.default_rng(4).permutation(12)

    def similarity(stimuli: np.ndarray) -> np.ndarray:
        ours, theirs = (select_stimuli(r, stimuli)["dissimilarity"].values for r in (model, brain))
        return np.array([[np.mean([spearmanr(a, s[t]).statistic for s in theirs]) for t in range(5)] for a in ours])

    def best(matrix: np.ndarray) -> tuple[int, ...]:
        return max(every_path(3, 5), key=lambda path: matrix[list(path), np.arange(5)].sum())

    train, test = similarity(order[:6]), similarity(order[6:])
    assert clock.held_out == pytest.approx(test[best(train), np.arange(5)].mean(), abs=1e-9)
    assert clock.held_out_fixed == pytest.approx(test[train.mean(1).argmax()].mean(), abs=1e-9)
    turned = test[:, ::-1][best(train[:, ::-1]), np.arange(5)]
    assert clock.held_out_backwards == pytest.approx(turned.mean(), abs=1e-9)
    whole = compare_rdms(model, brain).similarity.transpose("subject", "time", "brain_time").mean("subject").values
    begins = [[*best(whole), 3].index(next(s for s in (*best(whole), 3) if s >= step)) for step in (1, 2)]
    expected = [np.nan if b in (0, 5) else brain.time_ms.values[b - 1 : b + 1].mean() for b in begins]
    np.testing.assert_array_equal(clock.begin_ms, [np.nan, *expected])


@pytest.mark.parametrize("lag", [0.0, 45.0, -20.0])
def test_a_known_lag_is_recovered(lag: float) -> None:
    area = walk()
    experiment = Experiment(subjects=3, neuroids=40, onset_ms=60 + lag, bin_ms=5.0, window_ms=(-50.0, 200.0))
    found = best_lag(rdms_of(area), simulate_rdms(area, experiment), bootstrap=100)
    assert found.lag_ms == pytest.approx(lag, abs=5)
    assert found.lag_ms_low - 2.5 <= lag <= found.lag_ms_high + 2.5
    assert float(found.lag[int(np.nanargmax(found.profile.values))]) == found.lag_ms
    responding = found.brain_time_ms.values > 60 + lag
    truth = np.clip((found.brain_time_ms.values - 60 - lag) // 10, 0, 5)
    assert np.abs(found.best_step.values - truth)[responding].max() <= 1
    assert ((found.best_step_low <= found.best_step) & (found.best_step <= found.best_step_high)).all()


def test_the_profile_of_lags_against_its_definition() -> None:
    area = walk(stimuli=12, steps=3)
    model, brain = rdms_of(area), simulate_rdms(area, Experiment(subjects=2, neuroids=20, window_ms=(0.0, 200.0)))
    found = best_lag(model, brain, bootstrap=0)
    similarity = compare_rdms(model, brain).similarity.transpose("subject", "time", "brain_time").mean("subject").values
    times = brain.time_ms.values
    for lag, value in zip(found.lag.values, found.profile.values, strict=True):
        begins = model.time_ms.values[1:] + lag
        if begins[0] <= 5 or begins[-1] > 195:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(score(similarity, times, begins), abs=1e-9)
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
    assert clock.begin_ms.dims == ("area", "brain_area", "time") and lag.best_step.dims[-1] == "brain_time"
    assert clock.held_out.dims == lag.lag_ms.dims == ("area", "brain_area")
    assert clock.brain_area.values.tolist() == clock.area.values.tolist() == ["V1", "IT"]
    assert np.isnan(clock.begin_ms.sel(area="IT")[:, :2]).all() and lag.best_step.sel(area="IT").min() == 1
    for area in ("V1", "IT"):
        single = model.sel(area=area).isel(time=slice(1, None)) if area == "IT" else model.sel(area=area)
        alone = fit_clock(single.drop_vars("area"), brain.sel(area=["IT"]), **QUICK)
        assert alone.held_out.dims == ("brain_area",)
        expected = clock.sel(area=area, brain_area="IT")
        assert alone.held_out[0] == pytest.approx(float(expected.held_out), abs=1e-12)
        np.testing.assert_array_equal(alone.begin_ms[0], expected.begin_ms.values[-alone.sizes["time"] :])


def test_an_area_of_one_step_has_no_clock() -> None:
    model, brain = several()
    model["dissimilarity"][1, :3] = np.nan
    clock = fit_clock(model, brain, **QUICK)
    assert np.isnan(clock.sel(area="IT").to_array()).all() and np.isfinite(clock.held_out.sel(area="V1")).all()


def test_a_model_without_a_clock_has_no_lag() -> None:
    area = walk(stimuli=10, steps=3)
    brain = simulate_rdms(area, Experiment(subjects=1, neuroids=20))
    found = best_lag(rdms_of(area).drop_vars("time_ms"), brain, bootstrap=0)
    assert np.isnan(found.lag_ms) and found.sizes["lag"] == 0 and np.isfinite(found.best_step).all()


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
    with pytest.raises(AnalysisError, match="begin from .* are more than the brain's times, 75 to 85 ms"):
        best_lag(model, brain.isel(time=slice(12, 14)), bootstrap=0)
    with pytest.raises(AnalysisError, match="12 of 12 are not, 0 are in both"):
        fit_clock(model, brain.assign_coords(stimulus_id=("stimulus", [f"other {i}" for i in range(12)])))
