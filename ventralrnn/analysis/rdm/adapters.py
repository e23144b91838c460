"""RDMs of other tools: rsatoolbox's objects, mne-rsa's arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.analysis.rdm.container import as_rows, make_rdms
from ventralrnn.errors import AnalysisError

# Of a stack of RDMs, what rsatoolbox keeps of each.
_DESCRIPTORS = ("subject", "area", "time_step", "time_ms")
_STIMULI = ("stimulus_id", "stimulus", "conds", "pattern")


def to_rsatoolbox(rdms: xr.Dataset) -> Any:
    """Return RDMs as an object of rsatoolbox, which must be installed.

    Parameters
    ----------
    rdms : xarray.Dataset
        As :func:`make_rdms` returns. States that do not exist are left out.

    Returns
    -------
    rsatoolbox.rdm.RDMs
        One RDM a state, with descriptors subject, area, time_step and time_ms, and stimulus_id of the patterns.

    Raises
    ------
    AnalysisError
        If rsatoolbox is not installed or there is no state.
    """
    try:
        from rsatoolbox.rdm.rdms import RDMs
    except ImportError as error:
        raise AnalysisError(f"rsatoolbox cannot be imported ({error}): pip install rsatoolbox") from error
    rows, dims = as_rows(rdms)
    exists = ~np.isnan(rows).all(1)
    if not exists.any():
        raise AnalysisError("rdms: no state exists: every RDM is NaN")
    shape = tuple(dims.values())
    descriptors: dict[str, Any] = {}
    for name in _DESCRIPTORS:
        if name in rdms.coords and dims:
            own = rdms[name]
            values = own.transpose(*(d for d in dims if d in own.dims)).values
            index = tuple(slice(None) if d in own.dims else None for d in dims)
            descriptors[name] = np.broadcast_to(values[index], shape).reshape(-1)[exists].tolist()
    patterns = {"stimulus_id": rdms.stimulus_id.values.tolist()} if "stimulus_id" in rdms.coords else {}
    return RDMs(
        rows[exists],
        dissimilarity_measure=rdms.attrs.get("distance"),
        rdm_descriptors=descriptors,
        pattern_descriptors=patterns,
    )


def from_rsatoolbox(rdms: Any, dimension: str = "subject", stimulus: str | None = None) -> xr.Dataset:
    """Return RDMs of rsatoolbox in the form in which analyses take them.

    Parameters
    ----------
    rdms : rsatoolbox.rdm.RDMs
        Any number of RDMs.
    dimension : {'subject', 'area', 'time'}
        What distinguishes the RDMs, if they have no descriptors ``subject``, ``area`` or ``time_step``. With these,
        each becomes a dimension, and combinations that are not there are NaN.
    stimulus : str, optional
        The pattern descriptor that names stimuli; by default stimulus_id, stimulus, conds or pattern, whichever is
        there first.

    Returns
    -------
    xarray.Dataset
        As :func:`make_rdms` returns; attribute ``distance`` is the measure's name, as it was.

    Raises
    ------
    AnalysisError
        If the descriptor is not there, or two RDMs have the same descriptors.
    """
    values = np.asarray(rdms.dissimilarities)
    names = _names(rdms.pattern_descriptors, stimulus)
    attrs = {"distance": str(rdms.dissimilarity_measure)} if rdms.dissimilarity_measure else {}
    found = rdms.rdm_descriptors
    axes = {name: found[name] for name in ("subject", "area", "time_step") if name in found}
    if not axes:
        if dimension not in ("subject", "area", "time"):
            raise AnalysisError(f"dimension {dimension!r}: subject, area or time")
        time = {"time_step": ("time", np.arange(len(values)))} if dimension == "time" else {}
        return make_rdms(values, (dimension,), time, names, attrs)
    levels = {name: list(dict.fromkeys(np.asarray(given).tolist())) for name, given in axes.items()}
    if "time_step" in levels:
        levels["time_step"].sort()
    index = tuple(
        np.array([levels[name].index(value) for value in np.asarray(given).tolist()]) for name, given in axes.items()
    )
    shape = tuple(len(level) for level in levels.values())
    if len(set(zip(*(i.tolist() for i in index), strict=True))) != len(values):
        raise AnalysisError(f"rdms: two RDMs have the same {', '.join(axes)}")
    stacked = np.full((*shape, values.shape[1]), np.nan, values.dtype)
    stacked[index] = values
    dims = tuple("time" if name == "time_step" else name for name in levels)
    coords: dict[str, Any] = {n: ("time" if n == "time_step" else n, level) for n, level in levels.items()}
    if "time_ms" in found and "time_step" in axes:
        coords |= _times(np.asarray(found["time_ms"], float), axes, levels, index)
    return make_rdms(stacked, dims, coords, names, attrs)


def _names(descriptors: Mapping[str, Any], stimulus: str | None) -> list[str] | None:
    if stimulus is not None and stimulus not in descriptors:
        raise AnalysisError(f"stimulus {stimulus!r}: no such pattern descriptor; there are {', '.join(descriptors)}")
    chosen = stimulus or next((name for name in _STIMULI if name in descriptors), None)
    return None if chosen is None else [str(name) for name in descriptors[chosen]]


def _times(ms: np.ndarray, axes: Mapping[str, Any], levels: Mapping[str, Any], index: Any) -> dict[str, Any]:
    """Return time_ms as (area, time) where there are areas, else (time)."""
    dims = [name for name in ("area", "time_step") if name in axes]
    times = np.full([len(levels[name]) for name in dims], np.nan)
    position = dict(zip(axes, index, strict=True))
    times[tuple(position[name] for name in dims)] = ms
    return {"time_ms": (tuple("time" if name == "time_step" else name for name in dims), times, {"units": "ms"})}


def to_mne_rsa(rdms: xr.Dataset) -> np.ndarray:
    """Return RDMs as mne-rsa takes them: condensed arrays, of which a list is a set of models.

    Parameters
    ----------
    rdms : xarray.Dataset
        As :func:`make_rdms` returns.

    Returns
    -------
    numpy.ndarray, (..., pair)
        Without names; ``list(array)`` of (state, pair) is what ``mne_rsa.rsa`` takes as several models.
    """
    return rdms["dissimilarity"].transpose(..., "pair").values


def from_mne_rsa(
    rdms: np.ndarray | Sequence[np.ndarray],
    dims: Sequence[str] = (),
    stimulus_id: Sequence[str] | None = None,
    distance: str | None = None,
) -> xr.Dataset:
    """Return RDMs of mne-rsa in the form in which analyses take them.

    Parameters
    ----------
    rdms : numpy.ndarray or sequence of numpy.ndarray, (..., pair) or (..., stimulus, stimulus)
        Condensed or square.
    dims : sequence of str
        Names of the dimensions before, of ``'subject'``, ``'area'``, ``'time'``.
    stimulus_id : sequence of str, optional
        Names of the stimuli.
    distance : str, optional
        How they were computed; kept as an attribute.

    Returns
    -------
    xarray.Dataset
        As :func:`make_rdms` returns.

    Raises
    ------
    AnalysisError
        If shapes and dimensions do not fit.
    """
    values = np.asarray(rdms)
    if values.ndim == len(dims) + 2 and values.shape[-1] == values.shape[-2]:
        first, second = np.triu_indices(values.shape[-1], 1)
        values = values[..., first, second]
    return make_rdms(values, dims, None, stimulus_id, {"distance": distance} if distance else {})
