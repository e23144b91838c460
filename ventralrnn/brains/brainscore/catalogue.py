"""Benchmarks of Brain-Score, found without loading any."""

import difflib
import re
from functools import cache
from pathlib import Path
from typing import Any

from ventralrnn.brains.brainscore.environment import load_brainscore
from ventralrnn.brains.brainscore.missing import local_data
from ventralrnn.errors import DataError

_REGISTRATION = re.compile(r"^\s*benchmark_registry\[(['\"])(.+?)\1\]", re.MULTILINE)


@cache
def brainscore_ids() -> tuple[str, ...]:
    """Return the ids under which Brain-Score finds benchmarks, sorted.

    Returns
    -------
    tuple of str
        Read from its files, where it looks itself; no plugin is loaded.

    Raises
    ------
    VentralrnnError
        If Brain-Score is not installed.
    """
    folder = Path(str(load_brainscore().__file__)).parent / "benchmarks"
    found = {
        match[1]
        for file in folder.glob("*/__init__.py")
        for match in _REGISTRATION.findall(file.read_text(encoding="utf-8"))
        if not file.parent.name.startswith((".", "_"))
    }
    return tuple(sorted(found))


def check_id(identifier: str) -> None:
    """Raise a DataError if Brain-Score has no benchmark of this id; the message says which come near."""
    ids = brainscore_ids()
    if identifier not in ids:
        near = difflib.get_close_matches(identifier, ids, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise DataError(f"no benchmark {identifier!r}: {hint}ventralrnn benchmarks lists them all")


def load_benchmark(identifier: str, data_dir: str | Path | None = None, download: bool = False) -> Any:
    """Load a benchmark of Brain-Score from data that are here.

    Parameters
    ----------
    identifier : str
        One of :func:`brainscore_ids`.
    data_dir : path, optional
        Folder of Brain-Score's data, in place of ``$BRAINIO_HOME``.
    download : bool
        Whether data that are not here may be fetched.

    Returns
    -------
    Benchmark
        Brain-Score's own.

    Raises
    ------
    DataError
        If there is no such benchmark, its data are not here, or it needs a package that is not installed.
    """
    check_id(identifier)
    with local_data(identifier, data_dir, download):
        return load_brainscore().load_benchmark(identifier)
