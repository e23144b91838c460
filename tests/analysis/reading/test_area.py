"""One area is read the same whatever holds it, and never more of it than asked for."""

from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from tests.analysis.lazy import lazy
from ventralrnn.analysis.reading import AreaStates, StateGrid, open_areas
from ventralrnn.analysis.reading import area as reading
from ventralrnn.errors import AnalysisError

STIMULI, REPEATS, TIMES, NEUROIDS = 6, 3, 4, 5
DIMS = ("stimulus", "repeat", "time", "neuroid")
VALUES = np.random.default_rng(0).standard_normal((STIMULI, REPEATS, TIMES, NEUROIDS))
IDS = [f"s{i}" for i in range(STIMULI)]


def repeated(**coords: Any) -> xr.DataArray:
    named = {
        "stimulus_id": ("stimulus", IDS),
        "time_step": ("time", [0, 1, 3, 4]),
        "label": ("stimulus", list("aabbcc")),
    }
    return xr.DataArray(VALUES, {**named, **coords}, DIMS, "IT", {"unreached_steps": [0]})


def rows(array: xr.DataArray) -> xr.DataArray:
    """Return repeats as rows of the same name, one presentation of all stimuli after another."""
    flat = array.transpose("repeat", "stimulus", ...).values.reshape(-1, TIMES, NEUROIDS)
    names = {n: ("presentation", np.tile(array[n].values, REPEATS)) for n in ("stimulus_id", "label")}
    return xr.DataArray(
        flat, {**names, "time_step": array.time_step}, ("presentation", "time", "neuroid"), "IT", array.attrs
    )


ARRAYS = {
    "memory": repeated(),
    "transposed": repeated().transpose("neuroid", "time", "repeat", "stimulus"),
    "lazy": lazy(repeated())[0],
    "run": repeated().rename(repeat="run"),
    "rows": rows(repeated()),
    "lazy rows": lazy(rows(repeated()))[0],
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_every_kind_of_array_is_read_alike(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BLOCK_VALUES", 2 * REPEATS * TIMES * NEUROIDS)
    area = AreaStates("IT", ARRAYS[kind])
    assert (area.stimuli, area.neuroids, area.repeated) == (STIMULI, NEUROIDS, True)
    assert area.names == IDS and list(area.per_stimulus("label")) == list("aabbcc")
    assert area.exists.tolist() == [False, True, True, True] and area.positions == {0: 0, 1: 1, 3: 2, 4: 3}
    mean = VALUES.mean(1)
    np.testing.assert_allclose(area.state(2), mean[:, 2], rtol=1e-12)
    np.testing.assert_allclose(area.state(2, slice(1, 3)), mean[1:3, 2], rtol=1e-12)
    assert area.state(0) is None
    np.testing.assert_array_equal(area.runs(1, slice(2, 5), slice(1, 4)), VALUES[2:5, :, 1, 1:4].swapaxes(0, 1))
    blocks = list(area.blocks(slice(1, 3)))
    assert [chosen.start for chosen, _ in blocks] == [0, 2, 4]
    np.testing.assert_allclose(torch.cat([block for _, block in blocks]), mean[:, 1:, 1:3], rtol=1e-12)
    np.testing.assert_allclose(torch.cat(list(area.stimuli_at(1))), mean[:, 1], rtol=1e-12)
    np.testing.assert_allclose(torch.cat(list(area.neuroids_at(1)), 1), mean[:, 1], rtol=1e-12)
    shown = torch.cat([block for _, block in area.blocks(trials=True)])
    np.testing.assert_array_equal(shown, VALUES.reshape(-1, TIMES, NEUROIDS)[:, 1:])


def test_only_what_is_asked_for_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    array, reads = lazy(repeated().isel(repeat=0, drop=True))
    area = AreaStates("IT", array)
    area.state(1), area.state(0), area.mean(2, slice(1, 3))
    assert reads == [(STIMULI, 1, NEUROIDS), (2, 1, NEUROIDS)]
    reads.clear()
    monkeypatch.setattr(reading, "_BLOCK_VALUES", 2 * TIMES * NEUROIDS)
    list(area.blocks())
    assert reads == [(1, TIMES, NEUROIDS)] + 3 * [(2, 3, NEUROIDS)]  # the first tells which times exist


def test_memory_is_read_as_views() -> None:
    array = repeated().isel(repeat=0, drop=True)
    area = AreaStates("IT", array)
    states = area.states([1, 2, 3])
    assert (
        states is not None and np.shares_memory(states.numpy(), array.values) and np.shares_memory(area.state(1), array)
    )
    np.testing.assert_array_equal(states, array.values[:, 1:].swapaxes(0, 1))
    assert area.states([1, 3]) is None and AreaStates("IT", lazy(array)[0]).states([1]) is None


def test_missing_presentations_are_left_out() -> None:
    array = repeated().copy()
    array[2, 1] = np.nan
    array[3, 0, 2, 4] = np.nan
    expected = np.nanmean(array.values, 1)
    for kind in (array, rows(array)):
        area = AreaStates("IT", kind)
        np.testing.assert_allclose(area.state(2), expected[:, 2], rtol=1e-12)
    three = np.isnan(AreaStates("IT", rows(array)[:-1]).runs(1)).all(-1)
    assert three.sum(0).tolist() == [0, 0, 1, 0, 0, 1]


def test_a_condition_names_the_stimuli() -> None:
    area = AreaStates("IT", repeated().isel(repeat=0, drop=True), "label")
    assert area.names == ["a", "b", "c"] and area.repeated and area.per_stimulus("stimulus_id") is None
    np.testing.assert_allclose(area.state(1), VALUES[:, 0, 1].reshape(3, 2, NEUROIDS).mean(1))
    assert AreaStates("IT", rows(repeated()), None).stimuli == STIMULI * REPEATS


@pytest.mark.parametrize(
    "features", [VALUES[:, 0], torch.from_numpy(VALUES[:, 0]), {"area": VALUES[:, 0]}, {"area": repeated()[:, 0]}]
)
def test_arrays_tensors_and_mappings(features: Any) -> None:
    grid = StateGrid(features)
    assert list(grid.areas) == ["area"] and grid.shape == (1, TIMES)
    state = list(grid.states())[-1]
    np.testing.assert_array_equal(grid.read(state), VALUES[:, 0, -1])
    assert StateGrid(VALUES[:, 0, 0]).shape == (1, 1)
    assert StateGrid(torch.ones(3, 2, dtype=torch.bfloat16)).read(state._replace(position=0)).tolist() == [[1, 1]] * 3


def test_areas_and_steps_as_one_would_write_them() -> None:
    recording = {"V1": repeated(), "IT": repeated()}
    assert list(StateGrid(recording, "IT").areas) == ["IT"] and StateGrid(recording, steps=3).steps == (3,)
    assert StateGrid(recording, steps=np.int64(4)).steps == (4,) and StateGrid(recording, steps=range(2)).steps == (
        0,
        1,
    )
    assert StateGrid(recording, steps="1:4").steps == (1, 3) and StateGrid(recording, steps=[4, 1]).steps == (4, 1)


@pytest.mark.parametrize(
    ("recording", "message"),
    [
        (repeated().rename(neuroid="voxel"), "area IT: give dimensions stimulus, time and neuroid.* not stimulus"),
        (repeated()[:0], "area IT: holds nothing"),
        (repeated().astype(str), "area IT: give real numbers, not an array of <U"),
        (repeated(time_step=("time", [0, 0, 1, 2])), "area IT: two states have the same time_step"),
        ({}, "recording: holds no area"),
        ("all.zarr", "recording: give one, or an array .* not a str"),
        (VALUES[0, 0, 0], r"recording: give one, or an array .* not shape \(5,\)"),
        ({"A": repeated(), "B": repeated()[1:]}, "areas: A and B hold different stimuli"),
    ],
)
def test_what_is_no_recording_is_said(recording: Any, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        open_areas(recording)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("wrap", [lambda array: array, lambda array: lazy(array)[0]])
def test_what_is_not_finite_is_named(bad: float, wrap: Any) -> None:
    array = repeated().isel(repeat=0, drop=True).copy()
    array[4, 2, 1] = bad
    area = AreaStates("IT", wrap(array))
    with pytest.raises(AnalysisError, match="area IT, step 3: holds NaN or infinity for stimulus s4"):
        area.state(2)
    with pytest.raises(AnalysisError, match="area IT, step 3: holds NaN or infinity for stimulus s4"):
        list(area.blocks())
    array[:, 2] = np.nan
    assert AreaStates("IT", wrap(array)).state(2) is None
