from dataclasses import replace

import pytest
from hypothesis import given

from tests.graph.random_graphs import graphs
from ventralrnn.errors import GraphError
from ventralrnn.graph import Area, Connection, Graph, Transition

A, B = Area("A", 4, 1), Area("B", 4, 2)
UP, DOWN = Connection("B", "A", "BRD"), Connection("A", "B", "BRC")


@pytest.mark.parametrize("norm", ["", "B"])
@pytest.mark.parametrize("relu", ["", "R"])
@pytest.mark.parametrize("kind", ["C", "D"])
@pytest.mark.parametrize("twice", ["", "x2"])
@pytest.mark.parametrize("identity", ["", "+Id"])
def test_every_transition_is_read(norm: str, relu: str, kind: str, twice: str, identity: str) -> None:
    parsed = Transition.parse(norm + relu + kind + twice + identity)
    expected = (norm == "B", relu == "R", {"C": "conv", "D": "deconv"}[kind], 2 if twice else 1, identity != "")
    assert (parsed.norm, parsed.relu, parsed.kind, parsed.repeats, parsed.identity) == expected


@pytest.mark.parametrize("text", ["", "BR", "RBC", "BRCx3", "brc", "BRC+id", "BRC +Id", "BRC\n"])
def test_another_transition_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(GraphError, match="connection A-B: transition .* for example BRC"):
        Connection("A", "B", text)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": "V 1"}, "area 'V 1': a name has letters"),
        ({"name": ""}, "area '': a name has letters"),
        ({"channels": 0}, "area V1: channels and stride are at least 1"),
        ({"stride": 0}, "area V1: channels and stride are at least 1"),
    ],
)
def test_a_bad_area_is_named(fields: dict, why: str) -> None:
    with pytest.raises(GraphError, match=why):
        Area(**{"name": "V1", "channels": 3, **fields})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"delay": -1}, "connection A-B: delay -1 is negative"),
        ({"steps": ()}, "connection A-B: active steps"),
        ({"steps": (-1, 2)}, r"connection A-B: active steps \(-1, 2\)"),
        ({"kernel": 4}, "connection A-B: kernel 4 must be odd"),
        ({"kernel": -1}, "connection A-B: kernel -1 must be odd"),
        ({"upsample": "bilinear"}, "connection A-B: upsample 'bilinear' must be deconv or resize"),
        ({"weights": ("a", "b")}, "connection A-B: BRC has 1 convolutions, but weights name 2 groups: a, b"),
        ({"weights": ("a.b",)}, "connection A-B: weights 'a.b': a name has letters"),
        ({"name": "A>B"}, "connection 'A>B': a name has letters"),
    ],
)
def test_a_bad_connection_is_named(fields: dict, why: str) -> None:
    with pytest.raises(GraphError, match=why):
        Connection("A", "B", **fields)


@pytest.mark.parametrize(
    ("areas", "connections", "why"),
    [
        ((), (), "a graph needs at least one area"),
        ((A, A), (), "area A is there twice"),
        ((A, B), (DOWN, replace(DOWN, transition="C")), "connection A-B is there twice"),
        ((A, B), (DOWN, replace(DOWN, name="B")), "connection B: has the name of an area"),
        ((A, B), (DOWN, Connection("A", "C")), "connection A-C: unknown area 'C'; the graph has A, B"),
        ((A, B), (DOWN, Connection("C", "A")), "connection C-A: unknown area 'C'; the graph has A, B"),
        (
            (B, replace(A, stride=3)),
            (Connection("B", "A"),),
            "connection B-A: strides do not fit: B has stride 2, A has 3",
        ),
        ((A, B), (DOWN, replace(UP, transition="BRC")), "connection B-A: a convolution cannot raise .*: use D"),
        ((A, B), (replace(DOWN, transition="BRD"),), "connection A-B: a deconvolution cannot lower .*: use C"),
        ((A, B), (replace(DOWN, transition="BRC+Id"),), r"connection A-B: \+Id needs the same channels and stride"),
        ((A, replace(B, stride=1, channels=5)), (replace(DOWN, transition="C+Id"),), r"connection A-B: \+Id needs"),
        ((A, replace(B, stride=4)), (DOWN, UP), "connection B-A: a deconvolution by 4 with kernel 3 .* give kernel=5"),
        ((A, B), (DOWN, replace(UP, kernel=1)), "connection B-A: a deconvolution by 2 with kernel 1 .* kernel=3"),
    ],
)
def test_a_bad_graph_is_refused_by_the_name_of_what_is_bad(areas: tuple, connections: tuple, why: str) -> None:
    with pytest.raises(GraphError, match=why):
        Graph(areas, connections)


def test_the_kernel_that_the_error_asks_for_is_accepted() -> None:
    wide = replace(B, stride=4)
    Graph((A, wide), (DOWN, replace(UP, kernel=5)))
    Graph((A, wide), (DOWN, replace(UP, upsample="resize")))


@pytest.mark.parametrize("role", ["input", "readout"])
def test_an_unknown_input_or_readout_is_named(role: str) -> None:
    with pytest.raises(GraphError, match=f"{role} area 'C' is unknown; the graph has A, B"):
        Graph((A, B), (DOWN,), **{role: "C"})


def test_weights_are_shared_only_between_convolutions_of_one_shape() -> None:
    lateral = Connection("A", "A", "BRC", weights=("w",))
    Graph((A, B), (lateral, replace(DOWN, weights=("w",))))  # a convolution and a strided one may share
    with pytest.raises(GraphError, match="connection A-B: cannot share weights 'w' with A-A"):
        Graph((A, replace(B, channels=5)), (lateral, replace(DOWN, weights=("w",))))
    with pytest.raises(GraphError, match="connection B-A: cannot share weights 'w' with A-A"):
        Graph((A, B), (lateral, DOWN, replace(UP, weights=("w",))))


@pytest.mark.parametrize(
    ("connections", "named"),
    [
        ((Connection("A", "A", delay=0),), "connection A-A: a cycle without delay (A -> A)"),
        ((replace(DOWN, delay=0), replace(UP, delay=0)), "connection A-B, B-A: a cycle without delay"),
    ],
)
def test_a_cycle_without_delay_is_refused_with_its_connections(connections: tuple, named: str) -> None:
    with pytest.raises(GraphError) as error:
        Graph((A, B), (DOWN, *connections) if len(connections) == 1 else connections)
    assert named in str(error.value) and "delay of 1 or more" in str(error.value)


def test_the_connections_of_a_cycle_without_delay_are_those_of_the_cycle_only() -> None:
    areas = (A, Area("M", 4, 1), B)
    links = [Connection(a, b, delay=0) for a, b in (("A", "M"), ("M", "A"), ("M", "B"), ("A", "B"))]
    with pytest.raises(GraphError, match="connection A-M, M-A: a cycle without delay"):
        Graph(areas, tuple(links))


@pytest.mark.parametrize(
    ("connections", "why"),
    [
        ((), "nothing reaches the readout area B from the input A: no connection ends there"),
        ((UP, Connection("B", "B")), "readout area B from the input A: connection B-B starts in areas without input"),
    ],
)
def test_a_readout_that_nothing_reaches_is_refused(connections: tuple, why: str) -> None:
    with pytest.raises(GraphError, match=why):
        Graph((A, B), connections)


def test_input_and_readout_are_the_first_and_the_last_area() -> None:
    graph = Graph((A, B), (DOWN, UP))
    assert (graph.input, graph.readout) == ("A", "B")
    other = Graph((A, B), (DOWN, UP), input="B", readout="A")
    assert (other.input, other.readout) == ("B", "A")


def test_lookups_name_what_is_unknown() -> None:
    graph = Graph((A, B), (DOWN, UP))
    assert graph.area("B") is B and graph.connection("B-A") == UP
    with pytest.raises(GraphError, match="unknown area 'C'; the graph has A, B"):
        graph.area("C")
    with pytest.raises(GraphError, match="unknown connection 'A-C'; the graph has A-B, B-A"):
        graph.connection("A-C")


@given(graphs())
def test_within_a_step_sources_without_delay_come_first(graph: Graph) -> None:
    assert sorted(graph.order) == sorted(graph.names)
    for c in graph.connections:
        if c.delay == 0:
            assert graph.order.index(c.source) < graph.order.index(c.target)
    assert {a: set(cs) for a, cs in graph.incoming.items()} == {
        a: {c for c in graph.connections if c.target == a} for a in graph.names
    }


def test_roles_factors_and_widths() -> None:
    areas = (Area("V1", 8, 1), Area("V2", 13, 2), Area("V4", 20, 8))
    roles = {
        ("V1", "V1", "BRC"): "lateral",
        ("V1", "V2", "BRCx2"): "feedforward",
        ("V1", "V4", "BRC"): "bypass",
        ("V4", "V2", "BRDx2"): "feedback",
    }
    links = tuple(Connection(*key, kernel=5) for key in roles)
    graph = Graph(areas, links, readout="V2")
    assert [graph.role(c) for c in links] == list(roles.values())
    assert [(graph.down(c), graph.up(c)) for c in links] == [(1, 1), (2, 1), (8, 1), (1, 4)]
    assert [graph.widths(c) for c in links] == [((8, 8),), ((8, 10), (10, 13)), ((8, 20),), ((20, 16), (16, 13))]


def test_one_graph_unrolls_both_ways() -> None:
    areas = (A, B, Area("C", 4, 4))
    links = (DOWN, Connection("B", "C"), Connection("A", "C"), replace(UP, delay=2), Connection("C", "C", "BRC+Id"))
    graph = Graph(areas, links)
    engineering = graph.unroll("engineering")
    assert [c.delay for c in engineering.connections] == [0, 0, 0, 2, 1]
    assert engineering.order == ("A", "B", "C")
    assert engineering.unroll("biological") == graph.unroll("biological") == graph
    late = Graph(areas, tuple(replace(c, delay=2) if c.name == "A-C" else c for c in links))
    assert late.unroll("biological") == late, "a bypass may take longer"
    with pytest.raises(GraphError, match="unrolling 'sideways': biological"):
        graph.unroll("sideways")  # type: ignore[arg-type]


def test_a_graph_is_immutable_and_hashable() -> None:
    graph = Graph((A, B), (DOWN, UP))
    with pytest.raises(AttributeError):
        graph.input = "B"  # type: ignore[misc]
    assert hash(graph) == hash(Graph((A, B), (DOWN, UP)))
