"""From 8-bit pixels to the numbers that a model takes."""

from typing import TYPE_CHECKING

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch


def standardise(pixels: "torch.Tensor", preprocessing: Preprocessing) -> "torch.Tensor":
    """Scale pixels to 0..1 and standardise them per channel, on the device where they are.

    Parameters
    ----------
    pixels : torch.Tensor
        uint8 pictures (batch, y, x, 3) or movies (batch, frame, y, x, 3); or floating point input that is already
        preprocessed, of any shape.
    preprocessing : Preprocessing
        The model's ``mean`` and ``std``.

    Returns
    -------
    torch.Tensor, float32
        (batch, 3, y, x), in channels-last memory order, or (batch, frame, 3, y, x): ``(pixels / 255 - mean) / std``.
        Floating point input is returned unchanged, as float32.

    Raises
    ------
    StimulusError
        Pixels of another shape or data type.
    """
    import torch

    if pixels.is_floating_point():
        return pixels.to(torch.float32)
    if pixels.dtype != torch.uint8 or pixels.ndim not in (4, 5) or pixels.shape[-1] != 3:
        raise StimulusError(
            f"pixels are {pixels.dtype} of shape {tuple(pixels.shape)}: give uint8, (batch, y, x, 3) or "
            "(batch, frame, y, x, 3)"
        )
    mean = torch.tensor(preprocessing.mean, dtype=torch.float32, device=pixels.device)
    std = torch.tensor(preprocessing.std, dtype=torch.float32, device=pixels.device)
    values = pixels.to(torch.float32, memory_format=torch.contiguous_format).div_(255).sub_(mean).div_(std)
    # The channel is last in memory already: moving the axis costs nothing and is what channels-last means.
    return values.movedim(-1, -3)
