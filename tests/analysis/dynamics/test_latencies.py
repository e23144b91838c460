"""Latencies against courses whose landmarks are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.signal import peak_widths

from ventralrnn.analysis.dynamics import Threshold, find_latencies
from ventralrnn.analysis.dynamics.latencies import bootstrap_weights, default_threshold, interval
from ventralrnn.errors import AnalysisError

TAU, START = 30.0, 60.0
FINE = np.arange(-200.0, 600.0, 1.0)


def alpha(times: np.ndarray) -> np.ndarray:
    """Return an alpha function from 60 ms on, with its peak of 1 at 90 ms."""
    x = np.clip((times - START) / TAU, 0, None)
    return x * np.exp(1 - x)


def crossing(level: float, low: float, high: float) -> float:
    return brentq(lambda t: float(alpha(np.array(t))) - level, low, high)


def test_an_alpha_function() -> None:
    found = find_latencies(alpha(FINE), FINE, Threshold("fraction", 0.1))
    rise, fall = crossing(0.5, START, START + TAU), crossing(0.5, START + TAU, 500)
    # A parabola through times 1 ms apart is off by a sixth of the third over the second derivative: 1 / (3 tau).
    assert found["peak"] == pytest.approx(START + TAU + 1 / (3 * TAU), abs=1e-4)
    # A straight line between times 1 ms apart misses the curve by its curvature / 8.
    assert found["onset"] == pytest.approx(crossing(0.1, START, 90), abs=0.02)
    assert found["half_maximum"] == pytest.approx(rise, abs=0.02)
    assert found["duration"] == pytest.approx(fall - rise, abs=0.02)
    above = crossing(0.1, START + TAU, 500) - crossing(0.1, START, 90)
    assert found["time_above"] == pytest.approx(above, abs=0.02)
    assert found["strength"] == pytest.approx(1) and not found["peak_at_end"] and not found["onset_at_start"]


def test_width_is_that_of_scipy() -> None:
    times = np.arange(40.0)
    course = np.exp(-0.5 * ((times - 17.3) / 4.1) ** 2)
    width = peak_widths(
        course, [17], rel_height=0.5, prominence_data=(np.array([course.max()]), np.array([0]), np.array([39]))
    )
    assert find_latencies(course, times)["duration"] == pytest.approx(width[0][0], rel=1e-12)


def test_interpolation_is_exact_on_straight_lines() -> None:
    times = np.array([0.0, 10, 25, 30, 50, 60])
    found = find_latencies(np.array([0.0, 1, 4, 3, 1, 0]), times, Threshold("fraction", 0.5))
    assert found["onset"] == found["half_maximum"] == pytest.approx(15)
    assert found["duration"] == found["time_above"] == pytest.approx(40 - 15)


def test_the_peak_of_a_parabola_lies_between_times() -> None:
    times = np.array([0.0, 7, 10, 18, 20])
    assert find_latencies(50 - (times - 12.3) ** 2 + 200, times)["peak"] == pytest.approx(12.3)


def test_a_response_that_rises_to_the_end_has_no_peak() -> None:
    found = find_latencies(np.arange(1.0, 9), np.arange(8.0))
    assert found["peak_at_end"] and np.isnan(found["peak"]) and np.isnan(found["duration"])
    assert found["onset_at_start"] and found["onset"] == 0 and found["half_maximum"] == 3 and found["strength"] == 8


def test_a_response_that_stays_has_its_peak_where_it_first_is_that_high() -> None:
    noise = 1 + 1e-8 * np.random.default_rng(0).standard_normal(8)
    found = find_latencies(noise, 50 + 10.0 * np.arange(8))
    assert found["peak"] == found["onset"] == 50 and found["onset_at_start"] and np.isnan(found["duration"])


def test_no_response_and_no_state() -> None:
    courses = np.array([np.zeros(5), np.full(5, np.nan), [-3.0, -2, -1, -2, -3]])
    found = find_latencies(courses, np.arange(5.0))
    for name in ("onset", "half_maximum", "peak", "duration"):
        assert np.isnan(found[name]).all(), name
    np.testing.assert_array_equal(found["time_above"], [0, np.nan, 0])
    np.testing.assert_array_equal(found["strength"], [0, np.nan, -1])
    assert not found["peak_at_end"].any() and not found["onset_at_start"].any()


def test_above_the_baseline() -> None:
    rng = np.random.default_rng(1)
    course = 5 + rng.standard_normal(len(FINE)) + 40 * alpha(FINE)
    found = find_latencies(course, FINE)
    before = course[FINE < 0]
    level = before.mean() + 3 * before.std(ddof=1)
    holds = (course[:-1] > level) & (course[1:] > level) & (FINE[:-1] >= 0)
    first = int(np.flatnonzero(holds)[0])
    share = (level - course[first - 1]) / (course[first] - course[first - 1])
    assert found["onset"] == pytest.approx(FINE[first - 1] + share)
    assert START < found["onset"] < START + 10
    assert found["strength"] == pytest.approx(course[FINE >= 0].max() - before.mean())


def test_a_single_time_above_is_no_onset_if_two_are_asked_for() -> None:
    times = np.arange(-6.0, 8)
    course = np.array([0.0, 1, 0, 1, 0, 1, 0, 9, 0, 0, 9, 9, 9, 0])
    assert find_latencies(course, times, Threshold("baseline", 3, 1))["onset"] < 1
    assert 3 < find_latencies(course, times, Threshold("baseline", 3, 2))["onset"] < 4
    assert np.isnan(find_latencies(course, times, Threshold("baseline", 3, 4))["onset"])
    # Before the stimulus there is no response.
    assert find_latencies(course[::-1], times, Threshold("baseline", 0.1))["onset"] >= 0


def test_many_courses_at_once_are_each_alone() -> None:
    courses = np.random.default_rng(2).standard_normal((3, 4, 30)).cumsum(-1)
    times = np.arange(-10.0, 20)
    together = find_latencies(courses, times)
    for index in np.ndindex(3, 4):
        for name, value in find_latencies(courses[index], times).items():
            np.testing.assert_array_equal(together[name][index], value)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.floats(0.01, 1e4), st.floats(-500, 500), st.floats(0.1, 10))
def test_scale_of_response_and_time(seed: int, gain: float, shift: float, stretch: float) -> None:
    rng = np.random.default_rng(seed)
    course, times = np.abs(rng.standard_normal(12)).cumsum() * rng.random(12), np.arange(12.0)
    plain = find_latencies(course, times)
    louder = find_latencies(gain * course, times)
    slower = find_latencies(course, stretch * times)
    raised = find_latencies(np.r_[np.zeros(6), course] + shift, np.arange(-6.0, 12), Threshold("fraction", 0.1))
    zero = find_latencies(np.r_[np.zeros(6), course], np.arange(-6.0, 12), Threshold("fraction", 0.1))
    for name in ("onset", "half_maximum", "peak", "duration", "time_above"):
        np.testing.assert_allclose(louder[name], plain[name], rtol=1e-9)
        np.testing.assert_allclose(slower[name], stretch * plain[name], rtol=1e-9)
        np.testing.assert_allclose(raised[name], zero[name], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(louder["strength"], gain * plain["strength"], rtol=1e-12)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    times = np.arange(0.0, 200, 5)
    onsets = 60 + 15 * rng.standard_normal((200, 40))
    courses = np.clip((times - onsets[..., None]) / 50, 0, 1) + 0.2 * rng.standard_normal((200, 40, len(times)))
    many = np.clip((times - (60 + 15 * rng.standard_normal((20000, 1)))) / 50, 0, 1).mean(0)
    truth = float(find_latencies(many, times)["half_maximum"])
    held = 0
    for sample in courses:
        weighed = bootstrap_weights(40, 300) @ sample
        # The maximum of a noisy course is above the true one: half of the known maximum is what is estimated.
        capped = np.minimum(weighed, 1)
        low, high = interval(find_latencies(capped, times)["half_maximum"][1:])
        held += bool(low <= truth <= high)
    assert 0.88 <= held / 200 <= 0.99


def test_an_interval_may_reach_beyond_the_recording() -> None:
    low, high = interval(np.array([[1.0, 1], [2, 2], [3, np.nan], [4, np.nan]]), 0.5)
    np.testing.assert_allclose(low, [1.75, 1.75])
    np.testing.assert_allclose(high, [3.25, np.nan])


def test_weights() -> None:
    weights = bootstrap_weights(7, 5, seed=4)
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_allclose(weights[0], 1 / 7)
    np.testing.assert_array_equal(weights, bootstrap_weights(7, 5, seed=4))
    assert (weights[1:] != bootstrap_weights(7, 5, seed=5)[1:]).any()


def test_thresholds_are_written_as_they_are_read() -> None:
    assert Threshold.parse("baseline:2.5:3") == Threshold("baseline", 2.5, 3)
    assert Threshold.parse("fraction:0.2") == Threshold("fraction", 0.2)
    assert Threshold.parse(str(Threshold("baseline", 3, 2))) == Threshold("baseline", 3, 2)
    assert default_threshold(FINE).rule == "baseline" and default_threshold(FINE[FINE > -5]).rule == "fraction"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fraction", "write baseline:3"),
        ("fraction:x", "write baseline:3"),
        ("mean:3", "rule 'mean' is unknown"),
        ("fraction:2", "lies between 0 and 1"),
        ("baseline:-1", "makes no sense"),
        ("baseline:3:0", "at least one time"),
        ("baseline:3:2:1", "write baseline:3"),
    ],
)
def test_other_thresholds_are_refused(text: str, message: str) -> None:
    with pytest.raises(AnalysisError, match=f"threshold: .*{message}"):
        Threshold.parse(text)


def test_what_is_refused_is_named() -> None:
    with pytest.raises(AnalysisError, match="threshold: baseline:3:2 needs times before the stimulus"):
        find_latencies(np.ones(4), np.arange(4.0), Threshold("baseline", 3, 2))
    with pytest.raises(AnalysisError, match="times: give 4 times that ascend"):
        find_latencies(np.ones(4), np.array([0, 2, 1, 3]))
    with pytest.raises(AnalysisError, match="times: all lie before"):
        find_latencies(np.ones(4), np.arange(-4.0, 0))
    with pytest.raises(AnalysisError, match="confidence"):
        interval(np.ones(4), 95)
