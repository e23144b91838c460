"""A small network with a clock, input for it, hooks that owe the recorder nothing, stores compared file by file."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from tests.networks.common import build, stream
from ventralrnn.graph import Clock
from ventralrnn.networks import NetworkSpec, RecurrentNetwork

CLOCK = Clock(10.0, {"V1": 50.0, "V2": 60.0, "IT": 65.0})


def tiny_spec(**changes: Any) -> NetworkSpec:
    """Return V1 (3 channels, 8 x 8), V2 (4, 4 x 4), IT (5, 2 x 2) with lateral, feedback and bypass; five steps."""
    return stream(**{"clock": CLOCK, **changes})


def tiny(seed: int = 0, **changes: Any) -> RecurrentNetwork:
    """Build that network with random weights and statistics."""
    return build(tiny_spec(**changes), seed, torch.float32)


def inputs(count: int = 10, size: int = 8, seed: int = 3) -> np.ndarray:
    """Return preprocessed input, (count, 3, size, size), which is given to a model as it is."""
    return np.random.default_rng(seed).standard_normal((count, 3, size, size)).astype(np.float32)


def hear(model: nn.Module, modules: Mapping[str, nn.Module], *args: Any, **kwargs: Any) -> dict[str, list[Any]]:
    """Run a model and return what modules return at each call."""
    heard: dict[str, list[Any]] = {name: [] for name in modules}
    with contextlib.ExitStack() as stack, torch.no_grad():
        for name, module in modules.items():
            handle = module.register_forward_hook(lambda m, i, output, name=name: heard[name].append(output))
            stack.callback(handle.remove)
        model.eval()(*args, **kwargs)
    return heard


def hear_areas(network: RecurrentNetwork, array: np.ndarray, **kwargs: Any) -> dict[str, list[Tensor | None]]:
    """Return the states of one of our networks as hooks on its areas hear them in a plain forward pass."""
    return hear(network, dict(network.areas.items()), torch.from_numpy(array), **kwargs)


def stack(states: list[Tensor | None], pool: bool = False) -> np.ndarray:
    """Return states of all steps as (stimulus, time, neuroid), NaN where there is none."""
    flat = [None if s is None else s.double().mean((2, 3)) if pool else s.double().flatten(1) for s in states]
    shape = next(f.shape for f in flat if f is not None)
    return np.stack([np.full(shape, np.nan) if f is None else f.numpy() for f in flat], 1)


def assert_close(got: Any, expected: np.ndarray, rounding: float = 3e-6) -> None:
    """Compare to float32 rounding: a sum over a few dozen terms, relative to the largest value of the array."""
    got = np.asarray(got)
    assert got.shape == expected.shape
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    np.testing.assert_allclose(got, expected, rtol=0, atol=rounding * np.nanmax(np.abs(expected)))


def write_pictures(folder: Path, count: int, seed: int = 5, suffix: str = ".png") -> Path:
    """Fill a folder with noise pictures of mixed sizes."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        height, width = rng.integers(9, 40, 2)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(folder / f"{index:03d}{suffix}")
    return folder


def files(store: Path) -> dict[str, bytes]:
    """Return every file of a folder with its bytes."""
    return {str(path.relative_to(store)): path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}


def assert_same_store(got: Path, expected: Path) -> None:
    """Compare two stores file by file, bit by bit."""
    ours, theirs = files(got), files(expected)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


@contextlib.contextmanager
def zeroed(network: RecurrentNetwork, connection: str, steps: Iterator[int] | range) -> Iterator[None]:
    """Let a connection deliver zeros at some steps, by a hook that replaces its output."""

    def hook(module: nn.Module, arguments: tuple[Any, ...], output: Tensor | None) -> Tensor | None:
        silent = output is not None and arguments[2] in steps
        return torch.zeros_like(output) if silent else output

    handle = network.connections[connection].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
