"""Standardising, on the device where the pixels are."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import standardise

P = Preprocessing(size=4, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(5, 4, 4, 3), (2, 6, 4, 4, 3)])
def test_values_and_shape(rng: np.random.Generator, shape: tuple[int, ...], device: str) -> None:
    pixels = rng.integers(0, 256, shape, np.uint8)
    got = standardise(torch.from_numpy(pixels).to(device), P)
    expected = np.moveaxis((pixels / 255 - P.mean) / P.std, -1, -3)
    assert got.dtype == torch.float32
    assert got.device.type == device
    np.testing.assert_allclose(got.cpu().numpy(), expected, rtol=0, atol=2e-6)
    if len(shape) == 4:
        assert got.is_contiguous(memory_format=torch.channels_last)


def test_torchvision_agrees_bit_for_bit(rng: np.random.Generator) -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    pixels = rng.integers(0, 256, (4, 4, 3), np.uint8)
    reference = transforms.Compose([transforms.ToTensor(), transforms.Normalize(P.mean, P.std)])(pixels)
    assert torch.equal(standardise(torch.from_numpy(pixels)[None], P)[0], reference)


def test_a_batch_gives_what_its_parts_give(rng: np.random.Generator) -> None:
    pixels = torch.from_numpy(rng.integers(0, 256, (7, 4, 4, 3), np.uint8))
    whole = standardise(pixels, P)
    assert torch.equal(torch.cat([standardise(p[None], P) for p in pixels]), whole)
    assert standardise(pixels[:0], P).shape == (0, 3, 4, 4)


def test_preprocessed_input_is_unchanged() -> None:
    values = torch.randn(2, 3, 4, 4)
    assert torch.equal(standardise(values, P), values)
    assert standardise(values.double(), P).dtype == torch.float32


@pytest.mark.parametrize("pixels", [torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(2, 4, 4, 3).int()])
def test_other_pixels_are_refused(pixels: torch.Tensor) -> None:
    with pytest.raises(StimulusError, match="give uint8"):
        standardise(pixels, P)


def test_importing_stimuli_loads_neither_torch_nor_pooch() -> None:
    code = "import sys, ventralrnn.stimuli as s; s.load_stimuli('embedded').load(0, __import__('ventralrnn.networks."
    code += "preprocessing', fromlist=['x']).Preprocessing()); print({'torch', 'pooch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
