"""The states of a recording, (area, step), on one axis of areas and one of times."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.reading.area import AreaStates
from ventralrnn.errors import AnalysisError, SpecificationError
from ventralrnn.graph import parse_steps

Features = Mapping[str, xr.DataArray] | xr.DataArray | np.ndarray | Tensor


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
    recording : mapping of str to xarray.DataArray, xarray.DataArray, numpy.ndarray or torch.Tensor
        A :class:`ventralrnn.recording.Recording`, or one array (stimulus, time, neuroid) or (stimulus, neuroid).
    areas : sequence of str, or str, optional
        Areas to take, in this order. All by default.
    steps : sequence of int, int or str, optional
        Time steps to take, ``[0, 4]``, ``4`` or ``'0:8'``, of which those are taken that there are. All by default:
        every step that some area has.
    condition : str or None
        Rows of the same value of this coordinate are presentations of one stimulus, which are averaged; with None each
        row is a stimulus.

    Attributes
    ----------
    areas : dict of str to AreaStates
        The rows.
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
        self,
        recording: Features,
        areas: Sequence[str] | str | None = None,
        steps: Sequence[int] | int | str | None = None,
        condition: str | None = None,
    ) -> None:
        self.areas = open_areas(recording, areas, condition)
        self._first = next(iter(self.areas.values()))
        self.stimuli = self._first.stimuli
        self.steps = _choose_steps(self.areas, steps)

    @property
    def names(self) -> list[str] | None:
        """Names of the stimuli, where they have some."""
        return self._first.names

    @property
    def shape(self) -> tuple[int, int]:
        """Number of areas and of times."""
        return len(self.areas), len(self.steps)

    def label(self, name: str) -> np.ndarray | None:
        """Return a coordinate of the stimuli, such as ``label``, where there is one."""
        return self._first.per_stimulus(name)

    def states(self) -> Iterator[State]:
        """Yield every state that its area has, area by area."""
        for row, (name, area) in enumerate(self.areas.items()):
            for column, step in enumerate(self.steps):
                if step in area.positions:
                    yield State(row, column, name, area.positions[step])

    def read(self, state: State) -> np.ndarray | None:
        """Return one state, (stimulus, neuroid); None where it does not exist. See :meth:`AreaStates.state`."""
        return self.areas[state.area].state(state.position)

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
            area: (area, np.array(list(self.areas))),
            "time_step" + suffix: (time, np.array(self.steps)),
        }
        ms = np.full(self.shape, np.nan)
        for state in self.states():
            ms[state.row, state.column] = self.areas[state.area].time_ms[state.position]
        if np.isfinite(ms).any():
            found["time_ms" + suffix] = ((area, time), ms, {"units": "ms"})
        return found


def open_areas(
    recording: Features, areas: Sequence[str] | str | None = None, condition: str | None = "stimulus_id"
) -> dict[str, AreaStates]:
    """Return areas of a recording as objects that read them block by block.

    Parameters
    ----------
    recording : mapping of str to xarray.DataArray, xarray.DataArray, numpy.ndarray or torch.Tensor
        As :class:`StateGrid` takes it.
    areas : sequence of str, or str, optional
        Areas to take, in this order. All by default.
    condition : str or None
        See :class:`AreaStates`.

    Returns
    -------
    dict of str to AreaStates
        All of the same stimuli.

    Raises
    ------
    AnalysisError
        If an area is not there, or areas hold different stimuli.
    """
    arrays = _as_mapping(recording)
    if not len(arrays):
        raise AnalysisError("recording: holds no area")
    wanted = list(arrays) if areas is None else [areas] if isinstance(areas, str) else list(dict.fromkeys(areas))
    for area in wanted:
        if area not in arrays:
            raise AnalysisError(f"areas: there is no {area!r}; there are {', '.join(map(str, arrays))}")
    if not wanted:
        raise AnalysisError("areas: name at least one")
    opened = {str(name): AreaStates(str(name), _as_labelled(arrays[name], str(name)), condition) for name in wanted}
    first, *others = opened.values()
    for other in others:
        if other.stimuli != first.stimuli or (first.names and other.names and first.names != other.names):
            raise AnalysisError(
                f"areas: {first.name} and {other.name} hold different stimuli: analyse them one by one, or take the "
                "common ones"
            )
    return opened


def _choose_steps(areas: Mapping[str, AreaStates], steps: Sequence[int] | int | str | None) -> tuple[int, ...]:
    known = sorted({step for area in areas.values() for step in area.positions})
    if steps is None:
        return tuple(known)
    if isinstance(steps, str):
        try:
            chosen = tuple(step for step in parse_steps(steps, known[-1] + 1) if step in known)
        except SpecificationError as error:
            raise AnalysisError(str(error)) from None
        if not chosen:
            raise AnalysisError(f"steps {steps!r}: none of them was recorded; steps are {', '.join(map(str, known))}")
        return chosen
    chosen = tuple(dict.fromkeys(int(step) for step in np.atleast_1d(np.asarray(steps))))
    for step in chosen:
        if step not in known:
            raise AnalysisError(f"steps: no area has step {step}; there are {', '.join(map(str, known))}")
    if not chosen:
        raise AnalysisError("steps: name at least one")
    return chosen


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


def check_labels(labels: Iterable[Any]) -> None:
    """Refuse labels of stimuli that are None or NaN, which would count as a category of their own."""
    for index, label in enumerate(labels):
        if label is None or (isinstance(label, float | np.floating) and np.isnan(label)):
            raise AnalysisError(f"labels: that of stimulus {index} is {label}: leave such stimuli out, or name it")


def connections(recording: Any) -> dict[str, Mapping[str, Any]]:
    """Return the connections of the recorded network by name, as its specification describes them.

    Parameters
    ----------
    recording : mapping of str to xarray.DataArray
        A recording. One that is not of a network of ours has none.

    Returns
    -------
    dict of str to mapping
        Name -> source, target, transition, delay and so on.
    """
    details = getattr(recording, "attrs", {}).get("model_details") or {}
    graph = (details.get("specification") or {}).get("graph") or {}
    return {c["name"]: c for c in graph.get("connections", ())}


def _as_mapping(recording: Features) -> Mapping[str, Any]:
    if isinstance(recording, Mapping):
        return recording
    return {str(getattr(recording, "name", None) or "area"): recording}


def _as_labelled(array: Any, area: str) -> xr.DataArray:
    """Return an array with dimensions that have names; one that has them stays as it is, unread."""
    if isinstance(array, xr.DataArray):
        return array
    if isinstance(array, Tensor):
        array = array.detach().cpu().float() if array.dtype.itemsize == 2 else array.detach().cpu()
    values = np.asarray(array)
    if values.ndim not in (2, 3) or values.dtype.kind not in "fiub":
        what = f"shape {values.shape}" if values.dtype.kind in "fiub" else f"a {type(array).__name__}"
        raise AnalysisError(
            f"recording: give one, or an array (stimulus, neuroid) or (stimulus, time, neuroid), not {what} as {area!r}"
        )
    dims = ("stimulus", "neuroid") if values.ndim == 2 else ("stimulus", "time", "neuroid")
    return xr.DataArray(values, dims=dims)
