"""Labelled picture files, decoded anew whenever needed: for sets too large for memory, and for random crops."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from ventralrnn.errors import TrainingError, VentralrnnError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import FileStimuli, load_stimuli
from ventralrnn.stimuli.pictures import decode
from ventralrnn.training.pictures import LabelledPictures, number_labels


@dataclass(frozen=True)
class LabelledFiles:
    """Picture files and their classes.

    Parameters
    ----------
    stimuli : FileStimuli
        The files.
    indices : torch.Tensor, int64, (n,)
        Which of them.
    labels : torch.Tensor, int64, (n,)
        Positions in ``classes``.
    classes : tuple of str
        Names of the classes.
    preprocessing : Preprocessing
        The model's: pictures that are not cropped at random are brought to its size.
    """

    stimuli: FileStimuli
    indices: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Tensor) -> "LabelledFiles":
        """Return some of the pictures."""
        return LabelledFiles(
            self.stimuli, self.indices[indices], self.labels[indices], self.classes, self.preprocessing
        )

    def spread(self, number: int) -> LabelledPictures:
        """Return at most so many pictures, evenly spread over the set, in memory."""
        number = min(number, len(self))
        chosen = self.take((torch.arange(number) * len(self)) // number)
        pixels = torch.cat([pixels for pixels, _ in chosen.parts(64)])
        return LabelledPictures(pixels, chosen.labels, self.classes)

    def parts(self, size: int, rank: int = 0, count: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield pixels and labels in order, in parts, each process every ``count``-th picture."""
        yield from _loader(_Whole(self), range(rank, len(self), count), size, count)

    def digest(self) -> str:
        """Return 16 hex digits that identify paths, sizes and classes; the pictures themselves are not read."""
        sha = hashlib.sha256(repr((self.stimuli.fingerprint(), self.classes)).encode())
        sha.update(self.indices.numpy().tobytes())
        sha.update(self.labels.numpy().tobytes())
        return sha.hexdigest()[:16]


def list_files(folder: Path, preprocessing: Preprocessing, classes: tuple[str, ...] | None = None) -> LabelledFiles:
    """List the pictures of a folder that has one folder a class."""
    stimuli = load_stimuli(folder)
    assert isinstance(stimuli, FileStimuli)
    if stimuli.labels is None:
        raise TrainingError(f"{folder}: pictures to learn from lie in one folder a class ({folder}/CLASS/*.jpg)")
    labels, classes = number_labels(stimuli.labels, classes, str(folder))
    return LabelledFiles(stimuli, torch.arange(len(labels)), labels, classes, preprocessing)


# Pixels and label; or why there are none, which the process that reads them tells the one that uses them.
_Item = tuple[Tensor, int] | VentralrnnError


class _Whole(Dataset[_Item]):
    """Pictures as they are evaluated."""

    def __init__(self, files: LabelledFiles) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, position: int) -> _Item:
        files = self.files
        try:
            pixels, _ = files.stimuli.load(int(files.indices[position]), files.preprocessing)
        except VentralrnnError as error:
            return error
        return torch.from_numpy(pixels), int(files.labels[position])


class RandomCrops(Dataset[_Item]):
    """Pictures cropped at random and resized.

    Parameters
    ----------
    files : LabelledFiles
        The pictures.
    mirrored : bool
        Whether half of them are mirrored.
    seed : int
        What is drawn depends on it and on the picture alone, not on who decodes it.

    Notes
    -----
    Szegedy et al. (2015): 8 to 100 % of the area, sides in a ratio of 3/4 to 4/3.
    """

    def __init__(self, files: LabelledFiles, mirrored: bool, seed: int) -> None:
        from torchvision.transforms import v2

        size = files.preprocessing.size
        flip = [v2.RandomHorizontalFlip()] if mirrored else []
        self.files, self.seed = files, seed
        self.transform = v2.Compose([v2.RandomResizedCrop((size, size), antialias=True), *flip, v2.PILToTensor()])

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, position: int) -> _Item:
        files = self.files
        index = int(files.indices[position])
        try:
            image = decode(files.stimuli.read(index), files.stimuli.ids[index])
        except VentralrnnError as error:
            return error
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed * 1_000_003 + index)
            return self.transform(image).permute(1, 2, 0), int(files.labels[position])

    def batches(self, order: Tensor, size: int, processes: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield uint8 pixels (size, y, x, 3) and labels (size,) of the pictures at these positions."""
        yield from _loader(self, order.tolist(), size, processes)


def _loader(
    pictures: Dataset[_Item], positions: range | list[int], size: int, processes: int
) -> Iterator[tuple[Tensor, Tensor]]:
    # The cores of the machine are shared by the processes that run on it.
    workers = len(os.sched_getaffinity(0)) // processes
    workers = 0 if len(positions) <= size or workers < 2 else min(workers, 16)
    loader = DataLoader(
        pictures,
        batch_size=size,
        sampler=positions,
        collate_fn=_collate,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=2 if workers else None,
    )
    for batch in loader:
        if isinstance(batch, VentralrnnError):
            raise batch
        yield batch


def _collate(items: list[_Item]) -> tuple[Tensor, Tensor] | VentralrnnError:
    broken = next((item for item in items if isinstance(item, VentralrnnError)), None)
    return default_collate(items) if broken is None else broken
