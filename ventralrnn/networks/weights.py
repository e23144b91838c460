"""The identity of a model's weights."""

import hashlib

import torch
from torch import nn


def hash_weights(module: nn.Module) -> str:
    """Return a hash of all parameters and buffers.

    Parameters
    ----------
    module : torch.nn.Module
        Any model.

    Returns
    -------
    str
        SHA-256 over names, types, shapes and values, in hexadecimal; the same on every device and memory format.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if not isinstance(tensor, torch.Tensor):
            continue
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
