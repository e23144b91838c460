"""Work that can influence nothing asked for is not done: the convolutions that run are counted.

What must run is found without the package's own walk, by powers of the unrolled graph's matrix.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.graph.random_graphs import Unrolled
from tests.networks.common import build, counting, listening, pictures, stream, thin_zoo
from ventralrnn.graph import Cut
from ventralrnn.networks import (
    NetworkSpec,
    Norm,
    PostNet,
    PreNet,
    RecurrentNetwork,
    count_multiply_adds,
    count_parameters,
)
from ventralrnn.zoo.registry import list_models, model_spec

SMALL = [name for name in list_models() if name != "ventral-imagenet"]


def expected(
    spec: NetworkSpec,
    states: Collection[tuple[str, int]],
    currents: Collection[tuple[str, int]] = (),
    cuts: tuple[Cut, ...] = (),
    frames: int | None = None,
) -> int:
    """Return the convolutions that states and currents need: one or two an arrival, and the pre-net's."""
    entering = range(spec.steps if spec.input_steps is None else spec.input_steps) if frames is None else range(frames)
    oracle = Unrolled(spec.graph, spec.steps, tuple(entering), cuts)
    counts = dict(zip(oracle.nodes, oracle.counts, strict=True))
    sources = {(n, t): oracle.nodes[source] for n, t, source, _ in oracle.edges}
    given = [arrival for arrival in currents if arrival in sources and counts[sources[arrival]]]
    wanted = [state for state in states if counts[state]] + [sources[arrival] for arrival in given]
    live, arrivals = oracle.live(wanted) if wanted else (set(), set())
    used = [t for t in entering if (spec.graph.input, t) in live]
    pre_net = spec.pre_net.layers * (len(used) if frames is not None else bool(used))
    return pre_net + sum(spec.graph.connection(name).parsed.repeats for name, _ in arrivals | set(given))


def count(spec: NetworkSpec, **run: Any) -> int:
    network, picture = build(spec), pictures(spec, 1)
    with counting() as counted:
        network(picture, **run)
    return counted.convolutions


@pytest.mark.parametrize("name", SMALL)
def test_default_and_early_readouts_of_the_zoo(name: str) -> None:
    spec = thin_zoo(name)
    readout = spec.graph.readout
    assert count(spec) == expected(spec, [(readout, spec.steps - 1)])
    assert count(spec, readout=spec.readout_steps) == expected(spec, [(readout, t) for t in spec.readout_steps])
    if spec.shared:
        first = spec.dependence.first_step(readout)
        assert count(spec, readout=first) == expected(spec, [(readout, first)])
        every = [(readout, t) for t in spec.dependence.reached_steps(readout)]
        assert count(spec, readout="all") == expected(spec, every)


def test_the_default_readout_leaves_work_undone() -> None:
    """The count would be a weak test if everything influenced everything."""
    spec = thin_zoo("ventral-feedforward")
    everything = [(area, t) for area in spec.graph.names for t in range(spec.steps)]
    assert count(spec) < count(spec, readout="all") < expected(spec, everything)
    assert count(spec, record=dict.fromkeys(spec.graph.names)) == expected(spec, everything)


@pytest.mark.parametrize("area", ["V1", "V2", "IT"])
def test_a_hook_makes_its_area_run_at_every_step(area: str) -> None:
    spec = stream(input_steps=None)
    network = build(spec)
    wanted = [("IT", 4), *((area, t) for t in range(spec.steps))]
    with listening(network.areas[area]), counting() as counted:
        network(pictures(spec, 1))
    assert counted.convolutions == expected(spec, wanted)
    with counting() as counted:
        network(pictures(spec, 1))
    assert counted.convolutions == expected(spec, [("IT", 4)]), "without the hook, no more than before"


@pytest.mark.parametrize("before", [False, True])
def test_a_hook_makes_its_connection_run_at_every_step(before: bool) -> None:
    spec = stream(input_steps=None)
    network = build(spec)
    module = network.connections["V2-V1"]
    register: Callable = module.register_forward_pre_hook if before else module.register_forward_hook
    register(lambda *_: None)
    with counting() as counted:
        network(pictures(spec, 1))
    assert counted.convolutions == expected(spec, [("IT", 4)], [("V2-V1", t) for t in range(spec.steps)])


@pytest.mark.parametrize(
    ("record", "states", "currents"),
    [
        ({"V2": [2]}, [("V2", 2)], []),
        ({"V2": None}, [("V2", t) for t in range(5)], []),
        ({"V1": [0]}, [("V1", 0)], []),
        ({"IT": [0, 1]}, [], []),
        ({"V1-V2": [3]}, [], [("V1-V2", 3)]),
        ({"V1-V2": [0]}, [], []),
        ({"V2-IT": None, "V1": [4]}, [("V1", 4)], [("V2-IT", t) for t in range(5)]),
    ],
    ids=str,
)
def test_what_is_recorded_runs_and_nothing_else(record: dict, states: list, currents: list) -> None:
    spec = stream(input_steps=None)
    assert count(spec, readout=(), record=record) == expected(spec, states, currents)
    network = build(spec)
    with listening(network.areas["V1"]), counting() as counted:
        network(pictures(spec, 1), readout=(), record=record)
    assert counted.convolutions == expected(spec, states, currents), "what is named counts, not what is hooked"


def test_states_of_one_area_run_what_it_needs() -> None:
    spec = stream(input_steps=None)
    network = build(spec)
    with counting() as counted:
        network.states(pictures(spec, 1), areas=["V2"])
    assert counted.convolutions == expected(spec, [("V2", t) for t in range(spec.steps)])


@pytest.mark.parametrize("cut", [("V2-V1",), ("V1-V1@1:3", "IT-IT"), ("V1-V2@1:4",), ("V1-V2@2", "V1-IT")], ids=str)
def test_cut_connections_do_not_run(cut: tuple[str, ...]) -> None:
    spec = stream(input_steps=None)
    cuts = tuple(Cut.parse(text, spec.graph, spec.steps) for text in cut)
    assert count(spec, cut=cut) == expected(spec, [("IT", 4)], cuts=cuts) < expected(spec, [("IT", 4)])


def test_frames_that_can_influence_nothing_are_not_looked_at() -> None:
    spec = stream(pre_net=PreNet(2))
    network = build(spec)
    with counting() as counted:
        network(pictures(spec, 1, steps=5))
    assert counted.convolutions == expected(spec, [("IT", 4)], frames=5)
    with listening(network.pre_net) as entered, counting():
        network(pictures(spec, 1, steps=5))
    assert len(entered) == 3, "frames 3 and 4 come too late for IT at step 4"


def test_a_state_is_normalised_once_for_all_that_read_it() -> None:
    spec = stream(input_steps=None)
    network = build(spec)
    with listening(network.norms["V1"], inputs=True) as given, torch.no_grad():
        network(pictures(spec, 1))
    assert len(given) == 3, "V1-V1, V1-V2 and V1-IT all read V1 at steps 0 to 2"


# -- what it costs ---------------------------------------------------------------------------------------------------


def measured(spec: NetworkSpec, readouts: tuple[int, ...]) -> int:
    """Return the multiply-adds that torch counts in a run on the meta device, which takes no time."""
    with torch.device("meta"):
        network, size = RecurrentNetwork(spec), spec.preprocessing.size
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, size, size), readout=readouts)
    assert counter.get_total_flops() % 2 == 0
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("name", list_models())
def test_multiply_adds_of_the_zoo_are_torch_s(name: str) -> None:
    spec = model_spec(name)
    assert count_multiply_adds(spec) == measured(spec, spec.readout_steps)


@pytest.mark.parametrize(
    "changes",
    [
        {"pre_net": PreNet(3, 5)},
        {"readouts": (2, 3)},
        {"input_steps": None, "post_net": PostNet(7)},
        {"shared": False},
    ],
    ids=str,
)
def test_multiply_adds_of_other_specifications(changes: dict) -> None:
    spec = stream(**changes)
    assert count_multiply_adds(spec) == measured(spec, spec.readout_steps)
    if spec.shared:
        assert count_multiply_adds(spec, [2]) == measured(spec, (2,))


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("upsample", ["deconv", "resize"])
@pytest.mark.parametrize("transition", ["BRD", "BRDx2"])
def test_multiply_adds_of_feedback(transition: str, upsample: str, kernel: int) -> None:
    spec = stream()
    if kernel == 1 and upsample == "deconv":
        kernel = 5
    links = tuple(
        replace(c, transition=transition, upsample=upsample, kernel=kernel) if c.name == "IT-V2" else c
        for c in spec.graph.connections
    )
    spec = replace(spec, graph=replace(spec.graph, connections=links))
    assert count_multiply_adds(spec) == measured(spec, spec.readout_steps)


@pytest.mark.parametrize("name", list_models())
def test_parameters_of_the_zoo_are_those_of_the_built_network(name: str) -> None:
    spec = model_spec(name)
    with torch.device("meta"):
        assert count_parameters(spec) == sum(p.numel() for p in RecurrentNetwork(spec).parameters())


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", ["none", "step", "shared"])
def test_parameters_of_other_specifications(affine: str, bias: bool, shared: bool) -> None:
    for changes in ({}, {"pre_net": PreNet(3, 7), "post_net": PostNet(5, affine=False)}):
        spec = stream(norm=Norm(affine=affine), bias=bias, shared=shared, **changes)  # type: ignore[arg-type]
        with torch.device("meta"):
            assert count_parameters(spec) == sum(p.numel() for p in RecurrentNetwork(spec).parameters())


@pytest.mark.parametrize(
    ("name", "affine", "count"),
    [
        ("resnet-2state", True, 187_210),
        ("resnet-2state-unshared", True, 778_058),
        ("resnet-2state", False, 187_082),
        ("resnet-2state-unshared", False, 777_930),
        ("resnet-1state", False, 76_298),
        ("resnet-1state-unshared", False, 741_002),
        ("resnet-3state", False, 297_866),
        ("resnet-3state-unshared", False, 814_858),
    ],
)
def test_parameter_counts_are_those_of_the_paper_s_arithmetic(name: str, affine: bool, count: int) -> None:
    spec = replace(model_spec(name), post_net=PostNet(10, affine))
    assert count_parameters(spec) == count
    with torch.device("meta"):
        assert sum(p.numel() for p in RecurrentNetwork(spec).parameters()) == count
