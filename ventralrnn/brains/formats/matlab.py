"""MATLAB files of every version: those of version 7.3 are HDF5, with the axes the other way round."""

from pathlib import Path
from typing import Any

import numpy as np

from ventralrnn.errors import AnalysisError

_HDF5 = b"\x89HDF\r\n\x1a\n"
# MATLAB puts 512 bytes of its own before the HDF5 signature.
_SIGNATURE_AT = (0, 512)


def read_matlab(file: Path, variable: str | None = None) -> dict[str, np.ndarray]:
    """Return the variables of a MATLAB file.

    Parameters
    ----------
    file : pathlib.Path
        ``.mat``, any version.
    variable : str, optional
        Read this one alone, if it is there.

    Returns
    -------
    dict of str to numpy.ndarray
        With the axes as MATLAB has them. Structs and cells are only read from versions before 7.3.

    Raises
    ------
    AnalysisError
        If it is no such file.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        if is_hdf5(file):
            with open_hdf5(file) as opened:
                chosen = {n: v for n, v in opened.variables.items() if variable in (None, n)}
                return {name: np.asarray(value[...]).T for name, value in chosen.items()}
        wanted = None if variable is None else [variable]
        return {n: v for n, v in loadmat(file, variable_names=wanted).items() if not n.startswith("__")}
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError) as error:
        raise AnalysisError(f"{file}: cannot be read as a MATLAB file ({error})") from error


def is_hdf5(file: Path) -> bool:
    """Whether a file is HDF5, as MATLAB files of version 7.3 are."""
    with open(file, "rb") as stream:
        head = stream.read(_SIGNATURE_AT[-1] + len(_HDF5))
    return any(head[at : at + len(_HDF5)] == _HDF5 for at in _SIGNATURE_AT)


def open_hdf5(file: Path) -> Any:
    """Open a MATLAB file of version 7.3 without reading it; its axes are reversed.

    Parameters
    ----------
    file : pathlib.Path
        The file.

    Returns
    -------
    netCDF4.Dataset
        Its attribute ``variables`` holds every numeric array.
    """
    import netCDF4

    opened = netCDF4.Dataset(file)
    opened.set_auto_mask(False)
    return opened
