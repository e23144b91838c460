"""The networks of Liao & Poggio (2016), as far as they could be reconstructed.

What is certain is the equivalence of weight-shared residual and recurrent networks. Widths, iterations and the
transitions of the fully recurrent networks are our reconstruction; they give the parameter counts that the paper's
figures imply.
"""

from ventralrnn.graph import Area, Clock, Connection, Graph
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.networks.spec import NetworkSpec
from ventralrnn.zoo.registry import register

_CIFAR = Preprocessing(size=32, mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616))
_CLOCK = Clock(
    ms_per_step=10.0,
    source="Liao & Poggio 2016: activity takes of the order of 10 ms to pass between areas; no onsets are claimed",
)
_WIDTH = 64
_REFERENCE = "Liao & Poggio 2016, arXiv 1604.03640 (our reconstruction)"


def _resnet(name: str, iterations: tuple[int, ...], shared: bool = True, one_kernel: bool = False) -> NetworkSpec:
    """Return states in sequence, each iterated, as a graph whose connections are active one after another."""
    group = ("all",) if one_kernel else None
    areas, connections, step = [], [], 1
    for number, count in enumerate(iterations, start=1):
        areas.append(Area(f"state{number}", _WIDTH, 2 ** (number - 1)))
        state = areas[-1].name
        if number > 1:
            connections.append(Connection(areas[-2].name, state, "BRC", steps=(step,), weights=group))
            step += 1
        active = tuple(range(step, step + count))
        both = group * 2 if group else None
        connections.append(Connection(state, state, "BRCx2+Id", steps=active, weights=both))
        step += count
    graph = Graph(tuple(areas), tuple(connections))
    return NetworkSpec(name, graph, step, shared=shared, clock=_CLOCK, preprocessing=_CIFAR, reference=_REFERENCE)


def _recurrent(name: str, states: int, steps: int = 10, reach: int | None = None) -> NetworkSpec:
    """Return states connected in both directions: all with all, or only those at most ``reach`` levels apart."""
    areas = [Area(f"state{n + 1}", _WIDTH, 2**n) for n in range(states)]
    connections = []
    for i, source in enumerate(areas):
        for j, target in enumerate(areas):
            if reach is not None and abs(i - j) > reach:
                continue
            transition = "BRCx2+Id" if i == j else "BRC" if i < j else "BRD"
            # Kernels are 3x3, but wide enough that a deconvolution by 4 or 8 reaches every position.
            factor = 2 ** max(0, i - j)
            kernel = 3 if factor <= 3 else factor + 1
            connections.append(Connection(source.name, target.name, transition, kernel=kernel))
    graph = Graph(tuple(areas), tuple(connections))
    return NetworkSpec(name, graph, steps, clock=_CLOCK, preprocessing=_CIFAR, reference=_REFERENCE)


@register
def resnet_1state() -> NetworkSpec:
    """Residual network of one state, 10 iterations, weights shared: a recurrent network with one state.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _resnet("resnet-1state", (10,))


@register
def resnet_1state_unshared() -> NetworkSpec:
    """Untied twin of resnet-1state: an ordinary residual network.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _resnet("resnet-1state-unshared", (10,), shared=False)


@register
def resnet_2state() -> NetworkSpec:
    """Residual network of two states, 5 + 5 iterations, weights shared within a state.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _resnet("resnet-2state", (5, 5))


@register
def resnet_2state_unshared() -> NetworkSpec:
    """Untied twin of resnet-2state.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _resnet("resnet-2state-unshared", (5, 5), shared=False)


@register
def resnet_3state() -> NetworkSpec:
    """Residual network of three states, 3 + 3 + 4 iterations, weights shared within a state.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _resnet("resnet-3state", (3, 3, 4))


@register
def resnet_3state_unshared() -> NetworkSpec:
    """Untied twin of resnet-3state.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _resnet("resnet-3state-unshared", (3, 3, 4), shared=False)


@register
def resnet_3state_oneconv() -> NetworkSpec:
    """Three states like resnet-3state, with a single convolution shared by all layers, over time and states.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _resnet("resnet-3state-oneconv", (3, 3, 4), one_kernel=True)


@register
def recurrent_2state() -> NetworkSpec:
    """Fully recurrent network of two states: self-transitions with identity, feedforward and feedback.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _recurrent("recurrent-2state", 2)


@register
def recurrent_3state() -> NetworkSpec:
    """Fully recurrent network of three states, all connected with all.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _recurrent("recurrent-3state", 3)


@register
def recurrent_4state() -> NetworkSpec:
    """Fully recurrent network of four states, all connected with all.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _recurrent("recurrent-4state", 4)


@register
def recurrent_3state_adjacent() -> NetworkSpec:
    """Recurrent network of three states, in which only neighbours are connected.

    Clock: 10 ms a step from stimulus onset, the order that Liao & Poggio (2016) give for the way between areas.
    """
    return _recurrent("recurrent-3state-adjacent", 3, reach=1)
