"""Hooks that see every call of a module: each call during one forward pass is one time step."""

import difflib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from ventralrnn.errors import RecordingError

Take = Callable[[str, int, Tensor | None], None]
_PART = re.compile(r"\[(?:(\d+)|'([^']*)'|\"([^\"]*)\")\]")


class Recorder:
    """Record what modules return, call by call, on any :class:`torch.nn.Module`.

    Parameters
    ----------
    model : torch.nn.Module
        An eager model, or one that :func:`torch.compile` made (it runs uncompiled while it is recorded, since compiled
        code does not call hooks).
    areas : mapping of str to str
        Area name -> path of the module as in ``model.get_submodule``. A part of what the module returns is chosen by
        an index: ``'it.output[1]'`` or ``"it['state']"``. Without one, a tensor is taken as it is, and of a tuple or
        list its first tensor.

    Raises
    ------
    RecordingError
        If the model has no such module, or is wrapped in DataParallel.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from ventralrnn.recording import Recorder
    >>> class Model(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.it = nn.Conv2d(3, 3, 3, padding=1)
    ...
    ...     def forward(self, picture):
    ...         return self.it(self.it(picture))
    >>> recorder = Recorder(Model(), {"IT": "it"})
    >>> states = recorder.record(torch.rand(1, 3, 8, 8))
    >>> len(states["IT"]), tuple(states["IT"][0].shape)
    (2, (1, 3, 8, 8))
    """

    def __init__(self, model: nn.Module, areas: Mapping[str, str]) -> None:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            raise RecordingError(
                f"a {type(model).__name__} runs copies of the model, whose hooks mix: give its .module"
            )
        if not areas:
            raise RecordingError("no areas to record: name at least one, as AREA=module.path")
        self.model = model
        self.paths = dict(areas)
        self._modules: dict[str, tuple[nn.Module, tuple[int | str, ...]]] = {
            area: _resolve(model, area, path) for area, path in areas.items()
        }

    def record(self, *args: Any, **kwargs: Any) -> dict[str, list[Tensor | None]]:
        """Run the model once and return every call's output.

        Parameters
        ----------
        *args, **kwargs
            Handed to the model.

        Returns
        -------
        dict of str to list
            For every area a list over time steps of tensors (batch first), None for calls that returned None.

        Raises
        ------
        RecordingError
            If a module was never called, or returned something that holds no tensor.
        """
        kept: dict[str, list[Tensor | None]] = {area: [] for area in self.paths}
        with self.listening(lambda area, step, output: kept[area].append(output)):
            self.model(*args, **kwargs)
        return kept

    @contextmanager
    def listening(self, take: Take) -> Iterator[dict[str, int]]:
        """Call ``take(area, step, output)`` at every call of a module, during one forward pass.

        Parameters
        ----------
        take : callable
            Gets the area's name, the step (0 for the first call) and the output as a tensor, or None.

        Yields
        ------
        dict of str to int
            Number of calls of every area so far.

        Raises
        ------
        RecordingError
            On leaving, if a module was never called.
        """
        calls = dict.fromkeys(self.paths, 0)

        def listen(area: str, parts: tuple[int | str, ...]) -> Callable[[nn.Module, Any, Any], None]:
            def hook(module: nn.Module, inputs: Any, output: Any) -> None:
                step = calls[area]
                calls[area] += 1
                take(area, step, choose_tensor(output, parts, area))

            return hook

        handles = [module.register_forward_hook(listen(area, parts)) for area, (module, parts) in self._modules.items()]
        try:
            with _uncompiled():
                yield calls
        finally:
            for handle in handles:
                handle.remove()
        for area, count in calls.items():
            if count == 0:
                raise RecordingError(
                    f"area {area}: module {self.paths[area]!r} was never called in the forward pass, so it has no time "
                    "steps: name a module that the model calls once a step"
                )


def _uncompiled() -> AbstractContextManager[Any]:
    """Make compiled models run as they were written: compiled code would not call the hooks."""
    if "torch._dynamo" not in sys.modules:  # nothing was compiled, and loading the compiler takes seconds
        return nullcontext()
    return torch.compiler.set_stance("force_eager")


def _resolve(model: nn.Module, area: str, path: str) -> tuple[nn.Module, tuple[int | str, ...]]:
    """Find the module of a path, and the parts of its output that the path's indices choose."""
    where = path.split("[")[0]
    index = path[len(where) :]
    parts = tuple(int(number) if number else a or b for number, a, b in _PART.findall(index))
    if _PART.sub("", index):
        raise RecordingError(f"area {area}: {path!r}: write an index as [1] or ['name']")
    # Compiled modules stand under the names of what they were made from, shared ones under all of theirs.
    known = {_written(name): module for name, module in model.named_modules(remove_duplicate=False)}
    where = _written(where)
    if where not in known:
        near = difflib.get_close_matches(where, [name for name in known if name], n=5, cutoff=0.3)
        names = ", ".join(near or [name for name in known if name][:10])
        raise RecordingError(f"area {area}: the model has no module {where!r}; it has {names or 'no parts'}")
    return known[where], parts


def _written(name: str) -> str:
    """Return the name of a module without the layer that :func:`torch.compile` puts around it."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def choose_tensor(output: Any, parts: tuple[int | str, ...], area: str) -> Tensor | None:
    """Take the tensor out of what a module returned.

    Parameters
    ----------
    output : object
        What it returned.
    parts : tuple of int or str
        Indices that lead to the tensor; without any, the first tensor of a tuple or list is taken.
    area : str
        For messages.

    Returns
    -------
    torch.Tensor or None
        The tensor; None stays None.

    Raises
    ------
    RecordingError
        If there is no tensor, or no such part.
    """
    for part in parts:
        try:
            output = output[part]
        except (LookupError, TypeError):
            raise RecordingError(
                f"area {area}: its module returns {_describe(output)}, which has no part {part!r}"
            ) from None
    if isinstance(output, tuple | list) and not parts:
        output = next((item for item in output if isinstance(item, Tensor)), output)
    if output is None or isinstance(output, Tensor):
        return output
    raise RecordingError(
        f"area {area}: its module returns {_describe(output)}; choose a tensor by an index such as [0] or ['name']"
    )


def _describe(output: Any) -> str:
    if isinstance(output, Mapping):
        return "a mapping with " + ", ".join(map(repr, output))
    if isinstance(output, tuple | list):
        return f"a {type(output).__name__} of " + ", ".join(type(item).__name__ for item in output)
    return f"a {type(output).__name__}"
