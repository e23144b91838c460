"""Keeping states only: the same gradients and statistics from less memory."""

import pytest
import torch
from torch.nn import functional

from tests.networks.common import build, pictures, stream
from ventralrnn.networks import Norm, RecurrentNetwork


def learn(network: RecurrentNetwork, checkpointing: bool) -> dict[str, torch.Tensor]:
    """Return gradients, and statistics after two batches."""
    network.checkpointing = checkpointing
    network.train()
    for seed in (1, 2):
        scores = network(pictures(network.spec, 4, seed=seed), readout=network.spec.readout_steps, record={})
        functional.cross_entropy(scores.flatten(0, 1), torch.arange(len(scores.flatten(0, 1))) % 3).backward()
    kept = {name: p.grad.clone() for name, p in network.named_parameters()}
    return kept | {name: b.clone() for name, b in network.named_buffers()}


@pytest.mark.parametrize("input_steps", [1, None])
@pytest.mark.parametrize("affine", ["none", "step"])
def test_gradients_and_statistics_are_the_same(affine: str, input_steps: int | None) -> None:
    changes = {"norm": Norm(affine=affine), "input_steps": input_steps, "readouts": (3, 4)}  # type: ignore[arg-type]
    plain, again = build(stream(**changes)), build(stream(**changes))
    expected, found = learn(plain, False), learn(again, True)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12, msg=name)


def test_less_is_kept_for_the_backward_pass() -> None:
    sizes = []
    for checkpointing in (False, True):
        network = build(stream(steps=8)).train()
        network.checkpointing = checkpointing
        kept: dict[int, int] = {}

        def note(tensor: torch.Tensor, kept: dict[int, int] = kept) -> torch.Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            network(pictures(network.spec, 16), record={})
        sizes.append(sum(kept.values()))
    assert sizes[1] < 0.5 * sizes[0], sizes


def test_evaluation_is_untouched() -> None:
    network = build(stream())
    picture = pictures(network.spec)
    expected = network(picture)
    network.checkpointing = True
    assert torch.equal(network(picture), expected)
