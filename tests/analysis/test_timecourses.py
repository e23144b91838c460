"""Time courses against numpy, computed all at once."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.analysis.lazy import lazy
from ventralrnn.analysis import time_courses
from ventralrnn.analysis.reading import area as reading


def area(states: Any, steps: Any = None, unreached: tuple[int, ...] = (), **coordinates: Any) -> xr.DataArray:
    """Return an array as a recording holds it."""
    states = np.array(states)
    states[:, list(unreached)] = np.nan
    steps = np.arange(states.shape[1]) if steps is None else np.array(steps)
    coords = {
        "stimulus_id": ("stimulus", [f"s{i}" for i in range(len(states))]),
        "time_step": ("time", steps),
        "time_ms": ("time", 50.0 + 10 * steps),
        "channel": ("neuroid", np.arange(states.shape[2])),
    }
    return xr.DataArray(states, dims=("stimulus", "time", "neuroid"), coords={**coords, **coordinates})


@pytest.fixture
def states() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((7, 5, 11)).astype(np.float32)


def test_against_numpy(states: np.ndarray) -> None:
    course = time_courses({"IT": area(states, unreached=(0, 1))})["IT"]
    exact = states.astype(float)
    length = np.sqrt((exact**2).sum(2))
    strength = np.sqrt((exact**2).mean(2))
    change = np.sqrt(((exact[:, 1:] - exact[:, :-1]) ** 2).sum(2)) / length[:, 1:]
    np.testing.assert_allclose(course.strength.values[:, 2:], strength[:, 2:], rtol=1e-6)
    np.testing.assert_allclose(course.change.values[:, 3:], change[:, 2:], rtol=1e-6)
    assert np.isnan(course.strength.values[:, :2]).all()
    # The first response changes from nothing: there is no state one step before it.
    assert np.isnan(course.change.values[:, :3]).all()


def test_coordinates_are_those_of_the_recording(states: np.ndarray) -> None:
    label = ("stimulus", list("aabbcca"))
    courses = time_courses({"V1": area(states, label=label), "IT": area(states[:, :3])})
    assert list(courses) == ["V1", "IT"]
    course = courses["V1"]
    assert course.strength.dims == course.change.dims == ("stimulus", "time")
    assert course.time_ms.values.tolist() == [50, 60, 70, 80, 90]
    assert course.label.values.tolist() == list("aabbcca")
    assert course.stimulus_id.values.tolist() == [f"s{i}" for i in range(7)]
    assert "channel" not in course.coords
    assert courses["IT"].sizes["time"] == 3


@pytest.mark.parametrize("block", [1, 55, 2 * 55, 3 * 55 + 1, 10**6])
def test_block_by_block_is_the_same(states: np.ndarray, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    whole = time_courses({"IT": area(states, unreached=(0,))})["IT"]
    monkeypatch.setattr(reading, "_BLOCK_VALUES", block)
    xr.testing.assert_identical(time_courses({"IT": area(states, unreached=(0,))})["IT"], whole)


def test_only_a_block_is_in_memory(states: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BLOCK_VALUES", 2 * 55)
    array, reads = lazy(area(states))
    time_courses({"IT": array})
    assert max(shape[0] for shape in reads) == 2


def test_change_needs_the_step_before(states: np.ndarray) -> None:
    course = time_courses({"IT": area(states[:, [0, 1, 4]], steps=[0, 1, 4])})["IT"]
    assert np.isnan(course.change.values[:, [0, 2]]).all()
    assert np.isfinite(course.change.values[:, 1]).all()


def test_float16_is_summed_in_more_than_float16() -> None:
    course = time_courses({"IT": area(np.full((2, 2, 5000), 300, np.float16))})["IT"]
    assert course.strength.values.tolist() == [[300, 300], [300, 300]]
    assert course.change.values[:, 1].tolist() == [0, 0]


def test_one_step(states: np.ndarray) -> None:
    course = time_courses({"IT": area(states[:, :1])})["IT"]
    assert np.isfinite(course.strength.values).all()
    assert np.isnan(course.change.values).all()


def test_a_silent_state_has_no_share_of_its_length(states: np.ndarray) -> None:
    states[:, 2] = 0
    course = time_courses({"IT": area(states)})["IT"]
    assert (course.strength.values[:, 2] == 0).all()
    assert np.isnan(course.change.values[:, 2]).all()
    assert course.change.values[:, 3] == pytest.approx(1)


def test_a_state_at_rest(states: np.ndarray) -> None:
    course = time_courses({"IT": area(np.repeat(states[:, :1], 4, axis=1))})["IT"]
    assert (course.change.values[:, 1:] == 0).all()
