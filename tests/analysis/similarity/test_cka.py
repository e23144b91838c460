"""CKA against its definition, Brain-Score, closed forms and what must not change it."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ventralrnn.analysis.similarity import cka
from ventralrnn.errors import AnalysisError


def related(widths: tuple[int, ...], stimuli: int = 40, seed: int = 0) -> list[np.ndarray]:
    """Return states of so many features that share a latent cause."""
    rng = np.random.default_rng(seed)
    cause = rng.standard_normal((stimuli, 5))
    return [cause @ rng.standard_normal((5, p)) + rng.standard_normal((stimuli, p)) + 3 for p in widths]


def song(x: np.ndarray, y: np.ndarray) -> float:
    """Return the unbiased HSIC as Song et al. write it, eq. 5."""
    n = len(x)
    k, m = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    one = np.ones(n)
    trace = np.trace(k @ m)
    total = one @ k @ one * (one @ m @ one) / ((n - 1) * (n - 2))
    return float((trace + total - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3)))


def naive(x: np.ndarray, y: np.ndarray) -> float:
    return song(x, y) / np.sqrt(song(x, x) * song(y, y))


def test_debiased_is_songs() -> None:
    states = related((3, 60, 200))
    expected = [[naive(x, y) for y in states] for x in states]
    np.testing.assert_allclose(cka(states), expected, atol=1e-12)


def test_biased_is_kornblith() -> None:
    states = [s - s.mean(0) for s in related((3, 60, 200))]

    def overlap(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.linalg.norm(x.T @ y) ** 2)

    expected = [[overlap(x, y) / np.sqrt(overlap(x, x) * overlap(y, y)) for y in states] for x in states]
    np.testing.assert_allclose(cka(states, debiased=False), expected, atol=1e-12)


def test_brain_score() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = pytest.importorskip("brainscore_vision.metrics.cka.metric")
    x, y = related((30, 200))
    assert cka([x, y])[0, 1] == pytest.approx(peer.unbiased_linear_CKA(x, y), abs=1e-10)
    assert cka([x, y], debiased=False)[0, 1] == pytest.approx(peer.linear_CKA(x, y), abs=1e-10)


def test_float32_is_right_where_brain_score_is_not() -> None:
    """With a common mean, the three sums cancel: in float32 nothing is left of them."""
    rng = np.random.default_rng(0)
    cause = rng.standard_normal((200, 20))
    states = [
        (cause @ rng.standard_normal((20, 800)) + 3 * rng.standard_normal((200, 800)) + offset).astype(np.float32)
        for offset in (0, 10, 100, 1000)
    ]
    centred = [s - s.mean(0, np.float64) for s in states]
    exact = np.array([[naive(x, y) for y in centred] for x in centred])
    np.testing.assert_allclose(cka(states), exact, atol=1e-6)
    # The three sums in float32, as Brain-Score has them, are far off.
    with np.errstate(invalid="ignore"):
        assert not abs(naive(states[3], states[2]) - exact[3, 2]) < 0.1


def test_near_duplicates_far_from_zero() -> None:
    rng = np.random.default_rng(1)
    base = rng.standard_normal((60, 500)) + 1000
    states = [(base + 1e-2 * rng.standard_normal(base.shape)).astype(np.float32) for _ in range(3)]
    exact = cka([s.astype(np.float64) for s in states])
    np.testing.assert_allclose(cka(states), exact, atol=1e-5)
    assert exact.min() > 0.99


def test_independent_states_have_none_on_average() -> None:
    """The biased value is p / (n + p) in expectation; the mean of unbiased ones over pairs is 0 within its error."""
    rng = np.random.default_rng(0)
    states = [rng.standard_normal((50, 200)) for _ in range(24)]
    pairs = np.triu_indices(24, 1)
    debiased, biased = cka(states)[pairs], cka(states, debiased=False)[pairs]
    assert abs(debiased.mean()) < 4 * debiased.std() / np.sqrt(len(debiased))
    assert biased.mean() == pytest.approx(200 / 250, abs=0.02)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-50, 50), st.booleans())
def test_invariances(seed: int, scale: float, offset: float, debiased: bool) -> None:
    x, y = related((6, 9), 12, seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(12)
    rotation = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    before = cka([x, y], debiased=debiased)
    after = cka([(scale * x @ rotation + offset)[order], y[order]], debiased=debiased)
    np.testing.assert_allclose(after, before, atol=1e-8)
    assert cka([x, x @ rotation], debiased=debiased)[0, 1] == pytest.approx(1)


def test_others() -> None:
    states = related((5, 9, 30, 4))
    whole = cka(states)
    np.testing.assert_allclose(cka(states[:1], states[1:]), whole[:1, 1:], atol=1e-14)
    np.testing.assert_allclose(cka(np.stack(related((5, 5)))), cka(related((5, 5))))


def test_minibatches_are_the_average_of_the_criterion() -> None:
    x, y = related((5, 30), 43)
    sizes = np.array_split(np.random.default_rng(7).permutation(43), 4)
    mean = {
        pair: np.mean([song(a[rows], b[rows]) for rows in sizes])
        for pair, (a, b) in {"xy": (x, y), "xx": (x, x), "yy": (y, y)}.items()
    }
    found = cka([x, y], batch_size=10, seed=7)[0, 1]
    assert found == pytest.approx(mean["xy"] / np.sqrt(mean["xx"] * mean["yy"]), abs=1e-12)


def test_minibatches_approach_the_whole() -> None:
    x, y = related((20, 30), 240)
    whole = cka([x, y])[0, 1]
    estimates = [cka([x, y], batch_size=24, epochs=20, seed=seed)[0, 1] for seed in range(3)]
    np.testing.assert_allclose(estimates, whole, atol=0.01)


def test_what_has_no_alignment() -> None:
    x, y = related((5, 9))
    constant = np.full((40, 3), 0.1, np.float32)
    unreached = np.full((40, 4), np.nan)
    found = cka([x, constant, y, unreached])
    assert np.isnan(found[[1, 3]]).all() and np.isnan(found[:, [1, 3]]).all()
    np.testing.assert_allclose(found[np.ix_([0, 2], [0, 2])], cka([x, y]))
    widened = np.concatenate([x, np.full((40, 2), 7.0)], 1)
    np.testing.assert_allclose(cka([widened, y]), cka([x, y]), atol=1e-12)


def test_few_stimuli_and_duplicates() -> None:
    x, y = related((1, 5), 2)
    assert cka([x, y], debiased=False) == pytest.approx(np.ones((2, 2)))
    with pytest.raises(AnalysisError, match="needs at least 4"):
        cka([x, y])
    twice = [np.repeat(s, 2, axis=0) for s in related((3, 5), 10)]
    assert cka(twice)[0, 1] == pytest.approx(naive(*twice))


def test_torch() -> None:
    states = related((5, 9, 30))
    found = cka([torch.from_numpy(s) for s in states])
    assert isinstance(found, torch.Tensor)
    np.testing.assert_array_equal(found.numpy(), cka(states))
    half = cka([torch.from_numpy(s).half() for s in states])
    np.testing.assert_allclose(half.numpy(), cka(states), atol=1e-2)


@pytest.mark.parametrize(
    ("states", "options", "message"),
    [
        ([np.ones((5, 2)), np.ones((6, 2))], {}, "of 5 and of 6 stimuli"),
        ([np.array([[1, np.nan], [2, 3], [4, 5], [5, 6]])], {}, r"states\[0\]: some values are NaN"),
        ([np.ones(5)], {}, r"states\[0\]: give 2 dimensions"),
        ([], {}, "states: give at least one"),
        ([np.ones((5, 2))], {"batch_size": 4, "debiased": False}, "batch_size"),
        ([np.ones((5, 2))], {"batch_size": 3}, "batch_size: give 4 to 5"),
    ],
)
def test_what_is_refused_is_named(states: list[np.ndarray], options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        cka(states, **options)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_magnitudes_do_not_matter(scale: float) -> None:
    states = [s.astype(np.float32) for s in related((5, 9, 30))]
    scaled = [states[0], (scale * states[1]).astype(np.float32), states[2]]
    np.testing.assert_allclose(cka(scaled), cka(states), atol=1e-6)
    np.testing.assert_allclose(cka(scaled, debiased=False), cka(states, debiased=False), atol=1e-6)
