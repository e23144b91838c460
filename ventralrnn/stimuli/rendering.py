"""How large a picture is drawn on the model's input; the one place where visual angles are weighed."""

import numpy as np
from PIL import Image

from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli.base import Stimuli
from ventralrnn.stimuli.pictures import MID_GREY

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

# Up to this size a picture is drawn whole and then cut, which meets published preprocessings bit for bit. Beyond it (a
# very long picture, or a much enlarged one) only the part that is kept is computed, and memory stays bounded; rounding
# then differs by a grey level, by a few at hard edges where the bicubic filter overshoots.
_WHOLE_PIXELS = 1 << 22


def drawn_size(width: int, height: int, preprocessing: Preprocessing, degrees: float | None) -> tuple[int, int]:
    """Return the size at which a whole picture is drawn, before what exceeds the input is cut off.

    Parameters
    ----------
    width, height : int
        The picture's size, in pixels.
    preprocessing : Preprocessing
        The model's.
    degrees : float or None
        Visual angle that the picture's shorter side spans, in degrees.

    Returns
    -------
    tuple of int
        Width and height in pixels of the model's input. Where both visual angles are known they decide, and
        ``preprocessing.crop`` plays no part: the shorter side takes ``size * degrees / preprocessing.degrees``.
        Else it takes ``size / crop``.
    """
    if degrees is None or preprocessing.degrees is None:
        shorter = round(preprocessing.size / preprocessing.crop)
    else:
        shorter = max(1, round(preprocessing.size * degrees / preprocessing.degrees))
    # The longer side is rounded down, as torchvision does, so that published preprocessings are met to the pixel.
    if width <= height:
        return shorter, shorter * height // width
    return shorter * width // height, shorter


def render(image: Image.Image, preprocessing: Preprocessing, degrees: float | None) -> np.ndarray:
    """Draw a picture on the model's square input.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB.
    preprocessing : Preprocessing
        The model's.
    degrees : float or None
        Visual angle that the picture's shorter side spans, in degrees.

    Returns
    -------
    numpy.ndarray, uint8, (size, size, 3)
        The picture, resized with an antialiasing filter and centred; what exceeds the input is cut off, what is
        left over is mid grey (128). Pixels that need no resizing are kept bit for bit.
    """
    width, height = image.size
    across, down = drawn_size(width, height, preprocessing, degrees)
    left, right, x = _fit(across, preprocessing.size)
    top, bottom, y = _fit(down, preprocessing.size)
    kept = (left, top, right, bottom)
    resample = _FILTERS[preprocessing.interpolation]
    if (across, down) == (width, height):
        part = image.crop(kept)
    elif across * down <= _WHOLE_PIXELS:
        part = image.resize((across, down), resample).crop(kept)
    else:
        box = (left * width / across, top * height / down, right * width / across, bottom * height / down)
        part = image.resize((right - left, bottom - top), resample, box=box)
    pixels = np.asarray(part)
    if pixels.shape[:2] == (preprocessing.size, preprocessing.size):
        return np.array(pixels)
    canvas = np.full((preprocessing.size, preprocessing.size, 3), MID_GREY, np.uint8)
    canvas[y : y + bottom - top, x : x + right - left] = pixels
    return canvas


def rendering_note(stimuli: Stimuli, preprocessing: Preprocessing) -> str | None:
    """Say in words what becomes of the stimuli's visual angle, to be printed and stored with a recording.

    Parameters
    ----------
    stimuli : Stimuli
        The set to be shown.
    preprocessing : Preprocessing
        The model's.

    Returns
    -------
    str or None
        None where there is nothing to say: the stimuli state no visual angle, or the angles agree.
    """
    stated = stimuli.degrees_range()
    if stated is None:
        return None
    low, high = stated
    spans = f"{low:g} degrees" if low == high else f"{low:g} to {high:g} degrees"
    target = preprocessing.degrees
    if target is None:
        return f"the pictures span {spans}; the model states no visual angle, so each fills the input"
    if low == high == target:
        return None
    done = [
        "padded with mid grey where they span less" if low < target else "",
        "centre-cropped where they span more" if high > target else "",
    ]
    times = f"{low / target:.3g}" if low == high else f"{low / target:.3g} to {high / target:.3g}"
    return (
        f"the pictures span {spans}, the model's input {target:g}: they are drawn at {times} times the input's side "
        f"to keep their size in degrees, {' and '.join(d for d in done if d)}"
    )


def _fit(drawn: int, size: int) -> tuple[int, int, int]:
    """Return start and stop of what is kept of a drawn side, and where it starts on the input."""
    if drawn >= size:
        start = round((drawn - size) / 2)
        return start, start + size, 0
    return 0, drawn, round((size - drawn) / 2)
