"""The registry of named models."""

import difflib
import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from ventralrnn.errors import SpecificationError
from ventralrnn.networks.spec import NetworkSpec

_REGISTRY: dict[str, Callable[[], NetworkSpec]] = {}
_FILES = ("paper", "ventral")


def register(make: Callable[[], NetworkSpec]) -> Callable[[], NetworkSpec]:
    """Enter a function that returns a specification into the zoo, under its own name with ``-`` for ``_``.

    Parameters
    ----------
    make : callable
        Takes nothing, returns a :class:`NetworkSpec` whose name is the entry's; its docstring describes the model.

    Returns
    -------
    callable
        The same function.
    """
    name = make.__name__.replace("_", "-")
    if name in _REGISTRY:
        raise SpecificationError(f"model {name!r} is in the zoo already")
    _REGISTRY[name] = make
    return make


def list_models() -> list[str]:
    """Return the names of all models in the zoo.

    Returns
    -------
    list of str
        What :func:`model_spec` and :func:`ventralrnn.load_model` take.

    Examples
    --------
    >>> from ventralrnn.zoo import list_models
    >>> "ventral" in list_models()
    True
    """
    for file in _FILES:
        import_module(f"ventralrnn.zoo.{file}")
    return list(_REGISTRY)


def model_spec(name: str) -> NetworkSpec:
    r"""Return the specification of a named model.

    Parameters
    ----------
    name : str
        For example ``'ventral'``.

    Returns
    -------
    NetworkSpec
        Without weights.

    Raises
    ------
    SpecificationError
        If there is no such model; the message names the nearest.

    Examples
    --------
    >>> from ventralrnn.zoo import model_spec
    >>> print(model_spec("ventral").graph.matrix())
    from \ to  V1        V2        V4           IT
    V1         BRCx2+Id  BRC       BRC delay 2  .
    V2         BRD 1x1   BRCx2+Id  BRC          BRC delay 2
    V4         .         BRD 1x1   BRCx2+Id     BRC
    IT         .         .         BRD 1x1      BRCx2+Id
    """
    known = list_models()
    if name not in known:
        if name.endswith(".py"):
            raise SpecificationError(f"{name}: name the function in it that returns the model, as in {name}:factory")
        if Path(name).exists():
            raise SpecificationError(f"{name}: is no checkpoint, which is a file *.safetensors")
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"the zoo has {', '.join(known)}"
        raise SpecificationError(f"no model {name!r}: {hint} (also: a checkpoint file, or file.py:factory)")
    return _REGISTRY[name]()


def describe(name: str, full: bool = False) -> str:
    """Return what a named model's docstring says.

    Parameters
    ----------
    name : str
        A name in the zoo.
    full : bool
        All paragraphs, separated by empty lines, in place of the first; each is one line.

    Returns
    -------
    str
        The description.
    """
    list_models()
    paragraphs = [" ".join(text.split()) for text in inspect.cleandoc(_REGISTRY[name].__doc__ or "").split("\n\n")]
    return "\n\n".join(paragraphs if full else paragraphs[:1])
