"""The state of an unfinished run in one file: weights, optimisers, position. Nothing in it is ever unpickled."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ventralrnn.errors import TrainingError
from ventralrnn.files import whole


def save_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimisers: Sequence[torch.optim.Optimizer],
    position: Mapping[str, Any],
) -> None:
    """Write the state of a run; the file appears only when it is whole.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    modules : mapping of str to torch.nn.Module
        Networks to keep. The parameters of the one called ``network`` are those of the optimisers.
    optimisers : sequence of torch.optim.Optimizer
        Their buffers are kept; their rates follow from the position.
    position : mapping
        Anything JSON holds.
    """
    tensors = {f"{name}/{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    for name, weight, optimiser in _owned(modules["network"], optimisers):
        for key, value in optimiser.state.get(weight, {}).items():
            if isinstance(value, Tensor):
                tensors[f"optimiser/{name}/{key}"] = value
    kept = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with whole(path) as partial:
        save_file(kept, partial, metadata={"position": json.dumps(dict(position))})


def read_position(path: Path) -> dict[str, Any]:
    """Return where a run stands.

    Raises
    ------
    TrainingError
        If the file is damaged or no such state.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return dict(json.loads((file.metadata() or {})["position"]))
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise TrainingError(f"{path}: not the state of a run ({error}): delete it, and start anew") from None


def load_state(path: Path, modules: Mapping[str, nn.Module], optimisers: Sequence[torch.optim.Optimizer]) -> None:
    """Put what :func:`save_state` kept back into place.

    Raises
    ------
    TrainingError
        If the file does not fit the networks.
    """
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    try:
        for name, module in modules.items():
            prefix = f"{name}/"
            module.load_state_dict({k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)})
    except RuntimeError as error:
        raise TrainingError(f"{path}: does not fit the network: {error}") from None
    for name, weight, optimiser in _owned(modules["network"], optimisers):
        prefix = f"optimiser/{name}/"
        found = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        if found:
            # Memory order as the weight's: kernels may be channels-last.
            optimiser.state[weight] = {
                key: torch.empty_like(weight).copy_(v) if v.shape == weight.shape else v.to(weight.device)
                for key, v in found.items()
            }


def _owned(
    network: nn.Module, optimisers: Sequence[torch.optim.Optimizer]
) -> list[tuple[str, nn.Parameter, torch.optim.Optimizer]]:
    """Return (name, parameter, optimiser) of every parameter that is learnt."""
    owner = {id(p): optimiser for optimiser in optimisers for group in optimiser.param_groups for p in group["params"]}
    return [(name, p, owner[id(p)]) for name, p in network.named_parameters() if id(p) in owner]
