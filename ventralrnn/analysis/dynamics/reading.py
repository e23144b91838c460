"""Areas of a recording, be it of a model or of neurons, read block by block."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.errors import AnalysisError

# Numbers that a block holds at most.
_BLOCK_VALUES = 1 << 22
_FIRST = ("stimulus", "presentation", "trial")


@dataclass(frozen=True)
class AreaStates:
    """One area's states over time, read when they are needed.

    Parameters
    ----------
    name : str
        Name of the area, for messages.
    array : xarray.DataArray, (stimulus, time, neuroid) or (stimulus, repeat, time, neuroid)
        States or responses, in any order of dimensions if they are in memory; see :func:`open_area`.

    Notes
    -----
    A time at which all is NaN holds no state and is left out of every block. A repeat that is NaN for a neuroid was
    not shown to it and is left out of its mean.
    """

    name: str
    array: xr.DataArray

    @cached_property
    def _rows(self) -> list[np.ndarray] | None:
        """Rows of the array that show each stimulus; None where each row is a stimulus of its own."""
        if "stimulus_id" not in self.array.coords:
            return None
        names = self.array["stimulus_id"].values
        unique, first, inverse = np.unique(names, return_index=True, return_inverse=True)
        if len(unique) == len(names):
            return None
        ranks = np.argsort(np.argsort(first))[inverse]  # in the order in which stimuli come first
        return [np.flatnonzero(ranks == rank) for rank in range(len(unique))]

    @cached_property
    def _first_rows(self) -> np.ndarray:
        return np.arange(len(self.array)) if self._rows is None else np.array([rows[0] for rows in self._rows])

    @property
    def stimuli(self) -> int:
        """Number of stimuli."""
        return len(self._first_rows)

    @property
    def neuroids(self) -> int:
        """Number of neuroids."""
        return self.array.sizes["neuroid"]

    @property
    def has_trials(self) -> bool:
        """Whether stimuli were shown more than once."""
        return "repeat" in self.array.dims or self._rows is not None

    def per_stimulus(self, coordinate: str) -> np.ndarray | None:
        """Return a coordinate of the stimuli, (stimulus,); None if there is none of that name."""
        if coordinate not in self.array.coords or self.array[coordinate].dims != self.array.dims[:1]:
            return None
        return np.asarray(self.array[coordinate].values)[self._first_rows]

    @property
    def time_step(self) -> np.ndarray:
        """Time steps (time,), counted from 0 where the array names none."""
        if "time_step" in self.array.coords:
            return np.asarray(self.array["time_step"].values, int)
        return np.arange(self.array.sizes["time"])

    @property
    def time_ms(self) -> np.ndarray:
        """Milliseconds after stimulus onset (time,); NaN throughout without a clock."""
        if "time_ms" in self.array.coords:
            return np.asarray(self.array["time_ms"].values, float)
        return np.full(self.array.sizes["time"], np.nan)

    @cached_property
    def exists(self) -> np.ndarray:
        """Whether there is a state at each time, (time,)."""
        known = ~np.isin(self.time_step, list(self.array.attrs.get("unreached_steps", ())))
        one = self.array[:1].values
        axes = tuple(i for i, dim in enumerate(self.array.dims) if dim != "time")
        nothing = np.isnan(one).all(axes)
        if self.has_trials and nothing.all():  # the first trial may be missing as a whole
            nothing[:] = False
        return np.asarray(known & ~nothing)

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
        each = len(self.array) // self.stimuli * int(np.prod(self.array.shape[1:], dtype=int))
        size = max(1, _BLOCK_VALUES // max(each, 1))
        for start in range(0, self.stimuli, size):
            chosen = slice(start, min(start + size, self.stimuli))
            values, counts = self._read(chosen, neuroids)
            if trials:
                yield chosen, values.reshape(-1, *values.shape[-2:])
                continue
            states = self._average(values, counts)
            if not bool(states.isfinite().all()):
                at = (~states.isfinite()).nonzero()[0].tolist()
                step = self.time_step[self.exists][at[1]]
                raise AnalysisError(
                    f"area {self.name}: NaN or infinity in the state of stimulus {start + at[0]} at step {step}, where "
                    "other states exist: leave this stimulus or neuroid out"
                )
            yield chosen, states

    def neuroids_at(self, index: int) -> Iterator[Tensor]:
        """Read the state at one time (an index) in blocks of neuroids of all stimuli, (stimulus, neuroid)."""
        size = max(1, _BLOCK_VALUES // max(self.array.size // (self.neuroids * self.array.sizes["time"]), 1))
        for start in range(0, self.neuroids, size):
            yield self._average(*self._read(slice(0, self.stimuli), slice(start, start + size), index))[:, 0]

    def stimuli_at(self, index: int) -> Iterator[Tensor]:
        """Read the state at one time (an index) in blocks of stimuli of all neuroids, (stimulus, neuroid)."""
        size = max(1, _BLOCK_VALUES // max(self.array.size // (self.stimuli * self.array.sizes["time"]), 1))
        for start in range(0, self.stimuli, size):
            stimuli = slice(start, min(start + size, self.stimuli))
            yield self._average(*self._read(stimuli, slice(None), index))[:, 0]

    def _read(self, stimuli: slice, neuroids: slice, time: int | None = None) -> tuple[Tensor, np.ndarray | None]:
        """Return presentations (row, [repeat,] time, neuroid) and how many rows belong to each stimulus."""
        rows: Any = stimuli
        counts = None
        if self._rows is not None:
            chosen = self._rows[stimuli]
            rows, counts = np.concatenate(chosen), np.array([len(r) for r in chosen])
        index = {self.array.dims[0]: rows, "time": self._existing if time is None else slice(time, time + 1)}
        values = self.array.isel({**index, "neuroid": neuroids}).values
        return to_tensor(values, f"area {self.name}", finite=False), counts

    @cached_property
    def _existing(self) -> slice | np.ndarray:
        """Times that exist, as a slice where they are one run, which is read without a copy."""
        index = np.flatnonzero(self.exists)
        if len(index) and index[-1] - index[0] == len(index) - 1:
            return slice(int(index[0]), int(index[-1]) + 1)
        return index

    def _average(self, values: Tensor, counts: np.ndarray | None) -> Tensor:
        """Average presentations of a stimulus, those that are missing left out."""
        if values.ndim == 4:
            values = values.nanmean(1)
        if counts is None:
            return values
        owner = torch.repeat_interleave(torch.arange(len(counts)), torch.from_numpy(counts)).to(values.device)
        there = values.isfinite()
        total = values.new_zeros(len(counts), *values.shape[1:]).index_add_(0, owner, values.where(there, values * 0))
        total = total.where(total.isfinite(), values.new_zeros(()))
        return total / values.new_zeros(total.shape).index_add_(0, owner, there.to(values.dtype))


def open_area(name: str, array: xr.DataArray) -> AreaStates:
    """Return one area of a recording as an object that reads it block by block.

    Parameters
    ----------
    name : str
        Name of the area.
    array : xarray.DataArray, (stimulus, time, neuroid)
        Area of a recording of a model, or responses of neurons, with a dimension ``repeat`` if each stimulus was shown
        more than once. The first dimension may also be ``presentation`` or ``trial``; rows of the same
        ``stimulus_id`` are presentations of one stimulus. Coordinates ``time_ms`` (ms after stimulus onset),
        ``time_step`` and ``label`` are used where they are.

    Returns
    -------
    AreaStates
        The same data.

    Raises
    ------
    AnalysisError
        If dimensions are missing or unknown, or there is nothing.
    """
    first = [dim for dim in _FIRST if dim in array.dims]
    wanted = (first[0] if first else "stimulus", *(("repeat",) if "repeat" in array.dims else ()), "time", "neuroid")
    if set(array.dims) != set(wanted) or len(first) != 1:
        raise AnalysisError(
            f"area {name}: has dimensions ({', '.join(map(str, array.dims))}); give (stimulus, time, neuroid), with "
            "repeat where stimuli were shown more than once"
        )
    if 0 in array.shape:
        raise AnalysisError(f"area {name}: holds nothing: {dict(array.sizes)}")
    return AreaStates(name, array if array.dims == wanted else array.transpose(*wanted))


def open_areas(recording: Mapping[str, xr.DataArray], names: list[str] | None = None) -> dict[str, AreaStates]:
    """Return areas of a recording, without the currents of connections that it may hold too.

    Parameters
    ----------
    recording : mapping of str to xarray.DataArray
        A :class:`ventralrnn.recording.Recording`, or responses of neurons by area.
    names : list of str, optional
        Areas to take; all by default.

    Returns
    -------
    dict of str to AreaStates
        In the order asked for.

    Raises
    ------
    AnalysisError
        If an area is not there, or areas hold different stimuli.
    """
    held = [name for name in recording if name not in connections(recording)]
    missing = [name for name in names or () if name not in recording]
    if missing:
        raise AnalysisError(f"areas: the recording has no area {missing[0]!r}; it has {', '.join(held)}")
    opened = {name: open_area(name, recording[name]) for name in names or held}
    if not opened:
        raise AnalysisError("recording: holds no area")
    first, *others = opened.values()
    for other in others:
        if other.stimuli != first.stimuli or not _same(first, other):
            raise AnalysisError(
                f"areas: {first.name} and {other.name} hold different stimuli: analyse them one by one, or take the "
                "common ones"
            )
    return opened


def _same(first: AreaStates, other: AreaStates) -> bool:
    names, others = first.per_stimulus("stimulus_id"), other.per_stimulus("stimulus_id")
    return names is None or others is None or names.tolist() == others.tolist()


def connections(recording: Mapping[str, xr.DataArray]) -> dict[str, Mapping[str, Any]]:
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
