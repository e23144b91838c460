"""Cluster tests against mne, and enhancement against its closed form."""

import numpy as np
import pytest

from ventralrnn.analysis.inference import PermutationTest, cluster_test, enhance, enhanced_test, flip_signs
from ventralrnn.analysis.inference import clusters as module
from ventralrnn.errors import AnalysisError


@pytest.mark.parametrize("shape", [(40,), (12, 15)])
def test_as_mne(shape: tuple[int, ...]) -> None:
    """All flips of signs, so that both tests use the same permutations."""
    stats = pytest.importorskip("mne.stats")
    rng = np.random.default_rng(0)
    # Multiples of 1/64, whose sums are exact in any order: data that are counted again as a permutation of themselves
    # must tie, whatever way a matrix product adds up.
    values = np.round(64 * rng.standard_normal((8, *shape))) / 64
    values[(slice(None), *(slice(3, 8),) * len(shape))] += 45 / 64
    t, clusters, p_values, _ = stats.permutation_cluster_1samp_test(
        values, threshold=1.0, tail=1, n_permutations=2**8, out_type="mask", verbose="error"
    )
    test = flip_signs(values)
    np.testing.assert_allclose(test.observed, t)
    found = cluster_test(test, 1.0, dimensions=len(shape))
    assert len(clusters) == len(found.mass) > 2
    order = []
    for cluster in clusters:
        mask = np.zeros(shape, bool)
        mask[cluster] = True
        (number,) = np.unique(found.label[mask])
        np.testing.assert_array_equal(found.label == number, mask)
        assert found.mass[number - 1] == pytest.approx(t[mask].sum())
        order.append(number - 1)
    assert found.p_value.min() < 0.05 < found.p_value.max()
    # mne counts the data twice and leaves out the flip of all signs, which only one-sided tests notice.
    as_counted = PermutationTest(test.observed, np.concatenate([test.null[:-1], test.observed[None]]))
    assert cluster_test(as_counted, 1.0, dimensions=len(shape)).p_value[order] == pytest.approx(p_values)


def test_maps_are_one_family_and_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    observed, null = rng.standard_normal((3, 6, 7)), rng.standard_normal((40, 3, 6, 7))
    observed[0, :, 3:5] += 3
    whole = cluster_test(PermutationTest(observed, null), 1.0, dimensions=2)
    each = [cluster_test(PermutationTest(observed[i], null[:, i]), 1.0, dimensions=2) for i in range(3)]
    assert sorted(whole.mass) == pytest.approx(sorted(np.concatenate([one.mass for one in each])))
    assert (np.sort(whole.p_value) >= np.sort(np.concatenate([one.p_value for one in each])) - 1e-12).all()
    significant = whole.significant()
    assert significant[0, :, 3:5].all()
    monkeypatch.setattr(module, "_BLOCK_VALUES", 3 * observed.size)
    np.testing.assert_array_equal(
        cluster_test(PermutationTest(observed, null), 1.0, dimensions=2).p_value, whole.p_value
    )


def test_what_does_not_exist_parts_clusters() -> None:
    observed = np.array([2.0, 2, np.nan, 2, 0, 0])
    null = np.zeros((19, 6))
    null[0, :2] = 5
    found = cluster_test(PermutationTest(observed, null), 1.0)
    assert found.label.tolist() == [1, 1, 0, 2, 0, 0]
    assert found.p_value.tolist() == [2 / 20, 2 / 20]
    assert found.significant(0.1).tolist() == [True, True, False, True, False, False]
    none = cluster_test(PermutationTest(np.zeros(4), np.zeros((19, 4))), 1.0)
    assert len(none.mass) == 0 and not none.significant().any()


def test_enhancement_of_a_box() -> None:
    """A box of width w and height H has w**0.5 * H**3 / 3 everywhere, the integral of h**2."""
    statistic = np.zeros((2, 12))
    statistic[0, 2:6] = 3
    statistic[1] = np.nan
    found = enhance(statistic, step=0.001)
    assert found[0, 2:6] == pytest.approx(4**0.5 * 9, rel=1e-3)
    assert (found[0, 6:] == 0).all() and np.isnan(found[1]).all()
    square = np.zeros((5, 5))
    square[1:4, 1:3] = 2
    assert enhance(square, dimensions=2, step=0.001)[2, 2] == pytest.approx(6**0.5 * 8 / 3, rel=1e-2)


def test_enhanced_test_finds_what_is_wide_and_weak() -> None:
    rng = np.random.default_rng(0)
    observed, null = rng.standard_normal(60), rng.standard_normal((200, 60))
    observed[15:45] += 2
    test = PermutationTest(observed, null)
    enhanced = enhanced_test(test).max_p_values() <= 0.05
    assert enhanced[15:45].sum() > 2 * (test.max_p_values()[15:45] <= 0.05).sum()
    assert not enhanced[:13].any() and not enhanced[47:].any()


def test_what_is_refused_is_named() -> None:
    test = PermutationTest(np.zeros(3), np.zeros((2, 3)))
    with pytest.raises(AnalysisError, match="dimensions: 2 of time in a statistic of 1"):
        cluster_test(test, 1.0, dimensions=2)
    with pytest.raises(AnalysisError, match="step: 0 is not above 0"):
        enhance(np.zeros(3), step=0)
