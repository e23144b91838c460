"""Linear transitions have closed forms; they are compared with dense matrices that torch's convolutions fill in."""

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from tests.graph.random_graphs import Unrolled, cuts, graphs
from tests.networks.common import build, pictures
from ventralrnn.graph import Area, Connection, Graph
from ventralrnn.networks import NetworkSpec, Preprocessing, RecurrentNetwork

SIZE, CHANNELS = 6, 2
EYE = torch.eye(CHANNELS * SIZE**2, dtype=torch.float64)


def one_state(transition: str, input_steps: int | None, steps: int) -> RecurrentNetwork:
    graph = Graph((Area("A", CHANNELS),), (Connection("A", "A", transition),))
    spec = NetworkSpec("linear", graph, steps, input_steps=input_steps, bias=False, preprocessing=Preprocessing(SIZE))
    return build(spec)


def dense(network: RecurrentNetwork) -> Tensor:
    """Return K as a matrix: what the convolution makes of every basis vector."""
    basis = EYE.reshape(-1, CHANNELS, SIZE, SIZE)
    weight = network.kernels["A-A:0"].weight
    return functional.conv2d(basis, weight, padding=1).reshape(len(EYE), -1).T.detach()


def flat_states(network: RecurrentNetwork, picture: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return [h.reshape(len(picture), -1).T for h in network.states(picture)["A"]]


def test_identity_skip_and_input_at_step_0_give_powers_of_one_plus_k() -> None:
    network = one_state("C+Id", 1, 7)
    picture = pictures(network.spec)
    states, grow = flat_states(network, picture), EYE + dense(network)
    for t, state in enumerate(states):
        expected = torch.linalg.matrix_power(grow, t) @ states[0]
        torch.testing.assert_close(state, expected, rtol=1e-12, atol=1e-12)
    assert (states[6] - states[5]).abs().max() > 1e-2, "the states move, or nothing was tested"


def test_constant_input_without_skip_gives_the_geometric_series_and_its_limit() -> None:
    network = one_state("C", None, 60)
    k = dense(network)
    radius = torch.linalg.eigvals(k).abs().max()
    with torch.no_grad():
        network.kernels["A-A:0"].weight.mul_(0.5 / radius)
    k = dense(network)
    states = flat_states(network, pictures(network.spec))
    series = torch.zeros_like(states[0])
    for t, state in enumerate(states):
        series = k @ series + states[0]  # sum_{i <= t} K^i x by Horner's rule
        torch.testing.assert_close(state, series, rtol=1e-12, atol=1e-12)
        if t == 3:
            powers = sum(torch.linalg.matrix_power(k, i) for i in range(4))
            torch.testing.assert_close(state, powers @ states[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(states[-1], torch.linalg.solve(EYE - k, states[0]), rtol=1e-10, atol=1e-10)
    assert (states[-1] - states[0]).abs().max() > 1e-2


def test_injecting_the_picture_again_is_another_network() -> None:
    once, always = one_state("C+Id", 1, 4), one_state("C+Id", None, 4)
    picture = pictures(once.spec)
    with torch.no_grad():
        assert (once.states(picture)["A"][3] - always.states(picture)["A"][3]).abs().max() > 1e-2


def _dense_connection(network: RecurrentNetwork, c: Connection) -> Tensor:
    """Return a linear connection as a matrix, by torch's own (de)convolutions."""
    graph, spec = network.spec.graph, network.spec
    side, channels = spec.size(c.source), graph.area(c.source).channels
    basis = torch.eye(channels * side**2, dtype=torch.float64)
    x = basis.reshape(-1, channels, side, side)
    up, down = graph.up(c), graph.down(c)
    for number, group in enumerate(c.weight_groups, start=1):
        weight, last = network.kernels[group].weight, number == len(c.weight_groups)
        if c.parsed.kind == "conv":
            x = functional.conv2d(x, weight, stride=down if number == 1 else 1, padding=c.kernel // 2)
        elif not last or up == 1 and c.upsample == "deconv":
            x = functional.conv_transpose2d(x, weight, padding=c.kernel // 2)
        elif c.upsample == "resize":
            x = x.repeat_interleave(up, 2).repeat_interleave(up, 3)
            x = functional.conv2d(x, weight.transpose(0, 1), padding=c.kernel // 2)
        else:  # the whole transposed convolution, cut to the middle
            first = (c.kernel - up + 1) // 2
            middle = slice(first, first + side * up)
            x = functional.pad(functional.conv_transpose2d(x, weight, stride=up), (0, up, 0, up))[..., middle, middle]
    matrix = x.reshape(len(basis), -1).T
    return (matrix + torch.eye(len(matrix), dtype=torch.float64) if c.parsed.identity else matrix).detach()


@st.composite
def linear_runs(draw: st.DrawFn) -> tuple:
    graph, steps = draw(graphs(most_areas=3, most_connections=6)), draw(st.integers(1, 5))
    linear = tuple(replace(c, transition=c.transition.translate({66: None, 82: None})) for c in graph.connections)
    return replace(graph, connections=linear), steps, draw(st.sampled_from([1, 2, None])), draw(cuts(graph, steps))


@settings(max_examples=40)
@given(linear_runs())
def test_any_linear_graph_is_the_sum_over_its_arrivals(run) -> None:
    graph, steps, input_steps, cut = run
    entering = tuple(range(steps if input_steps is None else min(input_steps, steps)))
    oracle, uncut = Unrolled(graph, steps, entering, cut), Unrolled(graph, steps, entering)
    readouts = [
        t for (area, t), count in zip(uncut.nodes, uncut.counts, strict=True) if area == graph.readout and count
    ]
    assume(readouts)
    spec = NetworkSpec("linear", graph, steps, tuple(readouts), input_steps, bias=False, preprocessing=Preprocessing(8))
    network = build(spec)
    picture = pictures(spec)
    with torch.no_grad():
        states = network.states(picture, cut=cut)
        entry = network.pre_net(picture).flatten(1).T
    matrices = {c.name: _dense_connection(network, c) for c in graph.connections}
    expected: dict[tuple[str, int], Tensor] = {}
    for step in range(steps):
        for area in graph.order:
            node = oracle.nodes.index((area, step))
            terms = [entry] if area == graph.input and step in entering else []
            terms += [
                matrices[name] @ expected[oracle.nodes[source]]
                for name, _, source, target in oracle.edges
                if target == node and oracle.counts[source]
            ]
            state = states[area][step]
            assert (state is None) == (not terms) == (not oracle.counts[node])
            if state is not None:
                expected[area, step] = sum(terms)
                torch.testing.assert_close(state.flatten(1).T, expected[area, step], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_graph_without_connections_only_shows_the_picture(steps: int) -> None:
    spec = NetworkSpec("still", Graph((Area("A", 2),), ()), steps, (0,), preprocessing=Preprocessing(4))
    network = build(spec)
    picture = pictures(spec)
    with torch.no_grad():
        states = network.states(picture)["A"]
        torch.testing.assert_close(states[0], network.pre_net(picture))
    assert states[1:] == [None] * (steps - 1)
