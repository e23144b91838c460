"""How strongly each area responds at every time step, and how fast its state changes."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

_BLOCK_VALUES = 1 << 24


def time_courses(recording: Mapping[str, xr.DataArray]) -> dict[str, xr.Dataset]:
    """Return the time course of every area.

    Parameters
    ----------
    recording : mapping of str to xarray.DataArray, (stimulus, time, neuroid)
        For example a :class:`ventralrnn.recording.Recording`; read in blocks of stimuli, so it need not fit into
        memory.

    Returns
    -------
    dict of str to xarray.Dataset
        For every area ``strength`` and ``change``, both (stimulus, time), with the recording's coordinates.
        ``strength`` is the root mean square over neuroids of the state. ``change`` is the length of the difference to
        the state one step before, divided by the length of the state: 0 is a state at rest. Both are NaN where there
        is no state; ``change`` also where there is none one step before, or where the state is zero.
    """
    return {area: _area(array) for area, array in recording.items()}


def _area(array: xr.DataArray) -> xr.Dataset:
    stimuli, steps, neuroids = array.shape
    strength = np.full((stimuli, steps), np.nan)
    change = np.full((stimuli, steps), np.nan)
    block = max(1, _BLOCK_VALUES // max(steps * neuroids, 1))
    consecutive = np.diff(array.time_step.values) == 1
    for start in range(0, stimuli, block):
        rows = slice(start, start + block)
        states = array[rows].values.astype(np.float32, copy=False)
        strength[rows] = np.sqrt(np.mean(np.square(states), axis=2, dtype=np.float64))
        moved = np.sqrt(np.mean(np.square(np.diff(states, axis=1)), axis=2, dtype=np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            defined = consecutive & (strength[rows, 1:] > 0)
            change[rows, 1:] = np.where(defined, moved / strength[rows, 1:], np.nan)
    dims = ("stimulus", "time")
    return xr.Dataset(
        {"strength": (dims, strength), "change": (dims, change)},
        coords={name: c for name, c in array.coords.items() if c.dims in (("stimulus",), ("time",))},
    )
