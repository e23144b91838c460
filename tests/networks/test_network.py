"""Running a network: what enters when, what is read when, and what hooks see."""

import copy
import warnings
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.networks.common import build, listening, pictures, stream, thin_zoo
from ventralrnn.errors import GraphError, SpecificationError
from ventralrnn.graph import Area, Connection, Cut, Graph
from ventralrnn.networks import NetworkSpec, Preprocessing, RecurrentNetwork
from ventralrnn.networks.transitions import State

EXACT = {"rtol": 0, "atol": 0}


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def same(a: dict[str, list[Tensor | None]], b: dict[str, list[Tensor | None]], **tolerance: float) -> None:
    """Assert that two runs reached the same states and agree on all of them."""
    assert {k: [h is None for h in v] for k, v in a.items()} == {k: [h is None for h in v] for k, v in b.items()}
    for area in a:
        for x, y in zip(a[area], b[area], strict=True):
            if x is not None:
                torch.testing.assert_close(x, y, **(tolerance or EXACT))


# -- input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("input_steps", [1, 2, None])
def test_a_picture_enters_at_the_steps_of_the_specification(input_steps: int | None) -> None:
    spec = stream(input_steps=input_steps)
    network, picture = build(spec), pictures(spec)
    with listening(network.areas["V1"], inputs=True) as currents, listening(network.pre_net) as entered:
        network.states(picture)
    assert len(entered) == 1, "a picture that stays on goes through the pre-net once"
    entering = [any(c is entered[0] for c in given) for given in currents]
    assert entering == [t < (input_steps or spec.steps) for t in range(spec.steps)]


def test_frames_that_show_one_picture_are_that_picture() -> None:
    spec = stream(input_steps=None)
    network, picture = build(spec), pictures(spec)
    frames = picture[:, None].expand(-1, spec.steps, -1, -1, -1)
    same(network.states(frames), network.states(picture))
    assert torch.equal(network(frames), network(picture))


@pytest.mark.parametrize("shown", [1, 2])
def test_a_flash_is_input_that_stops(shown: int) -> None:
    spec = stream(input_steps=shown)
    network, picture = build(spec), pictures(spec)
    flash = picture[:, None].expand(-1, shown, -1, -1, -1)
    same(network.states(flash), network.states(picture))
    longer = build(stream(input_steps=None))
    same(longer.states(flash), network.states(picture))
    assert not torch.equal(longer(flash), longer(picture)), "an offset changes what follows"


def test_after_offset_states_live_on_recurrence_alone() -> None:
    spec = stream()
    network = build(spec)
    states = network.states(pictures(spec, steps=2))
    without = network.states(pictures(spec, steps=2), cut=["V1-V1", "V2-V1"])
    assert [h is not None for h in states["V1"]] == [True] * 5
    assert [h is not None for h in without["V1"]] == [True, True, False, False, False]
    assert [h is not None for h in without["V2"]] == [False, True, True, True, True], "fed by V1, then by IT"


def test_a_mask_changes_only_what_comes_after_it() -> None:
    spec = stream(input_steps=None)
    network = build(spec)
    movie = pictures(spec, steps=5)
    masked = movie.clone()
    masked[:, 2] = pictures(spec, seed=9)
    plain, other = network.states(movie), network.states(masked)
    first_change = {
        area: next(
            t for t in range(5) if plain[area][t] is not None and not torch.equal(plain[area][t], other[area][t])
        )
        for area in spec.graph.names
    }
    assert first_change == {"V1": 2, "V2": 3, "IT": 4}


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ((3, 8, 8), r"input has shape \(3, 8, 8\): give pictures \(batch, 3, y, x\) or frames"),
        ((1, 1, 8, 8), r"input has shape \(1, 1, 8, 8\): give pictures"),
        ((1, 3, 8, 10), r"input has shape \(1, 3, 8, 10\): y and x must be multiples of 4"),
        ((1, 6, 3, 8, 8), "6 frames do not fit into 5 steps: give steps=6 or more"),
    ],
)
def test_input_that_does_not_fit_is_refused(shape: tuple[int, ...], why: str) -> None:
    with pytest.raises(SpecificationError, match=why):
        build(stream())(torch.zeros(shape, dtype=torch.float64))


def test_other_picture_sizes_run_where_strides_fit() -> None:
    assert build(stream())(torch.zeros(1, 3, 12, 20, dtype=torch.float64)).shape == (1, 3)


@pytest.mark.parametrize("name", ["ventral", "recurrent-3state"])
def test_frames_of_any_length_run_in_more_steps(name: str) -> None:
    spec = thin_zoo(name)
    network = build(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert network(pictures(spec, steps=12), steps=12).shape == (2, 3)


# -- readout ---------------------------------------------------------------------------------------------------------


def test_readouts_are_the_post_net_on_the_readout_area_s_states() -> None:
    spec = stream(readouts=(2, 4))
    network, picture = build(spec), pictures(spec)
    at = {t: network.post_net(network.states(picture)["IT"][t], t) for t in (2, 3, 4)}
    assert torch.equal(network(picture), at[4])
    assert torch.equal(network(picture, readout=3), at[3])
    assert torch.equal(network(picture, readout=(4, 2)), torch.stack([at[4], at[2]], 1))
    assert torch.equal(network(picture, readout=spec.readout_steps), torch.stack([at[2], at[4]], 1))
    assert torch.equal(network(picture, readout="all"), torch.stack([at[2], at[3], at[4]], 1))
    assert network(picture, readout=()) is None


def test_a_run_of_another_length_is_read_at_its_own_end() -> None:
    spec = stream(readouts=(2, 3))
    network, picture = build(spec), pictures(spec)
    assert torch.equal(network(picture, steps=4), network(picture, readout=3))
    assert torch.equal(network(picture, steps=3), network(picture, readout=2))
    with pytest.warns(UserWarning, match="repeating those of step 4"):
        assert network(picture, steps=7, readout="all").shape == (2, 5, 3)


@pytest.mark.parametrize(
    ("run", "error", "why"),
    [
        ({"readout": 1}, GraphError, "nothing to read out: IT at step 1 is not reached by the input; it is at 2, 3, 4"),
        ({"readout": (4, 5)}, GraphError, "nothing to read out: IT at step 5: the run has steps 0 to 4"),
        ({"readout": -1}, GraphError, "nothing to read out: IT at step -1"),
        ({"readout": "last"}, SpecificationError, "readout 'last': give a step, steps, or 'all'"),
        ({"steps": 0}, SpecificationError, "steps is 0: a run has at least one step"),
        ({"steps": 2}, GraphError, "nothing to read out: IT at step 1"),
        ({"cut": ["V1-V9"]}, GraphError, "cut 'V1-V9': unknown connection"),
        ({"cut": [Cut("V1-V9")]}, GraphError, "unknown connection 'V1-V9'"),
        ({"cut": ["V1-V2@0:9"]}, GraphError, "cut 'V1-V2@0:9': steps '0:9' reach outside 0..4"),
        ({"cut": ["V1-V2", "V1-IT"]}, GraphError, "nothing to read out: IT at step 4 .* it is at no step"),
        ({"record": {"MT": None}}, GraphError, "unknown connection 'MT'"),
    ],
)
def test_runs_that_cannot_be_are_refused(run: dict, error: type, why: str) -> None:
    spec = stream()
    with pytest.raises(error, match=why):
        build(spec)(pictures(spec), **run)


# -- hooks, states, record -------------------------------------------------------------------------------------------


def test_hooks_states_and_forward_agree_at_every_step() -> None:
    spec = stream(input_steps=None)
    network, picture = build(spec), pictures(spec)
    hooked: dict[str, list[Tensor | None]] = {name: [] for name in spec.graph.names}
    hooks = [
        network.areas[name].register_forward_hook(lambda m, i, o, name=name: hooked[name].append(o))
        for name in spec.graph.names
    ]
    scores = network(picture)
    for hook in hooks:
        hook.remove()
    assert {name: len(calls) for name, calls in hooked.items()} == dict.fromkeys(spec.graph.names, spec.steps)
    assert [h is None for h in hooked["IT"]] == [True, True, False, False, False]
    same(hooked, network.states(picture))
    assert torch.equal(scores, network(picture)), "a hook changes no score"
    assert torch.equal(scores, network.post_net(hooked["IT"][4], 4))


def test_a_hook_on_a_connection_sees_every_current() -> None:
    spec = stream(input_steps=None)
    network, picture = build(spec), pictures(spec)
    currents: dict[str, list[Tensor | None]] = {c.name: [] for c in spec.graph.connections}
    for c in spec.graph.connections:
        network.connections[c.name].register_forward_hook(lambda m, i, o, name=c.name: currents[name].append(o))
    states = network.states(picture)
    currents = {name: [] for name in currents}
    network(picture)
    assert {len(calls) for calls in currents.values()} == {spec.steps}
    entering = network.pre_net(picture)
    for area in spec.graph.names:
        for t in range(spec.steps):
            terms = [currents[c.name][t] for c in spec.graph.incoming[area] if currents[c.name][t] is not None]
            terms += [entering] if area == "V1" else []
            assert (states[area][t] is None) == (not terms)
            if terms:
                torch.testing.assert_close(states[area][t], sum(terms), rtol=1e-13, atol=1e-13)


def test_a_current_asked_for_alone_makes_no_half_state() -> None:
    spec = stream(input_steps=None)
    network, picture = build(spec), pictures(spec)
    whole = network.states(picture)["V1"]
    with listening(network.areas["V1"]) as made, listening(network.connections["V2-V1"]) as current:
        network(picture, readout=(), record={"V2-V1": [4]})
    assert current[4] is not None
    assert [h is None for h in made] == [False, False, False, True, True], "V2 at step 3, which it reads, needs no more"
    assert all(torch.equal(made[t], whole[t]) for t in range(3))


def test_states_of_some_areas_are_those_of_all() -> None:
    spec = stream()
    network, picture = build(spec), pictures(spec)
    every = network.states(picture)
    same(network.states(picture, areas=["IT", "V1"]), {"IT": every["IT"], "V1": every["V1"]})


def test_a_cut_removes_a_term_at_its_steps_only() -> None:
    spec = stream(input_steps=None)
    network, picture = build(spec), pictures(spec)
    whole, cut = network.states(picture), network.states(picture, cut=["IT-V2@3"])
    with listening(network.connections["IT-V2"]) as currents:
        network.states(picture)
    torch.testing.assert_close(whole["V2"][3] - currents[3], cut["V2"][3], rtol=1e-12, atol=1e-12)
    for t in (1, 2):
        assert torch.equal(whole["V2"][t], cut["V2"][t])
    assert not torch.equal(whole["V1"][4], cut["V1"][4]), "what follows changes"
    with listening(network.connections["IT-V2"]) as currents:
        network.states(picture, cut=[Cut("IT-V2")])
    assert currents == [None] * spec.steps


def test_a_run_leaves_nothing_behind_for_the_next() -> None:
    spec = stream()
    network, picture = build(spec), pictures(spec)
    first = network(picture)
    network(pictures(spec, steps=2), cut=["V1-V2@1"], readout="all")
    network.states(pictures(spec, 1), steps=3)
    assert torch.equal(network(picture), first)


def test_a_network_without_delay_climbs_within_a_step() -> None:
    biological = stream(input_steps=None)
    graph = biological.graph.unroll("engineering")
    engineering = replace(biological, graph=graph, steps=3)
    assert [engineering.dependence.first_step(a) for a in graph.names] == [0, 0, 0]
    network, picture = build(engineering), pictures(engineering)
    states = network.states(picture)
    assert all(h is not None for area in graph.names for h in states[area])
    source = State(states["V1"][0], 0, network.norms["V1"])
    current = network.connections["V1-V2"](source, [network.kernels["V1-V2:0"]], 0)
    torch.testing.assert_close(states["V2"][0], current, rtol=1e-13, atol=1e-13)


def test_without_recurrence_both_unrollings_compute_the_same_thing_at_other_times() -> None:
    """A feedforward chain: what the biological unrolling has in IT at step 2, the engineering one has at step 0."""
    areas = (Area("V1", 3, 1), Area("V2", 4, 2), Area("IT", 5, 4))
    graph = Graph(areas, (Connection("V1", "V2"), Connection("V2", "IT", "BRCx2")))
    specs = [
        NetworkSpec("chain", graph.unroll(way), steps, preprocessing=Preprocessing(8))
        for way, steps in (("biological", 3), ("engineering", 1))
    ]
    slow, fast = (RecurrentNetwork(spec).double().eval() for spec in specs)
    fast.load_state_dict({k: v[: len(fast.state_dict()[k])] for k, v in slow.state_dict().items()})
    picture = pictures(specs[0])
    assert torch.equal(slow(picture), fast(picture))


# -- the module as a module ------------------------------------------------------------------------------------------


def test_a_copy_and_a_state_dict_hold_everything() -> None:
    spec = stream()
    network, picture = build(spec), pictures(spec)
    other = RecurrentNetwork(spec).double().eval()
    assert not torch.equal(other(picture), network(picture))
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(picture), network(picture))
    twin = copy.deepcopy(network)
    assert torch.equal(twin(picture), network(picture))
    twin.kernels["V1-V2:0"].weight.zero_()
    assert not torch.equal(twin(picture), network(picture)), "a copy has weights of its own"


def test_training_and_evaluation_mode_alternate() -> None:
    spec = stream()
    network, picture = build(spec), pictures(spec, 4)
    before = network(picture)
    trained = network.train()(picture)
    assert not torch.allclose(trained, before)
    after = network.eval()(picture)
    assert not torch.equal(after, before), "running statistics have moved"
    assert torch.equal(network(picture), after)


@pytest.mark.parametrize("name", ["stream", "resnet-3state-oneconv", "ventral", "recurrent-4state"])
def test_results_do_not_depend_on_the_batch(name: str) -> None:
    spec = stream() if name == "stream" else thin_zoo(name)
    network, batch = build(spec), pictures(spec, 5)
    whole = network(batch, readout="all")
    torch.testing.assert_close(
        torch.cat([network(x[None], readout="all") for x in batch]), whole, rtol=1e-12, atol=1e-12
    )
    single = network.float()
    whole = single(batch.float(), readout="all")
    alone = torch.cat([single(x[None].float(), readout="all") for x in batch])
    # Rounding of float32 (2 ** -24), through some hundred sums in a row.
    assert (alone - whole).abs().max() < 100 * 2**-24 * whole.abs().max()


def test_a_picture_that_is_nan_stays_with_its_own_scores() -> None:
    spec = stream()
    network, batch = build(spec), pictures(spec, 3)
    whole = network(batch)
    batch[1, 0, 0, 0] = float("nan")
    broken = network(batch)
    assert broken[1].isnan().any()
    torch.testing.assert_close(broken[[0, 2]], whole[[0, 2]], rtol=1e-12, atol=1e-12)


def test_names_that_torch_has_taken_are_refused() -> None:
    graph = Graph((Area("half", 2),), ())
    with pytest.raises(SpecificationError, match="odd: the name 'half' has a meaning in torch"):
        RecurrentNetwork(NetworkSpec("odd", graph, 1, preprocessing=Preprocessing(4)))
