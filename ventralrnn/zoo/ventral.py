"""Models of the primate ventral stream: V1, V2, V4, IT."""

from dataclasses import replace

from ventralrnn.graph import Area, Clock, Connection, Graph
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.networks.spec import NetworkSpec, PostNet, PreNet
from ventralrnn.zoo.registry import register

# One step climbs one area, so that 10 ms a step and these onsets agree. The onsets are the middles of the ranges that
# Thorpe & Fabre-Thorpe give for feedforward latencies in the macaque; IT is their posterior IT.
CLOCK = Clock(
    ms_per_step=10.0,
    onset_ms={"V1": 50.0, "V2": 60.0, "V4": 70.0, "IT": 80.0},
    source="Thorpe & Fabre-Thorpe 2001, Science 291:260: V1 40-60, V2 50-70, V4 60-80, posterior IT 70-90 ms",
)
_CIFAR = Preprocessing(size=32, mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616), degrees=8.0)
_IMAGENET = Preprocessing(size=224, crop=0.875, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), degrees=8.0)
_REFERENCE = "after Liao & Poggio 2016, arXiv 1604.03640"


def _ventral_graph(channels: tuple[int, ...], strides: tuple[int, ...]) -> Graph:
    """Return V1, V2, V4, IT with lateral, feedforward, bypass and feedback connections."""
    names = ("V1", "V2", "V4", "IT")
    areas = tuple(Area(*area) for area in zip(names, channels, strides, strict=True))
    lateral = [Connection(name, name, "BRCx2+Id") for name in names]
    feedforward = [Connection(a, b, "BRC") for a, b in zip(names, names[1:], strict=False)]
    # A bypass takes the two steps of the way it shortens: it adds a path, not an earlier response.
    bypass = [Connection(a, b, "BRC", delay=2) for a, b in zip(names, names[2:], strict=False)]
    feedback = [Connection(b, a, "BRD", kernel=1, upsample="resize") for a, b in zip(names, names[1:], strict=False)]
    return Graph(areas, (*lateral, *feedforward, *bypass, *feedback))


def _without(graph: Graph, *roles: str) -> Graph:
    return replace(graph, connections=tuple(c for c in graph.connections if graph.role(c) not in roles))


def _spec(name: str, graph: Graph) -> NetworkSpec:
    return NetworkSpec(
        name,
        graph,
        steps=8,
        # From the first step at which IT holds a state: so that it answers as early as it can, and then better.
        readouts=(3, 4, 5, 6, 7),
        input_steps=None,
        # Two layers, as from retina to V1: the first at the picture's resolution.
        pre_net=PreNet(layers=2, downsample="last", whiten=True),
        clock=CLOCK,
        preprocessing=_CIFAR,
        reference=_REFERENCE,
    )


_GRAPH = ((32, 64, 128, 128), (2, 4, 8, 8))


@register
def ventral() -> NetworkSpec:
    """V1, V2, V4 and IT with lateral, feedforward, bypass and feedback connections, for pictures of 32 pixels.

    The picture stays on, as for an animal. A step is 10 ms; onsets of 50, 60, 70 and 80 ms are the middles of the
    ranges in Thorpe & Fabre-Thorpe (2001), Science 291:260. The conjecture that such moderately deep recurrent
    networks model the ventral stream is Liao & Poggio's (2016); areas, widths and connections are ours.
    """
    return _spec("ventral", _ventral_graph(*_GRAPH))


@register
def ventral_feedforward() -> NetworkSpec:
    """Control for ventral: its feedforward and bypass connections only.

    Clock as there: 10 ms a step, onsets after Thorpe & Fabre-Thorpe (2001), Science 291:260.
    """
    return _spec("ventral-feedforward", _without(_ventral_graph(*_GRAPH), "lateral", "feedback"))


@register
def ventral_lateral() -> NetworkSpec:
    """Control for ventral: without feedback.

    Clock as there: 10 ms a step, onsets after Thorpe & Fabre-Thorpe (2001), Science 291:260.
    """
    return _spec("ventral-lateral", _without(_ventral_graph(*_GRAPH), "feedback"))


@register
def ventral_imagenet() -> NetworkSpec:
    """Ventral stream for pictures of 224 pixels and 1,000 classes, maps of 56 to 7 positions a side.

    Connections and clock as in ventral: 10 ms a step, onsets after Thorpe & Fabre-Thorpe (2001), Science 291:260.
    """
    spec = _spec("ventral-imagenet", _ventral_graph((64, 128, 256, 512), (4, 8, 16, 32)))
    return replace(spec, preprocessing=_IMAGENET, pre_net=PreNet(kernel=7), post_net=PostNet(classes=1000))
