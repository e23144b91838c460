"""Where a run starts: the model, its initial weights, and what tells one run from another."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ventralrnn.errors import TrainingError
from ventralrnn.graph import read_plain, to_plain
from ventralrnn.networks import NetworkSpec, RecurrentNetwork, whiten
from ventralrnn.networks.weights import hash_weights
from ventralrnn.stimuli import standardise
from ventralrnn.training.processes import Process
from ventralrnn.training.recipe import Recipe
from ventralrnn.training.splits import Labelled, Splits
from ventralrnn.training.state import read_position
from ventralrnn.zoo import load_checkpoint, model_spec

_WHITENING_PICTURES = 5000


@dataclass(frozen=True)
class Start:
    """A model before it is trained.

    Parameters
    ----------
    spec : NetworkSpec
        What to build.
    weights : RecurrentNetwork or None
        A trained network to start from; None for random weights.
    """

    spec: NetworkSpec
    weights: RecurrentNetwork | None = None

    def change(self, spec: NetworkSpec) -> "Start":
        """Return the same with another specification, which trained weights must fit."""
        return replace(self, spec=spec)

    def build(self, pictures: Labelled, seed: int) -> RecurrentNetwork:
        """Return the network with its initial weights, on the CPU.

        Parameters
        ----------
        pictures : LabelledPictures or LabelledFiles
            Training pictures, for a first layer that whitens them.
        seed : int
            Of random weights.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = RecurrentNetwork(self.spec)
        if self.weights is not None:
            _take_weights(network, self.weights)
        elif self.spec.pre_net.whiten:
            whiten(network, standardise(pictures.spread(_WHITENING_PICTURES).pixels, self.spec.preprocessing))
        return network


def resolve_model(model: str | Path | NetworkSpec | Start) -> Start:
    """Return where a run starts.

    Parameters
    ----------
    model : str, path, NetworkSpec or Start
        A name in the zoo, a specification (also a JSON or YAML file), or a checkpoint, whose weights are taken over.

    Raises
    ------
    SpecificationError
        If there is no such model.
    TrainingError
        If it is a model of other kinds.
    """
    if isinstance(model, Start):
        return model
    if isinstance(model, NetworkSpec):
        return Start(model)
    text = str(model)
    if text.endswith(".safetensors"):
        network = load_checkpoint(text)
        return Start(network.spec, network)
    if text.endswith((".json", ".yaml", ".yml")):
        return Start(read_plain(NetworkSpec, text))
    if ":" in text:
        raise TrainingError(
            f"{text}: only networks of ventralrnn are trained here: give a name in the zoo, a specification (JSON or "
            "YAML), or a checkpoint"
        )
    return Start(model_spec(text))


def _take_weights(network: RecurrentNetwork, weights: RecurrentNetwork) -> None:
    state, own = weights.state_dict(), network.state_dict()
    for key, value in own.items():
        if key not in state or state[key].shape != value.shape:
            # A last layer for other classes starts anew.
            if key.startswith("post_net.linear."):
                state[key] = value
                continue
            raise TrainingError(f"{weights.spec.name}: its weights {key} do not fit the model as it was changed")
    network.load_state_dict({key: state[key] for key in own})


def identify(start: Start, recipe: Recipe, splits: Splits, seed: int, process: Process) -> dict[str, Any]:
    """Return what a run that goes on must have in common with the one that began."""
    return {
        "model": to_plain(start.spec, full=True),
        "weights": None if start.weights is None else hash_weights(start.weights),
        "recipe": to_plain(recipe, full=True),
        "data": splits.train.digest(),
        "validation": None if splits.validation is None else splits.validation.digest(),
        "seed": seed,
        "processes": process.count,
        "device": process.device.type,
    }


def find_position(out: Path, state: Path, identity: Mapping[str, Any], resume: bool) -> dict[str, Any] | None:
    """Return where the run in a folder stands, or None if there is none.

    Parameters
    ----------
    out : pathlib.Path
        Folder of the run.
    state : pathlib.Path
        The state of a run that is not finished.
    identity : mapping
        Of the run that is asked for.
    resume : bool
        Whether to go on with one.

    Raises
    ------
    TrainingError
        If there is one that is not to be continued, or it is another.
    """
    finished = out / "run.json"
    # Weights without a state: of a run that ended before it could keep one, or of something else.
    if not resume and any(path.exists() for path in (state, finished, out / "last.safetensors")):
        raise TrainingError(f"{out}: holds a run already: resume=True goes on with it, another `out` starts anew")
    if not state.exists() and not finished.exists():
        return None
    if finished.exists():
        position = dict(json.loads(finished.read_text(encoding="utf-8")))
    else:
        position = read_position(state)
    for key, value in identity.items():
        begun = position["identity"].get(key)
        if begun != value:
            raise TrainingError(
                f"{out}: was begun with another {key}{_difference(begun, value)}: give what it was begun with, or "
                "another `out` to start anew"
            )
    return position


def _difference(begun: Any, now: Any) -> str:
    """Say in a few words what differs, where it is short."""
    if isinstance(begun, dict) and isinstance(now, dict):
        key = next((k for k in {**begun, **now} if begun.get(k) != now.get(k)), None)
        return f" ({key}{_difference(begun.get(key), now.get(key))})" if key else ""
    return f" ({begun}, not {now})" if isinstance(begun, int | float) else ""
