"""Where data sets lie on this computer: found, checked against their hashes, fetched when asked for.

``$VENTRALRNN_DATA`` lists folders, separated as in ``$PATH``. All are searched; what is downloaded goes into the first.
A data set lies in a folder of its name.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ventralrnn.errors import DataError
from ventralrnn.stimuli.registry import DataFile, DataSet, data_set

VARIABLE = "VENTRALRNN_DATA"


def search_path() -> tuple[Path, ...]:
    """Return the folders that are searched for data sets; the first is the one that is written to."""
    given = [entry for entry in os.environ.get(VARIABLE, "").split(os.pathsep) if entry.strip()]
    if given:
        return tuple(Path(entry).expanduser().absolute() for entry in given)
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return (Path(base).expanduser().absolute() / "ventralrnn",)


def find(name: str) -> Path | None:
    """Return the folder of a data set if all of it is here, unchecked.

    Parameters
    ----------
    name : str
        Name of the data set.

    Returns
    -------
    pathlib.Path or None
        The folder below which its files lie.

    Raises
    ------
    DataError
        There is no such data set.
    """
    located = _locate(data_set(name))
    return None if located is None else located[0]


def folder(name: str) -> Path:
    """Return the folder of a data set, unchecked: for readers that check each file when they read it.

    Parameters
    ----------
    name : str
        Name of the data set.

    Returns
    -------
    pathlib.Path
        The folder below which its files lie.

    Raises
    ------
    DataError
        It is not here; the message says how to get it.
    """
    found = find(name)
    if found is None:
        raise DataError(_absent(data_set(name)))
    return found


def path(name: str) -> Path:
    """Return the folder of a data set, every file of it checked against its hash.

    Parameters
    ----------
    name : str
        Name of the data set.

    Returns
    -------
    pathlib.Path
        The folder below which its files lie.

    Raises
    ------
    DataError
        It is not here, and how to get it; or a file is not what its hash promises.
    """
    data = data_set(name)
    located = _locate(data)
    if located is None:
        raise DataError(_absent(data))
    here, files = located
    for file in files:
        verify(here / file.path, file)
    return here


def file_path(name: str, file: str) -> Path:
    """Return one file of a data set, checked against its hash, whether or not the others are here.

    Parameters
    ----------
    name : str
        Name of the data set.
    file : str
        Path of the file below the data set's folder.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    DataError
        It is not here, and how to get it; or it is not what its hash promises.
    """
    data = data_set(name)
    known = next((f for f in data.files if f.path == file), None)
    if known is None:
        raise DataError(f"{name} has no file {file!r}")
    for candidate in _folders(data):
        if (candidate / file).is_file():
            verify(candidate / file, known)
            return candidate / file
    raise DataError(_absent(data))


def missing(name: str) -> tuple[DataFile, ...]:
    """Return what must be downloaded into the first folder of the search path to complete a data set there."""
    data = data_set(name)
    if _locate(data) is not None:
        return ()
    target = search_path()[0] / name
    absent = tuple(file for file in data.files if not (target / file.path).is_file())
    return data.downloads if data.archive else absent


def get(name: str, progress: Callable[[int], object] | None = None) -> Path:
    """Return the folder of a data set, checked; download what is missing into the first folder of the search path.

    Files appear under their final names only when whole and checked. What is already here is not downloaded.

    Parameters
    ----------
    name : str
        Name of the data set.
    progress : callable, optional
        Called with the number of bytes that have come in since the last call.

    Returns
    -------
    pathlib.Path
        The folder below which its files lie.

    Raises
    ------
    DataError
        A file cannot be downloaded, or is not what its hash promises; the message says from where it comes, and
        where a copy that was downloaded by other means goes.
    """
    wanted = missing(name)
    if wanted:
        # Here, so that finding data loads no download machinery.
        from ventralrnn.stimuli.download import fetch

        fetch(data_set(name), wanted, search_path()[0] / name, progress)
    return path(name)


_verified: set[tuple[str, int, int, str]] = set()


def verify(file: Path, expected: DataFile) -> None:
    """Check a file against its hash; within one process, an unchanged file is read once.

    Parameters
    ----------
    file : pathlib.Path
        An existing file.
    expected : DataFile
        What it should be.

    Raises
    ------
    DataError
        Names the file, what was expected and what was found.
    """
    try:
        stat = file.stat()
        stamp = (str(file), stat.st_size, stat.st_mtime_ns, expected.hash)
        if stamp in _verified:
            return
        with open(file, "rb") as stream:
            found = hashlib.file_digest(stream, expected.algorithm).hexdigest()
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}") from error
    if found != expected.hash:
        raise DataError(
            f"{file}: not the file it should be: {expected.algorithm} {expected.hash} expected, {found} found"
            f"{_size_note(expected.bytes, stat.st_size)}; delete it and get it again"
        )
    _verified.add(stamp)


def _size_note(expected: int | None, found: int) -> str:
    return "" if expected in (None, found) else f" ({expected} bytes expected, {found} found)"


def _folders(data: DataSet) -> Iterator[Path]:
    for entry in search_path():
        yield entry / data.name
        # A set whose files bring a folder of their own is also found there: other tools lay CIFAR-10 out so.
        if all("/" in file.path for file in data.files):
            yield entry


def _locate(data: DataSet) -> tuple[Path, tuple[DataFile, ...]] | None:
    """Return the first folder that holds all files of one of the layouts, and those files."""
    for candidate in _folders(data):
        for layout in (data.files, data.same_as):
            if layout and all((candidate / file.path).is_file() for file in layout):
                return candidate, layout
    return None


def _absent(data: DataSet) -> str:
    looked = ", ".join(str(entry) for entry in search_path())
    return (
        f"{data.name} is not here (looked in {looked}): get it with `ventralrnn data get {data.name}`, put its files "
        f"into {search_path()[0] / data.name}, or add the folder that holds {data.name}/ to ${VARIABLE}"
    )
