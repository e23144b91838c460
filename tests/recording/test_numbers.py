"""What is recorded is what a plain forward pass makes, for every area, step and option."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.recording.common import assert_close, hear_areas, inputs, stack, tiny, zeroed
from ventralrnn import extract
from ventralrnn.errors import DeviceError, GraphError, RecordingError, SpecificationError
from ventralrnn.graph import Cut
from ventralrnn.recording import Recording

AREAS = ("V1", "V2", "IT")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "a.zarr"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Return a recording of everything."""
    return extract(tiny(), inputs(), tmp_path_factory.mktemp("full") / "a.zarr")


@pytest.mark.parametrize("input_steps", [1, None], ids=["flash", "stays on"])
@pytest.mark.parametrize("pool", ["none", "mean"])
def test_states_are_those_of_a_plain_forward_pass(out: Path, pool: Any, input_steps: int | None) -> None:
    network = tiny(input_steps=input_steps)
    recording = extract(network, inputs(), out, pool=pool)
    heard = hear_areas(network, inputs())
    assert tuple(recording) == AREAS
    for area in AREAS:
        assert recording[area].dims == ("stimulus", "time", "neuroid")
        assert recording[area].dtype == np.float32
        assert_close(recording[area], stack(heard[area], pool == "mean"))


def test_unreached_states_are_nan_and_listed(full: Recording) -> None:
    heard = hear_areas(tiny(), inputs())
    for area in AREAS:
        unreached = [step for step, state in enumerate(heard[area]) if state is None]
        values = full[area].values
        assert full[area].attrs["unreached_steps"] == unreached
        assert np.isnan(values[:, unreached]).all()
        assert not np.isnan(np.delete(values, unreached, 1)).any()
    assert full["IT"].attrs["unreached_steps"] == [0, 1]
    assert full["V1"].attrs["unreached_steps"] == []


def test_neuroid_coordinates_are_the_index_of_the_state(full: Recording) -> None:
    heard = hear_areas(tiny(), inputs())
    for area in AREAS:
        array = full[area]
        c, y, x = (array[name].values for name in ("channel", "y", "x"))
        assert array.channel.dims == array.y.dims == array.x.dims == ("neuroid",)
        last = heard[area][-1]
        assert last is not None
        assert_close(array[:, -1], last.numpy()[:, c, y, x].astype(float))
        assert len(set(zip(c, y, x, strict=True))) == last[0].numel()


def test_time_comes_from_the_clock(full: Recording) -> None:
    assert full["V1"].time_step.values.tolist() == [0, 1, 2, 3, 4]
    assert full["V1"].time_ms.values.tolist() == [50, 60, 70, 80, 90]
    # V2 is reached at step 1, IT at step 2: their onsets are those steps' times, earlier ones lie before.
    assert full["V2"].time_ms.values.tolist() == [50, 60, 70, 80, 90]
    assert full["IT"].time_ms.values.tolist() == [45, 55, 65, 75, 85]
    assert full["IT"].time_ms.attrs["units"] == "ms"


def test_stimuli_are_named_in_order(full: Recording) -> None:
    assert full["IT"].stimulus_id.values.tolist() == [f"{i:05d}" for i in range(10)]
    assert full["IT"].stimulus_id.dims == ("stimulus",)


@pytest.mark.parametrize(
    ("steps", "kept"), [("0:3", [0, 1, 2]), ("4", [4]), ([1, 3], [1, 3]), ("3:", [3, 4]), ("0", [0])]
)
def test_chosen_steps(out: Path, full: Recording, steps: Any, kept: list[int]) -> None:
    recording = extract(tiny(), inputs(), out, steps=steps)
    for area in AREAS:
        assert recording[area].time_step.values.tolist() == kept
        assert recording[area].time_ms.values.tolist() == full[area].time_ms.values[kept].tolist()
        # Also where an area is reached at none of them, it has all its neuroids.
        np.testing.assert_array_equal(recording[area].values, full[area].values[:, kept])


def test_steps_beyond_the_trained_ones(out: Path) -> None:
    network = tiny()
    said = r"stream was trained for 5 steps; steps 5 to 6 are beyond, .*: the response of \w+ grows to [\d.]+ times"
    with pytest.warns(UserWarning, match=said) as warned:
        recording = extract(network, inputs(), out, steps="0:7")
    assert len(warned) == 1  # not one a batch norm
    with pytest.warns(UserWarning, match="no batch norm statistics for step"):
        heard = hear_areas(network, inputs(), steps=7)
    assert recording["V1"].time_ms.values[-1] == 110
    for area in AREAS:
        assert_close(recording[area], stack(heard[area]))


def test_states_that_explode_beyond_the_trained_steps_are_refused(out: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    with pytest.raises(RecordingError) as raised:
        extract("ventral", pictures, out, steps="0:40")
    found = re.fullmatch(
        r"steps: ventral was trained for 8, steps 0 to 7; at step (\d+) the response of (\w+) is ([\d.]+) times the "
        r"largest of those, with .*: keep to steps below \1, or compute .*recalibrate\(network, pictures, steps=40\)`",
        str(raised.value),
    )
    assert found is not None and not out.exists()
    step, area, times = int(found[1]), found[2], float(found[3])
    with pytest.warns(UserWarning, match="steps 8 to"):  # a few steps more are legitimate
        recording = extract("ventral", pictures, out, steps=f"0:{step}")
    sizes = np.sqrt((recording[area].values[:1] ** 2).mean((0, 2)))
    assert 5 < sizes[-1] / np.nanmax(sizes[:8]) < 10 < times


def test_an_untied_network_has_no_steps_beyond(out: Path) -> None:
    with pytest.raises(SpecificationError, match=r"reach outside 0\.\.4"):
        extract(tiny(shared=False), inputs(), out, steps="0:7")


def test_an_untied_network(out: Path) -> None:
    network = tiny(shared=False)
    recording = extract(network, inputs(), out)
    for area, states in hear_areas(network, inputs()).items():
        assert_close(recording[area], stack(states))
    # What can influence no readout has no weights in it, so there is no such state.
    assert recording["V1"].attrs["unreached_steps"] == [3, 4]


@pytest.mark.parametrize("areas", [["IT"], ["IT", "V1"], ["V2", "V2"]])
def test_chosen_areas(out: Path, full: Recording, areas: list[str]) -> None:
    recording = extract(tiny(), inputs(), out, areas=areas)
    assert list(recording) == list(dict.fromkeys(areas))
    for area in recording:
        np.testing.assert_array_equal(recording[area].values, full[area].values)


def test_float16_is_the_rounded_state(out: Path, full: Recording) -> None:
    recording = extract(tiny(), inputs(), out, dtype="float16")
    for area in AREAS:
        assert recording[area].dtype == np.float16
        np.testing.assert_array_equal(recording[area].values, full[area].values.astype(np.float16))


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_batch_size_changes_rounding_only(out: Path, full: Recording, batch_size: int) -> None:
    recording = extract(tiny(), inputs(), out, batch_size=batch_size)
    for area in AREAS:
        assert_close(recording[area], full[area].values.astype(float))


@pytest.mark.parametrize("text", ["IT-V2", "IT-V2@3:5", "V1-IT@2", "V2-V1@1:3"])
def test_a_cut_is_a_connection_that_delivers_nothing(out: Path, full: Recording, text: str) -> None:
    network = tiny()
    recording = extract(network, inputs(), out, cut=[text])
    cut = Cut.parse(text, network.spec.graph, 5)
    with zeroed(network, cut.connection, range(5) if cut.steps is None else range(cut.steps[0], cut.steps[-1] + 1)):
        heard = hear_areas(network, inputs())
    changed = False
    for area in AREAS:
        expected = stack(heard[area])
        # Zeros are a state, no input at all is none.
        expected[:, recording[area].attrs["unreached_steps"]] = np.nan
        assert_close(recording[area], expected)
        changed |= not np.array_equal(recording[area].values, full[area].values, equal_nan=True)
    assert changed


def test_cuts_may_reach_beyond_the_steps_that_are_kept(out: Path, tmp_path: Path) -> None:
    whole = extract(tiny(), inputs(), tmp_path / "whole.zarr", cut=["IT-V2@2:5"])
    part = extract(tiny(), inputs(), out, cut=["IT-V2@2:5"], steps="3")
    np.testing.assert_array_equal(part["V2"].values[:, 0], whole["V2"].values[:, 3])


@pytest.mark.parametrize("pool", ["none", "mean"])
def test_an_area_cut_off_keeps_its_neuroids(out: Path, full: Recording, pool: Any) -> None:
    recording = extract(tiny(), inputs(), out, cut=["V1-V2", "V1-IT"], pool=pool)
    for area, neuroids in (("V2", full["V2"].shape[2]), ("IT", full["IT"].shape[2])):
        channels = len(set(full[area].channel.values))
        assert recording[area].shape == (10, 5, channels if pool == "mean" else neuroids)
        assert recording[area].attrs["unreached_steps"] == [0, 1, 2, 3, 4]
        assert np.isnan(recording[area].values).all()
        assert recording[area].channel.values.max() == channels - 1
    assert np.isfinite(recording["V1"].values).all()


def test_currents_sum_to_the_state_where_no_picture_enters(out: Path) -> None:
    network = tiny()
    recording = extract(network, inputs(), out, currents=True)
    graph = network.spec.graph
    assert tuple(recording) == (*AREAS, *(c.name for c in graph.connections))
    for area in AREAS:
        into = [recording[c.name] for c in graph.incoming[area]]
        total = sum(np.nan_to_num(current.values.astype(float)) for current in into)
        reached = np.isfinite(recording[area].values)
        assert all(current.time_ms.values.tolist() == recording[area].time_ms.values.tolist() for current in into)
        start = 1 if area == "V1" else 0  # the picture enters V1 at step 0
        expected = np.where(reached, total, np.nan)[:, start:]
        assert_close(recording[area][:, start:], expected)


def test_currents_are_what_connections_return(out: Path) -> None:
    network = tiny()
    recording = extract(network, inputs(), out, areas=["IT"], currents=["V2-IT", "IT-V2"], steps="2:")
    assert tuple(recording) == ("IT", "V2-IT", "IT-V2")
    heard = {name: [] for name in ("V2-IT", "IT-V2")}  # type: dict[str, list[torch.Tensor | None]]
    handles = [
        network.connections[name].register_forward_hook(lambda m, i, o, name=name: heard[name].append(o))
        for name in heard
    ]
    hear_areas(network, inputs())
    for handle in handles:
        handle.remove()
    for name, currents in heard.items():
        assert_close(recording[name], stack(currents)[:, 2:])
        assert recording[name].attrs["unreached_steps"] == [step for step in (2,) if currents[step] is None]


def test_frames_are_shown_one_a_step(out: Path) -> None:
    network = tiny()
    frames = inputs(12).reshape(4, 3, 3, 8, 8)
    recording = extract(network, frames, out)
    for area, states in hear_areas(network, frames).items():
        assert_close(recording[area], stack(states))


def test_the_model_is_left_as_it_was(out: Path) -> None:
    network = tiny()
    network.train()
    network.areas["V2"].eval()
    modes = [module.training for module in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    extract(network, inputs(), out)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    assert torch.equal(torch.rand(1), expected)


def test_the_model_is_left_as_it_was_after_an_error(out: Path) -> None:
    network = tiny().train()
    with pytest.raises(RecordingError):
        extract(network, inputs(size=8) * 1e30, out, dtype="float16")
    assert all(module.training for module in network.modules())
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"areas": ["V3"]}, GraphError, "V3"),
        ({"areas": []}, RecordingError, "no areas to record"),
        ({"currents": ["V1-V9"]}, GraphError, "V1-V9"),
        ({"cut": ["IT-V9"]}, GraphError, "IT-V9"),
        ({"cut": ["IT-V2@3:9"]}, GraphError, r"reach outside 0\.\.4"),
        ({"cut": [Cut("nothing")]}, GraphError, "nothing"),
        ({"steps": "a"}, SpecificationError, "write steps like"),
        ({"steps": []}, SpecificationError, "write steps like"),
        ({"pool": "max"}, RecordingError, "none or mean"),
        ({"dtype": "int8"}, RecordingError, "float32 or float16"),
        ({"device": "tpu"}, DeviceError, "auto, cpu, cuda or mps"),
        ({"device": "meta"}, DeviceError, "no such device here"),
        ({"seed": -1}, RecordingError, "0 or more"),
    ],
)
def test_bad_arguments(out: Path, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        extract(tiny(), inputs(), out, **options)
    assert list(out.parent.iterdir()) == []


def test_weights_that_are_not_finite(out: Path) -> None:
    network = tiny()
    with torch.no_grad():
        network.kernels["V1-V2:0"].weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(RecordingError, match=r"weight kernels\.V1-V2:0\.weight .* not finite"):
        extract(network, inputs(), out)
    network = tiny()
    network.norms["V1"].running_var[0] = float("nan")
    with pytest.raises(RecordingError, match=r"buffer norms\.V1\.running_var holds NaN"):
        extract(network, inputs(), out)


def test_states_that_float16_cannot_hold(out: Path) -> None:
    with pytest.raises(RecordingError, match=r"area V1, step 0: values reach .* 00000 to 00009, .* dtype='float32'"):
        extract(tiny(), inputs() * 1e6, out, areas=["V1"], dtype="float16", batch_size=16)
    assert list(out.parent.iterdir()) == []
    extract(tiny(), inputs() * 1e6, out, areas=["V1"])


def test_states_that_are_not_finite(out: Path) -> None:
    with pytest.raises(RecordingError, match=r"area V1, step 0: values that are not finite for stimuli 00000 to"):
        extract(tiny(), inputs() * 1e38, out)


def test_large_states_whose_sum_overflows_are_recorded(out: Path) -> None:
    array = np.full((4, 3, 8, 8), 1e36, np.float32)
    network = tiny()
    recording = extract(network, array, out, areas=["V1"], steps="0")
    state = hear_areas(network, array)["V1"][0]
    assert state is not None and state.isfinite().all() and not state.abs().sum().isfinite()
    assert_close(recording["V1"], stack([state]))
