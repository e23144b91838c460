"""Dissimilarities from repeats are the same in blocks of features as they are all at once, and in bounded memory."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from tests.analysis.lazy import lazy
from ventralrnn.analysis.rdm import (
    compute_crossnobis,
    compute_distances,
    compute_poisson,
    compute_rdm,
    estimate_noise,
    residuals_of,
)
from ventralrnn.errors import AnalysisError

RUNS, STIMULI, NEUROIDS = 4, 6, 61
METHODS = ("shrinkage_diag", "shrinkage_eye", "ledoit_wolf", "oas", "diag")


def repeats(neuroids: int = NEUROIDS, missing: bool = False, scale: float = 1.0) -> xr.DataArray:
    rng = np.random.default_rng(1)
    mixed = rng.standard_normal((RUNS, STIMULI, neuroids)) @ rng.standard_normal((neuroids, neuroids))
    values = 5 + rng.standard_normal((STIMULI, neuroids)) + scale * mixed * rng.uniform(0.2, 2, neuroids) / 5
    if missing:
        values[0, 2] = values[3, 2] = values[1, 5] = np.nan
    return xr.DataArray(values[:, :, None], dims=("repeat", "stimulus", "time", "neuroid"), name="IT")


def expected(array: xr.DataArray, distance: str, method: str | None) -> np.ndarray:
    """Return what the functions of arrays make of all features at once."""
    values = array.values[:, :, 0]
    noise = None
    if method is not None:
        rest, freedom = residuals_of(values)
        noise = estimate_noise(rest, method, freedom)
    if distance == "crossnobis":
        return compute_crossnobis(values, noise)
    return compute_distances(np.nanmean(values, 0), "mahalanobis", noise=noise)


@pytest.mark.parametrize("memory", [1 << 30, 8 * RUNS * STIMULI * 7, 1])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("distance", ["crossnobis", "mahalanobis"])
@pytest.mark.parametrize("method", METHODS)
def test_estimated_noise(method: str, distance: str, missing: bool, memory: int) -> None:
    array = repeats(missing=missing)
    got = compute_rdm(array, distance, noise=method, memory=memory).dissimilarity.values[0, 0]
    whole = expected(array, distance, method)
    np.testing.assert_allclose(got, whole, rtol=0, atol=1e-10 * np.abs(whole).max())


@pytest.mark.parametrize("scale", [1e-3, 1e-6])
@pytest.mark.parametrize("method", ["shrinkage_diag", "ledoit_wolf"])
def test_noise_that_is_small_beside_the_patterns(method: str, scale: float) -> None:
    array = repeats(scale=scale)
    got = compute_rdm(array, "crossnobis", noise=method, memory=1 << 10).dissimilarity.values[0, 0]
    whole = expected(array, "crossnobis", method)
    np.testing.assert_allclose(got, whole, rtol=0, atol=1e-9 * np.abs(whole).max())


@pytest.mark.parametrize("samples", [20, 100])
@pytest.mark.parametrize("distance", ["crossnobis", "mahalanobis"])
def test_given_noise(distance: str, samples: int) -> None:
    array = repeats(missing=True)
    noise = estimate_noise(np.random.default_rng(2).standard_normal((samples, NEUROIDS)) * 3)
    values = array.values[:, :, 0]
    for given in (noise, estimate_noise(array.values[0, :2, 0], "diag")):
        whole = compute_crossnobis(values, given)
        if distance == "mahalanobis":
            whole = compute_distances(np.nanmean(values, 0), "mahalanobis", noise=given)
        got = compute_rdm(array, distance, noise=given, memory=2000).dissimilarity.values[0, 0]
        np.testing.assert_allclose(got, whole, rtol=0, atol=1e-10 * np.abs(whole).max())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("missing", [False, True])
def test_without_noise(dtype: str, missing: bool) -> None:
    array = repeats(missing=missing).astype(dtype)
    values = array.values[:, :, 0].astype(float)
    rounding = 1e-12 if dtype == "float64" else 1e-5
    for memory in (1 << 20, 1000):
        for distance, whole in (
            ("crossnobis", compute_crossnobis(values)),
            ("correlation", compute_distances(np.nanmean(values, 0))),
        ):
            got = compute_rdm(array, distance, memory=memory).dissimilarity.values[0, 0]
            np.testing.assert_allclose(got, whole, rtol=0, atol=rounding * np.abs(whole).max())


@pytest.mark.parametrize("memory", [1 << 20, 1000])
def test_poisson_rates(memory: int) -> None:
    array = np.abs(repeats())
    values = array.values[:, :, 0]
    got = compute_rdm(array, "poisson", memory=memory).dissimilarity.values[0, 0]
    np.testing.assert_allclose(got, compute_poisson(values.mean(0)), rtol=1e-10)
    got = compute_rdm(array, "poisson_cv", memory=memory).dissimilarity.values[0, 0]
    np.testing.assert_allclose(got, compute_poisson(values, crossvalidated=True), rtol=1e-10)


@pytest.mark.parametrize("method", ["shrinkage_diag", "shrinkage_eye"])
def test_against_rsatoolbox(method: str) -> None:
    data = pytest.importorskip("rsatoolbox.data")
    from rsatoolbox.data.noise import prec_from_residuals
    from rsatoolbox.rdm import calc_rdm

    array = repeats()
    values = array.values[:, :, 0]
    names = {"stimulus": np.tile(np.arange(STIMULI), RUNS), "run": np.repeat(np.arange(RUNS), STIMULI)}
    theirs = data.Dataset(values.reshape(-1, NEUROIDS), obs_descriptors=names)
    rest = (values - values.mean(0)).reshape(-1, NEUROIDS)
    precision = prec_from_residuals(rest, dof=(RUNS - 1) * STIMULI, method=method)
    for distance in ("crossnobis", "mahalanobis"):
        folds = {"cv_descriptor": "run"} if distance == "crossnobis" else {}
        found = calc_rdm(theirs, distance, "stimulus", noise=precision, **folds).dissimilarities[0]
        got = compute_rdm(array, distance, noise=method, memory=1000).dissimilarity.values[0, 0]
        np.testing.assert_allclose(got, found * NEUROIDS, rtol=1e-8)


def test_only_a_block_is_read() -> None:
    array, reads = lazy(np.abs(repeats()))
    memory = 8 * RUNS * STIMULI * 21  # also of two tiles of a stimulus each
    for distance in ("crossnobis", "mahalanobis", "poisson", "poisson_cv", "correlation"):
        reads.clear()
        compute_rdm(array, distance, memory=memory)
        assert max(8 * int(np.prod(shape)) for shape in reads) <= memory and len(reads) > 2


def test_what_is_missing() -> None:
    array = repeats()
    array[:, :, 0] = np.nan
    for distance in ("crossnobis", "mahalanobis", "poisson", "poisson_cv", "correlation"):
        assert compute_rdm(array, distance).dissimilarity.isnull().all()
    array = repeats()
    array[1, 3, 0, 40:] = np.nan
    for memory in (1 << 20, 8 * RUNS * STIMULI * 20):
        with pytest.raises(AnalysisError, match="IT, step 0: .*stimulus 3 of run 1 holds NaN"):
            compute_rdm(array, "crossnobis", memory=memory)
    array = repeats()
    array[..., 45] = 2.0
    with pytest.raises(AnalysisError, match="feature 45 never varies"):
        compute_rdm(array, "mahalanobis", memory=1000)
    array = repeats()
    array[:, 2] = np.nan
    with pytest.raises(AnalysisError, match="stimulus 2 has no presentation"):
        compute_rdm(array, "mahalanobis")
    with pytest.raises(AnalysisError, match="covariance without inverse"):
        compute_rdm(repeats(), "mahalanobis", noise="full")
    with pytest.raises(AnalysisError, match="noise 'mcd': shrinkage_diag"):
        compute_rdm(repeats(), "crossnobis", noise="mcd")
    with pytest.raises(AnalysisError, match="noise: of 60 features, but patterns have 61"):
        compute_rdm(repeats(), "crossnobis", noise=estimate_noise(torch.randn(9, 60)))


# A process of its own cannot import the tests.
_MEASURE = (Path(__file__).parents[1] / "lazy.py").read_text() + """
import json, resource, sys
import torch
from ventralrnn.analysis.rdm import compute_rdm

torch.set_num_threads(1)

def run(neuroids):
    area = made(repeat=4, stimulus=20, neuroid=neuroids)
    for distance, noise in ("crossnobis", None), ("mahalanobis", "shrinkage_diag"), ("poisson_cv", None):
        compute_rdm(area, distance, noise=noise, memory=2 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

print(json.dumps([run(int(text)) for text in sys.argv[1:]]))
"""


def test_memory_does_not_grow_with_the_area() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, "10000", "100000"], capture_output=True, text=True, check=True
    )
    first, second = json.loads(done.stdout)
    # States are 3 and 32 MB.
    assert second - first < 8e6
