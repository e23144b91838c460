"""RDMs of responses: one for every subject, area and time bin."""

import numpy as np
import xarray as xr

from ventralrnn.analysis.rdm.compute import compute_rdm
from ventralrnn.analysis.rdm.container import make_rdms
from ventralrnn.errors import AnalysisError, DataError

_ABOUT = ("name", "description", "units", "licence", "citation", "source", "stimuli", "simulated")
_PAIR_MS = ("time_start_ms", "time_end_ms")


def compute_response_rdms(responses: xr.DataArray, distance: str = "correlation") -> xr.Dataset:
    """Compute the RDMs of responses.

    Parameters
    ----------
    responses : xarray.DataArray, (repeat, stimulus, time, neuroid)
        As :func:`ventralrnn.brains.load_responses` returns them; coordinates ``subject`` and ``area`` (neuroid) say
        whose patterns are apart.
    distance : str
        Any of :func:`ventralrnn.analysis.rdm.compute_rdm`. Repeats are averaged, but for those distances that need
        them.

    Returns
    -------
    xarray.Dataset
        As :func:`ventralrnn.analysis.rdm.make_rdms` returns: ``dissimilarity`` (subject, area, time, pair), without
        subject where there is but one. NaN where a subject has no such area.

    Raises
    ------
    DataError
        The distance is not defined for these responses, and where.
    """
    subjects, areas = (_values(responses, name) for name in ("subject", "area"))
    names = [list(dict.fromkeys(values.tolist())) for values in (subjects, areas)]
    stimuli, times = responses.sizes["stimulus"], responses.sizes["time"]
    shape = (len(names[0]), len(names[1]), times, stimuli * (stimuli - 1) // 2)
    result = np.full(shape, np.nan)
    for i, subject in enumerate(names[0]):
        for j, area in enumerate(names[1]):
            chosen = np.flatnonzero((subjects == subject) & (areas == area))
            if len(chosen):
                result[i, j] = _compute(responses[..., chosen].rename(area or "responses"), distance)
    coords = {
        "area": [area or "responses" for area in names[1]],
        "time_step": ("time", np.arange(times)),
        "time_ms": ("time", responses["time_ms"].values),
    }
    coords |= {name: ("time", responses[name].values) for name in _PAIR_MS if name in responses.coords}
    coords |= {n: c for n, c in responses.coords.items() if c.dims == ("stimulus",) and n != "stimulus_id"}
    attrs = {key: responses.attrs[key] for key in _ABOUT if responses.attrs.get(key)} | {"distance": distance}
    dims = ("subject", "area", "time")
    if len(names[0]) == 1:
        return make_rdms(result[0], dims[1:], coords, responses["stimulus_id"].values, attrs)
    return make_rdms(result, dims, {"subject": names[0], **coords}, responses["stimulus_id"].values, attrs)


def _values(responses: xr.DataArray, name: str) -> np.ndarray:
    if name in responses.coords:
        return responses[name].values.astype(str)
    return np.full(responses.sizes["neuroid"], "")


def _compute(responses: xr.DataArray, distance: str) -> np.ndarray:
    """Return dissimilarities (time, pair) of one area of one subject."""
    try:
        return compute_rdm(responses, distance, device="cpu")["dissimilarity"].values[0]
    except AnalysisError as error:
        raise DataError(f"{responses.attrs.get('source') or responses.name}: {error}") from error
