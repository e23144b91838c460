"""From the bytes of a picture file to upright 8-bit red, green and blue."""

import io

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from ventralrnn.errors import StimulusError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
MID_GREY = 128
# Pillow's own default limit; kept here because a program may have lifted Pillow's.
MAX_PIXELS = 89_478_485

# Imported by name so that threads never race in Pillow's own lazy registration of file formats.
_PLUGINS = (
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    BmpImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    GifImagePlugin,
)
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF")
_EXIF_ORIENTATION = 0x0112
_TIFF_BITS, _TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(content: bytes, source: str) -> Image.Image:
    """Decode a picture file to 8-bit red, green and blue.

    The EXIF orientation is applied. Grey values are repeated in the three channels; 16-bit grey is scaled, not
    clipped (65535 becomes 255); transparent parts show mid grey (128); of a GIF or another file of several pictures,
    the first is taken. Colour profiles are not applied.

    Parameters
    ----------
    content : bytes
        A whole JPEG, PNG, BMP, TIFF, WebP or GIF file.
    source : str
        The file's name, for messages.

    Returns
    -------
    PIL.Image.Image
        Mode RGB.

    Raises
    ------
    StimulusError
        Names the file and says what is wrong with it.
    """
    if not content:
        raise StimulusError(f"{source}: the file is empty (0 bytes)")
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            _check_size(image, source)
            # Before anything looks at the orientation: reading a TIFF's pixels turns it upright already.
            image.load()
            return _to_rgb(_upright(image), image, source)
    except StimulusError:
        raise
    except UnidentifiedImageError:
        raise StimulusError(
            f"{source}: not a JPEG, PNG, BMP, TIFF, WebP or GIF picture (the file starts with {content[:8]!r})"
        ) from None
    except Image.DecompressionBombError:
        raise StimulusError(f"{source}: more than {MAX_PIXELS:,} pixels; make the picture smaller") from None
    except Exception as error:
        # A damaged file can raise nearly anything from inside its decoder.
        raise StimulusError(f"{source}: the picture is damaged or cut short ({error})") from error


def _check_size(image: Image.Image, source: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise StimulusError(
            f"{source}: {width} x {height} is more than {MAX_PIXELS:,} pixels; make the picture smaller"
        )


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:
        # Damaged EXIF says nothing about orientation; the pixels are sound, and every viewer shows them as stored.
        return image
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _to_rgb(image: Image.Image, opened: Image.Image, source: str) -> Image.Image:
    mode = image.mode
    if mode == "RGB" and "transparency" not in opened.info:
        return image
    if mode.startswith("I;16") or (mode == "I" and opened.format == "PNG"):
        return _from_16_bit(image, opened)
    if mode in ("I", "F"):
        raise StimulusError(
            f"{source}: pixels of {'32-bit integers' if mode == 'I' else 'floating point'} have no set range of "
            "brightness; convert the picture to 8 or 16 bits"
        )
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in opened.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (MID_GREY, MID_GREY, MID_GREY, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def _from_16_bit(image: Image.Image, opened: Image.Image) -> Image.Image:
    tags = getattr(opened, "tag_v2", {})
    # A 12-bit TIFF arrives as 16-bit values up to 4095, and a white-is-zero one arrives uninverted.
    full = 2 ** int(tags.get(_TIFF_BITS, (16,))[0]) - 1
    values = np.asarray(image).astype(np.float64)
    if tags.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
        values = full - values
    grey = np.rint(values * (255 / full)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")
