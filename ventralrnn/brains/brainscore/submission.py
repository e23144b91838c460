"""A model as a plugin that can be handed to Brain-Score."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file
from torch import nn

from ventralrnn import __version__
from ventralrnn.brains.brainscore.states import DEFAULT_DEGREES, ModelStates
from ventralrnn.errors import RecordingError, SpecificationError
from ventralrnn.files import named
from ventralrnn.graph import Clock
from ventralrnn.networks.network import RecurrentNetwork
from ventralrnn.zoo import load_model, save_checkpoint

_WEIGHTS, _FACTORY = "weights.safetensors", "factory.py"
_INIT = """from brainscore_vision import model_registry
from .model import get_model

model_registry['{name}'] = lambda: get_model('{name}')
"""
_TEST = """import pytest
from brainscore_vision import load_model, score

IDENTIFIER = {name!r}


def test_areas():
    model = load_model(IDENTIFIER)
    assert model.visual_degrees() == {degrees!r}
    assert model.areas == {areas!r}


@pytest.mark.private_access
@pytest.mark.memory_intense
def test_score():
    assert score(IDENTIFIER, 'MajajHong2015public.IT-pls').values is not None
"""
_MODEL = '''"""{name}: {areas_in_words}, with time."""

from pathlib import Path

from ventralrnn.brains.brainscore import VentralBrainModel
{imports}

IDENTIFIER = {name!r}
BIBTEX = ""


def get_model_list():
    return [IDENTIFIER]


def get_model(name):
    assert name == IDENTIFIER
{body}
    return VentralBrainModel(model{arguments})


def get_bibtex(name):
    return BIBTEX
'''


def submit(
    model: nn.Module | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    name: str | None = None,
    areas: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    visual_degrees: float | None = None,
    seed: int = 0,
) -> Path:
    """Write a folder that Brain-Score takes as a plugin with one model.

    Parameters
    ----------
    model : torch.nn.Module of ours, str or path
        What :func:`ventralrnn.load_model` takes. Of a ``file.py:factory`` the file is copied.
    out : path
        Folder to make the plugin's folder in.
    name : str, optional
        Identifier of the model at Brain-Score; by default its own name.
    areas, clock, visual_degrees
        As in :class:`VentralBrainModel`.
    seed : int
        Of random weights.

    Returns
    -------
    pathlib.Path
        The plugin's folder: ``__init__.py``, ``model.py``, ``test.py``, ``metadata.yml``, ``requirements.txt``, the
        weights and, for a model of yours, the file that builds it. A zip file of the folder can be uploaded as it is.

    Raises
    ------
    SpecificationError, RecordingError
        If the model cannot be rebuilt from files, or there is something under this name.
    """
    module = model if isinstance(model, nn.Module) else load_model(model, seed=seed)
    network = module if isinstance(module, RecurrentNetwork) else None
    if network is None and isinstance(model, nn.Module):
        raise SpecificationError("model: Brain-Score cannot rebuild a module: give the file.py:factory that builds it")
    identifier = name or _own_name(network, model)
    if not identifier.replace("-", "_").replace(".", "_").isidentifier():
        raise SpecificationError(f"name {identifier!r}: letters, digits, _, - and . only, no digit first")
    states = ModelStates(module, identifier, areas, clock, None, None, "cpu", None, seed, 1)
    for area in states.areas:
        _check(states, area)
    degrees = visual_degrees or states.degrees or DEFAULT_DEGREES
    parent = Path(out)
    folder = parent / identifier.replace("-", "_").replace(".", "_").lower()
    if folder.exists():
        raise RecordingError(f"{folder}: is there already: give another name, or remove it")
    with _folder(parent), named(folder, parent), tempfile.TemporaryDirectory(dir=parent, prefix=".submission-") as made:
        part = Path(made) / folder.name
        part.mkdir()
        imports, body = _write_weights(part, network, module, str(model))
        given = {"areas": dict(areas) if areas else None, "visual_degrees": None if states.degrees else degrees}
        arguments = "".join(f", {key}={value!r}" for key, value in given.items() if value is not None)
        if clock is not None:
            imports += "\nfrom ventralrnn.graph import Clock"
            arguments += f", clock=Clock({clock.ms_per_step!r}, {dict(clock.onset_ms)!r})"
        words = {"name": identifier, "areas": states.areas, "degrees": degrees}
        words |= {"areas_in_words": ", ".join(states.areas), "imports": imports, "body": body, "arguments": arguments}
        for file, text in (("__init__.py", _INIT), ("model.py", _MODEL), ("test.py", _TEST)):
            (part / file).write_text(text.format(**words), encoding="utf-8")
        (part / "requirements.txt").write_text(f"ventralrnn=={__version__}\n", encoding="utf-8")
        about = {"schema_version": "2.0", "domain": "vision", "models": {identifier: _metadata(states, degrees)}}
        (part / "metadata.yml").write_text(yaml.safe_dump(about, sort_keys=False), encoding="utf-8")
        part.rename(folder)
    return folder


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """Make a folder, and leave none behind if nothing was written to it."""
    there = path.exists()
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if not there:
            with suppress(OSError):  # something is in it after all
                path.rmdir()
        raise


def _own_name(network: RecurrentNetwork | None, model: Any) -> str:
    return network.spec.name if network is not None else str(model).rpartition(":")[2]


def _check(states: ModelStates, area: str) -> None:
    """Refuse what could not be recorded, while it is easy to correct."""
    from ventralrnn.recording import Recorder

    what = states.committed(area)
    if isinstance(states.model, RecurrentNetwork) and what in states.model.spec.graph.names:
        return
    Recorder(states.model, {area: what})


def _write_weights(folder: Path, network: RecurrentNetwork | None, module: nn.Module, source: str) -> tuple[str, str]:
    """Write what rebuilds the model, and return imports and lines that do it."""
    if network is not None:
        save_checkpoint(network, folder / _WEIGHTS)
        line = f"    model = load_model(str(Path(__file__).parent / {_WEIGHTS!r}))"
        return "from ventralrnn import load_model", line
    save_file(_unshared(module), folder / _WEIGHTS)
    where, _, factory = source.rpartition(":")
    if where.endswith(".py"):
        shutil.copyfile(where, folder / _FACTORY)
        imports = f"from .{Path(_FACTORY).stem} import {factory}"
    else:
        imports = f"from {where} import {factory}"
    lines = (
        f"    model = {factory}()\n"
        f"    model.load_state_dict(load_file(Path(__file__).parent / {_WEIGHTS!r}))\n"
        "    model.eval()"
    )
    return f"from safetensors.torch import load_file\n{imports}", lines


def _unshared(module: nn.Module) -> dict[str, torch.Tensor]:
    # The format holds no tensor that shares its memory with another, as tied weights do.
    return {key: value.detach().cpu().clone().contiguous() for key, value in module.state_dict().items()}


def _metadata(states: ModelStates, degrees: float) -> dict[str, Any]:
    size = states.preprocessing.size
    count = sum(parameter.numel() for parameter in states.model.parameters())
    return {
        "model": {
            "display_name": states.name,
            "architecture": {"family": "recurrent_neural_network"},
            "parameter_count": count,
            "parameter_count_exact": True,
            "recurrent": True,
            "input_resolution": {"channels": 3, "height": size, "width": size},
            "visual_degrees": float(degrees),
        },
        "io": {"modality": "image"},
    }
