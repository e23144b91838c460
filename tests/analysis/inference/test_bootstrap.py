"""Bootstraps against rsatoolbox on the same samples."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from ventralrnn.analysis.comparison import compare_vectors
from ventralrnn.analysis.inference import bootstrap as module
from ventralrnn.analysis.inference import bootstrap_similarity, noise_ceilings, state_differences
from ventralrnn.errors import AnalysisError

STIMULI, SUBJECTS, MODELS, SAMPLES = 14, 5, 3, 25
PAIRS = STIMULI * (STIMULI - 1) // 2


def rdms(ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    base = rng.random(PAIRS)
    model, brain = base + rng.random((MODELS, PAIRS)), base + rng.random((SUBJECTS, 1, PAIRS))
    return (np.round(model, 1), np.round(brain, 1)) if ties else (model, brain)


class Peer:
    """rsatoolbox's evaluations of :func:`rdms`, with the samples that it drew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("rsatoolbox", exc_type=ImportError)
        import rsatoolbox.inference.evaluate as evaluate

        self.evaluate: Any = evaluate
        self.drawn: list[tuple[Any, ...]] = []
        for name in ("bootstrap_sample", "bootstrap_sample_rdm", "bootstrap_sample_pattern"):
            monkeypatch.setattr(evaluate, name, self._noting(getattr(evaluate, name)))
        monkeypatch.setattr(evaluate.tqdm, "trange", range)
        np.random.seed(0)

    def _noting(self, sample: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
        def note(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
            drawn = sample(*args, **kwargs)
            self.drawn.append(drawn[1:])
            return drawn

        return note

    def __call__(self, name: str, model: np.ndarray, brain: np.ndarray, **kwargs: Any) -> Any:
        from rsatoolbox.model import ModelFixed
        from rsatoolbox.rdm import RDMs

        models = [ModelFixed(str(i), rdm) for i, rdm in enumerate(model)]
        return getattr(self.evaluate, name)(models, RDMs(brain[:, 0]), **kwargs)

    def often(self, factor: int, count: int) -> np.ndarray:
        """Return how often it drew each of the stimuli or subjects."""
        return np.array([np.bincount(drawn[factor], minlength=count) for drawn in self.drawn])


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Peer:
    return Peer(monkeypatch)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("method", ["spearman", "rho-a", "corr", "cosine"])
def test_over_stimuli_as_rsatoolbox(peer: Peer, method: str, ties: bool) -> None:
    model, brain = rdms(ties)
    theirs = peer("eval_bootstrap_pattern", model, brain, method=method, N=SAMPLES)
    ours = bootstrap_similarity(model, brain, method, pair_samples=0, draws=(peer.often(0, STIMULI), None))
    assert ours.similarity.shape == (2, SAMPLES, MODELS, 1)
    exact = method in ("corr", "cosine")
    np.testing.assert_allclose(ours.similarity[0, :, :, 0], theirs.evaluations, atol=1e-12 if exact else 1e-6)
    np.testing.assert_allclose(ours.variance(ours.similarity)[:, 0], theirs.model_var, rtol=1e-5)
    for bound, expected in zip((ours.lower[0, :, 0], ours.upper[0, :, 0]), theirs.noise_ceiling, strict=True):
        if exact:
            np.testing.assert_allclose(bound, expected, atol=1e-12)
        # Means of ranks are not ranked again within samples, and only the spread of samples is used.
        assert bound.std() == pytest.approx(expected.std(), rel=0.15)
    assert (ours.dof(ours.similarity) == STIMULI - 1).all() and theirs.dof == STIMULI - 1


@pytest.mark.parametrize("method", ["spearman", "corr"])
def test_over_subjects_as_rsatoolbox(peer: Peer, method: str) -> None:
    model, brain = rdms()
    theirs = peer("eval_bootstrap_rdm", model, brain, method=method, N=SAMPLES)
    ours = bootstrap_similarity(model, brain, method, resample="subjects", draws=(None, peer.often(0, SUBJECTS)))
    np.testing.assert_allclose(ours.similarity[0, :, :, 0], theirs.evaluations, atol=1e-12)
    np.testing.assert_allclose(ours.variance(ours.similarity)[:, 0], theirs.model_var, rtol=1e-9)
    for bound, expected in zip((ours.lower[0, :, 0], ours.upper[0, :, 0]), theirs.noise_ceiling, strict=True):
        np.testing.assert_allclose(bound, expected, atol=1e-12 if method == "corr" else 0.02)
    assert ours.dof(ours.similarity) == theirs.dof == SUBJECTS - 1


@pytest.mark.parametrize("method", ["spearman", "corr"])
def test_over_both_as_rsatoolbox(peer: Peer, method: str) -> None:
    model, brain = rdms()
    theirs = peer("eval_dual_bootstrap", model, brain, method=method, N=SAMPLES, use_correction=False)
    subjects, stimuli = peer.often(0, SUBJECTS), peer.often(1, STIMULI)
    ours = bootstrap_similarity(model, brain, method, resample="both", pair_samples=0, draws=(stimuli, subjects))
    expected = theirs.evaluations[:, :, 0, 0].transpose(2, 0, 1)
    np.testing.assert_allclose(ours.similarity[:3, ..., 0], expected, atol=1e-6)
    np.testing.assert_allclose(ours.variance(ours.similarity)[:, 0], theirs.model_var, rtol=1e-4)
    assert ours.dof(ours.similarity) == theirs.dof == SUBJECTS - 1
    pairs = [(0, 1), (0, 2), (1, 2)]
    point = ours.similarity[0].mean(0)
    found = state_differences(point, ours, pairs)
    t = np.abs(found.difference[:, 0]) / np.sqrt(theirs.diff_var)
    np.testing.assert_allclose(found.p_value[:, 0], 2 * stats.t.sf(t, theirs.dof), rtol=1e-3)


def test_point_estimates_as_rsatoolbox(peer: Peer) -> None:
    model, brain = rdms()
    theirs = peer("eval_fixed", model, brain, method="spearman")
    found = noise_ceilings(brain)
    np.testing.assert_allclose(compare_vectors(model, brain[:, 0]), theirs.evaluations[0], atol=1e-12)
    assert (found.lower[0], found.upper[0]) == pytest.approx(tuple(theirs.noise_ceiling), abs=1e-12)


def test_one_sample_of_everything_once_is_the_data() -> None:
    model, brain = rdms()
    once = np.ones((2, STIMULI), int), np.ones((2, SUBJECTS), int)
    point = compare_vectors(model, brain[:, 0]).mean(1)
    found = bootstrap_similarity(model, brain, resample="both", draws=once)
    np.testing.assert_allclose(found.similarity[:3, ..., 0], np.broadcast_to(point, (3, 2, MODELS)), atol=1e-6)


@pytest.mark.parametrize("resample", ["stimuli", "subjects", "both"])
def test_states_that_do_not_exist(resample: module.Resample) -> None:
    model, brain = rdms()
    brain = np.repeat(brain, 3, axis=1)
    whole = bootstrap_similarity(model, brain, samples=5, resample=resample)
    model[1], brain[2, 0] = np.nan, np.nan
    found = bootstrap_similarity(model, brain, samples=5, resample=resample)
    assert np.isnan(found.similarity[:, :, 1]).all() and np.isnan(found.similarity[..., 0]).all()
    assert np.isnan(found.lower[..., 0]).all()
    np.testing.assert_allclose(found.similarity[:, :, [0, 2], 1:], whole.similarity[:, :, [0, 2], 1:], atol=1e-6)
    low, high = found.interval(np.zeros((MODELS, 3)), found.similarity)
    assert np.isnan(low[1]).all() and np.isfinite(high[0, 1:]).all()
    nothing = bootstrap_similarity(np.full_like(model, np.nan), brain, samples=5, resample=resample)
    assert np.isnan(nothing.similarity).all()


def test_samples_of_two_stimuli_count_for_nothing() -> None:
    model, brain = rdms()
    often = np.zeros((2, STIMULI), int)
    often[0, :2], often[1, :3] = STIMULI // 2, (6, 4, 4)
    found = bootstrap_similarity(model, brain, draws=(often, None))
    assert np.isnan(found.similarity[0, 0]).all() and np.isfinite(found.similarity[0, 1]).all()


def test_blocks_tensors_and_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    model, brain = rng.random((2, PAIRS)), rng.random((3, 4, PAIRS))
    whole = bootstrap_similarity(model, brain, samples=6, resample="both", seed=3)
    tensors = bootstrap_similarity(torch.from_numpy(model), torch.from_numpy(brain), samples=6, resample="both", seed=3)
    np.testing.assert_array_equal(whole.similarity, tensors.similarity)
    monkeypatch.setattr(module, "_BLOCK_VALUES", 3 * PAIRS)
    blocks = bootstrap_similarity(model, brain, samples=6, resample="both", seed=3)
    np.testing.assert_allclose(blocks.similarity, whole.similarity, atol=1e-6)
    np.testing.assert_allclose(blocks.upper, whole.upper, atol=1e-6)
    other = bootstrap_similarity(model, brain, samples=6, resample="both", seed=4)
    assert np.abs(other.similarity - whole.similarity).max() > 1e-3


def test_whitened_and_kendall_over_subjects() -> None:
    model, brain = rdms()
    for method in ("whitened", "kendall"):
        found = bootstrap_similarity(
            model, brain, method, samples=3, resample="subjects", draws=(None, np.eye(5, dtype=int) * 5)
        )
        np.testing.assert_allclose(found.similarity[0, :, :, 0].T, compare_vectors(model, brain[:, 0], method))


def test_what_is_refused_is_named() -> None:
    model, brain = rdms()
    with pytest.raises(AnalysisError, match="resample: the brain has one subject"):
        bootstrap_similarity(model, brain[:1], resample="both")
    with pytest.raises(AnalysisError, match="resample: 3 stimuli are too few"):
        bootstrap_similarity(model[:, :3], brain[..., :3])
    with pytest.raises(AnalysisError, match="resample: 'pairs' is not"):
        bootstrap_similarity(model, brain, resample="pairs")  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="samples: 1 are too few"):
        bootstrap_similarity(model, brain, samples=1)
    with pytest.raises(AnalysisError, match="brain: RDMs of 10 pairs, but the model's have 91"):
        bootstrap_similarity(model, brain[..., :10])
    model[0, 0] = np.nan
    with pytest.raises(AnalysisError, match="model: pair [0-9]+ is NaN in"):
        bootstrap_similarity(model, brain)
    with pytest.raises(AnalysisError, match="'whitened' has no bootstrap over stimuli"):
        bootstrap_similarity(model[1:], brain, "whitened")
