"""Noise ceilings against rsatoolbox, against loops, and against recordings whose truth is known."""

import warnings

import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr

from ventralrnn.analysis.comparison import compare_vectors
from ventralrnn.analysis.inference import ceilings_of, noise_ceilings, repeat_ceilings
from ventralrnn.analysis.rdm.distances import compute_distances
from ventralrnn.errors import AnalysisError

NAMES = {"spearman": "spearman", "rho-a": "rho-a", "corr": "corr", "cosine": "cosine", "kendall": "tau-a"}


def subjects(number: int = 5, states: int = 1, stimuli: int = 12, ties: bool = False, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (states, stimuli * (stimuli - 1) // 2)
    rdms = rng.random(shape) + rng.random((number, *shape))
    return np.round(rdms, 1) if ties else rdms


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("method", NAMES)
def test_as_rsatoolbox(method: str, ties: bool) -> None:
    pytest.importorskip("rsatoolbox", exc_type=ImportError)
    from rsatoolbox.inference import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs

    rdms = subjects(ties=ties)
    found = noise_ceilings(rdms, method)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that tau is pooled by ranks
        lower, upper = boot_noise_ceiling(RDMs(rdms[:, 0]), NAMES[method])
    assert found.lower == pytest.approx([lower], abs=1e-12)
    assert found.upper == pytest.approx([upper], abs=1e-12)


@pytest.mark.parametrize(("method", "name"), [("whitened", "cosine_cov"), ("whitened-corr", "corr_cov")])
def test_whitened_as_rsatoolbox_but_for_its_pooling(method: str, name: str) -> None:
    """rsatoolbox gives RDMs unit length before whitening, which is not quite the best mean, so it lies below."""
    pytest.importorskip("rsatoolbox", exc_type=ImportError)
    from rsatoolbox.inference import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs

    rdms = subjects()
    found = noise_ceilings(rdms, method)
    lower, upper = boot_noise_ceiling(RDMs(rdms[:, 0]), name)
    assert found.lower == pytest.approx([lower], abs=1e-3)
    assert found.upper == pytest.approx([upper], abs=1e-3)
    assert found.upper[0] >= upper - 1e-6


def test_between_times_against_a_loop() -> None:
    rdms = subjects(4, states=3)
    found = noise_ceilings(rdms, "spearman")
    ranks = rankdata(rdms, axis=-1)
    others = [(s, o) for s in range(4) for o in range(4) if s != o]

    def shared(t: int, other: int) -> float:
        return float(np.mean([spearmanr(rdms[s, t], rdms[o, other]).statistic for s, o in others]))

    for t in range(3):
        for other in range(3):
            lower = [spearmanr(rdms[s, t], np.delete(ranks[:, other], s, axis=0).mean(0)).statistic for s in range(4)]
            assert found.lag_lower[t, other] == pytest.approx(np.mean(lower), abs=1e-12)
            without_noise = min(shared(t, other) / np.sqrt(shared(t, t) * shared(other, other)), 1)
            assert found.lag_upper[t, other] == pytest.approx(found.upper[t] * without_noise, abs=1e-12)
    np.testing.assert_array_equal(found.lag_lower.diagonal(), found.lower)
    np.testing.assert_array_equal(found.lag_upper.diagonal(), found.upper)


def test_nothing_is_known_of_times_at_which_subjects_have_nothing_in_common() -> None:
    rdms = subjects(2, states=2)
    rdms[1, 1] = 0.1 * rdms[1, 0] - rdms[0, 1]
    found = noise_ceilings(rdms, "corr")
    assert found.lag_upper[0, 1] == found.upper[0] and found.lag_upper[1, 0] == found.upper[1]


@pytest.mark.parametrize("method", ["corr", "cosine", "whitened", "spearman"])
def test_no_model_does_better_than_the_upper_bound(method: str) -> None:
    rdms = subjects(4)[:, 0]
    upper = noise_ceilings(rdms[:, None], method).upper[0]
    rng = np.random.default_rng(1)
    models = np.concatenate([rdms, rdms.mean(0)[None], rdms.mean(0) + 0.1 * rng.standard_normal((500, rdms.shape[1]))])
    assert compare_vectors(models, rdms, method).mean(1).max() <= upper + 1e-12


def test_from_products_of_subjects() -> None:
    rdms = subjects(5)
    z = rdms[:, 0] - rdms[:, 0].mean(-1, keepdims=True)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    lower, upper = ceilings_of(z @ z.T)
    found = noise_ceilings(rdms, "corr")
    assert (lower, upper) == (pytest.approx(found.lower[0]), pytest.approx(found.upper[0]))
    alone = ceilings_of(z @ z.T, np.array([[5, 0, 0, 0, 0], [1, 1, 1, 1, 1]]))
    assert np.isnan(alone[0][0]) and np.isnan(alone[1][0]) and alone[0][1] == pytest.approx(lower)


def test_a_state_that_a_subject_lacks_has_no_ceiling() -> None:
    rdms = subjects(4, states=3)
    whole = noise_ceilings(rdms)
    rdms[2, 1] = np.nan
    found = noise_ceilings(rdms)
    assert np.isnan(found.lower).tolist() == np.isnan(found.upper).tolist() == [False, True, False]
    assert found.lag_lower[0, 2] == whole.lag_lower[0, 2]
    one = noise_ceilings(rdms[:1])
    assert np.isnan(one.upper).all() and one.lag_upper.shape == (3, 3)


def test_tensors_are_the_same() -> None:
    rdms = subjects(4, states=2)
    np.testing.assert_array_equal(noise_ceilings(rdms).lag_lower, noise_ceilings(torch.from_numpy(rdms)).lag_lower)


@pytest.mark.parametrize("repeats", [8, 9])
def test_repeats_tell_how_near_the_truth_an_rdm_is(repeats: int) -> None:
    """The ceiling from halves is the similarity to the RDM without noise, which only a simulation knows."""
    rng = np.random.default_rng(0)
    known, estimated, lag, lagged = [], [], [], []
    for seed in range(20):
        truth = rng.standard_normal((2, 40, 60))
        truth[1] = 0.7 * truth[0] + 0.7 * truth[1]
        responses = truth + 1.2 * rng.standard_normal((repeats, 2, 40, 60))
        found = repeat_ceilings(responses, "sqeuclidean", "corr", splits=10, seed=seed)
        alike = compare_vectors(
            compute_distances(responses.mean(0), "sqeuclidean"), compute_distances(truth, "sqeuclidean"), "corr"
        )
        known.append(alike.diagonal())
        estimated.append(found.ceiling)
        lag.append((alike[0, 1] + alike[1, 0]) / 2)
        lagged.append((found.lag_ceiling[0, 1] + found.lag_ceiling[1, 0]) / 2)
    assert np.mean(estimated) == pytest.approx(np.mean(known), abs=0.03)
    assert np.mean(lagged) == pytest.approx(np.mean(lag), abs=0.03)
    assert 0.7 < np.mean(known) < 0.95


def test_reliability_of_noise_alone_is_none() -> None:
    rng = np.random.default_rng(0)
    found = repeat_ceilings(rng.standard_normal((6, 2, 50, 30)))
    assert np.abs(found.reliability).max() < 0.15
    assert (found.ceiling >= 0).all()


def test_what_is_refused_is_named() -> None:
    with pytest.raises(AnalysisError, match="responses: one repeat cannot be halved"):
        repeat_ceilings(np.ones((1, 1, 4, 3)))
    with pytest.raises(AnalysisError, match="splits: 0"):
        repeat_ceilings(np.ones((2, 1, 4, 3)), splits=0)
