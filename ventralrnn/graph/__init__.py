"""Areas, connections and time as plain data: what a network is, before any weight exists.

Liao & Poggio (2016) describe a recurrent network as a directed cyclic graph of states. Here a state is an
:class:`Area`, an edge a :class:`Connection`, the whole a :class:`Graph`; :class:`Dependence` says what depends on
what, and when.
"""

from ventralrnn.graph.areas import Area, Connection, Transition
from ventralrnn.graph.clock import Clock
from ventralrnn.graph.cuts import Cut
from ventralrnn.graph.dependence import Dependence, Path
from ventralrnn.graph.graph import Graph
from ventralrnn.graph.matrix import TransitionMatrix
from ventralrnn.graph.serialise import from_plain, read_plain, to_plain, write_plain
from ventralrnn.graph.steps import format_steps, parse_steps

__all__ = [
    "Area",
    "Clock",
    "Connection",
    "Cut",
    "Dependence",
    "Graph",
    "Path",
    "Transition",
    "TransitionMatrix",
    "format_steps",
    "from_plain",
    "parse_steps",
    "read_plain",
    "to_plain",
    "write_plain",
]
