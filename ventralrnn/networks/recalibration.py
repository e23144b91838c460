"""Batch norm statistics computed anew from pictures, also for steps beyond those trained."""

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from ventralrnn.errors import SpecificationError
from ventralrnn.networks.network import RecurrentNetwork
from ventralrnn.networks.norm import TimeBatchNorm
from ventralrnn.networks.spec import NetworkSpec


def recalibrate(
    network: RecurrentNetwork, pictures: Iterable[Tensor], *, steps: int | None = None, readout: str = "all"
) -> RecurrentNetwork:
    """Return a copy of a network whose batch norm statistics come from the pictures given, at every step.

    Weights stay as they are. This is the way to run a network with shared weights for more steps than it was trained
    for: statistics of the last trained step do not fit later ones.

    Parameters
    ----------
    network : RecurrentNetwork
        Left unchanged.
    pictures : iterable of torch.Tensor
        Batches (batch, 3, y, x) or (batch, step, 3, y, x); best a few hundred training pictures.
    steps : int, optional
        Number of steps of the copy; as many as before by default.
    readout : {'all'}
        Statistics of the post-net are computed for every step at which it can read.

    Returns
    -------
    RecurrentNetwork
        In evaluation mode; its specification has the new number of steps and the same readouts.

    Raises
    ------
    SpecificationError
        If there are no pictures, or an untied network has no weights for that number of steps.

    Examples
    --------
    >>> import torch
    >>> import ventralrnn
    >>> from ventralrnn.networks import recalibrate
    >>> network = ventralrnn.load_model("ventral")
    >>> pictures = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> longer = recalibrate(network, [pictures], steps=10)
    >>> network.spec.steps, longer.spec.steps
    (8, 10)
    """
    spec = network.spec
    if steps is not None and steps != spec.steps:
        if not spec.shared and steps > spec.steps:
            raise SpecificationError(f"{spec.name} has weights of its own for each step and cannot run {steps} steps")
        readouts = tuple(s for s in spec.readout_steps if s < steps) or (steps - 1,)
        spec = replace(spec, steps=steps, readouts=readouts)
    copy = _copy_weights(network, spec)
    norms = [m for m in copy.modules() if isinstance(m, TimeBatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.train()
        norm.momentum = None  # the plain average over batches
    everything = dict.fromkeys(spec.graph.names)
    seen = False
    with torch.no_grad():
        for batch in pictures:
            copy(batch, readout=readout, record=everything)
            seen = True
    if not seen:
        raise SpecificationError("recalibration needs at least one batch of pictures")
    for norm in norms:
        norm.momentum = spec.norm.momentum
    return copy.eval()


def _copy_weights(network: RecurrentNetwork, spec: NetworkSpec) -> RecurrentNetwork:
    """Copy a network into one with another number of steps, rows of the last step repeated where there are more."""
    with torch.device("meta"):
        copy = RecurrentNetwork(spec)
    source, state = network.state_dict(), {}
    for key, wanted in copy.state_dict().items():
        if key not in source:
            raise SpecificationError(f"{spec.name} has no weights {key}, which a run of {spec.steps} steps needs")
        value = source[key]
        if value.shape != wanted.shape:
            more = len(wanted) - len(value)
            value = torch.cat([value[: len(wanted)], value[-1:].expand(max(0, more), *value.shape[1:])])
        state[key] = value.clone()
    copy.load_state_dict(state, assign=True)
    return copy.eval()
