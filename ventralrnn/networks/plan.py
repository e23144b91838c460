"""Which work a run does: nothing that can influence nothing that was asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

from ventralrnn.errors import GraphError
from ventralrnn.graph.dependence import Arrival, Dependence, State


@dataclass(frozen=True)
class Plan:
    """The work of one run.

    Parameters
    ----------
    steps : int
        Number of steps to run.
    states : frozenset of (str, int)
        States to compute, as (area, step).
    arrivals : frozenset of (str, int)
        Connections to run, as (connection, step of the target).
    enters : frozenset of int
        Steps at which the picture is used.
    """

    steps: int
    states: frozenset[State]
    arrivals: frozenset[Arrival]
    enters: frozenset[int]


def make_plan(dependence: Dependence, states: Iterable[State], arrivals: Iterable[Arrival] = ()) -> Plan:
    """Find the work that what is asked for needs.

    Parameters
    ----------
    dependence : Dependence
        What depends on what.
    states : iterable of (str, int)
        States asked for; those that the input does not reach are left out.
    arrivals : iterable of (str, int)
        Currents asked for; those that deliver nothing are left out.

    Returns
    -------
    Plan
        The least work that gives them all.
    """
    graph = dependence.graph
    wanted = [state for state in states if dependence.is_reached(*state)]
    extra: set[Arrival] = set()
    for name, step in arrivals:
        connection = graph.connection(name)
        if connection in dependence.terms(connection.target, step):
            extra.add((name, step))
            wanted.append((connection.source, step - connection.delay))
    live = dependence.live(wanted)
    needed = dependence.live_arrivals(wanted) | extra
    steps = 1 + max((step for _, step in [*live, *needed]), default=-1)
    enters = frozenset(step for area, step in live if dependence.enters(area, step))
    return Plan(steps, live, needed, enters)


def check_readouts(dependence: Dependence, steps: Iterable[int]) -> None:
    """Raise a GraphError that says why, if the readout area holds no state at one of ``steps``."""
    for step in steps:
        if not dependence.is_reached(dependence.graph.readout, step):
            raise GraphError("nothing to read out: " + dependence.why_unreached(dependence.graph.readout, step))
