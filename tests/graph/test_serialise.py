import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import given, settings

from tests.graph.random_graphs import graphs
from ventralrnn.errors import GraphError, SpecificationError
from ventralrnn.graph import Graph, from_plain, read_plain, to_plain, write_plain

PLAIN = {
    "areas": [{"name": "V1", "channels": 2}, {"name": "V2", "channels": 2, "stride": 2}],
    "connections": [{"source": "V1", "target": "V2"}],
}


@given(graphs())
def test_a_graph_survives_json_and_yaml(graph: Graph) -> None:
    for full in (False, True):
        plain = to_plain(graph, full)
        assert from_plain(Graph, json.loads(json.dumps(plain))) == graph
        assert from_plain(Graph, yaml.safe_load(yaml.safe_dump(plain))) == graph


@settings(max_examples=5)
@given(graph=graphs())
def test_a_graph_survives_a_file(tmp_path_factory: pytest.TempPathFactory, graph: Graph) -> None:
    folder = tmp_path_factory.mktemp("graph")
    for name in ("graph.json", "graph.yaml", "graph.yml"):
        write_plain(graph, folder / name)
        assert read_plain(Graph, folder / name) == graph
    assert {p.name for p in folder.iterdir()} == {"graph.json", "graph.yaml", "graph.yml"}


def test_defaults_are_written_only_when_asked_for() -> None:
    graph = from_plain(Graph, PLAIN)
    assert "stride" not in to_plain(graph)["areas"][0]
    assert to_plain(graph, full=True)["areas"][0] == {"name": "V1", "channels": 2, "stride": 1}
    assert to_plain(graph, full=True)["connections"][0]["delay"] == 1


def _changed(**fields: object) -> dict:
    return {**PLAIN, **fields}


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        (_changed(colour="red"), "Graph: unknown field 'colour'; it has areas, connections, input, readout"),
        ({"areas": PLAIN["areas"]}, "Graph: field 'connections' is missing"),
        (_changed(areas=[{"name": "V1"}]), r"Graph.areas\[0\]: field 'channels' is missing"),
        (_changed(areas=[{"name": "V1", "chanels": 2}]), r"Graph.areas\[0\]: unknown field 'chanels'"),
        (_changed(areas=[{"name": "V1", "channels": "2"}]), r"Graph.areas\[0\].channels: expected int, found '2'"),
        (_changed(areas=[{"name": "V1", "channels": 2.0}]), r"Graph.areas\[0\].channels: expected int, found 2.0"),
        (_changed(areas=[{"name": "V1", "channels": True}]), r"Graph.areas\[0\].channels: expected int, found True"),
        (_changed(areas=[{"name": 1, "channels": 2}]), r"Graph.areas\[0\].name: expected str, found 1"),
        (_changed(areas="V1"), "Graph.areas: expected a list, found 'V1'"),
        (_changed(areas=["V1"]), r"Graph.areas\[0\]: expected fields and values, found 'V1'"),
        (_changed(input=None), "Graph.input: expected str, found None"),
        (
            _changed(connections=[{"source": "V1", "target": "V2", "upsample": "cubic"}]),
            r"Graph.connections\[0\].upsample: 'cubic' is not one of deconv, resize",
        ),
        (
            _changed(connections=[{"source": "V1", "target": "V2", "steps": [0, "1"]}]),
            r"Graph.connections\[0\].steps\[1\]: expected int, found '1'",
        ),
        ([1, 2], r"Graph: expected fields and values, found \[1, 2\]"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(plain: object, why: str) -> None:
    with pytest.raises(SpecificationError, match=why):
        from_plain(Graph, plain)


@dataclass(frozen=True)
class _Everything:
    ratio: float
    pair: tuple[int, str] = (1, "a")
    names: dict[str, float] = field(default_factory=dict)
    maybe: float | None = None
    kind: Literal["a", "b"] = "a"


def test_other_field_types_convert() -> None:
    value = from_plain(_Everything, {"ratio": 2, "pair": [3, "x"], "names": {"p": 1}, "maybe": 1, "kind": "b"})
    assert value == _Everything(2.0, (3, "x"), {"p": 1.0}, 1.0, "b")
    assert isinstance(value.ratio, float) and isinstance(value.names["p"], float) and isinstance(value.maybe, float)
    assert from_plain(_Everything, to_plain(value)) == value
    assert from_plain(_Everything, {"ratio": 1.5, "maybe": None}) == _Everything(1.5)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"ratio": "2"}, "thing.ratio: expected float, found '2'"),
        ({"ratio": True}, "thing.ratio: expected float, found True"),
        ({"ratio": 1.0, "pair": [1]}, "thing.pair: expected 2 values, found 1"),
        ({"ratio": 1.0, "names": [1]}, "thing.names: expected names and values"),
        ({"ratio": 1.0, "names": {"p": "x"}}, "thing.names.p: expected float, found 'x'"),
        ({"ratio": 1.0, "maybe": "x"}, "thing.maybe: expected float, found 'x'"),
    ],
)
def test_other_field_types_are_checked(fields: dict, why: str) -> None:
    with pytest.raises(SpecificationError, match=why):
        from_plain(_Everything, fields, "thing")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("broken.json", "{", "broken.json: not valid json"),
        ("broken.yaml", "a: [", "broken.yaml: not valid yaml"),
        ("empty.yaml", "", "empty.yaml: Graph: expected fields and values, found None"),
        ("latin.json", b"\xff\xfe\xff", "latin.json: cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str | bytes, why: str) -> None:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SpecificationError, match=why):
        read_plain(Graph, tmp_path / name)


def test_a_missing_file_and_a_bad_graph_in_a_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="none.json: cannot be read"):
        read_plain(Graph, tmp_path / "none.json")
    path = tmp_path / "cycle.json"
    path.write_text(json.dumps(_changed(connections=[{"source": "V1", "target": "V9"}])))
    with pytest.raises(GraphError, match="cycle.json: connection V1-V9: unknown area 'V9'"):
        read_plain(Graph, path)


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=r"graph.toml: give the file the ending .json, .yaml or .yml"):
        write_plain(from_plain(Graph, PLAIN), tmp_path / "graph.toml")
    assert not list(tmp_path.iterdir())
