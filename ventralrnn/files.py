"""Files that are there whole or not at all, and what the system says when they cannot be."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BLOCK = 1 << 20


@contextmanager
def named(path: str | os.PathLike[str], hidden: str | os.PathLike[str] | None = None) -> Iterator[None]:
    """Have what the system refuses inside name a file that the user knows.

    Parameters
    ----------
    path : path
        What is being written. A full disk is told of without any name by what writes to an open file.
    hidden : path, optional
        Where it is written before it takes its name: a name under which the user would look in vain.

    Raises
    ------
    OSError
        As it was raised, with the name.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None or (hidden is not None and _lies_in(str(error.filename), hidden)):
            error.filename = str(path)
        raise


def _lies_in(name: str, folder: str | os.PathLike[str]) -> bool:
    return Path(name).absolute().is_relative_to(Path(folder).absolute())


def _remove(path: Path) -> None:
    """Remove what may be there; where that is refused, what went wrong before tells more."""
    with suppress(OSError):
        path.unlink()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Let a file appear under its name only when it is whole.

    Parameters
    ----------
    path : pathlib.Path
        Its name; what lies there is replaced.

    Yields
    ------
    pathlib.Path
        Where to write. It takes the name at the end, and is gone if anything fails.

    Raises
    ------
    OSError
        If it cannot be written; the error names `path`.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with named(path, partial):
            yield partial
            partial.replace(path)
    finally:
        _remove(partial)


def refusal(path: Path, size: int) -> OSError | None:
    """Find out why a library could not write a file, where it says so badly or not at all, as netCDF does.

    Parameters
    ----------
    path : pathlib.Path
        The file, which is overwritten and removed.
    size : int
        About how many bytes it would have had.

    Returns
    -------
    OSError or None
        What the system says to as many plain bytes in its place: a full disk, a quota, a folder that may only be read;
        None if it takes them.
    """
    try:
        with open(path, "wb", buffering=0) as file:
            left = size
            while left > 0:
                written = file.write(bytes(min(left, _BLOCK)))
                if not written:
                    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                left -= written
            os.fsync(file.fileno())  # some file systems tell of a quota only then
    except OSError as error:
        error.filename = None
        return error
    finally:
        _remove(path)
    return None
