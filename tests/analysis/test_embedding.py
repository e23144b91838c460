"""States as points: distances that fit into the plane are found again."""

import numpy as np
import pytest
import xarray as xr
from scipy.spatial import procrustes
from scipy.spatial.distance import cdist

from ventralrnn.analysis import embed_states
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.errors import AnalysisError

POINTS = np.random.default_rng(0).normal(size=(2, 4, 2))


def distances(points: np.ndarray = POINTS) -> xr.Dataset:
    """Return distances of points in the form in which compare_states returns them; the first of IT is not reached."""
    flat = points.reshape(-1, points.shape[-1])
    values = cdist(flat, flat).reshape(*points.shape[:2], *points.shape[:2])
    values[1, 0] = values[:, :, 1, 0] = np.nan
    coords = {"area": ["V1", "IT"], "time_step": ("time", range(4)), "area_other": ["V1", "IT"]}
    return xr.Dataset(
        {"distance": (("area", "time", "area_other", "time_other"), values)}, coords, {"measure": "angular"}
    )


def test_points_of_a_plane_are_found_again() -> None:
    placed = embed_states(distances())
    position = placed.position.values
    there = np.isfinite(position).all(-1)
    assert there.tolist() == [[True] * 4, [False, True, True, True]]
    np.testing.assert_allclose(cdist(position[there], position[there]), cdist(POINTS[there], POINTS[there]), atol=1e-4)
    assert procrustes(POINTS[there], position[there])[2] < 1e-8
    assert placed.attrs["stress"] < 1e-4 and placed.attrs["distance"] == "angular distance"
    assert position[there].var(0)[0] > position[there].var(0)[1]
    assert set(placed.coords) == {"area", "time_step"}


def test_the_stress_is_that_of_what_does_not_fit() -> None:
    solid = np.random.default_rng(1).normal(size=(2, 4, 5))
    placed = embed_states(distances(solid))
    there = np.isfinite(placed.position.values).all(-1)
    true, shown = (cdist(x[there], x[there]) for x in (solid, placed.position.values))
    assert placed.attrs["stress"] == pytest.approx(np.sqrt(((true - shown) ** 2).sum() / (true**2).sum()))
    # Classical scaling, where it begins, is worse; more dimensions are better.
    assert 0.02 < placed.attrs["stress"] < 0.3
    assert embed_states(distances(solid), dimensions=5).attrs["stress"] < 0.01


def test_second_stage_distances_of_rdms() -> None:
    rng = np.random.default_rng(2)
    values = rng.random((2, 3, 45))
    values[1] = values[0] + 0.01 * rng.random((3, 45))  # each state of IT is almost that of V1
    coords = {"area": ["V1", "IT"], "time_ms": (("area", "time"), np.arange(6.0).reshape(2, 3))}
    rdms = make_rdms(values, ("area", "time"), coords, attrs={"simulated": "yes"})
    placed = embed_states(rdms)
    v1, it = placed.position.values
    assert cdist(v1, it).argmin(1).tolist() == [0, 1, 2]
    assert placed.attrs["distance"] == "1 - spearman similarity of RDMs" and placed.attrs["simulated"] == "yes"
    xr.testing.assert_identical(embed_states(rdms).position, placed.position)


def test_what_cannot_be_placed_is_refused() -> None:
    few = make_rdms(np.random.default_rng(3).random((1, 2, 10)), ("area", "time"), {"area": ["IT"]})
    with pytest.raises(AnalysisError, match="2 states; at least 3"):
        embed_states(few)
    with pytest.raises(AnalysisError, match="dimensions area and time"):
        embed_states(make_rdms(np.zeros(3)))
    with pytest.raises(AnalysisError, match="compares two recordings"):
        embed_states(distances().isel(time_other=slice(3)))
    with pytest.raises(AnalysisError, match="give RDMs, or"):
        embed_states(xr.Dataset({"x": ("area", [1])}))
