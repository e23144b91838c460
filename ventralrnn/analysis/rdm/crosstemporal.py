"""Dissimilarities between states at different times: the geometry of one time against that of another."""

from typing import Any, TypeVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.arrays import to_kind, to_tensor
from ventralrnn.analysis.rdm.distances import PLAIN, check_distance, check_shape
from ventralrnn.analysis.rdm.patterns import Frame, Patterns, distances_between, place
from ventralrnn.analysis.rdm.tiles import to_patterns
from ventralrnn.analysis.reading import AreaStates, open_areas
from ventralrnn.analysis.results import provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

A = TypeVar("A", np.ndarray, Tensor)


def compute_crosstemporal(features: A, distance: str = "correlation", *, constant: str = "raise") -> A:
    """Compute the dissimilarity of every stimulus at every time to every stimulus at every other time.

    Parameters
    ----------
    features : numpy.ndarray or torch.Tensor, (time, stimulus, feature)
        Patterns. A time at which they are NaN throughout does not exist.
    distance : {'correlation', 'euclidean', 'sqeuclidean', 'cosine'}
        See :func:`compute_distances`.
    constant : {'raise', 'nan'}
        See :func:`compute_distances`.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (time, time_other, stimulus, stimulus_other)
        ``[t, u, i, j]`` is the dissimilarity of stimulus i at time t to stimulus j at time u. It equals
        ``[u, t, j, i]``; that of one pair of times is not symmetric, and its diagonal says how far each stimulus moved.
        NaN where one of the times does not exist.

    Raises
    ------
    AnalysisError
        As :func:`compute_distances`.
    """
    check_distance(distance, PLAIN)
    values = to_tensor(features, "features", ndim=3, finite=False)
    check_shape(values.shape, distance)
    steps = [str(step) for step in range(len(values))]
    result, frame = _empty(len(values), values.shape[1], values), None
    for t in range(len(values)):
        first = _place(values[t], distance, frame, constant, steps[t])
        if first is None:
            continue
        frame = first.frame
        for u in range(t, len(values)):
            other = first if u == t else _place(values[u], distance, frame, constant, steps[u])
            if other is not None:
                _put(result, t, u, first, other)
    return to_kind(result, features)


@checked(AnalysisError)
def compute_crosstemporal_rdm(
    area: xr.DataArray, distance: str = "correlation", *, constant: str = "raise"
) -> xr.DataArray:
    """Compute the dissimilarity of every stimulus at every time step to every stimulus at every other, for one area.

    Parameters
    ----------
    area : xarray.DataArray, (stimulus, time, neuroid)
        Activations; two time steps are in memory at a time.
    distance : {'correlation', 'euclidean', 'sqeuclidean', 'cosine'}
        See :func:`compute_distances`.
    constant : {'raise', 'nan'}
        See :func:`compute_distances`.

    Returns
    -------
    xarray.DataArray, (time, time_other, stimulus, stimulus_other)
        As :func:`compute_crosstemporal` returns, with coordinates time_step and time_ms (ms after stimulus onset) of
        both times, and stimulus_id.

    Raises
    ------
    AnalysisError
        As :func:`compute_distances`; also for repeats, which must be averaged first.
    """
    check_distance(distance, PLAIN)
    ((name, states),) = open_areas(area).items()
    if states.repeated:
        raise AnalysisError(f"{name}: holds repeats: average over them first")
    check_shape((states.stimuli, states.neuroids), distance, f" of {name}")
    steps = states.time_step

    def load(position: int, frame: Frame | None) -> Patterns | None:
        if not states.reached(position):
            return None
        values = to_patterns(states.mean(position), torch.device("cpu"))
        return _place(values, distance, frame, constant, f"{steps[position]} of {name}", states.names)

    result, frame = None, None
    for t in range(len(steps)):
        first = load(t, frame)
        if first is None:
            continue
        frame = first.frame
        if result is None:
            result = _empty(len(steps), states.stimuli, first.frame.centre)
        for u in range(t, len(steps)):
            other = first if u == t else load(u, frame)
            if other is not None:
                _put(result, t, u, first, other)
    if result is None:
        raise AnalysisError(f"{name}: no time step of it exists")
    return _label(result, states, area, distance)


def _empty(times: int, stimuli: int, like: Tensor) -> Tensor:
    return like.new_full((times, times, stimuli, stimuli), torch.nan)


def _place(
    values: Tensor, distance: str, frame: Frame | None, constant: str, step: str, names: list[str] | None = None
) -> Patterns | None:
    """Return the patterns of one time, or None if it does not exist."""
    if bool(values.isnan().all()):
        return None
    return place(values[None], distance, frame, constant, f", time step {step}", names)


def _put(result: Tensor, t: int, u: int, first: Patterns, other: Patterns) -> None:
    result[t, u] = distances_between(first, other)[0]
    if t == u:
        # Rounding: no stimulus is away from itself.
        result[t, t].diagonal().mul_(0)
    else:
        result[u, t] = result[t, u].T


def _label(result: Tensor, states: AreaStates, area: xr.DataArray, distance: str) -> xr.DataArray:
    steps, ms = states.time_step.astype(np.int32), states.time_ms
    coords: dict[str, Any] = {}
    for suffix in ("", "_other"):
        coords[f"time_step{suffix}"] = (f"time{suffix}", steps)
        coords[f"time_ms{suffix}"] = (f"time{suffix}", ms, {"units": "ms"})
        if states.names is not None:
            coords[f"stimulus_id{suffix}"] = (f"stimulus{suffix}", np.array(states.names))
    attrs = provenance(area.attrs, distance=distance, area=states.name)
    dims = ("time", "time_other", "stimulus", "stimulus_other")
    return xr.DataArray(result.numpy(), coords, dims, "dissimilarity", attrs)
