"""One way in: RDMs of brains, from public data sets or a user's own files."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from ventralrnn.brains import named
from ventralrnn.brains.rdm_files import read_rdms
from ventralrnn.errors import DataError


def load_brain(
    source: str | os.PathLike[str],
    *,
    dims: Sequence[str] | None = None,
    stimuli: Sequence[str] | None = None,
    time_ms: Sequence[float] | None = None,
    variable: str | None = None,
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
        - ``'cichy2016'``: early visual cortex and IT of 15 subjects; ``'cichy2016/meg'``: 16 subjects at 1301 times.

        Or a file or folder of a user's own, as :func:`ventralrnn.brains.read_rdms` describes.
    dims, stimuli, time_ms, variable
        What the files do not say, as :func:`ventralrnn.brains.read_rdms` takes it; for files and folders only.

    Returns
    -------
    xarray.Dataset
        As :func:`ventralrnn.analysis.rdm.make_rdms` returns: ``dissimilarity`` (subject, area, time, pair), of the
        first three those that there are. Public sets name their stimuli as :func:`ventralrnn.stimuli.load_stimuli`
        does, and carry licence and citation among the attributes.

    Raises
    ------
    DataError
        There is no such data set or path; or the data set is not here, and how to get it.
    AnalysisError
        A file holds no RDMs; the message names it.
    """
    name = str(source)
    if name in named.NAMES:
        given = {"dims": dims, "stimuli": stimuli, "time_ms": time_ms, "variable": variable}
        if used := [key for key, value in given.items() if value is not None]:
            raise DataError(f"{used[0]}: is for files of your own; {name} states it")
        return named.load(name)
    path = Path(source).expanduser()
    if not path.exists():
        near = difflib.get_close_matches(name.lower(), named.NAMES, n=2, cutoff=0.5)
        guess = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(named.NAMES)}"
        raise DataError(f"{name}: no such file, folder or data set of RDMs; {guess}")
    if path.name == named.MEG_FILE:
        return named.read_meg(path)
    return read_rdms(path, dims=dims, stimuli=stimuli, time_ms=time_ms, variable=variable)
