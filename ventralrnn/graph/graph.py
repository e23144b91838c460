"""The graph of areas and connections, and the checks that make it one that can run."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from ventralrnn.errors import GraphError
from ventralrnn.graph.areas import Area, Connection
from ventralrnn.graph.matrix import TransitionMatrix


@dataclass(frozen=True)
class Graph:
    r"""Areas and the connections among them.

    Parameters
    ----------
    areas : tuple of Area
        From low to high: the order says what is feedforward and what is feedback.
    connections : tuple of Connection
        In any order.
    input : str
        Area that the picture enters, through the pre-net; the first by default.
    readout : str
        Area that the post-net reads; the last by default.

    Raises
    ------
    GraphError
        If an area is unknown, a cycle has no delay, strides do not fit or nothing reaches the readout; the message
        names the connection.

    Examples
    --------
    >>> from ventralrnn.graph import Area, Connection, Graph
    >>> graph = Graph(
    ...     areas=(Area("V1", channels=8), Area("IT", channels=16, stride=2)),
    ...     connections=(Connection("V1", "IT"), Connection("IT", "IT", "BRCx2+Id"), Connection("IT", "V1", "BRD")),
    ... )
    >>> print(graph.matrix())
    from \ to  V1   IT
    V1         .    BRC
    IT         BRD  BRCx2+Id
    >>> [graph.role(connection) for connection in graph.connections]
    ['feedforward', 'lateral', 'feedback']
    """

    areas: tuple[Area, ...]
    connections: tuple[Connection, ...]
    input: str = ""
    readout: str = ""

    def __post_init__(self) -> None:
        if not self.areas:
            raise GraphError("a graph needs at least one area")
        if not self.input:
            object.__setattr__(self, "input", self.areas[0].name)
        if not self.readout:
            object.__setattr__(self, "readout", self.areas[-1].name)
        self._check_names()
        for connection in self.connections:
            self._check_strides(connection)
        self._check_weight_groups()
        _ = self.order
        self._check_readout()

    # -- lookups -------------------------------------------------------------------------------------------------

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the areas, from low to high."""
        return tuple(area.name for area in self.areas)

    def area(self, name: str) -> Area:
        """Return the area called ``name``.

        Raises
        ------
        GraphError
            If there is none.
        """
        for area in self.areas:
            if area.name == name:
                return area
        raise GraphError(f"unknown area {name!r}; the graph has {', '.join(self.names)}")

    def connection(self, name: str) -> Connection:
        """Return the connection called ``name``.

        Raises
        ------
        GraphError
            If there is none.
        """
        for connection in self.connections:
            if connection.name == name:
                return connection
        known = ", ".join(c.name for c in self.connections)
        raise GraphError(f"unknown connection {name!r}; the graph has {known}")

    @cached_property
    def incoming(self) -> dict[str, tuple[Connection, ...]]:
        """Connections that end in each area."""
        return {a: tuple(c for c in self.connections if c.target == a) for a in self.names}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Areas in the order in which one step computes them: sources of zero-delay connections first."""
        immediate: dict[str, list[str]] = {name: [] for name in self.names}
        for connection in self.connections:
            if connection.delay == 0:
                immediate[connection.target].append(connection.source)
        try:
            return tuple(TopologicalSorter(immediate).static_order())
        except CycleError as error:
            cycle = error.args[1]
            links = [
                c.name
                for c in self.connections
                if c.delay == 0 and any((c.source, c.target) == pair for pair in zip(cycle, cycle[1:], strict=False))
            ]
            raise GraphError(
                f"connection {', '.join(links)}: a cycle without delay ({' -> '.join(cycle)}): "
                "give one of its connections a delay of 1 or more"
            ) from None

    def role(self, connection: Connection) -> Literal["lateral", "feedforward", "bypass", "feedback"]:
        """Return what a connection is in the hierarchy; a bypass is feedforward and leaves out an area."""
        levels = self.names.index(connection.target) - self.names.index(connection.source)
        if levels == 0:
            return "lateral"
        if levels < 0:
            return "feedback"
        return "feedforward" if levels == 1 else "bypass"

    def down(self, connection: Connection) -> int:
        """Factor by which a connection lowers the resolution (1 if it does not)."""
        return max(1, self.area(connection.target).stride // self.area(connection.source).stride)

    def up(self, connection: Connection) -> int:
        """Factor by which a connection raises the resolution (1 if it does not)."""
        return max(1, self.area(connection.source).stride // self.area(connection.target).stride)

    def widths(self, connection: Connection) -> tuple[tuple[int, int], ...]:
        """Input and output channels of each (de)convolution; the middle of a ``x2`` is the mean of its ends."""
        first, last = self.area(connection.source).channels, self.area(connection.target).channels
        if connection.parsed.repeats == 1:
            return ((first, last),)
        middle = (first + last) // 2
        return ((first, middle), (middle, last))

    # -- other views and variants -----------------------------------------------------------------------------------

    def matrix(self, steps: int | None = None) -> TransitionMatrix:
        """Return the transition matrix: two-dimensional, or with a third axis of ``steps`` steps."""
        return TransitionMatrix(self.names, self.connections, steps)

    def unroll(self, way: Literal["biological", "engineering"]) -> "Graph":
        """Return the graph with all feedforward (and bypass) delays set.

        Parameters
        ----------
        way : {'biological', 'engineering'}
            Delay 1, so that activity climbs one area a step (longer delays stay as they are); or 0, so that a step is
            a whole feedforward sweep.

        Returns
        -------
        Graph
            The same areas and connections, with those delays.
        """
        if way not in ("biological", "engineering"):
            raise GraphError(f"unrolling {way!r}: biological (feedforward delay 1) or engineering (0)")
        climbing = ("feedforward", "bypass")
        delays = {
            c: max(1, c.delay) if way == "biological" else 0 for c in self.connections if self.role(c) in climbing
        }
        return replace(self, connections=tuple(replace(c, delay=delays.get(c, c.delay)) for c in self.connections))

    # -- checks -----------------------------------------------------------------------------------------------------

    def _check_names(self) -> None:
        for what, names in (("area", self.names), ("connection", tuple(c.name for c in self.connections))):
            repeated = [name for name, count in Counter(names).items() if count > 1]
            if repeated:
                raise GraphError(f"{what} {repeated[0]} is there twice: give each a name of its own")
        for role, name in (("input", self.input), ("readout", self.readout)):
            if name not in self.names:
                raise GraphError(f"{role} area {name!r} is unknown; the graph has {', '.join(self.names)}")
        for connection in self.connections:
            if connection.name in self.names:
                raise GraphError(f"connection {connection.name}: has the name of an area: give it one of its own")
            for name in (connection.source, connection.target):
                if name not in self.names:
                    raise GraphError(
                        f"connection {connection.name}: unknown area {name!r}; the graph has {', '.join(self.names)}"
                    )

    def _check_strides(self, connection: Connection) -> None:
        source, target = self.area(connection.source), self.area(connection.target)
        transition, where = connection.parsed, f"connection {connection.name}"
        sizes = f"{source.name} has stride {source.stride}, {target.name} has {target.stride}"
        if max(source.stride, target.stride) % min(source.stride, target.stride):
            raise GraphError(f"{where}: strides do not fit: {sizes}; one must be a multiple of the other")
        if target.stride < source.stride and transition.kind == "conv":
            raise GraphError(f"{where}: a convolution cannot raise the resolution ({sizes}): use D in place of C")
        if target.stride > source.stride and transition.kind == "deconv":
            raise GraphError(f"{where}: a deconvolution cannot lower the resolution ({sizes}): use C in place of D")
        if transition.identity and (source.stride, source.channels) != (target.stride, target.channels):
            raise GraphError(f"{where}: +Id needs the same channels and stride at both ends; {sizes}")
        factor = self.up(connection)
        if connection.upsample == "deconv" and connection.kernel < factor:
            raise GraphError(
                f"{where}: a deconvolution by {factor} with kernel {connection.kernel} leaves positions that nothing "
                f"reaches: give kernel={factor + 1 - factor % 2} or upsample='resize'"
            )

    def _check_weight_groups(self) -> None:
        shapes: dict[str, tuple[tuple[object, ...], str]] = {}
        for connection in self.connections:
            for group, widths in zip(connection.weight_groups, self.widths(connection), strict=True):
                shape = (connection.parsed.kind, connection.kernel, *widths)
                known, owner = shapes.setdefault(group, (shape, connection.name))
                if known != shape:
                    raise GraphError(
                        f"connection {connection.name}: cannot share weights {group!r} with {owner}: {shape} against "
                        f"{known} (kind, kernel, input channels, output channels)"
                    )

    def _check_readout(self) -> None:
        reached = {self.input}
        while True:
            more = {c.target for c in self.connections if c.source in reached} - reached
            if not more:
                break
            reached |= more
        if self.readout not in reached:
            ends = [c.name for c in self.connections if c.target == self.readout]
            why = f"connection {', '.join(ends)} starts in areas without input" if ends else "no connection ends there"
            raise GraphError(f"nothing reaches the readout area {self.readout} from the input {self.input}: {why}")
