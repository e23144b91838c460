"""Arrays from NumPy's files, which are never unpickled."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ventralrnn.errors import AnalysisError

_BEGIN = (b"\x93NUMPY", b"PK")


def read_numpy(file: Path) -> Any:
    """Read ``.npy`` or ``.npz``.

    Parameters
    ----------
    file : pathlib.Path
        The file.

    Returns
    -------
    numpy.ndarray or dict of str to numpy.ndarray
        The array, or those of an archive by their names.

    Raises
    ------
    AnalysisError
        If it is none, broken, or holds Python objects.
    """
    with open(file, "rb") as stream:
        if not stream.read(6).startswith(_BEGIN):
            raise AnalysisError(f"{file}: cannot be read: numpy.save or numpy.savez did not write it")
    try:
        loaded = np.load(file, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        objects = "allow_pickle" in str(error) or "pickled" in str(error)
        reason = "Python objects are not loaded from a file: save plain numbers" if objects else str(error)
        raise AnalysisError(f"{file}: cannot be read ({reason})") from error
