"""Networks whose training step is compiled."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ventralrnn.errors import TrainingError


def compile_network(network: nn.Module) -> Callable[..., Any]:
    """Return what computes the same as a network, in compiled code, with the same weights.

    Parameters
    ----------
    network : torch.nn.Module
        As it is trained; it stays as it is.

    Returns
    -------
    callable
        Compiles when it is first called, for minutes, and raises `TrainingError` if that fails.
    """
    compiled = torch.compile(network)

    def call(*args: Any, **rest: Any) -> Any:
        try:
            return compiled(*args, **rest)
        except Exception as error:
            # Loading the compiler takes seconds, so its errors are known by where they come from.
            if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise TrainingError(
                f"compiled: torch.compile failed ({reason}): it needs a C++ compiler on a CPU and triton on a GPU. "
                "Train without it; the weights differ by rounding only"
            ) from error

    return call
