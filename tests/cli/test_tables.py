"""Tables and texts fit the terminal, and are whole where they are piped."""

import os
from collections.abc import Callable

import pytest

from ventralrnn.cli import tables
from ventralrnn.cli.tables import columns, fill, table_width, text_width, without_least

ROWS = [
    ("AREA", "WHAT IT IS", "ONE", "TWO", "THREE"),
    ("V1", "primary visual cortex, with lateral connections", "1", "20", "300"),
    ("IT", "inferotemporal cortex", "10", "2", "3"),
]
Terminal = Callable[[int], None]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a function that makes standard output a terminal of a width."""

    def make(width: int) -> None:
        monkeypatch.setattr(tables.sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(tables.shutil, "get_terminal_size", lambda: os.terminal_size((width, 24)))

    return make


def test_nothing_is_broken_where_nobody_looks() -> None:
    assert table_width() is None and text_width() == 80
    wide = [["x" * 300, "y" * 300]] * 2
    assert columns(wide, left=(0, 1)) == "\n".join(["x" * 300 + "  " + "y" * 300] * 2)
    assert columns(ROWS, left=(0, 1)).splitlines()[1] == (
        "V1    primary visual cortex, with lateral connections    1   20    300"
    )


@pytest.mark.parametrize(("columns_", "expected"), [(20, 60), (60, 60), (97, 97), (200, 200), (500, 200)])
def test_the_width_is_that_of_the_terminal_within_reason(terminal: Terminal, columns_: int, expected: int) -> None:
    terminal(columns_)
    assert table_width() == expected and text_width() == min(expected, 110)


def test_words_are_broken_first(terminal: Terminal) -> None:
    terminal(60)
    assert columns(ROWS, left=(0, 1)).splitlines() == [
        "AREA  WHAT IT IS                             ONE  TWO  THREE",
        "V1    primary visual cortex, with lateral      1   20    300",
        "      connections",
        "IT    inferotemporal cortex                   10    2      3",
    ]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_then_the_table_is_with_its_keys_in_every_part(terminal: Terminal, width: int) -> None:
    terminal(width)
    rows = [["STEP", "MS", *(f"AREA{i}" for i in range(40))]]
    rows += [[str(step), str(10 * step), *(str(100 * i + step) for i in range(40))] for step in range(3)]
    table = columns(rows, left=(), keys=2)
    assert max(map(len, table.splitlines())) <= width
    parts = [[line.split() for line in part.splitlines()] for part in table.split("\n\n")]
    assert all(part[0][:2] == ["STEP", "MS"] for part in parts) and len(parts) > 1
    joined = [[*rows[i][:2], *(cell for part in parts for cell in part[i][2:])] for i in range(4)]
    assert joined == rows  # nothing is lost, and all is in order


@pytest.mark.parametrize("indent", [0, 5])
def test_every_line_fits(terminal: Terminal, indent: int) -> None:
    rows = [["NAME", "A", "B", "NUMBER"], ["a-name", "some words " * 9, "others and more " * 5, "123456789"]]
    for width in range(60, 180):
        terminal(width)
        table = columns(rows, left=(0, 1, 2), indent=indent)
        assert max(map(len, table.splitlines())) <= width - indent
        words = table.replace("\n", " ").split()
        assert words.count("some") == 9 and words.count("others") == 5


def test_what_tells_least_is_left_out_first(terminal: Terminal) -> None:
    rows = [["A" * 30, "B" * 30, "C" * 30], ["1", "2", "3"]]
    assert without_least(rows, (1, 2)) == rows
    terminal(80)
    assert without_least(rows, (1, 2)) == [["A" * 30, "C" * 30], ["1", "3"]]
    terminal(60)
    assert without_least(rows, (1, 2)) == [["A" * 30], ["1"]]


def test_texts(terminal: Terminal) -> None:
    text = "word " * 50
    assert all(len(line) <= 80 for line in fill(text).splitlines())
    terminal(60)
    lines = fill(text, "- ", "  ").splitlines()
    assert lines[0].startswith("- word") and lines[1].startswith("  word") and 55 < max(map(len, lines)) <= 60
    assert fill("/a/path/" + "x" * 70 + "-y") == "/a/path/" + "x" * 70 + "-y"  # to be copied
