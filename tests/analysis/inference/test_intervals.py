"""Variances, intervals and p values against rsatoolbox, scipy and closed forms."""

import numpy as np
import pytest
from scipy import stats

from ventralrnn.analysis.inference import (
    percentile_interval,
    percentile_p_values,
    sample_variance,
    stimulus_dof,
    stimulus_variance,
    t_interval,
    t_p_values,
    two_factor_variance,
)
from ventralrnn.errors import AnalysisError


def test_two_factors_as_rsatoolbox() -> None:
    pytest.importorskip("rsatoolbox", exc_type=ImportError)
    from rsatoolbox.util.inference_util import _dual_bootstrap

    rng = np.random.default_rng(0)
    # All bounds are met in some of these.
    both, subjects, stimuli = (rng.standard_normal((20, 300)) * rng.random(300) for _ in range(3))
    variances = np.stack([x.var(0, ddof=1) for x in (both, subjects, stimuli)])
    expected = _dual_bootstrap(variances, n_rdm=6, n_pattern=20)
    np.testing.assert_allclose(two_factor_variance(both, subjects, stimuli, 6, 20), expected, rtol=1e-12)


def test_two_factors_of_large_numbers() -> None:
    """With many of both, the variance is 2 (subjects + stimuli) - both."""
    rng = np.random.default_rng(0)
    subjects, stimuli, noise = rng.standard_normal((3, 200, 50)) * np.array([1, 2, 0.5])[:, None, None]
    both = subjects + stimuli + noise
    expected = 2 * (subjects.var(0, ddof=1) + stimuli.var(0, ddof=1)) - both.var(0, ddof=1)
    found = two_factor_variance(both, subjects, stimuli, 10**9, 10**9)
    inside = (expected > np.maximum(subjects.var(0, ddof=1), stimuli.var(0, ddof=1))) & (expected < both.var(0, ddof=1))
    assert inside.sum() > 10
    np.testing.assert_allclose(found[inside], expected[inside], rtol=1e-6)


@pytest.mark.parametrize("subjects", [1, 6])
def test_means_over_pairs_have_their_variance(subjects: int) -> None:
    """Means over pairs whose terms are effects of stimuli, of pairs, of subjects and of both: variances are known."""
    count, samples = 16, 1000
    first, second = np.triu_indices(count, 1)
    rng = np.random.default_rng(0)
    effects, of_pairs, of_subjects, noise = 0.3, 1.0, 0.1, 3.0

    def mean(weights: np.ndarray, often: np.ndarray, terms: np.ndarray) -> np.ndarray:
        return ((often @ terms) * weights).sum(1) / often.sum(1) / weights.sum(1)

    ratios = []
    for _ in range(40):
        shared = effects * rng.standard_normal(count)
        terms = shared[first] + shared[second] + of_pairs * rng.standard_normal(len(first))
        terms = (
            terms
            + of_subjects * rng.standard_normal((subjects, 1))
            + noise * rng.standard_normal((subjects, len(first)))
        )
        drawn = rng.multinomial(count, np.full(count, 1 / count), samples)
        stimuli = (drawn[:, first] * drawn[:, second]).astype(float)
        pairs = rng.multinomial(len(first), np.full(len(first), 1 / len(first)), samples).astype(float)
        even, once = np.ones((samples, subjects)), np.ones((samples, len(first)))
        of_stimuli, single = mean(stimuli, even, terms), mean(pairs, even, terms)
        if subjects == 1:
            found = stimulus_variance(of_stimuli, single, count)
            expected = 4 * effects**2 / count + (of_pairs**2 + noise**2) / len(first)
        else:
            often = rng.multinomial(subjects, np.full(subjects, 1 / subjects), samples).astype(float)
            both, by_subject = mean(stimuli, often, terms), mean(once, often, terms)
            found = two_factor_variance(both, by_subject, of_stimuli, subjects, count, single)
            expected = 4 * effects**2 / count + of_pairs**2 / len(first)
            expected += of_subjects**2 / subjects + noise**2 / len(first) / subjects
        ratios.append(found / expected)
    assert np.mean(ratios) == pytest.approx(1, abs=0.15)


def test_degrees_of_freedom_after_the_correction() -> None:
    """The variance of pairs is a third of a bootstrap's where all is theirs; what is left is half of what varies."""
    unit = np.array([-1.0, 1])[:, None] / 2**0.5
    raw, single = unit * np.sqrt([3 * 40 / 41, 1, 1]), unit * np.sqrt([1, 1e-9, np.nan])
    found = stimulus_dof(raw, single, 41)
    assert found == pytest.approx([40 / 4, 40, 40], rel=1e-6)


def test_t_intervals_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(12)
    variance = values.var(ddof=1) / 12
    low, high = t_interval(values.mean(), variance, 11, 0.9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    p_value = t_p_values(values.mean(), variance, 11)
    assert p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert t_p_values(np.zeros(1), np.zeros(1), 11).tolist() == [1]


def test_a_bootstrap_of_the_mean_has_its_variance() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(10)
    means = rng.choice(values, (40000, 10)).mean(1)
    assert sample_variance(means, 10) == pytest.approx(values.var(ddof=1) / 10, rel=0.03)


def test_percentiles() -> None:
    samples = np.stack([np.arange(101.0), np.full(101, np.nan)], 1)
    samples[0] = np.nan
    low, high = percentile_interval(samples, 0.9)
    assert (low[0], high[0]) == pytest.approx(tuple(np.quantile(np.arange(1, 101), [0.05, 0.95])))
    assert np.isnan([low[1], high[1]]).all()


def test_percentile_p_values() -> None:
    samples = np.ones((99, 4))
    samples[:9, 1] = -1
    samples[:, 2] = np.tile([1, -1, 0], 33)
    samples[:, 3] = np.nan
    found = percentile_p_values(samples)
    assert found[:3] == pytest.approx([1 / 100, 19 / 100, 1])
    assert np.isnan(found[3])


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_is_a_share(level: float) -> None:
    with pytest.raises(AnalysisError, match="level: .* is no share"):
        percentile_interval(np.ones((3, 2)), level)
