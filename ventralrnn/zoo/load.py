"""From what a user writes for MODEL to a torch module."""

import importlib
import importlib.util
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ventralrnn.errors import SpecificationError
from ventralrnn.networks.network import RecurrentNetwork
from ventralrnn.zoo.checkpoints import load_checkpoint
from ventralrnn.zoo.headers import shipped_checkpoint
from ventralrnn.zoo.registry import model_spec


def load_model(model: str | os.PathLike[str], *, seed: int = 0, trained: bool = True) -> nn.Module:
    """Load a model.

    Parameters
    ----------
    model : str or path
        A name in the zoo, a checkpoint file (``.safetensors``), or ``package.module:factory`` or ``file.py:factory``
        for any :class:`torch.nn.Module`: the factory is called without arguments.
    seed : int
        Seed of the initial weights of a zoo model that has no trained ones, and of a factory.
    trained : bool
        Whether to take the trained weights that ship with the package, where there are some.

    Returns
    -------
    torch.nn.Module
        In evaluation mode, on the CPU.

    Raises
    ------
    SpecificationError
        If there is no such model, or it cannot be loaded.

    Warns
    -----
    UserWarning
        If a zoo model has no trained weights, so that they are random.

    Examples
    --------
    >>> import ventralrnn
    >>> network = ventralrnn.load_model("ventral")
    >>> network.spec.graph.names, network.spec.steps
    (('V1', 'V2', 'V4', 'IT'), 8)
    """
    text = os.fspath(model)
    if text.endswith(".safetensors"):
        return load_checkpoint(text)
    if ":" in text:
        return _call_factory(text, seed)
    spec = model_spec(text)
    checkpoint = shipped_checkpoint(text) if trained else None
    if checkpoint is not None:
        return load_checkpoint(checkpoint)
    if trained:
        warnings.warn(f"{text} has no trained weights here: they are random (seed {seed})", stacklevel=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return RecurrentNetwork(spec).eval()


def load_object(text: str) -> Any:
    """Return what ``package.module:name`` or ``file.py:name`` names.

    Parameters
    ----------
    text : str
        Where it is and what it is called.

    Returns
    -------
    object
        Usually a function.

    Raises
    ------
    SpecificationError
        If the file or module cannot be imported, or has no such name.
    """
    where, _, name = text.rpartition(":")
    module = _import_file(Path(where)) if where.endswith(".py") else _import_module(where, text)
    if not hasattr(module, name):
        public = ", ".join(n for n in vars(module) if not n.startswith("_")) or "nothing"
        raise SpecificationError(f"{text}: {where} has no {name!r}; it has {public}")
    return getattr(module, name)


def _call_factory(text: str, seed: int) -> nn.Module:
    factory = load_object(text)
    if isinstance(factory, nn.Module):
        return factory.eval()
    if not callable(factory):
        raise SpecificationError(f"{text}: is a {type(factory).__name__}, not a function that returns a model")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            model = factory()
        except Exception as error:
            raise SpecificationError(f"{text}: calling it failed: {type(error).__name__}: {error}") from error
    if not isinstance(model, nn.Module):
        raise SpecificationError(f"{text}: returned a {type(model).__name__}, not a torch.nn.Module")
    return model.eval()


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise SpecificationError(f"{path}: no such file")
    name = f"_ventralrnn_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # A model's file may import its neighbours, as a script can.
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a script that parses arguments exits
        sys.modules.pop(name, None)
        raise SpecificationError(f"{path}: importing it failed: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
    return module


def _import_module(name: str, text: str) -> ModuleType:
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise SpecificationError(f"{text}: importing {name!r} failed: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(here)
