"""What is trained: every network of the study, at a scale."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.paper.matching import feedforward_only, match
from benchmarks.paper.scales import Scale
from ventralrnn.graph import to_plain
from ventralrnn.networks import NetworkSpec, Norm, count_multiply_adds, count_parameters
from ventralrnn.training.recipe import Recipe
from ventralrnn.zoo import list_models, model_spec
from ventralrnn.zoo.variants import vary

# Readout times of the table of readout times: of the networks trained for one of them, and of those read at all.
TIMES = (1, 3, 6, 9, 12)


@dataclass(frozen=True)
class Configuration:
    """What one run trains and evaluates, but for the seed.

    Parameters
    ----------
    spec : NetworkSpec
        The network; its name is the configuration's.
    recipe : Recipe
        How it is trained.
    pictures : int or None
        How many training pictures; None for all.
    read : tuple of int
        Readout times at which it is tested, besides the last it is trained for.
    modes : bool
        Whether it is also tested with other batch norm statistics.
    """

    spec: NetworkSpec
    recipe: Recipe
    pictures: int | None
    read: tuple[int, ...] = ()
    modes: bool = False

    @property
    def name(self) -> str:
        """Name in the results file."""
        return self.spec.name

    def digest(self) -> str:
        """Return 12 hex digits that change with anything that changes what the run computes."""
        # Not what a network is said to be or where it comes from; and with defaults left out, so that a new option of
        # networks leaves the results of those without it as they are.
        spec = {key: value for key, value in to_plain(self.spec).items() if key not in ("name", "reference", "clock")}
        # Whether a step is compiled matters for rounding only.
        recipe = {key: value for key, value in to_plain(self.recipe, full=True).items() if key != "compiled"}
        plan = [spec, recipe, self.pictures, self.read, self.modes]
        return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:12]


def configurations(scale: Scale) -> dict[str, Configuration]:
    """Return every configuration of a scale, by name."""
    found = {}
    for spec, changes in (*_networks(scale), *_controls(scale)):
        recipe = replace(scale.recipe, readout="all") if spec.readouts else scale.recipe
        found[spec.name] = replace(Configuration(spec, recipe, scale.pictures), **changes)
    return found


def _networks(scale: Scale) -> Iterator[tuple[NetworkSpec, dict[str, Any]]]:
    zoo = {name: scale.apply(model_spec(name)) for name in list_models() if not name.startswith("ventral")}
    several: dict[str, Any] = {"read": TIMES}
    for name, spec in zoo.items():
        changes: dict[str, Any] = {"modes": True} if name in ("recurrent-2state", "resnet-2state") else {}
        yield spec, changes | (several if name == "recurrent-2state" else {})
    two = zoo["recurrent-2state"]
    yield _named(two.untied(), "recurrent-2state-unshared"), {}
    for time in TIMES:
        if time != two.readout_steps[-1]:
            yield _named(vary(two, steps=time + 1), f"recurrent-2state-time{time}"), {}
    trained = tuple(time for time in TIMES if time < two.steps)
    yield _named(replace(two, readouts=trained), "recurrent-2state-several"), several
    for name in ("recurrent-2state", "resnet-2state"):
        shared = replace(zoo[name], norm=Norm(statistics="shared"))
        yield _named(shared, f"{name}-one-statistic"), {"modes": True}
    yield _named(replace(two, norm=Norm(affine="shared")), "recurrent-2state-affine-shared"), {}
    yield _named(replace(two, norm=Norm(affine="step")), "recurrent-2state-affine-step"), {}


def _controls(scale: Scale) -> Iterator[tuple[NetworkSpec, dict[str, Any]]]:
    """Yield deep and shallow feedforward networks, each matched in parameters, and in multiply-adds."""
    recurrent = scale.apply(model_spec("recurrent-3state"))
    deep = scale.apply(model_spec("resnet-3state-unshared"))
    shallow = feedforward_only(recurrent)
    for kind, spec in (("deep", deep), ("shallow", shallow)):
        for what, cost in (("parameters", count_parameters), ("multiply-adds", count_multiply_adds)):
            yield _named(match(spec, cost, cost(recurrent)), f"feedforward-{kind}-{what}"), {}


def _named(spec: NetworkSpec, name: str) -> NetworkSpec:
    return replace(spec, name=name)
