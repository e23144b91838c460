"""Dissimilarities between times, against scipy."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from tests.analysis.rdm.common import area
from ventralrnn.analysis.rdm import compute_crosstemporal, compute_crosstemporal_rdm, compute_rdm, square_rdms
from ventralrnn.errors import AnalysisError

DISTANCES = ("correlation", "euclidean", "sqeuclidean", "cosine")


@pytest.mark.parametrize("distance", DISTANCES)
def test_against_scipy(distance: str) -> None:
    x = np.random.default_rng(0).standard_normal((4, 7, 30)) + 2
    x[1] = np.nan
    got = compute_crosstemporal(x, distance)
    assert got.shape == (4, 4, 7, 7)
    for t in (0, 2, 3):
        for u in (0, 2, 3):
            np.testing.assert_allclose(got[t, u], cdist(x[t], x[u], distance), atol=1e-6 if t == u else 1e-10)
            assert (t == u) == np.allclose(got[t, u], got[t, u].T)
    assert np.isnan(got[1]).all() and np.isnan(got[:, 1]).all()
    assert isinstance(compute_crosstemporal(torch.from_numpy(x), distance), torch.Tensor)


def test_how_far_each_stimulus_moved_in_float32() -> None:
    """States that hardly change any more, around a mean of 1000."""
    rng = np.random.default_rng(0)
    common = 1000 + rng.standard_normal(512)
    x = (common + 1e-2 * rng.standard_normal((3, 10, 512))).astype(np.float32)
    got = compute_crosstemporal(x, "sqeuclidean")
    expected = ((x[2].astype(float) - x[0].astype(float)) ** 2).sum(1)
    np.testing.assert_allclose(got[2, 0].diagonal(), expected, rtol=1e-5)


def test_labelled() -> None:
    x = area(np.random.default_rng(0).standard_normal((6, 4, 20)), steps=[0, 1, 2, 5], unreached=(0,))
    got = compute_crosstemporal_rdm(x)
    assert got.dims == ("time", "time_other", "stimulus", "stimulus_other")
    assert got.time_step_other.values.tolist() == [0, 1, 2, 5] and got.time_ms.values.tolist() == [50, 60, 70, 100]
    assert got.stimulus_id_other.values.tolist() == [f"s{i}" for i in range(6)]
    assert np.isnan(got[0]).all() and np.isnan(got[:, 0]).all()
    square = square_rdms(compute_rdm(x))[0]
    for time in (1, 2, 3):
        np.testing.assert_allclose(got[time, time], square[time], atol=1e-12)
    np.testing.assert_allclose(got[1:, 1:], compute_crosstemporal(x.values.transpose(1, 0, 2))[1:, 1:], atol=1e-12)
    assert got.attrs["distance"] == "correlation"


def test_refusals() -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 9))
    x[1, 3] = 4
    with pytest.raises(AnalysisError, match="time step 1: stimulus 3 has the same value"):
        compute_crosstemporal(x)
    assert np.isnan(compute_crosstemporal(x, constant="nan")[0, 1][:, 3]).all()
    with pytest.raises(AnalysisError, match="no time step of it exists"):
        compute_crosstemporal_rdm(area(x, unreached=(0, 1, 2, 3, 4)))
    with pytest.raises(AnalysisError, match="holds repeats: average over them first"):
        compute_crosstemporal_rdm(area(x, stimulus_id=("stimulus", ["a", "a"])))
