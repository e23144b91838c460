"""Tables on a terminal: columns that are as wide as what they hold."""

from collections.abc import Collection, Sequence


def columns(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Align columns, two spaces apart.

    Parameters
    ----------
    rows : sequence of sequence of str
        The head first; all of the same length.
    left : collection of int
        Columns that hold words and begin at the left; all others hold numbers and end at the right.

    Returns
    -------
    str
        A line a row.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ["<" if i in left else ">" for i in range(len(widths))]
    return "\n".join(
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in rows
    )
