"""Autocorrelations against numpy, time constants against scipy and processes that have them."""

import numpy as np
import pytest
import torch
from scipy.optimize import curve_fit

from ventralrnn.analysis.dynamics import Autocorrelation, fit_decay
from ventralrnn.errors import AnalysisError


def ar1(tau: float, presentations: int, times: int, neuroids: int, seed: int = 0) -> np.ndarray:
    """Return first-order autoregressive processes, (presentation, time, neuroid), with time constant tau in steps."""
    rng = np.random.default_rng(seed)
    phi = np.exp(-1 / tau)
    states = np.empty((presentations, times, neuroids))
    states[:, 0] = rng.standard_normal((presentations, neuroids))
    for t in range(1, times):
        states[:, t] = phi * states[:, t - 1] + np.sqrt(1 - phi**2) * rng.standard_normal((presentations, neuroids))
    return states


def accumulate(states: np.ndarray, *borders: int) -> Autocorrelation:
    memory = Autocorrelation()
    for part in np.split(states, borders):
        memory.add(torch.from_numpy(part))
    return memory


def test_correlations_are_those_of_numpy() -> None:
    states = np.random.default_rng(1).standard_normal((12, 5, 3)).cumsum(1) + 7
    found = accumulate(states, 1, 8).correlations()
    for neuroid in range(3):
        np.testing.assert_allclose(found[neuroid], np.corrcoef(states[:, :, neuroid].T), rtol=1e-10)
    lags, memory = accumulate(states).result(np.array([0.0, 10, 20, 30, 50]))
    assert lags.tolist() == [10, 20, 30, 40, 50]
    first = np.corrcoef(states[:, :, 0].T)
    assert memory[0, 0] == pytest.approx(np.mean([first[0, 1], first[1, 2], first[2, 3]]))
    assert memory[0, 3] == pytest.approx(first[1, 4])


def test_missing_presentations_are_left_out() -> None:
    states = np.random.default_rng(2).standard_normal((12, 4, 2))
    states[[2, 5], :, 1] = np.nan
    states[0, :, 1] = np.nan
    found = accumulate(states, 3).correlations()
    np.testing.assert_allclose(found[0], np.corrcoef(states[:, :, 0].T), rtol=1e-10)
    kept = states[np.isfinite(states[:, 0, 1]), :, 1]
    np.testing.assert_allclose(found[1], np.corrcoef(kept.T), rtol=1e-10)


def test_a_constant_response_and_too_few_presentations() -> None:
    states = np.random.default_rng(3).standard_normal((6, 4, 2))
    states[:, 2, 0] = 5
    found = accumulate(states).correlations()
    assert found[0, 2].isnan().all() and found[0, 0, 1].isfinite() and found[1].isfinite().all()
    assert accumulate(states[:2]).correlations().isnan().all()


@pytest.mark.parametrize("tau", [2.0, 6.0])
def test_an_autoregressive_process(tau: float) -> None:
    step = 10.0
    lags, memory = accumulate(ar1(tau, 400, 20, 60)).result(step * np.arange(20))
    np.testing.assert_allclose(memory.mean(0)[:8], np.exp(-lags[:8] / (tau * step)), atol=0.02)
    assert fit_decay(memory.mean(0), lags).timescale == pytest.approx(tau * step, rel=0.06)


@pytest.mark.parametrize("offset", [True, False])
def test_the_fit_is_that_of_scipy(offset: bool) -> None:
    rng = np.random.default_rng(4)
    lags = 20.0 * np.arange(1, 12)
    memory = 0.6 * (np.exp(-lags / rng.uniform(30, 120, (20, 1))) + (0.2 if offset else 0))
    memory += 0.01 * rng.standard_normal(memory.shape)

    def model(x: np.ndarray, a: float, tau: float, b: float = 0.0) -> np.ndarray:
        return a * (np.exp(-x / tau) + b)

    found = fit_decay(memory, lags, offset)
    for row in range(20):
        start = (0.5, 70.0, 0.1)[: 3 if offset else 2]
        expected = curve_fit(model, lags, memory[row], start, xtol=1e-14, ftol=1e-14)[0]
        assert found.timescale[row] == pytest.approx(expected[1], rel=1e-5)
        assert found.amplitude[row] == pytest.approx(expected[0], rel=1e-5)
        assert found.offset[row] == pytest.approx(expected[2] if offset else 0, rel=1e-4, abs=1e-12)


def test_lags_that_are_missing_are_left_out() -> None:
    lags = np.arange(1.0, 9)
    memory = 0.5 * (np.exp(-lags / 2.5) + 0.1)
    memory[3] = np.nan
    assert fit_decay(memory, lags).timescale == pytest.approx(2.5)


@pytest.mark.parametrize(
    "memory",
    [
        np.full(8, 0.4),  # no decay
        0.9 - 0.05 * np.arange(8),  # a straight line: slower than can be told
        -np.exp(-np.arange(8.0)),  # grows
        np.r_[0.5, 0.2, 0.1, np.full(5, np.nan)],  # as many lags as parameters
        np.full(8, np.nan),
    ],
)
def test_what_has_no_timescale_gets_none(memory: np.ndarray) -> None:
    assert np.isnan(fit_decay(memory, np.arange(1.0, 9)).timescale)


def test_no_lags_at_all() -> None:
    lags, memory = accumulate(np.random.default_rng(0).standard_normal((5, 1, 3))).result(np.array([50.0]))
    assert lags.shape == (0,) and memory.shape == (3, 0)
    assert np.isnan(fit_decay(memory, lags).timescale).all() and fit_decay(memory, lags).timescale.shape == (3,)
    with pytest.raises(AnalysisError, match="lags: give lags above 0"):
        fit_decay(np.ones(3), np.arange(3))
