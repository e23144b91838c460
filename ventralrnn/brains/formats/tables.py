"""Small tables beside data: CSV files with a header, and lists."""

import csv
from pathlib import Path

import numpy as np

from ventralrnn.errors import DataError

#: Columns that name the stimulus of a row, the first that there is.
STIMULUS_COLUMNS = ("stimulus_id", "stimulus", "path", "image_path", "filename", "stimulus_path", "name", "id")


def read_table(file: Path) -> dict[str, list[str]]:
    """Read a CSV file with a header.

    Parameters
    ----------
    file : pathlib.Path
        UTF-8.

    Returns
    -------
    dict of str to list of str
        The columns.

    Raises
    ------
    DataError
        It cannot be read, has no rows, or a row has another number of values than the header; names the line.
    """
    try:
        with open(file, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            rows = [(reader.line_num, [c.strip() for c in row]) for row in reader if any(c.strip() for c in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: cannot be read as a CSV table ({error})") from error
    if len(rows) < 2:
        raise DataError(f"{file}: give a header line and one line for every row")
    header = rows[0][1]
    if twice := [name for name in header if header.count(name) > 1]:
        raise DataError(f"{file}: two columns are named {twice[0]!r}")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(f"{file}, line {line}: {len(row)} values for {len(header)} columns")
    return {name: [row[i] for _, row in rows[1:]] for i, name in enumerate(header)}


def stimulus_column(table: dict[str, list[str]]) -> str | None:
    """Return the name of the column that names stimuli, or None."""
    return next((name for name in STIMULUS_COLUMNS if name in table), None)


def read_list(file: Path) -> list[str]:
    """Return the names that a text file lists, one a line."""
    try:
        return [line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as a list of names ({error})") from error


def to_numbers(values: list[str]) -> np.ndarray | None:
    """Return a column as numbers, NaN where it is empty; None where something else stands in it."""
    try:
        return np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return None


def to_coordinate(values: list[str]) -> np.ndarray:
    """Return a column as numbers where it holds nothing else, as text otherwise."""
    numbers = to_numbers(values)
    return np.array(values) if numbers is None else numbers
