"""Which weights a network has, and their shapes, without torch."""

from collections.abc import Iterator
from dataclasses import dataclass

from ventralrnn.graph import Connection
from ventralrnn.networks.spec import NetworkSpec


@dataclass(frozen=True)
class KernelShape:
    """Weights of one convolution or deconvolution.

    Parameters
    ----------
    kind : {'conv', 'deconv'}
        Layout of the weights.
    inputs, outputs : int
        Channels.
    size : int
        Side of the kernel.
    gain : float
        Share of the kernel that an output position sees: 1 except for strided deconvolutions.
    """

    kind: str
    inputs: int
    outputs: int
    size: int
    gain: float = 1.0


def kernel_key(spec: NetworkSpec, group: str, step: int | None) -> str:
    """Return the name of the weights of a sharing group, at a step of the target if weights are not shared in time."""
    return group if spec.shared else f"{group}@{step}"


def list_kernels(spec: NetworkSpec) -> dict[str, KernelShape]:
    """Return the weights of a network's connections.

    A shared network has weights for every connection, so that any state can be recorded; an untied one only for work
    that can influence a readout: the rest would never be trained.

    Parameters
    ----------
    spec : NetworkSpec
        The network.

    Returns
    -------
    dict of str to KernelShape
        By name (see :func:`kernel_key`), in the order of the graph's connections.
    """
    needed = spec.dependence.live_arrivals(spec.readout_states)
    kernels: dict[str, KernelShape] = {}
    for c in spec.graph.connections:
        steps = [None] if spec.shared else sorted(step for name, step in needed if name == c.name)
        for step in steps:
            for group, shape in zip(c.weight_groups, _shapes(spec, c), strict=True):
                kernels.setdefault(kernel_key(spec, group, step), shape)
    return kernels


def _shapes(spec: NetworkSpec, c: Connection) -> Iterator[KernelShape]:
    widths = spec.graph.widths(c)
    for number, (inputs, outputs) in enumerate(widths, start=1):
        # Only the last of a transition raises the resolution; its output positions see one in up ** 2 of the kernel.
        strided = number == len(widths) and c.upsample == "deconv"
        gain = 1 / spec.graph.up(c) ** 2 if strided else 1.0
        yield KernelShape(c.parsed.kind, inputs, outputs, c.kernel, gain)
