"""One area of a recording, be it of a model or of neurons, read block by block."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.arrays import is_finite, to_tensor
from ventralrnn.errors import AnalysisError

# Numbers that a block holds at most.
_BLOCK_VALUES = 1 << 22
_ROWS = ("stimulus", "presentation", "trial")
_REPEATS = ("repeat", "run")
_T = "time"


class AreaStates:
    """One area's states over time, read when they are needed.

    Parameters
    ----------
    name : str
        Name of the area, for messages.
    array : xarray.DataArray, (stimulus, time, neuroid)
        States of a model or responses of neurons, in any order of dimensions, lazy or in memory; also without time,
        and with ``repeat`` or ``run`` where stimuli were shown more than once. The first dimension may also be
        ``presentation`` or ``trial``. Coordinates ``time_step``, ``time_ms`` (ms after stimulus onset) and those of
        the stimuli are used where they are.
    condition : str or None
        Rows of the same value of this coordinate are presentations of one stimulus; with None each row is a stimulus.

    Attributes
    ----------
    stimuli, neuroids : int
        Their numbers.
    names : list of str or None
        Names of the stimuli: what `condition` says, or their ``stimulus_id``.
    most_presentations : int
        How often any stimulus was shown at most.
    repeated : bool
        Whether a stimulus was shown more than once.
    time_step : numpy.ndarray of int, (time,)
        Counted from 0 where the array names none.
    time_ms : numpy.ndarray, (time,)
        In ms after stimulus onset; NaN throughout without a clock.
    positions : dict of int to int
        Time step -> position on the time axis.

    Raises
    ------
    AnalysisError
        If dimensions, coordinates or values do not fit.

    Notes
    -----
    A time that is listed in the attribute ``unreached_steps``, or at which all is NaN, holds no state. A repeat that is
    NaN for a neuroid was not shown to it and is left out of its mean. Arrays in memory are read as views.
    """

    def __init__(self, name: str, array: xr.DataArray, condition: str | None = "stimulus_id") -> None:
        self.name, self.array = name, array
        rows = [dim for dim in _ROWS if dim in array.dims]
        repeats = [dim for dim in _REPEATS if dim in array.dims]
        if len(rows) != 1 or len(repeats) > 1 or not {"neuroid"} <= set(array.dims) <= {*rows, *repeats, _T, "neuroid"}:
            raise AnalysisError(
                f"area {name}: give dimensions stimulus, time and neuroid, and repeat or run where stimuli were shown "
                f"more than once, not {', '.join(map(str, array.dims)) or 'none'}"
            )
        if 0 in array.shape:
            raise AnalysisError(f"area {name}: holds nothing: {dict(array.sizes)}")
        if array.dtype.kind not in "fiub":
            raise AnalysisError(f"area {name}: give real numbers, not an array of {array.dtype}")
        self._row = rows[0]
        self._order = tuple(dim for dim in (*rows, *(repeats or ("repeat",)), _T, "neuroid"))
        data = array.variable._data
        # Views cost nothing, where every selection by way of xarray costs as much as a small state.
        self._memory = self._ordered(data, array.dims) if isinstance(data, np.ndarray) else None
        self.repeats: int = array.sizes[repeats[0]] if repeats else 1
        self.neuroids: int = array.sizes["neuroid"]
        self.double = array.dtype not in (np.float16, np.float32)
        #: Bytes of one pattern.
        self.row_bytes: int = self.neuroids * (8 if self.double else array.dtype.itemsize)
        self._times()
        self._rows = self._presentations(condition)
        names = self._coordinate("stimulus_id" if self._rows is None or condition is None else condition)
        firsts = slice(None) if self._rows is None else [int(rows[0]) for rows in self._rows]
        self.names = None if names is None else names[firsts].astype(str).tolist()
        self.stimuli: int = array.sizes[self._row] if self._rows is None else len(self._rows)
        self.most_presentations: int = self.repeats * (1 if self._rows is None else max(map(len, self._rows)))
        self.repeated = self.most_presentations > 1

    def _times(self) -> None:
        coords, length = self.array.coords, self.array.sizes.get(_T, 1)
        known, clock = "time_step" in coords, "time_ms" in coords
        self.time_step = np.atleast_1d(coords["time_step"].values).astype(int) if known else np.arange(length)
        self.time_ms = np.atleast_1d(coords["time_ms"].values).astype(float) if clock else np.full(length, np.nan)
        self.positions = {int(step): position for position, step in enumerate(self.time_step)}
        if len(self.positions) != length:
            raise AnalysisError(f"area {self.name}: two states have the same time_step")
        unreached = np.atleast_1d(self.array.attrs.get("unreached_steps", [])).tolist()
        self._reached = ~np.isin(self.time_step, [int(step) for step in unreached])

    def _presentations(self, condition: str | None) -> list[np.ndarray] | None:
        """Return the rows that show each stimulus; None where each row is a stimulus of its own."""
        if condition is None or (condition == "stimulus_id" and condition not in self.array.coords):
            return None
        values = self._coordinate(condition)
        if values is None:
            there = [str(name) for name, c in self.array.coords.items() if c.dims == (self._row,)]
            raise AnalysisError(
                f"condition {condition!r}: {self.name} has no such coordinate of its stimuli; it has {', '.join(there)}"
            )
        _, first, inverse = np.unique(values.astype(str), return_index=True, return_inverse=True)
        if condition == "stimulus_id" and len(first) == len(values):
            return None
        ranks = np.argsort(np.argsort(first))[inverse]  # in the order in which stimuli come first
        return np.split(np.argsort(ranks, kind="stable"), np.cumsum(np.bincount(ranks))[:-1])

    def _coordinate(self, name: str) -> np.ndarray | None:
        found = self.array.coords.get(name)
        return np.asarray(found.values) if found is not None and found.dims == (self._row,) else None

    def per_stimulus(self, coordinate: str) -> np.ndarray | None:
        """Return a coordinate of the stimuli, (stimulus,); None if there is none, or presentations differ in it."""
        values = self._coordinate(coordinate)
        if values is None or self._rows is None:
            return values
        first = values[[rows[0] for rows in self._rows]]
        same = first[np.repeat(np.arange(self.stimuli), [len(rows) for rows in self._rows])]
        return first if (values[np.concatenate(self._rows)] == same).all() else None

    @cached_property
    def exists(self) -> np.ndarray:
        """Whether there is a state at each time, (time,), as the first stimulus tells."""
        nothing = np.isnan(self._take(slice(0, 1))).all((0, 1, 3))
        if self.repeated and nothing.all():  # the first trial may be missing as a whole
            nothing[:] = False
        return np.asarray(self._reached & ~nothing)

    def reached(self, position: int) -> bool:
        """Whether the input has reached the area at a position on the time axis, as far as the recording says."""
        return bool(self._reached[position])

    def state(self, position: int, stimuli: slice = slice(None)) -> np.ndarray | None:
        """Return one state, presentations averaged.

        Parameters
        ----------
        position : int
            On the time axis.
        stimuli : slice
            Which stimuli.

        Returns
        -------
        numpy.ndarray, (stimulus, neuroid), or None
            None where there is no state.

        Raises
        ------
        AnalysisError
            If some of the values, but not all, are NaN or infinite.
        """
        if not self.reached(position):
            return None
        values = self.mean(position, stimuli)
        if _is_finite(values):
            return values
        if np.isnan(values).all():
            return None
        self._refuse(~np.isfinite(values), position, stimuli.start or 0)

    def mean(self, position: int, stimuli: slice = slice(None)) -> np.ndarray:
        """Return the state of some stimuli as it is, presentations averaged, (stimulus, neuroid)."""
        if not self.repeated:
            return self._take(stimuli, position)[:, 0, 0]
        return self._average(*self._presented(stimuli, slice(None), position))[:, 0].numpy()

    def states(self, positions: list[int]) -> Tensor | None:
        """Return states of an array in memory without a copy, (state, stimulus, neuroid); None where one is needed.

        Parameters
        ----------
        positions : list of int
            On the time axis.
        """
        times, memory = _as_slice(np.array(positions)), self._memory
        if memory is None or self.repeated or self._rows is not None or not isinstance(times, slice):
            return None
        # Negative strides, other byte orders and read-only memory are beyond torch.
        known = memory.dtype in (np.float16, np.float32, np.float64) and memory.dtype.isnative
        if not known or not memory.flags.writeable or min(memory.strides) < 0:
            return None
        return torch.from_numpy(memory[:, 0, times].swapaxes(0, 1))

    def runs(self, position: int, stimuli: slice = slice(None), neuroids: slice = slice(None)) -> np.ndarray:
        """Return every presentation at one time, (run, stimulus, neuroid), NaN where a stimulus has fewer."""
        values = self._take(stimuli, position, neuroids)[:, :, 0]
        if self._rows is None:
            return values.swapaxes(0, 1)
        counts = [len(rows) for rows in self._rows[stimuli]]
        most = max(map(len, self._rows))
        runs = np.full((most * self.repeats, len(counts), values.shape[-1]), np.nan, values.dtype)
        for stimulus, rows in enumerate(np.split(values, np.cumsum(counts)[:-1])):
            shown = rows.reshape(-1, values.shape[-1])
            runs[: len(shown), stimulus] = shown
        return runs

    def blocks(self, neuroids: slice = slice(None), trials: bool = False) -> Iterator[tuple[slice, Tensor]]:
        """Read states in blocks of stimuli.

        Parameters
        ----------
        neuroids : slice
            Which neuroids.
        trials : bool
            Yield single presentations in place of their means.

        Yields
        ------
        tuple of (slice, torch.Tensor)
            Which stimuli, and their states (stimulus, time, neuroid) at the times that exist; or every presentation
            of them (presentation, time, neuroid), which may be NaN.

        Raises
        ------
        AnalysisError
            If a state that exists holds NaN or infinity.
        """
        times = np.flatnonzero(self.exists)
        for chosen in self._blocks_of(self.stimuli, self.array.size):
            values, counts = self._presented(chosen, neuroids, _as_slice(times))
            if trials:
                yield chosen, values.flatten(0, -3)
                continue
            states = self._average(values, counts)
            if not is_finite(states):
                wrong = ~states.isfinite()
                at = int(wrong.any(-1).any(0).nonzero()[0])
                self._refuse(wrong[:, at].numpy(force=True), int(times[at]), chosen.start)
            yield chosen, states

    def neuroids_at(self, position: int) -> Iterator[Tensor]:
        """Read the state at one time in blocks of neuroids of all stimuli, (stimulus, neuroid)."""
        for chosen in self._blocks_of(self.neuroids, self.array.size // len(self.time_step)):
            yield self._average(*self._presented(slice(None), chosen, position))[:, 0]

    def stimuli_at(self, position: int) -> Iterator[Tensor]:
        """Read the state at one time in blocks of stimuli of all neuroids, (stimulus, neuroid)."""
        for chosen in self._blocks_of(self.stimuli, self.array.size // len(self.time_step)):
            yield self._average(*self._presented(chosen, slice(None), position))[:, 0]

    @staticmethod
    def _blocks_of(number: int, values: int) -> Iterator[slice]:
        size = max(1, _BLOCK_VALUES // max(values // number, 1))
        return (slice(start, min(start + size, number)) for start in range(0, number, size))

    def _presented(
        self, stimuli: slice, neuroids: slice, times: int | slice | np.ndarray
    ) -> tuple[Tensor, np.ndarray | None]:
        """Return presentations (row, [repeat,] time, neuroid) and how many rows belong to each stimulus."""
        counts = None if self._rows is None else np.array([len(rows) for rows in self._rows[stimuli]])
        values = self._take(stimuli, times, neuroids)
        return to_tensor(values[:, 0] if self.repeats == 1 else values, f"area {self.name}", finite=False), counts

    def _average(self, values: Tensor, counts: np.ndarray | None) -> Tensor:
        """Average presentations of a stimulus, those that are missing left out."""
        if values.ndim == 4:
            values = values.nanmean(1)
        if counts is None:
            return values
        owner = torch.repeat_interleave(torch.arange(len(counts)), torch.from_numpy(counts)).to(values.device)
        there = ~values.isnan()
        total = values.new_zeros(len(counts), *values.shape[1:]).index_add_(0, owner, values.where(there, 0))
        return total / values.new_zeros(total.shape).index_add_(0, owner, there.to(values.dtype))

    def _take(
        self, stimuli: slice, times: int | slice | np.ndarray = slice(None), neuroids: slice = slice(None)
    ) -> np.ndarray:
        """Return what is recorded, (row, repeat, time, neuroid), float64 if it is no floating-point number."""
        rows: Any = stimuli if self._rows is None else _as_slice(np.concatenate(self._rows[stimuli]))
        if isinstance(times, int | np.integer):
            times = slice(int(times), int(times) + 1)
        if self._memory is not None:
            values = self._memory[..., neuroids]
            values = values[:, :, times][rows] if isinstance(times, slice) else values[rows][:, :, times]
        else:
            chosen = {self._row: rows, _T: times, "neuroid": neuroids}
            part = self.array.isel({dim: index for dim, index in chosen.items() if dim in self.array.dims})
            values = self._ordered(part.values, part.dims)
        return values if values.dtype.kind == "f" else values.astype(np.float64)

    def _ordered(self, values: np.ndarray, dims: tuple[Any, ...]) -> np.ndarray:
        """Return a view (row, repeat, time, neuroid), of one repeat or time where there is no such dimension."""
        view = values.transpose([dims.index(dim) for dim in self._order if dim in dims])
        return view[tuple(slice(None) if dim in dims else None for dim in self._order)]

    def _refuse(self, wrong: np.ndarray, position: int, start: int = 0) -> NoReturn:
        """Name the first stimulus of a state that is not finite, (stimulus, neuroid)."""
        stimulus = start + int(np.flatnonzero(wrong.any(1))[0])
        which = stimulus if self.names is None else self.names[stimulus]
        raise AnalysisError(
            f"area {self.name}, step {self.time_step[position]}: holds NaN or infinity for stimulus {which}, where "
            "other states exist: leave such stimuli or neuroids out"
        )


def _is_finite(values: np.ndarray) -> bool:
    """Whether no value is NaN or infinite; most arrays are told by their sum, which is one pass without a copy."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum())) or bool(np.isfinite(values).all())


def _as_slice(index: np.ndarray) -> slice | np.ndarray:
    """Return positions as a slice where they are one run, which is read without a copy."""
    if len(index) and (np.diff(index) == 1).all():
        return slice(int(index[0]), int(index[-1]) + 1)
    return index
