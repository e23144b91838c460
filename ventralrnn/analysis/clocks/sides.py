"""A model and a brain whose times are to be related: rows of RDMs, and when each state is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from ventralrnn.analysis.comparison import as_rdms, compare_vectors
from ventralrnn.analysis.inference.bootstrap import Resample, bootstrap_similarity
from ventralrnn.analysis.inference.intervals import percentile_interval
from ventralrnn.analysis.inference.persons import Persons, person_names
from ventralrnn.analysis.rdm.container import count_stimuli, match_stimuli, pair_indices, pair_position
from ventralrnn.errors import AnalysisError


class Cell(NamedTuple):
    """One area of the model and one of the brain: where their states that exist stand."""

    model_area: int
    brain_area: int
    steps: np.ndarray
    times: np.ndarray

    def take(self, similarity: np.ndarray) -> np.ndarray:
        """Return (..., step, time) of these areas, out of (..., area, brain area, time, brain time).

        Of several matrices, those that are not finite throughout are left out: samples of too few stimuli.
        """
        chosen = similarity[..., self.model_area, self.brain_area, self.steps[:, None], self.times]
        return chosen if chosen.ndim == 2 else chosen[np.isfinite(chosen).all((-2, -1))]


@dataclass(frozen=True)
class Sides:
    """RDMs of a model and of a brain, for the same stimuli.

    Parameters
    ----------
    model : numpy.ndarray, (area, time, pair)
        RDMs; one area if the model's had no dimension of areas.
    brain : numpy.ndarray, (subject, brain area, brain time, pair)
        The same for the brain.
    steps : numpy.ndarray, (time,)
        Time steps of the model.
    model_ms : numpy.ndarray, (area, time)
        When the model's clock says that they are; NaN without a clock.
    brain_ms : numpy.ndarray, (brain time,)
        Times of the brain, in ms.
    coords : dict
        Coordinates of results along ``area``, ``time`` and ``brain_area``, of the first and last those that there are.
    areas : (bool, bool)
        Whether the RDMs of model and brain have areas.
    persons : numpy.ndarray, (subject,), optional
        Whose RDMs the brain's are, where some are of the same person.
    """

    model: np.ndarray
    brain: np.ndarray
    steps: np.ndarray
    model_ms: np.ndarray
    brain_ms: np.ndarray
    coords: dict[str, Any]
    areas: tuple[bool, bool]
    persons: np.ndarray | None = None

    @property
    def stimuli(self) -> int:
        """Number of stimuli."""
        return count_stimuli(self.model.shape[-1])

    def compare(self, method: str, stimuli: np.ndarray | None = None) -> np.ndarray:
        """Return similarities, (area, brain area, time, brain time), mean over subjects.

        Parameters
        ----------
        method : str
            As :func:`~ventralrnn.analysis.comparison.compare_vectors` takes it.
        stimuli : numpy.ndarray of int, optional
            Positions of the stimuli to use, each once.
        """
        rows, columns = self._rows()
        if stimuli is not None:
            first, second = pair_indices(len(stimuli))
            pairs = pair_position(stimuli[first], stimuli[second], self.stimuli)
            rows, columns = rows[:, pairs], columns[:, pairs]
        found = compare_vectors(rows, columns, method)
        whose = Persons.of(len(self.brain), self.persons)
        each = found.reshape(len(rows), *self.brain.shape[:-1])
        return self._arrange(np.einsum("s,ms...->m...", whose.shares / whose.number, each))

    def draw(self, similarity: np.ndarray, method: str, samples: int, resample: Resample, seed: int) -> np.ndarray:
        """Return what :meth:`compare` found, and after it the same in samples of stimuli or subjects.

        Parameters
        ----------
        similarity : numpy.ndarray, (area, brain area, time, brain time)
            What was found.
        method, samples, resample, seed
            As :func:`~ventralrnn.analysis.inference.bootstrap.bootstrap_similarity` takes them; 0 samples are none.

        Returns
        -------
        numpy.ndarray, (1 + sample, area, brain area, time, brain time)
        """
        if not samples:
            return similarity[None]
        rows, _ = self._rows()
        brain = self.brain.reshape(len(self.brain), -1, self.brain.shape[-1])
        drawn = bootstrap_similarity(
            rows, brain, method, samples=samples, resample=resample, seed=seed, persons=self.persons
        ).similarity[0]
        return np.concatenate(
            [similarity[None], self._arrange(drawn.reshape(*drawn.shape[:2], *self.brain.shape[1:-1]))]
        )

    def cells(self, similarity: np.ndarray) -> Iterator[Cell]:
        """Yield every pair of areas, with the steps and times that both have."""
        for area, other in np.ndindex(similarity.shape[:2]):
            exists = np.isfinite(similarity[area, other])
            yield Cell(area, other, np.flatnonzero(exists.any(1)), np.flatnonzero(exists.any(0)))

    def dims(self, *more: str) -> tuple[str, ...]:
        """Return the dimensions of a result over areas, and further ones."""
        return tuple(d for d, there in zip(("area", "brain_area"), self.areas, strict=True) if there) + more

    def squeeze(self, values: np.ndarray) -> np.ndarray:
        """Take dimensions of areas that the RDMs did not have out of an array (area, brain area, ...)."""
        return values.squeeze(axis=tuple(i for i, there in enumerate(self.areas) if not there))

    def variables(self, name: str, values: np.ndarray, *more: str) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Return an estimate and the ends of its interval, (3, area, brain area, ...), as variables of a Dataset."""
        ends = ("", "_low", "_high")
        return {f"{name}{end}": (self.dims(*more), self.squeeze(v)) for end, v in zip(ends, values, strict=True)}

    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        pairs = self.model.shape[-1]
        return self.model.reshape(-1, pairs), self.brain.reshape(-1, pairs)

    def _arrange(self, found: np.ndarray) -> np.ndarray:
        """Turn (..., area x time, brain area, brain time) into (..., area, brain area, time, brain time)."""
        split = found.reshape(*found.shape[:-3], *self.model.shape[:2], *found.shape[-2:])
        return np.moveaxis(split, -2, -3)


def with_interval(values: np.ndarray, level: float) -> np.ndarray:
    """Return an estimate with the quantiles of its samples.

    Parameters
    ----------
    values : numpy.ndarray, (1 + sample, ...)
        The estimate, then its samples.
    level : float
        Of the interval.

    Returns
    -------
    numpy.ndarray, (3, ...)
        Estimate, low and high end; the latter NaN without samples.
    """
    if len(values) == 1:
        return np.concatenate([values, np.full((2, *values.shape[1:]), np.nan)])
    return np.stack([values[0], *percentile_interval(values[1:], level)])


def take_sides(model: Any, brain: Any) -> Sides:
    """Return a model and a brain in the form in which their times are related.

    Parameters
    ----------
    model : xarray.Dataset
        RDMs (area, time, pair) or (time, pair).
    brain : xarray.Dataset
        RDMs (subject, area, time, pair), of the first two those that there are, with ``time_ms`` (time).

    Returns
    -------
    Sides
        Stimuli matched by name.

    Raises
    ------
    AnalysisError
        If there is no time, the brain's has no or no increasing ``time_ms``, there are other dimensions, or the stimuli
        differ.
    """
    first, second = match_stimuli(as_rdms(model, "model"), as_rdms(brain, "brain"), ("model", "brain"))
    models = _ordered(first, "model", ("area", "time"))
    brains = _ordered(second, "brain", ("subject", "area", "time"))
    brain_ms = second["time_ms"].values if "time_ms" in second.coords else np.array([])
    if second.get("time_ms", second["dissimilarity"]).dims != ("time",) or not (np.diff(brain_ms) > 0).all():
        raise AnalysisError("brain: needs a coordinate time_ms (time) in ms, increasing")
    steps = first["time_step"].values if "time_step" in first.coords else np.arange(models.shape[1])
    clock = first["time_ms"] if "time_ms" in first.coords else None
    model_ms = np.full(models.shape[:2], np.nan)
    if clock is not None:
        model_ms[:] = clock.transpose(*(d for d in ("area", "time") if d in clock.dims)).values
    coords: dict[str, Any] = {name: first[name] for name in ("area", "time_step", "time_ms") if name in first.coords}
    coords = {name: c for name, c in coords.items() if set(c.dims) <= {"area", "time"} and c.dims}
    if "area" in second["dissimilarity"].dims and "area" in second.coords:
        coords["brain_area"] = ("brain_area", second["area"].values)
    areas = ("area" in first["dissimilarity"].dims, "area" in second["dissimilarity"].dims)
    return Sides(
        models,
        brains,
        np.asarray(steps, float),
        model_ms,
        np.asarray(brain_ms, float),
        coords,
        areas,
        person_names(second),
    )


def _ordered(rdms: xr.Dataset, name: str, dims: tuple[str, ...]) -> np.ndarray:
    array = rdms["dissimilarity"]
    others = [str(d) for d in array.dims if d not in (*dims, "pair")]
    if others or "time" not in array.dims:
        wrong = f"has a dimension {others[0]}" if others else "has no dimension time"
        raise AnalysisError(f"{name}: {wrong}; give RDMs over {', '.join(dims)}")
    missing = [d for d in dims if d not in array.dims]
    return array.expand_dims(missing).transpose(*dims, "pair").values
