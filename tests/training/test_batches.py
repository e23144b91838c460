"""What is drawn: every picture once an epoch, the same whoever draws it; crops and mirroring against plain slicing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.common import ALONE, labelled, write_folder
from ventralrnn.errors import TrainingError
from ventralrnn.networks import Preprocessing
from ventralrnn.training.batches import crop, fit_batch, make_batches, square
from ventralrnn.training.files import list_files
from ventralrnn.training.processes import Process
from ventralrnn.training.recipe import Recipe

PLAIN = Recipe(batch_size=10, crop="none", flip="none", cutout=0)
SIZE = Preprocessing(8)
# Standardising this way leaves pixels as they are, up to the division by 255.
AS_IS = Preprocessing(8, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def test_every_picture_comes_once_an_epoch_with_its_label() -> None:
    pictures = labelled(40)
    batches = make_batches(pictures, AS_IS, PLAIN, 0, ALONE)
    orders = []
    for epoch in range(2):
        drawn = list(batches.epoch(epoch))
        assert [len(y) for _, y in drawn] == [10] * 4 == [10] * len(batches)
        x, y = torch.cat([x for x, _ in drawn]), torch.cat([y for _, y in drawn])
        assert x.is_contiguous(memory_format=torch.channels_last)
        found = (x * 255).round().byte().permute(0, 2, 3, 1)
        where = [(pictures.pixels == one).all((1, 2, 3)).nonzero().item() for one in found]
        assert sorted(where) == list(range(40))
        assert torch.equal(pictures.labels[where], y)
        orders.append(where)
    assert orders[0] != orders[1] != list(range(40))


def test_batches_are_the_same_again_and_from_any_on_and_for_any_number_of_processes() -> None:
    recipe = replace(PLAIN, crop="padded", padding=2, flip="random")
    whole = list(make_batches(labelled(), SIZE, recipe, 3, ALONE).epoch(1))
    later = list(make_batches(labelled(), SIZE, recipe, 3, ALONE).epoch(1, first=2))
    assert all(
        torch.equal(a, b) for one, two in zip(whole[2:], later, strict=True) for a, b in zip(one, two, strict=True)
    )
    parts = [make_batches(labelled(), SIZE, recipe, 3, Process(r, 2, ALONE.device)).epoch(1) for r in (0, 1)]
    for (x, y), (x0, y0), (x1, y1) in zip(whole, *parts, strict=True):
        assert torch.equal(x[0::2], x0) and torch.equal(x[1::2], x1)
        assert torch.equal(y[0::2], y0) and torch.equal(y[1::2], y1)
    other = list(make_batches(labelled(), SIZE, recipe, 4, ALONE).epoch(1))
    assert not torch.equal(whole[0][0], other[0][0])


def test_crops_and_mirrors_are_those_of_plain_slicing() -> None:
    padded = torch.randn(20, 12, 12, 3)
    shifts = torch.randint(5, (20, 2))
    mirrored = torch.rand(20) < 0.5
    cut = crop(padded, 8, shifts, mirrored)
    for one, (y, x), flip, got in zip(padded.numpy(), shifts.tolist(), mirrored.tolist(), cut.numpy(), strict=True):
        expected = one[y : y + 8, x : x + 8]
        np.testing.assert_array_equal(got, np.moveaxis(expected[:, ::-1] if flip else expected, -1, 0))


def test_cutout_is_a_square_about_its_centre_cut_off_at_edges() -> None:
    centres = torch.tensor([[3, 4], [0, 0], [7, 6]])
    for width in (1, 3, 4):
        marked = square(8, centres, width).numpy()
        for one, (y, x) in zip(marked, centres.tolist(), strict=True):
            expected = np.zeros((1, 8, 8), dtype=bool)
            top, left = y - width // 2, x - width // 2
            expected[0, max(top, 0) : top + width, max(left, 0) : left + width] = True
            np.testing.assert_array_equal(one, expected)


def test_cutout_sets_pixels_to_the_mean_colour_and_leaves_the_rest() -> None:
    recipe = replace(PLAIN, crop="padded", padding=2, flip="random")
    prepared = Preprocessing(8, mean=(0.2, 0.4, 0.6), std=(0.1, 0.2, 0.3))
    plain = list(make_batches(labelled(), prepared, recipe, 3, ALONE).epoch(1))
    batches = make_batches(labelled(), prepared, replace(recipe, cutout=3), 3, ALONE)
    cut = list(batches.epoch(1))
    gone = 0
    for (x, y), (x_cut, y_cut) in zip(plain, cut, strict=True):
        assert torch.equal(y, y_cut)
        changed = (x != x_cut).any(1)
        assert (x_cut.movedim(1, -1)[changed] == 0).all()
        assert ((changed.sum((1, 2)) > 0) & (changed.sum((1, 2)) <= 9)).all()
        gone += int((changed.sum((1, 2)) == 9).sum())
    assert gone  # some lie in the picture as a whole
    later = list(batches.epoch(1, first=2))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(cut[2:], later, strict=True))


@pytest.mark.parametrize("pad_with", ["zeros", "reflection"])
def test_padding_is_that_of_numpy_after_standardising(pad_with: str) -> None:
    pictures = labelled(8)
    prepared = Preprocessing(8, mean=(0.2, 0.4, 0.6), std=(0.1, 0.2, 0.3))
    recipe = replace(PLAIN, batch_size=8, crop="padded", padding=3, pad_with=pad_with)  # type: ignore[arg-type]
    ((x, _),) = make_batches(pictures, prepared, recipe, 0, ALONE).epoch(0)
    plain = (pictures.pixels.numpy() / 255 - prepared.mean) / prepared.std
    edges = ((0, 0), (3, 3), (3, 3), (0, 0))
    padded = np.pad(plain, edges, mode="constant" if pad_with == "zeros" else "reflect").transpose(0, 3, 1, 2)
    windows = [padded[:, :, i : i + 8, j : j + 8] for i in range(7) for j in range(7)]
    for got in x.numpy():
        assert min(np.abs(window - got).max(axis=(1, 2, 3)).min() for window in windows) < 1e-5


def test_alternating_flips_show_each_picture_both_ways_in_turn() -> None:
    pictures = labelled(40)
    recipe = replace(PLAIN, flip="alternating", batch_size=40)
    seen = []
    for epoch in range(4):
        ((x, _),) = make_batches(pictures, AS_IS, recipe, 0, ALONE).epoch(epoch)
        found = (x * 255).round().byte().permute(0, 2, 3, 1)
        upright = [any(torch.equal(one, p) for one in found) for p in pictures.pixels]
        seen.append(np.array(upright))
    assert 5 < seen[0].sum() < 35
    np.testing.assert_array_equal(seen[0], ~seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])
    np.testing.assert_array_equal(seen[1], seen[3])


def test_files_cropped_at_random_are_the_same_again_and_from_any_on(tmp_path: Path) -> None:
    files = list_files(write_folder(tmp_path / "set", labelled(24, side=20)), SIZE)
    recipe = replace(PLAIN, crop="resized", flip="random", batch_size=6)
    batches = make_batches(files, SIZE, recipe, 0, ALONE)
    whole, again = list(batches.epoch(2)), list(batches.epoch(2, first=1))
    assert len(whole) == len(batches) == 4
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(whole[1:], again, strict=True))
    assert torch.cat([y for _, y in whole]).bincount().tolist() == [12, 12]
    assert not torch.equal(whole[0][0], next(iter(batches.epoch(3)))[0])
    parts = [make_batches(files, SIZE, recipe, 0, Process(r, 2, ALONE.device)).epoch(2) for r in (0, 1)]
    for (x, y), (x0, y0), (x1, y1) in zip(whole, *parts, strict=True):
        assert torch.equal(x[0::2], x0) and torch.equal(x[1::2], x1)
        assert torch.equal(y[0::2], y0) and torch.equal(y[1::2], y1)


def test_a_batch_fits_the_pictures_and_the_processes() -> None:
    assert fit_batch(Recipe(batch_size=500), 50000, 1) == 500
    assert fit_batch(Recipe(batch_size=500), 41, 2) == 40
    with pytest.raises(TrainingError, match="500 does not divide among 3 processes"):
        fit_batch(Recipe(batch_size=500), 50000, 3)
    with pytest.raises(TrainingError, match="3 training pictures are too few"):
        fit_batch(Recipe(batch_size=500), 3, 2)
