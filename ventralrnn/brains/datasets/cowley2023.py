"""Macaque V4: spike counts of 50 neurons for 640 pictures of objects, with repeats (Cowley et al. 2023)."""

import numpy as np
import xarray as xr

from ventralrnn.brains.responses.shape import make_responses
from ventralrnn.errors import DataError
from ventralrnn.stimuli import cache, load_stimuli

# Of this one session the raw responses and the pictures, those of Bashivan et al. 2019, are published together.
_SESSION, _ANIMAL = "210325", "PE"
_RAW = f"responses_raw_{_SESSION}.npy"
_BIN_MS = 100.0


def load_cowley2023() -> xr.DataArray:
    """Return the responses, as :func:`ventralrnn.brains.load_responses` describes them.

    Returns
    -------
    xarray.DataArray of float64, (repeat, stimulus, time, neuroid)
        10 x 640 x 1 x 50 spike counts in one bin of 100 ms, whose place after stimulus onset the authors do not state
        with the data: ``time_ms`` is NaN. A picture has 6 to 10 repeats, in the first rows; NaN where there are fewer.

    Raises
    ------
    DataError
        The data set is not here, and how to get it; or it is not what its hash promises.
    """
    file = cache.file_path("cowley2023", _RAW)
    counts = np.load(file, allow_pickle=False)
    stimuli = load_stimuli("cowley2023").ids
    if counts.ndim != 3 or counts.shape[1] != len(stimuli):
        raise DataError(f"{file}: shape {counts.shape} for {len(stimuli)} pictures; get the data set again")
    neurons = len(counts)
    return make_responses(
        counts.transpose(2, 1, 0)[:, :, None],
        stimuli,
        area=["V4"] * neurons,
        neuroid_id=[f"{_SESSION}-{neuron:02d}" for neuron in range(neurons)],
        subject=[_ANIMAL] * neurons,
        coords={"session": ("neuroid", [_SESSION] * neurons)},
        attrs={"units": "spikes a bin", "bin_ms": _BIN_MS},
    )
