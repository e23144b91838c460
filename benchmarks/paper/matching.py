"""Feedforward controls, as wide as it takes to cost what the recurrent network costs."""

from collections.abc import Callable
from dataclasses import replace

from ventralrnn.networks import NetworkSpec


def with_channels(spec: NetworkSpec, channels: int) -> NetworkSpec:
    """Return a network with so many channels in every state."""
    areas = tuple(replace(area, channels=channels) for area in spec.graph.areas)
    return replace(spec, graph=replace(spec.graph, areas=areas))


def match(spec: NetworkSpec, cost: Callable[[NetworkSpec], int], target: int) -> NetworkSpec:
    """Return a network at the width at which its cost comes closest to a target.

    Parameters
    ----------
    spec : NetworkSpec
        The control; its own width does not matter.
    cost : callable
        Counts what is matched; it grows with the width.
    target : int
        What the other network costs.

    Returns
    -------
    NetworkSpec
        With the same number of channels in every state.
    """
    low, high = 1, 2
    while cost(with_channels(spec, high)) < target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(with_channels(spec, middle)) < target else (low, middle)
    return min((with_channels(spec, width) for width in (low, high)), key=lambda s: abs(cost(s) - target))


def feedforward_only(spec: NetworkSpec) -> NetworkSpec:
    """Return a network with its connections between neighbours upwards, run for one step each.

    A bypass would never meet the way that it shortens, as the picture enters once.
    """
    graph = spec.graph
    kept = tuple(c for c in graph.connections if graph.role(c) == "feedforward")
    return replace(spec, graph=replace(graph, connections=kept), steps=len(graph.areas), readouts=None)
