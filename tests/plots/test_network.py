"""The network as a diagram: what is drawn is what the graph says."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch

from tests.plots.common import drawn, legend_texts, overlapping_texts, smallest_text
from ventralrnn.errors import GraphError
from ventralrnn.graph import Area, Connection, Cut, Dependence, Graph
from ventralrnn.plots import plot_transition_matrix, plot_unrolled
from ventralrnn.plots.network import ROLES
from ventralrnn.plots.style import AREA_COLOURS
from ventralrnn.zoo.ventral import ventral


@pytest.fixture
def graph() -> Graph:
    return Graph(
        areas=(Area("V1", 8), Area("V2", 8), Area("IT", 8)),
        connections=(
            Connection("V1", "V1", "BRC+Id"),
            Connection("V1", "V2", "BRC"),
            Connection("V2", "IT", "BRC"),
            Connection("V1", "IT", "C", delay=2),
            Connection("IT", "V1", "BRC", steps=(3, 4)),
        ),
    )


def test_the_matrix_is_the_graphs(graph: Graph) -> None:
    ax = plot_transition_matrix(graph)
    drawn(ax)
    cells = {tuple(map(round, text.get_position())): text.get_text() for text in ax.texts if text.get_text()}
    assert cells == {
        (0, 0): "BRC+Id",
        (1, 0): "BRC",
        (2, 1): "BRC",
        (2, 0): "C\ndelay 2",
        (0, 2): "BRC\nsteps 3:5",
    }
    assert [t.get_text() for t in ax.get_xticklabels()] == [t.get_text() for t in ax.get_yticklabels()]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("to", "from")
    assert legend_texts(ax) == ["feedforward", "lateral", "feedback", "bypass"]
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6


def test_states_and_arrows_are_those_of_the_unrolled_graph(graph: Graph) -> None:
    dependence = Dependence(graph, 5, range(5), [Cut("V2-IT", (4,))])
    ax = plot_unrolled(dependence)
    drawn(ax)
    circles = {p.get_label(): p for p in ax.patches if isinstance(p, Circle)}
    assert len(circles) == 15
    for area in graph.names:
        for step in range(5):
            circle = circles[f"{area} at step {step}"]
            assert circle.center == (step, graph.names.index(area))
            assert bool(circle.get_hatch()) != dependence.is_reached(area, step)
            if dependence.is_reached(area, step):
                assert to_rgb(circle.get_facecolor()) == to_rgb(AREA_COLOURS[area])
    expected = sorted(c.name for a in graph.names for s in range(5) for c in dependence.terms(a, s))
    arrows = [
        p for p in ax.patches if isinstance(p, FancyArrowPatch) and p.get_label() in {c.name for c in graph.connections}
    ]
    assert sorted(p.get_label() for p in arrows) == expected
    assert "V2-IT" in expected and expected.count("V2-IT") == 2  # at 2 and 3, cut at 4
    for arrow in arrows:
        connection = graph.connection(arrow.get_label())
        (start, low), (end, high) = arrow._posA_posB  # type: ignore[attr-defined]
        assert (end - start, high - low) == (
            connection.delay,
            graph.names.index(connection.target) - graph.names.index(connection.source),
        )
        assert end in (connection.steps or range(5))
        assert to_rgb(arrow.get_edgecolor()) == to_rgb(ROLES[graph.role(connection)][0])
    assert legend_texts(ax) == ["feedforward", "lateral", "feedback", "bypass", "not reached by the input"]
    assert [t.get_text() for t in ax.get_yticklabels()] == list(graph.names)
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6


def test_a_specification_says_steps_and_readouts() -> None:
    spec = ventral()
    ax = plot_unrolled(spec)
    drawn(ax)
    assert ax.get_xlim() == (-0.5, spec.steps - 0.5)
    others = [p for p in ax.patches if isinstance(p, FancyArrowPatch) and not p.get_label()]
    assert len(others) == len(spec.entering(spec.steps)) + len(spec.readout_steps)
    assert {"picture", "readout"} <= {t.get_text() for t in ax.texts}
    assert plot_unrolled(spec, 4).get_xlim() == (-0.5, 3.5)


@pytest.mark.parametrize("way", ["biological", "engineering"])
def test_both_ways_of_unrolling(graph: Graph, way: str) -> None:
    _, ax = pyplot.subplots()
    assert plot_unrolled(graph.unroll(way), 4, input_steps=[0], ax=ax) is ax  # type: ignore[arg-type]
    drawn(ax)
    straight = [p for p in ax.patches if p.get_label() == "V1-V2"]
    assert {p._posA_posB[1][0] - p._posA_posB[0][0] for p in straight} == {0 if way == "engineering" else 1}  # type: ignore[attr-defined]
    assert np.isfinite(ax.get_ylim()).all()


def test_what_has_no_graph_is_refused() -> None:
    with pytest.raises(GraphError, match="int has no graph"):
        plot_transition_matrix(3)
    with pytest.raises(GraphError, match="int has no graph"):
        plot_unrolled(3)
