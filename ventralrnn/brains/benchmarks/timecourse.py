"""Time courses: when objects can be told from IT, in a brain and in a model that have not seen the same pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import norm

from ventralrnn.analysis.decoding import decode
from ventralrnn.analysis.inference.pairs import Contrasts
from ventralrnn.brains.benchmarks.base import Benchmark, Committed, Observed, Settings, reached_states
from ventralrnn.brains.benchmarks.contrasts import contrast_samples
from ventralrnn.brains.datasets.zhang2011 import load_spikes
from ventralrnn.brains.simulate import Experiment, simulate_recording
from ventralrnn.errors import AnalysisError

_BIN_MS, _STEP_MS, _WINDOW_MS = 20, 10, (-50, 300)
# A decoding of all bins takes a third of a second: enough for a standard error, which intervals are made of.
_UNIT_SAMPLES, _SPLITS = 40, 10
_FEWEST_TIMES = 4


@dataclass(frozen=True)
class TimeCourse(Benchmark):
    """Pearson correlation over time of how well objects are decoded, from stimulus onset to a model's last step."""

    def load(self) -> xr.Dataset:
        """Return time courses of decoding, see :func:`decode_units`."""
        return decode_units(load_spikes("zhang2011", bin_ms=_BIN_MS, step_ms=_STEP_MS, window_ms=_WINDOW_MS), "object")

    def simulate(self, truth: Observed, seed: int) -> xr.Dataset:
        """Return the same of 132 Poisson neurons and 4 trials a picture; objects are the labels of the pictures."""
        experiment = Experiment(
            subjects=1, neuroids=132, repeats=4, bin_ms=_BIN_MS, window_ms=_WINDOW_MS, noise="poisson"
        )
        return decode_units(simulate_recording(truth[self.area], experiment, seed=seed), "label")

    def score(self, observed: Observed, data: xr.Dataset, settings: Settings) -> xr.Dataset:
        """Return one score an area, and the time courses that it compares.

        Returns
        -------
        xarray.Dataset
            ``score``, ``low``, ``high`` (area): Pearson correlation over the model's times, with an interval over
            units, and ``score_sample`` (area, sample), what it is in samples of units; ``decoding`` (area, time),
            ``brain_decoding`` (brain_time); ``rise_ms`` (area) and ``brain_rise_ms``, ``brain_rise_low``,
            ``brain_rise_high``: when half of the rise is done. ``ceiling``: see Notes.

        Notes
        -----
        A model decodes at chance until the input reaches an area, which no decoder has to show. The brain's time
        course is read at the middle of each model step, on the straight line between its bins. The ceiling is the
        correlation of time courses of disjoint halves of the units, extrapolated to all of them by Spearman and Brown's
        formula, its square root, at the same times as the score of the benchmark's own area.
        """
        found = decode(observed, "label", bootstrap=1, seed=settings.seed)
        areas = [str(name) for name in found["area"].values]
        brain_ms, curve = data["time_ms"].values, data["decoding"].values
        parts: dict[str, list[float]] = {name: [] for name in ("score", "low", "high", "rise_ms")}
        ceilings, samples = [], []
        for row, area in enumerate(areas):
            times, values = _model_curve(observed[area], found["accuracy"].values[row], float(found["chance"]))
            score = _correlate(values, np.interp(times, brain_ms, curve))
            drawn = [_correlate(values, np.interp(times, brain_ms, sample)) for sample in data["samples"].values]
            low, high = _fisher(score, drawn, settings.level)
            for name, value in (("score", score), ("low", low), ("high", high), ("rise_ms", half_rise(times, values))):
                parts[name].append(value)
            ceilings.append(_ceiling(data, times))
            samples.append(drawn)
        rises = [half_rise(brain_ms, sample) for sample in data["samples"].values]
        tail = 100 * (1 - settings.level) / 2
        low, high = np.nanpercentile(rises, [tail, 100 - tail])
        brain = {"brain_rise_ms": half_rise(brain_ms, curve), "brain_rise_low": low, "brain_rise_high": high}
        own = areas.index(self.area) if self.area in areas else len(areas) - 1
        return xr.Dataset(
            {
                **{name: ("area", values) for name, values in parts.items()},
                "score_sample": (("area", "sample"), samples),
                "decoding": found["accuracy"],
                "brain_decoding": ("brain_time", curve),
                "ceiling": ((), ceilings[own]),
                **{name: ((), float(value)) for name, value in brain.items()},
            },
            {**found.coords, "brain_time_ms": ("brain_time", brain_ms)},
            found.attrs,
        )

    def bound(self, data: xr.Dataset, settings: Settings) -> float:
        """Return the root of the reliability of the brain's time course, at the times of its own bins from onset on."""
        ms = data["time_ms"].values
        return _ceiling(data, ms[ms >= 0])

    def commit(self, observed: Observed, data: Any, scored: xr.Dataset, area: str, settings: Settings) -> Committed:
        """Return the area's score, which is one of its whole time course."""
        _, steps, times = reached_states(observed[area])
        row = scored.sel(area=area)
        weights = [1 / len(steps)] * len(steps)
        return Committed.of(row, observed[area], area, steps.tolist(), weights, (0.0, float(times[-1])))

    def contrast(self, committed: Sequence[Committed], data: xr.Dataset, settings: Settings) -> Contrasts:
        """Compare models with the same samples of the brain's units."""
        units = int(data.attrs.get("units_decoded", data.sizes["sample"]))
        samples = np.stack([one.scored["score_sample"].values for one in committed])
        return contrast_samples([one.score for one in committed], samples, units, settings.level)


def decode_units(spikes: xr.DataArray, labels: str, *, seed: int = 0) -> xr.Dataset:
    """Decode objects from single trials of a population, over time.

    Parameters
    ----------
    spikes : xarray.DataArray, (repeat, stimulus, time, neuroid)
        Trials that some unit lacks are left out for all.
    labels : str
        The coordinate (stimulus) that names the objects.
    seed : int
        Of units, halves and folds.

    Returns
    -------
    xarray.Dataset
        ``decoding`` (time): balanced accuracy of linear discriminant analysis, 5 folds over trials. ``samples``
        (sample, time): of units drawn with replacement; ``halves`` (split, half, time): of disjoint halves of the
        units. ``time_ms`` (time), the middle of each bin.
    """
    stacked = spikes.transpose("repeat", "stimulus", "time", "neuroid")
    values = stacked.values.reshape(-1, *stacked.shape[2:])
    objects = np.tile(stacked[labels].values, stacked.sizes["repeat"])
    whole = np.isfinite(values).all((1, 2))
    values, objects = values[whole], objects[whole]

    def curve(units: np.ndarray) -> np.ndarray:
        trials = xr.DataArray(values[..., units], dims=("stimulus", "time", "neuroid"))
        return np.asarray(decode(trials, objects, bootstrap=1, seed=seed)["accuracy"].values[0])

    rng, number = np.random.default_rng(seed), values.shape[-1]
    samples = [curve(rng.integers(number, size=number)) for _ in range(_UNIT_SAMPLES)]
    halves = []
    for _ in range(_SPLITS):
        order = rng.permutation(number)
        halves.append([curve(order[: number // 2]), curve(order[number // 2 :])])
    return xr.Dataset(
        {
            "decoding": ("time", curve(np.arange(number))),
            "samples": (("sample", "time"), np.array(samples)),
            "halves": (("split", "half", "time"), np.array(halves)),
        },
        {"time_ms": ("time", np.asarray(stacked["time_ms"].values, float))},
        {**spikes.attrs, "units_decoded": number},
    )


def half_rise(times: np.ndarray, values: np.ndarray) -> float:
    """Return when a time course has risen half of the way from its first value to its highest.

    Parameters
    ----------
    times : numpy.ndarray, (time,)
        In ms.
    values : numpy.ndarray, (time,)
        The first is what there is before the response.

    Returns
    -------
    float
        In ms, on the straight line between the times before and after; NaN if nothing rises.
    """
    height = values.max() - values[0]
    if not height > 0:
        return float("nan")
    above = (values - values[0]) / height - 0.5
    after = int((above >= 0).argmax())
    before = after - 1
    return float(times[before] + (times[after] - times[before]) * above[before] / (above[before] - above[after]))


def _model_curve(area: xr.DataArray, accuracy: np.ndarray, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times (the middle of steps) and decoding from stimulus onset on."""
    there, steps, times = reached_states(area)
    if not np.isfinite(times).all():
        raise AnalysisError(f"{area.name}: the model has no clock, so it has no time course; give it one (clock=)")
    pace = float(np.diff(times).min()) if len(times) > 1 else 10.0
    before = np.arange(times[0] - pace, -pace / 2, -pace)[::-1]
    found = accuracy[-len(area["time_step"]) :][there] if len(accuracy) == len(area["time_step"]) else accuracy
    found = found[np.isfinite(found)]
    if len(found) != len(times) or len(before) + len(times) < _FEWEST_TIMES:
        raise AnalysisError(f"{area.name}: {len(times)} steps with a decoding are too few for a time course")
    return np.concatenate([before, times]) + pace / 2, np.concatenate([np.full(len(before), chance), found])


def _correlate(first: np.ndarray, second: np.ndarray) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(first, second)[0, 1])


def _fisher(score: float, drawn: list[float], level: float) -> tuple[float, float]:
    """Return the interval of a correlation from the standard error of Fisher's z in samples."""
    z = np.arctanh(np.clip(drawn, -1 + 1e-12, 1 - 1e-12))
    half = norm.ppf((1 + level) / 2) * np.nanstd(z, ddof=1)
    centre = np.arctanh(np.clip(score, -1 + 1e-12, 1 - 1e-12))
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))


def _ceiling(data: xr.Dataset, times: np.ndarray) -> float:
    ms = data["time_ms"].values
    halves = data["halves"].values
    alike = np.mean([_correlate(np.interp(times, ms, a), np.interp(times, ms, b)) for a, b in halves])
    return float(np.sqrt(np.clip(2 * alike / (1 + alike), 0, None)))
