"""Areas as a recording holds them, and references that owe the package nothing."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.spatial.distance import pdist


def area(
    states: Any, name: str = "IT", steps: Any = None, unreached: tuple[int, ...] = (), **coords: Any
) -> xr.DataArray:
    """Return an array (stimulus, time, neuroid) with the coordinates and attributes of a recording."""
    states = np.array(states)
    steps = np.arange(states.shape[1]) if steps is None else np.array(steps)
    states[:, np.isin(steps, unreached)] = np.nan
    named = {
        "stimulus_id": ("stimulus", [f"s{i}" for i in range(len(states))]),
        "time_step": ("time", steps),
        "time_ms": ("time", 50.0 + 10 * steps),
    }
    attrs = {"unreached_steps": list(unreached)}
    return xr.DataArray(states, {**named, **coords}, ("stimulus", "time", "neuroid"), name, attrs)


def reference(features: np.ndarray, distance: str) -> np.ndarray:
    """Return scipy's distances in float64."""
    return pdist(np.asarray(features, np.float64), distance)


def near_duplicates(stimuli: int, features: int, spread: float = 1e-2, seed: int = 0) -> np.ndarray:
    """Return float32 states that have almost converged, around a mean of 1000."""
    rng = np.random.default_rng(seed)
    common = 1000 + rng.standard_normal(features)
    return (common + spread * rng.standard_normal((stimuli, features))).astype(np.float32)
