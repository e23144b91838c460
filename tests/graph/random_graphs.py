"""Random graphs, and what depends on what in them, found without the package's own walk."""

from dataclasses import dataclass

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from ventralrnn.graph import Area, Connection, Cut, Graph

# Machines that run tests are busy; how long an example takes says nothing there.
settings.register_profile("ventralrnn", deadline=None)
settings.load_profile("ventralrnn")


def _transition(draw: st.DrawFn, source: Area, target: Area) -> str:
    letters = draw(st.sampled_from(["", "B", "R", "BR"]))
    kind = "D" if target.stride < source.stride else "C"
    if target.stride == source.stride:
        kind = draw(st.sampled_from("CD"))
    identity = target.stride == source.stride and target.channels == source.channels and draw(st.booleans())
    return letters + kind + draw(st.sampled_from(["", "x2"])) + "+Id" * identity


@st.composite
def graphs(draw: st.DrawFn, most_areas: int = 4, most_connections: int = 8) -> Graph:
    """Draw a graph of any topology: parallel connections, delays of 0 to 3, connections active at some steps only."""
    number = draw(st.integers(1, most_areas))
    strides = sorted(draw(st.lists(st.sampled_from([1, 2, 4]), min_size=number, max_size=number)))
    areas = tuple(Area(f"A{i}", draw(st.integers(1, 3)), stride) for i, stride in enumerate(strides))
    # Within a step, activity runs along a random order, so that no cycle is without delay.
    rank = draw(st.permutations(range(number)))
    connections = []
    for k in range(draw(st.integers(0, most_connections))):
        i, j = draw(st.integers(0, number - 1)), draw(st.integers(0, number - 1))
        connections.append(
            Connection(
                areas[i].name,
                areas[j].name,
                _transition(draw, areas[i], areas[j]),
                delay=draw(st.integers(0 if rank[i] < rank[j] else 1, 3)),
                steps=draw(st.none() | st.frozensets(st.integers(0, 6), min_size=1).map(tuple)),
                kernel=draw(st.sampled_from([5, 7])),
                upsample=draw(st.sampled_from(["deconv", "resize"])),
                name=f"c{k}",
            )
        )
    entry = draw(st.sampled_from(areas)).name
    reached = {entry}
    for _ in areas:
        reached |= {c.target for c in connections if c.source in reached}
    return Graph(areas, tuple(connections), entry, draw(st.sampled_from(sorted(reached))))


@st.composite
def cuts(draw: st.DrawFn, graph: Graph, steps: int) -> tuple[Cut, ...]:
    """Draw cuts of a few of a graph's connections, at some steps or at all."""
    if not graph.connections:
        return ()
    names = draw(st.lists(st.sampled_from([c.name for c in graph.connections]), max_size=2))
    chosen = st.none() | st.frozensets(st.integers(0, steps - 1), min_size=1).map(lambda s: tuple(sorted(s)))
    return tuple(Cut(name, draw(chosen)) for name in names)


@dataclass
class Unrolled:
    """A graph unrolled into one dense matrix: every (area, step) is a node, every arrival an entry.

    The powers of the matrix count walks of every length; the matrix is nilpotent, so their sum is finite.
    """

    graph: Graph
    steps: int
    input_steps: tuple[int, ...]
    cuts: tuple[Cut, ...] = ()

    def __post_init__(self) -> None:
        self.nodes = [(name, step) for step in range(self.steps) for name in self.graph.names]
        index = {node: i for i, node in enumerate(self.nodes)}
        self.edges = []  # (connection, step of arrival, node it leaves, node it reaches)
        matrix = np.zeros((len(self.nodes), len(self.nodes)), dtype=np.int64)
        for c in self.graph.connections:
            for step in range(max(0, c.delay), self.steps):
                removed = any(u.connection == c.name and (u.steps is None or step in u.steps) for u in self.cuts)
                if (c.steps is None or step in c.steps) and not removed:
                    source, target = index[c.source, step - c.delay], index[c.target, step]
                    matrix[source, target] += 1
                    self.edges.append((c.name, step, source, target))
        walks = power = np.eye(len(self.nodes), dtype=np.int64)
        while power.any():
            power = power @ matrix
            walks = walks + power
        entry = np.array([area == self.graph.input and step in self.input_steps for area, step in self.nodes])
        self.counts = entry @ walks
        self.leads_to = walks > 0

    def live(self, wanted: list[tuple[str, int]]) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
        """Return the states and arrivals that lie on a path from the picture to a wanted state."""
        ends = [self.nodes.index(state) for state in wanted]
        useful = (self.counts > 0) & self.leads_to[:, ends].any(1)
        states = {node for node, is_useful in zip(self.nodes, useful, strict=True) if is_useful}
        arrivals = {(name, step) for name, step, source, target in self.edges if useful[source] and useful[target]}
        return states, arrivals

    def paths(self, wanted: tuple[str, int]) -> set[tuple[int, tuple[tuple[str, int], ...]]]:
        """Return every path to a state as (input step, arrivals), grown forwards from the picture."""
        growing = {
            (i, step, ())
            for i, (area, step) in enumerate(self.nodes)
            if area == self.graph.input and step in self.input_steps
        }
        found = set()
        while growing:
            found |= {(start, arrivals) for i, start, arrivals in growing if self.nodes[i] == wanted}
            growing = {
                (target, start, (*arrivals, (name, step)))
                for i, start, arrivals in growing
                for name, step, source, target in self.edges
                if source == i
            }
        return found
