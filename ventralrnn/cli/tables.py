"""Tables and texts that fit the terminal; where nobody looks, in a pipe or a file, tables are as wide as they are."""

import shutil
import sys
import textwrap
from collections.abc import Collection, Sequence

_GAP = "  "
# No terminal is taken to be narrower or wider, in columns.
_NARROWEST, _WIDEST = 60, 200
# Of texts: longer lines are hard to read. Where nobody looks they are as on a terminal of usual width.
_LONGEST_LINE, _USUAL = 110, 80
# A column of words is not made narrower than this.
_FEWEST_LETTERS = 12


def table_width() -> int | None:
    """Return how wide a table may be: as the terminal, and without a bound where there is none."""
    if not sys.stdout.isatty():
        return None
    return min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)


def text_width() -> int:
    """Return how long the lines of a text may be."""
    return min(table_width() or _USUAL, _LONGEST_LINE)


def fill(text: str, first: str = "", rest: str = "", width: int | None = None) -> str:
    """Break a text into lines.

    Parameters
    ----------
    text : str
        One paragraph.
    first, rest : str
        Begin the first line, and every other.
    width : int, optional
        Of the lines; that of texts by default.

    Returns
    -------
    str
        Its lines.
    """
    return textwrap.fill(
        text,
        width or text_width(),
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )


def columns(rows: Sequence[Sequence[str]], left: Collection[int] = (0,), keys: int = 1, indent: int = 0) -> str:
    """Align columns, two spaces apart, so that they fit the terminal.

    What is too wide is broken: words of columns that hold words into several lines, and then the table itself into
    several, one below the other, each with the first columns.

    Parameters
    ----------
    rows : sequence of sequence of str
        The head first; all of the same length.
    left : collection of int
        Columns that hold words and begin at the left; all others hold numbers and end at the right.
    keys : int
        How many columns say what a row is: they are never broken, and begin every part of a table that is broken.
    indent : int
        Room to leave at the left, for those who indent it.

    Returns
    -------
    str
        A line a row, or several.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    most = table_width()
    if most is not None:
        most -= indent
        widths = _narrowed(widths, [i for i in left if i >= keys], most)
    parts = [range(len(widths))] if most is None else _parts(widths, keys, most)
    sides = ["<" if i in left else ">" for i in range(len(widths))]
    return "\n\n".join("\n".join(_row(row, part, widths, sides) for row in rows) for part in parts)


def without_least(rows: Sequence[Sequence[str]], order: Sequence[int]) -> list[list[str]]:
    """Leave columns out until a table fits the terminal.

    Parameters
    ----------
    rows : sequence of sequence of str
        The head first; all of the same length.
    order : sequence of int
        Columns that can be done without, those that tell least first.

    Returns
    -------
    list of list of str
        The rows with as many of their columns as fit.
    """
    most = table_width()
    kept = list(range(len(rows[0])))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for column in order:
        if most is None or sum(widths[i] for i in kept) + len(_GAP) * (len(kept) - 1) <= most:
            break
        kept.remove(column)
    return [[row[i] for i in kept] for row in rows]


def _narrowed(widths: Sequence[int], words: Sequence[int], most: int) -> list[int]:
    """Return the widths of columns, those of words made narrower, the widest first, until all fit or none can."""
    found = list(widths)
    while (over := sum(found) + len(_GAP) * (len(found) - 1) - most) > 0:
        wide = [i for i in words if found[i] > _FEWEST_LETTERS]
        if not wide:
            return list(widths)  # it is broken into parts anyway
        widest = max(wide, key=lambda i: found[i])
        next_ = max([found[i] for i in wide if found[i] < found[widest]], default=_FEWEST_LETTERS)
        found[widest] = max(found[widest] - over, min(next_, found[widest] - 1), _FEWEST_LETTERS)
    return found


def _parts(widths: Sequence[int], keys: int, most: int) -> list[Sequence[int]]:
    """Return the columns of the parts of a table, each of which fits."""
    first = list(range(keys))
    parts: list[list[int]] = [[]]
    for column in range(keys, len(widths)):
        taken = [*first, *parts[-1], column]
        if parts[-1] and sum(widths[i] + len(_GAP) for i in taken) - len(_GAP) > most:
            parts.append([])
        parts[-1].append(column)
    return [[*first, *part] for part in parts]


def _row(row: Sequence[str], part: Sequence[int], widths: Sequence[int], sides: Sequence[str]) -> str:
    """Return the lines of one row."""
    cells = [textwrap.wrap(row[i], widths[i]) if len(row[i]) > widths[i] else [row[i]] for i in part]
    lines = [[cell[n] if n < len(cell) else "" for cell in cells] for n in range(max(map(len, cells)))]
    return "\n".join(
        _GAP.join(f"{text:{sides[i]}{widths[i]}}" for i, text in zip(part, line, strict=True)).rstrip()
        for line in lines
    )
