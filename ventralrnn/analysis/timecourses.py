"""How strongly each area responds at every time step, and how fast its state changes."""

import numpy as np
import xarray as xr

from ventralrnn.analysis.reading import AreaStates, Features, open_areas
from ventralrnn.analysis.results import provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError


@checked(AnalysisError)
def time_courses(recording: Features) -> dict[str, xr.Dataset]:
    """Return the time course of every area.

    Parameters
    ----------
    recording : mapping of str to xarray.DataArray, xarray.DataArray, numpy.ndarray or torch.Tensor
        A :class:`ventralrnn.recording.Recording`, read in blocks of stimuli, so that it need not fit into memory; or
        one array (stimulus, time, neuroid).

    Returns
    -------
    dict of str to xarray.Dataset
        For every area ``strength`` and ``change``, both (stimulus, time), with the recording's coordinates.
        ``strength`` is the root mean square over neuroids of the state. ``change`` is the length of the difference to
        the state one step before, divided by the length of the state: 0 is a state at rest. Both are NaN where there
        is no state; ``change`` also where there is none one step before, or where the state is zero.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.analysis import time_courses
    >>> states = np.ones((1, 3, 4)) * np.array([1.0, 2.0, 2.0])[:, None]
    >>> coords = {"time_step": ("time", [0, 1, 2]), "time_ms": ("time", [80.0, 90.0, 100.0])}
    >>> recording = {"IT": xr.DataArray(states, dims=("stimulus", "time", "neuroid"), coords=coords)}
    >>> course = time_courses(recording)["IT"]
    >>> course.strength.values, course.change.values
    (array([[1., 2., 2.]]), array([[nan, 0.5, 0. ]]))
    """
    return {name: _area(area) for name, area in open_areas(recording, condition=None).items()}


def _area(area: AreaStates) -> xr.Dataset:
    shape = area.stimuli, len(area.time_step)
    strength, change = np.full(shape, np.nan), np.full(shape, np.nan)
    times = np.flatnonzero(area.exists)
    consecutive = np.diff(area.time_step[times]) == 1
    for rows, block in area.blocks() if len(times) else ():
        states = block.float().numpy()
        length = np.sqrt(np.mean(np.square(states), axis=2, dtype=np.float64))
        moved = np.sqrt(np.mean(np.square(np.diff(states, axis=1)), axis=2, dtype=np.float64))
        strength[rows, times] = length
        with np.errstate(invalid="ignore", divide="ignore"):
            change[rows, times[1:]] = np.where(consecutive & (length[:, 1:] > 0), moved / length[:, 1:], np.nan)
    dims = ("stimulus", "time")
    coords = {name: c for name, c in area.array.coords.items() if c.dims in (("stimulus",), ("time",))}
    result = xr.Dataset({"strength": (dims, strength), "change": (dims, change)}, coords, provenance(area.array.attrs))
    return result if "time_step" in coords else result.assign_coords(time_step=("time", area.time_step))
