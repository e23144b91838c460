"""Every kind of picture file becomes upright 8-bit RGB, or an error that names the file."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFile

from ventralrnn.errors import StimulusError
from ventralrnn.stimuli import pictures
from ventralrnn.stimuli.pictures import decode

Encode = Callable[..., bytes]
# Pillow grumbles about damaged files besides refusing them.
quietly = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def pixels(content: bytes) -> np.ndarray:
    image = decode(content, "a.file")
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize(
    ("format_", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
def test_lossless_formats_keep_every_pixel(encoded: Encode, gradient: np.ndarray, format_: str, options: dict) -> None:
    np.testing.assert_array_equal(pixels(encoded(gradient, format_, **options)), gradient)


@pytest.mark.parametrize("format_", ["JPEG", "WEBP", "GIF"])
def test_lossy_formats_come_close(encoded: Encode, gradient: np.ndarray, format_: str) -> None:
    got = pixels(encoded(gradient, format_))
    assert np.abs(got.astype(int) - gradient).mean() < 12


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "BMP"])
def test_grey_is_repeated_in_three_channels(encoded: Encode, format_: str) -> None:
    grey = np.full((8, 9), 77, np.uint8)
    np.testing.assert_array_equal(pixels(encoded(grey, format_)), np.full((8, 9, 3), 77))


def test_one_bit_is_black_and_white(encoded: Encode) -> None:
    bits = np.eye(8, dtype=bool)
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(bits)))[..., 0], np.where(bits, 255, 0))


def test_palette(encoded: Encode) -> None:
    image = Image.new("P", (4, 2))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    got = pixels(encoded(image))
    assert tuple(got[0, 0]) == (10, 20, 30)
    assert tuple(got[0, 1]) == (200, 100, 50)


def test_transparent_palette_colour_shows_mid_grey(encoded: Encode) -> None:
    image = Image.new("P", (4, 2))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    got = pixels(encoded(image, transparency=0))
    assert tuple(got[0, 0]) == (128, 128, 128)
    assert tuple(got[0, 1]) == (200, 100, 50)


def test_transparent_colour_of_an_rgb_png_shows_mid_grey(encoded: Encode) -> None:
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    got = pixels(encoded(image, transparency=(1, 2, 3)))
    assert got.tolist() == [[[128] * 3, [9] * 3]]


@pytest.mark.parametrize(("alpha", "expected"), [(0, 128), (255, 250), (128, 189)])
def test_alpha_is_composited_on_mid_grey(encoded: Encode, alpha: int, expected: int) -> None:
    for image in (Image.new("RGBA", (3, 3), (250, 250, 250, alpha)), Image.new("LA", (3, 3), (250, alpha))):
        assert np.abs(pixels(encoded(image)).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_cmyk(encoded: Encode, format_: str) -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert np.abs(pixels(encoded(red, format_)).astype(int) - (255, 0, 0)).max() <= 4


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_not_clipped(encoded: Encode, format_: str) -> None:
    values = np.array([[0, 257, 32896, 65535], [128, 129, 40000, 300]], np.uint16)
    expected = np.rint(values / 257)
    np.testing.assert_array_equal(pixels(encoded(values, format_))[..., 1], expected)


def tiff(values: np.ndarray, bits: int, photometric: int = 1) -> bytes:
    """Return a plain little-endian TIFF of one strip of grey values."""
    data = values.astype("<u2").tobytes()
    if bits == 12:
        flat = values.ravel().astype(int).reshape(-1, 2)
        data = b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in flat)
    tags = [
        *((256, values.shape[1]), (257, values.shape[0]), (258, bits), (259, 1), (262, photometric)),
        *((273, 8 + 2 + 12 * 9 + 4), (277, 1), (278, values.shape[0]), (279, len(data))),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + data


def test_12_bit_tiff_is_scaled_to_its_own_white() -> None:
    values = np.array([[0, 4095], [2048, 16]], np.uint16)
    np.testing.assert_array_equal(pixels(tiff(values, 12))[..., 0], [[0, 255], [128, 1]])


def test_16_bit_tiff_with_white_as_zero_is_inverted() -> None:
    values = np.array([[0, 65535], [257, 514]], np.uint16)
    np.testing.assert_array_equal(pixels(tiff(values, 16, photometric=0))[..., 0], [[255, 0], [254, 253]])


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_without_a_set_range_are_refused(encoded: Encode, mode: str) -> None:
    content = encoded(Image.new(mode, (4, 4), 3), "TIFF")
    with pytest.raises(StimulusError, match=r"a\.tif: .*no set range.*convert"):
        decode(content, "a.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(encoded: Encode, gradient: np.ndarray, orientation: int, format_: str) -> None:
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"exif": exif, "quality": 95} if format_ == "JPEG" else {"exif": exif}
    if format_ == "WEBP":
        options["lossless"] = True
    got = pixels(encoded(gradient, format_, **options)).astype(int)
    expected = undo[orientation](gradient)
    assert got.shape == expected.shape
    assert np.abs(got - expected).mean() < 4


@quietly
def test_damaged_exif_does_not_hide_a_sound_picture(gradient: np.ndarray) -> None:
    stream = io.BytesIO()
    Image.fromarray(gradient).save(stream, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")
    assert pixels(stream.getvalue()).shape == gradient.shape


def test_first_frame_of_an_animated_gif() -> None:
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "green", "blue")]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    assert tuple(pixels(stream.getvalue())[0, 0]) == (255, 0, 0)


@pytest.mark.parametrize(
    ("format_", "options"),
    [("PNG", {}), ("JPEG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {}),
     ("GIF", {})],
)  # fmt: skip
@quietly
@pytest.mark.parametrize("kept", [0.5, 0.02])
def test_truncated_file(encoded: Encode, rng: np.random.Generator, format_: str, options: dict, kept: float) -> None:
    content = encoded(rng.integers(0, 256, (64, 64, 3), np.uint8), format_, **options)
    with pytest.raises(StimulusError, match=r"^dog\.file: "):
        decode(content[: int(len(content) * kept)], "dog.file")


def test_empty_file() -> None:
    with pytest.raises(StimulusError, match=r"dog\.jpg: the file is empty"):
        decode(b"", "dog.jpg")


def test_text_in_a_picture_file() -> None:
    with pytest.raises(StimulusError, match=r"dog\.jpg: not a JPEG.*b'hello th'"):
        decode(b"hello there", "dog.jpg")


def png_of_size(width: int, height: int) -> bytes:
    """Return a PNG file that says that it is large, and holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


# Pillow warns from its own limit on and refuses from twice that on; ours must refuse in both ranges.
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 60_000])
def test_decompression_bomb(side: int) -> None:
    with pytest.raises(StimulusError, match=r"bomb\.png: .*more than 89,478,485 pixels"):
        decode(png_of_size(side, side), "bomb.png")


def test_decompression_bomb_when_pillows_limit_is_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(StimulusError, match=r"bomb\.png: 60000 x 60000 is more than"):
        decode(png_of_size(60_000, 60_000), "bomb.png")


def test_one_pixel(encoded: Encode) -> None:
    assert pixels(encoded(np.array([[[1, 2, 3]]], np.uint8))).tolist() == [[[1, 2, 3]]]


@quietly
def test_noise_behind_a_signature_is_an_error_that_names_the_file(encoded: Encode, rng: np.random.Generator) -> None:
    """Whatever a decoder raises on a damaged file, the caller sees one kind of error."""
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    for format_ in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"):
        good = encoded(rng.integers(0, 256, (24, 24, 3), np.uint8), format_)
        for _ in range(40):
            content = bytearray(good)
            at = int(rng.integers(8, len(content) - 8))
            content[at : at + 8] = rng.bytes(8)
            try:
                decode(bytes(content), "damaged.file")
            except StimulusError as error:
                assert str(error).startswith("damaged.file: ")


def test_extensions_are_those_of_the_formats() -> None:
    known = Image.registered_extensions()
    assert {known[extension] for extension in pictures.EXTENSIONS} == set(pictures._FORMATS)
