"""Which pictures a run learns from, which it is watched on, and which a model is evaluated on."""

from dataclasses import dataclass
from pathlib import Path

import torch

from ventralrnn.errors import TrainingError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.training.files import LabelledFiles, list_files
from ventralrnn.training.pictures import LabelledPictures, load_cifar10, load_folder
from ventralrnn.training.recipe import Recipe

_TRAIN, _VALIDATION, _TEST = ("train",), ("val", "validation", "valid"), ("test",)
Labelled = LabelledPictures | LabelledFiles


@dataclass(frozen=True)
class Splits:
    """What a run learns from and what it is watched on.

    Parameters
    ----------
    train : LabelledPictures or LabelledFiles
        To learn from.
    validation : LabelledPictures, LabelledFiles or None
        To watch progress and to choose the best epoch; never learnt from.
    """

    train: Labelled
    validation: Labelled | None


def load_splits(
    data: str,
    preprocessing: Preprocessing,
    recipe: Recipe,
    *,
    folder: str | Path | None = None,
    validation: float = 0.05,
    progress: bool = False,
) -> Splits:
    """Read labelled pictures into memory.

    Parameters
    ----------
    data : str
        ``'cifar10'``; ``'imagenet'``; or a folder of pictures: one folder a class, or the same below ``train`` and
        ``val``.
    preprocessing : Preprocessing
        The model's: pictures are brought to its size.
    recipe : Recipe
        Resized crops need the picture files, which are then read anew in every epoch; for other crops all pictures
        are read into memory.
    folder : path-like, optional
        Where CIFAR-10 (by default the cache) or ImageNet lies.
    validation : float
        Share of the training pictures of every class that is set aside, where the data have no validation split of
        their own; 0 for none. Which ones does not depend on the seed of the run.
    progress : bool
        Show a progress bar while files are read.

    Returns
    -------
    Splits
        The official test split of CIFAR-10, or a folder ``test``, is not among them.

    Raises
    ------
    TrainingError, DataError, StimulusError
        If there are no such data, or a class has too few pictures.
    """
    if not 0 <= validation < 1:
        raise TrainingError(f"validation is {validation}: give a share of 0 or more, and less than 1")
    if data == "cifar10":
        if recipe.crop == "resized":
            raise TrainingError("cifar10 has no picture files to crop and resize: give a recipe with padded crops")
        return _split(load_cifar10("train", preprocessing, folder), validation, "cifar10")
    place = _place(data, folder)

    def load(where: Path, classes: tuple[str, ...] | None = None) -> Labelled:
        if recipe.crop == "resized":
            return list_files(where, preprocessing, classes)
        return load_folder(where, preprocessing, classes, progress=progress)

    own, held_out = find_split(place, _TRAIN), find_split(place, _VALIDATION)
    if own is None:
        return _split(load(place), validation, str(place))
    train = load(own)
    return _split(train, validation, str(own)) if held_out is None else Splits(train, load(held_out, train.classes))


def load_test(
    data: str, preprocessing: Preprocessing, *, folder: str | Path | None = None, classes: tuple[str, ...] | None = None
) -> Labelled:
    """Find the pictures that a model is evaluated on.

    Parameters
    ----------
    data : str
        ``'cifar10'`` for its official test split; or a folder: its ``test``, else its ``val``, else all of it.
    preprocessing : Preprocessing
        The model's.
    folder : path-like, optional
        Where CIFAR-10 (by default the cache) or ImageNet lies.
    classes : tuple of str, optional
        The model's classes, which the folders must be named after.

    Returns
    -------
    LabelledPictures or LabelledFiles
        In the official order; or files sorted by path, which are read when they are needed, once.
    """
    if data == "cifar10":
        return load_cifar10("test", preprocessing, folder)
    place = _place(data, folder)
    return list_files(find_split(place, _TEST) or find_split(place, _VALIDATION) or place, preprocessing, classes)


def find_split(folder: Path, names: tuple[str, ...]) -> Path | None:
    """Return the sub-folder of a data set that holds a split, or None."""
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _place(data: str, folder: str | Path | None) -> Path:
    if data == "imagenet":
        if folder is None:
            raise TrainingError(
                "imagenet: say where it lies with `data_dir`, a folder with one folder a class in train/ and val/"
            )
        data = str(folder)
    place = Path(data).expanduser()
    if not place.is_dir():
        raise TrainingError(f"{data}: give cifar10, imagenet, or a folder of pictures with one folder a class")
    return place


def _split(pictures: Labelled, share: float, where: str) -> Splits:
    """Set aside the same share of every class, evenly spread over the order of the pictures."""
    if share == 0:
        return Splits(pictures, None)
    aside = torch.zeros(len(pictures), dtype=torch.bool)
    for number, name in enumerate(pictures.classes):
        members = (pictures.labels == number).nonzero()[:, 0]
        count = round(share * len(members))
        if not 0 < count < len(members):
            raise TrainingError(
                f"{where}: class {name!r} has {len(members)} pictures, too few to set aside a share of {share:g} for "
                "validation: give more, or another `validation` (0 for none)"
            )
        aside[members[(torch.arange(count) * len(members)) // count]] = True
    return Splits(pictures.take((~aside).nonzero()[:, 0]), pictures.take(aside.nonzero()[:, 0]))
