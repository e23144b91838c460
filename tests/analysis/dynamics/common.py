"""Recordings in memory, and small networks with closed forms."""

from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional

from tests.networks.common import build
from ventralrnn.graph import Area, Connection, Graph
from ventralrnn.networks import NetworkSpec, Preprocessing, RecurrentNetwork

SIZE, CHANNELS = 6, 2
EYE = torch.eye(CHANNELS * SIZE**2, dtype=torch.float64)


def recorded(
    states: Any, times: Any = None, dims: tuple[str, ...] = ("stimulus", "time", "neuroid"), **coordinates: Any
) -> xr.DataArray:
    """Return an array as a recording holds it, 10 ms a step from 50 ms on unless times are given (None: no clock)."""
    states = np.asarray(states)
    length = states.shape[dims.index("time")]
    coords: dict[str, Any] = {
        "stimulus_id": (dims[0], [f"s{i}" for i in range(states.shape[0])]),
        "time_step": ("time", np.arange(length)),
        "time_ms": ("time", 50.0 + 10 * np.arange(length) if times is None else np.asarray(times, float)),
    }
    return xr.DataArray(states, {**coords, **coordinates}, dims)


def linear(transition: str = "C", input_steps: int | None = None, delay: int = 1, steps: int = 5) -> RecurrentNetwork:
    """Return a network of one area whose only connection is a linear convolution onto itself, scaled to shrink."""
    graph = Graph((Area("A", CHANNELS),), (Connection("A", "A", transition, delay=delay),))
    spec = NetworkSpec("linear", graph, steps, input_steps=input_steps, bias=False, preprocessing=Preprocessing(SIZE))
    network = build(spec)
    with torch.no_grad():
        network.kernels["A-A:0"].weight.mul_(0.5 / torch.linalg.eigvals(dense(network)).abs().max())
    return network


def dense(network: RecurrentNetwork) -> Tensor:
    """Return the convolution as a matrix: what it makes of every basis vector."""
    basis = EYE.reshape(-1, CHANNELS, SIZE, SIZE)
    weight = network.kernels["A-A:0"].weight
    return functional.conv2d(basis, weight, padding=1).reshape(len(EYE), -1).T.detach()
