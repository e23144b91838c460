"""Results on disk: netCDF files that appear when they are whole and say how they were made."""

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
from ventralrnn.files import whole

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
        The file, ``*.nc``; what lies there is replaced.

    Returns
    -------
    pathlib.Path
        The same path.

    Raises
    ------
    OSError
        If it cannot be written; the error names the file.
    """
    target = Path(path)
    plain = result.copy()
    plain.attrs = {key: _plain(value) for key, value in result.attrs.items() if value is not None}
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
        except RuntimeError as error:  # the library's own word for a full disk among other things
            raise OSError(f"{target}: could not be written ({error}); is the disk full?") from error
    return target


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
            return opened.load()
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{source}: cannot be read as netCDF ({error})") from error
