"""Residual networks of ordinary torch modules, and their equality with recurrent ones.

A residual network whose blocks share weights is a recurrent network unrolled in time (Liao & Poggio 2016). The
conversions here go both ways and keep every weight and every batch norm statistic.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.nn import functional

from ventralrnn.errors import GraphError, SpecificationError
from ventralrnn.graph import Area, Connection, Graph
from ventralrnn.networks.kernels import kernel_key
from ventralrnn.networks.network import RecurrentNetwork
from ventralrnn.networks.norm import TimeAffine, TimeBatchNorm
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.networks.spec import NetworkSpec, Norm, PostNet, PreNet
from ventralrnn.networks.transitions import Kernel


class Block(nn.Module):
    """A pre-activation block: (batch norm, ReLU, convolution) once or twice, with or without the identity.

    Parameters
    ----------
    convolutions : sequence of torch.nn.Conv2d
        One or two; blocks that hold the same module share its weights.
    norms : sequence of torch.nn.BatchNorm2d
        One for each convolution, never shared.
    identity : bool
        Whether the input is added to the result.
    """

    def __init__(
        self, convolutions: Sequence[nn.Conv2d], norms: Sequence[nn.BatchNorm2d], identity: bool = True
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(convolutions)
        self.norms = nn.ModuleList(norms)
        self.identity = identity

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channel, y, x) to (batch, channel', y', x')."""
        y = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            y = convolution(functional.relu(norm(y)))
        return y + x if self.identity else y


class ResNet(nn.Module):
    """A pre-activation residual network: a convolution, blocks, and batch norm, ReLU, average, linear.

    Parameters
    ----------
    stem : torch.nn.Conv2d
        From the picture to the first block.
    blocks : sequence of Block
        In order.
    norm : torch.nn.BatchNorm2d
        Of the head.
    linear : torch.nn.Linear
        Of the head.

    Examples
    --------
    >>> from ventralrnn.networks import RecurrentNetwork, to_resnet
    >>> from ventralrnn.zoo import model_spec
    >>> resnet = to_resnet(RecurrentNetwork(model_spec("resnet-2state")).eval())
    >>> len(resnet.blocks)
    11
    """

    def __init__(self, stem: nn.Conv2d, blocks: Sequence[Block], norm: nn.BatchNorm2d, linear: nn.Linear) -> None:
        super().__init__()
        self.stem = stem
        self.blocks = nn.ModuleList(blocks)
        self.norm = norm
        self.linear = linear

    def forward(self, picture: Tensor) -> Tensor:
        """Map pictures (batch, 3, y, x) to scores (batch, class)."""
        x = self.stem(picture)
        for block in self.blocks:
            x = block(x)
        return self.linear(functional.relu(self.norm(x)).mean((2, 3)))


def to_resnet(network: RecurrentNetwork) -> ResNet:
    """Unroll a recurrent network in which every state has one source into a residual network.

    Parameters
    ----------
    network : RecurrentNetwork
        Each state that matters for the last readout must be made by one transition (as in the zoo's ``resnet-*``),
        the picture must enter at step 0 only, and transitions must normalise, rectify and convolve. A learned scale
        and shift, if any, must be one per step.

    Returns
    -------
    ResNet
        With copies of the weights, tied where the recurrent network ties them, in the same mode.

    Raises
    ------
    GraphError
        If the network is not such a chain; the message names the state or connection.

    Examples
    --------
    >>> import torch
    >>> import ventralrnn
    >>> from ventralrnn.networks import to_resnet
    >>> network = ventralrnn.load_model("resnet-2state")
    >>> pictures = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> with torch.no_grad():
    ...     print(torch.allclose(to_resnet(network)(pictures), network(pictures), atol=1e-4))
    True
    """
    spec = network.spec
    if spec.pre_net.layers != 1:
        raise GraphError(f"{spec.name}: a pre-net of {spec.pre_net.layers} layers has no counterpart in this ResNet")
    if spec.norm.affine == "shared" or spec.norm.statistics != "step":
        raise GraphError(f"{spec.name}: only batch norm with everything of its own for every step converts")
    convolutions: dict[str, nn.Conv2d] = {}
    blocks = [Block(*_parts(network, c, step, convolutions), c.parsed.identity) for c, step in _chain(network)]
    _tie(convolutions)
    stem = _convolution(network.pre_net.first, network.pre_net.strides[0])
    post_norm, linear = network.post_net.norm, copy.deepcopy(network.post_net.linear)
    head = _plain_norm(post_norm, spec.readout_steps[-1], post_norm.affine)
    example = next(network.parameters())
    return ResNet(stem, blocks, head, linear).to(example.device, example.dtype).train(network.training)


def _chain(network: RecurrentNetwork) -> list[tuple[Connection, int]]:
    """Return the transitions, in order, that lead from the picture to the last readout."""
    spec, dependence = network.spec, network.depend()
    chain: list[tuple[Connection, int]] = []
    area, step = spec.graph.readout, spec.readout_steps[-1]
    while not dependence.enters(area, step):
        terms = dependence.terms(area, step)
        if len(terms) != 1:
            names = ", ".join(c.name for c in terms)
            raise GraphError(f"{spec.name}: {area} at step {step} is the sum of {names}: not a residual network")
        c = terms[0]
        if not (c.parsed.norm and c.parsed.relu and c.parsed.kind == "conv"):
            raise GraphError(f"connection {c.name}: {c.transition} has no counterpart in this ResNet: use BRC or BRCx2")
        chain.insert(0, (c, step))
        area, step = c.source, step - c.delay
    if dependence.terms(area, step):
        raise GraphError(f"{spec.name}: {area} at step {step} holds the picture and other currents")
    return chain


def _parts(
    network: RecurrentNetwork, c: Connection, step: int, convolutions: dict[str, nn.Conv2d]
) -> tuple[list[nn.Conv2d], list[nn.BatchNorm2d]]:
    """Return what one transition at one step is made of; ``convolutions`` are those made already."""
    own = []
    for key, stride in zip(_keys(network, c, step), (network.spec.graph.down(c), 1), strict=False):
        name = f"{key} by {stride}"
        if name not in convolutions:
            convolutions[name] = _convolution(network.kernels[key], stride)  # type: ignore[arg-type]
        own.append(convolutions[name])
    module = network.connections[c.name]
    norms = [_plain_norm(network.norms[c.source], step - c.delay, module.affine)]  # type: ignore[arg-type]
    if c.parsed.repeats == 2:
        norms.append(_plain_norm(module.middle, step, module.middle.affine))  # type: ignore[arg-type, union-attr]
    return own, norms


def _keys(network: RecurrentNetwork, c: Connection, step: int) -> list[str]:
    return [kernel_key(network.spec, group, step) for group in c.weight_groups]


def _convolution(kernel: Kernel, stride: int) -> nn.Conv2d:
    outputs, inputs, size, _ = kernel.weight.shape
    made = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=kernel.bias is not None)
    made = made.to(kernel.weight.device, kernel.weight.dtype)
    made.load_state_dict(kernel.state_dict())
    return made


def _tie(convolutions: dict[str, nn.Conv2d]) -> None:
    """Tie convolutions that one kernel serves with several strides: one module has one stride."""
    for _, group in groupby(sorted(convolutions), key=lambda name: name.split(" by ")[0]):
        first, *others = (convolutions[name] for name in group)
        for other in others:
            other.weight, other.bias = first.weight, first.bias


def _plain_norm(norm: TimeBatchNorm, step: int, affine: TimeAffine | None) -> nn.BatchNorm2d:
    row = norm.evaluation_row(step)
    made = nn.BatchNorm2d(norm.running_mean.shape[1], norm.norm.eps, norm.norm.momentum, affine=affine is not None)
    made = made.to(norm.running_mean.device, norm.running_mean.dtype)
    state = {"running_mean": norm.running_mean[row], "running_var": norm.running_var[row]}
    if affine is not None:
        row_learned = min(step, len(affine.scale) - 1)
        state |= {"weight": affine.scale[row_learned], "bias": affine.shift[row_learned]}
    made.load_state_dict({**state, "num_batches_tracked": norm.batches[row]})
    return made


def to_recurrent(resnet: ResNet, preprocessing: Preprocessing | None = None, name: str = "resnet") -> RecurrentNetwork:
    """Fold a residual network into a recurrent one.

    Blocks with the identity become iterations of one state's self-transition, blocks without it the transition to
    the next state. A network whose blocks share convolutions within every state becomes one with weights shared over
    time; one that shares none becomes its untied twin.

    Parameters
    ----------
    resnet : ResNet
        Left unchanged.
    preprocessing : Preprocessing, optional
        Of the pictures; 32 pixels by default.
    name : str
        Name of the result.

    Returns
    -------
    RecurrentNetwork
        With copies of all weights and statistics, in the same mode.

    Raises
    ------
    SpecificationError
        If only some of a state's blocks share weights, so that it is neither; or if a layer has no counterpart, for
        example an even kernel. The message names it.

    Examples
    --------
    >>> from ventralrnn.networks import RecurrentNetwork, to_recurrent, to_resnet
    >>> from ventralrnn.zoo import model_spec
    >>> network = RecurrentNetwork(model_spec("resnet-2state")).eval()
    >>> folded = to_recurrent(to_resnet(network))
    >>> folded.spec.shared, folded.spec.steps == network.spec.steps
    (True, True)
    """
    areas, connections = _fold_graph(resnet)
    head = resnet.norm
    learned = any(norm.affine for block in _blocks(resnet) for norm in _norms(block))
    spec = NetworkSpec(
        name=name,
        graph=Graph(areas, connections),
        steps=len(resnet.blocks) + 1,
        shared=any(c.weights is not None for c in connections),
        bias=resnet.stem.bias is not None,
        norm=Norm(affine="step" if learned else "none", momentum=head.momentum or 0.0, eps=head.eps),
        pre_net=PreNet(1, resnet.stem.kernel_size[0]),
        post_net=PostNet(resnet.linear.out_features, head.affine),
        preprocessing=preprocessing or Preprocessing(),
    )
    network = RecurrentNetwork(spec).to(resnet.linear.weight.device, resnet.linear.weight.dtype)
    _check_same_layers(resnet, to_resnet(network))
    _copy_layers(resnet, network)
    return network.train(resnet.training)


def _copy_layers(resnet: ResNet, network: RecurrentNetwork) -> None:
    network.pre_net.first.load_state_dict(resnet.stem.state_dict())
    network.post_net.linear.load_state_dict(resnet.linear.state_dict())
    _copy_norm(resnet.norm, network.post_net.norm, network.spec.steps - 1, network.post_net.norm.affine)
    for step, block in enumerate(_blocks(resnet), start=1):
        c = next(c for c in network.spec.graph.connections if c.is_active(step))
        module = network.connections[c.name]
        for key, convolution in zip(_keys(network, c, step), _convolutions(block), strict=True):
            network.kernels[key].load_state_dict(convolution.state_dict())
        first, *second = _norms(block)
        _copy_norm(first, network.norms[c.source], step - 1, module.affine)  # type: ignore[arg-type]
        for norm in second:
            _copy_norm(norm, module.middle, step, module.middle.affine)  # type: ignore[arg-type, union-attr]


def _copy_norm(plain: nn.BatchNorm2d, norm: TimeBatchNorm, step: int, affine: TimeAffine | None) -> None:
    with torch.no_grad():
        for rows, values in (
            (norm.running_mean, plain.running_mean),
            (norm.running_var, plain.running_var),
            (norm.batches, plain.num_batches_tracked),
        ):
            rows[step] = values  # type: ignore[assignment]
        if affine is not None:
            row = min(step, len(affine.scale) - 1)
            affine.scale[row], affine.shift[row] = plain.weight, plain.bias


def _check_same_layers(resnet: ResNet, rebuilt: ResNet) -> None:
    """Raise if folding and unrolling would change a layer, in whatever way: torch describes layers in full."""
    for (name, layer), (_, other) in zip(_layers(resnet), _layers(rebuilt), strict=True):
        if layer != other:
            raise SpecificationError(f"{name}: {layer} has no counterpart; the recurrent network would have {other}")


def _layers(resnet: ResNet) -> list[tuple[str, str]]:
    blocks = [
        (f"blocks.{number}", ", ".join(map(repr, (*_norms(block), *_convolutions(block)))))
        for number, block in enumerate(_blocks(resnet))
    ]
    return [("stem", repr(resnet.stem)), *blocks, ("norm", repr(resnet.norm)), ("linear", repr(resnet.linear))]


def _blocks(resnet: ResNet) -> list[Block]:
    return list(resnet.blocks)  # type: ignore[arg-type]


def _convolutions(block: Block) -> list[nn.Conv2d]:
    return list(block.convolutions)  # type: ignore[arg-type]


def _norms(block: Block) -> list[nn.BatchNorm2d]:
    return list(block.norms)  # type: ignore[arg-type]


def _fold_graph(resnet: ResNet) -> tuple[tuple[Area, ...], tuple[Connection, ...]]:
    """Find the states and transitions of a residual network."""
    stride = resnet.stem.stride[0]
    areas = [Area("state1", resnet.stem.out_channels, stride)]
    connections: list[Connection] = []
    tied, numbers = _any_tied(resnet), dict[tuple[int, int], str]()
    for identity, run in groupby(enumerate(_blocks(resnet), start=1), key=lambda item: item[1].identity):
        # A run without identity is one transition a block; a run with it is one transition, iterated.
        members = list(run)
        for group in [members] if identity else [[member] for member in members]:
            block = group[0][1]
            source, convolutions = areas[-1].name, _convolutions(block)
            if not identity:
                stride *= convolutions[0].stride[0]
                areas.append(Area(f"state{len(areas) + 1}", convolutions[-1].out_channels, stride))
            connections.append(
                Connection(
                    source,
                    areas[-1].name,
                    f"BRC{'x2' * (len(convolutions) == 2)}{'+Id' * identity}",
                    steps=tuple(step for step, _ in group),
                    kernel=convolutions[0].kernel_size[0],
                    weights=_weight_names([b for _, b in group], numbers) if tied else None,
                )
            )
    return tuple(areas), tuple(connections)


def _identity(convolution: nn.Conv2d) -> tuple[int, int]:
    return id(convolution.weight), id(convolution.bias)


def _any_tied(resnet: ResNet) -> bool:
    weights = [_identity(convolution) for block in _blocks(resnet) for convolution in _convolutions(block)]
    return len(set(weights)) < len(weights)


def _weight_names(blocks: Sequence[Block], numbers: dict[tuple[int, int], str]) -> tuple[str, ...]:
    groups = {tuple(map(_identity, _convolutions(block))) for block in blocks}
    if len(groups) > 1:
        raise SpecificationError("only some blocks of a state share weights: neither recurrent nor its untied twin")
    return tuple(numbers.setdefault(key, f"conv{len(numbers)}") for key in groups.pop())


@dataclass(frozen=True)
class Equivalence:
    """How far a recurrent network and the residual network made from it are apart, in float64.

    Parameters
    ----------
    states : tuple of (str, int, float)
        Area, step and largest absolute difference between the state and the block's output.
    scores : float
        Largest absolute difference between the scores.
    scale : float
        Largest absolute value of any state, to read the differences against.
    parameters : tuple of int
        Parameters of the recurrent and of the residual network, shared ones counted once.
    """

    states: tuple[tuple[str, int, float], ...]
    scores: float
    scale: float
    parameters: tuple[int, int]

    def __str__(self) -> str:
        """Write a table."""
        lines = [f"{area} at step {step}: {difference:.1e}" for area, step, difference in self.states]
        lines += [f"scores: {self.scores:.1e}   (states reach {self.scale:.3g})"]
        return "\n".join([*lines, f"parameters: recurrent {self.parameters[0]:,}, residual {self.parameters[1]:,}"])


def show_equivalence(network: RecurrentNetwork, pictures: Tensor) -> Equivalence:
    """Run a recurrent network and the residual network made from it on the same pictures.

    Parameters
    ----------
    network : RecurrentNetwork
        As for :func:`to_resnet`; left unchanged.
    pictures : torch.Tensor, (batch, 3, y, x)
        Your own pictures, preprocessed.

    Returns
    -------
    Equivalence
        Largest differences, state by state, computed in float64 and evaluation mode.

    Examples
    --------
    >>> import torch
    >>> import ventralrnn
    >>> from ventralrnn.networks import show_equivalence
    >>> network = ventralrnn.load_model("resnet-2state")
    >>> found = show_equivalence(network, torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    >>> found.scores < 1e-9, found.parameters
    (True, (187210, 187210))
    """
    recurrent = copy.deepcopy(network).double().eval()
    resnet = to_resnet(recurrent)
    steps = _chain(recurrent)
    outputs: list[Tensor] = []
    hooks = [block.register_forward_hook(lambda m, i, o: outputs.append(o)) for block in resnet.blocks]
    with torch.no_grad():
        pictures = pictures.double()
        states = recurrent.states(pictures)
        difference = (recurrent(pictures) - resnet(pictures)).abs().max()
    for hook in hooks:
        hook.remove()
    pairs = [(c.target, step, states[c.target][step], y) for (c, step), y in zip(steps, outputs, strict=True)]
    return Equivalence(
        states=tuple((area, step, float((h - y).abs().max())) for area, step, h, y in pairs),  # type: ignore[operator]
        scores=float(difference),
        scale=max(float(y.abs().max()) for y in outputs),
        parameters=tuple(sum(p.numel() for p in m.parameters()) for m in (recurrent, resnet)),  # type: ignore[arg-type]
    )
