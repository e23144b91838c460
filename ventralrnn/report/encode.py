"""RDMs and their maps as a page holds them: one byte a pair, and positions that do not jump from step to step."""

import base64
from typing import Any

import numpy as np

from ventralrnn.analysis.rdm.container import count_stimuli, pair_indices

# The highest byte stands for a dissimilarity that does not exist.
MISSING = 255
_LEVELS = MISSING - 1


def quantise(values: np.ndarray) -> tuple[bytes, float, float]:
    """Write dissimilarities in 255 levels.

    Parameters
    ----------
    values : numpy.ndarray, (..., pair)
        Dissimilarities of all times of an area; NaN where there is none.

    Returns
    -------
    data : bytes
        One a value, C order: ``low + byte * (high - low) / 254`` is the value, to half a level; 255 is NaN.
    low, high : float
        The smallest and the largest dissimilarity; 0 and 1 if there is none.
    """
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    span = high - low or 1.0
    scaled = np.rint((np.nan_to_num(values, nan=low, posinf=low, neginf=low) - low) * (_LEVELS / span))
    levels = np.where(np.isfinite(values), scaled, MISSING).astype(np.uint8)
    return levels.tobytes(), low, low + span


def base64_of(data: bytes) -> str:
    """Return bytes as the text that a page holds."""
    return base64.b64encode(data).decode("ascii")


def locate(dissimilarity: np.ndarray) -> tuple[np.ndarray, float]:
    """Place stimuli in a plane by classical multidimensional scaling.

    Parameters
    ----------
    dissimilarity : numpy.ndarray, (pair,)
        Dissimilarities; pairs without one (NaN) are given the mean of the others.

    Returns
    -------
    positions : numpy.ndarray, (stimulus, 2)
        Centred; their distances approach the dissimilarities.
    share : float
        Of the summed positive eigenvalues, what the two dimensions hold; 0 if no stimuli differ.

    Notes
    -----
    Torgerson, Multidimensional scaling: I. Theory and method, Psychometrika 17 (1952): the leading eigenvectors of the
    doubly centred squared dissimilarities.
    """
    count = count_stimuli(dissimilarity.shape[-1])
    first, second = pair_indices(count)
    values = np.where(np.isfinite(dissimilarity), dissimilarity, np.nanmean(dissimilarity)).astype(np.float64)
    squares = np.zeros((count, count))
    squares[first, second] = squares[second, first] = values**2
    squares -= squares.mean(0)
    squares -= squares.mean(1, keepdims=True)
    lengths, directions = np.linalg.eigh(-0.5 * squares)
    kept = np.clip(lengths[::-1][:2], 0, None)
    positions = np.zeros((count, 2))
    positions[:, : len(kept)] = directions[:, ::-1][:, :2] * np.sqrt(kept)
    total = float(lengths[lengths > 0].sum())
    return positions, float(kept.sum()) / total if total > 0 else 0.0


def align(positions: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Turn and mirror positions so that they lie as near as can be to those of a reference.

    Parameters
    ----------
    positions, reference : numpy.ndarray, (stimulus, 2)
        Both centred.

    Returns
    -------
    numpy.ndarray, (stimulus, 2)
        The same positions, distances unchanged.

    Notes
    -----
    The orthogonal Procrustes problem: Schönemann, A generalized solution of the orthogonal Procrustes problem,
    Psychometrika 31 (1966).
    """
    left, _, right = np.linalg.svd(positions.T @ reference)
    turned: np.ndarray = positions @ (left @ right)
    return turned


def map_movie(frames: np.ndarray, reference: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Place the stimuli at every time, each time turned towards the one after it.

    Parameters
    ----------
    frames : numpy.ndarray, (time, pair)
        Dissimilarities; NaN throughout where the state does not exist.
    reference : numpy.ndarray, (stimulus, 2), optional
        What the last time is turned towards: another area's last, so that areas can be compared by eye.

    Returns
    -------
    positions : numpy.ndarray, (time, stimulus, 2)
        NaN where the state does not exist.
    shares : numpy.ndarray, (time,)
        What two dimensions hold, see :func:`locate`.
    """
    positions = np.full((len(frames), count_stimuli(frames.shape[-1]), 2), np.nan)
    shares = np.full(len(frames), np.nan)
    for time in reversed(range(len(frames))):
        if np.isnan(frames[time]).all():
            continue
        found, shares[time] = locate(frames[time])
        positions[time] = found if reference is None else align(found, reference)
        reference = positions[time]
    return positions, shares


def encode_positions(positions: np.ndarray) -> tuple[str, float]:
    """Write positions as 16-bit whole numbers.

    Parameters
    ----------
    positions : numpy.ndarray, (time, stimulus, 2)
        NaN where the state does not exist.

    Returns
    -------
    text : str
        Base64 of int16, little-endian, C order: 32767 is `extent`; 0 where the state does not exist.
    extent : float
        The largest coordinate, in units of the dissimilarity.
    """
    finite = np.nan_to_num(positions)
    extent = float(np.abs(finite).max(initial=0)) or 1.0
    return base64_of(np.rint(finite * (32767 / extent)).astype("<i2").tobytes()), extent


def plain(values: Any, digits: int = 5) -> Any:
    """Return numbers as JSON holds them: so many figures, None for what does not exist."""
    array = np.asarray(values, dtype=float)
    if array.ndim:
        return [plain(value, digits) for value in array]
    return float(f"{float(array):.{digits}g}") if np.isfinite(array) else None
