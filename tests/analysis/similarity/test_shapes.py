"""Shape distances against scipy, canonical correlations, and the axioms of a metric."""

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ventralrnn.analysis.similarity import shape_distances
from ventralrnn.errors import AnalysisError


def drawn(*widths: int, stimuli: int = 25, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((stimuli, p)) * rng.uniform(0.1, 3, p) + 5 for p in widths]


def padded(x: np.ndarray, width: int) -> np.ndarray:
    x = x - x.mean(0)
    return np.pad(x, ((0, 0), (0, width - x.shape[1])))


@pytest.mark.parametrize("widths", [(4, 4), (4, 9), (9, 60), (60, 80), (25, 24), (60, 1)])
def test_procrustes_is_what_the_best_rotation_leaves(widths: tuple[int, int]) -> None:
    x, y = drawn(*widths)
    first, second = padded(x, max(widths)), padded(y, max(widths))
    rotation, _ = scipy.linalg.orthogonal_procrustes(first, second)
    expected = np.linalg.norm(first @ rotation - second)
    found = shape_distances([x, y], measure="procrustes")
    assert found[0, 1] == found[1, 0] == pytest.approx(expected, rel=1e-7)
    assert found[0, 0] == found[1, 1] == 0


@pytest.mark.parametrize("widths", [(4, 4), (4, 9), (9, 60), (60, 80)])
def test_angle_is_scipys_disparity(widths: tuple[int, int]) -> None:
    x, y = drawn(*widths)
    *_, disparity = scipy.spatial.procrustes(padded(x, max(widths)), padded(y, max(widths)))
    assert np.sin(shape_distances([x, y])[0, 1]) ** 2 == pytest.approx(disparity, rel=1e-7)


def test_whitened_is_canonical_correlation() -> None:
    x, y = drawn(4, 6)
    bases = [scipy.linalg.orth(s - s.mean(0)) for s in (x, y)]
    canonical = scipy.linalg.svdvals(bases[0].T @ bases[1])
    expected = np.arccos(canonical.sum() / np.sqrt(4 * 6))
    assert shape_distances([x, y], alpha=0)[0, 1] == pytest.approx(expected)
    mixed = x @ np.random.default_rng(1).standard_normal((4, 4))
    np.testing.assert_allclose(shape_distances([mixed, y], alpha=0), shape_distances([x, y], alpha=0), atol=1e-7)


def test_partial_whitening() -> None:
    """As eq. 9 has it: times alpha I + (1 - alpha) (X'X)^(-1/2)."""
    x, y = drawn(4, 6)

    def whitened(s: np.ndarray) -> np.ndarray:
        s = s - s.mean(0)
        root = np.real(scipy.linalg.sqrtm(np.linalg.inv(s.T @ s)))
        return s @ (0.3 * np.eye(s.shape[1]) + 0.7 * root)

    expected = shape_distances([whitened(x), whitened(y)], measure="procrustes")
    np.testing.assert_allclose(shape_distances([x, y], measure="procrustes", alpha=0.3), expected, rtol=1e-9)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from(["angular", "procrustes"]), st.sampled_from([1.0, 0.5]))
def test_metric(seed: int, measure: str, alpha: float) -> None:
    states = drawn(3, 5, 12, 3, stimuli=8, seed=seed)
    rng = np.random.default_rng(seed)
    found = shape_distances(states, measure=measure, alpha=alpha)
    np.testing.assert_array_equal(found, found.T)
    for i, j, k in itertools.permutations(range(4), 3):
        assert found[i, j] <= found[i, k] + found[k, j] + 1e-9
    order = rng.permutation(8)
    turned = [(s @ np.linalg.qr(rng.standard_normal((s.shape[1],) * 2))[0] - 4)[order] for s in states]
    np.testing.assert_allclose(shape_distances(turned, measure=measure, alpha=alpha), found, atol=1e-6)
    same = shape_distances([states[1]], [turned[1][np.argsort(order)]], measure=measure, alpha=alpha)
    assert same[0, 0] < 1e-6
    if measure == "angular" and alpha == 1:
        np.testing.assert_allclose(shape_distances([9 * s for s in states]), found, atol=1e-7)


def test_others_and_states_that_are_not() -> None:
    x, y, z = drawn(4, 60, 9)
    whole = shape_distances([x, y, z])
    np.testing.assert_allclose(shape_distances([x], [y, z]), whole[:1, 1:])
    unreached, constant = np.full((25, 3), np.nan), np.full((25, 30), 0.1, np.float32)
    found = shape_distances([x, unreached, constant])
    assert np.isnan(found[1:]).all() and np.isnan(found[:, 1:]).all()
    lengths = shape_distances([x, constant], measure="procrustes")
    assert lengths[0, 1] == pytest.approx(np.linalg.norm(x - x.mean(0)))
    assert lengths[1, 1] == 0


def test_near_duplicates_far_from_zero() -> None:
    rng = np.random.default_rng(0)
    base = rng.standard_normal((30, 200)) + 1000
    states = [(base + 1e-2 * rng.standard_normal(base.shape)).astype(np.float32) for _ in range(2)]
    first, second = (s.astype(np.float64) - s.mean(0, np.float64) for s in states)
    rotation, _ = scipy.linalg.orthogonal_procrustes(first, second)
    expected = np.linalg.norm(first @ rotation - second)
    assert shape_distances(states, measure="procrustes")[0, 1] == pytest.approx(expected, rel=1e-5)


def test_torch() -> None:
    states = drawn(4, 60)
    found = shape_distances([torch.from_numpy(s) for s in states])
    assert isinstance(found, torch.Tensor)
    np.testing.assert_array_equal(found.numpy(), shape_distances(states))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"measure": "euclid"}, "measure: 'euclid' is none"), ({"alpha": 2}, "alpha: give a number")],
)
def test_what_is_refused_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        shape_distances(drawn(2, 3), **options)
