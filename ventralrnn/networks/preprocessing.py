"""How a picture becomes a model's input: part of the model's specification, applied by :mod:`ventralrnn.stimuli`."""

from dataclasses import dataclass

from ventralrnn.errors import SpecificationError


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes a model's input.

    The picture's shorter side is resized (antialiased) to ``size / crop`` pixels, the central ``size`` x ``size``
    pixels are kept, values are scaled to 0..1 and standardised per channel.

    Parameters
    ----------
    size : int
        Side of the square input, in pixels.
    crop : float
        Share of the resized shorter side that is kept, in (0, 1]; 0.875 is the usual 224 of 256.
    interpolation : {'bilinear', 'bicubic'}
        Filter for resizing.
    mean, std : tuple of float
        Per channel (red, green, blue), on the scale 0..1.
    degrees : float or None
        Visual angle that the input spans, in degrees; None if the model makes no such claim.

    Examples
    --------
    >>> from ventralrnn.networks import Preprocessing
    >>> Preprocessing(size=224, crop=0.875, degrees=8.0).size
    224
    """

    size: int = 32
    crop: float = 1.0
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    degrees: float | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise SpecificationError(f"preprocessing.size is {self.size}: give a positive number of pixels")
        if not 0 < self.crop <= 1:
            raise SpecificationError(f"preprocessing.crop is {self.crop}: give a share in (0, 1]")
        if self.interpolation not in ("bilinear", "bicubic"):
            raise SpecificationError(f"preprocessing.interpolation is {self.interpolation!r}: bilinear or bicubic")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise SpecificationError("preprocessing.mean and std take three numbers each, std above 0")
        if self.degrees is not None and self.degrees <= 0:
            raise SpecificationError(f"preprocessing.degrees is {self.degrees}: give a positive visual angle, or none")
