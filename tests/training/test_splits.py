"""What is learnt from and what is held out."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.common import CLASSES, labelled, write_folder
from ventralrnn.errors import TrainingError
from ventralrnn.networks import Preprocessing
from ventralrnn.training.pictures import LabelledPictures, load_folder
from ventralrnn.training.recipe import Recipe
from ventralrnn.training.splits import load_splits, load_test

SIZE = Preprocessing(8)
FAST, RESIZED = Recipe(), Recipe(crop="resized", flip="random")


def test_a_folder_is_read_whole_with_its_classes(tmp_path: Path) -> None:
    pictures = labelled(10)
    found = load_folder(write_folder(tmp_path, pictures), SIZE)
    order = torch.argsort(pictures.labels, stable=True)
    assert found.classes == CLASSES
    assert torch.equal(found.pixels, pictures.pixels[order]) and torch.equal(found.labels, pictures.labels[order])


@pytest.mark.parametrize("recipe", [FAST, RESIZED], ids=["memory", "files"])
def test_the_same_share_of_every_class_is_held_out(tmp_path: Path, recipe: Recipe) -> None:
    folder = write_folder(tmp_path, labelled(40))
    splits = load_splits(str(folder), SIZE, recipe, validation=0.2)
    assert splits.validation is not None
    assert splits.train.labels.bincount().tolist() == [16, 16]
    assert splits.validation.labels.bincount().tolist() == [4, 4]
    both = torch.cat([splits.train.spread(99).pixels, splits.validation.spread(99).pixels])
    assert len(np.unique(both.reshape(40, -1), axis=0)) == 40, "no picture is in both"
    again = load_splits(str(folder), SIZE, recipe, validation=0.2)
    assert again.train.digest() == splits.train.digest() != splits.validation.digest()
    assert load_splits(str(folder), SIZE, recipe, validation=0).validation is None


@pytest.mark.parametrize("recipe", [FAST, RESIZED], ids=["memory", "files"])
def test_splits_that_a_folder_has_are_taken(tmp_path: Path, recipe: Recipe) -> None:
    for name, number, seed in (("train", 20, 0), ("val", 6, 1), ("test", 4, 2)):
        write_folder(tmp_path / name, labelled(number, seed=seed))
    splits = load_splits(str(tmp_path), SIZE, recipe)
    assert splits.validation is not None and (len(splits.train), len(splits.validation)) == (20, 6)
    assert len(load_test(str(tmp_path), SIZE)) == 4
    assert load_splits("imagenet", SIZE, recipe, folder=tmp_path).train.digest() == splits.train.digest()


def test_parts_are_in_order_and_shared_among_processes(tmp_path: Path) -> None:
    pictures = labelled(7)
    alone = [labels for _, labels in pictures.parts(3)]
    assert [len(part) for part in alone] == [3, 3, 1] and torch.equal(torch.cat(alone), pictures.labels)
    shared = [torch.cat([labels for _, labels in pictures.parts(3, rank, 2)]) for rank in (0, 1)]
    assert torch.equal(shared[0], pictures.labels[0::2]) and torch.equal(shared[1], pictures.labels[1::2])


def test_what_cannot_be_learnt_from(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nowhere: give cifar10, imagenet, or a folder"):
        load_splits("nowhere", SIZE, FAST)
    with pytest.raises(TrainingError, match="imagenet: say where it lies with `data_dir`"):
        load_splits("imagenet", SIZE, FAST)
    with pytest.raises(TrainingError, match="cifar10 has no picture files"):
        load_splits("cifar10", SIZE, RESIZED)
    one = labelled(6)
    only = LabelledPictures(one.pixels, torch.zeros_like(one.labels), CLASSES)
    with pytest.raises(TrainingError, match=r"one class only \(bottom\)"):
        load_splits(str(write_folder(tmp_path / "one", only)), SIZE, FAST)
    few = write_folder(tmp_path / "few", labelled(8))
    with pytest.raises(TrainingError, match="class 'bottom' has 4 pictures, too few"):
        load_splits(str(few), SIZE, FAST, validation=0.05)
    with pytest.raises(TrainingError, match="no class 'top' was learnt: there are bottom, middle"):
        load_test(str(few), SIZE, classes=("bottom", "middle"))
    flat = tmp_path / "flat"
    write_folder(flat, labelled(4))
    for picture in flat.glob("*/*.png"):
        picture.rename(flat / picture.name)
    with pytest.raises(TrainingError, match="one folder a class"):
        load_splits(str(flat), SIZE, FAST)
