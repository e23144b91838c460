"""Differences of fits at all states: against the functions of arrays, and in simulations with a known truth."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from ventralrnn.analysis import compare_rdms
from ventralrnn.analysis.inference import (
    bootstrap_similarity,
    contrast_states,
    false_discovery,
    state_differences,
)
from ventralrnn.analysis.rdm import make_rdms, select_stimuli
from ventralrnn.errors import AnalysisError

STIMULI, SUBJECTS = 14, 5
PAIRS = STIMULI * (STIMULI - 1) // 2
NAMES = [f"s{i}" for i in range(STIMULI)]


def model(seed: int, areas: tuple[str, ...] = ("V4", "IT"), steps: tuple[int, ...] = (0, 1, 2)) -> xr.Dataset:
    values = np.random.default_rng(seed).random((len(areas), len(steps), PAIRS))
    return make_rdms(values, ("area", "time"), {"area": list(areas), "time_step": ("time", list(steps))}, NAMES)


def brain(seed: int = 9) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    shared = model(0).dissimilarity.values[1, :2]
    return make_rdms(shared + rng.random((SUBJECTS, 2, PAIRS)), ("subject", "time"), None, NAMES)


def test_every_state_is_compared_as_arrays_are() -> None:
    one, two, brains = model(0), model(1), brain()
    for correction in ("bh",):
        got = contrast_states(one, two, brains, "corr", bootstrap=20, correction=correction, seed=3)
        assert got.difference.dims == ("area", "time", "brain_time") and got.difference.shape == (2, 3, 2)
        expected = [
            compare_rdms(m, brains, "corr").similarity.mean("subject").transpose(*got.difference.dims)
            for m in (one, two)
        ]
        np.testing.assert_allclose(got.difference, expected[0] - expected[1], atol=1e-12)
        np.testing.assert_allclose(got.similarity_second, expected[1], atol=1e-12)
        rows = np.concatenate([m.dissimilarity.values.reshape(6, -1) for m in (one, two)])
        samples = bootstrap_similarity(rows, brains.dissimilarity.values, "corr", samples=20, seed=3)
        whole = np.concatenate([e.values.reshape(6, 2) for e in expected])
        found = state_differences(whole, samples, [(i, i + 6) for i in range(6)])
        for name in ("low", "high", "p_value"):
            np.testing.assert_allclose(got[name].values.reshape(6, 2), getattr(found, name), atol=1e-12)
        corrected = false_discovery(found.p_value, correction)
        np.testing.assert_allclose(got.p_corrected.values.reshape(6, 2), corrected, atol=1e-12)
    large = np.argwhere(got.difference.values > 0.3).tolist()
    assert large == [[1, 0, 0], [1, 1, 1]]  # the states that the brain was made of


def test_only_common_states_and_the_same_stimuli() -> None:
    one, two, brains = model(0), model(1, ("IT", "V1"), (2, 0, 5)), brain()
    order = np.random.default_rng(0).permutation(STIMULI)
    got = contrast_states(one, select_stimuli(two, order), select_stimuli(brains, order[::-1]), bootstrap=20)
    assert got.area.values.tolist() == ["IT"] and got.time_step.values.tolist() == [0, 2]
    expected = contrast_states(
        one.sel(area="IT").isel(time=[0, 2]), two.sel(area="IT").isel(time=[1, 0]), brains, bootstrap=20
    )
    np.testing.assert_allclose(got.difference[0], expected.difference, atol=1e-9)
    itself = contrast_states(one, one, brains, bootstrap=20)
    assert (itself.difference == 0).all() and not (itself.p_corrected < 1).any()


def test_states_that_do_not_exist() -> None:
    one = model(0)
    one["dissimilarity"][:, 0] = np.nan
    got = contrast_states(one, model(1), brain(), bootstrap=50)
    for name in ("difference", "low", "p_value", "p_corrected"):
        assert got[name][:, 0].isnull().all() and got[name][:, 1:].notnull().all()


def simulated(rng: np.random.Generator, stimuli: int, effect: float, fixed: bool, states: int = 4) -> Any:
    """Return two models that are equally good at all states but, with an effect, the first; and a brain.

    They are so for stimuli in general or, if `fixed`, for these: then no two geometries share anything.
    """
    parts = rng.standard_normal((2, states, stimuli, 8))
    squares = ((parts[..., :, None, :] - parts[..., None, :, :]) ** 2).sum(-1)
    first, second = np.triu_indices(stimuli, 1)
    ones, twos = squares[..., first, second]
    ones, twos = ((x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True) for x in (ones, twos))
    if fixed:
        apart = np.linalg.qr(np.concatenate([ones, twos]).T)[0].T
        ones, twos = apart[:states] * len(first) ** 0.5, apart[states:] * len(first) ** 0.5
    weight = np.zeros((states, 1))
    weight[0] = effect
    truth = (0.5 + weight) * ones + (0.5 - weight) * twos
    brains = truth.mean(0) if not effect else truth[0]
    noisy = brains + 1.5 * rng.standard_normal((8, ones.shape[-1]))
    return make_rdms(ones, ("time",)), make_rdms(twos, ("time",)), make_rdms(noisy, ("subject",))


@pytest.mark.parametrize(("resample", "stimuli", "sets", "most"), [("subjects", 8, 60, 10), ("stimuli", 12, 15, 5)])
def test_no_difference_is_found_where_there_is_none(resample: Any, stimuli: int, sets: int, most: int) -> None:
    """Of families of 4 states without a difference at most about 5 % have any p value of 0.05 or less.

    A binomial of that share exceeds `most` with a chance of less than 1 in 1000.
    """
    rng = np.random.default_rng(4)
    wrong = uncorrected = 0
    for seed in range(sets):
        models_and_brain = simulated(rng, stimuli, 0.0, resample == "subjects")
        got = contrast_states(*models_and_brain, "corr", bootstrap=40, resample=resample, seed=seed)
        wrong += bool((got.p_corrected <= 0.05).any())
        uncorrected += bool((got.p_value <= 0.05).any())
    assert wrong <= most and wrong <= uncorrected


@pytest.mark.parametrize("correction", ["max", "bh"])
def test_a_difference_is_found_where_it_is(correction: Any) -> None:
    one, two, brains = simulated(np.random.default_rng(0), 20, 0.5, True)
    got = contrast_states(one, two, brains, "corr", resample="subjects", bootstrap=200, correction=correction)
    assert got.difference[0] > 0.3 and got.p_corrected[0] < 0.01 and (got.low[0] > 0)
    assert (got.p_corrected >= got.p_value).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"second": model(1).isel(time=0)}, r"first, second: RDMs over \(area, time, pair\) and \(area, pair\)"),
        ({"second": model(1, ("V1", "V2"))}, "first, second: no area is in both"),
        ({"bootstrap": 1}, "bootstrap: 1 samples are too few"),
        ({"correction": "fdr"}, "correction: 'fdr' is not"),
        ({"second": model(1).dissimilarity.values}, "second: give an xarray.Dataset, not a numpy.ndarray"),
        ({"level": 95}, "level: 95"),
    ],
)
def test_what_is_refused_is_named(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"first": model(0), "second": model(1), "brain": brain(), **change}
    with pytest.raises(AnalysisError, match=message):
        contrast_states(**arguments)
