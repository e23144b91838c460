"""Results on disk: netCDF files that appear when they are whole and say how they were made."""

import errno
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn import __version__
from ventralrnn.errors import AnalysisError
from ventralrnn.files import refusal, whole

# The attribute by which a result is known as one of ours: the version that wrote it.
_MARK = "ventralrnn_version"
# Bytes that a netCDF file has beside its data, at least.
_OVERHEAD = 1 << 16
# What a result takes over from the recording that it was computed from.
_KEPT = (
    "model",
    "model_details",
    "weights_sha256",
    "preprocessing",
    "clock",
    "pool",
    "seed",
    "stimuli",
    "cut",
    "simulated",
)


def attributes_of(recording: Any) -> dict[str, Any]:
    """Return what a recording says of itself, or what the arrays of a mapping say of theirs.

    Parameters
    ----------
    recording : Recording, mapping of str to xarray.DataArray, xarray.DataArray or array
        What an analysis was given.

    Returns
    -------
    dict
        For :func:`provenance`. A mapping without attributes has those that a result takes over and any array has, so
        that what was computed from simulated arrays is known to be.
    """
    found = dict(getattr(recording, "attrs", None) or {})
    if not found and isinstance(recording, Mapping):
        for array in recording.values():
            own = getattr(array, "attrs", {})
            found = {**{key: own[key] for key in _KEPT if key in own}, **found}
    return found


def about_brain(brain: Any) -> dict[str, Any]:
    """Return what a result has to tell of the RDMs or responses of a brain that went into it."""
    attrs = getattr(brain, "attrs", {})
    return {f"brain_{name}": attrs[name] for name in ("simulated", "citation", "licence") if name in attrs}


def provenance(source: Mapping[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """Return the attributes that say how a result was made.

    Parameters
    ----------
    source : mapping, optional
        Attributes of the recording or result that it was computed from.
    **settings
        Arguments of the analysis, ``command`` among them where there is one.

    Returns
    -------
    dict of str to (str, int or float)
        Values that netCDF holds; anything nested is JSON.
    """
    found = source or {}
    kept = {key: found[key] for key in _KEPT if key in found}
    if "clock" in kept and not kept["clock"]:
        # That of a network of ours is in its specification.
        details = found.get("model_details")
        own = details.get("specification", {}).get("clock") if isinstance(details, Mapping) else None
        kept = {**kept, "clock": own} if own else {key: value for key, value in kept.items() if key != "clock"}
    if found.get("command"):
        kept["source_command"] = found["command"]
    versions = {
        "ventralrnn": __version__,
        "numpy": np.__version__,
        "xarray": xr.__version__,
        "python": platform.python_version(),
    }
    return {key: _plain(value) for key, value in {**kept, **settings, "versions": versions}.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return json.dumps(value, default=str)
    return value


def save_result(result: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a result to a netCDF file, which appears under its name when it is whole.

    Parameters
    ----------
    result : xarray.Dataset
        What an analysis returned.
    path : path
        The file, ``*.nc``; a result of ventralrnn that lies there is replaced.

    Returns
    -------
    pathlib.Path
        The same path.

    Raises
    ------
    AnalysisError
        If another file lies there.
    OSError
        If it cannot be written; the error names the file.
    """
    target = Path(path)
    check_replaceable(target)
    plain = result.copy()
    plain.attrs = {key: _plain(value) for key, value in result.attrs.items() if value is not None}
    plain.attrs[_MARK] = __version__
    for variable in plain.variables.values():
        variable.attrs = {key: _plain(value) for key, value in variable.attrs.items() if value is not None}
    encoding = {
        str(name): {"zlib": True, "complevel": 1}
        for name, variable in plain.data_vars.items()
        if variable.ndim and variable.dtype.kind in "fiu"
    }
    with whole(target) as partial:
        try:
            plain.to_netcdf(partial, engine="netcdf4", format="NETCDF4", encoding=encoding)
        except (RuntimeError, OSError) as error:  # "HDF error" or "Permission denied", also where the disk is full
            raise refusal(partial, plain.nbytes + _OVERHEAD) or OSError(errno.EIO, str(error)) from error
    return target


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Refuse to replace a file that ventralrnn has not written.

    Parameters
    ----------
    path : path
        Where a result shall be written.

    Raises
    ------
    AnalysisError
        If a file lies there that is not a result of ventralrnn.
    """
    target = Path(path)
    if not target.exists():
        return
    import netCDF4

    try:
        with netCDF4.Dataset(target) as there:
            # Those of earlier versions say so only with what they were made by.
            made = _MARK in there.ncattrs() or "ventralrnn" in str(getattr(there, "versions", ""))
    except OSError:
        made = False
    if not made:
        raise AnalysisError(f"{target}: is there and no result of ventralrnn, so it is not replaced: give another name")


def open_result(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a result from a netCDF file into memory.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    xarray.Dataset
        As the analysis returned it.

    Raises
    ------
    AnalysisError
        If there is no such file, or it is not netCDF.
    """
    source = Path(path)
    if not source.is_file():
        raise AnalysisError(f"{source}: no result is there")
    try:
        with xr.open_dataset(source, engine="netcdf4") as opened:
            result = opened.load()
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{source}: is not a netCDF file, or a broken one") from error
    result.attrs.pop(_MARK, None)
    return result
