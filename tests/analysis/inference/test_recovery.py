"""Recordings whose answer is known: the right state is found, ceilings bracket the truth, and error rates hold."""

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.simulations import (
    NEXT,
    STEPS,
    TRUE,
    geometry,
    make_neurons,
    make_states,
    measure_coverage,
    measure_errors,
    record,
)
from ventralrnn.analysis import rsa
from ventralrnn.analysis.comparison import compare_vectors
from ventralrnn.analysis.inference import noise_ceilings
from ventralrnn.analysis.inference.bootstrap import Resample
from ventralrnn.analysis.rdm import make_rdms

DATASETS = 200


def likely(share: float, datasets: int = DATASETS) -> tuple[float, float]:
    """Return between which observed shares a true share lies with a probability of 99.8 %."""
    low, high = binom.ppf([0.001, 0.999], datasets, share)
    return low / datasets, high / datasets


def test_area_step_and_times_are_found() -> None:
    """A brain that has nothing, then three steps of the model's last area, one after the other."""
    rng = np.random.default_rng(0)
    states = make_states(rng, 40)[0]
    model = make_rdms(
        geometry(states).reshape(-1, STEPS, 780),
        ("area", "time"),
        {"area": ["V1", "V4", "IT"], "time_step": ("time", np.arange(STEPS))},
    )
    courses = np.stack([np.zeros_like(states[0]), *states[[TRUE - 1, TRUE, NEXT]]])
    brain = make_rdms(record(rng, courses, make_neurons(rng, 100), 20), ("subject", "time"))
    result = rsa(model, brain, bootstrap=200, permutations=199)
    best = result.similarity.stack(state=("area", "time")).argmax("state").values
    assert best[1:].tolist() == [TRUE - 1, TRUE, NEXT]
    assert not result.significant.sel(area="IT")[:, 0].any()
    own = result.significant.sel(area="IT").values[[0, 1, 2], [1, 2, 3]]
    assert own.all() and (result.p_corrected.sel(area="IT").values[[0, 1, 2], [1, 2, 3]] <= 0.05).all()
    for step, time in ((0, 1), (1, 2), (2, 3)):
        truth = result.similarity.sel(area="IT").values[step, time]
        assert result.ceiling_lower.values[time] < truth < result.ceiling_upper.values[time]
        assert result.low.sel(area="IT").values[step, time] > 0.1
    # Nothing can be predicted before there is anything.
    assert abs(result.ceiling_lower.values[0]) < 0.1
    assert np.abs(result.ceiling_lag_lower.values[0, 1:]).max() < 0.1


@pytest.mark.parametrize("method", ["spearman", "corr", "whitened-corr"])
def test_the_true_model_lies_between_the_ceilings(method: str) -> None:
    """On average over data sets, at equal times and between two times, whose true geometries are alike in part."""
    rng = np.random.default_rng(0)
    at, lagged = [], []
    for _ in range(60):
        states = make_states(rng, 20)[0, [TRUE, NEXT]]
        brain = record(rng, states, make_neurons(rng, 60), 8)
        found = noise_ceilings(brain, method)
        truth = np.mean([compare_vectors(one, geometry(states), method) for one in brain], 0)
        at.append([found.lower[0], truth[0, 0], found.upper[0]])
        lagged.append([found.lag_lower[0, 1], truth[0, 1], found.lag_upper[0, 1]])
    for rows in (np.array(at), np.array(lagged)):
        gaps = np.diff(rows, axis=1)
        assert (gaps.mean(0) > 3 * gaps.std(0) / np.sqrt(len(gaps))).all()


@pytest.mark.parametrize(
    ("resample", "stimuli", "subjects"), [("stimuli", 20, 4), ("subjects", 16, 5), ("both", 16, 8)]
)
def test_intervals_hold_the_truth(resample: Resample, stimuli: int, subjects: int) -> None:
    """Just as often as they say; over few subjects and stimuli at once, where degrees of freedom are few, or more."""
    by_t, by_quantile = measure_coverage(resample, stimuli, subjects, DATASETS, samples=200)
    low, high = likely(0.95)
    assert by_t.coverage >= low
    if resample != "both":
        assert by_t.coverage <= high
        # The reason why quantiles are not the default.
        assert by_quantile.coverage < low if resample == "subjects" else by_quantile.coverage > by_t.coverage


def test_tests_find_nothing_where_there_is_nothing() -> None:
    rates = {row.test: row.rate for row in measure_errors(12, DATASETS, permutations=99)}
    low, high = likely(0.05)
    alike = rates.pop("flips of subjects' signs, all with the same geometry")
    assert len(rates) == 4
    for test, rate in rates.items():
        assert low <= rate <= high, test
    # Documented: this test says nothing about other stimuli.
    assert alike > high
