"""What stands for the brain: the mean of the states that the benchmark's window covers."""

import numpy as np
import pytest

from tests.brains.benchmarks.common import state
from ventralrnn.brains.benchmarks.base import average
from ventralrnn.errors import AnalysisError


def test_steps_count_by_the_time_that_they_last_in_the_window() -> None:
    area = state("IT", first=1)
    # Steps last from 60, 70, 80, 90 and 100 ms for 10 ms; the first does not exist.
    mean, steps, weights, covered = average(area, (75, 92))
    assert steps == (1, 2, 3) and covered == (75.0, 92.0)
    np.testing.assert_allclose(weights, [5 / 17, 10 / 17, 2 / 17])
    expected = (5 * area.values[:, 1] + 10 * area.values[:, 2] + 2 * area.values[:, 3]) / 17
    np.testing.assert_allclose(mean.values[:, 0], expected, rtol=1e-5, atol=1e-6)
    assert mean.stimulus_id.values.tolist() == area.stimulus_id.values.tolist()


def test_what_no_step_covers_is_left_out_and_said() -> None:
    _, steps, weights, covered = average(state("IT", first=2), (0, 300))
    assert steps == (2, 3, 4) and covered == (80.0, 110.0)
    np.testing.assert_allclose(weights, [1 / 3] * 3)


@pytest.mark.parametrize("clockless", [False, True])
def test_without_a_window_or_a_clock_all_steps_count_alike(clockless: bool) -> None:
    area = state("IT", first=1)
    if clockless:
        area = area.drop_vars("time_ms")
    _, steps, weights, covered = average(area, (75, 92) if clockless else None)
    assert (steps, weights, covered) == ((1, 2, 3, 4), (0.25,) * 4, None)


def test_a_single_step_lasts() -> None:
    mean, steps, weights, covered = average(state("IT")[:, 2:3], (50, 150))
    assert (steps, weights, covered) == ((2,), (1.0,), (80.0, 150.0))
    np.testing.assert_array_equal(mean.values[:, 0], state("IT").values[:, 2])


def test_a_window_that_no_step_reaches_is_an_error() -> None:
    with pytest.raises(AnalysisError, match="IT: responds from 60 to 110 ms, and the data were taken from 200 to 300"):
        average(state("IT"), (200, 300))
    with pytest.raises(AnalysisError, match="reaches it at no step"):
        average(state("IT", first=5), None)
