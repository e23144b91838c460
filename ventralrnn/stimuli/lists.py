"""A CSV list of picture files as a set of stimuli."""

import csv
from collections.abc import Iterator
from pathlib import Path

from ventralrnn.errors import StimulusError
from ventralrnn.stimuli.files import FileStimuli

PATH_COLUMNS = ("path", "image_path", "filename", "stimulus_path")
ID_COLUMNS = ("stimulus_id",)
LABEL_COLUMNS = ("label", "object_name")
DEGREES_COLUMNS = ("degrees",)


def from_csv(file: str | Path, degrees: float | None = None, name: str | None = None) -> FileStimuli:
    """Take the pictures that a CSV file lists, in its order.

    Parameters
    ----------
    file : path-like
        UTF-8, with a header line. A column ``path``, ``image_path``, ``filename`` or ``stimulus_path`` names the
        pictures, relative to the CSV file; ``stimulus_id``, ``label`` (or ``object_name``) and ``degrees`` are
        optional.
    degrees : float, optional
        Visual angle that every picture's shorter side spans, in degrees, where the list has no such column.
    name : str, optional
        Name of the set; the file's name without its extension by default.

    Returns
    -------
    FileStimuli
        Without a ``stimulus_id`` column the paths, as written, are the ids.

    Raises
    ------
    StimulusError
        Names the line: a column or picture that is missing, an id that occurs twice, an angle that is no number.
    """
    file = Path(file)
    lines = list(_read(file))
    if not lines:
        raise StimulusError(f"{file}: the list is empty; give a header line and one line a picture")
    header = lines[0][1]
    path_column = _column(header, PATH_COLUMNS)
    if path_column is None:
        raise StimulusError(
            f"{file}, line {lines[0][0]}: no column of paths; name one of the columns {', '.join(PATH_COLUMNS)} "
            f"(found: {', '.join(header)})"
        )
    rows = lines[1:]
    for number, row in rows:
        if len(row) != len(header):
            raise StimulusError(f"{file}, line {number}: {len(row)} values for {len(header)} columns")
    if not rows:
        raise StimulusError(f"{file}: the list has a header and no pictures")
    paths = _values(file, rows, path_column, "a path")
    id_column, label_column = _column(header, ID_COLUMNS), _column(header, LABEL_COLUMNS)
    return FileStimuli(
        _existing(file, rows, paths),
        [Path(path).as_posix() for path in paths] if id_column is None else _values(file, rows, id_column, "an id"),
        labels=None if label_column is None else [row[label_column] for _, row in rows],
        degrees=_degrees(file, header, rows),
        name=name or file.stem,
        place=lambda index: f"line {rows[index][0]}",
    ).with_degrees(degrees)


def _read(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the stripped values of every line that is not blank."""
    try:
        # utf-8-sig: spreadsheets put a byte-order mark before the first column's name
        with open(file, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            for row in reader:
                if any(value.strip() for value in row):
                    yield reader.line_num, [value.strip() for value in row]
    except OSError as error:
        raise StimulusError(f"{file}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise StimulusError(f"{file}: not a CSV list in UTF-8 ({error})") from error


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _values(file: Path, rows: list[tuple[int, list[str]]], column: int, what: str) -> list[str]:
    for number, row in rows:
        if not row[column]:
            raise StimulusError(f"{file}, line {number}: {what} is missing")
    return [row[column] for _, row in rows]


def _existing(file: Path, rows: list[tuple[int, list[str]]], paths: list[str]) -> list[Path]:
    found = [file.parent / path for path in paths]
    missing = [index for index, path in enumerate(found) if not path.is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise StimulusError(
            f"{file}, line {rows[missing[0]][0]}: there is no file {found[missing[0]]}{more}; "
            "paths are relative to the list"
        )
    return found


def _degrees(file: Path, header: list[str], rows: list[tuple[int, list[str]]]) -> list[float] | None:
    column = _column(header, DEGREES_COLUMNS)
    if column is None or not any(row[column] for _, row in rows):
        return None
    degrees = []
    for number, row in rows:
        try:
            degrees.append(float(row[column]))
        except ValueError:
            raise StimulusError(
                f"{file}, line {number}: degrees is {row[column]!r}; give a visual angle for every picture, or for none"
            ) from None
    return degrees
