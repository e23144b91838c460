"""Concordance is a count, and exact: against scipy and against comparing every two values."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from ventralrnn.analysis.comparison import compare_vectors, kendall
from ventralrnn.analysis.comparison.kendall import count_inversions


def all_pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return concordant minus discordant pairs by comparing all."""
    i, j = np.triu_indices(first.shape[1], 1)
    signs = [np.sign(rows[:, i] - rows[:, j]) for rows in (first, second)]
    return signs[0] @ signs[1].T


def force(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(kendall, "_LONGEST_SIGNS", {"signs": 10**9, "inversions": -1}[way])
    monkeypatch.setattr(kendall, "_SIGNS_PER_COMPARISON", 10**12)


KINDS: list[Callable[[np.random.Generator, int, int], np.ndarray]] = [
    lambda rng, rows, n: rng.random((rows, n)),
    lambda rng, rows, n: rng.integers(0, 4, (rows, n)).astype(float),
    lambda rng, rows, n: rng.integers(0, n, (rows, n)).astype(float),
]


@pytest.mark.parametrize("way", ["signs", "inversions"])
@pytest.mark.parametrize("length", [2, 3, 10, 129, 1500])
@pytest.mark.parametrize("one", range(3))
@pytest.mark.parametrize("other", range(3))
def test_both_ways(monkeypatch: pytest.MonkeyPatch, way: str, length: int, one: int, other: int) -> None:
    force(monkeypatch, way)
    rng = np.random.default_rng(length)
    first, second = KINDS[one](rng, 3, length), KINDS[other](rng, 2, length)
    first[:, 0], second[:, 0] = -1, -2  # no row is constant
    count = all_pairs(first, second)
    pairs = length * (length - 1) / 2
    np.testing.assert_array_equal(compare_vectors(first, second, "kendall"), count / pairs)
    expected = [[kendalltau(x, y).statistic for y in second] for x in first]
    np.testing.assert_allclose(compare_vectors(first, second, "tau-b"), expected, atol=1e-14)


@pytest.mark.parametrize("ties", [False, True])
def test_long_rows(ties: bool) -> None:
    rng = np.random.default_rng(5)
    first = rng.random((2, 200_000))
    second = first + rng.random((2, 200_000))
    if ties:
        first, second = first.round(3), second.round(2)
    expected = [[kendalltau(x, y).statistic for y in second] for x in first]
    np.testing.assert_allclose(compare_vectors(first, second, "tau-b"), expected, atol=1e-13)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 30), max_size=300))
def test_inversions(values: list[int]) -> None:
    array = np.array(values, np.uint32)
    expected = sum(int((array[:i] > array[i]).sum()) for i in range(len(array)))
    assert count_inversions(array) == expected


@pytest.mark.parametrize("length", [127, 128, 129, 16_384, 16_385, 2_097_153])
def test_inversions_of_closed_form(length: int) -> None:
    rising = np.arange(length, dtype=np.uint32)
    assert count_inversions(rising) == 0
    assert count_inversions(rising[::-1].copy()) == length * (length - 1) // 2
    assert count_inversions(np.zeros(length, np.uint32)) == 0


def test_values_that_leave_no_room_in_32_bits() -> None:
    values = np.random.default_rng(6).integers(0, 1 << 32, 3000).astype(np.uint32)
    assert count_inversions(values) == sum(int((values[:i] > values[i]).sum()) for i in range(3000))


@pytest.mark.parametrize("way", ["signs", "inversions"])
def test_undefined_and_kinds(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    force(monkeypatch, way)
    rng = np.random.default_rng(7)
    first, second = rng.random((3, 45)), rng.random((2, 45))
    first[1], second[0] = np.nan, 3
    for method in ("kendall", "tau-b"):
        found = compare_vectors(first, second, method)
        assert np.isnan(found).tolist() == [[True, False], [True, True], [True, False]]
        tensor = compare_vectors(torch.from_numpy(first), torch.from_numpy(second), method)
        assert isinstance(tensor, torch.Tensor)
        np.testing.assert_array_equal(tensor.numpy(), found)
    assert np.isnan(compare_vectors(first[[1]], second, "tau-b")).all()
