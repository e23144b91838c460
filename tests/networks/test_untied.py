"""The untied twin: with the shared weights copied to every step it is the shared network, bit for bit."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.networks.common import build, counting, pictures, stream, thin_zoo
from ventralrnn.errors import GraphError, SpecificationError
from ventralrnn.networks import NetworkSpec, Norm, RecurrentNetwork, recalibrate

NAMES = [
    "resnet-1state",
    "resnet-3state",
    "resnet-3state-oneconv",
    "recurrent-3state",
    "recurrent-4state",
    "ventral",
    "ventral-feedforward",
]


def twin(network: RecurrentNetwork) -> RecurrentNetwork:
    """Return the untied twin of a shared network, with its weights copied to every step."""
    other = RecurrentNetwork(network.spec.untied()).to(next(network.parameters()).dtype)
    shared = network.state_dict()
    other.load_state_dict({key: shared[_tied(key)] for key in other.state_dict()})
    return other.train(network.training)


def _tied(key: str) -> str:
    """Return the name that a kernel of one step has in the shared network."""
    if not key.startswith("kernels."):
        return key
    group, _, rest = key.partition("@")
    return f"{group}.{rest.partition('.')[2]}"


@pytest.mark.parametrize("name", NAMES)
def test_with_the_same_weights_it_is_the_same_network(name: str) -> None:
    shared = build(thin_zoo(name))
    untied, picture = twin(shared), pictures(shared.spec, 3)
    readouts = shared.spec.readout_steps
    with torch.no_grad():
        assert torch.equal(untied(picture, readout=readouts), shared(picture, readout=readouts))
        assert torch.equal(untied.train()(picture, readout=readouts), shared.train()(picture, readout=readouts))
    mine, theirs = untied.state_dict(), shared.state_dict()
    for key in mine:
        assert torch.equal(mine[key], theirs[_tied(key)]), f"{key}, statistics after a step of training included"


@pytest.mark.parametrize("name", NAMES)
def test_it_has_weights_for_live_work_and_no_other(name: str) -> None:
    spec = thin_zoo(name).untied()
    live = spec.dependence.live_arrivals(spec.readout_states)
    assert set(RecurrentNetwork(spec).kernels) == {
        f"{group}@{step}" for name, step in live for group in spec.graph.connection(name).weight_groups
    }


def test_dead_states_do_not_exist() -> None:
    """V1 at the last steps can influence no readout; its untied transitions have no weights, so neither has it."""
    shared = build(stream(input_steps=None, readouts=(3,)))
    untied, picture = twin(shared), pictures(shared.spec)
    with torch.no_grad():
        ours, theirs = shared.states(picture), untied.states(picture)
    assert {area: [h is None for h in states] for area, states in theirs.items()} == {
        "V1": [False, False, True, True, True],
        "V2": [True, False, False, True, True],
        "IT": [True, True, False, False, True],
    }
    for area, states in theirs.items():
        for x, y in zip(states, ours[area], strict=True):
            assert x is None or torch.equal(x, y), "a state that exists is whole"
    with pytest.raises(
        GraphError, match="nothing to read out: IT at step 4 is not reached by the input; it is at 2, 3"
    ):
        untied(picture, readout=4)


def test_frames_enter_only_where_they_can_matter() -> None:
    shared = build(stream(input_steps=None, readouts=(3,)))
    untied, movie = twin(shared), pictures(shared.spec, steps=5)
    with torch.no_grad():
        assert torch.equal(untied(movie, readout=3), shared(movie, readout=3))
        assert [h is None for h in untied.states(movie)["V1"]] == [False, False, True, True, True]


def test_connections_that_share_weights_share_them_at_each_step() -> None:
    spec = thin_zoo("resnet-3state-oneconv", shared=False)
    assert set(RecurrentNetwork(spec).kernels) == {f"all@{step}" for step in range(1, spec.steps)}


def test_it_cannot_run_longer_than_it_has_weights() -> None:
    spec = stream(shared=False)
    network, picture = build(spec), pictures(spec)
    with pytest.raises(SpecificationError, match="stream has weights of its own for each of 5 steps and cannot run 6"):
        network(picture, steps=6)
    with torch.no_grad():
        assert network(picture, steps=4, readout=3).shape == (2, 3), "shorter it can"


def test_it_does_the_same_work() -> None:
    shared = build(thin_zoo("ventral"))
    untied, picture = twin(shared), pictures(shared.spec, 1)
    done = []
    for network in (shared, untied):
        with counting() as counted:
            network(picture, readout=network.spec.readout_steps)
        done.append(counted.convolutions)
    assert done[0] == done[1]


def test_it_recalibrates() -> None:
    shared = build(stream(norm=Norm(affine="step")))
    batch = pictures(shared.spec, 4)
    with torch.no_grad():
        a, b = (recalibrate(network, [batch])(batch) for network in (shared, twin(shared)))
    assert torch.equal(a, b)


@pytest.mark.parametrize("make", [stream, lambda **c: thin_zoo("ventral", **c)])
def test_trained_apart_they_part(make: Callable[..., NetworkSpec]) -> None:
    shared = build(make())
    untied, picture = twin(shared), pictures(shared.spec, 4)

    def step(network: RecurrentNetwork) -> Tensor:
        network.train().zero_grad()
        network(picture).square().sum().backward()
        with torch.no_grad():
            for p in network.parameters():
                if p.grad is not None:
                    p -= 1e-3 * p.grad
            return network.eval()(picture)

    gradient = {}
    for network in (shared, untied):
        network.train()
        network(picture).square().sum().backward()
        gradient[network] = {key: p.grad for key, p in network.named_parameters() if p.grad is not None}
    for key, grad in gradient[shared].items():
        parts = [g for other, g in gradient[untied].items() if _tied(other) == key]
        torch.testing.assert_close(sum(parts), grad, rtol=1e-9, atol=1e-11)
    assert not torch.allclose(step(shared), step(untied))
