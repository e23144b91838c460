"""Paths whose speed, curvature and dimensionality are known."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from tests.analysis.dynamics.common import recorded
from ventralrnn.analysis.dynamics import curvature, distance_to_end, participation_ratio, speed
from ventralrnn.analysis.dynamics.trajectories import dimensionality
from ventralrnn.analysis.reading import AreaStates
from ventralrnn.analysis.reading import area as reading
from ventralrnn.errors import AnalysisError


def ring(steps: int, degrees: float, radius: float = 2.0, neuroids: int = 50) -> np.ndarray:
    """Return a path on a circle in a random plane, (time, neuroid)."""
    angle = np.deg2rad(degrees) * np.arange(steps)
    plane = np.linalg.qr(np.random.default_rng(0).standard_normal((neuroids, 2)))[0]
    return radius * np.stack([np.cos(angle), np.sin(angle)], 1) @ plane.T + 3


@pytest.mark.parametrize("degrees", [0.01, 10, 120])
def test_a_ring(degrees: float) -> None:
    path = ring(7, degrees)
    chord = 2 * 2.0 * np.sin(np.deg2rad(degrees) / 2)
    times = 5.0 * np.arange(7)
    np.testing.assert_allclose(speed(path, times)[1:] * np.sqrt(50), chord / 5, rtol=1e-6)
    np.testing.assert_allclose(curvature(path)[1:-1], degrees, rtol=1e-6)
    turned = 2 * 2.0 * np.abs(np.sin(np.deg2rad(degrees) * np.arange(6, -1, -1) / 2))
    np.testing.assert_allclose(distance_to_end(path) * np.sqrt(50), turned, rtol=1e-6, atol=1e-15)
    assert np.isnan(speed(path, times)[0]) and np.isnan(curvature(path)[[0, -1]]).all()


def test_a_straight_path_and_one_that_turns_back() -> None:
    direction = np.random.default_rng(1).standard_normal(9)
    path = np.array([0.0, 1, 3, 4, 2, 2])[:, None] * direction
    np.testing.assert_allclose(curvature(path)[1:4], [0, 0, 180], atol=1e-5)
    assert np.isnan(curvature(path)[4]), "a state at rest has no direction"
    gaps = np.array([0.0, 1, 3, 4, 6, 9])
    np.testing.assert_allclose(speed(path, gaps)[1:] / np.sqrt((direction**2).mean()), [1, 1, 1, 1, 0], atol=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_rotation_shift_and_scale(seed: int, gain: float) -> None:
    rng = np.random.default_rng(seed)
    states = rng.standard_normal((4, 6, 5))
    turned = gain * states @ ortho_group.rvs(5, random_state=seed) + rng.standard_normal(5)
    times = np.arange(6.0)
    np.testing.assert_allclose(curvature(turned), curvature(states), rtol=1e-6)
    np.testing.assert_allclose(speed(turned, times), gain * speed(states, times), rtol=1e-6)
    across = np.moveaxis(states, 1, 0), np.moveaxis(turned, 1, 0)
    for unbiased in (False, True):
        np.testing.assert_allclose(
            participation_ratio(across[1], unbiased), participation_ratio(across[0], unbiased), rtol=1e-6
        )


@pytest.mark.parametrize("times", [1, 2])
def test_paths_too_short_to_turn(times: int) -> None:
    states = torch.randn(3, times, 4)
    assert curvature(states).shape == (3, times) and curvature(states).isnan().all()
    assert speed(states, np.arange(times)).shape == (3, times)


@pytest.mark.parametrize("shape", [(30, 200), (200, 30), (2, 5), (5, 1)])
def test_participation_ratio_is_that_of_the_eigenvalues(shape: tuple[int, int]) -> None:
    states = np.random.default_rng(2).standard_normal((3, *shape)) * np.linspace(1, 4, shape[1])
    for one, found in zip(states, participation_ratio(states), strict=True):
        eigenvalues = np.linalg.eigvalsh(np.atleast_2d(np.cov(one.T)))
        assert found == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=1e-10)


def test_participation_ratio_of_a_known_covariance() -> None:
    variances = 0.8 ** np.arange(40)
    truth = variances.sum() ** 2 / (variances**2).sum()
    rng = np.random.default_rng(3)
    few = rng.standard_normal((400, 25, 40)) * np.sqrt(variances)
    plain, unbiased = participation_ratio(few).mean(), participation_ratio(few, unbiased=True).mean()
    assert plain < 0.85 * truth, "or there is no bias to correct"
    assert unbiased == pytest.approx(truth, rel=0.05)
    assert participation_ratio(rng.standard_normal((20000, 40)) * np.sqrt(variances)) == pytest.approx(truth, rel=0.01)


def test_both_traces_are_unbiased_for_any_distribution() -> None:
    # All samples of four draws from three points, each with its probability: expectations without chance.
    points = np.array([[0.0, 0, 1], [2, 1, 0], [-1, 3, 1]])
    chances = np.array([0.5, 0.2, 0.3])
    mean = chances @ points
    covariance = (points - mean).T @ np.diag(chances) @ (points - mean)
    n = 4
    upper = lower = 0.0
    for draw in product(range(3), repeat=n):
        centred = points[list(draw)] - points[list(draw)].mean(0)
        trace, square = (centred**2).sum() / (n - 1), ((centred @ centred.T) ** 2).sum() / (n - 1) ** 2
        fourth = ((centred**2).sum(1) ** 2).sum() / (n - 1)
        factor = chances[list(draw)].prod() * (n - 1) / (n * (n - 2) * (n - 3))
        upper += factor * (2 * square + (n * n - 3 * n + 1) * trace**2 - n * fourth)
        lower += factor * ((n - 1) * (n - 2) * square + trace**2 - n * fourth)
    assert upper == pytest.approx(np.trace(covariance) ** 2) and lower == pytest.approx((covariance**2).sum())
    sample = np.random.default_rng(4).standard_normal((6, 3))
    centred = sample - sample.mean(0)
    trace, square = (centred**2).sum() / 5, ((centred @ centred.T) ** 2).sum() / 25
    fourth = ((centred**2).sum(1) ** 2).sum() / 5
    expected = (2 * square + 19 * trace**2 - 6 * fourth) / (20 * square + trace**2 - 6 * fourth)
    assert participation_ratio(sample, unbiased=True) == pytest.approx(expected)


def test_participation_ratio_that_is_undefined() -> None:
    assert np.isnan(participation_ratio(np.ones((5, 4)))) and np.isnan(participation_ratio(np.ones((1, 4))))
    assert np.isnan(participation_ratio(np.random.default_rng(0).random((3, 4)), unbiased=True))
    with pytest.raises(AnalysisError, match="states: give"):
        participation_ratio(np.ones(4))


@pytest.mark.parametrize("shape", [(30, 3, 70), (70, 3, 30)])
@pytest.mark.parametrize("block", [1, 400, 1 << 22])
def test_block_by_block(shape: tuple[int, int, int], block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BLOCK_VALUES", block)
    states = np.random.default_rng(5).standard_normal(shape)
    area = AreaStates("IT", recorded(states))
    for index in range(3):
        expected = [participation_ratio(states[:, index], unbiased) for unbiased in (False, True)]
        np.testing.assert_allclose(dimensionality(area, index), expected, rtol=1e-9)


def test_near_duplicates_far_from_zero() -> None:
    states = (1000 + 1e-2 * np.random.default_rng(6).standard_normal((20, 3, 300))).astype(np.float32)
    exact = states.astype(float) - 1000
    area = AreaStates("IT", recorded(states))
    np.testing.assert_allclose(
        dimensionality(area, 1), [participation_ratio(exact[:, 1], u) for u in (False, True)], rtol=1e-5
    )
    np.testing.assert_allclose(curvature(states)[:, 1], curvature(exact)[:, 1], rtol=1e-5)
    np.testing.assert_allclose(speed(states, np.arange(3))[:, 1:], speed(exact, np.arange(3))[:, 1:], rtol=1e-5)
