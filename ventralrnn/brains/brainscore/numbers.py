"""What a score of Brain-Score says: the score, what it was before the ceiling, and how sure it is."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

_SAMPLES, _LEVEL = 1000, 0.95
_TOGETHER = 100
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Numbers:
    """A score in numbers, each with the shape of the score: a single one, or one a time bin.

    Parameters
    ----------
    score : numpy.ndarray
        1 at the ceiling.
    raw : numpy.ndarray
        Before it is held against the ceiling.
    low, high : numpy.ndarray
        Interval of `raw` over neuroids (95 %, percentiles of samples of neuroids); NaN where it is not made of such.
    error : numpy.ndarray
        Standard error of `raw` over splits.
    ceiling : numpy.ndarray
        NaN where there is none.
    """

    score: np.ndarray
    raw: np.ndarray
    low: np.ndarray
    high: np.ndarray
    error: np.ndarray
    ceiling: np.ndarray


NUMBERS = tuple(field.name for field in fields(Numbers))


def read_numbers(result: Any, seed: int = 0) -> Numbers:
    """Return what a score says.

    Parameters
    ----------
    result : Score
        What a benchmark returned.
    seed : int
        Of the samples of neuroids.
    """
    score = np.atleast_1d(np.asarray(result.values, dtype=float))
    raw = result.attrs.get("raw")
    error = result.attrs.get("error")
    if error is None:
        error = getattr(raw, "attrs", {}).get("error")
    low, high = _interval(raw, seed)
    parts = (raw, low, high, error, result.attrs.get("ceiling"))
    return Numbers(score, *(_numbers(part, score.shape) for part in parts))


def _numbers(values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return what belongs to each number of a score, NaN where there is nothing of the kind."""
    if values is None:
        return np.full(shape, np.nan)
    numbers = np.atleast_1d(np.asarray(getattr(values, "values", values), dtype=float))
    return numbers if numbers.shape == shape else np.full(shape, float(numbers) if numbers.size == 1 else np.nan)


def _interval(raw: Any, seed: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the interval of a median over neuroids (and mean over splits), (time_bin) or ()."""
    made_of = getattr(raw, "attrs", {}).get("raw")
    if made_of is None or "neuroid" not in getattr(made_of, "dims", ()):
        return None, None
    rest = [dim for dim in made_of.dims if dim not in ("split", "time_bin", "neuroid")]
    if rest:
        return None, None
    order = [dim for dim in ("time_bin", "split", "neuroid") if dim in made_of.dims]
    values = np.asarray(made_of.transpose(*order).values, dtype=float)
    if "split" not in order:
        values = values[..., None, :]
    if not _is_median(values, np.asarray(raw.values, dtype=float)):
        return None, None
    number = values.shape[-1]
    draw = np.random.default_rng(seed)
    samples = []
    for _ in range(0, _SAMPLES, _TOGETHER):
        drawn = values[..., draw.integers(number, size=(_TOGETHER, number))]
        samples.append(_median(drawn).mean(-2))
    tail = 100 * (1 - _LEVEL) / 2
    low, high = np.percentile(np.concatenate(samples, -1), [tail, 100 - tail], axis=-1)
    return low, high


def _is_median(values: np.ndarray, raw: np.ndarray) -> bool:
    found = _median(values).mean(-1)
    return found.shape == raw.shape and np.allclose(found, raw, atol=_ROUNDING, equal_nan=True)


def _median(values: np.ndarray) -> np.ndarray:
    if not np.isnan(values).any():
        return np.asarray(np.median(values, -1))
    there = ~np.isnan(values).all(-1)
    found = np.full(there.shape, np.nan)
    found[there] = np.nanmedian(values[there], -1)
    return found
