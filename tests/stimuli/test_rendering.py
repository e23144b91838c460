"""A picture is drawn at the right size, and left alone where it has that size already."""

import re

import numpy as np
import pytest
from PIL import Image

from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import ArrayStimuli, rendering, rendering_note
from ventralrnn.stimuli.rendering import drawn_size, render


def picture(rng: np.random.Generator, height: int, width: int) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


def bars(height: int, width: int) -> np.ndarray:
    """Return what of a drawn picture of this size is not padding: a mask over the input."""
    return np.asarray(render(Image.new("RGB", (width, height), "white"), Preprocessing(size=64, degrees=8), 4)) == 255


def test_a_picture_of_the_right_size_is_unchanged(rng: np.random.Generator) -> None:
    image = picture(rng, 32, 32)
    np.testing.assert_array_equal(render(image, Preprocessing(size=32), None), np.asarray(image))


def test_a_picture_whose_shorter_side_is_right_is_only_cut(rng: np.random.Generator) -> None:
    image = picture(rng, 32, 48)
    np.testing.assert_array_equal(render(image, Preprocessing(size=32), None), np.asarray(image)[:, 8:40])


def test_a_picture_of_the_size_before_the_crop_is_only_cut(rng: np.random.Generator) -> None:
    image = picture(rng, 256, 256)
    got = render(image, Preprocessing(size=224, crop=0.875), None)
    np.testing.assert_array_equal(got, np.asarray(image)[16:240, 16:240])


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("crop", [1.0, 0.875])
@pytest.mark.parametrize("size", [32, 224])
@pytest.mark.parametrize("shape", [(400, 500), (500, 333), (37, 100), (33, 32), (1, 1), (1, 9), (427, 640)])
def test_agrees_with_torchvision(
    rng: np.random.Generator, shape: tuple[int, int], size: int, crop: float, interpolation: str
) -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    image = picture(rng, *shape)
    reference = transforms.Compose(
        [
            transforms.Resize(round(size / crop), transforms.InterpolationMode(interpolation)),
            transforms.CenterCrop(size),
        ]
    )
    got = render(image, Preprocessing(size=size, crop=crop, interpolation=interpolation), None)
    np.testing.assert_array_equal(got, np.asarray(reference(image)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (2, 3), (31, 33), (1000, 999)])
@pytest.mark.parametrize("degrees", [None, 0.01, 3, 8, 20])
def test_any_picture_fills_or_is_centred(rng: np.random.Generator, shape: tuple[int, int], degrees: float) -> None:
    pixels = render(picture(rng, *shape), Preprocessing(size=24, degrees=8, crop=0.9), degrees)
    assert pixels.shape == (24, 24, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.writeable


def test_a_very_long_picture_takes_little_memory_and_looks_the_same(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.fromarray(np.asarray(picture(rng, 30, 2)).repeat(4, 0).repeat(5, 1))
    whole = render(image, Preprocessing(size=50), None)
    monkeypatch.setattr(rendering, "_WHOLE_PIXELS", 0)
    part = render(image, Preprocessing(size=50), None)
    assert np.abs(whole.astype(int) - part).max() <= 1
    monkeypatch.undo()
    # Drawn whole, this one would have 224 x 11,200,000 pixels.
    assert render(Image.new("RGB", (1, 50_000)), Preprocessing(size=224), None).shape == (224, 224, 3)


def test_size_in_degrees_is_kept() -> None:
    """A picture of half the input's angle takes half its side, in the middle, on mid grey."""
    mask = bars(40, 40)
    assert mask.sum(0)[:, 0].tolist() == [0] * 16 + [32] * 32 + [0] * 16
    assert mask.sum(1)[:, 0].tolist() == [0] * 16 + [32] * 32 + [0] * 16
    pixels = render(Image.new("RGB", (40, 40), "white"), Preprocessing(size=64, degrees=8), 4)
    assert pixels[0, 0].tolist() == [128] * 3


def test_the_longer_side_may_be_cut_while_the_shorter_is_padded() -> None:
    mask = bars(10, 100)[..., 0]
    assert mask.any(0).all()
    assert mask.any(1).sum() == 32


def test_a_picture_of_twice_the_angle_is_cut_to_its_middle() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[16:48, 16:48] = 255
    pixels = render(Image.fromarray(image), Preprocessing(size=32, degrees=4), 8)
    assert (pixels == 255).all()


def test_where_both_angles_are_known_they_decide_and_not_the_crop() -> None:
    preprocessing = Preprocessing(size=224, crop=0.875, degrees=8)
    assert drawn_size(100, 100, preprocessing, None) == (256, 256)
    assert drawn_size(100, 100, preprocessing, 8) == (224, 224)
    assert drawn_size(200, 100, preprocessing, 4) == (224, 112)
    assert drawn_size(100, 100, Preprocessing(size=224, crop=0.875), 4) == (256, 256)


@pytest.mark.parametrize(
    ("stated", "model", "words"),
    [
        (None, None, None),
        (None, 8.0, None),
        (8.0, 8.0, None),
        (8.0, None, "states no visual angle"),
        (4.0, 8.0, "span 4 degrees, the model's input 8: they are drawn at 0.5 times .*padded with mid grey"),
        (8.0, 3.0, "drawn at 2.67 times .*centre-cropped"),
        ([2.0, 8.0], 4.0, "span 2 to 8 degrees.* 0.5 to 2 times .*padded .* and centre-cropped"),
    ],
)
def test_note(stated: float | list[float] | None, model: float | None, words: str | None) -> None:
    stimuli = ArrayStimuli(np.zeros((2, 4, 4, 3), np.uint8), degrees=stated)
    note = rendering_note(stimuli, Preprocessing(degrees=model))
    if words is None:
        assert note is None
    else:
        assert note is not None
        assert re.search(words, note), note
