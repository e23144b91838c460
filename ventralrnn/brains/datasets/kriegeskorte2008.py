"""IT of macaques and people for 92 pictures of objects (Kriegeskorte et al. 2008, Mur et al. 2013)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.analysis.rdm.container import make_rdms
from ventralrnn.brains.formats.matrices import read_matrices
from ventralrnn.stimuli import cache

#: What is published as one matrix per area, without subjects, in Figure 1 of Kriegeskorte et al. 2008.
AREAS = {"macaque IT": "674 cells of 2 macaques", "human IT": "316 voxels, averaged over 4 people"}


def stimulus_ids(count: int = 92) -> list[str]:
    """Return the names that the stimuli have as ``ventralrnn.stimuli.load_stimuli('kriegeskorte2008')``."""
    return [f"kriegeskorte2008-{index:02d}" for index in range(1, count + 1)]


def object_rdms(
    values: Sequence[np.ndarray] | np.ndarray,
    dims: Sequence[str],
    coords: dict[str, Any],
    distance: str = "correlation",
) -> xr.Dataset:
    """Return RDMs of the 92 pictures."""
    return make_rdms(np.asarray(values), dims, coords, stimulus_ids(), {"distance": distance})


def read_areas(*areas: str) -> xr.Dataset:
    """Return published RDMs, (area, pair), of some of :data:`AREAS`."""
    file = cache.file_path("kriegeskorte2008", "Kriegeskorte_Neuron2008_supplementalData.mat")
    both = dict(zip(AREAS, read_matrices(file, "RDMs_mIT_hIT_fig1").values, strict=True))
    chosen = [both[area] for area in areas]
    return object_rdms(chosen, ("area",), {"area": list(areas)}).assign_attrs(
        source="; ".join(f"{area}: {AREAS[area]}" for area in areas)
    )


def read_human() -> xr.Dataset:
    """Return human IT, (subject, area, pair): four people, each the mean of two sessions."""
    values, subjects = _sessions()
    return object_rdms(values.mean(1)[:, None], ("subject", "area"), {"subject": subjects, "area": ["IT"]})


def read_human_sessions() -> xr.Dataset:
    """Return human IT, (subject, area, pair): a row for each session, coordinates person and session."""
    values, subjects = _sessions()
    people, sessions, pairs = values.shape
    coords = {
        "subject": [f"{s} {i}" for s in subjects for i in range(1, sessions + 1)],
        "person": ("subject", np.repeat(subjects, sessions)),
        "session": ("subject", np.tile(np.arange(1, sessions + 1), people)),
        "area": ["IT"],
    }
    return object_rdms(values.reshape(people * sessions, 1, pairs), ("subject", "area"), coords)


def read_judgements() -> xr.Dataset:
    """Return how unlike 16 people judge the pictures to be, (subject, area, pair)."""
    file = cache.file_path("kriegeskorte2008", "92_behavRDMs.mat")
    values = read_matrices(file, "rdms_behav_92").values
    coords = {"subject": list(_names(file, "rdms_behav_92", part=1)), "area": ["behaviour"]}
    return object_rdms(values[:, None], ("subject", "area"), coords, "judged dissimilarity")


def _sessions() -> tuple[np.ndarray, list[str]]:
    """Return human IT (subject, session, pair) and the subjects' initials."""
    file = cache.file_path("kriegeskorte2008", "92_brainRDMs.mat")
    values = read_matrices(file, "RDMs").values
    return values.astype(np.float64), list(_names(file, "RDMs", part=1))[:: values.shape[1]]


def _names(file: Path, variable: str, part: int) -> Iterator[str]:
    """Yield one part of the names ``'area | subject | session'`` in a struct array of the MATLAB RSA toolbox."""
    from scipy.io import loadmat

    for name in loadmat(file, variable_names=[variable])[variable]["name"].ravel():
        yield str(np.squeeze(name)).split("|")[part].strip()
