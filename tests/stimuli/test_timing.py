"""Flashes, onsets, offsets, masks and blanks, for numpy and for torch."""

from typing import Any

import numpy as np
import pytest
import torch

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import grey_level, present, standardise


@pytest.fixture(params=["numpy", "torch"])
def kind(request: pytest.FixtureRequest) -> Any:
    return np.asarray if request.param == "numpy" else torch.from_numpy


def course(frames: Any) -> list[float]:
    """Return what the first picture's first pixel does over time."""
    assert frames.ndim == 5
    return [float(v) for v in frames[0, :, 0, 0, 0]]


PICTURES = np.full((2, 3, 4, 5), 7, np.float32)
MASK = np.full((3, 4, 5), 9, np.float32)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [7, 7, 7, 7, 7]),
        ({"onset": 2}, [0, 0, 7, 7, 7]),
        ({"onset": 1, "offset": 2}, [0, 7, 0, 0, 0]),
        ({"offset": 2, "blank": -1.5}, [7, 7, -1.5, -1.5, -1.5]),
        ({"offset": 2, "mask": True}, [7, 7, 9, 9, 9]),
        ({"onset": 1, "offset": 2, "mask": True, "mask_onset": 3}, [0, 7, 0, 9, 9]),
        ({"onset": 1, "mask": True, "mask_onset": 3}, [0, 7, 7, 9, 9]),
        ({"offset": 1, "mask": True, "mask_onset": 2, "mask_offset": 4}, [7, 0, 9, 9, 0]),
    ],
)
def test_time_courses(kind: Any, options: dict, expected: list[float]) -> None:
    options = {**options, **({"mask": kind(MASK)} if "mask" in options else {})}
    frames = present(kind(PICTURES), 5, **options)
    assert tuple(frames.shape) == (2, 5, 3, 4, 5)
    assert course(frames) == expected
    assert type(frames) is type(kind(PICTURES))
    assert frames.dtype == kind(PICTURES).dtype


def test_every_picture_has_its_own_frames_and_mask(kind: Any, rng: np.random.Generator) -> None:
    pictures = rng.normal(size=(3, 2, 4, 4)).astype(np.float32)
    masks = rng.normal(size=(3, 2, 4, 4)).astype(np.float32)
    frames = np.asarray(present(kind(pictures), 4, onset=1, offset=2, mask=kind(masks), mask_onset=3))
    np.testing.assert_array_equal(frames[:, 1], pictures)
    np.testing.assert_array_equal(frames[:, 3], masks)
    assert (frames[:, [0, 2]] == 0).all()
    one = np.asarray(present(kind(pictures), 2, offset=1, mask=kind(masks[:1])))
    np.testing.assert_array_equal(one[:, 1], np.repeat(masks[:1], 3, 0))


def test_blank_of_a_grey_screen(kind: Any) -> None:
    preprocessing = Preprocessing(mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    frames = np.asarray(present(kind(PICTURES), 2, onset=1, blank=grey_level(preprocessing)))
    grey = standardise(torch.full((1, 4, 5, 3), 128, dtype=torch.uint8), preprocessing).numpy()
    np.testing.assert_allclose(frames[:, 0], np.repeat(grey, 2, 0), atol=1e-6)


def test_gradients_pass() -> None:
    pictures = torch.ones(1, 1, 2, 2, requires_grad=True)
    present(pictures, 4, onset=1, offset=3).sum().backward()
    assert pictures.grad is not None
    assert pictures.grad.unique().tolist() == [2.0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"onset": 5}, "onset 5 and offset 5 do not fit"),
        ({"onset": -1}, "onset -1"),
        ({"onset": 2, "offset": 2}, "0 <= onset < offset <= steps"),
        ({"offset": 6}, "offset 6"),
        ({"mask_onset": 3}, "need a mask"),
        ({"mask": MASK}, "a mask needs a time"),
        ({"mask": MASK, "offset": 3, "mask_onset": 2}, "mask_onset 2"),
        ({"mask": MASK, "offset": 5}, "mask_onset 5"),
        ({"mask": MASK, "offset": 2, "mask_offset": 9}, "mask_offset 9"),
        ({"mask": MASK[:, 1:], "offset": 2}, "mask has shape"),
        ({"mask": np.stack([MASK] * 3), "offset": 2}, "mask has shape"),
        ({"blank": [0.0, 1.0]}, "blank has shape"),
    ],
)
def test_times_and_shapes_that_do_not_fit(options: dict, words: str) -> None:
    with pytest.raises(StimulusError, match=words):
        present(PICTURES, 5, **options)


@pytest.mark.parametrize("pictures", [PICTURES[0], np.zeros((2, 4, 5, 3), np.uint8), torch.zeros(2, 3, 4, 5).byte()])
def test_pictures_that_are_not_standardised(pictures: Any) -> None:
    with pytest.raises(StimulusError, match=r"pictures (have shape|are .*uint8: standardise)"):
        present(pictures, 5)
