"""Muon against the singular value decomposition; every parameter has one optimiser."""

import pytest
import torch

from tests.training.common import spec
from ventralrnn.networks import Norm, PreNet, RecurrentNetwork
from ventralrnn.training.optimisers import Muon, make_optimisers, orthogonalise, set_rate
from ventralrnn.training.recipe import RECIPES, Recipe


@pytest.mark.parametrize("shape", [(3, 8, 20), (2, 20, 8), (1, 5, 5)])
def test_singular_values_go_near_1_and_vectors_stay(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    u, _, v = torch.linalg.svd(torch.randn(shape, dtype=torch.float64), full_matrices=False)
    # Well inside the range in which five iterations suffice.
    values = torch.linspace(1, 0.1, min(shape[1:]), dtype=torch.float64)
    found = orthogonalise(u * values @ v)
    new = u.mT @ found @ v.mT
    diagonal = new.diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(new, torch.diag_embed(diagonal), atol=1e-10, rtol=0)
    assert diagonal.min() > 0.65 and diagonal.max() < 1.25


@pytest.mark.parametrize("keep_norm", [True, False])
def test_steps_of_muon_by_hand(keep_norm: bool) -> None:
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(4, 3, 2, 2, dtype=torch.float64)) for _ in range(2)]
    before = [w.detach().clone() for w in weights]
    optimiser = Muon(weights, lr=0.1, momentum=0.5, nesterov=True, keep_norm=keep_norm)
    buffers = [torch.zeros_like(w) for w in before]
    expected = [w.clone() for w in before]
    for _ in range(3):
        for number, weight in enumerate(weights):
            weight.grad = torch.randn_like(weight)
            buffers[number] = 0.5 * buffers[number] + weight.grad
            update = weight.grad + 0.5 * buffers[number]
            matrix = orthogonalise(update.reshape(1, 4, 12))[0].reshape(4, 3, 2, 2)
            expected[number] -= 0.1 * before[number].norm() / 2 * matrix
            if keep_norm:
                expected[number] *= before[number].norm() / expected[number].norm()
        optimiser.step()
    for weight, value in zip(weights, expected, strict=True):
        torch.testing.assert_close(weight.detach(), value)


@pytest.mark.parametrize("optimiser", ["sgd", "muon"])
def test_every_parameter_has_one_optimiser(optimiser: str) -> None:
    network = RecurrentNetwork(spec(norm=Norm(affine="step")))
    made = make_optimisers(network, Recipe(optimiser=optimiser))  # type: ignore[arg-type]
    held = [id(p) for o in made for group in o.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in network.parameters())
    free = [p for g in made[-1].param_groups if not g["weight_decay"] for p in g["params"]]
    names = {id(p): name for name, p in network.named_parameters()}
    assert {names[id(p)].rpartition(".")[2] for p in free} == {"bias", "scale", "shift"}


def test_muon_has_every_convolution_but_the_first() -> None:
    network = RecurrentNetwork(spec(pre_net=PreNet(2)))
    muon, _ = make_optimisers(network, Recipe(optimiser="muon"))
    names = {id(p): name for name, p in network.named_parameters()}
    held = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    assert held == {name for name, p in network.named_parameters() if p.ndim == 4} - {"pre_net.first.weight"}


def test_the_paper_is_plain_sgd_with_momentum() -> None:
    (sgd,) = make_optimisers(RecurrentNetwork(spec()), RECIPES["paper"])
    assert isinstance(sgd, torch.optim.SGD)
    for group in sgd.param_groups:
        assert (group["lr"], group["momentum"], group["nesterov"], group["weight_decay"]) == (0.01, 0.9, False, 0.0)


def test_rates_are_shares_of_the_highest() -> None:
    made = make_optimisers(RecurrentNetwork(spec()), Recipe(learning_rate=0.2, muon_rate=0.4))
    for share in (0.5, 1.0, 0.25):
        set_rate(made, share)
        assert [o.param_groups[0]["lr"] for o in made] == pytest.approx([0.4 * share, 0.2 * share])
