"""Arrays and tensors as stimuli; what every set of stimuli checks."""

from typing import Any

import numpy as np
import pytest
import torch

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import ArrayStimuli

P = Preprocessing(size=8)


def test_pictures(rng: np.random.Generator) -> None:
    array = rng.integers(0, 256, (3, 8, 8, 3), np.uint8)
    stimuli = ArrayStimuli(array, ids=["a", "b", "c"], labels=["x", "y", "x"], degrees=5)
    pixels, digest = stimuli.load(1, P)
    np.testing.assert_array_equal(pixels, array[1])
    assert digest == stimuli.digest(1)
    assert len(digest) == 16
    assert (stimuli.ids, stimuli.labels, stimuli.degrees) == (("a", "b", "c"), ("x", "y", "x"), 5.0)
    assert stimuli.sources == ("", "", "")
    assert len(stimuli) == 3


def test_grey_pictures_are_resized_and_repeated(rng: np.random.Generator) -> None:
    pixels, _ = ArrayStimuli(np.full((2, 20, 30), 9, np.uint8)).load(0, P)
    np.testing.assert_array_equal(pixels, np.full((8, 8, 3), 9))


def test_movies(rng: np.random.Generator) -> None:
    array = rng.integers(0, 256, (2, 5, 8, 8, 3), np.uint8)
    pixels, _ = ArrayStimuli(array).load(1, P)
    np.testing.assert_array_equal(pixels, array[1])
    assert ArrayStimuli(array).load(0, Preprocessing(size=4))[0].shape == (5, 4, 4, 3)


@pytest.mark.parametrize("shape", [(2, 3, 6, 7), (2, 5, 3, 6, 7)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_preprocessed_input_passes_unchanged(rng: np.random.Generator, shape: tuple, dtype: Any) -> None:
    array = rng.normal(size=shape).astype(dtype)
    stimuli = ArrayStimuli(array)
    pixels, digest = stimuli.load(1, P)
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, array[1].astype(np.float32))
    assert digest == stimuli.digest(1)
    assert stimuli.byte_size(0) == pixels.nbytes


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
def test_torch_tensors(dtype: torch.dtype) -> None:
    tensor = torch.ones(2, 4, 4, 3, dtype=dtype) if dtype == torch.uint8 else torch.ones(2, 3, 4, 4, dtype=dtype)
    pixels, _ = ArrayStimuli(tensor.requires_grad_() if tensor.is_floating_point() else tensor).load(0, P)
    assert pixels.max() == 1


def test_a_memory_mapped_file_is_read_one_at_a_time(rng: np.random.Generator, tmp_path: Any) -> None:
    array = rng.integers(0, 256, (4, 8, 8, 3), np.uint8)
    np.save(tmp_path / "a.npy", array)
    stimuli = ArrayStimuli(np.load(tmp_path / "a.npy", mmap_mode="r"))
    np.testing.assert_array_equal(stimuli.load(3, P)[0], array[3])


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 3, 8, 8), np.uint8), "colour channel comes last"),
        (np.zeros((2, 8, 8, 4), np.uint8), "not a set of pictures"),
        (np.zeros((8, 8), np.uint8), "not a set of pictures"),
        (np.zeros((2, 8, 8, 3), np.float32), "give those as uint8"),
        (np.zeros((2, 3, 8), np.float32), "not preprocessed input"),
        (np.zeros((2, 8, 8, 3), np.int64), "int64 .*cannot be shown"),
        (np.zeros((2, 8, 8), bool), "bool .*cannot be shown"),
        (np.zeros((0, 8, 8, 3), np.uint8), "holds no stimuli"),
        (np.zeros((2, 0, 8, 3), np.uint8), "holds no stimuli"),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray, words: str) -> None:
    with pytest.raises(StimulusError, match=rf"^array: .*{words}"):
        ArrayStimuli(array)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    array = np.zeros((3, 3, 4, 4))
    array[2, 1, 0, 0] = value
    with pytest.raises(StimulusError, match="index 2 holds NaN or infinite"):
        ArrayStimuli(array)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ids": ["a", "b", "a"]}, "'a' occurs twice, at index 0 and index 2"),
        ({"ids": ["a", "b"]}, "2 ids for 3 stimuli"),
        ({"labels": ["a", "b"]}, "2 labels for 3 stimuli"),
        ({"degrees": 0}, "0 degrees; give a positive number"),
        ({"degrees": float("nan")}, "nan degrees"),
        ({"degrees": [1, 2]}, "2 visual angles for 3 stimuli"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict, words: str) -> None:
    with pytest.raises(StimulusError, match=words):
        ArrayStimuli(np.zeros((3, 4, 4), np.uint8), **options)


def test_visual_angles_one_a_picture() -> None:
    array = np.full((2, 8, 8, 3), 255, np.uint8)
    stimuli = ArrayStimuli(array, degrees=[4, 8])
    assert stimuli.degrees is None
    assert stimuli.degrees_range() == (4, 8)
    full, half = (stimuli.load(i, Preprocessing(size=8, degrees=8))[0] for i in (1, 0))
    assert (full == 255).all()
    assert (half == 255).sum() == 4 * 4 * 3
    assert ArrayStimuli(array, degrees=[4, 4]).degrees == 4


def test_the_fingerprint_tells_sets_apart_but_not_by_name() -> None:
    array = np.zeros((3, 4, 4), np.uint8)
    base = ArrayStimuli(array).fingerprint()
    assert ArrayStimuli(array, name="other").fingerprint() == base
    assert ArrayStimuli(array[:2]).fingerprint() != base
    assert ArrayStimuli(array, ids=["c", "b", "a"]).fingerprint() != base
    assert ArrayStimuli(np.zeros((3, 4, 5), np.uint8)).fingerprint() != base
    assert ArrayStimuli(array, degrees=3).fingerprint() != base


def test_the_digest_tells_contents_apart() -> None:
    array = np.zeros((2, 4, 4), np.uint8)
    array[1, 0, 0] = 1
    stimuli = ArrayStimuli(array)
    assert stimuli.digest(0) != stimuli.digest(1)
