"""A residual network whose blocks share weights is a recurrent network, and the other way round."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.networks.common import build, pictures, stream, thin_zoo
from ventralrnn.errors import GraphError, SpecificationError
from ventralrnn.graph import Area, Connection, Graph
from ventralrnn.networks import (
    NetworkSpec,
    Norm,
    PostNet,
    PreNet,
    Preprocessing,
    RecurrentNetwork,
    ResNet,
    show_equivalence,
    to_recurrent,
    to_resnet,
)
from ventralrnn.networks.resnet import Block

RESNETS = [
    "resnet-1state",
    "resnet-2state",
    "resnet-3state",
    "resnet-1state-unshared",
    "resnet-2state-unshared",
    "resnet-3state-unshared",
    "resnet-3state-oneconv",
]
ROUNDING = {"rtol": 1e-12, "atol": 1e-12}


def train(network: nn.Module, spec: NetworkSpec, steps: int = 3, rate: float = 0.05) -> nn.Module:
    """Train for a few steps, so that weights and statistics are those of no initialisation."""
    network.train()
    optimiser = torch.optim.SGD(network.parameters(), rate, momentum=0.9)
    for seed in range(steps):
        optimiser.zero_grad()
        functional.cross_entropy(network(pictures(spec, 6, seed=seed)), torch.tensor([0, 1, 2, 0, 1, 2])).backward()
        optimiser.step()
    return network.eval()


class PlainResNet(nn.Module):
    """A pre-activation residual network as anyone would write it; nothing of the package's is used."""

    def __init__(self, iterations: tuple[int, ...], width: int, classes: int, shared: bool, affine: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.downs, self.down_norms = nn.ModuleList(), nn.ModuleList()
        self.first, self.second = nn.ModuleList(), nn.ModuleList()
        self.first_norms, self.second_norms = nn.ModuleList(), nn.ModuleList()
        self.iterations = iterations
        for stage, count in enumerate(iterations):
            if stage:
                self.downs.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                self.down_norms.append(nn.BatchNorm2d(width, affine=affine))
            for i in range(count):
                if shared and i:
                    self.first.append(self.first[-1])
                    self.second.append(self.second[-1])
                else:
                    self.first.append(nn.Conv2d(width, width, 3, padding=1))
                    self.second.append(nn.Conv2d(width, width, 3, padding=1))
                self.first_norms.append(nn.BatchNorm2d(width, affine=affine))
                self.second_norms.append(nn.BatchNorm2d(width, affine=affine))
        self.norm = nn.BatchNorm2d(width)
        self.linear = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x, block = self.stem(x), 0
        for stage, count in enumerate(self.iterations):
            if stage:
                x = self.downs[stage - 1](torch.relu(self.down_norms[stage - 1](x)))
            for _ in range(count):
                y = self.first[block](torch.relu(self.first_norms[block](x)))
                x = x + self.second[block](torch.relu(self.second_norms[block](y)))
                block += 1
        return self.linear(torch.relu(self.norm(x)).mean((2, 3)))


def copy_into(plain: PlainResNet, network: RecurrentNetwork) -> None:
    """Copy weights and statistics into a recurrent network of states in sequence, entry by entry."""
    shared, state = network.spec.shared, {}

    def copy_conv(conv: nn.Conv2d, group: str, step: int) -> None:
        key = f"kernels.{group}" if shared else f"kernels.{group}@{step}"
        state.update({f"{key}.{name}": value for name, value in conv.state_dict().items()})

    def copy_norm(norm: nn.BatchNorm2d, prefix: str, step: int, affine: str = "") -> None:
        rows = [("running_mean", prefix), ("running_var", prefix)]
        values = {"running_mean": norm.running_mean, "running_var": norm.running_var}
        if norm.affine:
            rows += [("scale", affine), ("shift", affine)]
            values |= {"scale": norm.weight, "shift": norm.bias}
        for name, where in rows:
            entry = state.setdefault(f"{where}.{name}", network.state_dict()[f"{where}.{name}"].clone())
            entry[min(step, len(entry) - 1)] = values[name].detach()

    step, block = 0, 0
    for stage, count in enumerate(plain.iterations):
        name = f"state{stage + 1}"
        if stage:
            step += 1
            copy_conv(plain.downs[stage - 1], f"state{stage}-{name}:0", step)
            copy_norm(
                plain.down_norms[stage - 1], f"norms.state{stage}", step - 1, f"connections.state{stage}-{name}.affine"
            )
        for _ in range(count):
            step += 1
            link = f"connections.{name}-{name}"
            copy_conv(plain.first[block], f"{name}-{name}:0", step)
            copy_conv(plain.second[block], f"{name}-{name}:1", step)
            copy_norm(plain.first_norms[block], f"norms.{name}", step - 1, f"{link}.affine")
            copy_norm(plain.second_norms[block], f"{link}.middle", step, f"{link}.middle.affine")
            block += 1
    copy_norm(plain.norm, "post_net.norm", step, "post_net.norm.affine")
    state |= {f"pre_net.first.{k}": v for k, v in plain.stem.state_dict().items()}
    state |= {f"post_net.linear.{k}": v for k, v in plain.linear.state_dict().items()}
    missing, unexpected = network.load_state_dict(state, strict=False)
    assert not unexpected
    assert {key.rsplit(".", 1)[1] for key in missing} == {"batches"}, "everything but the counters was copied"


@pytest.mark.parametrize("affine", ["none", "step"])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("name", ["resnet-1state", "resnet-2state", "resnet-3state"])
def test_a_residual_network_written_by_anyone_is_the_recurrent_network(name: str, shared: bool, affine: str) -> None:
    iterations = {"resnet-1state": (10,), "resnet-2state": (5, 5), "resnet-3state": (3, 3, 4)}[name]
    spec = thin_zoo(name, shared=shared, norm=Norm(affine=affine))
    torch.manual_seed(2)
    plain = train(PlainResNet(iterations, 4, 3, shared, affine == "step").double(), spec)
    network = RecurrentNetwork(spec).double().eval()
    copy_into(plain, network)
    picture = pictures(spec, 4, seed=9)
    with torch.no_grad():
        torch.testing.assert_close(network(picture), plain(picture), **ROUNDING)
        assert plain(picture).abs().max() > 1e-2
    unused = sum(p.numel() for key, p in network.named_parameters() if "affine" in key and "post_net" not in key)
    plain_norms = sum(p.numel() for key, p in plain.named_parameters() if "norms" in key)
    count = [sum(p.numel() for p in m.parameters()) for m in (network, plain)]
    assert count[0] - unused == count[1] - plain_norms, "tied weights counted once, they are the same in number"


@pytest.mark.parametrize("shared", [True, False])
def test_trained_alike_they_stay_alike(shared: bool) -> None:
    """Gradients through shared weights and the updates of every statistic are the same, step after step."""
    spec = thin_zoo("resnet-2state", shared=shared)
    torch.manual_seed(2)
    plain = PlainResNet((5, 5), 4, 3, shared, affine=False).double()
    network = RecurrentNetwork(spec).double()
    copy_into(plain, network)
    train(plain, spec, 4)
    train(network, spec, 4)
    picture = pictures(spec, 4, seed=9)
    with torch.no_grad():
        torch.testing.assert_close(network(picture), plain(picture), rtol=1e-9, atol=1e-9)
    assert int(network.norms["state1"].batches[0]) == 4


@pytest.mark.parametrize("affine", ["none", "step"])
@pytest.mark.parametrize("name", RESNETS)
def test_there_and_back(name: str, affine: str) -> None:
    spec = thin_zoo(name, norm=Norm(affine=affine))
    network = train(build(spec), spec)
    resnet = to_resnet(network)
    back = to_recurrent(resnet, spec.preprocessing)
    again = to_resnet(back)
    picture = pictures(spec, 4, seed=9)
    with torch.no_grad():
        expected = network(picture)
        for other in (resnet, back, again):
            assert not other.training
            torch.testing.assert_close(other(picture), expected, **ROUNDING)
    assert back.spec.shared == spec.shared and back.spec.steps == spec.steps
    assert len(back.spec.graph.connections) == len(spec.graph.connections)
    counts = {sum(p.numel() for p in m.parameters()) for m in (resnet, again)}
    assert len(counts) == 1
    if affine == "none":
        assert counts == {sum(p.numel() for p in m.parameters()) for m in (network, back)}


@pytest.mark.parametrize("name", ["resnet-2state", "resnet-2state-unshared", "resnet-3state-oneconv"])
def test_conversions_agree_in_training_too(name: str) -> None:
    spec = thin_zoo(name)
    network = build(spec).train()
    resnet = to_resnet(network)
    assert resnet.training
    train(network, spec, 3)
    train(resnet, spec, 3)
    with torch.no_grad():
        picture = pictures(spec, 4, seed=9)
        torch.testing.assert_close(network(picture), resnet(picture), rtol=1e-9, atol=1e-9)


def test_conversions_copy() -> None:
    spec = thin_zoo("resnet-2state")
    network = build(spec)
    resnet = to_resnet(network)
    back = to_recurrent(resnet, spec.preprocessing)
    picture = pictures(spec)
    with torch.no_grad():
        before = network(picture)
        for module in (resnet, back):
            for value in module.state_dict().values():
                value.zero_()
        assert torch.equal(network(picture), before)


def test_ties_survive_conversion() -> None:
    resnet = to_resnet(build(thin_zoo("resnet-2state")))
    blocks = list(resnet.blocks)
    assert len({id(b.convolutions[0].weight) for b in blocks[:5]}) == 1
    assert len({id(b.convolutions[0].weight) for b in blocks}) == 3
    one = to_resnet(build(thin_zoo("resnet-3state-oneconv")))
    weights = {id(c.weight) for b in one.blocks for c in b.convolutions}
    biases = {id(c.bias) for b in one.blocks for c in b.convolutions}
    assert len(weights) == len(biases) == 1
    assert {c.stride for b in one.blocks for c in b.convolutions} == {(1, 1), (2, 2)}
    assert len({id(n) for b in blocks for n in b.norms}) == sum(len(b.norms) for b in blocks), "norms are never shared"


def test_a_network_read_early_converts_to_the_part_that_is_read() -> None:
    spec = thin_zoo("resnet-2state", readouts=(8,))
    network = build(spec)
    resnet = to_resnet(network)
    assert len(resnet.blocks) == 8
    with torch.no_grad():
        torch.testing.assert_close(resnet(pictures(spec)), network(pictures(spec)), **ROUNDING)


def test_statistics_that_are_missing_are_repeated_there_as_here() -> None:
    spec = thin_zoo("resnet-1state")
    network = RecurrentNetwork(spec).double().train()
    network(pictures(spec, 6), readout=6)
    network.eval()
    with torch.no_grad(), pytest.warns(UserWarning, match="repeating those of step"):
        torch.testing.assert_close(to_resnet(network)(pictures(spec)), network(pictures(spec)), **ROUNDING)


# -- showing it ------------------------------------------------------------------------------------------------------


def test_the_equality_is_shown_for_a_user_s_pictures() -> None:
    spec = thin_zoo("resnet-2state")
    network = build(spec, dtype=torch.float32)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    shown = show_equivalence(network, pictures(spec, 3).float())
    assert [(area, step) for area, step, _ in shown.states] == [
        ("state1" if step < 6 else "state2", step) for step in range(1, spec.steps)
    ]
    assert max(difference for _, _, difference in shown.states) <= 1e-12 * shown.scale
    assert shown.scores <= 1e-12 * shown.scale
    assert shown.parameters[0] == shown.parameters[1] == sum(p.numel() for p in network.parameters())
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    lines = str(shown).splitlines()
    assert lines[0].startswith("state1 at step 1: ") and len(lines) == spec.steps - 1 + 2
    assert lines[-1] == f"parameters: recurrent {shown.parameters[0]:,}, residual {shown.parameters[1]:,}"


def test_a_difference_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = thin_zoo("resnet-2state")

    def wrong(network: RecurrentNetwork) -> ResNet:
        resnet = to_resnet(network)
        with torch.no_grad():
            resnet.blocks[7].norms[0].running_mean.add_(0.1)
        return resnet

    monkeypatch.setattr("ventralrnn.networks.resnet.to_resnet", wrong)
    shown = show_equivalence(build(spec), pictures(spec))
    assert [difference > 1e-6 for _, _, difference in shown.states] == [step > 7 for step in range(1, spec.steps)]
    assert shown.scores > 1e-6


# -- what is no residual network -------------------------------------------------------------------------------------


def chain(*connections: Connection, **changes: object) -> NetworkSpec:
    areas = (Area("a", 4), Area("b", 4))
    fields = {"steps": 3, "preprocessing": Preprocessing(8), "post_net": PostNet(3), **changes}
    return NetworkSpec("chain", Graph(areas, connections), **fields)


ONE, TWO = Connection("a", "b", steps=(1,)), Connection("b", "b", "BRC+Id", steps=(2,))


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (lambda: stream(), "stream: IT at step 4 is the sum of V2-IT, V1-IT, IT-IT: not a residual network"),
        (lambda: thin_zoo("recurrent-2state"), "state2 at step 9 is the sum of"),
        (lambda: chain(ONE, replace(TWO, transition="C")), "connection b-b: C has no counterpart"),
        (lambda: chain(ONE, replace(TWO, transition="BRD")), "connection b-b: BRD has no counterpart"),
        (lambda: chain(ONE, TWO, pre_net=PreNet(2)), "chain: a pre-net of 2 layers has no counterpart"),
        (lambda: chain(ONE, TWO, norm=Norm(affine="shared")), "chain: only batch norm with everything of its own"),
        (lambda: chain(ONE, TWO, norm=Norm("shared")), "chain: only batch norm with everything of its own"),
        (
            lambda: thin_zoo("resnet-1state", input_steps=None),
            "resnet-1state: state1 at step 10 holds the picture and other currents",
        ),
    ],
)
def test_other_networks_are_refused_with_the_reason(spec: Callable[[], NetworkSpec], why: str) -> None:
    with pytest.raises(GraphError, match=why):
        to_resnet(build(spec()))


def conv(stride: int = 1, **options: object) -> nn.Conv2d:
    return nn.Conv2d(4, 4, 3, stride, **{"padding": 1, **options})


def norm(**options: object) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(4, **{"affine": False, **options})


def resnet(*blocks: Block, stem: nn.Conv2d | None = None) -> ResNet:
    return ResNet(stem or nn.Conv2d(3, 4, 3, padding=1), blocks, nn.BatchNorm2d(4), nn.Linear(4, 3)).double().eval()


TIED = conv()


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (
            lambda: resnet(*(Block([c], [norm()]) for c in (TIED, TIED, conv()))),
            "only some blocks of a state share weights",
        ),
        (lambda: resnet(Block([conv(padding=0)], [norm()])), r"blocks.0: .*Conv2d\(4, 4, .* has no counterpart"),
        (lambda: resnet(Block([conv(groups=2)], [norm()])), "blocks.0: .* has no counterpart"),
        (lambda: resnet(Block([conv(bias=False)], [norm()])), "blocks.0: .* has no counterpart"),
        (lambda: resnet(Block([conv(), conv()], [norm(), norm(eps=1e-3)])), "blocks.0: .* has no counterpart"),
        (lambda: resnet(Block([conv()], [norm()]), Block([conv()], [norm(affine=True)])), "blocks.0: .*affine=False"),
        (lambda: resnet(Block([conv()], [norm()]), Block([conv()] * 2, [norm(), norm()])), "share weights"),
        (
            lambda: resnet(Block([conv()], [norm()]), Block([conv(), conv()], [norm(), norm()])),
            "blocks.1: .* counterpart",
        ),
        (
            lambda: resnet(
                Block(
                    [nn.Conv2d(4, 9, 3, padding=1), nn.Conv2d(9, 4, 3, padding=1)],
                    [norm(), nn.BatchNorm2d(9, affine=False)],
                )
            ),
            "blocks.0: .* has no counterpart",
        ),
        (lambda: resnet(Block([conv()], [norm()]), stem=nn.Conv2d(3, 4, 3)), "stem: .* has no counterpart"),
        (lambda: resnet(Block([conv(2)], [norm()])), "blocks.0: .* has no counterpart"),
    ],
)
def test_layers_without_counterpart_are_refused_by_name(made: Callable[[], ResNet], why: str) -> None:
    with pytest.raises(SpecificationError, match=why):
        to_recurrent(made())


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(GraphError, match="connection state1-state1: kernel 2 must be odd"):
        to_recurrent(resnet(Block([nn.Conv2d(4, 4, 2, padding=1)], [norm()])))


def test_any_sequence_of_blocks_folds() -> None:
    """Several transitions in a row, learned scale and shift, another eps and momentum, a wide stem with a stride."""
    torch.manual_seed(4)
    options = {"affine": True, "eps": 1e-3, "momentum": 0.3}
    blocks = [
        Block([nn.Conv2d(4, 6, 3, 2, 1)], [nn.BatchNorm2d(4, **options)], identity=False),
        Block(
            [nn.Conv2d(6, 7, 5, 2, 2), nn.Conv2d(7, 8, 5, 1, 2)], [nn.BatchNorm2d(c, **options) for c in (6, 7)], False
        ),
        *(Block([nn.Conv2d(8, 8, 1)], [nn.BatchNorm2d(8, **options)]) for _ in range(2)),
    ]
    head = nn.BatchNorm2d(8, eps=1e-3, momentum=0.3)
    net = ResNet(nn.Conv2d(3, 4, 7, 2, 3), blocks, head, nn.Linear(8, 3)).double()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(values)
            nn.init.uniform_(module.running_var, 0.5, 2)
    spec = NetworkSpec("any", Graph((Area("a", 3),), ()), 1, preprocessing=Preprocessing(32))
    net = train(net, spec)
    network = to_recurrent(net, spec.preprocessing, "folded")
    assert network.spec.name == "folded" and network.spec.norm == Norm(affine="step", momentum=0.3, eps=1e-3)
    assert [c.transition for c in network.spec.graph.connections] == ["BRC", "BRCx2", "BRC+Id"]
    assert [a.stride for a in network.spec.graph.areas] == [2, 4, 8]
    with torch.no_grad():
        torch.testing.assert_close(network(pictures(spec)), net(pictures(spec)), **ROUNDING)
