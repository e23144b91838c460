"""Checkpoints: weights in safetensors, with the whole specification in the header. Nothing is ever unpickled."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from ventralrnn import __version__
from ventralrnn.errors import SpecificationError
from ventralrnn.files import whole
from ventralrnn.graph import to_plain
from ventralrnn.networks.network import RecurrentNetwork
from ventralrnn.zoo.headers import read_header


def save_checkpoint(network: RecurrentNetwork, path: str | Path, info: Mapping[str, Any] | None = None) -> None:
    """Write a network to a file from which it can be rebuilt.

    Parameters
    ----------
    network : RecurrentNetwork
        Its weights, statistics and specification are written.
    path : str or pathlib.Path
        Appears under this name only when it is whole.
    info : mapping, optional
        Anything JSON holds that is worth keeping: recipe, seed, accuracy.

    Examples
    --------
    >>> import ventralrnn
    >>> from ventralrnn.zoo import load_checkpoint, save_checkpoint
    >>> save_checkpoint(ventralrnn.load_model("ventral"), "mine.safetensors", {"note": "as shipped"})
    >>> load_checkpoint("mine.safetensors").checkpoint_info["note"]
    'as shipped'
    """
    path = Path(path)
    header = {"specification": to_plain(network.spec, full=True), "version": __version__, "info": dict(info or {})}
    tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    with whole(path) as partial:
        partial.write_bytes(save(tensors, metadata={"ventralrnn": json.dumps(header)}))


def load_checkpoint(path: str | Path) -> RecurrentNetwork:
    """Rebuild a network from a checkpoint.

    Parameters
    ----------
    path : str or pathlib.Path
        A file written by :func:`save_checkpoint`.

    Returns
    -------
    RecurrentNetwork
        In evaluation mode, on the CPU; ``checkpoint_info`` holds what was saved with it.

    Raises
    ------
    SpecificationError
        If the file is missing, damaged, or not such a checkpoint.

    Examples
    --------
    >>> import ventralrnn
    >>> from ventralrnn.zoo import load_checkpoint, save_checkpoint
    >>> save_checkpoint(ventralrnn.load_model("ventral"), "mine.safetensors")
    >>> load_checkpoint("mine.safetensors").spec.name
    'ventral'
    """
    header = read_header(path)
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    with torch.device("meta"):  # takes no time, and no random numbers
        network = RecurrentNetwork(header.specification)
    expected = network.state_dict()
    for key in sorted(expected.keys() | tensors.keys()):
        if key not in tensors or key not in expected or tensors[key].shape != expected[key].shape:
            raise SpecificationError(f"{path}: {key} does not fit the specification in the same file")
        if not tensors[key].isfinite().all():
            raise SpecificationError(f"{path}: {key} has values that are not finite")
    network.load_state_dict(tensors, assign=True)
    network.checkpoint_info = dict(header.info)
    return network.eval()
