"""Labelled comparison keeps dimensions, coordinates and how it was made."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import ventralrnn
from ventralrnn.analysis.comparison import compare_rdms, compare_vectors, partial_vectors
from ventralrnn.analysis.rdm import make_rdms, square_rdms
from ventralrnn.analysis.results import open_result, save_result
from ventralrnn.errors import AnalysisError

STIMULI = 10
PAIRS = STIMULI * (STIMULI - 1) // 2
NAMES = [f"s{i}" for i in range(STIMULI)]


@pytest.fixture
def model() -> xr.Dataset:
    values = np.random.default_rng(0).random((2, 5, PAIRS))
    values[1, 0] = np.nan
    time_ms = 50.0 + 10 * np.arange(10).reshape(2, 5)
    coords = {"area": ["V1", "IT"], "time_step": ("time", np.arange(5)), "time_ms": (("area", "time"), time_ms)}
    return make_rdms(values, ("area", "time"), coords, NAMES, {"model": "ventral", "distance": "correlation"})


@pytest.fixture
def brain() -> xr.Dataset:
    values = np.random.default_rng(1).random((3, 2, 7, PAIRS))
    coords = {"subject": ["a", "b", "c"], "area": ["V4", "IT"], "time_ms": ("time", 10.0 * np.arange(7))}
    attrs = {"distance": "crossnobis", "species": "macaque", "versions": "{}"}
    return make_rdms(values, ("subject", "area", "time"), coords, NAMES, attrs)


def test_every_state_with_every_state(model: xr.Dataset, brain: xr.Dataset) -> None:
    result = compare_rdms(model, brain, "kendall")
    assert result.similarity.dims == ("area", "time", "subject", "brain_area", "brain_time")
    first, second = model.dissimilarity.values.reshape(-1, PAIRS), brain.dissimilarity.values.reshape(-1, PAIRS)
    expected = compare_vectors(first, second, "kendall").reshape(2, 5, 3, 2, 7)
    np.testing.assert_array_equal(result.similarity.values, expected)
    assert np.isnan(result.similarity.sel(area="IT", time=0)).all()
    assert int(np.isnan(result.similarity).sum()) == 3 * 2 * 7


def test_coordinates_and_attributes(model: xr.Dataset, brain: xr.Dataset, tmp_path: Path) -> None:
    result = compare_rdms(model, brain)
    assert set(result.coords) == {
        "area", "time_step", "time_ms", "subject", "brain_area", "brain_time_ms",
    }  # fmt: skip
    for name in ("area", "time_step", "time_ms"):
        xr.testing.assert_equal(result[name].drop_vars(result[name].coords), model[name].drop_vars(model[name].coords))
    assert result.brain_time_ms.dims == ("brain_time",) and result.brain_time_ms.values.tolist() == list(
        range(0, 70, 10)
    )
    assert result.brain_area.values.tolist() == ["V4", "IT"] and result.subject.values.tolist() == ["a", "b", "c"]
    assert result.attrs["model"] == "ventral" and result.attrs["method"] == "spearman"
    assert result.attrs["distance"] == "correlation" and result.attrs["brain_distance"] == "crossnobis"
    assert result.attrs["brain_species"] == "macaque" and result.attrs["stimuli_compared"] == STIMULI
    assert "numpy" in json.loads(result.attrs["versions"])
    xr.testing.assert_identical(open_result(save_result(result, tmp_path / "a.nc")), result)


def test_names_only_one_has_stay(model: xr.Dataset, brain: xr.Dataset) -> None:
    result = compare_rdms(model.isel(time=2), brain.isel(area=1, subject=0))
    assert result.similarity.dims == ("area", "time")
    assert result.brain_time_ms.dims == ("time",) and result.time_ms.dims == ("area",)
    assert str(result.brain_area.values) == "IT" and int(result.time_step) == 2
    one = compare_rdms(model.isel(time=2, area=0), brain.isel(area=1, subject=0, time=3))
    assert one.similarity.dims == ()
    swapped = compare_rdms(brain, model)
    assert swapped.brain_time_ms.dims == ("brain_area", "brain_time")
    assert swapped.brain_time_step.dims == ("brain_time",)
    np.testing.assert_allclose(
        swapped.similarity.transpose("brain_area", "brain_time", "subject", "area", "time"),
        compare_rdms(model, brain).similarity,
        atol=1e-14,
    )


def test_stimuli_are_matched_by_name(model: xr.Dataset, brain: xr.Dataset) -> None:
    order = np.random.default_rng(2).permutation(STIMULI)
    square = square_rdms(brain).values[..., order[:, None], order]
    i, j = np.triu_indices(STIMULI, 1)
    moved = make_rdms(square[..., i, j], ("subject", "area", "time"), None, [NAMES[k] for k in order])
    np.testing.assert_allclose(compare_rdms(model, moved).similarity, compare_rdms(model, brain).similarity, atol=1e-14)
    with pytest.raises(AnalysisError, match="model: stimulus 's0' is not in `brain`"):
        compare_rdms(model, brain.assign_coords(stimulus_id=("stimulus", ["other", *NAMES[1:]])))


def test_controls(model: xr.Dataset, brain: xr.Dataset) -> None:
    controls = brain.isel(subject=0)
    result = compare_rdms(model, brain.isel(subject=1), "corr", controls=controls)
    expected = partial_vectors(
        model.dissimilarity.values.reshape(-1, PAIRS),
        brain.isel(subject=1).dissimilarity.values.reshape(-1, PAIRS),
        controls.dissimilarity.values.reshape(-1, PAIRS),
        "corr",
    )
    np.testing.assert_array_equal(result.similarity.values.reshape(10, 14), expected)
    assert json.loads(result.attrs["controlled"]) is True
    turned = controls.isel(stimulus=slice(None, None, -1)).assign(
        dissimilarity=(controls.dissimilarity.dims, square_rdms(controls).values[..., ::-1, ::-1][
            ..., np.triu_indices(STIMULI, 1)[0], np.triu_indices(STIMULI, 1)[1]
        ])
    )  # fmt: skip
    again = compare_rdms(model, brain.isel(subject=1), "corr", controls=turned)
    np.testing.assert_allclose(again.similarity, result.similarity, atol=1e-12)


def test_plain_arrays(model: xr.Dataset, brain: xr.Dataset) -> None:
    expected = compare_rdms(model, brain).similarity
    square, vectors = square_rdms(model).values, brain.dissimilarity.values
    result = compare_rdms(square, torch.from_numpy(vectors))
    assert result.similarity.dims == ("model_0", "model_1", "brain_0", "brain_1", "brain_2")
    np.testing.assert_array_equal(result.similarity.values, expected.values)
    assert compare_rdms(square[0, 0], vectors[0, 0]).similarity.dims == ("brain",)
    assert compare_rdms(model, vectors[:, 0, 0]).similarity.dims == ("area", "time", "brain")
    np.testing.assert_array_equal(compare_rdms(model, brain.dissimilarity).similarity, expected)
    # Three RDMs of three stimuli are no square matrix, unless they look like one.
    assert compare_rdms(np.eye(3), [1.0, 2, 4]).sizes == {"model": 3}
    assert compare_rdms(1 - np.eye(3) + [[0, 1, 2], [1, 0, 3], [2, 3, 0]], [1.0, 2, 4]).similarity.shape == ()


def test_facade() -> None:
    assert ventralrnn.compare_rdms is compare_rdms


def test_errors(model: xr.Dataset, brain: xr.Dataset) -> None:
    with pytest.raises(AnalysisError, match="give at least 3 stimuli"):
        compare_rdms(np.ones((4, 1)), np.ones((3, 1)))
    with pytest.raises(AnalysisError, match="RDMs of 11 pairs"):
        compare_rdms(np.ones((4, 11)), brain)
    with pytest.raises(AnalysisError, match="model: a Dataset without `dissimilarity`"):
        compare_rdms(model.rename(dissimilarity="d"), brain)
    with pytest.raises(AnalysisError, match="brain: a DataArray without the dimension pair"):
        compare_rdms(model, square_rdms(brain))
    with pytest.raises(AnalysisError, match="brain: give an xarray.Dataset, an xarray.DataArray or an array, not 3.0"):
        compare_rdms(model, 3.0)
    with pytest.raises(AnalysisError, match="method: 'x' is none of"):
        compare_rdms(model, brain, "x")
