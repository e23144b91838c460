"""Pairs of stimuli that were never measured are left out of samples and permutations, not refused."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import squareform

from ventralrnn.analysis.comparison import compare_vectors
from ventralrnn.analysis.inference import bootstrap_similarity, permute_stimuli, rsa
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.errors import AnalysisError

STIMULI = 9
PAIRS = STIMULI * (STIMULI - 1) // 2
FIRST, SECOND = np.triu_indices(STIMULI, 1)


def rdms() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    models, brains = rng.random((2, PAIRS)), rng.random((3, 2, PAIRS))
    models[:, 4] = np.nan
    brains[..., [11, 20]] = np.nan
    return models, brains


@pytest.mark.parametrize("method", ["spearman", "corr", "cosine"])
def test_samples_of_stimuli(method: str) -> None:
    models, brains = rdms()
    often = np.random.default_rng(1).multinomial(STIMULI, np.full(STIMULI, 1 / STIMULI), 4)
    got = bootstrap_similarity(models, brains, method, samples=4, draws=(often, None), pair_samples=2)
    measured = ~(np.isnan(models[0]) | np.isnan(brains[0, 0]))
    measure: dict[str, Any] = {
        "spearman": lambda a, b: stats.spearmanr(a, b).statistic,
        "corr": lambda a, b: np.corrcoef(a, b)[0, 1],
        "cosine": lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b),
    }
    for sample, weights in enumerate(often):
        times = (weights[FIRST] * weights[SECOND] * measured).astype(int)
        expected = [
            [np.mean([measure[method](np.repeat(m, times), np.repeat(b, times)) for b in of_state]) for of_state in by]
            for m in models
            for by in [brains.swapaxes(0, 1)]
        ]
        np.testing.assert_allclose(got.similarity[0, sample], expected, atol=1e-5)
    assert np.isfinite(got.lower[0]).all() and np.isfinite(got.similarity[1, :2]).all()


def test_samples_of_subjects() -> None:
    models, brains = rdms()
    often = np.array([[2, 1, 0], [0, 0, 3]])
    got = bootstrap_similarity(models, brains, samples=2, resample="subjects", draws=(None, often))
    each = np.stack([compare_vectors(models, b) for b in brains])
    np.testing.assert_allclose(got.similarity[0], np.einsum("bs,smk->bmk", often / 3, each), atol=1e-6)


@pytest.mark.parametrize("method", ["spearman", "corr", "kendall"])
def test_permutations_move_what_is_missing_with_its_stimuli(method: str) -> None:
    models, brains = rdms()
    got = permute_stimuli(models[:1], brains[:1, :1], method, permutations=3, seed=5)
    rng = np.random.default_rng(5)
    for null in got.null[:, 0, 0]:
        order = rng.permutation(STIMULI)
        matrix = squareform(np.nan_to_num(models[0], nan=-1), checks=False)[np.ix_(order, order)]
        moved = np.where(matrix[FIRST, SECOND] == -1, np.nan, matrix[FIRST, SECOND])
        assert null == pytest.approx(float(compare_vectors(moved[None], brains[0, :1], method)[0, 0]), abs=1e-6)
    assert got.observed[0, 0] == pytest.approx(
        float(compare_vectors(models[:1], brains[0, :1], method)[0, 0]), abs=1e-6
    )


def test_a_pair_that_only_some_have() -> None:
    models, brains = rdms()
    result = rsa(make_rdms(models, ("time",)), make_rdms(brains[:, 0], ("subject",)), bootstrap=10, permutations=10)
    assert np.isfinite(result.p_value).all() and np.isfinite(result.low).all()
    brains[1, 0, 30] = np.nan
    for function in (bootstrap_similarity, permute_stimuli):
        with pytest.raises(AnalysisError, match="brain: pair 30 is NaN in 1 of 6 RDMs; leave out stimuli"):
            function(models, brains)
