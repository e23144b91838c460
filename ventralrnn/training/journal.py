"""The log of a run: one row an epoch, kept in the state of the run and written as a table."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ventralrnn.files import whole


def write_metrics(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write one row an epoch to a CSV file, which appears only when it is whole.

    Parameters
    ----------
    rows : sequence of mapping
        Column -> value; all have the columns of the first.
    path : pathlib.Path
        The file.
    """
    with whole(path) as partial, open(partial, "w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


def read_metrics(path: str | Path) -> dict[str, list[float]]:
    """Read such a table.

    Returns
    -------
    dict of str to list of float
        Column -> value of every epoch.
    """
    with open(path, newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {name: [float(row[name]) for row in rows] for name in rows[0]} if rows else {}
