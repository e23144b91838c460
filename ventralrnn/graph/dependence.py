"""What depends on what, when: which states the input has reached, and which work can still matter."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ventralrnn.errors import GraphError
from ventralrnn.graph.areas import Connection
from ventralrnn.graph.cuts import Cut
from ventralrnn.graph.graph import Graph

State = tuple[str, int]  # (area, step)
Arrival = tuple[str, int]  # (connection, step of its target)


@dataclass(frozen=True)
class Path:
    """One way from the picture to a state.

    Parameters
    ----------
    input_step : int
        Step at which the picture entered.
    arrivals : tuple of (str, int)
        Connections taken, each with the step at which it arrived.

    Examples
    --------
    >>> from ventralrnn.graph import Path
    >>> print(Path(input_step=0, arrivals=(("V1-V2", 1), ("V2-V4", 2))))
    input@0 V1-V2@1 V2-V4@2
    """

    input_step: int
    arrivals: tuple[Arrival, ...]

    def __str__(self) -> str:
        """Write the path as ``input@0 V1-V2@1 V2-V4@2``."""
        return " ".join([f"input@{self.input_step}", *(f"{name}@{step}" for name, step in self.arrivals)])


class Dependence:
    """A graph unrolled in time, without any weights.

    A state is *reached* at a step if the picture enters there, or if an active connection leads there from a state
    that was reached. States that are not reached do not exist: they are never computed and never zero.

    Parameters
    ----------
    graph : Graph
        Areas and connections.
    steps : int
        Number of time steps; steps run from 0 to ``steps - 1``.
    input_steps : collection of int
        Steps at which the picture enters the input area.
    cuts : iterable of Cut
        Connections that deliver nothing at some steps.

    Raises
    ------
    GraphError
        If a cut names no connection of the graph.

    Examples
    --------
    >>> from ventralrnn.graph import Area, Connection, Dependence, Graph
    >>> graph = Graph((Area("V1", 8), Area("IT", 8)), (Connection("V1", "IT"), Connection("IT", "V1")))
    >>> unrolled = Dependence(graph, steps=4, input_steps=[0])
    >>> {area: unrolled.reached_steps(area) for area in graph.names}
    {'V1': (0, 2), 'IT': (1, 3)}
    >>> print(unrolled.why_unreached("IT", 0))
    IT at step 0 is not reached by the input; it is at 1, 3 (connections into it: V1-IT)
    """

    def __init__(self, graph: Graph, steps: int, input_steps: Collection[int], cuts: Iterable[Cut] = ()) -> None:
        self.graph = graph
        self.steps = steps
        self.input_steps = frozenset(s for s in input_steps if 0 <= s < steps)
        self.cuts = tuple(cuts)
        for cut in self.cuts:
            graph.connection(cut.connection)

    @cached_property
    def _terms(self) -> dict[State, tuple[Connection, ...]]:
        """For every reached state, the connections that contribute to it."""
        reached: dict[State, tuple[Connection, ...]] = {}
        for step in range(self.steps):
            for area in self.graph.order:
                terms = tuple(
                    c
                    for c in self.graph.incoming[area]
                    if c.is_active(step)
                    and (c.source, step - c.delay) in reached
                    and not any(cut.removes(c.name, step) for cut in self.cuts)
                )
                if terms or self.enters(area, step):
                    reached[area, step] = terms
        return reached

    def enters(self, area: str, step: int) -> bool:
        """Whether the picture enters ``area`` at ``step``."""
        return area == self.graph.input and step in self.input_steps

    def is_reached(self, area: str, step: int) -> bool:
        """Whether the input has reached ``area`` by ``step`` along connections active in time."""
        return (area, step) in self._terms

    def terms(self, area: str, step: int) -> tuple[Connection, ...]:
        """Return the connections that contribute to a state (none if it is not reached)."""
        return self._terms.get((area, step), ())

    def reached_steps(self, area: str) -> tuple[int, ...]:
        """Return the steps at which ``area`` holds a state."""
        return tuple(step for step in range(self.steps) if self.is_reached(area, step))

    def first_step(self, area: str) -> int | None:
        """Return the first step at which the input has reached ``area``; None if it never does."""
        return next(iter(self.reached_steps(area)), None)

    def count_paths(self, area: str, step: int) -> int:
        """Return the number of paths from the picture to a state."""
        return self._path_counts.get((area, step), 0)

    @cached_property
    def _path_counts(self) -> dict[State, int]:
        counts: dict[State, int] = {}
        for (area, step), terms in self._terms.items():
            counts[area, step] = int(self.enters(area, step)) + sum(counts[c.source, step - c.delay] for c in terms)
        return counts

    def paths(self, area: str, step: int) -> Iterator[Path]:
        """Yield every path from the picture to a state; their number can grow exponentially with the step."""
        if self.enters(area, step):
            yield Path(step, ())
        for c in self.terms(area, step):
            for path in self.paths(c.source, step - c.delay):
                yield Path(path.input_step, (*path.arrivals, (c.name, step)))

    def live(self, states: Iterable[State]) -> frozenset[State]:
        """Return everything that can influence any of some states.

        Parameters
        ----------
        states : iterable of (str, int)
            The (area, step) pairs asked for, for example the readout area at its readout times.

        Returns
        -------
        frozenset
            Live states as (area, step). See :meth:`live_arrivals` for the connections.

        Raises
        ------
        GraphError
            If a state asked for is not reached.
        """
        queue = list(states)
        for area, step in queue:
            if not self.is_reached(area, step):
                raise GraphError(self.why_unreached(area, step))
        seen: set[State] = set()
        while queue:
            state = queue.pop()
            if state not in seen:
                seen.add(state)
                queue.extend((c.source, state[1] - c.delay) for c in self._terms[state])
        return frozenset(seen)

    def live_arrivals(self, states: Iterable[State]) -> frozenset[Arrival]:
        """Return the (connection, step) pairs that can influence any of some states.

        Parameters
        ----------
        states : iterable of (str, int)
            The (area, step) pairs asked for.

        Returns
        -------
        frozenset of (str, int)
            Connection and the step at which it arrives.
        """
        return frozenset((c.name, step) for area, step in self.live(states) for c in self._terms[area, step])

    def why_unreached(self, area: str, step: int) -> str:
        """Say why a state does not exist, and at which steps the area does hold one."""
        self.graph.area(area)
        if not 0 <= step < self.steps:
            return f"{area} at step {step}: the run has steps 0 to {self.steps - 1}"
        there = ", ".join(map(str, self.reached_steps(area))) or "no step"
        into = ", ".join(c.name for c in self.graph.incoming[area]) or "no connection"
        return f"{area} at step {step} is not reached by the input; it is at {there} (connections into it: {into})"
