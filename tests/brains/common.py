"""An area as a recording holds it."""

from typing import Any

import numpy as np
import xarray as xr


def area(
    name: str = "IT", stimuli: int = 12, steps: int = 4, neuroids: int = 30, *, seed: int = 0, **attrs: Any
) -> xr.DataArray:
    """Return positive states (stimulus, time, neuroid): the clock begins at 60 ms and goes on in 10 ms."""
    states = np.random.default_rng(seed).gamma(2.0, 1.0, (stimuli, steps, neuroids)).astype(np.float32)
    unreached = attrs.get("unreached_steps", [])
    states[:, unreached] = np.nan
    coords = {
        "stimulus_id": ("stimulus", [f"s{i:02d}" for i in range(stimuli)]),
        "time_step": ("time", np.arange(steps)),
        "time_ms": ("time", 60.0 + 10 * np.arange(steps)),
        "channel": ("neuroid", np.arange(neuroids)),
    }
    attributes = {"unreached_steps": unreached, **attrs}
    return xr.DataArray(states, coords, ("stimulus", "time", "neuroid"), name, attributes)
