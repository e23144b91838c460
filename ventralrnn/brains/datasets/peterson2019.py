"""CIFAR-10H: how people label the test pictures of CIFAR-10, and how much they disagree (Peterson et al. 2019)."""

import numpy as np
import xarray as xr

from ventralrnn.errors import DataError
from ventralrnn.stimuli import cache
from ventralrnn.stimuli.cifar10 import LABELS
from ventralrnn.stimuli.named import cifar10_test_ids
from ventralrnn.training import humans


def load_peterson2019() -> xr.DataArray:
    """Return how often people gave each label to each picture.

    Returns
    -------
    xarray.DataArray of float64, (stimulus, category)
        Counts; ``stimulus_id`` (stimulus) as :func:`ventralrnn.stimuli.load_stimuli` names ``'cifar10-test'``,
        ``category`` (category) the ten labels.

    Raises
    ------
    DataError
        The data set is not here, and how to get it; or it is not what its hash promises.
    """
    file = cache.file_path(humans.DATA_SET, humans.FILE)
    counts = np.load(file, allow_pickle=False)
    names = cifar10_test_ids()
    if counts.shape != (len(names), len(LABELS)):
        raise DataError(f"{file}: shape {counts.shape} for {len(names)} pictures and {len(LABELS)} labels")
    coords = {"stimulus_id": ("stimulus", names), "category": ("category", list(LABELS))}
    return xr.DataArray(counts.astype(float), coords, ("stimulus", "category"), "labels", {"units": "people"})


def label_probabilities(counts: xr.DataArray) -> xr.DataArray:
    """Return how probable people's labels are, see :func:`ventralrnn.training.humans.probabilities`.

    Parameters
    ----------
    counts : xarray.DataArray, (stimulus, category)
        As ``load_responses('peterson2019')`` returns.

    Returns
    -------
    xarray.DataArray, (stimulus, category)
        Each stimulus sums to one.

    Examples
    --------
    >>> import xarray as xr
    >>> from ventralrnn.brains import label_probabilities
    >>> counts = xr.DataArray([[30, 10], [0, 20]], dims=("stimulus", "category"))
    >>> label_probabilities(counts).values
    array([[0.75, 0.25],
           [0.  , 1.  ]])
    """
    ordered = counts.transpose("stimulus", "category")
    return ordered.copy(data=humans.probabilities(ordered.values)).assign_attrs(units="probability")


def label_entropies(counts: xr.DataArray) -> xr.DataArray:
    """Return how much people disagree about each picture, see :func:`ventralrnn.training.humans.entropies`.

    Parameters
    ----------
    counts : xarray.DataArray, (stimulus, category)
        As ``load_responses('peterson2019')`` returns.

    Returns
    -------
    xarray.DataArray, (stimulus,)
        In nats.

    Examples
    --------
    >>> import xarray as xr
    >>> from ventralrnn.brains import label_entropies
    >>> counts = xr.DataArray([[10, 10], [0, 20]], dims=("stimulus", "category"))
    >>> label_entropies(counts).values.round(3) + 0.0  # log 2, and nobody disagrees
    array([0.693, 0.   ])
    """
    first = counts.transpose("stimulus", "category").isel(category=0, drop=True)
    return first.copy(data=humans.entropies(counts.transpose("stimulus", "category").values)).assign_attrs(units="nats")
