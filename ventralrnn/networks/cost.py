"""What a network costs: parameters and multiply-adds, counted from its specification without torch."""

from collections.abc import Iterable

from ventralrnn.networks.kernels import KernelShape, list_kernels
from ventralrnn.networks.plan import make_plan
from ventralrnn.networks.spec import NetworkSpec


def count_parameters(spec: NetworkSpec) -> int:
    """Count trained parameters, shared ones once.

    Parameters
    ----------
    spec : NetworkSpec
        The network.

    Returns
    -------
    int
        Number of parameters; running statistics are not parameters.

    Examples
    --------
    >>> from ventralrnn.networks import count_parameters
    >>> from ventralrnn.zoo import model_spec
    >>> count_parameters(model_spec("resnet-2state")), count_parameters(model_spec("resnet-2state-unshared"))
    (187210, 778058)
    """
    width, last = spec.graph.area(spec.graph.input).channels, spec.graph.area(spec.graph.readout).channels
    pre_net = [KernelShape("conv", 3, width, spec.pre_net.kernel)]
    pre_net += [KernelShape("conv", width, width, 3)] * (spec.pre_net.layers - 1)
    kernels = [*pre_net, *list_kernels(spec).values()]
    total = sum(k.inputs * k.outputs * k.size**2 + k.outputs * spec.bias for k in kernels)
    total += (last + 1) * spec.post_net.classes + 2 * last * spec.post_net.affine
    # Every transition scales and shifts the input of each of its convolutions.
    rows = {"none": 0, "shared": 1, "step": spec.steps}[spec.norm.affine]
    normalised = sum(i for c in spec.graph.connections if c.parsed.norm for i, _ in spec.graph.widths(c))
    return total + 2 * rows * normalised


def count_multiply_adds(spec: NetworkSpec, readouts: Iterable[int] | None = None) -> int:
    """Count the multiply-adds of the convolutions (and the last linear layer) for one picture.

    Parameters
    ----------
    spec : NetworkSpec
        The network.
    readouts : iterable of int, optional
        Readout times; those of the specification by default. Work that can influence none of them is not counted, as
        it is not done.

    Returns
    -------
    int
        Multiply-adds for one picture.

    Examples
    --------
    >>> from ventralrnn.networks import count_multiply_adds
    >>> from ventralrnn.zoo import model_spec
    >>> count_multiply_adds(model_spec("ventral")), count_multiply_adds(model_spec("ventral"), readouts=[4])
    (112761088, 35095808)
    """
    graph = spec.graph
    steps = spec.readout_steps if readouts is None else tuple(readouts)
    plan = make_plan(spec.dependence, [(graph.readout, step) for step in steps])
    # A picture that stays on goes through the pre-net once.
    total = _pre_net_multiply_adds(spec) * bool(plan.enters)
    total += len(steps) * graph.area(graph.readout).channels * spec.post_net.classes
    per_arrival = {c.name: _transition_multiply_adds(spec, c.name) for c in graph.connections}
    return total + sum(per_arrival[name] for name, _ in plan.arrivals)


def _pre_net_multiply_adds(spec: NetworkSpec) -> int:
    area, layers = spec.graph.area(spec.graph.input), spec.pre_net.layers
    coarse, fine = spec.size(area.name) ** 2, spec.preprocessing.size**2
    positions = [fine if spec.pre_net.downsample == "last" and n < layers - 1 else coarse for n in range(layers)]
    weights = [3 * area.channels * spec.pre_net.kernel**2] + [9 * area.channels**2] * (layers - 1)
    return sum(p * w for p, w in zip(positions, weights, strict=True))


def _transition_multiply_adds(spec: NetworkSpec, name: str) -> int:
    graph = spec.graph
    c = graph.connection(name)
    source, target = spec.size(c.source) ** 2, spec.size(c.target) ** 2
    # A strided deconvolution, and a 1x1 convolution before resizing, work at the source's resolution.
    at_source = c.upsample == "deconv" or c.kernel == 1
    last = source if graph.up(c) > 1 and at_source else target
    first = target if graph.down(c) > 1 else source
    positions = (last,) if c.parsed.repeats == 1 else (first, last)
    return sum(p * i * o * c.kernel**2 for p, (i, o) in zip(positions, graph.widths(c), strict=True))
