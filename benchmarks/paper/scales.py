"""Two scales of the same study: one for a graphics card, one for two cores of a processor."""

from dataclasses import dataclass, replace

from ventralrnn.graph import to_plain
from ventralrnn.networks import NetworkSpec
from ventralrnn.training.recipe import Recipe, find_recipe


@dataclass(frozen=True)
class Scale:
    """How large the study is.

    Parameters
    ----------
    name : str
        Of the results file.
    width : int
        Channels of every state.
    coarser : int
        Factor by which the maps of every state have fewer positions a side than in the paper's networks.
    pictures : int or None
        Training pictures, evenly spread over the training set; None for all 50,000.
    recipe : Recipe
        Of every run.
    """

    name: str
    width: int
    coarser: int
    pictures: int | None
    recipe: Recipe

    @property
    def training_pictures(self) -> int:
        """Number of pictures an epoch."""
        return 50_000 if self.pictures is None else self.pictures

    def apply(self, spec: NetworkSpec) -> NetworkSpec:
        """Return a network of the zoo at this scale, under its own name."""
        areas = tuple(replace(a, channels=self.width, stride=a.stride * self.coarser) for a in spec.graph.areas)
        return replace(spec, graph=replace(spec.graph, areas=areas))

    def describe(self) -> str:
        """Say in a sentence what this scale is."""
        recipe = self.recipe
        maps = "" if self.coarser == 1 else f", maps with {self.coarser} times fewer positions a side"
        chosen = "all" if self.pictures is None else "evenly spread"
        return (
            f"{self.name.capitalize()} scale: {self.width} channels a state (unless a row says otherwise){maps}; "
            f"{self.training_pictures:,} training pictures of CIFAR-10 ({chosen}), {recipe.epochs} epochs of "
            f"{self.training_pictures // recipe.batch_size:,} updates with {recipe.batch_size} pictures each, recipe "
            f"`{recipe.name}`{_changes(recipe)}; tested on the 10,000 pictures of the official test split."
        )


def _changes(recipe: Recipe) -> str:
    """Say which fields differ from the recipe of that name, besides those that the sentence has."""
    own, base = to_plain(recipe, full=True), to_plain(find_recipe(recipe.name), full=True)
    changed = [f"{key} {own[key]}" for key in own if own[key] != base[key] and key not in ("epochs", "batch_size")]
    return f" with {', '.join(changed)}" if changed else ""


# The dearest network of the small scale, four states all connected with all, sets its size: about a minute and a half
# on two cores. Maps of half the side buy nearly three times as many training pictures seen in that time.
SMALL = Scale("small", 16, 2, 10_000, find_recipe("fast", epochs=10, batch_size=200))
FULL = Scale("full", 64, 1, None, find_recipe("paper"))
SCALES = {scale.name: scale for scale in (SMALL, FULL)}
