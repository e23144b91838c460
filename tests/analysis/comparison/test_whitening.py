"""Whitening by its closed forms against solving with the covariance of all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ventralrnn.analysis.comparison import compare_vectors, whitening
from ventralrnn.errors import AnalysisError


def covariance_of_pairs(stimuli: int, sigma: np.ndarray) -> np.ndarray:
    i, j = np.triu_indices(stimuli, 1)
    contrasts = np.eye(stimuli)[i] - np.eye(stimuli)[j]
    return np.asarray((contrasts @ sigma @ contrasts.T) ** 2)


def by_solving(
    first: np.ndarray, second: np.ndarray, sigma: np.ndarray, centre: bool, some: np.ndarray | None = None
) -> np.ndarray:
    stimuli = len(sigma)
    some = np.ones(first.shape[1], bool) if some is None else some
    inverse = np.linalg.inv(covariance_of_pairs(stimuli, sigma)[np.ix_(some, some)])
    one, two = (v[:, some] - v[:, some].mean(1, keepdims=True) * centre for v in (first, second))
    lengths = [np.sqrt(np.einsum("ij,jk,ik->i", v, inverse, v)) for v in (one, two)]
    return np.asarray(one @ inverse @ two.T / np.outer(*lengths))


def draw(stimuli: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pairs = stimuli * (stimuli - 1) // 2
    noise = rng.standard_normal((stimuli, 3 * stimuli))
    return rng.random((4, pairs)), rng.random((3, pairs)), noise @ noise.T / (3 * stimuli)


@pytest.mark.parametrize(("method", "centre"), [("whitened", False), ("whitened-corr", True)])
@settings(deadline=None, max_examples=25)
@given(stimuli=st.integers(3, 14), seed=st.integers(0, 1000))
def test_against_the_dense_solution(method: str, centre: bool, stimuli: int, seed: int) -> None:
    first, second, sigma = draw(stimuli, seed)
    for given_sigma in (None, sigma, np.diag(sigma)):
        matrix = np.eye(stimuli) if given_sigma is None else given_sigma
        matrix = np.diag(matrix) if matrix.ndim == 1 else matrix
        expected = by_solving(first, second, matrix, centre)
        np.testing.assert_allclose(compare_vectors(first, second, method, sigma_k=given_sigma), expected, atol=1e-9)


@pytest.mark.parametrize(("method", "centre"), [("whitened", False), ("whitened-corr", True)])
@pytest.mark.parametrize("missing", [[4], [0, 1, 2, 3, 4, 5, 6], [3, 17, 20, 21]])
def test_missing_pairs(method: str, centre: bool, missing: list[int]) -> None:
    first, second, sigma = draw(8)
    some = np.ones(28, bool)
    some[missing] = False
    gone = first.copy()
    gone[:, missing] = np.nan
    for given_sigma in (None, sigma):
        expected = by_solving(first, second, np.eye(8) if given_sigma is None else sigma, centre, some)
        np.testing.assert_allclose(compare_vectors(gone, second, method, sigma_k=given_sigma), expected, atol=1e-11)
        turned = compare_vectors(second, gone, method, sigma_k=given_sigma)
        np.testing.assert_allclose(turned, expected.T, atol=1e-11)


def test_what_all_stimuli_share_does_not_matter() -> None:
    """Noise that is common to all stimuli is in no difference between them, so its covariance may be singular."""
    first, second, sigma = draw(8)
    found = compare_vectors(first, second, "whitened", sigma_k=sigma)
    shared = np.outer(np.arange(8), np.ones(8))
    np.testing.assert_allclose(compare_vectors(first, second, "whitened", sigma_k=sigma + shared + shared.T), found)
    centring = np.eye(8) - 1 / 8
    singular = centring @ sigma @ centring
    np.testing.assert_allclose(compare_vectors(first, second, "whitened", sigma_k=singular), found)
    plain = compare_vectors(first, second, "whitened")
    np.testing.assert_allclose(compare_vectors(first, second, "whitened", sigma_k=3 * np.eye(8)), plain)


def test_is_the_cka_of_the_second_moments() -> None:
    """Whitened cosine is the linear kernel alignment of centred Gram matrices (Diedrichsen et al. 2021)."""
    rng = np.random.default_rng(2)
    features = [rng.standard_normal((9, 5)), rng.standard_normal((9, 7))]
    i, j = np.triu_indices(9, 1)
    one, two = (((x[i] - x[j]) ** 2).sum(1)[None] for x in features)
    grams = [(x - x.mean(0)) @ (x - x.mean(0)).T for x in features]
    alignment = (grams[0] * grams[1]).sum() / np.sqrt((grams[0] ** 2).sum() * (grams[1] ** 2).sum())
    np.testing.assert_allclose(compare_vectors(one, two, "whitened"), alignment, rtol=1e-12)


def test_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, sigma = draw(8)
    with pytest.raises(AnalysisError, match="sigma_k: give 8 x 8 covariances, not shape"):
        compare_vectors(first, second, "whitened", sigma_k=sigma[:5, :5])
    with pytest.raises(AnalysisError, match="sigma_k: a covariance is symmetric"):
        compare_vectors(first, second, "whitened", sigma_k=np.triu(sigma))
    with pytest.raises(AnalysisError, match="sigma_k: not positive definite"):
        compare_vectors(first, second, "whitened", sigma_k=-sigma)
    with pytest.raises(AnalysisError, match="no number of stimuli"):
        compare_vectors(first[:, :20], second[:, :20], "whitened")
    first[:, 3:6] = np.nan
    monkeypatch.setattr(whitening, "_MOST_MISSING", 2)
    with pytest.raises(AnalysisError, match="3 pairs are missing"):
        compare_vectors(first, second, "whitened")
