"""When a picture is on: frames from pictures, with onset, offset, blank and a mask."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch

Pixels = TypeVar("Pixels", np.ndarray, "torch.Tensor")


def present(
    pictures: Pixels,
    steps: int,
    *,
    onset: int = 0,
    offset: int | None = None,
    blank: float | Sequence[float] = 0.0,
    mask: Pixels | None = None,
    mask_onset: int | None = None,
    mask_offset: int | None = None,
) -> Pixels:
    """Build what a model sees at every time step: a blank, the picture, and a mask if one is given.

    Parameters
    ----------
    pictures : numpy.ndarray or torch.Tensor, (batch, channel, y, x)
        Standardised pictures (:func:`standardise`), floating point.
    steps : int
        Time steps to build.
    onset : int
        First step on which the picture is shown, in steps.
    offset : int, optional
        First step on which it is no longer shown; ``offset=onset + 1`` is the briefest flash. By default it stays
        until the mask, or to the end.
    blank : float or sequence of float, length channel
        Level of the screen when nothing is shown, in standardised units; 0 is the mean of the training pictures,
        :func:`grey_level` gives that of a grey screen.
    mask : numpy.ndarray or torch.Tensor, (channel, y, x), (1, channel, y, x) or (batch, channel, y, x), optional
        Standardised picture that is shown after the stimulus (backward masking), one for all or one each.
    mask_onset : int, optional
        First step on which the mask is shown; ``offset`` by default. The stimulus onset asynchrony is
        ``mask_onset - onset`` steps.
    mask_offset : int, optional
        First step on which the mask is no longer shown; by default it stays to the end.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (batch, step, channel, y, x)
        Frames, of the pictures' kind, data type and device.

    Raises
    ------
    StimulusError
        Times that are out of order or beyond the last step, or arrays that do not fit.
    """
    _check_pictures(pictures)
    shown, masked = _intervals(steps, onset, offset, mask is not None, mask_onset, mask_offset)
    batch, *picture = pictures.shape
    frames = _empty_like(pictures, (batch, steps, *picture))
    frames[:] = _screen(pictures, blank)
    frames[:, shown] = pictures[:, None]
    if mask is not None:
        if tuple(mask.shape[-3:]) != tuple(picture) or tuple(mask.shape[:-3]) not in ((), (1,), (batch,)):
            raise StimulusError(f"mask has shape {tuple(mask.shape)}; the pictures have {tuple(pictures.shape)}")
        frames[:, masked] = mask[:, None] if mask.ndim == 4 else mask
    return frames


def grey_level(preprocessing: Preprocessing, value: float = 128) -> tuple[float, float, float]:
    """Return the level of a grey screen in a model's standardised units, for ``present(blank=...)``.

    Parameters
    ----------
    preprocessing : Preprocessing
        The model's ``mean`` and ``std``.
    value : float
        Grey value of the screen, 0 (black) to 255 (white).

    Returns
    -------
    tuple of float
        Red, green and blue.
    """
    red, green, blue = ((value / 255 - m) / s for m, s in zip(preprocessing.mean, preprocessing.std, strict=True))
    return red, green, blue


def _intervals(
    steps: int, onset: int, offset: int | None, masked: bool, mask_onset: int | None, mask_offset: int | None
) -> tuple[slice, slice]:
    if not masked and (mask_onset is not None or mask_offset is not None):
        raise StimulusError("mask_onset and mask_offset need a mask")
    if masked and mask_onset is None and offset is None:
        raise StimulusError("a mask needs a time: give offset or mask_onset, in steps")
    end = offset if offset is not None else mask_onset if mask_onset is not None else steps
    if not 0 <= onset < end <= steps:
        raise StimulusError(f"onset {onset} and offset {end} do not fit: give 0 <= onset < offset <= steps ({steps})")
    if not masked:
        return slice(onset, end), slice(0, 0)
    mask_start = end if mask_onset is None else mask_onset
    mask_end = steps if mask_offset is None else mask_offset
    if not end <= mask_start < mask_end <= steps:
        raise StimulusError(
            f"mask_onset {mask_start} and mask_offset {mask_end} do not fit: give offset ({end}) <= mask_onset < "
            f"mask_offset <= steps ({steps})"
        )
    return slice(onset, end), slice(mask_start, mask_end)


def _check_pictures(pictures: Any) -> None:
    if len(pictures.shape) != 4:
        raise StimulusError(f"pictures have shape {tuple(pictures.shape)}: give (batch, channel, y, x)")
    floating = pictures.is_floating_point() if _is_tensor(pictures) else pictures.dtype.kind == "f"
    if not floating:
        raise StimulusError(f"pictures are {pictures.dtype}: standardise them first")


def _screen(pictures: Any, blank: float | Sequence[float]) -> Any:
    """Return the blank level, shaped to spread over (..., channel, y, x)."""
    levels = pictures.new_tensor(blank) if _is_tensor(pictures) else np.asarray(blank, pictures.dtype)
    if tuple(levels.shape) not in ((), (pictures.shape[1],)):
        raise StimulusError(f"blank has shape {tuple(levels.shape)}: give one level, or one a channel")
    return levels.reshape(-1, 1, 1)


def _empty_like(pictures: Any, shape: tuple[int, ...]) -> Any:
    return pictures.new_empty(shape) if _is_tensor(pictures) else np.empty(shape, pictures.dtype)


def _is_tensor(pictures: Any) -> bool:
    # By what it can do, so that frames of numpy arrays can be built without torch.
    return hasattr(pictures, "new_empty")
