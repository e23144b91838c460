"""All measures of one area, from as few passes over its states as memory allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.dynamics import trajectories
from ventralrnn.analysis.dynamics.latencies import Threshold, bootstrap_weights, find_latencies, interval, landmarks
from ventralrnn.analysis.dynamics.selectivity import Selectivity, Sparseness, sparseness
from ventralrnn.analysis.dynamics.timescales import Autocorrelation, fit_decay
from ventralrnn.analysis.reading import AreaStates

# Numbers that the accumulators of a group of neuroids hold at most.
_GROUP_VALUES = 1 << 23


@dataclass(frozen=True)
class Settings:
    """What to measure, and how; see :func:`ventralrnn.analysis.compute_dynamics` for each."""

    labels: Sequence[Any] | np.ndarray | None
    response: str
    threshold: Threshold
    bootstrap: int
    confidence: float
    neuroids: bool
    seed: int


def measure_population(area: AreaStates, times: np.ndarray, settings: Settings) -> dict[str, np.ndarray]:
    """Return what an area does as a whole.

    Parameters
    ----------
    area : AreaStates
        The area.
    times : numpy.ndarray, (time,)
        Of the states that exist, in ms or steps.
    settings : Settings
        How.

    Returns
    -------
    dict of str to numpy.ndarray
        Latencies (), ``response``, ``speed``, ``curvature``, ``distance_to_end``, ``population_sparseness`` (stimulus,
        time), means of the last four over stimuli ``NAME_mean`` (time,), ``response_pooled`` over all stimuli and
        neuroids at once with its interval (time,), and
        participation ratios (time,).
    """
    parts: dict[str, list[np.ndarray]] = {}
    quiet = _before(area, times, settings.response)
    even = len(times) < 3 or np.allclose(np.diff(times), times[1] - times[0])
    for _, states in area.blocks():
        found = {
            "amount": _amount(states, quiet).mean(-1, dtype=torch.float64),
            "speed": trajectories.speed(states, times),
            "curvature": trajectories.curvature(states) if even else torch.full(states.shape[:2], torch.nan),
            "distance_to_end": trajectories.distance_to_end(states),
            "population_sparseness": sparseness(states, -1),
        }
        for name, value in found.items():
            parts.setdefault(name, []).append(value.cpu().numpy())
    whole = {name: np.concatenate(values) for name, values in parts.items()}
    amount = whole.pop("amount")
    weights = bootstrap_weights(area.stimuli, settings.bootstrap, settings.seed)
    courses = _finish(weights @ amount, settings.response)
    result = {"response": _finish(amount, settings.response), **whole}
    result |= {f"{name}_mean": _mean_over_stimuli(values) for name, values in result.items()}
    del result["response_mean"]  # the mean of root mean squares; what is resampled is theirs over all stimuli
    result["response_pooled"] = courses[0]
    if settings.bootstrap:
        result["response_pooled_low"], result["response_pooled_high"] = interval(courses[1:], settings.confidence)
    result |= _with_intervals(courses, times, settings)
    ratios = [trajectories.dimensionality(area, int(index)) for index in np.flatnonzero(area.exists)]
    result["participation_ratio"], result["participation_ratio_unbiased"] = np.array(ratios).reshape(-1, 2).T
    return result


def measure_neuroids(area: AreaStates, times: np.ndarray, settings: Settings) -> dict[str, np.ndarray]:
    """Return what each neuroid of an area does.

    Parameters
    ----------
    area, times, settings
        As in :func:`measure_population`.

    Returns
    -------
    dict of str to numpy.ndarray
        Latencies and ``timescale`` (neuroid,), ``response_pooled``, ``lifetime_sparseness`` and measures of selectivity
        (time, neuroid), ``autocorrelation`` (neuroid, lag) and ``lag`` (lag,).
    """
    # Without an interval for each neuroid, the plain mean is all that is weighed.
    weights = bootstrap_weights(area.stimuli, settings.bootstrap if settings.neuroids else 0, settings.seed)
    classes = len({str(label) for label in settings.labels}) if settings.labels is not None else 0
    width = len(times) * (len(weights) + 2 * classes + len(times))
    size = max(1, _GROUP_VALUES // width)
    groups = [
        _measure_group(area, times, settings, weights, slice(start, min(start + size, area.neuroids)))
        for start in range(0, area.neuroids, size)
    ]
    lag = groups[0].pop("lag")
    for group in groups[1:]:
        group.pop("lag")
    axis = {"autocorrelation": 0}
    whole = {name: np.concatenate([g[name] for g in groups], axis.get(name, -1)) for name in groups[0]}
    return {**whole, "timescale": fit_decay(whole["autocorrelation"], lag).timescale, "lag": lag}


def _measure_group(
    area: AreaStates, times: np.ndarray, settings: Settings, weights: np.ndarray, neuroids: slice
) -> dict[str, np.ndarray]:
    """Return the measures of some neuroids, from one pass over all stimuli."""
    selectivity = None if settings.labels is None else Selectivity(settings.labels)
    lifetime, memory = Sparseness(), Autocorrelation()
    window = _quiet(times)
    quiet = _before(area, times, settings.response, neuroids)
    amounts: Tensor | None = None
    for stimuli, states in area.blocks(neuroids):
        lifetime.add(states)
        if selectivity is not None:
            selectivity.add(states)
        amount = _amount(states, quiet)
        share = torch.from_numpy(weights[:, stimuli]).to(amount)
        total = (share @ amount.flatten(1)).reshape(-1, *amount.shape[1:])
        amounts = total if amounts is None else amounts.add_(total)
        if not area.repeated:
            memory.add(states[:, window])
    if area.repeated:
        for _, presentations in area.blocks(neuroids, trials=True):
            memory.add(presentations[:, window])
    assert amounts is not None
    courses = _finish(amounts.cpu().numpy(), settings.response)
    found = _with_intervals(np.moveaxis(courses, 1, -1), times, settings)
    found |= {"response_pooled": courses[0], "lifetime_sparseness": lifetime.result().cpu().numpy()}
    if selectivity is not None:
        found |= {name: value.cpu().numpy() for name, value in selectivity.result().items()}
    found["lag"], found["autocorrelation"] = memory.result(times[window])
    return found


def _with_intervals(courses: np.ndarray, times: np.ndarray, settings: Settings) -> dict[str, np.ndarray]:
    """Return latencies of the first course (sample, ..., time), and their intervals from the others."""
    result = find_latencies(courses[0], times, settings.threshold)
    if len(courses) > 1:
        marks = landmarks(courses[1:], times, settings.threshold)
        for name, samples in {"onset": marks.onset, "half_maximum": marks.middle, "peak": marks.peak}.items():
            result[f"{name}_low"], result[f"{name}_high"] = interval(samples, settings.confidence)
    return result


def _quiet(times: np.ndarray) -> np.ndarray:
    """Return the positions of the times whose fluctuations tell the intrinsic timescale."""
    before = np.flatnonzero(times < 0)
    return before if len(before) > 4 else np.arange(len(times))


def _before(area: AreaStates, times: np.ndarray, response: str, neuroids: slice = slice(None)) -> Tensor | float | None:
    """Return the state of each neuroid (neuroid,) from which responses deviate; None if they are not deviations."""
    if response != "rms":
        return None
    before = times < 0
    if not before.any():
        return 0.0
    total = sum(states[:, before].double().sum((0, 1)) for _, states in area.blocks(neuroids))
    assert isinstance(total, Tensor)
    return total / (area.stimuli * int(before.sum()))


def _amount(states: Tensor, quiet: Tensor | float | None) -> Tensor:
    """Return what is averaged over neuroids or stimuli to get a response."""
    return states if quiet is None else (states - quiet).to(states.dtype).square()


def _finish(amount: np.ndarray, response: str) -> np.ndarray:
    return np.sqrt(amount) if response == "rms" else amount


def _mean_over_stimuli(values: np.ndarray) -> np.ndarray:
    """Return the mean over those stimuli that have a value; NaN where none has."""
    there = np.isfinite(values)
    number = there.sum(0)
    return np.divide(np.where(there, values, 0).sum(0), number, out=np.full(len(number), np.nan), where=number > 0)
