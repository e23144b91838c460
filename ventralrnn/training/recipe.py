"""Recipes: everything about a training run that is not the model or the pictures, as plain data."""

from dataclasses import dataclass, replace
from math import cos, pi
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ventralrnn.errors import TrainingError
from ventralrnn.graph import read_plain


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    name : str
        Name of the recipe.
    epochs : int
        Passes over the training pictures.
    batch_size : int
        Pictures an update, over all processes.
    accumulate : int
        Parts of a batch that go through the network one after another, so that less memory is needed. Batch norm
        statistics are those of a part.
    optimiser : {'sgd', 'muon'}
        SGD with momentum for all parameters; or Muon for all convolutions but the first, and SGD for the rest.
    learning_rate : float
        Highest rate of SGD.
    muon_rate : float
        Highest rate of Muon, relative to the size of a weight: an update changes a weight by this share of its norm.
    keep_norm : bool
        Whether Muon scales weights back to their initial norm after every update. Batch norm hides the norm of a
        weight from the loss, so that without this it only grows, and the rate falls with it.
    momentum : float
        Of both optimisers.
    nesterov : bool
        Whether momentum looks ahead.
    weight_decay : float
        Of SGD, added to the gradient; the batch norm's scale and shift have none.
    schedule : {'steps', 'one-cycle', 'cosine'}
        The rate over the run: divided by ten at each milestone; up and down again in straight lines; or up in a line
        and down along half a cosine.
    milestones : tuple of int
        Epochs after which 'steps' divides the rate.
    warm_up : float
        Share of the run in which the rate rises, for 'one-cycle' and 'cosine'.
    label_smoothing : float
        As in :func:`torch.nn.functional.cross_entropy`.
    readout : {'all', 'last'}
        The loss is the mean over the specification's readout times, or that of the last one.
    crop : {'padded', 'resized', 'none'}
        Random crops: of the size of the picture after padding it; of 8 to 100 % of its area, resized (ImageNet); none.
    padding : int
        Pixels added on each side before a padded crop.
    pad_with : {'zeros', 'reflection'}
        What they show: zeros are the mean colour.
    flip : {'none', 'random', 'alternating'}
        Mirror pictures: with probability one half; or, after such a first epoch, every second epoch (Jordan 2024).
    cutout : int
        Side of a square of every picture that is set to the mean colour, in pixels (DeVries & Taylor 2017); 0 for none.
        Its centre is anywhere in the picture, so that some squares are cut off at an edge.
    average : float
        Decay of the exponential moving average of the weights that is evaluated and kept, a step; 0 for none.
    precision : {'auto', 'float32', 'bfloat16'}
        Numbers in which convolutions are computed. 'auto' is bfloat16 where the device computes with it, else float32.
    synchronise : bool
        Whether batch norm takes its statistics from the whole batch where several processes share it; or each from its
        own part.
    checkpoint_steps : bool
        Keep no activations within time steps and compute them anew in the backward pass: less memory, more time.
    compiled : bool
        Whether :func:`torch.compile` compiles the step, which takes minutes and pays in long runs only.
    calibration : int
        Training pictures from which batch norm statistics of every area and step are computed at the end.

    Raises
    ------
    TrainingError
        If a value makes no sense.
    """

    name: str = "fast"
    epochs: int = 40
    batch_size: int = 500
    accumulate: int = 1
    optimiser: Literal["sgd", "muon"] = "muon"
    learning_rate: float = 0.1
    muon_rate: float = 0.1
    keep_norm: bool = True
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    schedule: Literal["steps", "one-cycle", "cosine"] = "one-cycle"
    milestones: tuple[int, ...] = ()
    warm_up: float = 0.05
    label_smoothing: float = 0.1
    readout: Literal["all", "last"] = "all"
    crop: Literal["padded", "resized", "none"] = "padded"
    padding: int = 4
    pad_with: Literal["zeros", "reflection"] = "reflection"
    flip: Literal["none", "random", "alternating"] = "alternating"
    cutout: int = 8
    average: float = 0.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    synchronise: bool = True
    checkpoint_steps: bool = False
    compiled: bool = False
    calibration: int = 10000

    def __post_init__(self) -> None:
        for field, hint in get_type_hints(Recipe).items():
            if get_origin(hint) is Literal and getattr(self, field) not in get_args(hint):
                known = " or ".join(get_args(hint))
                raise TrainingError(f"recipe: `{field}` is {getattr(self, field)!r}: give {known}")
        for field in ("epochs", "batch_size", "accumulate", "calibration"):
            if getattr(self, field) < 1:
                raise TrainingError(f"recipe: `{field}` is {getattr(self, field)}: give at least 1")
        for field in ("learning_rate", "muon_rate", "weight_decay", "padding", "cutout"):
            if not getattr(self, field) >= 0:
                raise TrainingError(f"recipe: `{field}` is {getattr(self, field)}: give 0 or more")
        for field in ("momentum", "warm_up", "label_smoothing", "average"):
            if not 0 <= getattr(self, field) < 1:
                raise TrainingError(f"recipe: `{field}` is {getattr(self, field)}: give 0 or more, and less than 1")
        if self.batch_size % self.accumulate:
            raise TrainingError(
                f"recipe: a batch of {self.batch_size} does not divide into {self.accumulate} parts (accumulate)"
            )

    def rate(self, done: float) -> float:
        """Return the learning rate at a point of the run, as a share of the highest.

        Parameters
        ----------
        done : float
            Share of the run that is done, 0 to 1.
        """
        if self.schedule == "steps":
            return 0.1 ** sum(done * self.epochs >= epoch for epoch in self.milestones)
        if done < self.warm_up:
            return done / self.warm_up
        left = (1 - done) / (1 - self.warm_up)
        if self.schedule == "cosine":
            return 0.5 - 0.5 * cos(pi * left)
        return left


FAST = Recipe()
PAPER = Recipe(
    name="paper",
    epochs=60,
    batch_size=64,
    optimiser="sgd",
    learning_rate=0.01,
    nesterov=False,
    weight_decay=0.0,
    schedule="steps",
    milestones=(40, 50),
    label_smoothing=0.0,
    readout="last",
    padding=4,
    pad_with="zeros",
    flip="random",
    cutout=0,
)
IMAGENET = Recipe(
    name="imagenet",
    epochs=90,
    batch_size=1024,
    optimiser="sgd",
    learning_rate=2.0,
    weight_decay=5e-5,
    schedule="cosine",
    crop="resized",
    flip="random",
    cutout=0,
    average=0.9999,
)
RECIPES = {recipe.name: recipe for recipe in (FAST, PAPER, IMAGENET)}


def find_recipe(recipe: str | Path | Recipe, **changes: Any) -> Recipe:
    """Return a recipe.

    Parameters
    ----------
    recipe : str, pathlib.Path or Recipe
        A name of :data:`RECIPES`, or a JSON or YAML file with the fields of :class:`Recipe`.
    **changes
        Fields to change; those that are None stay.

    Returns
    -------
    Recipe
        With the changes.

    Raises
    ------
    TrainingError
        If there is no such recipe, or a value makes no sense.
    """
    if not isinstance(recipe, Recipe):
        if Path(recipe).suffix in (".json", ".yaml", ".yml"):
            recipe = read_plain(Recipe, recipe)
        elif str(recipe) in RECIPES:
            recipe = RECIPES[str(recipe)]
        else:
            raise TrainingError(f"no recipe {str(recipe)!r}: give {', '.join(RECIPES)}, or a JSON or YAML file")
    return replace(recipe, **{name: value for name, value in changes.items() if value is not None})
