"""What a benchmark is: data, what of a model is held against them, and a score for every area and step."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from ventralrnn.analysis.inference.pairs import Contrasts
from ventralrnn.brains.brainscore.timing import bin_weights, step_bounds
from ventralrnn.brains.simulate import Experiment
from ventralrnn.errors import AnalysisError
from ventralrnn.stimuli import cache, registry

# However little of the window is covered, it counts.
_ANY = 1e-9
Observed = Mapping[str, xr.DataArray]


@dataclass(frozen=True)
class Settings:
    """How sure a score is, and how that is found.

    Parameters
    ----------
    samples : int
        Bootstrap samples for intervals.
    level : float
        Share of data sets whose interval holds the true value.
    seed : int
        Of samples, folds and halves.
    """

    samples: int = 1000
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Committed:
    """The score of what stands for the brain, chosen before anything was scored.

    Parameters
    ----------
    score, low, high : float
        With its interval.
    area : str
        Of the model.
    steps, weights : tuple
        Steps that were averaged, and how much each counts.
    covered_ms : tuple of float or None
        Which part of the benchmark's window these steps cover; None if it has none, or the model no clock.
    state : xarray.DataArray, (stimulus, time, neuroid)
        What was scored, with one time; of a benchmark of time courses, the area at all times.
    scored : xarray.Dataset
        What was found for it alone.
    """

    score: float
    low: float
    high: float
    area: str
    steps: tuple[int, ...]
    weights: tuple[float, ...]
    covered_ms: tuple[float, float] | None
    state: xr.DataArray = field(repr=False)
    scored: xr.Dataset = field(repr=False)

    @classmethod
    def of(
        cls,
        scored: xr.Dataset,
        state: xr.DataArray,
        area: str,
        steps: Sequence[int],
        weights: Sequence[float],
        covered_ms: tuple[float, float] | None = None,
    ) -> "Committed":
        """Return what a dataset says in which one state is scored."""
        score, low, high = (float(scored[name].values.item()) for name in ("score", "low", "high"))
        return cls(
            score, low, high, area, tuple(map(int, steps)), tuple(map(float, weights)), covered_ms, state, scored
        )


@dataclass(frozen=True)
class Benchmark(ABC):
    """Data, what of a model is held against them, and how.

    Parameters
    ----------
    identifier : str
        ``ventralrnn.DataSet.what-metric``.
    area : str
        Area of a model that stands for the area of the brain.
    region : str
        The area of the brain, in the field's name.
    metric : str
        How the two are compared.
    data_sets : tuple of str
        What has to be in the cache, that with the responses first.
    stimuli : str
        What models are shown, a name that :func:`ventralrnn.stimuli.load_stimuli` knows.
    window_ms : (float, float) or None
        Time after stimulus onset in which responses were counted; None if the measurement has no time.
    ceiling : str
        Where the ceiling comes from.
    """

    identifier: str
    area: str
    region: str
    metric: str
    data_sets: tuple[str, ...]
    stimuli: str
    window_ms: tuple[float, float] | None
    ceiling: str
    #: So many pictures are enough where a brain is simulated; None for all.
    simulated_pictures: ClassVar[int | None] = None

    @property
    def here(self) -> bool:
        """Whether all that it needs is in the cache."""
        return all(cache.find(name) is not None for name in self.data_sets)

    @property
    def citation(self) -> str:
        """Whom to cite for the responses."""
        return registry.data_set(self.data_sets[0]).citation

    @property
    def licence(self) -> str:
        """Under which licence the responses come."""
        return registry.data_set(self.data_sets[0]).licence

    @property
    def time_bins(self) -> str:
        """The window of time in words."""
        return "none" if self.window_ms is None else f"{self.window_ms[0]:g}-{self.window_ms[1]:g} ms"

    @abstractmethod
    def load(self) -> Any:
        """Return the data, from the cache. A DataError says how to get what is missing."""

    @abstractmethod
    def simulate(self, truth: Observed, seed: int) -> Any:
        """Return data of the same form, as a brain would give them whose areas are those of a model."""

    @abstractmethod
    def score(self, observed: Observed, data: Any, settings: Settings) -> xr.Dataset:
        """Return ``score``, ``low``, ``high`` (area, time) and ``ceiling`` ()."""

    @abstractmethod
    def bound(self, data: Any, settings: Settings) -> float:
        """Return the ceiling; NaN where the data cannot tell."""

    @contextmanager
    def observe(self, model: Any, stimuli: Any, **options: Any) -> Iterator[Observed]:
        """Show stimuli to a model, and hold what it does while the context lasts."""
        from ventralrnn.brains.benchmarks.recordings import recorded

        with recorded(model, stimuli, **options) as recording:
            yield recording

    def check(self, observed: Observed, area: str) -> None:
        """Raise an AnalysisError if this cannot be scored."""
        if area not in observed:
            raise AnalysisError(f"area: the model has no {area}; name the one that is held against {self.region}")

    def commit(self, observed: Observed, data: Any, scored: xr.Dataset, area: str, settings: Settings) -> Committed:
        """Score what stands for the brain: an area, averaged over the steps in the window of the data."""
        state, steps, weights, covered = average(observed[area], self.window_ms)
        found = self.score({area: state}, data, settings)
        return Committed.of(found, state, area, steps, weights, covered)

    @abstractmethod
    def contrast(self, committed: Sequence[Committed], data: Any, settings: Settings) -> Contrasts:
        """Compare what stands for the brain in several models, on the same samples."""

    def experiment(self, area: xr.DataArray, **settings: Any) -> Experiment:
        """Return an experiment with one time bin: the window, or all the time that the area responds."""
        low, high = self.window_ms or _span(area)
        return Experiment(bin_ms=high - low, window_ms=(low, high), **settings)


def average(
    area: xr.DataArray, window_ms: tuple[float, float] | None
) -> tuple[xr.DataArray, tuple[int, ...], tuple[float, ...], tuple[float, float] | None]:
    """Return the mean of an area's states in a window of time, one step being read at a time.

    Parameters
    ----------
    area : xarray.DataArray, (stimulus, time, neuroid)
        As it is recorded. States that the input has not reached count for nothing.
    window_ms : (float, float) or None
        After stimulus onset. Each step counts by the milliseconds that it lasts in it; what of the window no step
        covers is left out. Without a window, or for a model without a clock, all steps count alike.

    Returns
    -------
    state : xarray.DataArray, (stimulus, time, neuroid)
        With one time.
    steps, weights : tuple
        Which were averaged; the weights add up to 1.
    covered_ms : (float, float) or None
        From the begin of the first to the end of the last of them, within the window.

    Raises
    ------
    AnalysisError
        If no step lies in the window.
    """
    name, there, steps, times = str(area.name), *reached_states(area)
    weights, covered = np.full(len(there), 1 / len(there)), None
    if window_ms is not None and np.isfinite(times).all():
        last = float(np.diff(times).min()) if len(times) > 1 else max(window_ms[1] - times[0], 1.0)
        bounds = step_bounds(times, last)
        shares, _ = bin_weights(bounds, np.array([window_ms]), _ANY)
        if np.isnan(shares).any():
            raise AnalysisError(
                f"{name}: responds from {bounds[0, 0]:g} to {bounds[-1, 1]:g} ms, and the data were taken from "
                f"{window_ms[0]:g} to {window_ms[1]:g} ms; give the model another clock, or more steps"
            )
        used = shares[0] > 0
        there, steps, bounds, weights = there[used], steps[used], bounds[used], shares[0, used]
        covered = max(float(bounds[0, 0]), window_ms[0]), min(float(bounds[-1, 1]), window_ms[1])
    total = np.zeros((area.sizes["stimulus"], area.sizes["neuroid"]), np.float32)
    for weight, position in zip(weights, there, strict=True):
        total += np.float32(weight) * area[:, int(position)].values
    kept = {k: c for k, c in area.coords.items() if c.dims in (("stimulus",), ("neuroid",))}
    state = xr.DataArray(total[:, None], {**kept, "time_step": ("time", [0])}, ("stimulus", "time", "neuroid"), name)
    return state, tuple(int(s) for s in steps), tuple(float(w) for w in weights), covered


def reached_states(area: xr.DataArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return positions, steps and times of the states that there are."""
    all_steps = area["time_step"].values
    there = np.flatnonzero(~np.isin(all_steps, np.atleast_1d(area.attrs.get("unreached_steps", []))))
    if not len(there):
        raise AnalysisError(f"{area.name}: the input reaches it at no step")
    times = area["time_ms"].values[there] if "time_ms" in area.coords else np.full(len(there), np.nan)
    return there, all_steps[there], np.asarray(times, float)


def _span(area: xr.DataArray) -> tuple[float, float]:
    _, _, times = reached_states(area)
    if len(times) < 2 or not np.isfinite(times).all():
        raise AnalysisError(f"{area.name}: a brain cannot be simulated from a model without a clock")
    return float(times[0]), float(2 * times[-1] - times[-2])
