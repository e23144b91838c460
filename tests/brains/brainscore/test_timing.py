"""Time bins against averages computed by hand, and what becomes of bins without a step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ventralrnn.brains.brainscore.timing import bin_weights, name_bins, step_bounds, to_bins
from ventralrnn.errors import RecordingError


def test_a_step_lasts_until_the_next_and_the_last_as_long_as_one_of_the_clock() -> None:
    assert step_bounds([80, 90, 110], 10).tolist() == [[80, 90], [90, 110], [110, 120]]
    with pytest.raises(RecordingError, match="do not follow each other"):
        step_bounds([80, 80], 10)


def test_bins_are_overlap_weighted_averages() -> None:
    bounds = step_bounds([80, 90, 110], 10)
    weights, coverage = bin_weights(bounds, np.array([[85.0, 100.0], [90, 110], [80, 120]]))
    np.testing.assert_allclose(weights, [[5 / 15, 10 / 15, 0], [0, 1, 0], [0.25, 0.5, 0.25]])
    np.testing.assert_allclose(coverage, 1)


def test_at_the_edges_the_covered_part_counts_where_it_is_enough() -> None:
    bounds = step_bounds([80, 90], 10)
    bins = np.array([[70.0, 90.0], [69.0, 90.0], [95, 105], [95, 106], [0, 10], [200, 210]])
    weights, coverage = bin_weights(bounds, bins)
    np.testing.assert_allclose(coverage, [10 / 20, 10 / 21, 0.5, 5 / 11, 0, 0])
    np.testing.assert_allclose(weights[[0, 2]], [[1, 0], [0, 1]])
    assert np.isnan(weights[[1, 3, 4, 5]]).all()
    assert np.isnan(bin_weights(bounds, bins, 1.0)[0]).all(), "all of a bin can be demanded"


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 100), st.integers(1, 60))
def test_weights_are_those_of_a_count_of_milliseconds(lengths: list[int], start: int, length: int) -> None:
    times = 50 + np.concatenate([[0], np.cumsum(lengths)])[:-1]
    weights, coverage = bin_weights(step_bounds(times, lengths[-1]), np.array([[start, start + length]]), 1e-9)
    which = np.repeat(np.arange(len(lengths)), lengths)
    inside = [which[t - 50] for t in range(start, start + length) if 0 <= t - 50 < len(which)]
    assert coverage[0] == pytest.approx(len(inside) / length)
    if inside:
        np.testing.assert_allclose(weights[0], np.bincount(inside, minlength=len(lengths)) / len(inside))
    else:
        assert np.isnan(weights).all()


def test_bins_as_benchmarks_give_them() -> None:
    single = np.empty((), dtype=object)
    single[()] = (70, 170)
    several = np.empty(2, dtype=object)
    several[:] = [(70, 80), (80, 90)]
    assert to_bins([single]).tolist() == to_bins(single).tolist() == to_bins((70, 170)).tolist() == [[70, 170]]
    assert to_bins(several).tolist() == to_bins(np.array([[70, 80], [80, 90]])).tolist() == [[70, 80], [80, 90]]
    for wrong in ([], [(70,)], [(80, 70)], [(70, np.nan)], ["ab"]):
        with pytest.raises(RecordingError, match="time bins"):
            to_bins(wrong)
    assert name_bins(np.arange(12.0).reshape(-1, 2)) == "0-1, 2-3, 4-5, 6-7 and 2 more ms"
