"""A first layer that whitens: its outputs are decorrelated and of equal variance."""

import pytest
import torch

from tests.networks.common import stream
from ventralrnn.graph import Area, Graph
from ventralrnn.networks import NetworkSpec, PreNet, Preprocessing, RecurrentNetwork, whiten


def network(channels: int, stride: int = 1) -> RecurrentNetwork:
    """Return a network whose first layer has so many channels."""
    spec = NetworkSpec(
        "one", Graph((Area("V1", channels, stride),), ()), 1, pre_net=PreNet(1, 3), preprocessing=Preprocessing(9)
    )
    return RecurrentNetwork(spec)


def pictures(number: int = 4000) -> torch.Tensor:
    """Return pictures whose neighbouring pixels and colours are correlated."""
    torch.manual_seed(0)
    noise = torch.randn(number, 3, 9, 9)
    smooth = torch.nn.functional.avg_pool2d(noise, 3, 1, 1)
    return smooth + 0.5 * smooth.mean(1, keepdim=True)


@pytest.mark.parametrize("channels", [8, 54, 60])
def test_outputs_are_decorrelated_and_of_unit_variance(channels: int) -> None:
    made, x = network(channels), pictures()
    whiten(made, x)
    # At the places where patches were taken from, without overlap.
    patches = torch.nn.functional.unfold(x, 3, stride=3).transpose(1, 2).reshape(-1, 27)
    out = patches @ made.pre_net.first.weight.detach().reshape(channels, -1).T
    half = min(channels // 2, 27)
    # Variances far above the floor become 1.
    values = torch.linalg.eigvalsh(patches.T @ patches / len(patches)).flip(0)[:half]
    covariance = out[:, :half].T @ out[:, :half] / len(out)
    torch.testing.assert_close(covariance, torch.diag(values / (values + 5e-4)), atol=1e-4, rtol=0)
    assert (covariance.diagonal()[: half // 2] > 0.98).all()
    torch.testing.assert_close(out[:, half : 2 * half], -out[:, :half])
    if channels > 54:
        torch.testing.assert_close(out[:, 54:].var(0), torch.ones(channels - 54), atol=0.05, rtol=0)


def test_other_weights_stay() -> None:
    made = RecurrentNetwork(stream(pre_net=PreNet(2, 3)))
    before = {key: value.clone() for key, value in made.state_dict().items()}
    whiten(made, torch.randn(100, 3, 8, 8))
    changed = {key for key, value in made.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"pre_net.first.weight"}
