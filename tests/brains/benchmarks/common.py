"""Models as small recordings, and brains that are made of them."""

from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.brains.benchmarks.base import Settings

SETTINGS = Settings(samples=50)
LABELS = ("cat", "dog", "frog", "ship")


def state(
    name: str, stimuli: int = 40, steps: int = 5, neuroids: int = 100, *, seed: int = 0, first: int = 0, gain: float = 1
) -> xr.DataArray:
    """Return an area (stimulus, time, neuroid) that is reached at a step, and tells four labels ever better."""
    rng = np.random.default_rng(seed)
    codes = np.arange(stimuli) % len(LABELS)
    centres = rng.standard_normal((len(LABELS), neuroids))
    values = rng.standard_normal((stimuli, steps, neuroids))
    values += gain * np.linspace(0.2, 1, steps)[None, :, None] * centres[codes][:, None]
    # A picture has a state of its own, which grows and turns with time.
    values[:, 1:] += values[:, :-1]
    values = values.astype(np.float32)
    values[:, :first] = np.nan
    coords: dict[str, Any] = {
        "stimulus_id": ("stimulus", [f"s{i:02d}" for i in range(stimuli)]),
        "label": ("stimulus", [LABELS[c] for c in codes]),
        "time_step": ("time", np.arange(steps)),
        "time_ms": ("time", 60.0 + 10 * np.arange(steps)),
    }
    attrs = {"unreached_steps": list(range(first))}
    return xr.DataArray(values, coords, ("stimulus", "time", "neuroid"), name, attrs)


def model(**settings: Any) -> dict[str, xr.DataArray]:
    """Return areas V1, V4 and IT, which are reached one after the other."""
    return {
        name: state(name, seed=number + 1, first=number, **settings) for number, name in enumerate(("V1", "V4", "IT"))
    }
