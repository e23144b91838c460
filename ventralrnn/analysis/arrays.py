"""One implementation for both kinds of array: numpy goes in and comes out, tensors stay tensors on their device."""

from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ventralrnn.errors import AnalysisError

A = TypeVar("A", np.ndarray, Tensor)


def to_tensor(values: Any, name: str, *, ndim: int | None = None, finite: bool = True) -> Tensor:
    """Return an array as a tensor of floating-point numbers, without a copy where there need be none.

    Parameters
    ----------
    values : numpy.ndarray, torch.Tensor or array-like
        Numbers. float16 becomes float32; integers and truth values become float64; float32 and float64 stay.
    name : str
        Of the argument, for messages.
    ndim : int, optional
        Dimensions that it must have.
    finite : bool
        Refuse NaN and infinity.

    Returns
    -------
    torch.Tensor
        On the device where the values are, in any memory order.

    Raises
    ------
    AnalysisError
        If the values are not numbers, have other dimensions, or hold NaN or infinity where these are refused.
    """
    if isinstance(values, Tensor):
        tensor = values.detach()
    else:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise AnalysisError(f"{name}: give real numbers, not an array of {array.dtype}")
        # Negative strides, other byte orders and read-only memory are beyond torch.
        native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
        if native.dtype not in (np.float16, np.float32, np.float64):
            native = native.astype(np.float64)
        if any(stride < 0 for stride in native.strides) or not native.flags.writeable:
            native = native.copy()
        tensor = torch.from_numpy(native)
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()
    elif tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.double()
    if ndim is not None and tensor.ndim != ndim:
        raise AnalysisError(f"{name}: give {ndim} dimensions, not shape {tuple(tensor.shape)}")
    if finite and not is_finite(tensor):
        raise AnalysisError(f"{name}: holds NaN or infinity: leave these stimuli, states or neuroids out")
    return tensor


def is_finite(tensor: Tensor) -> bool:
    """Whether no value is NaN or infinite; most tensors are told by their sum, which is one pass without a copy."""
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())


def to_kind(result: Tensor, like: A) -> A:
    """Return a result as the kind of array that an argument was.

    Parameters
    ----------
    result : torch.Tensor
        Computed from `like`.
    like : numpy.ndarray, torch.Tensor or array-like
        The argument as it was given.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        The tensor itself if `like` is one, else a numpy array.
    """
    return result if isinstance(like, Tensor) else result.numpy()
