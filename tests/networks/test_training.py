"""What training needs: gradients everywhere, and what compiling must not change."""

import pytest
import torch
from torch.nn import functional

from tests.networks.common import build, can_compile, pictures, stream, thin_zoo
from ventralrnn.graph import Area, Connection, Graph
from ventralrnn.networks import NetworkSpec, Norm, PreNet, Preprocessing, RecurrentNetwork
from ventralrnn.networks.weights import hash_weights
from ventralrnn.zoo.registry import list_models

LABELS = torch.tensor([0, 1, 2, 0])


def gradients(network: RecurrentNetwork) -> dict[str, torch.Tensor | None]:
    """Return the gradients of a classification loss at the network's own readouts, in training mode."""
    spec = network.spec
    scores = network.train()(pictures(spec, 4), readout=spec.readout_steps)
    loss = sum(functional.cross_entropy(scores[:, i], LABELS) for i in range(scores.shape[1]))
    loss.backward()
    return {name: p.grad for name, p in network.named_parameters()}


@pytest.mark.parametrize("name", list_models())
def test_gradients_reach_every_parameter_of_the_zoo(name: str) -> None:
    torch.manual_seed(0)
    found = gradients(RecurrentNetwork(thin_zoo(name, width=6)).double())
    assert not [name for name, g in found.items() if g is None]
    # A bias right before batch norm changes nothing; every weight does.
    assert not [name for name, g in found.items() if name.endswith("weight") and not g.any()]


@pytest.mark.parametrize("affine", ["none", "step", "shared"])
@pytest.mark.parametrize("shared", [True, False])
def test_gradients_reach_every_parameter_of_other_networks(affine: str, shared: bool) -> None:
    torch.manual_seed(0)
    spec = stream(norm=Norm(affine=affine), shared=shared, pre_net=PreNet(2), input_steps=None)  # type: ignore[arg-type]
    found = gradients(RecurrentNetwork(spec).double())
    assert not [name for name, g in found.items() if g is None]


def test_gradients_are_those_of_finite_differences() -> None:
    network = build(stream(steps=4, norm=Norm(affine="step")))
    picture = pictures(network.spec, 1)

    def scores(*values: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(network, dict(zip(names, values, strict=True)), picture)

    names = [
        "kernels.V1-V2:0.weight",
        "kernels.IT-V2:0.weight",
        "connections.V1-V1.middle.affine.scale",
        "pre_net.first.bias",
    ]
    values = [network.get_parameter(name).detach().clone().requires_grad_() for name in names]
    assert torch.autograd.gradcheck(scores, values, fast_mode=True, atol=1e-5)


def test_a_network_learns() -> None:
    torch.manual_seed(0)
    network = RecurrentNetwork(stream(input_steps=None)).train()
    picture = pictures(network.spec, 4).float()
    optimiser = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        losses.append(functional.cross_entropy(network(picture), LABELS))
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize(
    "backend",
    [
        "eager",
        pytest.param(
            "inductor",
            marks=[pytest.mark.slow, pytest.mark.skipif(not can_compile(), reason="no g++ or no Python headers here")],
        ),
    ],
)
def test_a_compiled_network_gives_the_same_scores(backend: str) -> None:
    areas = (Area("V1", 3, 1), Area("V2", 4, 2))
    links = (Connection("V1", "V2"), Connection("V2", "V2", "BRC+Id"), Connection("V2", "V1", "BRD"))
    spec = NetworkSpec("small", Graph(areas, links), 3, input_steps=None, preprocessing=Preprocessing(8))
    network, picture = build(spec), pictures(spec)
    torch.compiler.reset()
    with torch.no_grad():
        expected = network(picture)
        torch.testing.assert_close(torch.compile(network, backend=backend)(picture), expected, rtol=1e-10, atol=1e-10)
    torch.compiler.reset()


def test_the_hash_of_weights_is_of_values_not_of_layout() -> None:
    network = build(stream(), dtype=torch.float32)
    first = hash_weights(network)
    assert len(first) == 64 and hash_weights(build(stream(), dtype=torch.float32)) == first
    assert hash_weights(network.to(memory_format=torch.channels_last)) == first
    assert hash_weights(build(stream(), seed=1, dtype=torch.float32)) != first
    assert hash_weights(build(stream())) != first, "another precision is another set of weights"
    with torch.no_grad():
        network.norms["V1"].running_mean[0, 0] += 1e-6
    assert hash_weights(network) != first, "statistics count too"
