"""Which data sets there are: their files with addresses and hashes, licence and citation."""

import difflib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from ventralrnn.errors import DataError


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Parameters
    ----------
    path : str
        Where it lies below the data set's folder, with forward slashes.
    algorithm : {'sha256', 'md5'}
        What its hash is of; md5 only where the authors published nothing else.
    hash : str
        Hex digits.
    bytes : int or None
        Its size, where known.
    address : str or None
        Where it can be downloaded; None for a file that comes in the data set's archive.
    """

    path: str
    algorithm: str
    hash: str
    bytes: int | None
    address: str | None


@dataclass(frozen=True)
class DataSet:
    """A data set that is fetched when it is asked for, and never shipped.

    Parameters
    ----------
    name : str
        First author and year, or what everybody calls it.
    description, licence, citation : str
        For people.
    pictures : str or None
        Name of the stimuli that its responses are to (:func:`ventralrnn.stimuli.load_stimuli`), if there is one.
    files : tuple of DataFile
        What it consists of.
    archive : DataFile or None
        What is downloaded and unpacked to get the files, where they have no addresses of their own.
    same_as : tuple of DataFile
        Another layout of the same data, which is used where it is there.
    """

    name: str
    description: str
    licence: str
    citation: str
    pictures: str | None
    files: tuple[DataFile, ...]
    archive: DataFile | None
    same_as: tuple[DataFile, ...]

    @property
    def downloads(self) -> tuple[DataFile, ...]:
        """What is downloaded to get the whole data set."""
        return (self.archive,) if self.archive else self.files

    @property
    def bytes(self) -> int:
        """Size of the files, in bytes."""
        return sum(file.bytes or 0 for file in self.files)


def names() -> tuple[str, ...]:
    """Return the names of all data sets."""
    return tuple(_registry())


def data_set(name: str) -> DataSet:
    """Return a data set by name.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    DataSet
        Its description; nothing is looked up or downloaded.

    Raises
    ------
    DataError
        There is no such data set; the message says which names come near.
    """
    try:
        return _registry()[name]
    except KeyError:
        near = difflib.get_close_matches(name.lower(), names(), cutoff=0.4)
        guess = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}"
        raise DataError(f"there is no data set {name!r}; {guess}") from None


@cache
def _registry() -> dict[str, DataSet]:
    content = resources.files("ventralrnn.stimuli").joinpath("registry.json").read_text("utf-8")
    return {name: _data_set(name, entry) for name, entry in json.loads(content).items()}


def _data_set(name: str, entry: dict[str, Any]) -> DataSet:
    archive = entry.get("archive")
    # The files of an archive have no addresses of their own.
    base = None if archive else entry["base"]
    return DataSet(
        name=name,
        description=entry["description"],
        licence=entry["licence"],
        citation=entry["citation"],
        pictures=entry["pictures"],
        files=tuple(_file(f, base) for f in entry["files"]),
        archive=_file(archive, entry["base"]) if archive else None,
        same_as=tuple(_file(f, None) for f in entry.get("same_as", ())),
    )


def _file(entry: dict[str, Any], base: str | None) -> DataFile:
    algorithm = "sha256" if "sha256" in entry else "md5"
    address = None if base is None else base + entry.get("address", entry["path"])
    return DataFile(entry["path"], algorithm, entry[algorithm], entry.get("bytes"), address)
