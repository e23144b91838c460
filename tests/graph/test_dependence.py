import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.random_graphs import Unrolled, cuts, graphs
from ventralrnn.errors import GraphError
from ventralrnn.graph import Area, Connection, Cut, Dependence, Graph


@st.composite
def runs(draw: st.DrawFn, most_steps: int = 6) -> tuple[Graph, int, tuple[int, ...], tuple[Cut, ...]]:
    graph, steps = draw(graphs()), draw(st.integers(1, most_steps))
    inputs = draw(st.frozensets(st.integers(0, steps - 1), min_size=1))
    return graph, steps, tuple(sorted(inputs)), draw(cuts(graph, steps))


@given(runs())
def test_reached_states_and_their_paths_are_those_of_the_powers_of_the_unrolled_matrix(run) -> None:
    dependence, oracle = Dependence(*run), Unrolled(*run)
    counts = {node: dependence.count_paths(*node) for node in oracle.nodes}
    assert counts == dict(zip(oracle.nodes, oracle.counts.tolist(), strict=True))
    assert [dependence.is_reached(*node) for node in oracle.nodes] == (oracle.counts > 0).tolist()
    for area in run[0].names:
        steps = tuple(step for step in range(run[1]) if counts[area, step])
        assert dependence.reached_steps(area) == steps
        assert dependence.first_step(area) == (steps[0] if steps else None)


@given(runs(), st.data())
def test_live_work_is_what_lies_on_a_path_from_the_picture_to_what_is_asked_for(run, data) -> None:
    dependence, oracle = Dependence(*run), Unrolled(*run)
    reached = [node for node, count in zip(oracle.nodes, oracle.counts, strict=True) if count]
    wanted = data.draw(st.lists(st.sampled_from(reached), max_size=3))
    states, arrivals = oracle.live(wanted)
    assert dependence.live(wanted) == states
    assert dependence.live_arrivals(wanted) == arrivals


@settings(max_examples=50)
@given(runs(most_steps=4), st.data())
def test_paths_are_all_walks_from_the_picture_to_a_state(run, data) -> None:
    dependence, oracle = Dependence(*run), Unrolled(*run)
    state = data.draw(st.sampled_from(oracle.nodes))
    paths = list(dependence.paths(*state))
    assert len(paths) == dependence.count_paths(*state)
    assert {(path.input_step, path.arrivals) for path in paths} == oracle.paths(state)


@given(runs())
def test_terms_of_a_state_are_the_arrivals_that_end_there(run) -> None:
    dependence, oracle = Dependence(*run), Unrolled(*run)
    for area, step in oracle.nodes:
        ending = {
            name
            for name, at, source, target in oracle.edges
            if oracle.nodes[target] == (area, step) and oracle.counts[source] and at == step
        }
        assert {c.name for c in dependence.terms(area, step)} == ending


@pytest.fixture
def stream() -> Graph:
    areas = (Area("V1", 2, 1), Area("V2", 2, 2), Area("IT", 2, 4))
    links = (
        Connection("V1", "V2"),
        Connection("V2", "IT"),
        Connection("IT", "V2", "BRD"),
        Connection("V1", "IT", delay=2),
    )
    return Graph(areas, links)


def test_one_graph_by_hand(stream: Graph) -> None:
    dependence = Dependence(stream, 5, [0])
    assert {area: dependence.reached_steps(area) for area in stream.names} == {
        "V1": (0,),
        "V2": (1, 3),
        "IT": (2, 4),
    }
    assert [str(path) for path in dependence.paths("IT", 2)] == ["input@0 V1-V2@1 V2-IT@2", "input@0 V1-IT@2"]
    assert dependence.count_paths("IT", 4) == 2
    assert dependence.live_arrivals([("IT", 2)]) == {("V1-V2", 1), ("V2-IT", 2), ("V1-IT", 2)}
    assert dependence.live([("IT", 2)]) == {("V1", 0), ("V2", 1), ("IT", 2)}


def test_asking_for_an_unreached_state_says_where_the_area_is_reached(stream: Graph) -> None:
    with pytest.raises(GraphError) as error:
        Dependence(stream, 5, [0]).live([("IT", 3)])
    assert (
        str(error.value)
        == "IT at step 3 is not reached by the input; it is at 2, 4 (connections into it: V2-IT, V1-IT)"
    )


@pytest.mark.parametrize("step", [-1, 5])
def test_asking_for_a_step_outside_the_run_says_so(stream: Graph, step: int) -> None:
    with pytest.raises(GraphError, match=f"IT at step {step}: the run has steps 0 to 4"):
        Dependence(stream, 5, [0]).live([("IT", step)])


def test_an_area_that_nothing_enters_is_at_no_step(stream: Graph) -> None:
    dependence = Dependence(stream, 2, [0])
    assert dependence.first_step("IT") is None
    assert "it is at no step" in dependence.why_unreached("IT", 1)
    with pytest.raises(GraphError, match="unknown area 'MT'"):
        dependence.why_unreached("MT", 1)


def test_input_steps_outside_the_run_do_not_count(stream: Graph) -> None:
    assert Dependence(stream, 3, [0, 3, -1]).input_steps == {0}


def test_a_cut_delays_what_depends_on_it(stream: Graph) -> None:
    uncut, cut = (Dependence(stream, 5, range(5), cuts) for cuts in ((), (Cut("V1-V2", (1, 2)), Cut("V1-IT"))))
    assert (uncut.first_step("V2"), uncut.first_step("IT")) == (1, 2)
    assert (cut.first_step("V2"), cut.first_step("IT")) == (3, 4)


def test_a_cut_of_no_connection_is_refused(stream: Graph) -> None:
    with pytest.raises(GraphError, match="unknown connection 'V9-V1'; the graph has V1-V2, V2-IT"):
        Dependence(stream, 5, [0], [Cut("V9-V1")])


def test_cuts_are_read_as_they_are_written(stream: Graph) -> None:
    assert Cut.parse("IT-V2@3:5", stream, 8) == Cut("IT-V2", (3, 4))
    for text in ("IT-V2", "IT-V2@3", "IT-V2@0:2,4"):
        assert str(Cut.parse(text, stream, 8)) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("IT-V9@3:8", "unknown connection 'IT-V9'"),
        ("IT-V2@3:9", "reach outside 0..7"),
        ("IT-V2@", "write steps like"),
        ("IT-V2@5:5", "select nothing"),
        ("", "unknown connection ''"),
    ],
)
def test_a_bad_cut_is_named(stream: Graph, text: str, why: str) -> None:
    with pytest.raises(GraphError) as error:
        Cut.parse(text, stream, 8)
    assert str(error.value).startswith(f"cut {text!r}: ") and why in str(error.value)
