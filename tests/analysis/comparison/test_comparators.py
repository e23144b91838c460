"""Comparators against scipy, against each other and under what must not change them."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from ventralrnn.analysis.comparison import (
    METHODS,
    PRODUCT_METHODS,
    comparators,
    compare_vectors,
    measured_pairs,
    prepare,
)
from ventralrnn.analysis.rdm import make_rdms, select_stimuli
from ventralrnn.errors import AnalysisError

RANKS = ("spearman", "rho-a", "kendall", "tau-b")
CENTRED = (*RANKS, "corr", "whitened-corr")


def vectors(stimuli: int = 10, first: int = 4, second: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pairs = stimuli * (stimuli - 1) // 2
    shared = rng.random(pairs)
    return shared + rng.random((first, pairs)), shared + rng.random((second, pairs))


@pytest.mark.parametrize("ties", [False, True])
def test_against_scipy(ties: bool) -> None:
    first, second = vectors()
    if ties:
        first, second = first.round(1), second.round(1)
    for method, of_two in (("spearman", spearmanr), ("corr", pearsonr)):
        expected = [[of_two(x, y)[0] for y in second] for x in first]
        np.testing.assert_allclose(compare_vectors(first, second, method), expected, atol=1e-14)
    expected = [[x @ y / np.sqrt(x @ x * (y @ y)) for y in second] for x in first]
    np.testing.assert_allclose(compare_vectors(first, second, "cosine"), expected, atol=1e-14)


def test_rho_a_is_the_mean_over_random_orders_of_ties() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 3, 15), rng.integers(0, 4, 15)
    drawn = [spearmanr(*(np.lexsort((rng.random(15), v)).argsort() for v in (first, second)))[0] for _ in range(4000)]
    found = compare_vectors(first[None], second[None], "rho-a")[0, 0]
    assert abs(found - np.mean(drawn)) < 4 * np.std(drawn) / np.sqrt(len(drawn))


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), stimuli=st.integers(3, 12), ties=st.booleans())
def test_order_of_stimuli_and_scale_do_not_matter(method: str, seed: int, stimuli: int, ties: bool) -> None:
    first, second = vectors(stimuli, seed=seed)
    if ties:
        first, second = first.round(1), second.round(1)
    found = compare_vectors(first, second, method)
    order = np.random.default_rng(seed).permutation(stimuli)
    moved = [select_stimuli(make_rdms(v, ["state"]), order).dissimilarity.values for v in (first, second)]
    np.testing.assert_allclose(compare_vectors(*moved, method), found, atol=1e-12)
    np.testing.assert_allclose(compare_vectors(8 * first, second / 4, method), found, atol=1e-12)
    np.testing.assert_allclose(compare_vectors(second, first, method), found.T, atol=1e-12)
    assert (np.abs(found[np.isfinite(found)]) <= 1 + 1e-12).all()
    if method not in ("rho-a", "kendall"):
        own = np.diag(compare_vectors(first, first, method))
        np.testing.assert_allclose(own[np.isfinite(own)], 1, atol=1e-12)
    if method in CENTRED:
        np.testing.assert_allclose(compare_vectors(first + 2, second, method), found, atol=1e-10)
    if method in RANKS:
        np.testing.assert_array_equal(compare_vectors(np.exp(first), second**3, method), found)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_undefined_is_nan_without_a_warning(method: str) -> None:
    first, second = vectors()
    first[1], first[2] = np.nan, 0.1
    second[0] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for dtype in (np.float32, np.float64):
            found = compare_vectors(first.astype(dtype), second.astype(dtype), method)
            expected = np.zeros((4, 3), bool)
            expected[1], expected[:, 0] = True, True
            expected[2] |= method in CENTRED
            np.testing.assert_array_equal(np.isnan(found), expected)
            assert np.isnan(compare_vectors(first[[1]], second, method)).all()
            assert compare_vectors(first[:0], second, method).shape == (0, 3)


@pytest.mark.parametrize("method", METHODS)
def test_two_stimuli(method: str) -> None:
    found = compare_vectors([[2.0]], [[3.0]], method)
    if method in CENTRED:
        assert np.isnan(found).all()
    else:
        np.testing.assert_allclose(found, 1, atol=1e-15)


@pytest.mark.parametrize("method", METHODS)
def test_duplicated_stimuli(method: str) -> None:
    """A stimulus shown twice has a zero between its copies and ties elsewhere, which are values like others."""
    first, second = vectors(6)
    twice = np.array([0, 1, 2, 3, 4, 5, 0])
    i, j = np.triu_indices(7, 1)
    square = np.zeros((2, 4, 6, 6))
    for k, rows in enumerate((first, second)):
        a, b = np.triu_indices(6, 1)
        square[k, : len(rows), a, b] = square[k, : len(rows), b, a] = rows.T
    one, two = square[0][:, twice[i], twice[j]], square[1, :3][:, twice[i], twice[j]]
    found = compare_vectors(one, two, method)
    assert np.isfinite(found).all()
    if method in ("spearman", "corr"):
        of_two = spearmanr if method == "spearman" else pearsonr
        np.testing.assert_allclose(found, [[of_two(x, y)[0] for y in two] for x in one], atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_pairs_that_were_never_measured_are_left_out(method: str) -> None:
    first, second = vectors()
    some = np.ones(45, bool)
    some[[0, 7, 30]] = False
    missing, gone = first.copy(), second.copy()
    missing[:, [0, 7]], gone[:, 30] = np.nan, np.nan
    missing = np.concatenate([missing, np.full((1, 45), np.nan)])
    found = compare_vectors(missing, gone, method)
    assert np.isnan(found[-1]).all()
    if not method.startswith("whitened"):
        left = compare_vectors(first[:, some], second[:, some], method)
        np.testing.assert_allclose(found[:-1], left, rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(measured_pairs(missing) & measured_pairs(gone), some)


@pytest.mark.parametrize("method", METHODS)
def test_errors(method: str) -> None:
    first, second = vectors()
    with pytest.raises(AnalysisError, match="RDMs of 45 and of 44 pairs"):
        compare_vectors(first, second[:, 1:], method)
    with pytest.raises(AnalysisError, match="second: give 2 dimensions"):
        compare_vectors(first, second[0], method)
    first[2, 5] = np.nan
    with pytest.raises(AnalysisError, match="first: pair 5 is NaN in 1 of 4 RDMs"):
        compare_vectors(first, second, method)
    first[2, 5] = np.inf
    with pytest.raises(AnalysisError, match="first: holds infinity"):
        compare_vectors(first, second, method)


def test_unknown_methods_are_named() -> None:
    first, second = vectors()
    with pytest.raises(AnalysisError, match="method: 'pearson' is none of spearman"):
        compare_vectors(first, second, "pearson")
    with pytest.raises(AnalysisError, match="method: 'kendall' is none of"):
        prepare(first, "kendall")


@pytest.mark.parametrize("method", PRODUCT_METHODS)
def test_prepared_once_compared_often(method: str) -> None:
    first, second = vectors()
    rows = prepare(first, method)
    assert rows.shape == first.shape
    np.testing.assert_allclose(rows @ prepare(second, method).T, compare_vectors(first, second, method), atol=1e-14)
    tensor = prepare(torch.from_numpy(first), method)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), rows)
    if method != "rho-a":
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-14)
        unscaled = prepare(first, method, unit=False)
        np.testing.assert_allclose(unscaled / np.linalg.norm(unscaled, axis=1)[:, None], rows, atol=1e-14)
    if method not in ("spearman", "rho-a"):
        summed = prepare(first[:1] + 2 * first[1:2], method, unit=False)
        np.testing.assert_allclose(summed, unscaled[:1] + 2 * unscaled[1:2], atol=1e-13)


@pytest.mark.parametrize("method", PRODUCT_METHODS)
def test_tensors_in_tensors_out(method: str) -> None:
    first, second = vectors()
    found = compare_vectors(torch.from_numpy(first), torch.from_numpy(second), method)
    assert isinstance(found, torch.Tensor) and found.dtype == torch.float64
    np.testing.assert_array_equal(found.numpy(), compare_vectors(first, second, method))


@pytest.mark.parametrize("method", PRODUCT_METHODS)
def test_float32_is_exact_enough(method: str) -> None:
    first, second = vectors(400, 6, 5)
    # Small differences upon a large mean, as nearly equal dissimilarities are.
    first, second = ((v + 1000).astype(np.float32) for v in (first, second))
    assert prepare(first, method).dtype == np.float32
    found = compare_vectors(first, second, method)
    expected = compare_vectors(first.astype(float), second.astype(float), method)
    np.testing.assert_allclose(found, expected, atol=np.finfo(np.float32).eps)


def test_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (v.astype(np.float32) for v in vectors(30))
    whole = [compare_vectors(first, second, method) for method in PRODUCT_METHODS]
    monkeypatch.setattr(comparators, "_BLOCK_VALUES", 2 * 435)
    monkeypatch.setattr(comparators, "_BLOCK_PAIRS", 50)
    for method, expected in zip(PRODUCT_METHODS, whole, strict=True):
        np.testing.assert_allclose(compare_vectors(first, second, method), expected, atol=1e-15)
