"""States of recordings are compared as arrays are, on a grid of areas and times."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.analysis.lazy import lazy
from ventralrnn.analysis.similarity import cka, compare_states, shape_distances
from ventralrnn.errors import AnalysisError


def area(states: np.ndarray, unreached: tuple[int, ...] = (), steps: Any = None, order: Any = None) -> xr.DataArray:
    """Return an array as a recording holds it."""
    states = states.copy()
    steps = np.arange(states.shape[1]) if steps is None else np.array(steps)
    states[:, np.isin(steps, unreached)] = np.nan
    order = np.arange(len(states)) if order is None else order
    coords = {
        "stimulus_id": ("stimulus", [f"s{i}" for i in order]),
        "time_step": ("time", steps),
        "time_ms": ("time", 50.0 + 10 * steps),
    }
    found = xr.DataArray(states[order], coords, ("stimulus", "time", "neuroid"))
    return found.assign_attrs(unreached_steps=list(unreached))


@pytest.fixture
def states() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((20, 3, 7)), rng.standard_normal((20, 2, 30))


@pytest.mark.parametrize("measure", ["cka", "angular", "procrustes"])
def test_against_arrays(states: tuple[np.ndarray, np.ndarray], measure: str) -> None:
    v1, it = states
    result = compare_states({"V1": area(v1), "IT": area(it, (1,), steps=[1, 3])}, measure=measure)
    values = result["similarity" if measure == "cka" else "distance"]
    assert values.dims == ("area", "time", "area_other", "time_other")
    assert result.time_step.values.tolist() == [0, 1, 2, 3]
    assert result.time_ms.values[0, :3].tolist() == [50, 60, 70]
    assert np.isnan(result.time_ms.values[0, 3])
    flat = [v1[:, 0], v1[:, 1], v1[:, 2], it[:, 1]]
    places = [("V1", 0), ("V1", 1), ("V1", 2), ("IT", 3)]
    expected = cka(flat) if measure == "cka" else shape_distances(flat, measure=measure)
    for i, (one, step) in enumerate(places):
        for j, (two, other) in enumerate(places):
            found = values.sel(area=one, area_other=two)[step, other]
            assert float(found) == pytest.approx(expected[i, j], abs=1e-12)
    assert int(values.isnull().sum()) == 64 - 16, "all states that do not exist"


def test_against_another_recording_in_another_order(states: tuple[np.ndarray, np.ndarray]) -> None:
    v1, it = states
    order = np.random.default_rng(1).permutation(20)
    result = compare_states({"V1": area(v1)}, {"IT": area(it, order=order)}, steps=[2, 0], other_steps=[1])
    expected = cka([v1[:, 2], v1[:, 0]], [it[:, 1]])
    np.testing.assert_allclose(result.similarity.values[0, :, 0], expected, atol=1e-12)
    assert result.area_other.values.tolist() == ["IT"]
    assert result.time_step_other.values.tolist() == [1]


def test_one_state_at_a_time_is_read(states: tuple[np.ndarray, np.ndarray]) -> None:
    (v1, of_v1), (it, of_it) = (lazy(area(array)) for array in states)
    compare_states({"V1": v1, "IT": it})
    assert set(of_v1) == {(20, 1, 7)} and set(of_it) == {(20, 1, 30)}


def test_batches(states: tuple[np.ndarray, np.ndarray]) -> None:
    v1 = states[0]
    result = compare_states({"V1": area(v1)}, batch_size=5, epochs=2, seed=3)
    expected = cka([v1[:, i] for i in range(3)], batch_size=5, epochs=2, seed=3)
    np.testing.assert_allclose(result.similarity.values[0, :, 0], expected)


def test_plain_arrays(states: tuple[np.ndarray, np.ndarray]) -> None:
    result = compare_states(states[0], states[1][:, 0])
    assert result.similarity.shape == (1, 3, 1, 1)
    assert result.attrs["measure"] == "cka"


def test_nothing_but_unreached_states() -> None:
    result = compare_states({"V1": area(np.ones((5, 2, 3)), (0, 1))})
    assert result.similarity.isnull().all()


def test_what_is_refused_is_named(states: tuple[np.ndarray, np.ndarray]) -> None:
    v1, it = states
    recording = {"V1": area(v1)}
    broken = area(v1)
    broken[3, 1, 2] = np.nan
    with pytest.raises(AnalysisError, match="V1, step 1: holds NaN"):
        compare_states({"V1": broken})
    with pytest.raises(AnalysisError, match="areas: there is no 'V9'"):
        compare_states(recording, areas=["V9"])
    with pytest.raises(AnalysisError, match="steps: no area has step 7"):
        compare_states(recording, steps=[7])
    with pytest.raises(AnalysisError, match="measure: 'rsa' is none"):
        compare_states(recording, measure="rsa")
    with pytest.raises(AnalysisError, match="other: 's[0-9]+' is only in one"):
        compare_states(
            recording, {"V1": area(v1).assign_coords(stimulus_id=("stimulus", [f"t{i}" for i in range(20)]))}
        )
    with pytest.raises(AnalysisError, match="other: 19 stimuli, not 20"):
        compare_states(recording, it[:19])
    with pytest.raises(AnalysisError, match="there is no other recording"):
        compare_states(recording, other_steps=[0])
    with pytest.raises(AnalysisError, match="V1 and IT hold different stimuli"):
        compare_states({"V1": area(v1), "IT": area(it)[:10]})
