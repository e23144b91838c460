"""What a checkpoint says about itself, read without torch and without its weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ventralrnn.errors import SpecificationError, VentralrnnError
from ventralrnn.graph import from_plain
from ventralrnn.networks.spec import NetworkSpec
from ventralrnn.resources import data_dir


@dataclass(frozen=True)
class Header:
    """The header of a checkpoint.

    Parameters
    ----------
    specification : NetworkSpec
        Of the model.
    info : mapping
        What was saved with it: recipe, seed, accuracy.
    version : str
        Version of ventralrnn that wrote it.
    """

    specification: NetworkSpec
    info: Mapping[str, Any]
    version: str


def read_header(path: str | Path) -> Header:
    """Read the header of a checkpoint.

    Parameters
    ----------
    path : str or pathlib.Path
        A file written by :func:`ventralrnn.zoo.save_checkpoint`.

    Returns
    -------
    Header
        What it says.

    Raises
    ------
    SpecificationError
        If the file is missing, damaged, or not such a checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise SpecificationError(f"{path}: no such checkpoint")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise SpecificationError(f"{path}: damaged, or not a safetensors file ({error})") from None
    if "ventralrnn" not in metadata:
        raise SpecificationError(f"{path}: holds no ventralrnn specification, so no model can be built from it")
    try:
        header = json.loads(metadata["ventralrnn"])
        plain, info, version = header["specification"], header["info"], header["version"]
    except (ValueError, KeyError, TypeError):
        raise SpecificationError(f"{path}: its ventralrnn header is damaged: write the checkpoint anew") from None
    try:
        return Header(from_plain(NetworkSpec, plain, "specification"), info, version)
    except VentralrnnError as error:
        raise SpecificationError(f"{path}: {error}") from None


def shipped_checkpoint(name: str) -> Path | None:
    """Return the checkpoint of a zoo model that ships with the package, or None."""
    path = data_dir() / "checkpoints" / f"{name}.safetensors"
    return path if path.is_file() else None
