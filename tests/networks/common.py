"""Small networks with statistics that matter, and a count of the convolutions that run."""

import contextlib
import shutil
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ventralrnn.graph import Area, Connection, Graph
from ventralrnn.networks import NetworkSpec, PostNet, Preprocessing, RecurrentNetwork, TimeBatchNorm
from ventralrnn.zoo.registry import model_spec


def thin(spec: NetworkSpec, width: int = 4, **changes: Any) -> NetworkSpec:
    """Return a specification with few channels, small pictures and three classes, its graph otherwise unchanged."""
    areas = tuple(replace(area, channels=width) for area in spec.graph.areas)
    size = max(8, 2 * max(area.stride for area in areas))
    return replace(
        spec,
        graph=replace(spec.graph, areas=areas),
        preprocessing=Preprocessing(size),
        post_net=PostNet(3, spec.post_net.affine),
        **changes,
    )


def thin_zoo(name: str, **changes: Any) -> NetworkSpec:
    """Return the thin version of a zoo model."""
    return thin(model_spec(name), **changes)


def stream(**changes: Any) -> NetworkSpec:
    """Return three areas with lateral, feedforward, feedback and bypass connections, of different widths."""
    areas = (Area("V1", 3, 1), Area("V2", 4, 2), Area("IT", 5, 4))
    links = (
        Connection("V1", "V1", "BRCx2+Id"),
        Connection("V1", "V2", "BRC"),
        Connection("V2", "IT", "BRCx2"),
        Connection("V1", "IT", "BRC", delay=2),
        Connection("IT", "IT", "BRC+Id"),
        Connection("IT", "V2", "BRD"),
        Connection("V2", "V1", "BRD", kernel=1, upsample="resize"),
    )
    values = {"steps": 5, "preprocessing": Preprocessing(8), "post_net": PostNet(3), **changes}
    return NetworkSpec("stream", Graph(areas, links), **values)


def build(spec: NetworkSpec, seed: int = 0, dtype: torch.dtype = torch.float64) -> RecurrentNetwork:
    """Build a network in evaluation mode whose every weight, bias and statistic is random."""
    generator = torch.Generator().manual_seed(seed)
    network = RecurrentNetwork(spec).to(torch.float64)
    with torch.no_grad():
        for name, value in sorted(network.state_dict().items()):
            if value.is_floating_point():
                noise = torch.randn(value.shape, generator=generator, dtype=torch.float64)
                positive = name.endswith(("running_var", "scale"))
                value.copy_(noise.exp() if positive else noise * (0.3 if value.ndim != 4 else value[0].numel() ** -0.5))
        for norm in network.modules():
            if isinstance(norm, TimeBatchNorm):
                norm.batches.fill_(1)
    return network.to(dtype).eval()


def pictures(spec: NetworkSpec, batch: int = 2, steps: int | None = None, seed: int = 1) -> Tensor:
    """Return random pictures, or frames if ``steps`` is given, in float64."""
    size = spec.preprocessing.size
    shape = (batch, 3, size, size) if steps is None else (batch, steps, 3, size, size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class _Count(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.convolutions = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.convolutions += func is torch.ops.aten.convolution.default
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def counting() -> Iterator[_Count]:
    """Count the convolutions, transposed ones included, that run inside."""
    with torch.no_grad(), _Count() as count:
        yield count


@contextlib.contextmanager
def listening(module: torch.nn.Module, inputs: bool = False) -> Iterator[list[Any]]:
    """Collect what a module returns (or is given, as its first argument) at each call."""
    seen: list[Any] = []
    hook = module.register_forward_hook(lambda m, i, o: seen.append(i[0] if inputs else o))
    try:
        yield seen
    finally:
        hook.remove()


def can_compile() -> bool:
    """Whether torch.compile finds what it needs."""
    headers = Path(sysconfig.get_paths()["include"], "Python.h")
    return shutil.which("g++") is not None and headers.exists()
