"""Labelled pictures to learn from, held in memory as 8-bit pixels."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ventralrnn.errors import TrainingError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.progress import progress_bar
from ventralrnn.stimuli import Stimuli, load_stimuli, read_batches
from ventralrnn.stimuli.cifar10 import LABELS, read_cifar10


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures and their classes.

    Parameters
    ----------
    pixels : torch.Tensor, uint8, (n, y, x, 3)
        Pictures at the model's input size.
    labels : torch.Tensor, int64, (n,)
        Positions in ``classes``.
    classes : tuple of str
        Names of the classes.
    """

    pixels: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Tensor) -> "LabelledPictures":
        """Return some of the pictures."""
        return LabelledPictures(self.pixels[indices], self.labels[indices], self.classes)

    def spread(self, number: int) -> "LabelledPictures":
        """Return at most so many pictures, evenly spread over the set."""
        number = min(number, len(self))
        return self.take((torch.arange(number) * len(self)) // number)

    def to(self, device: torch.device) -> "LabelledPictures":
        """Return the pictures on a device."""
        return LabelledPictures(self.pixels.to(device), self.labels.to(device), self.classes)

    def parts(self, size: int, rank: int = 0, count: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield pixels and labels in order, in parts, each process every ``count``-th picture."""
        for start in range(rank, len(self), size * count):
            part = slice(start, start + size * count, count)
            yield self.pixels[part], self.labels[part]

    def digest(self) -> str:
        """Return 16 hex digits that identify pixels, labels and classes."""
        digest = PictureDigest(tuple(self.pixels.shape), self.classes)
        digest.add(self.pixels)
        return digest.finish(self.labels)


class PictureDigest:
    """Identifies labelled pictures that pass by in parts.

    Parameters
    ----------
    shape : tuple of int
        Of all pixels together.
    classes : tuple of str
        Names of the classes.
    """

    def __init__(self, shape: tuple[int, ...], classes: tuple[str, ...]) -> None:
        self._sha = hashlib.sha256(repr((shape, classes)).encode())

    def add(self, pixels: Tensor) -> None:
        """Take the next pictures."""
        self._sha.update(pixels.cpu().numpy().tobytes())

    def finish(self, labels: Tensor) -> str:
        """Return 16 hex digits for all that were added, with their labels."""
        self._sha.update(labels.cpu().numpy().tobytes())
        return self._sha.hexdigest()[:16]


def load_cifar10(split: str, preprocessing: Preprocessing, folder: str | Path | None = None) -> LabelledPictures:
    """Read a split of CIFAR-10, from a folder or the cache, with its hashes checked."""
    from ventralrnn.stimuli import cache

    place = cache.folder("cifar10") if folder is None else Path(folder)
    pixels, labels = read_cifar10(place, split)
    if preprocessing.size != pixels.shape[1] or preprocessing.crop != 1:
        pixels = _read(load_stimuli(pixels), preprocessing, progress=False)
    return LabelledPictures(torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64)), LABELS)


def load_folder(
    folder: Path, preprocessing: Preprocessing, classes: tuple[str, ...] | None = None, *, progress: bool = False
) -> LabelledPictures:
    """Read all pictures of a folder that has one folder a class."""
    stimuli = load_stimuli(folder)
    if stimuli.labels is None:
        raise TrainingError(f"{folder}: pictures to learn from lie in one folder a class ({folder}/CLASS/*.png)")
    labels, classes = number_labels(stimuli.labels, classes, str(folder))
    return LabelledPictures(torch.from_numpy(_read(stimuli, preprocessing, progress)), labels, classes)


def number_labels(names: Sequence[str], classes: tuple[str, ...] | None, where: str) -> tuple[Tensor, tuple[str, ...]]:
    """Return the position of each name among the classes, and the classes: those given, or all names in order."""
    found = tuple(sorted(set(names)))
    classes = found if classes is None else classes
    unknown = [name for name in found if name not in classes]
    if unknown:
        raise TrainingError(f"{where}: no class {unknown[0]!r} was learnt: there are {', '.join(classes)}")
    if len(classes) < 2:
        raise TrainingError(f"{where}: one class only ({found[0]}): give at least two, one folder each")
    position = {name: number for number, name in enumerate(classes)}
    return torch.tensor([position[name] for name in names]), classes


def _read(stimuli: Stimuli, preprocessing: Preprocessing, progress: bool) -> np.ndarray:
    size = preprocessing.size
    pixels = np.empty((len(stimuli), size, size, 3), np.uint8)
    with progress_bar(progress, len(stimuli), "pictures", "reading", leave=False) as advance:
        for batch in read_batches(stimuli, preprocessing, 64):
            pixels[batch.start : batch.stop] = batch.pixels
            advance(batch.stop - batch.start)
    return pixels
