"""Steps as people write them, and steps as milliseconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ventralrnn.errors import SpecificationError
from ventralrnn.graph import Clock, format_steps, parse_steps


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("3", (3,)),
        ("0:4", (0, 1, 2, 3)),
        ("5:", (5, 6, 7)),
        (":2", (0, 1)),
        (":", tuple(range(8))),
        ("6,1,4:6,4", (1, 4, 5, 6)),
        (" 1, 3 ", (1, 3)),
    ],
)
def test_steps_are_read_like_slices(text: str, steps: tuple[int, ...]) -> None:
    assert parse_steps(text, 8) == steps


@pytest.mark.parametrize("text", ["", "a", "1,,2", "1:2:3", "1.5", "1-3", "0x1"])
def test_other_text_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SpecificationError, match="write steps like 3, 0:8, 2: or 1,4:6"):
        parse_steps(text, 8)


@pytest.mark.parametrize("text", ["8", "-1", "0:9", "-2:3"])
def test_steps_outside_the_run_are_refused(text: str) -> None:
    with pytest.raises(SpecificationError, match=r"reach outside 0\.\.7"):
        parse_steps(text, 8)


def test_no_steps_are_refused() -> None:
    with pytest.raises(SpecificationError, match="select nothing: write FROM:TO .* steps 0 to 7"):
        parse_steps("4:4", 8)


@given(st.frozensets(st.integers(0, 30), min_size=1))
def test_what_is_written_reads_back(steps: frozenset[int]) -> None:
    assert parse_steps(format_steps(steps), 31) == tuple(sorted(steps))


@pytest.mark.parametrize(("steps", "text"), [((1, 2, 3), "1:4"), ((5, 0, 4), "0,4:6"), ((2,), "2"), ((), "")])
def test_steps_are_written_as_runs(steps: tuple[int, ...], text: str) -> None:
    assert format_steps(steps) == text


def test_a_first_response_comes_at_its_onset_and_later_ones_a_step_apart() -> None:
    clock = Clock(ms_per_step=12.5, onset_ms={"IT": 80.0})
    assert [clock.time_ms("IT", step, first_step=3) for step in (2, 3, 4, 7)] == [67.5, 80.0, 92.5, 130.0]


def test_an_area_without_onset_responds_a_step_s_time_after_every_step() -> None:
    assert Clock().time_ms("V1", 3, first_step=0) == 30.0
    assert Clock(20.0, {"IT": 80.0}).time_ms("V1", 3, first_step=2) == 60.0
    assert Clock(20.0, {"IT": 80.0}).time_ms("IT", 3, first_step=None) == 60.0


@pytest.mark.parametrize("ms", [0.0, -1.0, float("nan")])
def test_a_clock_runs_forwards(ms: float) -> None:
    with pytest.raises(SpecificationError, match="clock.ms_per_step is"):
        Clock(ms_per_step=ms)
