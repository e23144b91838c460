"""One area of a recording as presentations of stimuli, some of which may be repeats."""

from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.errors import AnalysisError

_REPEATS = ("repeat", "run")


class Presentations:
    """One area, read state by state.

    Parameters
    ----------
    area : str
        Its name.
    array : xarray.DataArray, (stimulus, time, neuroid)
        Activations, also without time; a dimension ``repeat`` or ``run`` may come with them.
    condition : str or None
        A coordinate of the stimuli that says which of them are the same; ``stimulus_id`` does where it repeats.

    Attributes
    ----------
    count : int
        Number of different stimuli.
    names, labels : list of str or None
        Names of these, and their ``label``, where it is known and the same for all repeats.
    repeated : bool
        Whether there are repeats.
    steps : dict of int to int
        Time step -> position on the time axis.
    unreached : frozenset of int
        Steps that the input has not reached.

    Raises
    ------
    AnalysisError
        If dimensions or coordinates do not fit.
    """

    def __init__(self, area: str, array: xr.DataArray, condition: str | None) -> None:
        self.area = area
        run = next((name for name in _REPEATS if name in array.dims), None)
        expected = {"stimulus", "neuroid", "time", *([run] if run else [])}
        if not {"stimulus", "neuroid"} <= set(array.dims) <= expected:
            raise AnalysisError(
                f"{area}: give dimensions stimulus, time and neuroid, not {', '.join(map(str, array.dims))}"
            )
        if "time" not in array.dims:
            array = array.expand_dims("time")
        self._run = run
        self._array = array.transpose(*([run] if run else []), "stimulus", "time", "neuroid")
        self.features = array.sizes["neuroid"]
        self.double = array.dtype not in (np.float16, np.float32)
        self.row_bytes = self.features * (8 if self.double else array.dtype.itemsize)
        self._times()
        self._conditions(condition)
        self.unreached = frozenset(int(step) for step in np.atleast_1d(array.attrs.get("unreached_steps", [])))

    def _times(self) -> None:
        coords, length = self._array.coords, self._array.sizes["time"]
        steps = np.atleast_1d(coords["time_step"].values) if "time_step" in coords else np.arange(length)
        self.steps = {int(step): position for position, step in enumerate(steps)}
        if len(self.steps) != length:
            raise AnalysisError(f"{self.area}: two states have the same time_step")
        known = "time_ms" in coords
        self._ms = np.atleast_1d(coords["time_ms"].values).astype(float) if known else np.full(length, np.nan)

    def _conditions(self, condition: str | None) -> None:
        coords, total = self._array.coords, self._array.sizes["stimulus"]
        self._groups: list[np.ndarray] | None = None
        if condition is None and "stimulus_id" in coords:
            ids = coords["stimulus_id"].values
            condition = "stimulus_id" if len(set(ids.tolist())) < total else None
        if condition is None:
            self.count = total
            self.names = [str(s) for s in coords["stimulus_id"].values] if "stimulus_id" in coords else None
            self.labels = self._label_of([np.array([i]) for i in range(total)])
            self.repeated = self._run is not None and self._array.sizes[self._run] > 1
            return
        if condition not in coords or coords[condition].dims != ("stimulus",):
            there = [str(name) for name, c in coords.items() if c.dims == ("stimulus",)]
            raise AnalysisError(
                f"condition {condition!r}: {self.area} has no such coordinate of its stimuli; it has {', '.join(there)}"
            )
        if self._run is not None:
            raise AnalysisError(f"condition: {self.area} has a dimension {self._run} that holds the repeats")
        values = [str(value) for value in coords[condition].values]
        places: dict[str, list[int]] = {}
        for position, value in enumerate(values):
            places.setdefault(value, []).append(position)
        self._groups = [np.array(found) for found in places.values()]
        self.names, self.count = list(places), len(places)
        self.labels = self._label_of(self._groups)
        self.repeated = max(map(len, self._groups)) > 1

    def _label_of(self, groups: list[np.ndarray]) -> list[str] | None:
        label = self._array.coords.get("label")
        if label is None or label.dims != ("stimulus",):
            return None
        values = [{str(value) for value in label.values[group]} for group in groups]
        return [str(*value) for value in values] if all(len(value) == 1 for value in values) else None

    def time_ms(self, step: int) -> float:
        """Return when a state is reached, in ms after stimulus onset."""
        return float(self._ms[self.steps[step]])

    def read(self, step: int, rows: slice) -> np.ndarray:
        """Return the patterns of some stimuli, (stimulus, feature), where there are no repeats.

        Parameters
        ----------
        step : int
            Time step.
        rows : slice
            Which stimuli.

        Returns
        -------
        numpy.ndarray, (stimulus, feature)
            As recorded.
        """
        at: dict[Any, Any] = {"time": self.steps[step], "stimulus": rows}
        if self._run is not None:
            at[self._run] = 0
        elif self._groups is not None:
            at["stimulus"] = np.concatenate(self._groups[rows])
        return np.asarray(self._array.isel(at).values)

    def read_runs(self, step: int) -> np.ndarray:
        """Return the patterns of all stimuli at a step, (run, stimulus, feature), NaN where a stimulus has fewer."""
        state = np.asarray(self._array.isel(time=self.steps[step]).values)
        if self._run is not None:
            return state
        if self._groups is None:
            return state[None]
        runs = np.full((max(map(len, self._groups)), self.count, self.features), np.nan, state.dtype)
        for stimulus, positions in enumerate(self._groups):
            runs[: len(positions), stimulus] = state[positions]
        return runs
