"""The trained models that ship: all are there, small enough, sound, and as good as their cards say."""

import re
from itertools import islice
from pathlib import Path

import pytest
import torch
from scipy.stats import binomtest

from ventralrnn.networks import TimeBatchNorm
from ventralrnn.stimuli import cache
from ventralrnn.training import evaluate
from ventralrnn.training.pictures import load_cifar10
from ventralrnn.training.scoring import read_out
from ventralrnn.zoo import load_checkpoint
from ventralrnn.zoo.headers import read_header, shipped_checkpoint
from ventralrnn.zoo.registry import model_spec

MODELS = (
    "ventral",
    "ventral-feedforward",
    "ventral-lateral",
    "resnet-2state",
    "resnet-2state-unshared",
    "recurrent-2state",
    "recurrent-3state",
)
MEGABYTE = 1_000_000


def find(model: str) -> Path:
    path = shipped_checkpoint(model)
    assert path is not None
    return path


@pytest.fixture
def needs_cifar10() -> None:
    if cache.find("cifar10") is None:
        pytest.skip(f"cifar10 is not in ${cache.VARIABLE}")


def card(model: str) -> dict[int, float]:
    """Return the accuracy by readout step that the card shows, in per cent."""
    text = find(model).with_suffix(".md").read_text()
    return {
        int(step): float(value) for step, value in re.findall(r"^\| (\d+) \| \d+ \| \w+ \| ([\d.]+) \(", text, re.M)
    }


def test_they_are_small() -> None:
    sizes = [find(model).stat().st_size for model in MODELS]
    assert max(sizes) <= 6 * MEGABYTE and sum(sizes) <= 30 * MEGABYTE


@pytest.mark.parametrize("model", MODELS)
def test_header_and_card_agree_with_the_zoo(model: str) -> None:
    header = read_header(find(model))
    assert header.specification == model_spec(model)
    shown = {int(step): round(100 * value, 2) for step, value in header.info["test_accuracy"].items()}
    assert card(model) == shown
    assert {"command", "machine", "recipe", "seconds", "seed", "versions"} <= set(header.info)
    network = load_checkpoint(find(model))
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())
    assert all(isinstance(norm, TimeBatchNorm) for norm in network.norms.values())


def test_those_that_are_compared_were_trained_alike() -> None:
    for group in (MODELS[:3], MODELS[3:5], MODELS[5:]):
        first, *others = (read_header(find(model)).info for model in group)
        for other in others:
            for key in ("recipe", "data", "epochs", "seed", "precision"):
                assert other[key] == first[key]


@pytest.mark.parametrize("model", MODELS[:3])
def test_accuracy_on_all_test_pictures_is_that_of_the_card(model: str, needs_cifar10: None) -> None:
    found = evaluate(model, "cifar10", device="cpu")
    # One picture of 10,000 may fall to the other side where numbers round otherwise.
    assert {r.step: 100 * r.accuracy for r in found.readouts} == pytest.approx(card(model), abs=0.0101)


@pytest.mark.parametrize("model", MODELS[3:])
def test_accuracy_on_some_test_pictures_fits_the_card(model: str, needs_cifar10: None) -> None:
    network = load_checkpoint(find(model)).eval()
    parts = load_cifar10("test", network.spec.preprocessing).parts(500)
    (step, accuracy), *_ = reversed(card(model).items())
    pixels, labels = zip(*islice(parts, 3), strict=True)
    answers = read_out(network, zip(pixels, labels, strict=True), [step])[:, 0].argmax(1)
    right = int((answers == torch.cat(labels)).sum())
    assert binomtest(right, len(answers), accuracy / 100).pvalue > 1e-3
