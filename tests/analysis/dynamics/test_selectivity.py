"""Sparseness and selectivity against scikit-learn, numpy and closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_selection import f_classif

from ventralrnn.analysis.dynamics import compute_selectivity, sparseness
from ventralrnn.analysis.dynamics.selectivity import Selectivity, Sparseness
from ventralrnn.errors import AnalysisError

LABELS = np.array(list("abcab" * 6))


@pytest.fixture
def states() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.standard_normal((30, 3, 5)) + (LABELS == "a")[:, None, None] * np.arange(5)


def test_sparseness_of_k_equal_responses_among_n() -> None:
    n = 20
    for k in range(1, n + 1):
        rates = np.r_[np.full(k, 3.7), np.zeros(n - k)]
        assert sparseness(rates) == pytest.approx((1 - k / n) / (1 - 1 / n))


def test_sparseness_of_an_exponential_distribution_is_a_half() -> None:
    n = 10**6
    rates = -np.log1p(-(np.arange(n) + 0.5) / n)
    assert sparseness(rates) == pytest.approx(0.5, abs=1e-4)


def test_sparseness_by_its_formula(states: np.ndarray) -> None:
    rates = np.clip(states, 0, None)
    formula = (1 - rates.mean(0) ** 2 / (rates**2).mean(0)) / (1 - 1 / 30)
    np.testing.assert_allclose(sparseness(states), formula, rtol=1e-12)
    np.testing.assert_allclose(sparseness(np.moveaxis(states, 0, -1), -1), formula, rtol=1e-12)
    measure = Sparseness()
    for part in (states[:7], states[7:8], states[8:]):
        measure.add(torch.from_numpy(part))
    np.testing.assert_allclose(measure.result(), formula, rtol=1e-12)


def test_sparseness_that_is_undefined() -> None:
    assert np.isnan(sparseness(np.zeros(4))) and np.isnan(sparseness(-np.ones(4))) and np.isnan(sparseness(np.ones(1)))
    assert sparseness(np.array([1e-30, 0], np.float32)) == 1 and sparseness(np.array([1e30, 1e30], np.float32)) == 0


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(1e-6, 1e6))
def test_sparseness_knows_no_scale_and_no_order(seed: int, gain: float) -> None:
    rng = np.random.default_rng(seed)
    rates = rng.exponential(size=9)
    value = sparseness(rates)
    assert 0 <= value <= 1 and sparseness(gain * rng.permutation(rates)) == pytest.approx(float(value), rel=1e-9)


def test_f_is_that_of_scikit_learn(states: np.ndarray) -> None:
    found = compute_selectivity(states, LABELS)
    expected = np.stack([f_classif(states[:, t], LABELS)[0] for t in range(3)])
    np.testing.assert_allclose(found["f"], expected, rtol=1e-10)
    n, k = 30, 3
    np.testing.assert_allclose(found["eta_squared"], expected * (k - 1) / (expected * (k - 1) + n - k), rtol=1e-10)
    omega = (k - 1) * (expected - 1) / ((k - 1) * (expected - 1) + n)
    np.testing.assert_allclose(found["omega_squared"], omega, rtol=1e-9, atol=1e-12)


def test_d_prime_and_index_by_numpy(states: np.ndarray) -> None:
    found = compute_selectivity(states, LABELS)
    differences = []
    for label in "abc":
        own, others = states[label == LABELS], states[label != LABELS]
        differences.append((own.mean(0) - others.mean(0)) / np.sqrt((own.var(0, ddof=1) + others.var(0, ddof=1)) / 2))
    np.testing.assert_allclose(found["d_prime"], np.max(differences, 0), rtol=1e-10)
    positive = np.abs(states)
    means = np.stack([positive[label == LABELS].mean(0) for label in "abc"])
    index = (means.max(0) - means.min(0)) / (means.max(0) + means.min(0))
    np.testing.assert_allclose(compute_selectivity(positive, LABELS)["selectivity_index"], index, rtol=1e-10)
    assert np.isnan(compute_selectivity(-positive, LABELS)["selectivity_index"]).all()


def test_labels_that_mean_nothing() -> None:
    found = compute_selectivity(np.random.default_rng(1).standard_normal((60, 1, 4000)), np.arange(60) % 6)
    assert abs(found["omega_squared"].mean()) < 0.003
    assert found["eta_squared"].mean() == pytest.approx(5 / 59, abs=0.003)
    assert found["f"].mean() == pytest.approx(54 / 52, abs=0.03)


def test_a_common_offset_costs_no_digits(states: np.ndarray) -> None:
    near = (1000 + 1e-2 * states).astype(np.float32)
    expected = np.stack([f_classif(near[:, t].astype(float) - 1000, LABELS)[0] for t in range(3)])
    np.testing.assert_allclose(compute_selectivity(near, LABELS)["f"], expected, rtol=1e-6)


def test_blocks_of_stimuli_make_no_difference(states: np.ndarray) -> None:
    measure = Selectivity(LABELS)
    for start, stop in ((0, 1), (1, 17), (17, 30)):
        measure.add(torch.from_numpy(states[start:stop]))
    expected = compute_selectivity(states, LABELS)
    for name, value in measure.result().items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-10, err_msg=name)


def test_a_neuroid_that_does_not_vary_and_one_neuroid() -> None:
    states = np.full((6, 2, 1), 3.3)
    for name, value in compute_selectivity(states, list("aabbcc")).items():
        assert name == "selectivity_index" or np.isnan(value).all(), name
    tensor = torch.randn(6, 2, 1, dtype=torch.float64)
    assert all(isinstance(v, torch.Tensor) for v in compute_selectivity(tensor, list("aabbcc")).values())


def test_labels_of_a_single_stimulus_have_no_d_prime() -> None:
    states = np.random.default_rng(3).standard_normal((5, 1, 2))
    states[4] = 100
    found = compute_selectivity(states, list("aabbc"))
    assert (found["d_prime"] < 10).all() and np.isfinite(found["f"]).all()


def test_what_is_refused_is_named(states: np.ndarray) -> None:
    with pytest.raises(AnalysisError, match="labels: 3 of them for 30 stimuli"):
        compute_selectivity(states, list("abc"))
    with pytest.raises(AnalysisError, match="labels: all 30 stimuli have the same, 'x'"):
        compute_selectivity(states, ["x"] * 30)
    with pytest.raises(AnalysisError, match="labels: every stimulus has one of its own"):
        compute_selectivity(states[:2], ["x", "y"])
    with pytest.raises(AnalysisError, match="responses: holds NaN"):
        compute_selectivity(np.where(states > 2, np.nan, states), LABELS)
