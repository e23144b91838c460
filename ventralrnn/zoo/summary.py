"""What a model is, before any weight is read: for people, programs and pages. Needs no torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ventralrnn.errors import SpecificationError
from ventralrnn.graph import to_plain
from ventralrnn.networks.cost import count_multiply_adds, count_parameters
from ventralrnn.networks.spec import NetworkSpec
from ventralrnn.zoo.headers import read_header, shipped_checkpoint
from ventralrnn.zoo.registry import describe, list_models, model_spec


@dataclass(frozen=True)
class Entry:
    """A model that can be loaded, and what is known about it.

    Parameters
    ----------
    spec : NetworkSpec
        The whole specification.
    description : str
        Paragraphs, separated by empty lines; the first says in one sentence what the model is.
    checkpoint : pathlib.Path or None
        Trained weights; None if they would be random.
    info : mapping
        What was saved with the weights: recipe, seed, accuracy.
    """

    spec: NetworkSpec
    description: str = ""
    checkpoint: Path | None = None
    info: Mapping[str, Any] = field(default_factory=dict)


def look_up(model: str | os.PathLike[str]) -> Entry:
    """Find out what is known about a model.

    Parameters
    ----------
    model : str or path
        A name in the zoo, or a checkpoint file (``.safetensors``).

    Returns
    -------
    Entry
        Without weights.

    Raises
    ------
    SpecificationError
        If there is no such model.
    """
    text = os.fspath(model)
    if text.endswith(".safetensors"):
        header = read_header(text)
        known = header.specification.name in list_models()
        description = describe(header.specification.name, full=True) if known else ""
        return Entry(header.specification, description, Path(text), header.info)
    if ":" in text:
        raise SpecificationError(
            f"{text}: models in Python files have no specification; name one of the zoo, or a file"
        )
    checkpoint = shipped_checkpoint(text)
    info = read_header(checkpoint).info if checkpoint else {}
    return Entry(model_spec(text), describe(text, full=True), checkpoint, info)


def summarise(entry: Entry) -> dict[str, Any]:
    """Put what is known about a model into plain data.

    Parameters
    ----------
    entry : Entry
        The model, from :func:`look_up`.

    Returns
    -------
    dict
        What JSON holds. Steps are lists of int, times are in ms after stimulus onset. ``areas`` says for each area the
        first step at which the input reaches it, and when that is; ``connections`` the steps at which each connection
        ``arrives``, and those of them at which it ``matters``, because it can still influence a readout.
    """
    spec = entry.spec
    return {
        "name": spec.name,
        "description": entry.description,
        "reference": spec.reference,
        "steps": spec.steps,
        "shared": spec.shared,
        "parameters": count_parameters(spec),
        "multiply_adds": count_multiply_adds(spec),
        "areas": [_area(spec, name) for name in spec.graph.names],
        "connections": _connections(spec),
        "input": {"area": spec.graph.input, "steps": list(spec.entering(spec.steps))},
        "readout": {
            "area": spec.graph.readout,
            "steps": list(spec.readout_steps),
            "ms": [spec.time_ms(*state) for state in spec.readout_states],
        },
        **{part: to_plain(getattr(spec, part), full=True) for part in _PARTS},
        "checkpoint": str(entry.checkpoint) if entry.checkpoint else None,
        "info": dict(entry.info),
    }


_PARTS = ("pre_net", "post_net", "norm", "clock", "preprocessing")


def _area(spec: NetworkSpec, name: str) -> dict[str, Any]:
    first = spec.dependence.first_step(name)
    onset = None if first is None else spec.time_ms(name, first)
    plain = to_plain(spec.graph.area(name), full=True)
    return {**plain, "size": spec.size(name), "first_step": first, "onset_ms": onset}


def _connections(spec: NetworkSpec) -> list[dict[str, Any]]:
    live = spec.dependence.live_arrivals(spec.readout_states)
    found = []
    for c in spec.graph.connections:
        matters = sorted(step for name, step in live if name == c.name)
        # An untied network has no weights where they would not matter.
        arrives = [t for t in range(spec.steps) if c in spec.dependence.terms(c.target, t)] if spec.shared else matters
        role = spec.graph.role(c)
        found.append({**to_plain(c, full=True), "role": role, "arrives": arrives, "matters": matters})
    return found
