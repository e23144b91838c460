"""Recipes: the schedules, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ventralrnn.errors import SpecificationError, TrainingError
from ventralrnn.graph import write_plain
from ventralrnn.training import RECIPES, Recipe, find_recipe


def test_the_paper_divides_the_rate_after_40_and_50_of_60_epochs() -> None:
    paper = RECIPES["paper"]
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=paper.learning_rate)
    theirs = torch.optim.lr_scheduler.MultiStepLR(optimiser, [40, 50], gamma=0.1)
    for epoch in range(60):
        assert paper.learning_rate * paper.rate(epoch / 60) == pytest.approx(optimiser.param_groups[0]["lr"])
        assert paper.rate(epoch / 60) == paper.rate((epoch + 0.999) / 60)
        optimiser.step()
        theirs.step()


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_rates_rise_and_fall_to_nothing(schedule: str) -> None:
    recipe = Recipe(schedule=schedule, warm_up=0.2)  # type: ignore[arg-type]
    assert recipe.rate(0.1) == pytest.approx(0.5)
    assert recipe.rate(0.2) == pytest.approx(1)
    assert recipe.rate(0.6) == pytest.approx(0.5)
    assert recipe.rate(1) == pytest.approx(0)
    falling = [recipe.rate(0.2 + i / 100) for i in range(80)]
    assert falling == sorted(falling, reverse=True)


def test_a_recipe_without_warm_up_starts_at_the_highest_rate() -> None:
    assert Recipe(warm_up=0.0).rate(0) == 1


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_a_recipe_from_a_file_and_changes(tmp_path: Path, ending: str) -> None:
    recipe = replace(RECIPES["paper"], name="mine", epochs=7)
    write_plain(recipe, tmp_path / f"mine.{ending}")
    assert find_recipe(tmp_path / f"mine.{ending}") == recipe
    assert find_recipe(str(tmp_path / f"mine.{ending}"), epochs=9, batch_size=None) == replace(recipe, epochs=9)
    assert find_recipe("fast") == Recipe()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "`epochs` is 0"),
        ({"optimiser": "adam"}, "`optimiser` is 'adam': give sgd or muon"),
        ({"momentum": 1.0}, "`momentum` is 1.0"),
        ({"learning_rate": -1.0}, "`learning_rate` is -1.0"),
        ({"learning_rate": float("nan")}, "`learning_rate` is nan"),
        ({"batch_size": 10, "accumulate": 3}, "does not divide into 3 parts"),
    ],
)
def test_values_that_make_no_sense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        find_recipe("fast", **changes)


def test_unknown_recipes(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no recipe 'slow': give fast, paper, imagenet"):
        find_recipe("slow")
    with pytest.raises(SpecificationError, match=r"none\.yaml"):
        find_recipe(tmp_path / "none.yaml")
    (tmp_path / "bad.json").write_text('{"epoch": 3}')
    with pytest.raises(SpecificationError, match="unknown field 'epoch'"):
        find_recipe(tmp_path / "bad.json")
