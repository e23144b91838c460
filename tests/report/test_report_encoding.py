"""One byte a pair, and maps that do not jump: against closed forms and scipy."""

import base64

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import pdist

from ventralrnn.report.encode import align, encode_positions, locate, map_movie, plain, quantise


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return points @ np.array([[cosine, -sine], [sine, cosine]])


@pytest.fixture
def points() -> np.ndarray:
    found = np.random.default_rng(0).standard_normal((12, 2)) * [3, 1]
    return found - found.mean(0)


def test_a_byte_holds_a_value_to_half_a_level() -> None:
    values = np.random.default_rng(0).random((3, 66)).astype(np.float32)
    values[1, 5] = np.nan
    data, low, high = quantise(values)
    levels = np.frombuffer(data, np.uint8).reshape(values.shape)
    assert (levels == 255).sum() == 1 and levels[1, 5] == 255
    back = low + levels * (high - low) / 254
    assert np.nanmax(np.abs(np.where(levels == 255, np.nan, back) - values)) <= (high - low) / 254 / 2 + 1e-6
    assert low == values[np.isfinite(values)].min() and high == pytest.approx(float(np.nanmax(values)))


def test_values_that_are_all_alike_or_missing_are_held_too() -> None:
    data, low, high = quantise(np.full((1, 3), 2.0))
    assert low == 2 and high > low and set(data) == {0}
    assert set(quantise(np.full((1, 3), np.nan))[0]) == {255}


def test_points_in_a_plane_are_found_again(points: np.ndarray) -> None:
    found, share = locate(pdist(points))
    assert share == pytest.approx(1)
    np.testing.assert_allclose(pdist(found), pdist(points), atol=1e-9)


def test_two_dimensions_hold_what_they_hold() -> None:
    # A regular simplex of n points has n - 1 equal eigenvalues.
    assert locate(np.ones(10 * 9 // 2))[1] == pytest.approx(2 / 9)


def test_aligning_is_the_procrustes_problem(points: np.ndarray) -> None:
    other = points + 0.3 * np.random.default_rng(1).standard_normal(points.shape)
    rotation, _ = orthogonal_procrustes(other, points)
    np.testing.assert_allclose(align(other, points), other @ rotation, atol=1e-9)


def test_a_movie_of_turning_points_stands_still(points: np.ndarray) -> None:
    frames = np.stack([np.full(66, np.nan), *(pdist(turned(points, angle)) for angle in (0.0, 1.0, 2.5))])
    positions, shares = map_movie(frames, reference=turned(points, 0.7))
    assert np.isnan(positions[0]).all() and np.isnan(shares[0])
    for time in (1, 2, 3):
        np.testing.assert_allclose(positions[time], turned(points, 0.7), atol=1e-9)


def test_positions_are_held_to_16_bits(points: np.ndarray) -> None:
    text, extent = encode_positions(points[None])
    back = np.frombuffer(base64.b64decode(text), "<i2").reshape(points.shape) * extent / 32767
    np.testing.assert_allclose(back, points, atol=extent / 32767)


def test_numbers_that_json_lacks_are_null() -> None:
    assert plain([[1.23456789, np.nan], [np.inf, -2]]) == [[1.2346, None], [None, -2.0]]
