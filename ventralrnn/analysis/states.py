"""The states of a recording, (area, step), read one at a time onto a common time axis."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from ventralrnn.errors import AnalysisError

Features = Mapping[str, xr.DataArray] | xr.DataArray | np.ndarray


class State(NamedTuple):
    """Where one state stands on the grid of areas and times, and where its area holds it."""

    row: int
    column: int
    area: str
    position: int


class StateGrid:
    """All states of a recording on one axis of areas and one of times.

    Parameters
    ----------
    recording : mapping of str to xarray.DataArray, xarray.DataArray or numpy.ndarray
        A :class:`ventralrnn.recording.Recording`, or one array (stimulus, time, neuroid) or (stimulus, neuroid).
    areas : sequence of str, optional
        Areas to take, in this order. All by default.
    steps : sequence of int, optional
        Time steps to take. All by default: every step that some area has.

    Attributes
    ----------
    areas : tuple of str
        Names of the rows.
    steps : tuple of int
        Time steps of the columns.
    stimuli : int
        Number of stimuli.

    Raises
    ------
    AnalysisError
        If an area or step is not there, or areas differ in their stimuli.
    """

    def __init__(
        self, recording: Features, areas: Sequence[str] | None = None, steps: Sequence[int] | None = None
    ) -> None:
        arrays = _as_mapping(recording)
        self.areas = tuple(arrays) if areas is None else tuple(areas)
        for area in self.areas:
            if area not in arrays:
                raise AnalysisError(f"areas: there is no {area!r}; take some of {', '.join(arrays)}")
        if not self.areas:
            raise AnalysisError("areas: name at least one")
        self._arrays = {area: _as_area(arrays[area], area) for area in self.areas}
        self._positions = {
            area: {int(step): i for i, step in enumerate(array.time_step.values)}
            for area, array in self._arrays.items()
        }
        known = sorted({step for positions in self._positions.values() for step in positions})
        self.steps = tuple(known) if steps is None else tuple(int(step) for step in steps)
        for step in self.steps:
            if step not in known:
                raise AnalysisError(f"steps: no area has step {step}; they have {known[0]} to {known[-1]}")
        first = self._arrays[self.areas[0]]
        self.stimuli: int = first.sizes["stimulus"]
        for area, array in self._arrays.items():
            if array.sizes["stimulus"] != self.stimuli or stimulus_names(array) != stimulus_names(first):
                raise AnalysisError(f"{area} and {self.areas[0]} hold different stimuli")

    @property
    def names(self) -> list[str] | None:
        """Names of the stimuli, where they have some."""
        return stimulus_names(self._arrays[self.areas[0]])

    @property
    def shape(self) -> tuple[int, int]:
        """Number of areas and of times."""
        return len(self.areas), len(self.steps)

    def label(self, name: str) -> np.ndarray | None:
        """Return a coordinate of the stimuli, such as ``label``, where there is one."""
        first = self._arrays[self.areas[0]]
        found = first.coords.get(name)
        return np.asarray(found.values) if found is not None and found.dims == ("stimulus",) else None

    def states(self) -> Iterator[State]:
        """Yield every state that its area has, area by area."""
        for row, area in enumerate(self.areas):
            for column, step in enumerate(self.steps):
                if step in self._positions[area]:
                    yield State(row, column, area, self._positions[area][step])

    def read(self, state: State) -> np.ndarray | None:
        """Return the activations of one state.

        Parameters
        ----------
        state : State
            Which.

        Returns
        -------
        numpy.ndarray, (stimulus, neuroid), or None
            None where the input has not reached the area.

        Raises
        ------
        AnalysisError
            If some of the values, but not all, are NaN or infinite.
        """
        array = self._arrays[state.area]
        step = self.steps[state.column]
        if step in np.atleast_1d(array.attrs.get("unreached_steps", [])):
            return None
        values = np.asarray(array[:, state.position].values)
        if values.dtype.kind != "f":
            values = values.astype(np.float64)
        finite = np.isfinite(values)
        if finite.all():
            return values
        if np.isnan(values).all():
            return None
        raise AnalysisError(f"{state.area}, step {step}: holds NaN or infinity for some stimuli or neuroids")

    def coords(self, suffix: str = "") -> dict[str, Any]:
        """Return the coordinates of a result over areas and times.

        Parameters
        ----------
        suffix : str
            What is added to all names, for the second of two grids.

        Returns
        -------
        dict
            area (area), time_step (time) and, where known, time_ms (area, time) in ms after stimulus onset.
        """
        area, time = "area" + suffix, "time" + suffix
        found: dict[str, Any] = {
            area: (area, np.array(self.areas)),
            "time_step" + suffix: (time, np.array(self.steps)),
        }
        ms = np.full(self.shape, np.nan)
        for state in self.states():
            array = self._arrays[state.area]
            if "time_ms" in array.coords:
                ms[state.row, state.column] = array["time_ms"].values[state.position]
        if np.isfinite(ms).any():
            found["time_ms" + suffix] = ((area, time), ms)
        return found


def stimulus_names(array: xr.DataArray) -> list[str] | None:
    """Return the names of the stimuli of an array, or None where they have none."""
    return [str(name) for name in array["stimulus_id"].values] if "stimulus_id" in array.coords else None


def match_names(names: list[str] | None, others: list[str] | None, name: str) -> np.ndarray | None:
    """Return where the stimuli of one array stand in another, or None where both have the same order.

    Parameters
    ----------
    names, others : list of str or None
        Names of the stimuli of the first and of the second.
    name : str
        Of the second argument, for messages.

    Returns
    -------
    numpy.ndarray of int or None
        For every stimulus of the first its position in the second.

    Raises
    ------
    AnalysisError
        If the two are not the same stimuli, or a name is there twice.
    """
    if names is None or others is None or names == others:
        return None
    position = {other: i for i, other in enumerate(others)}
    if len(position) != len(others):
        raise AnalysisError(f"{name}: two stimuli have the same name; average them or put them along 'repeat'")
    missing = sorted(set(names) ^ set(others))
    if missing:
        raise AnalysisError(f"{name}: {missing[0]!r} is only in one of the two; show both the same stimuli")
    return np.array([position[stimulus] for stimulus in names])


def _as_mapping(recording: Features) -> Mapping[str, xr.DataArray]:
    if isinstance(recording, Mapping):
        return recording
    if isinstance(recording, xr.DataArray):
        return {str(recording.name or "features"): recording}
    values = np.asarray(recording)
    if values.ndim not in (2, 3):
        raise AnalysisError(f"features: give (stimulus, neuroid) or (stimulus, time, neuroid), not {values.shape}")
    dims = ("stimulus", "neuroid") if values.ndim == 2 else ("stimulus", "time", "neuroid")
    return {"features": xr.DataArray(values, dims=dims)}


def _as_area(array: xr.DataArray, area: str) -> xr.DataArray:
    """Return an area with all three dimensions; an array that has them stays as it is, unread."""
    if "time" not in array.dims:
        # One state of an area, which may still know its time.
        known = {name: [array[name].item()] for name in ("time_step", "time_ms") if name in array.coords}
        array = array.drop_vars(list(known)).expand_dims("time", 1)
        array = array.assign_coords({name: ("time", value) for name, value in known.items()})
    if set(array.dims) != {"stimulus", "time", "neuroid"}:
        raise AnalysisError(f"{area}: give dimensions stimulus, time, neuroid, not {', '.join(map(str, array.dims))}")
    if array.dims != ("stimulus", "time", "neuroid"):
        array = array.transpose("stimulus", "time", "neuroid")
    if "time_step" not in array.coords:
        array = array.assign_coords(time_step=("time", np.arange(array.sizes["time"])))
    return array
