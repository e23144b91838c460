"""Small networks, and small sets of pictures that can be told apart."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ventralrnn.devices import choose_device
from ventralrnn.graph import Area, Connection, Graph
from ventralrnn.networks import NetworkSpec, PostNet, PreNet, Preprocessing
from ventralrnn.training.pictures import LabelledPictures
from ventralrnn.training.processes import Process

ALONE = Process(0, 1, choose_device("cpu"))
CLASSES = ("bottom", "top")


def spec(**changes: Any) -> NetworkSpec:
    """Return two areas with lateral and feedback connections, for pictures of 8 pixels and two classes."""
    areas = (Area("V1", 4, 1), Area("IT", 6, 2))
    links = (
        Connection("V1", "V1", "BRCx2+Id"),
        Connection("V1", "IT", "BRC"),
        Connection("IT", "IT", "BRC+Id"),
        Connection("IT", "V1", "BRD"),
    )
    values = {
        "steps": 4,
        "readouts": (2, 3),
        "pre_net": PreNet(2, 3),
        "post_net": PostNet(2),
        "preprocessing": Preprocessing(8),
        **changes,
    }
    return NetworkSpec("small", Graph(areas, links), **values)


def labelled(number: int = 40, side: int = 8, seed: int = 0) -> LabelledPictures:
    """Return noise that is brighter at the bottom or at the top, which mirroring leaves as it is."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    pixels = rng.integers(0, 120, (number, side, side, 3), dtype=np.uint8)
    for picture, label in zip(pixels, labels, strict=True):
        half = slice(side // 2, side) if label == 0 else slice(0, side // 2)
        picture[half] += 90
    return LabelledPictures(torch.from_numpy(pixels), torch.from_numpy(labels), CLASSES)


def write_folder(folder: Path, pictures: LabelledPictures) -> Path:
    """Write pictures as PNG files, one folder a class."""
    for number, (pixels, label) in enumerate(zip(pictures.pixels.numpy(), pictures.labels.tolist(), strict=True)):
        place = folder / pictures.classes[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number:04d}.png")
    return folder
