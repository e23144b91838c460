"""One way in: RDMs and responses of brains, from public data sets or a user's own files."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from ventralrnn.analysis.inference.repeats import keep_repeats
from ventralrnn.arguments import checked
from ventralrnn.brains.datasets import cichy2016
from ventralrnn.brains.datasets.registry import JUDGEMENTS, RDMS, RESPONSES, read_responses
from ventralrnn.brains.datasets.registry import read_rdms as read_public_rdms
from ventralrnn.brains.own.rdms import read_rdms
from ventralrnn.brains.own.responses import DESCRIPTIONS, describe, is_described, load_own_data
from ventralrnn.brains.responses.rdms import compute_response_rdms
from ventralrnn.errors import DataError


@checked(DataError)
def load_brain(
    source: str | os.PathLike[str],
    *,
    dims: Sequence[str] | None = None,
    stimuli: Sequence[str] | None = None,
    time_ms: Sequence[float] | None = None,
    variable: str | None = None,
    distance: str | None = None,
) -> xr.Dataset:
    """Return RDMs of brains. Nothing is downloaded.

    Parameters
    ----------
    source : str or path
        The name of a public data set:

        - ``'kriegeskorte2008'``: macaque IT and human IT, one RDM each; ``'kriegeskorte2008/macaque-it'`` the first;
        - ``'kriegeskorte2008/human-it'``: human IT of 4 subjects, each the mean of two sessions;
          ``'kriegeskorte2008/human-it-sessions'``: the same with the sessions apart, coordinates person, session;
        - ``'kriegeskorte2008/judgements'``: similarity judgements of 16 people;
        - ``'cichy2016'``: early visual cortex and IT of 15 subjects; ``'cichy2016/meg'``: 16 subjects at 1301 times;
        - ``'cowley2023'``, ``'zhang2011'``: RDMs of the responses of macaque V4 and IT.

        Or RDMs of a user's own, a file or folder as :func:`ventralrnn.brains.read_rdms` describes; or responses of a
        user's own, described as for :func:`ventralrnn.brains.load_responses`, of which RDMs are computed.
    dims, stimuli, time_ms, variable
        What files of RDMs do not say, as :func:`ventralrnn.brains.read_rdms` takes it; for these only.
    distance : str, optional
        For responses: any of :func:`ventralrnn.analysis.rdm.compute_rdm`, ``'crossnobis'`` where there are repeats; by
        default what the description says, else ``'correlation'``.

    Returns
    -------
    xarray.Dataset
        As :func:`ventralrnn.analysis.rdm.make_rdms` returns: ``dissimilarity`` (subject, area, time, pair), of the
        first three those that there are. Public sets name their stimuli as :func:`ventralrnn.stimuli.load_stimuli`
        does, and carry licence and citation among the attributes. RDMs of one subject's responses to repeats come with
        these, ``responses`` (repeat, stimulus, time, neuroid), of which :func:`ventralrnn.analysis.rsa` takes ceilings.

    Raises
    ------
    DataError
        There is no such data set or path; or the data set is not here, and how to get it.
    AnalysisError
        A file holds no RDMs; the message names it.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import ventralrnn
    >>> Path("my_rdms").mkdir()
    >>> for subject in range(3):
    ...     np.save(f"my_rdms/{subject}.npy", np.random.default_rng(subject).random(10))  # of five stimuli
    >>> dict(ventralrnn.load_brain("my_rdms").dissimilarity.sizes)
    {'subject': 3, 'pair': 10}
    """
    name = str(source)
    path = Path(source).expanduser()
    given = {"dims": dims, "stimuli": stimuli, "time_ms": time_ms, "variable": variable}
    used = next((key for key, value in given.items() if value is not None), None)
    if name in RESPONSES or (name not in RDMS and is_described(path)):
        if used:
            raise DataError(f"{used}: is for files of RDMs; {name} holds responses")
        stated = None if name in RESPONSES else describe(path).distance
        responses = load_responses(source)
        return keep_repeats(compute_response_rdms(responses, distance or stated or "correlation"), responses)
    if distance is not None:
        raise DataError(f"distance: {name} holds RDMs already, with a distance of their own")
    if name in RDMS:
        if used:
            raise DataError(f"{used}: is for files of your own; {name} states it")
        return read_public_rdms(name)
    if not path.exists():
        known = (*RDMS, *RESPONSES)
        near = difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.5)
        guess = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        raise DataError(f"{name}: no such file, folder or data set of RDMs; {guess}")
    if path.name == cichy2016.MEG_FILE:
        return cichy2016.read_meg(path)
    return read_rdms(path, dims=dims, stimuli=stimuli, time_ms=time_ms, variable=variable)


@checked(DataError)
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

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.brains import load_responses
    >>> cells = xr.DataArray(np.random.default_rng(0).normal(size=(2, 4, 3)), dims=("repeat", "stimulus", "neuroid"))
    >>> cells.assign_coords(stimulus_id=("stimulus", list("abcd"))).rename("rate").to_netcdf("cells.nc")
    >>> dict(load_responses("cells.nc").sizes)
    {'repeat': 2, 'stimulus': 4, 'time': 1, 'neuroid': 3}
    """
    name = str(source)
    known = (*RESPONSES, *JUDGEMENTS)
    if name == "zhang2011" or (name in known and not options):
        return read_responses(name, **options)
    if options:
        raise DataError(f"{next(iter(options))}: is for zhang2011; other data are taken as they are described")
    path = Path(source).expanduser()
    if path.exists():
        return load_own_data(path)
    near = difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.5)
    guess = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    if path.suffix.lower() in DESCRIPTIONS:
        guess = "give the path of a description (docs/your-data.md)"
    raise DataError(f"{name}: no such file or data set of responses; {guess}")
