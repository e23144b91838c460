"""Progress bars: rate and time left where they are wanted, nothing where not."""

import re

import pytest

from ventralrnn.progress import progress_bar, showing, track

Captured = pytest.CaptureFixture[str]


def test_a_bar_has_rate_and_time_left(capsys: Captured) -> None:
    with progress_bar(True, 4, "stimuli", "recording", done=1) as advance:
        advance(1)
        advance(2)
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.rstrip().split("\r")[-1]
    assert re.fullmatch(r"recording: 100%\|.*\| 4/4 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+ stimuli/s\]", last), last


def test_bytes_are_scaled(capsys: Captured) -> None:
    with progress_bar(True, 3_000_000, "bytes") as advance:
        advance(3_000_000)
    assert "3.00M/3.00M" in capsys.readouterr().err


def test_no_bar_says_nothing(capsys: Captured) -> None:
    with progress_bar(False, 4, "stimuli") as advance:
        advance(4)
    assert list(track(range(3), 3, "samples")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_loops_that_lie_deep_are_shown_inside_showing_alone(capsys: Captured) -> None:
    with showing(True):
        assert list(track(range(3), 3, "samples", "bootstrap")) == [0, 1, 2]
    assert "bootstrap" in capsys.readouterr().err
    with pytest.raises(ValueError), showing(True):
        raise ValueError
    assert list(track("ab", 2, "samples")) == ["a", "b"]
    assert capsys.readouterr() == ("", "")
