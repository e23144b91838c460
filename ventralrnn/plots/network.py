"""The network itself, from its graph: the transition matrix, and areas x time steps with every connection in between.

Draws a :class:`ventralrnn.graph.Graph`, a :class:`ventralrnn.networks.NetworkSpec` or a network that has one.
"""

from collections.abc import Collection
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle

from ventralrnn.errors import GraphError
from ventralrnn.graph import Connection, Dependence, Graph
from ventralrnn.graph.steps import format_steps
from ventralrnn.plots.style import ABSENT, area_colours, legend_below, styled, take_axes, unreached_patch

#: Colour and line of a connection by what it is in the hierarchy; the line tells it without the colour.
ROLES: dict[str, tuple[str, Any]] = {
    "feedforward": ("#000000", "-"),
    "lateral": ("#777777", "-"),
    "feedback": ("#882255", (0, (4, 1.5))),
    "bypass": ("#117733", (0, (1, 1))),
}
_RADIUS = 0.17


@styled
def plot_transition_matrix(network: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the transition matrix: what leads from each area (rows) to each area (columns).

    Parameters
    ----------
    network : Graph, NetworkSpec or RecurrentNetwork
        Whose connections are drawn.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        Each cell holds its transitions (``BRC`` is batch norm, ReLU, convolution), with delays other than 1 and, where
        a connection is not always active, the steps at which it is (``1:6`` ends at 5). Colours say what a connection
        is in the hierarchy.

    Raises
    ------
    GraphError
        If it is none of these.

    Examples
    --------
    >>> from ventralrnn.plots import plot_transition_matrix
    >>> from ventralrnn.zoo import model_spec
    >>> ax = plot_transition_matrix(model_spec("ventral"))
    """
    graph = _graph(network)
    count = len(graph.names)
    ax = take_axes(ax, height=14 + 11 * count)
    seen: list[str] = []
    for row, source in enumerate(graph.names):
        for column, target in enumerate(graph.names):
            cell = graph.matrix()[source, target]
            roles = [graph.role(c) for c in cell]
            seen += roles
            colour = ROLES[roles[0]][0] if roles else "white"
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, alpha=0.16 if roles else 1, lw=0))
            text = "\n".join(_label(c) for c in cell)
            ax.text(
                column, row, text, ha="center", va="center", fontsize=6, color="0.3" if colour == "#777777" else colour
            )
    for line in range(count + 1):
        ax.plot([-0.5, count - 0.5], [line - 0.5] * 2, color="0.8", lw=0.5)
        ax.plot([line - 0.5] * 2, [-0.5, count - 0.5], color="0.8", lw=0.5)
    ax.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5))
    ax.set_xticks(range(count), graph.names)
    ax.set_yticks(range(count), graph.names)
    ax.xaxis.set_ticks_position("top")
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="to", ylabel="from")
    handles = [Rectangle((0, 0), 1, 1, facecolor=c, alpha=0.5, label=r) for r, (c, _) in ROLES.items() if r in seen]
    legend_below(ax, handles, 2)
    return ax


@styled
def plot_unrolled(
    network: Any, steps: int | None = None, *, input_steps: Collection[int] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a network unrolled in time: a circle for every area and step, an arrow for every connection that acts.

    Parameters
    ----------
    network : Graph, Dependence, NetworkSpec or RecurrentNetwork
        What is unrolled. A :class:`~ventralrnn.graph.Dependence` may have connections cut.
    steps : int, optional
        Number of time steps; by default those of the specification, 6 for a graph alone.
    input_steps : collection of int, optional
        For a graph alone: steps at which the picture enters; all by default.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        States that the input has not reached are hatched, and nothing leads to or from them; a connection that is not
        active, or cut, at a step is not there. An arrow spans as many steps as the connection's delay.

    Raises
    ------
    GraphError
        If it is none of these.

    Examples
    --------
    >>> from ventralrnn.plots import plot_unrolled
    >>> from ventralrnn.zoo import model_spec
    >>> ax = plot_unrolled(model_spec("ventral"), steps=5)
    """
    dependence, readouts = _unrolled(network, steps, input_steps)
    graph = dependence.graph
    count = len(graph.names)
    ax = take_axes(ax, max(85, 13 * dependence.steps), 26 + 12 * count)
    colours = area_colours(graph.names)
    circles: dict[tuple[str, int], Circle] = {}
    for step in range(dependence.steps):
        for row, area in enumerate(graph.names):
            look: dict[str, Any] = {"facecolor": colours[area], "edgecolor": "black"}
            if not dependence.is_reached(area, step):
                look = ABSENT
            circle = Circle((step, row), _RADIUS, lw=0.6, zorder=3, label=f"{area} at step {step}", **look)
            ax.add_patch(circle)
            circles[area, step] = circle
    seen = set()
    for (area, step), circle in circles.items():
        if dependence.enters(area, step):
            _arrow(ax, (step, -0.95), circle.center, None, circle)
        if (area, step) in readouts:
            _arrow(ax, circle.center, (step, count - 0.25), circle, None)
        for connection in dependence.terms(area, step):
            seen.add(graph.role(connection))
            _connect(ax, graph, connection, circles[connection.source, step - connection.delay], circle)
    ax.text(-0.6, -1.0, "picture", ha="right", va="center", color="0.3", fontsize=6)
    if readouts:
        ax.text(-0.6, count - 0.25, "readout", ha="right", va="center", color="0.3", fontsize=6)
    ax.set(xlim=(-0.5, dependence.steps - 0.5), ylim=(-1.1, count - 0.2), xlabel="time step", aspect="equal")
    ax.set_xticks(range(dependence.steps))
    ax.set_yticks(range(count), graph.names)
    for label, area in zip(ax.get_yticklabels(), graph.names, strict=True):
        label.set(color=colours[area], fontweight="bold")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    handles: list[Any] = [Line2D([], [], color=c, ls=ls, lw=1, label=r) for r, (c, ls) in ROLES.items() if r in seen]
    if any(not dependence.is_reached(a, s) for a in graph.names for s in range(dependence.steps)):
        handles.append(unreached_patch("not reached by the input"))
    legend_below(ax, handles, 20, handlelength=2)
    return ax


def _connect(ax: Axes, graph: Graph, connection: Connection, source: Circle, target: Circle) -> None:
    role = graph.role(connection)
    colour, line = ROLES[role]
    climb = abs(graph.names.index(connection.target) - graph.names.index(connection.source))
    # What would pass through other states goes around them.
    bent = 0.12 if role in ("feedback", "bypass") else 0.0
    if connection.delay == 0 and climb > 1:
        bent = 0.35
    elif connection.delay > 1 and climb in (0, connection.delay):
        bent = 0.3
    _arrow(ax, source.center, target.center, source, target, colour, line, bent, connection.name)


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    source: Circle | None,
    target: Circle | None,
    colour: str = "0.4",
    line: Any = "-",
    bent: float = 0,
    label: str = "",
) -> None:
    """Draw an arrow that ends at the rims of what it connects."""
    arrow = FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>,head_length=2.4,head_width=1.2",
        connectionstyle=f"arc3,rad={bent}",
        patchA=source,
        patchB=target,
        shrinkA=0,
        shrinkB=0,
        mutation_scale=1,
        color=colour,
        linestyle=line,
        lw=0.7,
        zorder=2,
        label=label,
    )
    ax.add_patch(arrow)


def _graph(network: Any) -> Graph:
    found = getattr(network, "spec", network)
    found = getattr(found, "graph", found)
    if not isinstance(found, Graph):
        raise GraphError(f"network: {type(network).__name__} has no graph; give a Graph, a NetworkSpec or a network")
    return found


def _unrolled(
    network: Any, steps: int | None, input_steps: Collection[int] | None
) -> tuple[Dependence, Collection[tuple[str, int]]]:
    """Return what depends on what, and the states that are read out."""
    if isinstance(network, Dependence):
        return network, ()
    spec = getattr(network, "spec", network)
    if hasattr(spec, "depend"):
        return spec.depend(steps), spec.readout_states
    total = 6 if steps is None else steps
    return Dependence(_graph(network), total, range(total) if input_steps is None else input_steps), ()


def _label(connection: Connection) -> str:
    text = connection.transition
    if connection.delay != 1:
        text += f"\ndelay {connection.delay}"
    if connection.steps is not None:
        text += f"\nsteps {format_steps(connection.steps)}"
    return text
