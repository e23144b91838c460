"""Every model of the zoo: it runs, it is what its name says, and its clock has a source."""

from dataclasses import replace

import pytest
import torch

from ventralrnn.errors import SpecificationError
from ventralrnn.networks import NetworkSpec, RecurrentNetwork
from ventralrnn.zoo import list_models, load_checkpoint, load_model, model_spec, register, save_checkpoint
from ventralrnn.zoo.registry import _REGISTRY, describe

NAMES = [
    "resnet-1state",
    "resnet-1state-unshared",
    "resnet-2state",
    "resnet-2state-unshared",
    "resnet-3state",
    "resnet-3state-unshared",
    "resnet-3state-oneconv",
    "recurrent-2state",
    "recurrent-3state",
    "recurrent-4state",
    "recurrent-3state-adjacent",
    "ventral",
    "ventral-feedforward",
    "ventral-lateral",
    "ventral-imagenet",
]


def test_the_zoo_holds_these_models() -> None:
    assert list_models() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_model_runs_and_survives_a_checkpoint(name: str, tmp_path) -> None:
    spec = model_spec(name)
    network = load_model(name, trained=False)
    assert isinstance(network, RecurrentNetwork) and network.spec == spec and spec.name == name
    size = spec.preprocessing.size
    picture = torch.randn(2 if size == 32 else 1, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        scores = network(picture, readout=spec.readout_steps)
    assert scores.shape == (len(picture), len(spec.readout_steps), spec.post_net.classes)
    assert scores.isfinite().all() and scores.std() > 1e-3
    save_checkpoint(network, tmp_path / "model.safetensors", {"seed": 0})
    again = load_checkpoint(tmp_path / "model.safetensors")
    assert again.spec == spec and again.checkpoint_info == {"seed": 0} and not again.training
    ours, theirs = network.state_dict(), again.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) and ours[key].dtype == theirs[key].dtype for key in ours)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_says_what_it_is_and_by_which_clock(name: str) -> None:
    spec = model_spec(name)
    text = _REGISTRY[name].__doc__ or ""
    assert len(describe(name)) > 20 and "\n" not in describe(name)
    assert "10 ms" in text and "(20" in text, "the clock and its published source"
    assert spec.clock.source and spec.reference
    times = [spec.time_ms(area, spec.dependence.first_step(area)) for area in spec.graph.names]
    assert times == sorted(times), "areas respond in the order of the hierarchy"
    steps = [spec.dependence.first_step(area) for area in spec.graph.names]
    assert None not in steps and steps == sorted(steps)
    assert str(spec.graph.matrix()).count("\n") == len(spec.graph.areas)
    assert spec.graph.matrix(spec.steps).shape[2] == spec.steps


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("ventral")])
def test_onsets_of_the_ventral_stream_agree_with_its_steps(name: str) -> None:
    spec = model_spec(name)
    assert spec.graph.names == ("V1", "V2", "V4", "IT")
    assert [spec.dependence.first_step(area) for area in spec.graph.names] == [0, 1, 2, 3]
    # The middles of 40-60, 50-70, 60-80 and 70-90 ms.
    assert [spec.time_ms(area, t) for t, area in enumerate(spec.graph.names)] == [50, 60, 70, 80]
    assert spec.time_ms("IT", 5) == 100
    assert spec.input_steps is None and spec.preprocessing.degrees


def test_controls_leave_out_what_they_control_for() -> None:
    roles = {name: _roles(model_spec(name)) for name in NAMES if name.startswith("ventral")}
    everything = {"lateral": 4, "feedforward": 3, "bypass": 2, "feedback": 3}
    assert roles["ventral"] == roles["ventral-imagenet"] == everything
    assert roles["ventral-lateral"] == {role: n for role, n in everything.items() if role != "feedback"}
    assert roles["ventral-feedforward"] == {"feedforward": 3, "bypass": 2}


def _roles(spec: NetworkSpec) -> dict[str, int]:
    found: dict[str, int] = {}
    for c in spec.graph.connections:
        found[spec.graph.role(c)] = found.get(spec.graph.role(c), 0) + 1
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-unshared")])
def test_unshared_twins_differ_in_sharing_only(name: str) -> None:
    shared = model_spec(name.removesuffix("-unshared"))
    assert model_spec(name) == replace(shared, name=name, shared=False)


@pytest.mark.parametrize(("name", "iterations"), [("1state", (10,)), ("2state", (5, 5)), ("3state", (3, 3, 4))])
def test_resnets_iterate_one_state_after_another(name: str, iterations: tuple[int, ...]) -> None:
    spec = model_spec(f"resnet-{name}")
    (path,) = spec.dependence.paths(spec.graph.readout, spec.steps - 1)
    expected = []
    for number, count in enumerate(iterations, start=1):
        expected += [f"state{number - 1}-state{number}"] * (number > 1) + [f"state{number}-state{number}"] * count
    assert [connection for connection, _ in path.arrivals] == expected
    assert spec.dependence.count_paths(spec.graph.readout, spec.steps - 1) == 1


def test_one_convolution_is_all_that_resnet_3state_oneconv_has() -> None:
    with torch.device("meta"):
        assert list(RecurrentNetwork(model_spec("resnet-3state-oneconv")).kernels) == ["all"]


@pytest.mark.parametrize(("name", "states"), [("2state", 2), ("3state", 3), ("4state", 4), ("3state-adjacent", 3)])
def test_fully_recurrent_means_all_with_all(name: str, states: int) -> None:
    spec = model_spec(f"recurrent-{name}")
    matrix = spec.graph.matrix()
    for i, source in enumerate(spec.graph.names):
        for j, target in enumerate(spec.graph.names):
            expected = [] if "adjacent" in name and abs(i - j) > 1 else ["BRC" if i < j else "BRD"]
            expected = ["BRCx2+Id"] if i == j else expected
            assert [c.transition for c in matrix[source, target]] == expected
    assert [area.stride for area in spec.graph.areas] == [2**n for n in range(states)]


def test_the_ventral_family_is_read_out_from_the_first_response_of_it_on_through_the_paper_s_100_ms() -> None:
    for name in NAMES:
        spec = model_spec(name)
        if name.startswith("ventral"):
            assert spec.readout_steps[0] == spec.dependence.first_step("IT")
            assert [spec.time_ms("IT", step) for step in spec.readout_steps] == [80, 90, 100, 110, 120]


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(SpecificationError, match="no model 'ventrall': did you mean ventral"):
        model_spec("ventrall")
    with pytest.raises(SpecificationError, match="no model 'zzzz': the zoo has resnet-1state, "):
        model_spec("zzzz")


def test_a_model_registers_under_its_function_s_name(monkeypatch: pytest.MonkeyPatch) -> None:
    list_models()
    monkeypatch.setattr("ventralrnn.zoo.registry._REGISTRY", dict(_REGISTRY))

    @register
    def my_stream() -> NetworkSpec:
        """Mine, all mine.

        Clock as in ventral.
        """
        return replace(model_spec("ventral"), name="my-stream")

    assert list_models()[-1] == "my-stream" and model_spec("my-stream").name == "my-stream"
    assert describe("my-stream") == "Mine, all mine."
    with pytest.raises(SpecificationError, match="model 'my-stream' is in the zoo already"):
        register(my_stream)
