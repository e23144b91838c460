"""Permutation tests against scipy and against loops."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import squareform

from ventralrnn.analysis.comparison import compare_vectors
from ventralrnn.analysis.inference import PermutationTest, flip_signs, permute_stimuli
from ventralrnn.errors import AnalysisError

PAIRS = 28


@pytest.mark.parametrize("models", [2, 5])
@pytest.mark.parametrize("method", ["spearman", "whitened", "kendall"])
def test_against_squares_that_are_permuted(method: str, models: int) -> None:
    rng = np.random.default_rng(0)
    model, brain = rng.random((models, PAIRS)), rng.random((2, 3, PAIRS))
    found = permute_stimuli(model, brain, method, permutations=4, seed=5)
    mean = (compare_vectors(model, brain[0], method) + compare_vectors(model, brain[1], method)) / 2
    np.testing.assert_allclose(found.observed, mean, atol=1e-12)
    rng = np.random.default_rng(5)
    # The side with fewer rows is permuted; a product's subjects are one row.
    of_brain = models > 3 and method != "kendall"
    for null in found.null:
        order = rng.permutation(8)

        def moved(rdms: np.ndarray, order: np.ndarray = order) -> np.ndarray:
            return np.array([squareform(squareform(one)[np.ix_(order, order)]) for one in rdms])

        ours = model if of_brain else moved(model)
        each = [compare_vectors(ours, moved(one) if of_brain else one, method) for one in brain]
        np.testing.assert_allclose(null, np.mean(each, 0), atol=1e-12)


def test_p_values_count() -> None:
    test = PermutationTest(np.array([2.0, -3.0, 0.5, np.nan]), np.array([[1, 1, 1, 1], [2, 2, 2, 2], [-3, -1, 0, 1.0]]))
    assert test.p_values() == pytest.approx([2 / 4, 1, 3 / 4, np.nan], nan_ok=True)
    assert test.p_values("less") == pytest.approx([1, 1 / 4, 2 / 4, np.nan], nan_ok=True)
    assert test.p_values("two-sided") == pytest.approx([3 / 4, 1 / 4, 3 / 4, np.nan], nan_ok=True)
    # The largest of each permutation: 1, 2, 1.
    assert test.max_p_values() == pytest.approx([2 / 4, 1, 1, np.nan], nan_ok=True)
    with pytest.raises(AnalysisError, match="alternative: 'up'"):
        test.p_values("up")  # type: ignore[arg-type]


def test_standardised() -> None:
    rng = np.random.default_rng(0)
    test = PermutationTest(rng.random(3), rng.random((50, 3)) * np.array([1, 10, 0]) + np.array([0, 5, 1]))
    found = test.standardised()
    everything = np.concatenate([found.observed[None], found.null])[:, :2]
    assert everything.mean(0) == pytest.approx(0, abs=1e-12) and everything.std(0) == pytest.approx(1)
    np.testing.assert_array_equal(found.p_values()[:2], test.p_values()[:2])


@pytest.mark.parametrize("statistic", ["mean", "t"])
def test_flips_of_all_signs_as_scipy(statistic: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((7, 4)) + 0.4
    found = flip_signs(values, statistic=statistic)  # type: ignore[arg-type]
    assert len(found.null) == 2**7 - 1
    for alternative in ("greater", "less", "two-sided"):
        expected = stats.permutation_test(
            (values,), lambda x, axis: x.mean(axis), permutation_type="samples", alternative=alternative,
            n_resamples=np.inf, vectorized=True,
        ).pvalue  # fmt: skip
        assert found.p_values(alternative) == pytest.approx(expected)  # type: ignore[arg-type]
    if statistic == "t":
        np.testing.assert_allclose(found.observed, stats.ttest_1samp(values, 0).statistic)


def test_random_flips_and_missing_states() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((20, 3))
    values[3, 1] = np.nan
    found = flip_signs(values, permutations=500)
    p_value = found.p_values()
    assert found.null.shape == (500, 3) and np.isnan(p_value[1])
    exact = stats.ttest_1samp(values[:, 0], 0, alternative="greater").pvalue
    assert p_value[0] == pytest.approx(exact, abs=0.06)


def test_states_that_do_not_exist_have_no_p_value() -> None:
    rng = np.random.default_rng(0)
    model, brain = rng.random((3, PAIRS)), rng.random((2, 4, PAIRS))
    model[1], brain[0, 2] = np.nan, np.nan
    test = permute_stimuli(model, brain, permutations=9)
    missing = np.zeros((3, 4), bool)
    missing[1], missing[:, 2] = True, True
    for found in (test.p_values(), test.max_p_values(), test.standardised().max_p_values()):
        np.testing.assert_array_equal(np.isnan(found), missing)


def test_what_is_refused_is_named() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(AnalysisError, match="permutations: 0"):
        permute_stimuli(rng.random((1, PAIRS)), rng.random((1, 1, PAIRS)), permutations=0)
    with pytest.raises(AnalysisError, match="values: give those of at least two subjects"):
        flip_signs(rng.random((1, 3)))
    with pytest.raises(AnalysisError, match="statistic: 'median'"):
        flip_signs(rng.random((3, 3)), statistic="median")  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="permutations: 0"):
        flip_signs(rng.random((3, 3)), permutations=0)
