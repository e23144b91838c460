"""Public data sets of RDMs, each in the form in which all analyses take them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from ventralrnn.analysis.rdm.container import make_rdms, pair_indices
from ventralrnn.brains.matlab import is_hdf5, open_hdf5
from ventralrnn.brains.matrices import read_matrices
from ventralrnn.errors import AnalysisError, DataError
from ventralrnn.stimuli import cache, registry

MEG_FILE = "MEG_decoding_RDMs.mat"
_MEG_VARIABLE = "MEG_decoding_RDMs"
_MEG_FIRST_MS = -100.0
# What is published as one matrix per area, without subjects, in Figure 1 of Kriegeskorte et al. 2008.
_FIGURE = {"macaque IT": "674 cells of 2 macaques", "human IT": "316 voxels, averaged over 4 people"}


class Named(NamedTuple):
    """A set of RDMs with a name: the data set that it is part of, one line of description, how it is read."""

    data_set: str
    description: str
    read: Callable[[], xr.Dataset]


def load(name: str) -> xr.Dataset:
    """Return a named set of RDMs.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.

    Returns
    -------
    xarray.Dataset
        With name, description, licence and citation among the attributes.

    Raises
    ------
    DataError
        The data set is not here, and how to get it; or it is not what its hash promises.
    """
    entry = NAMES[name]
    data = registry.data_set(entry.data_set)
    rdms = entry.read()
    about = {"licence": data.licence, "citation": data.citation, "stimuli": data.pictures}
    return rdms.assign_attrs(name=name, description=entry.description, **about)


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
    return make_rdms(pairs[:, None], ("subject", "area", "time"), coords, _stimulus_ids(count), attrs)


def _stimulus_ids(count: int = 92) -> list[str]:
    """Return the names that the stimuli have as ``ventralrnn.stimuli.load_stimuli('kriegeskorte2008')``."""
    return [f"kriegeskorte2008-{index:02d}" for index in range(1, count + 1)]


def _objects(
    values: Sequence[np.ndarray] | np.ndarray,
    dims: Sequence[str],
    coords: dict[str, Any],
    distance: str = "correlation",
) -> xr.Dataset:
    return make_rdms(np.asarray(values), dims, coords, _stimulus_ids(), {"distance": distance})


def _figure(*areas: str) -> xr.Dataset:
    file = cache.file_path("kriegeskorte2008", "Kriegeskorte_Neuron2008_supplementalData.mat")
    both = dict(zip(_FIGURE, read_matrices(file, "RDMs_mIT_hIT_fig1").values, strict=True))
    chosen = [both[area] for area in areas]
    return _objects(chosen, ("area",), {"area": list(areas)}).assign_attrs(
        source="; ".join(f"{area}: {_FIGURE[area]}" for area in areas)
    )


def _sessions() -> tuple[np.ndarray, list[str]]:
    """Return human IT (subject, session, pair) and the subjects' initials."""
    file = cache.file_path("kriegeskorte2008", "92_brainRDMs.mat")
    values = read_matrices(file, "RDMs").values
    return values.astype(np.float64), list(_names(file, "RDMs", part=1))[:: values.shape[1]]


def _human_it() -> xr.Dataset:
    values, subjects = _sessions()
    return _objects(values.mean(1)[:, None], ("subject", "area"), {"subject": subjects, "area": ["IT"]})


def _human_it_sessions() -> xr.Dataset:
    values, subjects = _sessions()
    people, sessions, pairs = values.shape
    coords = {
        "subject": [f"{s} {i}" for s in subjects for i in range(1, sessions + 1)],
        "person": ("subject", np.repeat(subjects, sessions)),
        "session": ("subject", np.tile(np.arange(1, sessions + 1), people)),
        "area": ["IT"],
    }
    return _objects(values.reshape(people * sessions, 1, pairs), ("subject", "area"), coords)


def _judgements() -> xr.Dataset:
    file = cache.file_path("kriegeskorte2008", "92_behavRDMs.mat")
    values = read_matrices(file, "rdms_behav_92").values
    coords = {"subject": list(_names(file, "rdms_behav_92", part=1)), "area": ["behaviour"]}
    return _objects(values[:, None], ("subject", "area"), coords, "judged dissimilarity")


def _names(file: Path, variable: str, part: int) -> Iterator[str]:
    """Yield one part of the names ``'area | subject | session'`` in a struct array of the MATLAB RSA toolbox."""
    from scipy.io import loadmat

    for name in loadmat(file, variable_names=[variable])[variable]["name"].ravel():
        yield str(np.squeeze(name)).split("|")[part].strip()


def _cichy2016() -> xr.Dataset:
    areas = ("EVC", "IT")
    files = [cache.file_path("cichy2016", f"fmri_{area}_RDMs.npz") for area in areas]
    values = np.stack([read_matrices(file).values for file in files], axis=1)
    subjects = [f"{s:02d}" for s in range(1, len(values) + 1)]
    return _objects(values, ("subject", "area"), {"subject": subjects, "area": list(areas)})


def _cichy2016_meg() -> xr.Dataset:
    places = [folder / "cichy2016" / MEG_FILE for folder in cache.search_path()]
    for file in places:
        if file.is_file():
            return read_meg(file)
    raise DataError(
        f"cichy2016/meg: {MEG_FILE} is not here, and `ventralrnn data get` has no address for it: save the "
        f"file that the authors publish as {places[0]}, or give its path"
    )


NAMES = {
    "kriegeskorte2008": Named(
        "kriegeskorte2008",
        "Macaque IT (674 cells) and human IT (316 voxels), one RDM each, as published.",
        lambda: _figure(*_FIGURE),
    ),
    "kriegeskorte2008/macaque-it": Named(
        "kriegeskorte2008", "Macaque IT, 674 cells of 2 animals, one RDM.", lambda: _figure("macaque IT")
    ),
    "kriegeskorte2008/human-it": Named(
        "kriegeskorte2008", "Human IT, fMRI of 4 subjects, each the mean of 2 sessions.", _human_it
    ),
    "kriegeskorte2008/human-it-sessions": Named(
        "kriegeskorte2008",
        "Human IT, fMRI of 4 people x 2 sessions as 8 rows: for reliability, not as 8 subjects.",
        _human_it_sessions,
    ),
    "kriegeskorte2008/judgements": Named(
        "kriegeskorte2008", "Similarity judgements of 16 people (Mur et al. 2013).", _judgements
    ),
    "cichy2016": Named("cichy2016", "fMRI of 15 subjects, early visual cortex and IT.", _cichy2016),
    "cichy2016/meg": Named(
        "cichy2016",
        f"MEG of 16 subjects, -100 to 1200 ms in 1 ms, mean of 2 sessions; {MEG_FILE} is put in place by hand.",
        _cichy2016_meg,
    ),
}
