"""Every kind of transition, down and up and across several levels, against loops written by hand."""

import contextlib
from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.networks.common import build, listening, pictures
from ventralrnn.graph import Area, Connection, Graph
from ventralrnn.networks import NetworkSpec, Norm, PostNet, PreNet, Preprocessing, RecurrentNetwork
from ventralrnn.networks.transitions import AreaModule, Kernel, PostNetModule, PreNetModule

KINDS = ["C", "RC", "BC", "BRC", "Cx2", "BRCx2"]
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def correlate(x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1) -> Tensor:
    """Convolve as torch means it, kernel position by kernel position; ``weight`` is (out, in, y, x)."""
    size = weight.shape[-1]
    padded = functional.pad(x, (size // 2,) * 4)
    rows, columns = (x.shape[2] + stride - 1) // stride, (x.shape[3] + stride - 1) // stride
    out = bias[None, :, None, None].expand(len(x), -1, rows, columns).clone()
    for i in range(size):
        for j in range(size):
            seen = padded[:, :, i : i + rows * stride : stride, j : j + columns * stride : stride][..., :rows, :columns]
            out += torch.einsum("biyx,oi->boyx", seen, weight[:, :, i, j])
    return out


def spread(x: Tensor, weight: Tensor, bias: Tensor, up: int = 1) -> Tensor:
    """Deconvolve: every input position adds its kernel to the output; ``weight`` is (in, out, y, x)."""
    size, margin = weight.shape[-1], weight.shape[-1]
    first = margin - (size - up + 1) // 2  # where the kernel of the first input position begins
    rows, columns = x.shape[2] * up, x.shape[3] * up
    out = x.new_zeros(len(x), weight.shape[1], rows + 2 * margin, columns + 2 * margin)
    for i in range(size):
        for j in range(size):
            value = torch.einsum("biyx,io->boyx", x, weight[:, :, i, j])
            out[:, :, first + i : first + i + rows : up, first + j : first + j + columns : up] += value
    return out[..., margin : margin + rows, margin : margin + columns] + bias[None, :, None, None]


def enlarge(x: Tensor, up: int) -> Tensor:
    return x.repeat_interleave(up, 2).repeat_interleave(up, 3)


def by_hand(network: nn.Module, source: Tensor) -> Tensor:
    """Compute the current that the connection ``a-b`` delivers at step 1 from its source's state at step 0."""
    c, graph = network.spec.graph.connection("a-b"), network.spec.graph
    down, up, x = graph.down(c), graph.up(c), source
    norms = [(network.norms["a"], 0), (network.connections["a-b"].middle, 1)] if c.parsed.norm else []
    for number in range(c.parsed.repeats):
        if c.parsed.norm:
            norm, step = norms[number]
            mean, variance = norm.running_mean[step], norm.running_var[step]
            x = (x - mean[None, :, None, None]) / (variance[None, :, None, None] + 1e-5).sqrt()
        if c.parsed.relu:
            x = x.clamp(min=0)
        kernel = network.kernels[f"a-b:{number}"]
        last = number == c.parsed.repeats - 1
        if c.parsed.kind == "conv":
            x = correlate(x, kernel.weight, kernel.bias, down if number == 0 else 1)
        elif not last:
            x = spread(x, kernel.weight, kernel.bias)
        elif c.upsample == "deconv":
            x = spread(x, kernel.weight, kernel.bias, up)
        else:
            x = correlate(enlarge(x, up), kernel.weight.transpose(0, 1), kernel.bias)
    return x + source if c.parsed.identity else x


def check(transition: str, strides: tuple[int, int], widths: tuple[int, int] = (3, 4), **options: object) -> None:
    areas = (Area("a", widths[0], strides[0]), Area("b", widths[1], strides[1]))
    graph = Graph(areas, (Connection("a", "b", transition, **options),))
    spec = NetworkSpec("pair", graph, 2, preprocessing=Preprocessing(16))
    network = build(spec, seed=3)
    with torch.no_grad():
        states = network.states(pictures(spec))
        assert states["b"][0] is None
        assert states["b"][1].shape == (2, widths[1], 16 // strides[1], 16 // strides[1])
        torch.testing.assert_close(states["b"][1], by_hand(network, states["a"][0]), **EXACT)


@pytest.mark.parametrize("strides", [(1, 1), (1, 2), (2, 4), (1, 4), (1, 8), (2, 8)], ids=str)
@pytest.mark.parametrize("transition", KINDS)
def test_level_and_down(transition: str, strides: tuple[int, int]) -> None:
    check(transition, strides)


@pytest.mark.parametrize("transition", KINDS)
def test_identity_adds_the_raw_state(transition: str) -> None:
    check(transition + "+Id", (2, 2), (3, 3))


@pytest.mark.parametrize("strides", [(2, 2), (2, 1), (8, 4), (4, 1), (8, 1), (8, 2)], ids=str)
@pytest.mark.parametrize("transition", [kind.replace("C", "D") for kind in KINDS])
def test_up_by_deconvolution(transition: str, strides: tuple[int, int]) -> None:
    factor = strides[0] // strides[1]
    check(transition, strides, kernel=max(3, factor + 1 - factor % 2))


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("strides", [(2, 2), (2, 1), (8, 1)], ids=str)
@pytest.mark.parametrize("transition", ["D", "BRD", "BRDx2"])
def test_up_by_resizing(transition: str, strides: tuple[int, int], kernel: int) -> None:
    check(transition, strides, kernel=kernel, upsample="resize")


def test_deconvolution_with_identity() -> None:
    check("BRDx2+Id", (2, 2), (3, 3))


@pytest.mark.parametrize("affine", ["none", "step", "shared"])
def test_transitions_out_of_one_state_do_not_disturb_each_other(affine: str) -> None:
    """They share the state's statistics; each has a learned scale and shift, and a rectification, of its own."""
    letters = ["C", "RC", "BC", "BRC", "BRCx2"]
    graph = Graph((Area("a", 3), Area("b", 4)), tuple(Connection("a", "b", text, name=text) for text in letters))
    norm = Norm(affine=affine)  # type: ignore[arg-type]
    spec = NetworkSpec("bundle", graph, 3, input_steps=None, norm=norm, preprocessing=Preprocessing(8))
    network = build(spec, seed=3)
    with torch.no_grad(), contextlib.ExitStack() as stack:
        currents = {text: stack.enter_context(listening(network.connections[text])) for text in letters}
        states = network.states(pictures(spec))
        network(pictures(spec))
    for text in letters:
        module, x = network.connections[text], states["a"][1]
        norms = [(network.norms["a"], module.affine, 1)] if "B" in text else []
        norms += [(module.middle, module.middle.affine, 2)] if "x2" in text else []
        for number in range(2 if "x2" in text else 1):
            if norms:
                statistics, learned, step = norms[number]
                mean, variance = (s[step, :, None, None] for s in (statistics.running_mean, statistics.running_var))
                x = (x - mean) / (variance + 1e-5).sqrt()
                if learned is not None:
                    row = step if affine == "step" else 0
                    x = x * learned.scale[row, :, None, None] + learned.shift[row, :, None, None]
            x = x.clamp(min=0) if "R" in text else x
            x = correlate(x, network.kernels[f"{text}:{number}"].weight, network.kernels[f"{text}:{number}"].bias)
        torch.testing.assert_close(currents[text][2], x, **EXACT)


@pytest.mark.parametrize("kernel", [1, 5, 7])
def test_other_kernels(kernel: int) -> None:
    check("BRC", (1, 2), kernel=kernel)
    check("BRD", (2, 2), kernel=kernel)


@pytest.mark.parametrize("up", range(1, 9))
@pytest.mark.parametrize("wider", [0, 2])
def test_a_deconvolution_reaches_every_position(up: int, wider: int) -> None:
    size = up + 1 - up % 2 + wider
    kernel = Kernel("deconv", 1, 1, size, bias=False)
    nn.init.ones_(kernel.weight)
    with torch.no_grad():
        reached = kernel(torch.ones(1, 1, 3, 3), up=up)
    assert reached.shape == (1, 1, 3 * up, 3 * up)
    assert reached.min() > 0, "a position holds the bias alone"


def test_a_map_is_enlarged_in_place_not_shifted() -> None:
    """The centre of mass of what one position becomes is the centre of the positions that it stands for."""
    for up, size in ((3, 3), (3, 5), (5, 5)):
        kernel = Kernel("deconv", 1, 1, size, bias=False)
        nn.init.ones_(kernel.weight)
        x = torch.zeros(1, 1, 5, 5)
        x[..., 2, 2] = 1
        with torch.no_grad():
            rows = kernel(x, up=up)[0, 0].sum(1)
        centre = (rows * torch.arange(len(rows))).sum() / rows.sum()
        assert centre == 2 * up + (up - 1) / 2


@pytest.mark.parametrize("upsample", ["deconv", "resize"])
@pytest.mark.parametrize(("transition", "strides"), [("C", (1, 1)), ("Cx2", (1, 2)), ("D", (4, 1)), ("Dx2", (2, 1))])
def test_initial_weights_keep_the_variance_of_rectified_input(
    transition: str, strides: tuple[int, int], upsample: str
) -> None:
    """He initialisation: where inputs have a mean square of 1/2, the squared weights seen add up to 2 everywhere."""
    areas = (Area("a", 64, strides[0]), Area("b", 64, strides[1]))
    link = Connection("a", "b", transition, kernel=5 if strides == (4, 1) else 3, upsample=upsample)
    spec = NetworkSpec("pair", Graph(areas, (link,)), 2, preprocessing=Preprocessing(16))
    torch.manual_seed(0)
    network = RecurrentNetwork(spec)
    up, down = network.spec.graph.up(link), network.spec.graph.down(link)
    for number, kernel in enumerate(network.kernels.values()):
        last = number == len(network.kernels) - 1
        with torch.no_grad():
            kernel.weight.square_()
            x = torch.ones(1, 64, 24, 24)
            seen = kernel(x, 1 if number else down, up if last else 1, upsample == "resize" and last)[..., 4:-4, 4:-4]
        assert seen.mean() == pytest.approx(2.0, rel=0.05)


def test_an_area_is_the_sum_of_its_currents_and_leaves_them_alone() -> None:
    currents = [torch.full((1, 1, 2, 2), float(2**n)) for n in range(4)]
    assert (AreaModule()(currents) == 15).all()
    assert [float(c[0, 0, 0, 0]) for c in currents] == [1, 2, 4, 8]
    assert AreaModule()([]) is None


@pytest.mark.parametrize(
    ("layers", "kernel", "stride", "downsample"),
    [(1, 3, 1, "first"), (1, 7, 4, "last"), (3, 5, 2, "first"), (3, 3, 2, "last")],
)
def test_the_pre_net_by_hand(layers: int, kernel: int, stride: int, downsample: Literal["first", "last"]) -> None:
    torch.manual_seed(0)
    module = PreNetModule(PreNet(layers, kernel, downsample), 4, stride, Norm(), bias=True).double().eval()
    for norm in module.norms:
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    picture = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        strides = [1] * layers
        strides[0 if downsample == "first" else -1] = stride
        x = correlate(picture, module.first.weight, module.first.bias, strides[0])
        for norm, k, step in zip(module.norms, module.kernels, strides[1:], strict=True):
            scaled = (x - norm.running_mean[0, :, None, None]) / (norm.running_var[0, :, None, None] + 1e-5).sqrt()
            x = correlate(scaled.clamp(min=0), k.weight, k.bias, step)
        torch.testing.assert_close(module(picture), x, **EXACT)
    assert x.shape == (2, 4, 16 // stride, 16 // stride) and len(module.kernels) == layers - 1


@pytest.mark.parametrize("affine", [True, False])
def test_the_post_net_by_hand(affine: bool) -> None:
    torch.manual_seed(0)
    module = PostNetModule(PostNet(5, affine), 4, 3, Norm()).double().eval()
    nn.init.normal_(module.norm.running_mean)
    nn.init.uniform_(module.norm.running_var, 0.5, 2)
    module.norm.batches.fill_(1)
    state = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    x = (state - module.norm.running_mean[2, :, None, None]) / (module.norm.running_var[2, :, None, None] + 1e-5).sqrt()
    if affine:
        nn.init.normal_(module.norm.affine.scale)
        nn.init.normal_(module.norm.affine.shift)
        x = x * module.norm.affine.scale[0, :, None, None] + module.norm.affine.shift[0, :, None, None]
    with torch.no_grad():
        expected = x.clamp(min=0).mean((2, 3)) @ module.linear.weight.T + module.linear.bias
        torch.testing.assert_close(module(state, 2), expected, **EXACT)
