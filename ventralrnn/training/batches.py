"""Batches of pictures drawn in a random order, cropped and mirrored: the same in every run with the same seed."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from ventralrnn.errors import TrainingError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import standardise
from ventralrnn.training.files import LabelledFiles, RandomCrops
from ventralrnn.training.pictures import LabelledPictures
from ventralrnn.training.processes import Process
from ventralrnn.training.recipe import Recipe


class Batches(Protocol):
    """What a run learns from: the same batches in every run with the same seed."""

    batch_size: int

    def __len__(self) -> int:
        """Batches an epoch."""

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of an epoch from the ``first`` on: pictures (part, 3, y, x) and labels (part,)."""


def make_batches(
    pictures: LabelledPictures | LabelledFiles,
    preprocessing: Preprocessing,
    recipe: Recipe,
    seed: int,
    process: Process,
) -> Batches:
    """Return the batches of a run, as its recipe asks for them."""
    if isinstance(pictures, LabelledFiles):
        return StreamedBatches(pictures, preprocessing, recipe, seed, process)
    return ResidentBatches(pictures, preprocessing, recipe, seed, process)


class ResidentBatches:
    """Batches of pictures that lie on the device.

    What is drawn depends on the seed, the epoch and the picture alone: not on the device, the number of processes, or
    where a run was interrupted.

    Parameters
    ----------
    pictures : LabelledPictures
        To learn from; they are moved to the device.
    preprocessing : Preprocessing
        The model's mean and standard deviation.
    recipe : Recipe
        Batch size, crops and mirroring.
    seed : int
        Of the run.
    process : Process
        Each process takes every n-th picture of a batch.
    """

    def __init__(
        self,
        pictures: LabelledPictures,
        preprocessing: Preprocessing,
        recipe: Recipe,
        seed: int,
        process: Process,
    ) -> None:
        self.device = process.device
        self.pictures = pictures.to(self.device)
        self.recipe, self.seed, self.process = recipe, seed, process
        self.mean = torch.tensor(preprocessing.mean, device=self.device)
        self.std = torch.tensor(preprocessing.std, device=self.device)
        self.batch_size = fit_batch(recipe, len(pictures), process.count)

    def __len__(self) -> int:
        return len(self.pictures) // self.batch_size

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of an epoch.

        Parameters
        ----------
        epoch : int
            Counted from 0.
        first : int
            Batches to leave out, which were learnt before an interruption.

        Yields
        ------
        pictures : torch.Tensor, float32, (part, 3, y, x)
            This process's part of the batch, standardised, in channels-last memory order.
        labels : torch.Tensor, int64, (part,)
            Their classes.
        """
        draw = generator(self.seed, epoch)
        number, side = len(self.pictures), self.pictures.pixels.shape[1]
        order = torch.randperm(number, generator=draw)
        room = 2 * self.recipe.padding if self.recipe.crop == "padded" else 0
        shifts = torch.randint(room + 1, (number, 2), generator=draw)
        mirrored = self._mirrored(number, epoch, draw)
        centres = torch.randint(side, (number, 2), generator=draw)
        for batch in range(first, len(self)):
            start = batch * self.batch_size
            mine = order[start + self.process.rank : start + self.batch_size : self.process.count]
            padded = self._prepare(self.pictures.pixels[mine.to(self.device)])
            x = crop(padded, side, shifts[mine].to(self.device), mirrored[mine].to(self.device))
            if self.recipe.cutout:
                x.masked_fill_(square(side, centres[mine].to(self.device), self.recipe.cutout), 0.0)
            yield x, self.pictures.labels[mine.to(self.device)]

    def _prepare(self, pixels: Tensor) -> Tensor:
        x = pixels.float().div_(255).sub_(self.mean).div_(self.std)
        if self.recipe.crop != "padded" or not self.recipe.padding:
            return x
        pad = (self.recipe.padding,) * 4
        mode = "constant" if self.recipe.pad_with == "zeros" else "reflect"
        return torch.nn.functional.pad(x.movedim(-1, 1), pad, mode).movedim(1, -1)

    def _mirrored(self, number: int, epoch: int, draw: torch.Generator) -> Tensor:
        if self.recipe.flip == "alternating":
            # Half of the pictures begin mirrored; then each is seen both ways in turn (Jordan 2024, arXiv 2404.00498).
            begin = torch.rand(number, generator=generator(self.seed, -1)) < 0.5
            return begin ^ bool(epoch % 2)
        chance = 0.5 if self.recipe.flip == "random" else 0.0
        return torch.rand(number, generator=draw) < chance


class StreamedBatches:
    """Batches of picture files, decoded and cropped by worker processes a little ahead of their use.

    Parameters
    ----------
    pictures : LabelledFiles
        To learn from.
    preprocessing, recipe, seed, process
        As for :class:`ResidentBatches`, with the same promise of what is drawn.
    """

    def __init__(
        self, pictures: LabelledFiles, preprocessing: Preprocessing, recipe: Recipe, seed: int, process: Process
    ) -> None:
        if recipe.flip == "alternating":
            raise TrainingError("recipe: alternating flips go with padded crops: give flip 'random' or 'none'")
        if recipe.cutout:
            raise TrainingError("recipe: cutout goes with padded crops: give cutout 0")
        self.pictures, self.preprocessing, self.recipe = pictures, preprocessing, recipe
        self.seed, self.process = seed, process
        self.batch_size = fit_batch(recipe, len(pictures), process.count)

    def __len__(self) -> int:
        return len(self.pictures) // self.batch_size

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of an epoch, as :meth:`ResidentBatches.epoch` does."""
        draw = generator(self.seed, epoch)
        order = torch.randperm(len(self.pictures), generator=draw)
        seed = int(torch.randint(2**31, (), generator=draw))
        used = order[first * self.batch_size : len(self) * self.batch_size]
        mine = used[self.process.rank :: self.process.count]
        crops = RandomCrops(self.pictures, self.recipe.flip == "random", seed)
        for pixels, labels in crops.batches(mine, self.batch_size // self.process.count, self.process.count):
            here = pixels.to(self.process.device, non_blocking=True)
            yield standardise(here, self.preprocessing), labels.to(self.process.device, non_blocking=True)


def crop(padded: Tensor, side: int, shifts: Tensor, mirrored: Tensor) -> Tensor:
    """Cut a window out of each picture and mirror some.

    Parameters
    ----------
    padded : torch.Tensor, (n, y, x, 3)
        Pictures.
    side : int
        Of the window, in pixels.
    shifts : torch.Tensor, int, (n, 2)
        Upper left corner of each window, y and x.
    mirrored : torch.Tensor, bool, (n,)
        Pictures to mirror.

    Returns
    -------
    torch.Tensor, (n, 3, side, side)
        In channels-last memory order.
    """
    along = torch.arange(side, device=padded.device)
    rows = shifts[:, :1] + along
    columns = shifts[:, 1:] + torch.where(mirrored[:, None], side - 1 - along, along)
    each = torch.arange(len(padded), device=padded.device)
    return padded[each[:, None, None], rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def square(side: int, centres: Tensor, width: int) -> Tensor:
    """Mark a square in each picture.

    Parameters
    ----------
    side : int
        Of the pictures, in pixels.
    centres : torch.Tensor, int, (n, 2)
        Of the squares, y and x; an even width reaches one pixel less to the lower right.
    width : int
        Of the squares, in pixels; what lies outside of the picture is cut off.

    Returns
    -------
    torch.Tensor, bool, (n, 1, side, side)
        True in the square.
    """
    along = torch.arange(side, device=centres.device) - (centres[..., None] - width // 2)
    inside = (along >= 0) & (along < width)
    return (inside[:, 0, :, None] & inside[:, 1, None, :])[:, None]


def generator(seed: int, epoch: int) -> torch.Generator:
    """Return the random numbers of an epoch, on the CPU so that they are the same for every device."""
    draw = torch.Generator()
    # A distinct stream for every pair: epochs from -1 on, far fewer than a million.
    draw.manual_seed(seed * 1_000_003 + epoch + 1)
    return draw


def fit_batch(recipe: Recipe, number: int, processes: int) -> int:
    """Return how many pictures a batch has: the recipe's number, or all there are, in equal parts."""
    parts = processes * recipe.accumulate
    if recipe.batch_size % parts:
        raise TrainingError(
            f"a batch of {recipe.batch_size} does not divide among {processes} processes, {recipe.accumulate} parts "
            f"each: give a `batch_size` that is a multiple of {parts}"
        )
    size = min(recipe.batch_size, number // parts * parts)
    if size < 2 * parts:
        raise TrainingError(f"{number} training pictures are too few for {parts} parts of a batch of at least 2 each")
    return size
