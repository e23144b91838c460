"""The page on inference is what its results files say, and the simulations are what they say."""

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks import power, simulations
from ventralrnn.analysis.comparison import compare_vectors


@pytest.mark.parametrize("name", power.FILES)
def test_the_page_shows_the_results_file(name: str) -> None:
    assert power.show(name, power.read_rows(name)) in power.PAGE.read_text(encoding="utf-8")


def test_sizes_are_those_of_the_program() -> None:
    rows = power.read_rows("power")
    sizes = {(row.stimuli, row.neuroids, row.trials) for row in rows}
    assert len(rows) == len(sizes) == len(power.STIMULI) * len(power.NEUROIDS) * len(power.TRIALS)
    assert {row.stimuli for row in rows} == set(power.STIMULI)
    assert {(row.resample, row.stimuli, row.subjects) for row in power.read_rows("coverage")} == set(power.COVERAGES)


def test_power_grows_and_the_truth_lies_between_the_ceilings() -> None:
    rows = {(row.stimuli, row.neuroids, row.trials): row for row in power.read_rows("power")}
    least, most = rows[min(rows)], rows[max(rows)]
    assert least.detected < 0.2 < 0.95 < most.detected
    assert least.told_apart < 0.2 < 0.95 < most.told_apart
    assert all(row.lower < row.similarity < row.upper for row in rows.values())


def test_rates_that_the_page_calls_right() -> None:
    for row in power.read_rows("coverage"):
        low, high = binom.ppf([0.001, 0.999], row.datasets, 0.95) / row.datasets
        if row.interval == "t":
            assert row.coverage >= low
            assert row.coverage <= high or row.resample == "both"
    for row in power.read_rows("errors"):
        if "same geometry" not in row.test:
            low, high = binom.ppf([0.001, 0.999], row.datasets, 0.05) / row.datasets
            assert row.rate <= high, row.test
            # Bootstraps over both are careful where there are few subjects.
            assert row.rate >= low or row.test.startswith("difference"), row.test


def test_states_inherit_what_they_should() -> None:
    rng = np.random.default_rng(0)
    states = simulations.make_states(rng, 400)[0]
    flat = states.reshape(len(states), -1)
    correlation = np.corrcoef(flat)
    share = np.sqrt(simulations.INHERITED)
    assert correlation[simulations.TRUE, simulations.NEXT] == pytest.approx(share, abs=0.03)
    assert correlation[0, simulations.STEPS] == pytest.approx(share, abs=0.03)
    assert flat.var(1) == pytest.approx(np.ones(len(flat)), abs=0.1)


def test_without_noise_many_neurons_have_the_geometry_of_the_state() -> None:
    rng = np.random.default_rng(0)
    state = simulations.make_states(rng, 20)[:, 0]
    brain = simulations.record(rng, state, simulations.make_neurons(rng, 4000), 10**9)
    assert brain.shape == (simulations.SUBJECTS, 1, 190)
    assert compare_vectors(simulations.geometry(state), brain[:, 0], "corr").min() > 0.99


def test_power_of_one_size_is_the_same_again() -> None:
    assert simulations.measure_power(12, 10, 1, 2, samples=20) == simulations.measure_power(12, 10, 1, 2, samples=20)
