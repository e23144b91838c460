from hypothesis import given

from tests.graph.random_graphs import graphs
from ventralrnn.graph import Area, Connection, Graph

GRAPH = Graph(
    (Area("V1", 2, 1), Area("V2", 2, 2)),
    (
        Connection("V1", "V1", "BRCx2+Id", steps=(1, 2, 3)),
        Connection("V1", "V2", kernel=5),
        Connection("V1", "V2", "C", delay=0, name="fast"),
        Connection("V2", "V1", "BRD", steps=(3,)),
    ),
)


def test_two_dimensions() -> None:
    assert GRAPH.matrix().shape == (2, 2)
    assert str(GRAPH.matrix()).splitlines() == [
        "from \\ to  V1             V2",
        "V1         BRCx2+Id @1:4  BRC 5x5, C delay 0",
        "V2         BRD @3         .",
    ]


def test_three_dimensions_print_runs_of_equal_steps_once() -> None:
    assert GRAPH.matrix(5).shape == (2, 2, 5)
    assert str(GRAPH.matrix(5)).split("\n\n") == [
        "steps 0\nfrom \\ to  V1  V2\nV1         .   BRC 5x5, C delay 0\nV2         .   .",
        "steps 1:3\nfrom \\ to  V1        V2\nV1         BRCx2+Id  BRC 5x5, C delay 0\nV2         .         .",
        "steps 3\nfrom \\ to  V1        V2\nV1         BRCx2+Id  BRC 5x5, C delay 0\nV2         BRD       .",
        "steps 4\nfrom \\ to  V1  V2\nV1         .   BRC 5x5, C delay 0\nV2         .   .",
    ]


@given(graphs())
def test_cells_hold_every_connection_once(graph: Graph) -> None:
    matrix = graph.matrix(7)
    names = graph.names
    assert sorted(c.name for a in names for b in names for c in matrix[a, b]) == sorted(
        c.name for c in graph.connections
    )
    for c in graph.connections:
        active = tuple(step for step in range(7) if c in matrix[c.source, c.target, step])
        assert active == (c.steps or tuple(range(7)))
    assert len(str(graph.matrix()).splitlines()) == len(names) + 1
