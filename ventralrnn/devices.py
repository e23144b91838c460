"""Where to compute."""

from typing import TYPE_CHECKING

from ventralrnn.errors import DeviceError

if TYPE_CHECKING:
    import torch


def choose_device(device: str) -> "torch.device":
    """Return the device that a user names.

    Parameters
    ----------
    device : str
        'auto' (the fastest there is), 'cpu', 'cuda', 'cuda:1' or 'mps'.

    Returns
    -------
    torch.device
        One that is there.

    Raises
    ------
    DeviceError
        If it is not.
    """
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(kind for kind in there if there[kind]))
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise DeviceError(f"device {device!r}: auto, cpu, cuda or mps") from None
    if not there.get(chosen.type) or (chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count()):
        raise DeviceError(f"device {device!r}: no such device here; device='auto' takes what there is")
    return chosen
