"""Rows of samples equal those of RDMs that were put together stimulus by stimulus."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from ventralrnn.analysis.comparison import compare_prepared
from ventralrnn.analysis.inference import ResampledRows, draw, resampling
from ventralrnn.analysis.rdm.container import pair_indices
from ventralrnn.errors import AnalysisError


def put_together(vectors: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Return the pairs of a sample one by one, without those of a stimulus with itself."""
    count = len(often)
    square = np.zeros((len(vectors), count, count))
    first, second = pair_indices(count)
    square[:, first, second] = square[:, second, first] = vectors
    index = np.repeat(np.arange(count), often)
    one, two = pair_indices(len(index))
    different = index[one] != index[two]
    return square[:, index[one][different], index[two][different]]


def weights_of(often: np.ndarray) -> torch.Tensor:
    first, second = pair_indices(len(often))
    return torch.from_numpy((often[first] * often[second]).astype(np.float32))


@st.composite
def samples(found: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Return two RDMs, which may have ties, and how often each stimulus is drawn."""
    count = found(st.integers(5, 12))
    rng = np.random.default_rng(found(st.integers(0, 2**31)))
    vectors = rng.random((2, count * (count - 1) // 2))
    if found(st.booleans()):
        vectors = np.round(4 * vectors)
    often = draw(count, 1, rng)[0]
    return vectors, often


@given(samples())
@settings(deadline=None, max_examples=60)
def test_ranks_within_samples_are_those_of_scipy(sample: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, often = sample
    together = put_together(vectors, often)
    if together.shape[1] < 3 or (np.ptp(together, axis=1) == 0).any():
        return
    rows = ResampledRows(torch.from_numpy(vectors), "spearman")(weights_of(often))
    assert float(rows[0] @ rows[1]) == pytest.approx(spearmanr(*together).statistic, abs=2e-6)
    torch.testing.assert_close(rows.norm(dim=-1), torch.ones(2), rtol=1e-5, atol=1e-5)


@given(samples())
@settings(deadline=None, max_examples=30)
def test_correlation_and_cosine_of_samples(sample: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, often = sample
    one, two = put_together(vectors, often)
    if len(one) < 3 or min(np.ptp(one), np.ptp(two)) == 0 or not (one.any() and two.any()):
        return
    rows = ResampledRows(torch.from_numpy(vectors), "corr")(weights_of(often))
    assert float(rows[0] @ rows[1]) == pytest.approx(pearsonr(one, two).statistic, abs=1e-12)
    rows = ResampledRows(torch.from_numpy(vectors), "cosine")(weights_of(often))
    cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
    assert float(rows[0] @ rows[1]) == pytest.approx(cosine, abs=1e-12)


def test_without_ranking_again_ranks_are_those_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    vectors, often = rng.random((2, 45)), draw(10, 1, rng)[0]
    ranks = vectors.argsort(1).argsort(1).astype(float)
    rows = ResampledRows(torch.from_numpy(vectors), "spearman", rerank=False)(weights_of(often))
    expected = pearsonr(*put_together(ranks, often)).statistic
    assert float(rows[0] @ rows[1]) == pytest.approx(expected, abs=1e-6)


def test_ranks_of_many_pairs() -> None:
    """float32 holds the ranks of all pairs, and products are summed in parts."""
    count = 500
    vectors = torch.arange(count * (count - 1) // 2).double()[None].repeat(2, 1)
    vectors[1] = vectors[1].flip(0)
    rows = ResampledRows(vectors, "spearman")(weights_of(np.ones(count, int)))
    assert float(compare_prepared(rows[:1], rows[1:])) == pytest.approx(-1, abs=1e-6)


def test_sorting_block_by_block_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    vectors, weights = torch.from_numpy(np.round(20 * rng.random((7, 45)))), weights_of(draw(10, 1, rng)[0])
    whole = ResampledRows(vectors, "spearman")(weights)
    monkeypatch.setattr(resampling, "_BLOCK_VALUES", 2 * 45)
    assert torch.equal(ResampledRows(vectors, "spearman")(weights), whole)


@pytest.mark.parametrize("method", ["spearman", "corr"])
def test_a_constant_rdm_is_similar_to_nothing(method: str) -> None:
    vectors = torch.stack([torch.full((45,), 0.1), torch.rand(45, generator=torch.Generator().manual_seed(0))])
    rows = ResampledRows(vectors, method)(weights_of(draw(10, 1, np.random.default_rng(1))[0]))
    assert bool(rows[0].isnan().all()) and bool(rows[1].isfinite().all())


def test_draws() -> None:
    drawn = draw(7, 1000, np.random.default_rng(0))
    assert drawn.shape == (1000, 7) and (drawn.sum(1) == 7).all()
    assert drawn.mean(0) == pytest.approx(np.ones(7), abs=0.15)


def test_a_method_without_pairs_of_its_own_is_refused() -> None:
    with pytest.raises(AnalysisError, match="method: 'whitened' has no bootstrap over stimuli: take one of spearman"):
        ResampledRows(torch.rand(2, 10), "whitened")
