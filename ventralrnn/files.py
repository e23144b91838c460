"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        # A full disk is told of without a name by what writes to an open file.
        error.filename = error.filename or str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)
