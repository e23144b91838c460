"""Noise ceilings of one subject's RDMs, for which these keep the responses to every repeat."""

import numpy as np
import xarray as xr

from ventralrnn.analysis.inference.ceilings import RepeatCeilings, repeat_ceilings
from ventralrnn.analysis.rdm.distances import PLAIN
from ventralrnn.errors import AnalysisError

_DIMS = ("repeat", "stimulus", "time", "neuroid")


def keep_repeats(rdms: xr.Dataset, responses: xr.DataArray) -> xr.Dataset:
    """Return RDMs of one subject with the responses that they are of, where these have repeats.

    The responses are smaller than RDMs of halves would be, and do not depend on how RDMs are compared later on.

    Parameters
    ----------
    rdms : xarray.Dataset
        ``dissimilarity`` (area, time, pair), as :func:`ventralrnn.brains.load_brain` computes them.
    responses : xarray.DataArray, (repeat, stimulus, time, neuroid)
        Of the same stimuli and times, with a coordinate ``area`` (neuroid) where there are several.

    Returns
    -------
    xarray.Dataset
        With ``responses`` and ``neuroid_area`` (neuroid); unchanged where there are several subjects, whose ceilings
        are better, or but one repeat.
    """
    if "subject" in rdms.dims or responses.sizes["repeat"] < 2:
        return rdms
    own = np.full(responses.sizes["neuroid"], "responses")
    if "area" in responses.coords:
        own = np.array([name or "responses" for name in responses["area"].values.astype(str)])
    kept = rdms.assign(responses=(_DIMS, responses.transpose(*_DIMS).values))
    return kept.assign_coords(neuroid_area=("neuroid", own))


def ceilings_of_repeats(rdms: xr.Dataset, area: str, method: str = "spearman") -> RepeatCeilings:
    """Return the noise ceilings of the RDMs of one area, from halves of the repeats that all stimuli have.

    Parameters
    ----------
    rdms : xarray.Dataset
        As :func:`keep_repeats` returns.
    area : str
        Whose neuroids are taken.
    method : str
        As :func:`~ventralrnn.analysis.comparison.compare_vectors`.

    Returns
    -------
    RepeatCeilings
        Of all times.

    Raises
    ------
    AnalysisError
        Why there are none: no repeats are kept, fewer than two are whole, the distance takes all repeats at once, or
        it is not defined for a half.
    """
    if "responses" not in rdms:
        raise AnalysisError("one RDM, without repeats")
    distance = str(rdms.attrs.get("distance", "correlation"))
    if distance not in PLAIN:
        raise AnalysisError(f"{distance} takes all repeats at once, and none are left for the ceiling")
    own = rdms["neuroid_area"].values == area
    if not own.any():
        raise AnalysisError(f"no responses of {area} are kept")
    responses = rdms["responses"] if "time" in rdms["responses"].dims else rdms["responses"].expand_dims("time")
    chosen = responses.isel(neuroid=np.flatnonzero(own))
    values = chosen.transpose("repeat", "time", "stimulus", "neuroid").values
    whole = values[np.isfinite(values).all((1, 2, 3))]
    if len(whole) < 2:
        raise AnalysisError("fewer than two repeats of all stimuli")
    return repeat_ceilings(whole, distance, method)
