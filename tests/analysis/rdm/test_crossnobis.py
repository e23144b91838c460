"""Noise covariance, crossnobis and Poisson dissimilarities against scikit-learn, rsatoolbox and plain loops."""

import itertools

import numpy as np
import pytest
import torch
from sklearn import covariance

from ventralrnn.analysis.rdm import compute_crossnobis, compute_distances, compute_poisson, estimate_noise, residuals_of
from ventralrnn.errors import AnalysisError

SHRINKING = ("shrinkage_diag", "shrinkage_eye", "ledoit_wolf", "oas", "diag")


def correlated(samples: int, features: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, features)) @ rng.standard_normal((features, features)) + 10


def runs(count: int = 4, stimuli: int = 6, features: int = 20, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((stimuli, features)) + rng.standard_normal((count, stimuli, features)) + 7


def by_pairs(x: np.ndarray, precision: np.ndarray | None = None) -> np.ndarray:
    """Return crossnobis by its definition, one pair of stimuli and of runs after the other."""
    precision = np.eye(x.shape[2]) if precision is None else precision
    result = []
    for i, j in itertools.combinations(range(x.shape[1]), 2):
        rest = x[:, i] - x[:, j]
        result.append(np.mean([rest[a] @ precision @ rest[b] for a, b in itertools.permutations(range(len(x)), 2)]))
    return np.array(result)


@pytest.mark.parametrize(("samples", "features"), [(60, 12), (12, 30), (13, 13)])
@pytest.mark.parametrize("method", SHRINKING)
def test_whitening_is_the_inverse_of_the_covariance(samples: int, features: int, method: str) -> None:
    noise = estimate_noise(correlated(samples, features), method)
    matrix = noise.covariance().numpy()
    np.testing.assert_allclose(noise.precision().numpy() @ matrix, np.eye(features), atol=1e-8)
    rest = np.random.default_rng(1).standard_normal((5, features))
    expected = [
        (rest[i] - rest[j]) @ np.linalg.solve(matrix, rest[i] - rest[j]) for i, j in itertools.combinations(range(5), 2)
    ]
    for given in (noise, noise.precision()):
        np.testing.assert_allclose(compute_distances(rest, "mahalanobis", noise=given), expected, rtol=1e-7)
    got = compute_distances(torch.from_numpy(rest).float(), "mahalanobis", noise=noise)
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    assert noise.directions.shape[1] <= min(samples, features)


@pytest.mark.parametrize(("samples", "features"), [(60, 12), (12, 30)])
def test_shrinkage_is_scikit_learn_s(samples: int, features: int) -> None:
    x = correlated(samples, features)
    for method, theirs in (("ledoit_wolf", covariance.ledoit_wolf), ("oas", covariance.oas)):
        noise = estimate_noise(x, method)
        matrix, weight = theirs(x)
        np.testing.assert_allclose(noise.covariance(), matrix, rtol=1e-9, atol=1e-9)
        assert noise.shrinkage == pytest.approx(weight, rel=1e-9)
    np.testing.assert_allclose(estimate_noise(correlated(60, 12), "full").covariance(), np.cov(correlated(60, 12).T))


@pytest.mark.parametrize("method", ["shrinkage_diag", "shrinkage_eye", "diag"])
@pytest.mark.parametrize("dof", [None, 7])
def test_shrinkage_is_rsatoolbox_s(method: str, dof: int | None) -> None:
    noise = pytest.importorskip("rsatoolbox.data.noise", exc_type=ImportError)
    for samples, features in ((60, 12), (12, 30)):
        x = correlated(samples, features)
        theirs = noise.cov_from_residuals(x.copy(), dof=dof, method=method)
        np.testing.assert_allclose(estimate_noise(x, method, dof).covariance(), theirs, rtol=1e-9, atol=1e-9)


def test_residuals() -> None:
    x = runs()
    x[3, 2] = np.nan
    rest, freedom = residuals_of(x)
    assert rest.shape == (23, 20) and freedom == 17
    means = np.nanmean(x, 0)
    np.testing.assert_allclose(rest, (x - means)[~np.isnan(x).all(2)])
    with pytest.raises(AnalysisError, match="no stimulus has two repeats"):
        residuals_of(x[:1])


def test_noise_that_cannot_be_estimated() -> None:
    x = correlated(12, 30)
    with pytest.raises(AnalysisError, match="12 residuals of 30 features have a covariance without inverse"):
        estimate_noise(x, "full")
    with pytest.raises(AnalysisError, match="noise 'mcd': shrinkage_diag, "):
        estimate_noise(x, "mcd")
    with pytest.raises(AnalysisError, match="1 sample"):
        estimate_noise(x[:1])
    x[:, 4] = 3
    with pytest.raises(AnalysisError, match="feature 4 never varies"):
        estimate_noise(x)
    with pytest.raises(AnalysisError, match="not positive definite"):
        compute_distances(x, "mahalanobis", noise=-np.eye(30))
    with pytest.raises(AnalysisError, match="square and symmetric"):
        compute_distances(x, "mahalanobis", noise=np.triu(np.ones((30, 30))))


@pytest.mark.parametrize("count", [2, 5])
def test_crossnobis_is_the_mean_over_pairs_of_runs(count: int) -> None:
    x = runs(count)
    np.testing.assert_allclose(compute_crossnobis(x), by_pairs(x), rtol=1e-9, atol=1e-9)
    noise = estimate_noise(correlated(40, 20))
    expected = by_pairs(x, noise.precision().numpy())
    np.testing.assert_allclose(compute_crossnobis(x, noise), expected, rtol=1e-8, atol=1e-8)
    single = compute_crossnobis(torch.from_numpy(x).float(), noise)
    assert isinstance(single, torch.Tensor) and single.dtype == torch.float32
    np.testing.assert_allclose(single, expected, atol=1e-5 * np.abs(expected).max())


def test_crossnobis_of_states_at_once() -> None:
    x = np.stack([runs(seed=0), np.full((4, 6, 20), np.nan), runs(seed=1)])
    got = compute_crossnobis(x)
    np.testing.assert_allclose(got[[0, 2]], [by_pairs(x[0]), by_pairs(x[2])], rtol=1e-9, atol=1e-9)
    assert np.isnan(got[1]).all()


def test_crossnobis_is_unbiased_with_and_without_missing_runs() -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((4, 30)) * 0.3
    truth[3] = truth[0]
    expected = compute_distances(truth, "sqeuclidean")
    x = truth + rng.standard_normal((2000, 3, 4, 30))
    lacking = x.copy()
    lacking[:, 1, 2] = np.nan
    for got in (compute_crossnobis(x), compute_crossnobis(lacking)):
        error = got.std(0) / len(got) ** 0.5
        assert (np.abs(got.mean(0) - expected) < 4 * error).all()
        assert (got < 0).any()
    # The plain distance of means is biased by twice the noise variance over runs, in every feature.
    biased = compute_distances(x.mean(1), "sqeuclidean").mean(0)
    np.testing.assert_allclose(biased - expected, 2 * 30 / 3, rtol=0.1)


def test_runs_that_are_missing() -> None:
    x = runs(3)
    x[1:, 2] = np.nan
    got = compute_crossnobis(x)
    first, second = np.triu_indices(6, 1)
    np.testing.assert_array_equal(np.isnan(got), (first == 2) | (second == 2))
    # Without the stimulus that has one run, the others are as they were: the origin differs, not the estimate.
    rest = np.delete(x, 2, 1)
    np.testing.assert_allclose(got[~np.isnan(got)], by_pairs(rest), rtol=1e-9, atol=1e-9)
    x[1, 3, 4] = np.nan
    with pytest.raises(AnalysisError, match="stimulus 3 of run 1 holds NaN or infinity in some features"):
        compute_crossnobis(x)
    with pytest.raises(AnalysisError, match="1 runs of 6 stimuli"):
        compute_crossnobis(runs(1))


def poisson(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    left, right = ((x + 0.1) / 1.1 for x in (left, right))
    return np.array(
        [
            ((left[i] - left[j]) * (np.log(right[i]) - np.log(right[j]))).sum()
            for i, j in itertools.combinations(range(len(left)), 2)
        ]
    )


def test_poisson() -> None:
    x = np.random.default_rng(0).poisson(3.0, (4, 6, 20)).astype(float)
    np.testing.assert_allclose(compute_poisson(x), [poisson(run, run) for run in x], rtol=1e-9)
    folds = [poisson(np.delete(x, k, 0).mean(0), x[k]) for k in range(4)]
    np.testing.assert_allclose(compute_poisson(x, crossvalidated=True), np.mean(folds, 0), rtol=1e-9, atol=1e-11)
    x[1] = np.nan
    assert np.isnan(compute_poisson(x)[1]).all()
    with pytest.raises(AnalysisError, match="rates are 0 or more"):
        compute_poisson(-x)
    with pytest.raises(AnalysisError, match="above 0"):
        compute_poisson(x[0], prior_weight=0)


def test_against_rsatoolbox() -> None:
    data = pytest.importorskip("rsatoolbox.data", exc_type=ImportError)
    from rsatoolbox.rdm import calc_rdm

    count, stimuli, features = 4, 6, 20
    names = {"stimulus": np.tile(np.arange(stimuli), count), "run": np.repeat(np.arange(count), stimuli)}
    noise = estimate_noise(correlated(40, features))
    precision = noise.precision().numpy()

    def theirs(x: np.ndarray, method: str, **options: object) -> np.ndarray:
        dataset = data.Dataset(x.reshape(-1, features), obs_descriptors=names)
        return calc_rdm(dataset, method=method, descriptor="stimulus", **options).dissimilarities[0] * features

    x = runs(count, stimuli, features)
    crossnobis = theirs(x, "crossnobis", cv_descriptor="run", noise=precision)
    np.testing.assert_allclose(compute_crossnobis(x, noise), crossnobis, rtol=1e-8, atol=1e-8)
    mahalanobis = theirs(x, "mahalanobis", noise=precision)
    np.testing.assert_allclose(compute_distances(x.mean(0), "mahalanobis", noise=noise), mahalanobis, rtol=1e-8)
    counts = np.random.default_rng(0).poisson(3.0, x.shape).astype(float)
    np.testing.assert_allclose(compute_poisson(counts.mean(0)), theirs(counts, "poisson"), rtol=1e-8)
    # Theirs is what the last fold gives, not the mean over folds.
    last = theirs(counts, "poisson_cv", cv_descriptor="run")
    symmetric = (poisson(counts[:-1].mean(0), counts[-1]), compute_poisson(counts, crossvalidated=True))
    np.testing.assert_allclose(last, symmetric[0], rtol=1e-8, atol=1e-9)
    assert np.abs(last - symmetric[1]).max() > 0.1
