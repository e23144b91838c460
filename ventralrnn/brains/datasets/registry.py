"""The public data sets by name: which hold RDMs, responses or judgements, and how each is read."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import xarray as xr

from ventralrnn.brains.datasets import cichy2016, kriegeskorte2008
from ventralrnn.brains.datasets.cowley2023 import load_cowley2023
from ventralrnn.brains.datasets.peterson2019 import load_peterson2019
from ventralrnn.brains.datasets.zhang2011 import load_spikes
from ventralrnn.stimuli import registry


class Named(NamedTuple):
    """A set of RDMs with a name: the data set that it is part of, one line of description, how it is read."""

    data_set: str
    description: str
    read: Callable[[], xr.Dataset]


#: Public sets of RDMs.
RDMS = {
    "kriegeskorte2008": Named(
        "kriegeskorte2008",
        "Macaque IT (674 cells) and human IT (316 voxels), one RDM each, as published.",
        lambda: kriegeskorte2008.read_areas(*kriegeskorte2008.AREAS),
    ),
    "kriegeskorte2008/macaque-it": Named(
        "kriegeskorte2008",
        "Macaque IT, 674 cells of 2 animals, one RDM.",
        lambda: kriegeskorte2008.read_areas("macaque IT"),
    ),
    "kriegeskorte2008/human-it": Named(
        "kriegeskorte2008", "Human IT, fMRI of 4 subjects, each the mean of 2 sessions.", kriegeskorte2008.read_human
    ),
    "kriegeskorte2008/human-it-sessions": Named(
        "kriegeskorte2008",
        "Human IT, fMRI of 4 people x 2 sessions as 8 rows; a subject is a person (coordinate person).",
        kriegeskorte2008.read_human_sessions,
    ),
    "kriegeskorte2008/judgements": Named(
        "kriegeskorte2008", "Similarity judgements of 16 people (Mur et al. 2013).", kriegeskorte2008.read_judgements
    ),
    "cichy2016": Named("cichy2016", "fMRI of 15 subjects, early visual cortex and IT.", cichy2016.read_fmri),
    "cichy2016/meg": Named(
        "cichy2016",
        f"MEG of 16 subjects, -100 to 1200 ms in 1 ms, mean of 2 sessions; put {cichy2016.MEG_FILE} in place by hand.",
        cichy2016.find_meg,
    ),
}

#: Public data sets of responses of brains, and of people's judgements.
RESPONSES: dict[str, Callable[..., xr.DataArray]] = {"cowley2023": load_cowley2023, "zhang2011": load_spikes}
JUDGEMENTS: dict[str, Callable[..., xr.DataArray]] = {"peterson2019": load_peterson2019}


def read_rdms(name: str) -> xr.Dataset:
    """Return a named set of RDMs.

    Parameters
    ----------
    name : str
        One of :data:`RDMS`.

    Returns
    -------
    xarray.Dataset
        With name, description, licence and citation among the attributes.

    Raises
    ------
    DataError
        The data set is not here, and how to get it; or it is not what its hash promises.
    """
    entry = RDMS[name]
    data = registry.data_set(entry.data_set)
    rdms = entry.read()
    about = {"licence": data.licence, "citation": data.citation, "stimuli": data.pictures}
    return rdms.assign_attrs(name=name, description=entry.description, **about)


def read_responses(name: str, **options: Any) -> xr.DataArray:
    """Return named responses or judgements, as their loader does, with what the registry says of them."""
    read = {**RESPONSES, **JUDGEMENTS}[name]
    return read(**options).assign_attrs(_about(name))


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
