"""Noise-corrected scores and explainable variance against Brain-Score and simulations of known signal and noise."""

import os
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ventralrnn.analysis.encoding import (
    correct_for_noise,
    correlate,
    explainable_variance,
    reliability,
    scores,
    split_half,
)
from ventralrnn.errors import AnalysisError


def repeated(stimuli: int, neuroids: int, repeats: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a signal of variance one, and repeats of it with noise of so much standard deviation."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((stimuli, neuroids))
    return signal, signal[..., None] + noise * rng.standard_normal((stimuli, neuroids, repeats))


def test_correlation_is_scipys() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 30, 4, 3)) + 1000
    expected = [[stats.pearsonr(x[:, i, j], y[:, i, j])[0] for j in range(3)] for i in range(4)]
    np.testing.assert_allclose(correlate(x, y), expected, atol=1e-11)
    x[:, 0, 0] = 0.1
    found = correlate(x, y)
    assert np.isnan(found[0, 0]) and np.isfinite(found).sum() == 11
    assert isinstance(correlate(torch.from_numpy(x), torch.from_numpy(y)), torch.Tensor)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-100, 100))
def test_correlation_invariances(seed: int, scale: float, offset: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, 9, 2))
    order = rng.permutation(9)
    np.testing.assert_allclose(correlate((scale * x + offset)[order], y[order]), correlate(x, y), atol=1e-9)
    np.testing.assert_allclose(correlate(-x, y), -correlate(x, y), atol=1e-12)


@pytest.mark.parametrize("repeats", [2, 5, 20])
def test_reliability_and_explainable_variance_recover_the_truth(repeats: int) -> None:
    """Of variance one and noise 4: means of r repeats have 1 / (1 + 4 / r); a single trial 1 / 5."""
    _, trials = repeated(2000, 30, repeats, 2)
    assert explainable_variance(trials).mean() == pytest.approx(0.2, abs=0.01)
    # Halves of an odd number differ in size, which Spearman and Brown's formula takes as equal.
    assert reliability(trials).mean() == pytest.approx(1 / (1 + 4 / repeats), abs=0.02)


def test_noise_corrected_correlation_recovers_the_noiseless_one() -> None:
    """Within 0.01 for the mean of 200 neuroids, where the correlation as measured is off by more than 0.2."""
    signal, trials = repeated(300, 200, 6, 2.5, seed=1)
    rng = np.random.default_rng(2)
    predictions = 0.8 * signal + 0.6 * rng.standard_normal(signal.shape)
    truth = correlate(predictions, signal).mean()
    measured = correlate(predictions, trials.mean(-1))
    assert measured.mean() < truth - 0.2
    assert correct_for_noise(measured, reliability(trials)).mean() == pytest.approx(truth, abs=0.01)


def test_brain_score() -> None:
    os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = pytest.importorskip("brainscore_vision.metrics.internal_consistency.ceiling")
        from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

        _, trials = repeated(20, 5, 4, 1)
        assembly = NeuroidAssembly(
            trials.transpose(2, 0, 1).reshape(80, 5),
            coords={
                "stimulus_id": ("presentation", [f"s{i:02d}" for i in range(20)] * 4),
                "object_name": ("presentation", ["a"] * 80),
                "repetition": ("presentation", np.repeat(np.arange(4), 20)),
                "neuroid_id": ("neuroid", np.arange(5)),
                "region": ("neuroid", ["IT"] * 5),
            },
            dims=("presentation", "neuroid"),
        )
        ceiling = peer.InternalConsistency()(assembly)
    raw = ceiling.attrs["raw"]
    raw = raw.attrs.get("raw", raw)
    np.testing.assert_allclose(reliability(trials, seed=1), raw.mean("split").values, atol=1e-6)


def test_nothing_is_known_where_responses_are_not_reliable() -> None:
    found = correct_for_noise(np.array([0.3, 0.3, 0.3, np.nan]), np.array([0.25, 0, -0.1, 0.25]))
    assert found[0] == pytest.approx(0.6)
    assert np.isnan(found[1:]).all()
    constant = np.ones((5, 2, 3))
    assert np.isnan(explainable_variance(constant)).all()
    assert np.isnan(reliability(constant)).all()


def test_missing_repeats() -> None:
    """Six repeats of which two to six are there: halves of 4 on average, unequal ones, so near the truth only."""
    rng = np.random.default_rng(3)
    _, trials = repeated(3000, 20, 6, 2)
    counts = rng.integers(2, 7, 3000)
    trials[np.arange(6) >= counts[:, None, None].repeat(20, 1)] = np.nan
    means = np.nanmean(trials, -1)
    noise = (4 / counts).mean()
    assert means.var() == pytest.approx(1 + noise, rel=0.03)
    assert explainable_variance(trials).mean() == pytest.approx(0.2, abs=0.01)
    assert reliability(trials).mean() == pytest.approx(1 / (1 + noise), abs=0.03)
    # What is padded by repeats that nobody has is what it was without them.
    padded = np.concatenate([trials[..., ::-1], np.full((3000, 20, 3), np.nan)], -1)
    np.testing.assert_allclose(explainable_variance(padded), explainable_variance(trials), rtol=1e-12)


@pytest.mark.parametrize("shared", [True, False])
def test_halves_hold_every_repeat_once(shared: bool) -> None:
    """Of five repeats that are there, two are in the first half and three in the second."""
    _, trials = repeated(40, 3, 7, 1)
    trials[:20, ..., :2] = trials[20:, ..., 3:5] = np.nan
    if not shared:
        trials[:, 0] = trials[:, 0, ::-1]
    values = torch.from_numpy(trials)
    firsts = []
    for first, second in scores._halves_of_some(values, ~values.isnan(), 3, seed=0):
        np.testing.assert_allclose(2 * first + 3 * second, np.nansum(trials, -1), atol=1e-12)
        pairs = [trials[..., [i, j]].mean(-1) for i in range(7) for j in range(i)]
        assert np.isclose(first, pairs, atol=1e-12).any(0).all()
        firsts.append(first)
    assert not torch.equal(firsts[0], firsts[1])


def test_what_does_not_exist_is_nan() -> None:
    _, trials = repeated(40, 3, 4, 1)
    trials[:, 1] = np.nan
    found = split_half(torch.from_numpy(trials), 2)
    assert isinstance(found, torch.Tensor) and found[:, 1].isnan().all() and found[:, [0, 2]].isfinite().all()
    for values in (explainable_variance(trials), reliability(trials)):
        assert np.isnan(values[1]) and np.isfinite(values[[0, 2]]).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((5, 1)), "two repeats"),
        (np.ones(5), "two repeats"),
        (np.array([[1, np.nan], [2, 3]]), "stimulus 0 has 1 repeats"),
        (np.array([[2.0, 3], [1, np.inf]]), "hold infinity"),
    ],
)
def test_what_is_refused_is_named(values: Any, message: str) -> None:
    for function in (reliability, explainable_variance):
        with pytest.raises(AnalysisError, match=message):
            function(values)
    with pytest.raises(AnalysisError, match="do not fit"):
        correlate(np.ones((3, 2)), np.ones((3, 3)))
