"""Recordings of models that know nothing of ventralrnn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.recording import models
from tests.recording.common import assert_close, assert_same_store, hear, inputs, stack, tiny, write_pictures
from ventralrnn import extract
from ventralrnn.errors import RecordingError, SpecificationError
from ventralrnn.graph import Clock
from ventralrnn.networks import Preprocessing
from ventralrnn.recording.sources import IMAGENET

FILE = Path(models.__file__)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "a.zarr"


class Toy(nn.Module):
    """Calls its one area as often as it is told, with what it is told."""

    def __init__(self, run: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.area = nn.Identity()
        self.other = nn.Identity()
        self.run = run

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def fail(message: str) -> None:
    raise ValueError(message)


def test_every_step_of_a_model_in_one_file(out: Path) -> None:
    recording = extract(f"{FILE}:recurrent", inputs(), out, areas={"IT": "it.output", "V1": "stem"}, seed=4)
    torch.manual_seed(4)
    model = models.recurrent()
    heard = hear(model, {"IT": model.it.output, "V1": model.stem}, torch.from_numpy(inputs()))
    for area in ("IT", "V1"):
        assert_close(recording[area], stack(heard[area]))
    # Called another number of times, so each has a time axis of its own.
    assert recording["IT"].time_step.values.tolist() == [0, 1, 2, 3]
    assert recording["V1"].time_step.values.tolist() == [0]
    assert np.isnan(recording["IT"].time_ms.values).all()


def test_a_cornet_like_model(out: Path) -> None:
    model = models.cor()
    areas = {"V1": "V1.output", "V2": "V2.output", "IT": "IT[1]"}
    recording = extract(model, inputs(), out, areas=areas)
    modules = {area: getattr(model, area).output for area in areas}
    heard = hear(model, modules, torch.from_numpy(inputs()))
    for area in areas:
        assert_close(recording[area], stack(heard[area]))
        assert recording[area].sizes["time"] == models.STEPS


def test_pictures_are_shown_as_torchvision_shows_them_if_the_model_states_nothing(out: Path, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "pictures", 2)
    seen = extract(Toy(lambda m, x: m.area(x)), folder, out, areas={"x": "area"}, pool="mean")
    assert seen.attrs["preprocessing"]["size"] == IMAGENET.size == 224
    assert seen.attrs["preprocessing"]["mean"] == [0.485, 0.456, 0.406]
    own = Toy(lambda m, x: m.area(x))
    own.preprocessing = Preprocessing(size=6)
    recording = extract(own, folder, tmp_path / "b.zarr", areas={"x": "area"})
    assert recording["x"].shape == (2, 1, 3 * 6 * 6)
    given = extract(own, folder, tmp_path / "c.zarr", areas={"x": "area"}, preprocessing=Preprocessing(size=5))
    assert given["x"].shape == (2, 1, 3 * 5 * 5)


def test_input_is_contiguous_for_models_that_view_it(out: Path, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "pictures", 3)
    flat = Toy(lambda m, x: m.area(x.view(len(x), -1)))
    recording = extract(flat, folder, out, areas={"x": "area"}, preprocessing=Preprocessing(size=4))
    assert recording["x"].shape == (3, 1, 48)


@pytest.mark.parametrize(
    ("shape", "pool", "channel", "y", "x"),
    [
        ((6,), "none", [0, 1, 2, 3, 4, 5], [0] * 6, [0] * 6),
        ((2, 3), "none", [0, 1, 2] * 2, [0, 0, 0, 1, 1, 1], [0] * 6),
        ((3, 1, 2), "none", [0, 0, 1, 1, 2, 2], [0] * 6, [0, 1] * 3),
        ((6,), "mean", [0, 1, 2, 3, 4, 5], [0] * 6, [0] * 6),
        ((2, 6), "mean", [0, 1, 2, 3, 4, 5], [0] * 6, [0] * 6),
        ((6, 2, 2), "mean", [0, 1, 2, 3, 4, 5], [0] * 6, [0] * 6),
    ],
)
def test_states_of_two_three_and_four_dimensions(
    out: Path, shape: tuple[int, ...], pool: Any, channel: list[int], y: list[int], x: list[int]
) -> None:
    size = int(np.prod(shape))
    model = Toy(lambda m, i: m.area(i.flatten(1)[:, :size].reshape(-1, *shape)))
    array = extract(model, inputs(), out, areas={"a": "area"}, pool=pool)["a"]
    states = inputs().reshape(10, -1)[:, :size].reshape(-1, *shape).astype(float)
    if pool == "mean" and len(shape) > 1:  # tokens come first, positions last
        states = states.mean(1) if len(shape) == 2 else states.mean((2, 3))
    assert_close(array[:, 0], states.reshape(10, -1))
    assert [array[name].values.tolist() for name in ("channel", "y", "x")] == [channel, y, x]


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda m, x: m.area(x.transpose(0, 1)), r"area a: .* shape \(3, 1, 8, 8\) for 1 stimuli: a state is \(batch"),
        (lambda m, x: m.area(x.sum()), r"area a: .* shape \(\) for 1 stimuli"),
        (lambda m, x: m.area(x.mean((1, 2, 3))), r"area a: .* shape \(1,\) for 1 stimuli"),
        (lambda m, x: m.area(x[:1]), r"area a: .* shape \(1, 3, 8, 8\) for 10 stimuli"),
        (lambda m, x: m.area(x[..., : len(x)]), r"area a, step 0: states of shape \(3, 8, 8\) for stimuli 00000 to"),
        (lambda m, x: [m.area(x), m.area(x[..., ::2])], r"area a: .* different shapes at different steps"),
        (lambda m, x: m.other(x), "area a: module 'area' was never called"),
        (lambda m, x: [m.area(x) for _ in range(len(x))], r"area a: .* called 10 times for .* but 1 times"),
        (lambda m, x: m.area(None if len(x) > 1 else x), r"area a, step 0: reached for some stimuli and not for"),
        (lambda m, x: m.area(x if len(x) > 1 else None), r"area a, step 0: reached for some stimuli and not for"),
        (lambda m, x: m.area(x / 0), r"area a, step 0: values that are not finite for stimuli 00000 to 00009"),
        (lambda m, x: m.area(x @ x.new_zeros(3, 3)), r"Toy failed on input of shape \(1, 3, 8, 8\): RuntimeError"),
        (lambda m, x: next(x.nothing), r"Toy failed on input of shape \(1, 3, 8, 8\): AttributeError: 'Tensor' object"),
        (lambda m, x: fail("two\n  lines"), r"Toy failed on input of shape \(1, 3, 8, 8\): ValueError: two lines$"),
        (lambda m, x: m.area({"out": x}), r"area a: .* a mapping with 'out'"),
    ],
)
def test_models_that_cannot_be_recorded(out: Path, run: Any, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        extract(Toy(run), inputs(), out, areas={"a": "area"})
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_nan_that_a_model_makes_is_no_state(out: Path, dtype: Any) -> None:
    model = Toy(lambda m, x: m.area(torch.where(x > 2, float("nan"), x)))
    assert (inputs() > 2).any()
    with pytest.raises(RecordingError, match="area a, step 0: values that are not finite"):
        extract(model, inputs(), out, areas={"a": "area"}, dtype=dtype)


def test_more_calls_for_some_batches(out: Path) -> None:
    model = Toy(lambda m, x: [m.area(x) for _ in range(3 if x.mean() > 0 else 2)])
    with pytest.raises(RecordingError, match="area a: its module was called [23] times for stimuli 0000. to 0000. but"):
        extract(model, inputs(), out, areas={"a": "area"}, batch_size=1)


def test_calls_beyond_the_first_count_do_not_hide(out: Path) -> None:
    model = Toy(lambda m, x: [m.area(x) for _ in range(3 if len(x) > 1 else 2)])
    with pytest.raises(RecordingError, match="called 3 times .* but 2 times"):
        extract(model, inputs(), out, areas={"a": "area"})


def test_steps_without_a_state(out: Path) -> None:
    def run(m: Any, x: Tensor) -> None:
        for step in range(4):
            m.area(x * step if step % 2 else None)

    array = extract(Toy(run), inputs(), out, areas={"a": "area"})["a"]
    assert array.attrs["unreached_steps"] == [0, 2]
    assert_close(array, stack([None, torch.from_numpy(inputs()), None, torch.from_numpy(3 * inputs())]))


def test_chosen_steps(out: Path, tmp_path: Path) -> None:
    model = models.recurrent()
    whole = extract(model, inputs(), out, areas={"IT": "it"})["IT"]
    part = extract(model, inputs(), tmp_path / "b.zarr", areas={"IT": "it"}, steps="1,3")["IT"]
    assert part.time_step.values.tolist() == [1, 3]
    np.testing.assert_array_equal(part.values, whole.values[:, [1, 3]])
    with pytest.raises(SpecificationError, match=r"area V1: steps '0:2' reach outside 0\.\.0"):
        extract(model, inputs(), tmp_path / "c.zarr", areas={"IT": "it", "V1": "stem"}, steps="0:2")


def test_states_given_by_a_function(out: Path, tmp_path: Path) -> None:
    model = models.keeps()
    recording = extract(model, inputs(), out, states=models.history, areas=["IT", "drive"])
    with torch.no_grad():
        states = models.history(model, torch.from_numpy(inputs()))
    assert_close(recording["IT"], np.stack([s.numpy() for s in states["IT"]], 1).astype(float))
    assert_close(recording["drive"], states["drive"][0].numpy()[:, None].astype(float))
    assert recording["IT"].sizes["time"] == models.STEPS
    part = extract(model, inputs(), tmp_path / "b.zarr", states=models.history, areas=["IT"], steps="2:")
    np.testing.assert_array_equal(part["IT"].values, recording["IT"].values[:, 2:])


@pytest.mark.parametrize(
    ("states", "areas", "message"),
    [
        (models.history, ["V9"], "area V9: the states function returns only IT, drive"),
        (models.history, None, "name the areas of the states function"),
        (lambda m, b: [b], ["IT"], "the states function returns a list, not area -> states"),
        (lambda m, b: {"IT": [b.numpy()]}, ["IT"], "area IT: .* a ndarray"),
        (lambda m, b: m.nothing, ["IT"], "Keeps failed on input of shape .* AttributeError"),
    ],
)
def test_bad_states_functions(out: Path, states: Any, areas: Any, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        extract(models.keeps(), inputs(), out, states=states, areas=areas)


@pytest.mark.parametrize("name", ["a/b", "..", "a b", "zarr.json", ""])
def test_names_of_areas_are_names_of_folders(out: Path, name: str) -> None:
    with pytest.raises(RecordingError, match="a name has letters, digits, _ and - only"):
        extract(models.recurrent(), inputs(), out, areas={name: "it"})
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"Recurrent is not one of ventralrnn's own networks: .* areas={'IT': 'module\.path'}"),
        ({"areas": ["it"]}, r"areas={'IT': 'module\.path'}"),
        ({"areas": {"IT": "it"}, "cut": ["IT-V4"]}, "cut: goes only with the areas of ventralrnn's own networks"),
        ({"areas": {"IT": "it"}, "currents": True}, "currents: goes only with"),
        ({"areas": {"IT": "nothing"}}, "no module 'nothing'"),
    ],
)
def test_what_only_our_networks_have(out: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        extract(models.recurrent(), inputs(), out, **options)


def test_parts_of_our_networks_by_path(out: Path) -> None:
    network = tiny()
    recording = extract(network, inputs(), out, areas={"V1": "areas.V1", "top": "post_net"})
    heard = hear(network, {"V1": network.areas["V1"], "top": network.post_net}, torch.from_numpy(inputs()))
    assert_close(recording["V1"], stack(heard["V1"]))
    assert_close(recording["top"][:, 0], heard["top"][0].numpy().astype(float))


def test_compiled_models(out: Path, tmp_path: Path) -> None:
    model: Any = models.recurrent()
    plain = extract(model, inputs(), out, areas={"IT": "it.output"}, command="c")
    compiled = torch.compile(model, backend="eager")
    with torch.no_grad():
        compiled(torch.from_numpy(inputs()))
    extract(compiled, inputs(), tmp_path / "b.zarr", areas={"IT": "it.output"}, command="c")
    model.compile(backend="eager")
    with torch.no_grad():
        model(torch.from_numpy(inputs()))
    extract(model, inputs(), tmp_path / "c.zarr", areas={"IT": "it.output"}, command="c")
    # It is the same model, so the recordings are the same to the last bit.
    assert_same_store(tmp_path / "b.zarr", plain.path)
    assert_same_store(tmp_path / "c.zarr", plain.path)
    network = tiny()
    ours = extract(network, inputs(), tmp_path / "d.zarr", command="c")
    extract(torch.compile(network, backend="eager"), inputs(), tmp_path / "e.zarr", command="c")
    assert_same_store(tmp_path / "e.zarr", ours.path)


def test_masks_may_be_infinite(out: Path) -> None:
    model = Toy(lambda m, x: m.area(x + m.mask.exp()))
    model.register_buffer("mask", torch.full((8, 8), -torch.inf).triu(1))
    recording = extract(model, inputs(), out, areas={"a": "area"})
    assert np.isfinite(recording["a"].values).all()


def test_models_in_training_mode_are_recorded_in_evaluation_mode_and_left_as_they_were(out: Path) -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm2d(3), nn.Identity())
    model[0].eval()
    recording = extract(model, inputs(), out, areas={"a": "2"})
    assert [m.training for m in (model, *model)] == [True, False, True, True]
    assert_close(recording["a"][:, 0], inputs().reshape(10, -1).astype(float) / np.sqrt(1 + 1e-5))


def test_a_model_with_noise_depends_on_the_seed_alone(tmp_path: Path) -> None:
    weights = models.Noisy().state_dict()
    same = np.repeat(inputs(1), 8, 0)

    def record(name: str, seed: int, **options: Any) -> np.ndarray:
        model = models.Noisy()
        model.load_state_dict(weights)
        out = tmp_path / name
        return extract(model, same, out, areas={"a": "area"}, batch_size=4, seed=seed, **options)["a"].values

    first = record("a.zarr", 0)
    torch.rand(3)
    np.testing.assert_array_equal(record("b.zarr", 0, workers=1), first)
    # Other seeds, and other batches of one seed, share no noise: seed 4 is not seed 0 moved on by a batch.
    other = record("c.zarr", 4)
    batches = [first[:4], first[4:], other[:4], other[4:]]
    assert not any(np.array_equal(a, b) for i, a in enumerate(batches) for b in batches[:i])


def test_a_clock_for_a_model_that_has_none(tmp_path: Path) -> None:
    clock = Clock(20.0, {"IT": 90.0})
    areas = {"IT": "it", "V1": "stem"}
    given = extract(models.recurrent(), inputs(2), tmp_path / "a.zarr", areas=areas, clock=clock)
    assert given["IT"].time_ms.values.tolist() == [90, 110, 130, 150]
    assert given["V1"].time_ms.values.tolist() == [0]
    part = extract(models.recurrent(), inputs(2), tmp_path / "b.zarr", areas={"IT": "it"}, clock=clock, steps="2:")
    assert part["IT"].time_ms.values.tolist() == [130, 150]
    stating = models.recurrent()
    stating.clock = clock  # type: ignore[assignment]
    own = extract(stating, inputs(2), tmp_path / "c.zarr", areas=areas)
    assert own["IT"].time_ms.values.tolist() == [90, 110, 130, 150]
    assert own.attrs["clock"] == given.attrs["clock"] == {"ms_per_step": 20, "onset_ms": {"IT": 90}, "source": ""}
    with pytest.raises(RecordingError, match=r"clock\.ms_per_step was 20\.0, is 10\.0"):
        extract(stating, inputs(2), tmp_path / "c.zarr", areas=areas, clock=Clock(10.0), resume=True)


def test_the_onset_is_that_of_the_first_state(out: Path) -> None:
    model = Toy(lambda m, x: [m.area(None), m.area(x), m.area(x)])
    array = extract(model, inputs(), out, areas={"a": "area"}, clock=Clock(10.0, {"a": 50.0}))["a"]
    assert array.time_ms.values.tolist() == [40, 50, 60]


def test_clocks_that_do_not_fit(out: Path) -> None:
    with pytest.raises(RecordingError, match="clock: 'V4' is not recorded; areas are IT"):
        extract(models.recurrent(), inputs(), out, areas={"IT": "it"}, clock=Clock(10.0, {"V4": 50.0}))
    with pytest.raises(RecordingError, match="clock: stream has its own, in its specification"):
        extract(tiny(), inputs(), out, clock=Clock(10.0))
