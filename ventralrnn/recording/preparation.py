"""From a model and stimuli, as they are given, to a job that is ready to run."""

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ventralrnn.devices import choose_device
from ventralrnn.errors import RecordingError, SpecificationError
from ventralrnn.graph import Clock, Cut, parse_steps
from ventralrnn.memory import keep_freed_memory
from ventralrnn.networks.network import RecurrentNetwork
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.recording.beyond import quiet_beyond
from ventralrnn.recording.job import Job
from ventralrnn.recording.layout import AreaLayout
from ventralrnn.recording.provenance import identify
from ventralrnn.recording.sources import IMAGENET, FunctionSource, HookSource, NetworkSource, Source, States
from ventralrnn.stimuli import load_stimuli
from ventralrnn.zoo import load_model


@contextlib.contextmanager
def prepared_job(
    model: nn.Module | str | os.PathLike[str],
    stimuli: Any,
    *,
    areas: Sequence[str] | Mapping[str, str] | None,
    steps: str | int | Sequence[int] | None,
    pool: str,
    dtype: str,
    currents: bool | Sequence[str],
    cut: Sequence[str | Cut],
    states: States | None,
    preprocessing: Preprocessing | None,
    clock: Clock | None,
    device: str,
    seed: int,
    skip_bad: bool,
) -> Iterator[Job]:
    """Load a model and stimuli, and have the model in evaluation mode on its device while the job runs.

    Parameters
    ----------
    model, stimuli, areas, steps, pool, dtype, currents, cut, states, preprocessing, clock, device, seed, skip_bad
        As in :func:`ventralrnn.extract`.

    Yields
    ------
    Job
        What every batch goes through.

    Raises
    ------
    RecordingError, StimulusError, GraphError, SpecificationError
        If something does not fit; the message says what to do.
    """
    chosen = choose_device(device)
    module = model if isinstance(model, nn.Module) else load_model(model, seed=seed)
    if states is None:  # hooks see the model as it was written, so that is what is recorded
        module = getattr(module, "_orig_mod", module)
    name = _name(module, model)
    pictures = load_stimuli(stimuli)
    preparation = preprocessing or _own_preprocessing(module)
    timing = _own_clock(module, clock)
    source = _source(module, name, areas, steps, currents, cut, states)
    quiet = (
        quiet_beyond(source.network, source.total) if isinstance(source, NetworkSource) else contextlib.nullcontext()
    )
    with quiet, _evaluating(module, chosen), torch.random.fork_rng(devices=[]):
        yield Job(source, pictures, preparation, timing, chosen, pool, dtype, seed, skip_bad)


def describe_job(job: Job, layouts: Sequence[AreaLayout], batch_size: int, command: str | None) -> dict[str, Any]:
    """Return what identifies a job, the command that it was started by, and its device."""
    return {
        "identity": identify(
            job.source, job.stimuli, job.preprocessing, job.clock, layouts, job.pool, job.seed, batch_size
        ),
        "command": command or shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "device": str(job.device),
    }


def _name(module: nn.Module, given: Any) -> str:
    if isinstance(module, RecurrentNetwork):
        return module.spec.name
    return type(module).__name__ if isinstance(given, nn.Module) else str(given)


def _own_preprocessing(module: nn.Module) -> Preprocessing:
    if isinstance(module, RecurrentNetwork):
        return module.spec.preprocessing
    own = getattr(module, "preprocessing", None)
    return own if isinstance(own, Preprocessing) else IMAGENET


def _own_clock(module: nn.Module, given: Clock | None) -> Clock | None:
    if isinstance(module, RecurrentNetwork):
        if given is not None:
            raise RecordingError(f"clock: {module.spec.name} has its own, in its specification: leave it out")
        return None
    own = getattr(module, "clock", None)
    return given or (own if isinstance(own, Clock) else None)


def _source(
    module: nn.Module,
    name: str,
    areas: Sequence[str] | Mapping[str, str] | None,
    steps: str | int | Sequence[int] | None,
    currents: bool | Sequence[str],
    cut: Sequence[str | Cut],
    states: States | None,
) -> Source:
    if isinstance(module, RecurrentNetwork) and states is None and not isinstance(areas, Mapping):
        total = module.spec.steps
        kept = _steps(steps, total, bounded=not module.spec.shared)
        graph = module.spec.graph
        names = [c.name for c in graph.connections] if currents is True else list(currents or ())
        cuts = [Cut.parse(c, graph, max(total, max(kept) + 1)) if isinstance(c, str) else c for c in cut]
        return NetworkSource(module, areas, kept, names, cuts)
    for argument, value in (("currents", currents), ("cut", cut)):
        if value:
            raise RecordingError(f"{argument}: goes only with the areas of ventralrnn's own networks, by their names")

    def choose(area: str, total: int) -> tuple[int, ...]:
        try:
            return _steps(steps, total, bounded=True)
        except SpecificationError as error:
            raise SpecificationError(f"area {area}: {error}") from None

    if states is not None:
        if not areas:
            raise RecordingError("areas: name the areas of the states function to record")
        return FunctionSource(module, name, states, list(areas), choose)
    if not isinstance(areas, Mapping):
        raise RecordingError(
            f"{name} is not one of ventralrnn's own networks: say which modules are areas, "
            "areas={'IT': 'module.path'}"
        )
    return HookSource(module, name, areas, choose)


def _steps(steps: str | int | Sequence[int] | None, total: int, bounded: bool) -> tuple[int, ...]:
    if steps is None:
        return tuple(range(total))
    text = ",".join(map(str, steps)) if isinstance(steps, Sequence) and not isinstance(steps, str) else str(steps)
    return parse_steps(text, total, bounded)


@contextlib.contextmanager
def _evaluating(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Put a model into evaluation mode on a device, and back into the mode in which it came."""
    for name, weight in module.named_parameters():
        if not weight.isfinite().all():
            raise RecordingError(f"the model's weight {name} has values that are not finite: load a sound checkpoint")
    for name, buffer in module.named_buffers():
        if buffer.isnan().any():  # infinite ones can be masks
            raise RecordingError(f"the model's buffer {name} holds NaN: load a sound checkpoint")
    modes = {m: m.training for m in module.modules()}
    module.eval().to(device)
    if isinstance(module, RecurrentNetwork):
        module.to(memory_format=torch.channels_last)
    if device.type == "cpu":
        keep_freed_memory()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training
