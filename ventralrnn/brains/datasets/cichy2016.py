"""fMRI and MEG of people who see the 92 pictures of Kriegeskorte et al. 2008 (Cichy, Pantazis & Oliva 2014, 2016)."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.analysis.rdm.container import make_rdms, pair_indices
from ventralrnn.brains.datasets.kriegeskorte2008 import object_rdms, stimulus_ids
from ventralrnn.brains.formats.matlab import is_hdf5, open_hdf5
from ventralrnn.brains.formats.matrices import read_matrices
from ventralrnn.errors import AnalysisError, DataError
from ventralrnn.stimuli import cache

MEG_FILE = "MEG_decoding_RDMs.mat"
_MEG_VARIABLE = "MEG_decoding_RDMs"
_MEG_FIRST_MS = -100.0


def read_fmri() -> xr.Dataset:
    """Return early visual cortex and IT of 15 subjects, (subject, area, pair)."""
    areas = ("EVC", "IT")
    files = [cache.file_path("cichy2016", f"fmri_{area}_RDMs.npz") for area in areas]
    values = np.stack([read_matrices(file).values for file in files], axis=1)
    subjects = [f"{s:02d}" for s in range(1, len(values) + 1)]
    return object_rdms(values, ("subject", "area"), {"subject": subjects, "area": list(areas)})


def find_meg() -> xr.Dataset:
    """Return the MEG where the user has put the authors' file, as :func:`read_meg` does."""
    places = [folder / "cichy2016" / MEG_FILE for folder in cache.search_path()]
    for file in places:
        if file.is_file():
            return read_meg(file)
    raise DataError(
        f"cichy2016/meg: {MEG_FILE} is not here, and `ventralrnn data get` has no address for it: save the "
        f"file that the authors publish as {places[0]}, or give its path"
    )


def read_meg(file: Path) -> xr.Dataset:
    """Read the magnetoencephalography of Cichy et al. 2014 from the file that the authors publish.

    Parameters
    ----------
    file : pathlib.Path
        ``MEG_decoding_RDMs.mat``, HDF5: accuracy of telling two stimuli apart (subject, session, time, stimulus,
        stimulus), read with the axes the other way round; the first time is 100 ms before stimulus onset, 1 ms a time.

    Returns
    -------
    xarray.Dataset
        ``dissimilarity`` (subject, area, time, pair), float32, averaged over sessions; ``time_ms`` (time).

    Raises
    ------
    AnalysisError
        If it is another file.
    """
    try:
        if not is_hdf5(file):
            raise AnalysisError(f"{file}: not HDF5, as the authors' file is")
        with open_hdf5(file) as opened:
            return _condense_meg(opened.variables[_MEG_VARIABLE], file)
    except (OSError, KeyError, RuntimeError) as error:
        raise AnalysisError(f"{file}: {_MEG_VARIABLE} cannot be read from it ({error})") from error


def _condense_meg(variable: Any, file: Path) -> xr.Dataset:
    if variable.ndim != 5 or variable.shape[0] != variable.shape[1]:
        raise AnalysisError(
            f"{file}: {_MEG_VARIABLE} has shape {variable.shape}, not (stimulus, stimulus, time, session, subject)"
        )
    count, _, times, _, subjects = variable.shape
    first, _ = pair_indices(count)
    pairs = np.empty((subjects, times, len(first)), np.float32)
    # A row of the matrices at a time: all of it would be several GB, and rows are whole chunks of the file.
    for row in range(count - 1):
        sessions = np.asarray(variable[row, row + 1 :])
        pairs[..., first == row] = sessions.mean(2).transpose(2, 1, 0)
    if not np.isfinite(pairs).all():
        raise AnalysisError(f"{file}: holds NaN or infinity beside the diagonal; is the download whole?")
    coords = {
        "subject": [f"{s:02d}" for s in range(1, subjects + 1)],
        "area": ["MEG"],
        "time_ms": ("time", _MEG_FIRST_MS + np.arange(times)),
    }
    attrs = {"distance": "decoding accuracy"}
    return make_rdms(pairs[:, None], ("subject", "area", "time"), coords, stimulus_ids(count), attrs)
