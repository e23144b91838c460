"""Stimuli that are already in memory, or in a memory-mapped file."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli.base import Stimuli, content_digest
from ventralrnn.stimuli.rendering import render

_ACCEPTED = (
    "give uint8 pictures (n, y, x, 3) or (n, y, x), uint8 movies (n, frame, y, x, 3), or preprocessed float input "
    "(n, channel, y, x) or (n, frame, channel, y, x)"
)


class ArrayStimuli(Stimuli):
    """Stimuli from a numpy array or torch tensor.

    Parameters
    ----------
    array : numpy.ndarray or torch.Tensor
        uint8 pictures (n, y, x, 3) or (n, y, x), uint8 movies (n, frame, y, x, 3); or float input that is already
        preprocessed and is passed to the model unchanged, (n, channel, y, x) or (n, frame, channel, y, x).
    ids : sequence of str, length n, optional
        Stimulus ids; '00000', '00001', ... by default.
    labels : sequence of str, length n, optional
        Category of each stimulus.
    degrees : float or sequence of float, optional
        Visual angle that a picture's shorter side spans, in degrees.
    name : str
        Name of the set.

    Raises
    ------
    StimulusError
        A shape or data type that is none of these, a value that is not finite, or ids that do not fit.
    """

    def __init__(
        self,
        array: Any,
        ids: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        degrees: float | Sequence[float] | None = None,
        name: str = "array",
    ) -> None:
        self._array = _as_numpy(array)
        self._preprocessed = np.issubdtype(self._array.dtype, np.floating)
        _check_shape(self._array, name)
        if self._preprocessed:
            self._check_finite(name)
        n = len(self._array)
        if ids is not None and len(ids) != n:
            raise StimulusError(f"{name}: {len(ids)} ids for {n} stimuli")
        super().__init__(name, [f"{i:05d}" for i in range(n)] if ids is None else ids, labels=labels, degrees=degrees)

    def load(self, index: int, preprocessing: Preprocessing) -> tuple[np.ndarray, str]:
        """Return one stimulus at the model's input size, and its digest; see :meth:`Stimuli.load`."""
        stimulus = self._stimulus(index)
        digest = content_digest(stimulus.tobytes())
        if self._preprocessed:
            return stimulus, digest
        if stimulus.ndim < 4:
            return self._render(stimulus, index, preprocessing), digest
        return np.stack([self._render(frame, index, preprocessing) for frame in stimulus]), digest

    def digest(self, index: int) -> str:
        """Return the digest of one stimulus' bytes, as :meth:`load` does."""
        return content_digest(self._stimulus(index).tobytes())

    def byte_size(self, index: int) -> int:
        """Return the number of bytes of one stimulus."""
        bytes_each = 4 if self._preprocessed else 1
        return int(np.prod(self._array.shape[1:])) * bytes_each

    def _stimulus(self, index: int) -> np.ndarray:
        return np.ascontiguousarray(self._array[index], np.float32 if self._preprocessed else np.uint8)

    def _render(self, picture: np.ndarray, index: int, preprocessing: Preprocessing) -> np.ndarray:
        return render(Image.fromarray(picture).convert("RGB"), preprocessing, self.degrees_at(index))

    def _check_finite(self, name: str) -> None:
        # One at a time, so that a memory-mapped array is never in memory whole.
        for index in range(len(self._array)):
            with np.errstate(over="ignore"):
                finite = np.isfinite(self._stimulus(index)).all()
            if not finite:
                raise StimulusError(f"{name}: the stimulus at index {index} holds NaN or infinite values")


def _as_numpy(array: Any) -> np.ndarray:
    # By what it can do, so that torch need not be imported to recognise a tensor.
    if hasattr(array, "detach") and hasattr(array, "cpu"):
        array = array.detach().cpu()
        # numpy has no bfloat16
        array = (array.float() if array.is_floating_point() else array).numpy()
    return array if isinstance(array, np.ndarray) else np.asarray(array)


def _check_shape(array: np.ndarray, name: str) -> None:
    shape = array.shape
    what = f"{name}: {array.dtype} of shape {shape}"
    if array.size == 0:
        raise StimulusError(f"{what} holds no stimuli; {_ACCEPTED}")
    if array.dtype == np.uint8:
        if array.ndim == 3 or (array.ndim in (4, 5) and shape[-1] == 3):
            return
        hint = " (the colour channel comes last)" if array.ndim > 3 and shape[-3] == 3 else ""
        raise StimulusError(f"{what} is not a set of pictures or movies{hint}: {_ACCEPTED}")
    if np.issubdtype(array.dtype, np.floating):
        if array.ndim in (4, 5) and not (shape[-1] == 3 and shape[-3] != 3):
            return
        hint = " (it seems to hold pictures: give those as uint8, 0 to 255)" if shape[-1] == 3 else ""
        raise StimulusError(f"{what} is not preprocessed input{hint}: {_ACCEPTED}")
    raise StimulusError(f"{what} cannot be shown: {_ACCEPTED}")
