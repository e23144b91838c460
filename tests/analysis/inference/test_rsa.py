"""The labelled comparison: names, coordinates, and the same numbers as the functions on arrays."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ventralrnn.analysis import rsa
from ventralrnn.analysis.inference import (
    bootstrap_similarity,
    false_discovery,
    noise_ceilings,
    permute_stimuli,
)
from ventralrnn.analysis.rdm import make_rdms, select_stimuli
from ventralrnn.analysis.results import open_result, save_result
from ventralrnn.errors import AnalysisError

STIMULI = 16
PAIRS = STIMULI * (STIMULI - 1) // 2
NAMES = [f"s{i}" for i in range(STIMULI)]
BOTH = ("area", "time", "brain_area", "brain_time")


def rdms() -> tuple[xr.Dataset, xr.Dataset]:
    """Return a model of two areas and four steps, and a brain of three subjects, two areas and five times."""
    rng = np.random.default_rng(0)
    model = rng.random((2, 4, PAIRS))
    brain = 0.8 * rng.random((3, 2, 5, PAIRS))
    brain[:, 1, 2:] += model[1, 2]
    model[1, 0] = np.nan
    steps = {"time_step": ("time", np.arange(4)), "time_ms": ("time", 50.0 + 10 * np.arange(4))}
    bins = {"time_ms": (("area", "time"), 60.0 + 10 * np.arange(10).reshape(2, 5)), "subject": list("abc")}
    return (
        make_rdms(model, ("area", "time"), {"area": ["V1", "IT"], **steps}, NAMES, {"model": "ventral", "seed": 5}),
        make_rdms(brain, ("subject", "area", "time"), {"area": ["V4", "IT"], **bins}, NAMES),
    )


@pytest.fixture(scope="module")
def result() -> xr.Dataset:
    return rsa(*rdms(), bootstrap=50, resample="both", permutations=99, seed=3)


def test_dimensions_and_coordinates(result: xr.Dataset) -> None:
    for name in ("similarity", "low", "high", "p_value", "p_corrected", "significant"):
        assert result[name].dims == BOTH, name
    assert result.similarity_subject.dims == ("subject", *BOTH)
    for name in ("ceiling_lower", "ceiling_upper", "ceiling_lower_low", "ceiling_upper_high"):
        assert result[name].dims == ("brain_area", "brain_time"), name
    assert result.ceiling_lag_lower.dims == ("brain_area", "brain_time", "brain_time_other")
    assert result.brain_time_ms.dims == ("brain_area", "brain_time")
    assert result.brain_time_ms_other.dims == ("brain_area", "brain_time_other")
    assert result.time_ms.values.tolist() == [50, 60, 70, 80] and result.subject.values.tolist() == list("abc")


def test_numbers_are_those_of_the_functions_on_arrays(result: xr.Dataset) -> None:
    model, brain = (one.dissimilarity.values for one in rdms())
    models, brains = model.reshape(8, PAIRS), brain.reshape(3, 10, PAIRS)
    shape = (2, 4, 2, 5)
    np.testing.assert_allclose(result.similarity, result.similarity_subject.mean("subject", skipna=False))
    samples = bootstrap_similarity(models, brains, samples=50, resample="both", seed=3)
    point = result.similarity.values.reshape(8, 10)
    for name, bound in zip(("low", "high"), samples.interval(point, samples.similarity), strict=True):
        np.testing.assert_array_equal(result[name].values, bound.reshape(shape))
    test = permute_stimuli(models, brains, permutations=99, seed=3)
    np.testing.assert_allclose(test.observed, point, atol=1e-12)
    np.testing.assert_array_equal(result.p_value.values, test.p_values().reshape(shape))
    np.testing.assert_array_equal(result.p_corrected.values, test.standardised().max_p_values().reshape(shape))
    for area in range(2):
        ceilings = noise_ceilings(brain[:, area])
        np.testing.assert_array_equal(result.ceiling_lower[area], ceilings.lower)
        np.testing.assert_array_equal(result.ceiling_lag_upper[area], ceilings.lag_upper)


def test_what_is_there_is_found(result: xr.Dataset) -> None:
    there = np.zeros((2, 4, 2, 5), bool)
    there[1, 2, 1, 2:] = True
    np.testing.assert_array_equal(result.significant, there)
    np.testing.assert_array_equal(result.p_corrected <= 0.05, there)
    # The last bins have the same RDM, at and between times.
    lag = result.ceiling_lag_lower.values
    assert lag[1, 2:, 2:].min() > 0.3 > np.abs(lag[0][~np.eye(5, dtype=bool)]).max()


def test_states_that_do_not_exist(result: xr.Dataset) -> None:
    for name in ("similarity", "low", "high", "p_value", "p_corrected"):
        assert np.isnan(result[name][1, 0]).all() and np.isfinite(result[name].values[[0, 0, 1], [0, 1, 1]]).all(), name
    assert not result.significant[1, 0].any()


def test_how_it_was_made_and_on_disk(result: xr.Dataset, tmp_path: Path) -> None:
    expected = {
        "method": "spearman", "level": 0.95, "bootstrap": 50, "resample": "both", "interval": "t", "permutations": 99,
        "correction": "max", "cluster_p": 0.05, "resampling_seed": 3, "model": "ventral", "seed": 5,
    }  # fmt: skip
    assert {name: result.attrs[name] for name in expected} == expected
    back = open_result(save_result(result, tmp_path / "rsa.nc"))
    np.testing.assert_array_equal(back.significant, result.significant)
    xr.testing.assert_identical(back.drop_vars("significant"), result.drop_vars("significant"))


def test_stimuli_are_matched_by_name(result: xr.Dataset) -> None:
    model, brain = rdms()
    order = np.random.default_rng(0).permutation(STIMULI)
    shuffled = rsa(model, select_stimuli(brain, order), bootstrap=50, resample="both", permutations=99, seed=3)
    for name in ("similarity", "low", "p_value", "ceiling_upper"):
        np.testing.assert_allclose(shuffled[name], result[name], atol=1e-6)


@pytest.mark.parametrize("correction", ["bh", "by"])
def test_false_discovery(correction: str) -> None:
    result = rsa(*rdms(), permutations=40, correction=correction)  # type: ignore[arg-type]
    expected = false_discovery(result.p_value.values, correction)  # type: ignore[arg-type]
    np.testing.assert_array_equal(result.p_corrected, expected)
    assert "low" not in result


def test_any_dimension_may_be_missing() -> None:
    model, brain = rdms()
    one = rsa(model.isel(area=0, time=1), brain.isel(area=0, time=0), bootstrap=5, permutations=9)
    assert one.similarity.dims == () and one.ceiling_lower.dims == () and "ceiling_lag_lower" not in one
    assert one.significant.dtype == bool
    alone = rsa(model, brain.isel(subject=0, area=1), bootstrap=5, permutations=99)
    assert alone.similarity.dims == ("area", "time", "brain_time") and "similarity_subject" not in alone
    assert "ceiling_lower" not in alone and "ceiling_lower_low" not in alone
    assert alone.significant[1, 2].values.tolist() == [False, False, True, True, True]
    static = rsa(model.isel(time=2), brain, permutations=99)
    assert static.similarity.dims == ("area", "subject", "brain_area", "time")[:1] + ("brain_area", "time")
    assert static.ceiling_lag_upper.dims == ("brain_area", "time", "time_other")
    assert static.significant[1, 1].values.tolist() == [False, False, True, True, True]


def test_what_is_refused_is_named() -> None:
    model, brain = rdms()
    with pytest.raises(AnalysisError, match="model: RDMs have the dimension subject"):
        rsa(brain, brain)
    for name, value in {"level": 95, "cluster_p": 0, "interval": "bca", "correction": "holm"}.items():
        with pytest.raises(AnalysisError, match=f"{name}: .*{value}"):
            rsa(model, brain, **{name: value})  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="bootstrap, permutations: give 0"):
        rsa(model, brain, bootstrap=-1)
    with pytest.raises(AnalysisError, match="'whitened' has no bootstrap over stimuli"):
        rsa(model, brain, "whitened", bootstrap=10)
