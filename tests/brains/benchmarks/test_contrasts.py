"""Whether models differ: right about models that do, and not too often about models that do not."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binom, spearmanr

from tests.brains.benchmarks.common import model
from ventralrnn.analysis.inference.pairs import Contrasts
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.analysis.rdm.distances import compute_distances
from ventralrnn.brains.benchmarks import BENCHMARKS, compare_models
from ventralrnn.brains.benchmarks.base import Committed, Settings
from ventralrnn.brains.benchmarks.contrasts import contrast_samples, rank_correlation_samples

SETTINGS = Settings(samples=100)
DATASETS = 80


def committed(score: float, area: str, state: xr.DataArray, scored: xr.Dataset | None = None) -> Committed:
    return Committed(score, np.nan, np.nan, area, (0,), (1.0,), None, state, xr.Dataset() if scored is None else scored)


def patterns(values: np.ndarray) -> xr.DataArray:
    coords = {"stimulus_id": ("stimulus", [f"s{i:02d}" for i in range(len(values))]), "time_step": ("time", [0])}
    return xr.DataArray(values[:, None].astype(np.float32), coords, ("stimulus", "time", "neuroid"), "IT")


def geometry(rng: np.random.Generator, lead: float) -> Contrasts:
    """Compare models that share a brain's features in part, the first `lead` more than the other."""
    stimuli, features, subjects = 24, 40, 6
    shared = rng.standard_normal((stimuli, features))
    own = rng.standard_normal((2, stimuli, features))
    models = [patterns((1 + more) * shared + mine) for more, mine in zip((lead, 0), own, strict=True)]
    brains = shared + rng.standard_normal((subjects, stimuli, features))
    ids = models[0]["stimulus_id"].values
    data = make_rdms(compute_distances(brains), ("subject",), {"subject": list(range(subjects))}, ids)
    benchmark = BENCHMARKS["ventralrnn.Cichy2016.IT-rdm"]
    rows = [compute_distances(one[:, 0].values[None]).ravel() for one in models]
    found = [np.mean([spearmanr(row, brain).statistic for brain in data.dissimilarity.values]) for row in rows]
    each = [committed(float(score), "IT", one) for score, one in zip(found, models, strict=True)]
    return benchmark.contrast(each, data, SETTINGS)


def neurons(rng: np.random.Generator, lead: float) -> Contrasts:
    """Compare models that predict each of 50 neurons about equally well."""
    shared = rng.beta(4, 3, 50)
    scores = shared + 0.1 * rng.standard_normal((2, 50)) + np.array([[lead], [0]])
    each = [
        committed(float(np.median(row)), "V4", patterns(np.zeros((2, 2))), xr.Dataset({"score_neuroid": ("n", row)}))
        for row in scores
    ]
    return BENCHMARKS["ventralrnn.Cowley2023.V4-ridge"].contrast(each, xr.DataArray(), SETTINGS)


def pictures(rng: np.random.Generator, lead: float) -> Contrasts:
    """Compare models whose entropies follow people's with errors of their own."""
    people = rng.exponential(size=300)
    values = people * np.array([[1 + 5 * lead], [1]]) + rng.standard_normal((2, 300))
    samples = rank_correlation_samples(values, people, SETTINGS.samples, 0)
    return contrast_samples([spearmanr(row, people).statistic for row in values], samples, 300, 0.95)


def units(rng: np.random.Generator, lead: float) -> Contrasts:
    """Compare time courses with that of a mean over units, which is resampled 40 times."""
    time = np.linspace(0, 1, 12)
    truth = time**2
    wrong = rng.standard_normal((2, 12))
    # The two errors are equally large and equally unrelated to the truth, so neither course is the better one.
    basis = np.linalg.qr(np.column_stack([np.ones(12), truth, wrong.T]))[0][:, 2:].T
    courses = truth + np.array([[0.5 - lead], [0.5]]) * np.linalg.norm(truth - truth.mean()) * basis
    recorded = truth + 0.8 * rng.standard_normal((60, 12))
    drawn = recorded[rng.integers(60, size=(40, 60))].mean(1)

    def alike(curve: np.ndarray) -> list[float]:
        return [float(np.corrcoef(course, curve)[0, 1]) for course in courses]

    samples = np.array([alike(curve) for curve in drawn]).T
    return contrast_samples(alike(recorded.mean(0)), samples, 60, 0.95)


@pytest.mark.parametrize(("simulate", "lead"), [(geometry, 0.6), (neurons, 0.1), (pictures, 0.12), (units, 0.45)])
def test_false_alarms_are_as_rare_as_promised(
    simulate: Callable[[np.random.Generator, float], Contrasts], lead: float
) -> None:
    nothing = [simulate(np.random.default_rng(seed), 0.0) for seed in range(DATASETS)]
    alarms = sum(one.p_value[0, 1] <= 0.05 for one in nothing)
    assert alarms <= binom.ppf(0.999, DATASETS, 0.06), alarms
    inside = sum(one.low[0, 1] <= 0 <= one.high[0, 1] for one in nothing)
    assert inside == DATASETS - alarms
    there = [simulate(np.random.default_rng(seed), lead) for seed in range(20)]
    assert sum(one.p_value[0, 1] <= 0.05 and one.difference[0, 1] > 0 for one in there) >= 12


def test_ranks_are_those_of_samples_that_are_copied() -> None:
    rng = np.random.default_rng(3)
    values, target = rng.integers(0, 6, (2, 40)).astype(float), rng.integers(0, 9, 40).astype(float)
    found = rank_correlation_samples(values, target, 5, 7)
    drawn = np.random.default_rng(7).integers(40, size=(5, 40))
    for row, samples in zip(values, found, strict=True):
        expected = [spearmanr(row[d], target[d]).statistic for d in drawn]
        np.testing.assert_allclose(samples, expected, atol=1e-12)


def test_one_is_the_other_the_other_way_round_and_none_differs_from_itself() -> None:
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((3, 200))
    samples[2] = samples[0]
    found = contrast_samples([0.5, 0.3, 0.5], samples, 20, 0.95)
    np.testing.assert_array_equal(found.difference, -found.difference.T)
    np.testing.assert_array_equal(found.low, -found.high.T)
    np.testing.assert_array_equal(found.p_value, found.p_value.T)
    assert np.isnan(found.difference.diagonal()).all()
    assert found.difference[0, 2] == 0 == found.low[0, 2] and found.p_value[0, 2] == 1


def test_every_benchmark_tells_a_model_from_the_truth_and_not_from_itself() -> None:
    true, other = model(neuroids=140), model(neuroids=140)
    other = {name: area.copy(data=area.values[:, :, ::-1] ** 3) for name, area in other.items()}
    names = [name for name in BENCHMARKS if "uncertainty" not in name]
    found = compare_models(
        {"true": true, "again": true, "other": other}, names, truth=true, simulate="always", samples=60
    )
    assert found["p_value"].dims == ("benchmark", "model", "model_other")
    same, apart = (found.sel(model="true", model_other=name) for name in ("again", "other"))
    assert (same["difference"] == 0).all() and (same["p_value"] == 1).all()
    difference = found["score"].sel(model="true") - found["score"].sel(model="other")
    np.testing.assert_allclose(apart["difference"], difference, atol=1e-12)
    assert (apart["difference_low"] <= apart["difference"]).all()
    assert (apart["difference"] <= apart["difference_high"]).all()
    rdm = [name for name in names if name.endswith("rdm")]
    assert (apart.sel(benchmark=rdm)["p_value"] < 0.05).all()
