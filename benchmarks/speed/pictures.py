"""Pictures to run over: as an array file and as a folder. Neither torch nor the package is loaded here."""

from pathlib import Path

import numpy as np
from PIL import Image


def make_array(path: Path, number: int) -> Path:
    """Write ``number`` pictures of CIFAR's size, coarse noise made smooth, as one uint8 array file."""
    coarse = np.random.default_rng(0).integers(0, 256, (number, 8, 8, 3), dtype=np.uint8)
    pixels = [np.asarray(Image.fromarray(picture).resize((32, 32), Image.Resampling.BICUBIC)) for picture in coarse]
    np.save(path, np.stack(pixels))
    return path


def make_folder(folder: Path, array: Path, number: int | None = None) -> Path:
    """Write the (first) pictures of an array as PNG files."""
    folder.mkdir()
    for index, pixels in enumerate(np.load(array, mmap_mode="r")[:number]):
        Image.fromarray(np.asarray(pixels)).save(folder / f"{index:05d}.png")
    return folder
