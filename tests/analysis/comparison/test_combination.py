"""Several RDMs at once, against regressions written out and against known mixtures."""

from itertools import chain

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import rankdata

from ventralrnn.analysis.comparison import (
    compare_vectors,
    crossvalidate_weights,
    fit_weights,
    partial_vectors,
    partition_variance,
    prepare,
)
from ventralrnn.errors import AnalysisError

STIMULI = 20
PAIRS = STIMULI * (STIMULI - 1) // 2
LINEAR = ("cosine", "corr", "whitened", "whitened-corr")


@pytest.fixture
def models() -> np.ndarray:
    return np.random.default_rng(0).random((3, PAIRS))


@pytest.fixture
def targets(models: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).random((4, PAIRS))
    return np.array([[1, 2, 0], [0, 1, 1], [3, 0, 1], [0, 0, 0]]) @ models + noise


def residuals(vectors: np.ndarray, controls: np.ndarray) -> np.ndarray:
    design = np.column_stack([np.ones(vectors.shape[1]), controls.T])
    return np.asarray(vectors - (design @ np.linalg.lstsq(design, vectors.T, rcond=None)[0]).T)


@pytest.mark.parametrize("method", ["spearman", "corr"])
def test_partial_is_the_correlation_of_residuals(models: np.ndarray, targets: np.ndarray, method: str) -> None:
    controls = np.random.default_rng(2).random((2, PAIRS)) + models[0]
    found = partial_vectors(models, targets, controls, method)
    sets = [rankdata(v, axis=-1) if method == "spearman" else v for v in (models, targets, controls)]
    expected = compare_vectors(residuals(sets[0], sets[2]), residuals(sets[1], sets[2]), "corr")
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("method", ["spearman", *LINEAR])
def test_controls_that_explain_nothing_or_everything(models: np.ndarray, targets: np.ndarray, method: str) -> None:
    plain = compare_vectors(models, targets, method)
    nothing = np.stack([np.full(PAIRS, np.nan), np.zeros(PAIRS)])
    np.testing.assert_allclose(partial_vectors(models, targets, nothing, method), plain, atol=1e-14)
    twice = np.concatenate([models[1:], models[1:], nothing])
    found = partial_vectors(models, targets, twice, method)
    assert np.isnan(found).tolist() == [[False] * 4, [True] * 4, [True] * 4]
    np.testing.assert_allclose(found[0], partial_vectors(models, targets, models[1:], method)[0], atol=1e-12)


def test_states_that_do_not_exist(models: np.ndarray, targets: np.ndarray) -> None:
    models[1], targets[2] = np.nan, np.nan
    assert np.isnan(partial_vectors(models, targets, models[[0]])[2]).tolist() == [False, False, True, False]
    weights = fit_weights(models, targets)
    assert np.isnan(weights).all(1).tolist() == [False, False, True, False]
    assert (weights[[0, 1, 3], 1] == 0).all()
    parts = partition_variance(models, targets)
    assert np.isnan(parts.total).tolist() == [False, False, True, False]
    np.testing.assert_allclose(parts.unique[1, [0, 1, 3]], 0, atol=1e-14)
    crossed = crossvalidate_weights(models, targets, folds=4)
    assert np.isnan(crossed.similarity).all(0).tolist() == [False, False, True, False]
    assert np.isfinite(crossed.similarity[:, [0, 1, 3]]).all()


@pytest.mark.parametrize("method", LINEAR)
def test_weights_maximise_the_similarity(models: np.ndarray, targets: np.ndarray, method: str) -> None:
    weights = fit_weights(models, targets, method)
    assert (weights >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(weights, axis=1), 1, rtol=1e-12)
    best = np.diag(compare_vectors(weights @ models, targets, method))
    for target, reached in zip(targets, best, strict=True):

        def loss(weights: np.ndarray, target: np.ndarray = target) -> float:
            return -float(compare_vectors((weights @ models)[None], target[None], method)[0, 0])

        searched = minimize(loss, np.full(3, 0.5), bounds=[(0, None)] * 3, method="L-BFGS-B")
        assert reached >= -searched.fun - 1e-12
        assert reached == pytest.approx(-searched.fun, abs=1e-6)


@pytest.mark.parametrize("method", LINEAR)
def test_weights_of_a_mixture_are_found(models: np.ndarray, method: str) -> None:
    """Also when the RDMs differ in scale, one is given twice, or is of no use."""
    true = np.array([[0.6, 0.8, 0], [0, 0, 1]])
    scale = np.array([1, 100, 0.01])
    found = fit_weights(models * scale[:, None], true @ models, method)
    expected = true / scale
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-9)
    doubled = fit_weights(np.concatenate([models, models[:1]]), true @ models, method)
    mixture = doubled @ np.concatenate([models, models[:1]])
    np.testing.assert_allclose(np.diag(compare_vectors(mixture, true @ models, method)), 1, atol=1e-9)


def test_a_target_unlike_all_has_no_weights(models: np.ndarray) -> None:
    assert (fit_weights(models[:1], -models[:1]) == 0).all()
    assert np.isnan(crossvalidate_weights(models[:1], -models[:1]).similarity).all()


@pytest.mark.parametrize("method", LINEAR)
def test_crossvalidation_tests_other_stimuli(models: np.ndarray, targets: np.ndarray, method: str) -> None:
    found = crossvalidate_weights(models, targets, method, folds=4, seed=3)
    assert found.similarity.shape == (4, 4) and found.weights.shape == (4, 4, 3)
    order = np.random.default_rng(3).permutation(STIMULI)
    i, j = np.triu_indices(STIMULI, 1)
    for fold in range(4):
        inside = np.isin(np.arange(STIMULI), order[fold::4])
        tested, seen = inside[i] & inside[j], ~inside[i] & ~inside[j]
        weights = fit_weights(models[:, seen], targets[:, seen], method)
        np.testing.assert_allclose(found.weights[fold], weights, atol=1e-10)
        expected = np.diag(compare_vectors(weights @ models[:, tested], targets[:, tested], method))
        np.testing.assert_allclose(found.similarity[fold], expected, atol=1e-10)
    again = crossvalidate_weights(models, targets, method, folds=4, seed=3)
    np.testing.assert_array_equal(again.similarity, found.similarity)


def test_crossvalidation_does_not_reward_noise() -> None:
    """Many RDMs of noise fit a target of noise, but not among other stimuli."""
    rng = np.random.default_rng(4)
    models, targets = rng.random((15, PAIRS)), rng.random((40, PAIRS))
    fitted = np.diag(compare_vectors(fit_weights(models, targets) @ models, targets, "corr"))
    tested = crossvalidate_weights(models, targets, folds=4).similarity.mean(0)
    assert fitted.mean() > 0.1
    assert abs(tested.mean()) < 4 * tested.std() / np.sqrt(len(tested))


def test_noise_covariance_goes_with_the_stimuli(models: np.ndarray, targets: np.ndarray) -> None:
    noise = np.random.default_rng(5).standard_normal((STIMULI, 60))
    sigma = noise @ noise.T / 60
    found = crossvalidate_weights(models, targets, "whitened", folds=2, sigma_k=sigma)
    inside = np.isin(np.arange(STIMULI), np.random.default_rng(0).permutation(STIMULI)[::2])
    i, j = np.triu_indices(STIMULI, 1)
    seen = ~inside[i] & ~inside[j]
    expected = fit_weights(models[:, seen], targets[:, seen], "whitened", sigma_k=sigma[np.ix_(~inside, ~inside)])
    np.testing.assert_allclose(found.weights[0], expected, atol=1e-10)


@pytest.mark.parametrize("method", ["spearman", *LINEAR])
def test_parts_of_variance(models: np.ndarray, targets: np.ndarray, method: str) -> None:
    models[2] += models[0]
    found = partition_variance(models, targets, method)
    assert set(found.parts) == {(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)}
    np.testing.assert_allclose(sum(found.parts.values()), found.total, atol=1e-12)
    rows, goals = prepare(models, method), prepare(targets, method)

    def explained(*chosen: int) -> np.ndarray:
        part = rows[list(chosen)]
        fitted = part.T @ np.linalg.lstsq(part.T, goals.T, rcond=None)[0]
        return np.asarray((fitted**2).sum(0))

    np.testing.assert_allclose(found.total, explained(0, 1, 2), atol=1e-12)
    for i, others in enumerate([(1, 2), (0, 2), (0, 1)]):
        np.testing.assert_allclose(found.unique[i], explained(0, 1, 2) - explained(*others), atol=1e-12)
    # What one explains is the sum of all parts in which it has a share.
    for i in range(3):
        shares = [part for chosen, part in found.parts.items() if i in chosen]
        np.testing.assert_allclose(sum(shares), explained(i), atol=1e-12)


def test_parts_of_two_that_are_the_same(models: np.ndarray) -> None:
    found = partition_variance(np.stack([models[0], models[0]]), models[:1])
    np.testing.assert_allclose([found.total, *found.unique, found.parts[0, 1]], [[1], [0], [0], [1]], atol=1e-12)


def test_kinds(models: np.ndarray, targets: np.ndarray) -> None:
    one, two = torch.from_numpy(models), torch.from_numpy(targets)
    for found, expected in (
        (partial_vectors(one, two, one[:1]), partial_vectors(models, targets, models[:1])),
        (fit_weights(one, two), fit_weights(models, targets)),
    ):
        assert isinstance(found, torch.Tensor)
        np.testing.assert_array_equal(found.numpy(), expected)
    crossed, parts = crossvalidate_weights(one, two), partition_variance(one, two)
    for array in chain(crossed, (parts.total, parts.unique), parts.parts.values()):
        assert isinstance(array, np.ndarray)


def test_errors(models: np.ndarray, targets: np.ndarray) -> None:
    with pytest.raises(AnalysisError, match="method: 'kendall' is none of spearman"):
        partial_vectors(models, targets, models, "kendall")
    with pytest.raises(AnalysisError, match="method: 'spearman' is none of cosine"):
        fit_weights(models, targets, "spearman")
    with pytest.raises(AnalysisError, match="first, second, controls: RDMs of 10 and of 190 pairs"):
        partial_vectors(models, targets, models[:, :10])
    with pytest.raises(AnalysisError, match="folds: 7 of 20 stimuli"):
        crossvalidate_weights(models, targets, folds=7)
    with pytest.raises(AnalysisError, match="models: 13 RDMs have 8191 parts"):
        partition_variance(np.tile(models, (5, 1))[:13], targets)
    models[0, 0] = np.nan
    with pytest.raises(AnalysisError, match="models: pair 0 is NaN in 1 of 3 RDMs"):
        fit_weights(models, targets)
