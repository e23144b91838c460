"""Dissimilarity matrices out of one file of any common kind, checked."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ventralrnn.analysis.rdm.container import pair_indices
from ventralrnn.brains.formats.matlab import read_matlab
from ventralrnn.brains.formats.numpy import read_numpy
from ventralrnn.errors import AnalysisError

SUFFIXES = (".npy", ".npz", ".csv", ".mat")
# Relative to the largest value: what float32 and printed decimals leave of equal numbers.
_ROUNDING = 1e-5


class Matrices(NamedTuple):
    """Upper triangles, (..., pair), and the names of the stimuli where the file states them."""

    values: np.ndarray
    stimuli: list[str] | None


def read_matrices(file: Path, variable: str | None = None) -> Matrices:
    """Read RDMs from a file, square or as upper triangles.

    Parameters
    ----------
    file : pathlib.Path
        ``.npy``, ``.npz``, ``.csv``, or ``.mat`` (any version; also struct arrays with a field ``RDM``, as the MATLAB
        RSA toolbox writes them). Nothing is unpickled.
    variable : str, optional
        Which variable of an ``.npz`` or ``.mat`` file, where it holds several.

    Returns
    -------
    Matrices
        Upper triangles, row by row, any dimensions before the pairs.

    Raises
    ------
    AnalysisError
        If the file cannot be read or holds no RDMs; the message names it.
    """
    stimuli = None
    match file.suffix.lower():
        case ".npy":
            values = read_numpy(file)
        case ".npz":
            values = _choose(read_numpy(file), variable, file)
        case ".csv":
            values, stimuli = _read_csv(file)
        case ".mat":
            values = _from_matlab(_choose(read_matlab(file), variable, file))
        case suffix:
            raise AnalysisError(f"{file}: {suffix or 'a file without an ending'} is none of {', '.join(SUFFIXES)}, .nc")
    return Matrices(condense(values, file), stimuli)


def condense(values: np.ndarray, file: Path) -> np.ndarray:
    """Return upper triangles of RDMs that are square or upper triangles already, checked.

    Parameters
    ----------
    values : numpy.ndarray, (..., stimulus, stimulus) or (..., pair)
        RDMs. NaN throughout for a state that does not exist; the diagonal may be NaN.
    file : pathlib.Path
        Where they are from, for messages.

    Returns
    -------
    numpy.ndarray of float32 or float64, (..., pair)
        Row by row, as :func:`scipy.spatial.distance.squareform` orders them.

    Raises
    ------
    AnalysisError
        If they are no numbers, not symmetric, not zero on the diagonal, partly NaN, all NaN or infinite.
    """
    if values.dtype.kind not in "fiub" or not values.ndim:
        raise AnalysisError(f"{file}: holds {values.dtype} of shape {values.shape}, not RDMs")
    values = values.astype(np.promote_types(values.dtype, np.float32), copy=False)
    if values.ndim >= 2 and values.shape[-1] == values.shape[-2]:
        triangles = _upper(values, file)
    elif _is_triangle(values.shape[-1]):
        triangles = values
    else:
        raise AnalysisError(
            f"{file}: shape {values.shape} is neither square matrices (..., stimulus, stimulus) nor upper triangles "
            "(..., pair)"
        )
    _check_values(triangles, file)
    return triangles


def _upper(square: np.ndarray, file: Path) -> np.ndarray:
    count = square.shape[-1]
    if count < 2:
        raise AnalysisError(f"{file}: RDMs of {count} stimulus have no pairs")
    first, second = pair_indices(count)
    upper, lower = square[..., first, second], square[..., second, first]
    scale = np.nanmax(np.abs(np.append(upper[np.isfinite(upper)], 0.0)))
    different = ~np.isclose(upper, lower, rtol=0, atol=_ROUNDING * scale, equal_nan=True)
    if different.any():
        where = int(np.flatnonzero(different.reshape(-1, len(first)).any(0))[0])
        raise AnalysisError(
            f"{file}: not symmetric, for example rows {first[where] + 1} and {second[where] + 1}; give whole RDMs, or "
            "upper triangles as vectors"
        )
    diagonal = np.diagonal(square, axis1=-2, axis2=-1)
    if np.nanmax(np.append(np.abs(diagonal), 0.0)) > _ROUNDING * scale:
        worst = diagonal.flat[int(np.nanargmax(np.abs(diagonal)))]
        raise AnalysisError(
            f"{file}: {worst:g} on the diagonal, where a stimulus has no distance from itself; where these are "
            "similarities, give 1 - r"
        )
    return upper


def _check_values(triangles: np.ndarray, file: Path) -> None:
    missing = np.isnan(triangles)
    if missing.all():
        raise AnalysisError(f"{file}: holds nothing but NaN")
    if (missing.any(-1) & ~missing.all(-1)).any():
        raise AnalysisError(f"{file}: NaN for some pairs of stimuli; leave these stimuli out")
    if np.isinf(triangles).any():
        raise AnalysisError(f"{file}: holds infinity; leave these stimuli out")


def _is_triangle(pairs: int) -> bool:
    count = round((1 + (1 + 8 * pairs) ** 0.5) / 2)
    return pairs > 0 and count * (count - 1) // 2 == pairs


def _choose(variables: Mapping[str, Any], variable: str | None, file: Path) -> Any:
    if variable is not None:
        if variable not in variables:
            raise AnalysisError(f"variable: {file} has no {variable!r}; it has {', '.join(variables) or 'none'}")
        return variables[variable]
    candidates = [name for name, value in variables.items() if _may_be_rdms(value)]
    if len(candidates) != 1:
        what = f"several ({', '.join(candidates)}): name one with variable=" if candidates else "none"
        raise AnalysisError(f"{file}: one variable of RDMs is wanted, and it holds {what}")
    return variables[candidates[0]]


def _may_be_rdms(value: np.ndarray) -> bool:
    if value.dtype.names:
        return "RDM" in value.dtype.names
    if value.dtype.kind not in "fiub" or value.size < 2:
        return False
    square = value.ndim >= 2 and (value.shape[-1] == value.shape[-2] or value.shape[0] == value.shape[1])
    return square or _is_triangle(value.shape[-1]) or (value.ndim == 2 and _is_triangle(value.size))


def _from_matlab(value: np.ndarray) -> np.ndarray:
    """Undo what MATLAB does to shapes: vectors are rows or columns, and the subject comes last."""
    if value.dtype.names:
        matrices = [np.squeeze(matrix) for matrix in value["RDM"].ravel()]
        stacked = np.stack(matrices) if len({m.shape for m in matrices}) == 1 else np.array([])
        return stacked.reshape(*(size for size in value.shape if size > 1), *stacked.shape[1:])
    if value.ndim == 2 and 1 in value.shape:
        return value.ravel()
    if value.ndim == 3 and value.shape[0] == value.shape[1] != value.shape[2]:
        return np.moveaxis(value, 2, 0)
    return value


def _read_csv(file: Path) -> tuple[np.ndarray, list[str] | None]:
    """Read a table of numbers, with names of the stimuli in its first row, its first column, both or neither."""
    try:
        with open(file, newline="", encoding="utf-8-sig") as stream:
            rows = [row for row in csv.reader(stream) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnalysisError(f"{file}: cannot be read ({error})") from error
    names = None
    if rows and _has_head(rows):
        names, rows = [cell.strip() for cell in rows[0]], rows[1:]
    if rows and len(rows[0]) > 1 and _has_labels(rows, names):
        first = [row[0].strip() for row in rows]
        rows = [row[1:] for row in rows]
        names = first if names is None else names[-len(rows[0]) :]
    if len({len(row) for row in rows}) != 1:
        raise AnalysisError(f"{file}: no table of numbers: rows differ in length, or there are none")
    try:
        values = np.array([[float(cell) if cell.strip() else np.nan for cell in row] for row in rows])
    except ValueError as error:
        raise AnalysisError(f"{file}: no table of numbers ({error})") from error
    if 1 in values.shape:
        return values.ravel(), None
    return values, names if names is not None and len(names) == len(values) else None


def _has_head(rows: list[list[str]]) -> bool:
    if not all(_is_number(cell) for cell in rows[0][1:] or rows[0]):
        return True
    # Names that are numbers: an empty corner tells them from a diagonal that is left empty, which goes on.
    return len(rows) > 1 and len(rows[1]) > 1 and not rows[0][0].strip() and bool(rows[1][1].strip())


def _has_labels(rows: list[list[str]], head: list[str] | None) -> bool:
    if not all(_is_number(row[0]) for row in rows):
        return True
    return head is not None and head[0] == "" and len(rows[0]) == len(rows) + 1


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell.strip()
    return True
