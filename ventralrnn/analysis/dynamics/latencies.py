"""When a response begins, peaks and ends: latencies of time courses, and their bootstrap intervals."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ventralrnn.errors import AnalysisError

# Values that are equal but for rounding are one plateau, whose first time counts.
_ROUNDING = 1e-6
# Below so many times before the stimulus their standard deviation says too little.
_LEAST_BASELINE = 5


@dataclass(frozen=True)
class Threshold:
    """What a response must exceed to have begun.

    Parameters
    ----------
    rule : {'baseline', 'fraction'}
        ``'baseline'``: mean plus `value` standard deviations of the course before the stimulus (times below 0 ms), for
        neural data. ``'fraction'``: `value` times the way from the baseline (0 where there is none) to the largest
        value, for models, which have no noise before the stimulus.
    value : float
        Number of standard deviations, or fraction of the maximum.
    consecutive : int
        Times in a row that must exceed it; the first of them counts.

    Raises
    ------
    AnalysisError
        If a number makes no sense.
    """

    rule: Literal["baseline", "fraction"]
    value: float
    consecutive: int = 1

    def __post_init__(self) -> None:
        if self.rule not in ("baseline", "fraction"):
            raise AnalysisError(f"threshold: rule {self.rule!r} is unknown: baseline or fraction")
        if not self.value >= 0 or self.rule == "fraction" and not 0 < self.value < 1:
            raise AnalysisError(f"threshold: {self} makes no sense: a fraction lies between 0 and 1")
        if self.consecutive < 1:
            raise AnalysisError(f"threshold: consecutive is {self.consecutive}: at least one time must exceed it")

    def __str__(self) -> str:
        """Write the threshold as it is parsed: ``baseline:3:2``."""
        return f"{self.rule}:{self.value:g}:{self.consecutive}"

    @classmethod
    def parse(cls, text: str) -> "Threshold":
        """Read ``'baseline:3'``, ``'baseline:3:2'`` or ``'fraction:0.1'``.

        Raises
        ------
        AnalysisError
            If the text is not of that form.
        """
        rule, *numbers = text.split(":")
        try:
            value, *rest = numbers
            return cls(rule, float(value), *map(int, rest))  # type: ignore[arg-type]
        except (ValueError, TypeError) as error:
            if isinstance(error, AnalysisError):
                raise
            raise AnalysisError(f"threshold: {text!r}: write baseline:3, baseline:3:2 or fraction:0.1") from None


# Three standard deviations, twice in a row: a single time exceeds them by chance in one of 741.
BASELINE = Threshold("baseline", 3.0, 2)
FRACTION = Threshold("fraction", 0.1)


def default_threshold(times: np.ndarray) -> Threshold:
    """Return the threshold that suits a recording: baseline where it begins before the stimulus, else fraction.

    Parameters
    ----------
    times : numpy.ndarray, (time,)
        Times with a state, in ms after stimulus onset or in steps.

    Returns
    -------
    Threshold
        Baseline if at least five times lie before 0.
    """
    return BASELINE if (np.asarray(times) < 0).sum() >= _LEAST_BASELINE else FRACTION


def find_latencies(courses: np.ndarray, times: np.ndarray, threshold: Threshold | None = None) -> dict[str, np.ndarray]:
    """Return when responses begin, peak and end, and how strong they are.

    Parameters
    ----------
    courses : numpy.ndarray, (..., time)
        Time courses of responses. NaN throughout is no response.
    times : numpy.ndarray, (time,)
        Ascending; ms after stimulus onset, or steps. Those below 0 are the baseline, and nothing before 0 is a
        response.
    threshold : Threshold, optional
        :func:`default_threshold` by default.

    Returns
    -------
    dict of str to numpy.ndarray, (...)
        ``onset``: first time above the threshold, linearly interpolated between the last time below it and the first
        above. Where no time below it comes before, the first time itself, and ``onset_at_start`` is True: the response
        began then (a model's first state) or earlier. NaN if the threshold is never exceeded.

        ``half_maximum``: first time above half of the way from baseline to maximum, likewise.

        ``peak``: time of the maximum, refined by the parabola through it and its neighbours. NaN if the maximum is the
        last time, and then ``peak_at_end`` is True: the response may rise on after the recording, which then holds
        no peak.

        ``duration``: full width at half maximum, from ``half_maximum`` to the first return below it after the peak;
        NaN if it does not return within the recording. ``time_above``: time above the threshold of the onset within
        the recording, interpolated.

        ``strength``: maximum above baseline (as it was recorded, without interpolation).

    Raises
    ------
    AnalysisError
        If times do not ascend, or the threshold needs a baseline and fewer than two times lie before 0.

    Notes
    -----
    A fraction of the maximum depends on how long is recorded as long as the response rises: ``peak_at_end`` tells.
    Responses below the baseline (suppression) are no onset.
    """
    times = np.asarray(times, float)
    values = np.asarray(courses)
    marks = landmarks(values, times, threshold or default_threshold(times))
    part, when = values[..., marks.after :], times[marks.after :]
    returns = _falls(part, when, marks.half, marks.index)
    found = {
        "onset": marks.onset,
        "half_maximum": marks.middle,
        "peak": marks.peak,
        "duration": np.where(marks.responds, returns - marks.middle, np.nan),
        "time_above": np.where(marks.there, _time_above(part, when, marks.level), np.nan),
        "strength": np.where(marks.there, marks.height, np.nan),
    }
    at_end = marks.responds & (marks.index == len(when) - 1)
    return {**found, "onset_at_start": marks.at_start & marks.responds, "peak_at_end": at_end}


@dataclass(frozen=True)
class Landmarks:
    """Where courses (..., time) cross their thresholds and are highest; arrays (...) as of :func:`find_latencies`.

    Parameters
    ----------
    after : int
        Number of times before the stimulus.
    onset, middle, peak : numpy.ndarray
        Times; NaN where there is none.
    index : numpy.ndarray of int
        Position of the maximum among the times from 0 on.
    level, half, height : numpy.ndarray
        Threshold of the onset, half maximum, and maximum above the baseline.
    there, responds, at_start : numpy.ndarray of bool
        Whether there is a course, whether it rises above its baseline, and whether its onset has nothing before it.
    """

    after: int
    onset: np.ndarray
    middle: np.ndarray
    peak: np.ndarray
    index: np.ndarray
    level: np.ndarray
    half: np.ndarray
    height: np.ndarray
    there: np.ndarray
    responds: np.ndarray
    at_start: np.ndarray


def landmarks(values: np.ndarray, times: np.ndarray, threshold: Threshold) -> Landmarks:
    """Return onsets, half maxima and peaks of courses; arguments as of :func:`find_latencies`."""
    if values.shape[-1:] != times.shape or (np.diff(times) <= 0).any():
        raise AnalysisError(f"times: give {values.shape[-1]} times that ascend, not {times.shape} of them")
    after = int((times < 0).sum())
    if threshold.rule == "baseline" and after < 2:
        raise AnalysisError(
            f"threshold: {threshold} needs times before the stimulus (below 0 ms), and the recording has {after}: "
            "use fraction:0.1"
        )
    if after == len(times):
        raise AnalysisError("times: all lie before the stimulus, at 0 ms")
    floor = values[..., :after].mean(-1) if after else np.zeros(values.shape[:-1], values.dtype)
    part = values[..., after:]
    there = np.isfinite(part).all(-1) & np.isfinite(floor)
    safe = np.where(there[..., None], part, 0)
    highest = safe.max(-1)
    tolerance = _ROUNDING * np.abs(highest)
    index = (safe >= (highest - tolerance)[..., None]).argmax(-1)
    responds = there & (highest > floor + tolerance)
    if threshold.rule == "baseline":
        level = floor + threshold.value * values[..., :after].std(-1, ddof=1)
    else:
        level = floor + threshold.value * (highest - floor)
    half = floor + (highest - floor) / 2
    onset, at_start = _rises(values, times, after, level, threshold.consecutive)
    middle, _ = _rises(values, times, after, half, 1)
    peak = np.where(index == part.shape[-1] - 1, np.nan, _vertex(safe, times[after:], index))
    onset, middle, peak = (np.where(responds, value, np.nan) for value in (onset, middle, peak))
    return Landmarks(after, onset, middle, peak, index, level, half, highest - floor, there, responds, at_start)


def _take(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, index[..., None], -1)[..., 0]


def _rises(
    values: np.ndarray, times: np.ndarray, after: int, level: np.ndarray, consecutive: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return when courses first exceed a level, not before 0, and whether nothing before told when they did."""
    above = values > level[..., None]
    holds = above.copy()
    for shift in range(1, consecutive):
        holds[..., :-shift] &= above[..., shift:]
        holds[..., -shift:] = False
    holds[..., :after] = False
    first = holds.argmax(-1)
    before = np.maximum(first - 1, 0)
    low, high = _take(values, before), _take(values, first)
    known = (first > 0) & (low <= level)
    with np.errstate(invalid="ignore", divide="ignore"):
        way = np.where(known, (level - low) / (high - low), 1.0)
    when = times[before] + way * (times[first] - times[before])
    if after:
        when = np.maximum(when, 0)
    crosses = holds.any(-1)
    return np.where(crosses, np.where(first == 0, times[0], when), np.nan), crosses & ~known


def _falls(values: np.ndarray, times: np.ndarray, level: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Return when courses first fall below a level after their peak; NaN if they do not."""
    below = (values < level[..., None]) & (np.arange(len(times)) > peak[..., None])
    first = below.argmax(-1)
    before = np.maximum(first - 1, 0)
    low, high = _take(values, first), _take(values, before)
    with np.errstate(invalid="ignore", divide="ignore"):
        way = np.where(below.any(-1), (high - level) / (high - low), 0.0)
    return np.where(below.any(-1), times[before] + way * (times[first] - times[before]), np.nan)


def _vertex(values: np.ndarray, times: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Return the time of the highest point of the parabola through each maximum and its neighbours."""
    if len(times) < 3:
        return times[peak]
    middle = np.clip(peak, 1, len(times) - 2)
    a, b, c = (_take(values, middle + shift).astype(float) for shift in (-1, 0, 1))
    left, right = times[middle] - times[middle - 1], times[middle + 1] - times[middle]
    rise, fall = (b - a) / left, (c - b) / right
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = (left * fall + right * rise) / (2 * (rise - fall))
    inside = (peak == middle) & (rise > 0) & (fall < 0)
    return np.where(inside, times[middle] + shift, times[peak])


def _time_above(values: np.ndarray, times: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return how long courses, linear between times, lie above a level."""
    excess = values - level[..., None]
    low = np.minimum(excess[..., :-1], excess[..., 1:])
    high = np.maximum(excess[..., :-1], excess[..., 1:])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(low >= 0, 1.0, np.where(high <= 0, 0.0, high / (high - low)))
    # Two times at the level itself are not above it.
    return (np.where(high > 0, share, 0.0) * np.diff(times)).sum(-1)


def bootstrap_weights(stimuli: int, samples: int, seed: int = 0) -> np.ndarray:
    """Return the weights with which resampled stimuli enter a mean.

    Parameters
    ----------
    stimuli, samples : int
        Number of stimuli, and of bootstrap samples.
    seed : int
        Of the random numbers.

    Returns
    -------
    numpy.ndarray, (samples + 1, stimuli)
        The first row weighs all stimuli alike; every row sums to 1.
    """
    counts = np.random.default_rng(seed).multinomial(stimuli, np.full(stimuli, 1 / stimuli), samples)
    return np.concatenate([np.ones((1, stimuli)), counts]) / stimuli


def interval(samples: np.ndarray, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the percentile interval of bootstrap samples, some of which may lie beyond the recording.

    Parameters
    ----------
    samples : numpy.ndarray, (sample, ...)
        Latencies. NaN is one that does not lie within the recording, and is taken as later than any that does.
    confidence : float
        Share of the samples that the interval holds.

    Returns
    -------
    tuple of numpy.ndarray, (...)
        Its ends. An end that lies beyond the recording is NaN.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    if not 0 < confidence < 1:
        raise AnalysisError(f"confidence: {confidence} does not lie between 0 and 1")
    ordered = np.sort(samples, axis=0)  # NaN comes last
    ends = []
    for share in ((1 - confidence) / 2, (1 + confidence) / 2):
        place = share * (len(ordered) - 1)
        low, high = ordered[int(np.floor(place))], ordered[int(np.ceil(place))]
        with np.errstate(invalid="ignore"):
            ends.append(low + (high - low) * (place % 1) if place % 1 else low)
    return ends[0], ends[1]
