"""Model steps in milliseconds, and requested time bins filled from them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ventralrnn.errors import RecordingError

# A bin of which steps cover less than this is not covered.
MIN_COVERAGE = 0.5
_ROUNDING = 1e-9


def to_bins(time_bins: Any) -> np.ndarray:
    """Return time bins as benchmarks give them as numbers.

    Parameters
    ----------
    time_bins : sequence of (start, end)
        Pairs, arrays of pairs, or arrays without dimensions that hold a pair, as benchmarks with a single bin pass
        them; in ms after stimulus onset.

    Returns
    -------
    numpy.ndarray, (time_bin, 2)
        Start and end, in ms. A single bin that ends where it starts, as benchmarks of fMRI have it, is a measurement
        without time, see :func:`without_time`.

    Raises
    ------
    RecordingError
        If these are no bins, or one of several does not end after it starts.
    """
    pairs: list[list[float]] = []
    for time_bin in _items(time_bins):
        pair = time_bin.tolist() if isinstance(time_bin, np.ndarray) else time_bin
        try:
            start, end = (float(edge) for edge in pair)
        except (TypeError, ValueError):
            raise RecordingError(f"time bins: {time_bin!r} is no pair of start and end in ms") from None
        pairs.append([start, end])
    bins = np.array(pairs, dtype=float).reshape(-1, 2)
    if not len(bins):
        raise RecordingError("time bins: there are none; give pairs of start and end in ms, such as [(70, 170)]")
    wrong = bins[~(bins[:, 1] > bins[:, 0])]
    if len(wrong) and not without_time(bins):
        raise RecordingError(f"time bins: ({wrong[0][0]:g}, {wrong[0][1]:g}) does not end after it starts")
    return bins


def without_time(bins: np.ndarray) -> bool:
    """Return whether bins (time_bin, 2) stand for a measurement without time: one that ends where it starts."""
    return len(bins) == 1 and bool(bins[0, 0] == bins[0, 1])


def _items(time_bins: Any) -> list[Any]:
    if isinstance(time_bins, np.ndarray) and time_bins.ndim == 0:
        return [time_bins]
    items = list(time_bins)
    # One pair alone is one bin.
    return [items] if len(items) == 2 and all(np.isscalar(item) for item in items) else items


def step_bounds(times: Sequence[float] | np.ndarray, ms_per_step: float) -> np.ndarray:
    """Return when each step begins and ends.

    Parameters
    ----------
    times : sequence of float, (step,)
        When each state is reached, in ms, ascending.
    ms_per_step : float
        How long the last step lasts, in ms; each other lasts until the next.

    Returns
    -------
    numpy.ndarray, (step, 2)
        Start and end, in ms.
    """
    starts = np.asarray(times, dtype=float)
    if np.any(np.diff(starts) <= 0):
        raise RecordingError(f"steps do not follow each other in time: {', '.join(f'{t:g}' for t in starts)} ms")
    return np.stack([starts, np.append(starts[1:], starts[-1:] + ms_per_step)], 1)


def bin_weights(
    bounds: np.ndarray, bins: np.ndarray, min_coverage: float = MIN_COVERAGE
) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of each time bin comes from each step.

    A bin is the average of the steps that overlap with it, each weighted by the milliseconds that they share. At the
    edges, before the first response and after the last step, the average is over the part that steps cover, as long
    as that is `min_coverage` of the bin; else the bin is not covered. No step stands for time that it does not last.

    Parameters
    ----------
    bounds : numpy.ndarray, (step, 2)
        Start and end of each step, in ms.
    bins : numpy.ndarray, (time_bin, 2)
        Start and end of each bin, in ms.
    min_coverage : float
        Share of a bin that steps must cover, above 0 and up to 1.

    Returns
    -------
    weights : numpy.ndarray, (time_bin, step)
        They add up to 1; NaN for bins that are not covered.
    coverage : numpy.ndarray, (time_bin,)
        Share of each bin that steps cover.
    """
    starts = np.maximum(bins[:, None, 0], bounds[None, :, 0])
    ends = np.minimum(bins[:, None, 1], bounds[None, :, 1])
    overlap = np.clip(ends - starts, 0, None)
    total = overlap.sum(1)
    coverage = total / (bins[:, 1] - bins[:, 0])
    covered = (total > 0) & (coverage >= min_coverage - _ROUNDING)
    weights = np.full(overlap.shape, np.nan)
    weights[covered] = overlap[covered] / total[covered, None]
    return weights, coverage


def name_bins(bins: np.ndarray, most: int = 4) -> str:
    """Return bins in words, for messages."""
    named = [f"{start:g}-{end:g}" for start, end in bins[:most]]
    return ", ".join(named) + (f" and {len(bins) - most} more" if len(bins) > most else "") + " ms"
