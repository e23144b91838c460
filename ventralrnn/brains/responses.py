"""One way in: responses of brains, from public data sets or a user's own files."""

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from ventralrnn.brains.cowley2023 import load_cowley2023
from ventralrnn.brains.own_data import DESCRIPTIONS, load_own_data
from ventralrnn.brains.peterson2019 import load_peterson2019
from ventralrnn.brains.spikes import load_spikes
from ventralrnn.errors import DataError
from ventralrnn.stimuli import registry

_LOADERS: dict[str, Callable[..., xr.DataArray]] = {
    "cowley2023": load_cowley2023,
    "zhang2011": load_spikes,
    "peterson2019": load_peterson2019,
}
#: Public data sets of responses of brains, and of people's judgements.
RESPONSES, JUDGEMENTS = ("cowley2023", "zhang2011"), ("peterson2019",)


def load_responses(source: str | os.PathLike[str], **options: Any) -> xr.DataArray:
    """Return responses of brains. Nothing is downloaded.

    Parameters
    ----------
    source : str or path
        The name of a public data set:

        - ``'cowley2023'``: macaque V4, spike counts of 50 neurons for 640 pictures, 6 to 10 repeats, one bin of 100 ms;
        - ``'zhang2011'``: macaque IT, spikes of 132 units for 7 objects at 3 positions, about 20 trials each;
        - ``'peterson2019'``: no brain's, but people's labels of CIFAR-10's test pictures: counts (stimulus, category).

        Or data of a user's own: a description in YAML (docs/your-data.md), a folder that holds one, or responses in
        netCDF with named dimensions.
    **options
        For ``'zhang2011'``: ``bin_ms``, ``step_ms`` and ``window_ms``, as :func:`load_spikes` takes them.

    Returns
    -------
    xarray.DataArray, (repeat, stimulus, time, neuroid)
        NaN marks repeats that there are not. Coordinates: ``stimulus_id`` (stimulus), named as
        :func:`ventralrnn.stimuli.load_stimuli` does where there are pictures; ``time_ms``, the centre of the bin after
        stimulus onset, ``time_start_ms``, ``time_end_ms`` (time) where known; ``neuroid_id``, ``area``, ``subject``
        (neuroid) where known. Attributes: licence, citation, description, source, as far as stated; ``stimuli``, what
        :func:`ventralrnn.stimuli.load_stimuli` takes, or '' where there are no pictures.

    Raises
    ------
    DataError
        There is no such data set; it is not here, and how to get it; or a description does not fit its data, and where.
    """
    name = str(source)
    if name in _LOADERS:
        return _LOADERS[name](**options).assign_attrs(_about(name))
    if options:
        raise DataError(f"{next(iter(options))}: is for zhang2011; a description states all that holds for its data")
    path = Path(source).expanduser()
    if path.exists():
        return load_own_data(path)
    near = difflib.get_close_matches(name.lower(), _LOADERS, n=2, cutoff=0.5)
    guess = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(_LOADERS)}"
    if path.suffix.lower() in DESCRIPTIONS:
        guess = "give the path of a description (docs/your-data.md)"
    raise DataError(f"{name}: no such file or data set of responses; {guess}")


def _about(name: str) -> dict[str, str]:
    data = registry.data_set(name)
    return {
        "name": name,
        "description": data.description,
        "licence": data.licence,
        "citation": data.citation,
        "source": os.path.commonprefix([file.address or "" for file in data.files]).rpartition("/")[0],
        "stimuli": data.pictures or "",
    }
