"""The same numbers as rsatoolbox and mne-rsa, for every comparator that they share."""

from typing import Any

import numpy as np
import pytest

from ventralrnn.analysis.comparison import compare_vectors, fit_weights, partial_vectors

STIMULI = 12
PAIRS = STIMULI * (STIMULI - 1) // 2
THEIRS = {
    "cosine": "cosine",
    "spearman": "spearman",
    "corr": "corr",
    "tau-b": "kendall",
    "kendall": "tau-a",
    "rho-a": "rho-a",
    "whitened": "cosine_cov",
    "whitened-corr": "corr_cov",
}


def vectors(ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shared = rng.random(PAIRS)
    first, second = shared + rng.random((4, PAIRS)), shared + rng.random((3, PAIRS))
    return (first.round(1), second.round(1)) if ties else (first, second)


def rsatoolbox(first: np.ndarray, second: np.ndarray, method: str, **options: Any) -> np.ndarray:
    toolbox = pytest.importorskip("rsatoolbox", exc_type=ImportError)
    one, two = (toolbox.rdm.RDMs(v) for v in (first, second))
    return np.asarray(toolbox.rdm.compare(one, two, THEIRS[method], **options))


@pytest.mark.parametrize("method", THEIRS)
@pytest.mark.parametrize("ties", [False, True])
def test_rsatoolbox(method: str, ties: bool) -> None:
    first, second = vectors(ties)
    np.testing.assert_allclose(compare_vectors(first, second, method), rsatoolbox(first, second, method), atol=1e-13)


@pytest.mark.parametrize("method", ["whitened", "whitened-corr"])
def test_rsatoolbox_with_noise_covariance(method: str) -> None:
    first, second = vectors()
    noise = np.random.default_rng(1).standard_normal((STIMULI, 40))
    sigma = noise @ noise.T / 40
    found = compare_vectors(first, second, method, sigma_k=sigma)
    # They solve by conjugate gradients up to a relative residual of 1e-5.
    np.testing.assert_allclose(found, rsatoolbox(first, second, method, sigma_k=sigma), atol=1e-5)


@pytest.mark.parametrize("method", THEIRS)
def test_rsatoolbox_with_missing_pairs(method: str) -> None:
    first, second = vectors()
    first[:, [0, 20, 21]] = second[:, [0, 20, 21]] = np.nan
    np.testing.assert_allclose(compare_vectors(first, second, method), rsatoolbox(first, second, method), atol=1e-12)


@pytest.mark.parametrize("method", ["cosine", "corr", "whitened", "whitened-corr"])
def test_rsatoolbox_weights(method: str) -> None:
    toolbox = pytest.importorskip("rsatoolbox", exc_type=ImportError)
    rng = np.random.default_rng(2)
    models = rng.random((4, PAIRS))
    # The last model has no part in it: its weight ends at the bound.
    targets = np.array([2, 1, 0.5, -1]) @ models + rng.random((2, PAIRS))
    found = fit_weights(models, targets, method)
    model = toolbox.model.ModelWeighted("weighted", toolbox.rdm.RDMs(models))
    fit = toolbox.model.fitter.fit_regress_nn
    expected = [fit(model, toolbox.rdm.RDMs(target[None]), method=THEIRS[method]) for target in targets]
    # Their conjugate gradients are followed by an active set, whose members are the same.
    np.testing.assert_allclose(found, expected, atol=1e-4 if method.startswith("whitened") else 1e-10)
    assert (found[:, 3] == 0).all() and (found[:, :3] > 0).all()


@pytest.mark.parametrize(
    ("method", "theirs"), [("spearman", "spearman"), ("corr", "pearson"), ("kendall", "kendall-tau-a")]
)
def test_mne_rsa(method: str, theirs: str) -> None:
    rsa = pytest.importorskip("mne_rsa").rsa
    first, second = vectors(ties=True)
    expected = np.transpose([rsa(brain, list(first), metric=theirs) for brain in second])
    np.testing.assert_allclose(compare_vectors(first, second, method), expected, atol=1e-13)


@pytest.mark.parametrize(("method", "theirs"), [("spearman", "partial-spearman"), ("corr", "partial")])
def test_mne_rsa_partial(method: str, theirs: str) -> None:
    rsa = pytest.importorskip("mne_rsa").rsa
    first, second = vectors(ties=True)
    expected = np.transpose([rsa(brain, list(first), metric=theirs) for brain in second])
    for i, expected_of_one in enumerate(expected):
        found = partial_vectors(first[[i]], second, np.delete(first, i, 0), method)
        np.testing.assert_allclose(found[0], expected_of_one, atol=1e-12)
