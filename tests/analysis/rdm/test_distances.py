"""Dissimilarities against scipy, rsatoolbox and mne-rsa; near-duplicates; invariances; what is not defined."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.rdm.common import near_duplicates, reference
from ventralrnn.analysis.rdm import compute_distances, patterns
from ventralrnn.errors import AnalysisError

DISTANCES = ("correlation", "euclidean", "sqeuclidean", "cosine")


def some(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize(("stimuli", "features"), [(2, 2), (2, 50), (17, 300), (300, 20)])
def test_against_scipy(distance: str, stimuli: int, features: int) -> None:
    x = some(stimuli, features) + 3
    np.testing.assert_allclose(compute_distances(x, distance), reference(x, distance), rtol=1e-9, atol=1e-13)
    single = x.astype(np.float32)
    got = compute_distances(single, distance)
    assert got.dtype == np.float32
    expected = reference(single, distance)
    if distance == "euclidean":
        got, expected = got**2, expected**2
    # Patterns of unit length are at most 2 apart in these; other lengths are those of the patterns.
    largest = 2 if distance in ("correlation", "cosine") else expected.max()
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * largest)


@pytest.mark.parametrize("distance", DISTANCES)
def test_one_neuroid(distance: str) -> None:
    x = some(5, 1)
    if distance == "correlation":
        with pytest.raises(AnalysisError, match="correlation needs at least 2 features, not 1: use euclidean"):
            compute_distances(x)
    else:
        np.testing.assert_allclose(compute_distances(x, distance), reference(x, distance), atol=1e-15)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize(("stimuli", "features"), [(30, 512), (64, 2048)])
def test_near_duplicates_with_a_large_offset_in_float32(distance: str, stimuli: int, features: int) -> None:
    x = near_duplicates(stimuli, features)
    exact = x.astype(np.longdouble)
    if distance == "correlation":
        exact -= exact.mean(1, keepdims=True)
    if distance in ("correlation", "cosine"):
        exact /= np.sqrt((exact**2).sum(1, keepdims=True))
    first, second = np.triu_indices(stimuli, 1)
    expected = ((exact[first] - exact[second]) ** 2).sum(1)
    expected = np.sqrt(expected) if distance == "euclidean" else expected
    expected = expected / 2 if distance in ("correlation", "cosine") else expected
    relative = np.abs(compute_distances(x, distance) / expected - 1).max()
    assert relative < 1e-5  # measured: 5e-7
    # A matrix product of the patterns as they are is off by more than what is measured.
    if distance == "cosine":
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        assert np.abs((1 - unit @ unit.T)[first, second] / expected.astype(float) - 1).max() > 1


@pytest.mark.parametrize("distance", DISTANCES)
def test_duplicates_are_no_distance_apart(distance: str) -> None:
    x = some(6, 40)
    x[4] = x[1]
    got = compute_distances(x, distance)
    pair = list(zip(*np.triu_indices(6, 1), strict=True)).index((1, 4))
    assert 0 <= got[pair] <= (1e-7 if distance == "euclidean" else 1e-14) * got.max()
    assert (np.delete(got, pair) > 0.01).all()
    assert (compute_distances(np.ones((4, 3)), "euclidean") == 0).all()


@pytest.mark.parametrize("distance", DISTANCES)
def test_all_states_at_once(distance: str) -> None:
    x = some(3, 4, 9, 30)
    x[1, 2] = np.nan
    got = compute_distances(x, distance)
    assert got.shape == (3, 4, 36)
    assert np.isnan(got[1, 2]).all() and np.isnan(got).sum() == 36
    for state in ((0, 0), (2, 3), (1, 1)):
        np.testing.assert_allclose(got[state], compute_distances(x[state], distance), rtol=1e-12)
    moved = np.moveaxis(np.moveaxis(x, 2, 0).copy(), 0, 2)
    np.testing.assert_allclose(compute_distances(moved, distance), got, rtol=1e-12)


@pytest.mark.parametrize("block", [1, 300, 5000])
@pytest.mark.parametrize("distance", DISTANCES)
def test_blocks_change_nothing_but_rounding(distance: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = some(2, 150, 400).astype(np.float32)
    whole = compute_distances(x, distance)
    monkeypatch.setattr(patterns, "_BLOCK_VALUES", block)
    monkeypatch.setattr(patterns, "_TILE_ROWS", 7)
    np.testing.assert_allclose(compute_distances(x, distance), whole, atol=1e-6 * whole.max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_tensors_stay_tensors(dtype: torch.dtype) -> None:
    x = torch.from_numpy(some(7, 20)).to(dtype)
    got = compute_distances(x)
    assert isinstance(got, torch.Tensor)
    assert got.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    np.testing.assert_allclose(got.double(), reference(x.double().numpy(), "correlation"), atol=1e-6)


def test_the_argument_is_left_as_it_was() -> None:
    x = some(7, 20)
    before = x.copy()
    for distance in DISTANCES:
        compute_distances(x, distance)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("value", [0.0, 0.1, -7e5])
def test_constant_patterns(value: float) -> None:
    x = some(6, 33).astype(np.float32)
    x[[2, 4]] = value
    with pytest.raises(AnalysisError, match=r"stimulus 2 has the same value in all features \(2 stimuli do\)"):
        compute_distances(x)
    got = compute_distances(x, constant="nan")
    first, second = np.triu_indices(6, 1)
    lost = np.isin(first, [2, 4]) | np.isin(second, [2, 4])
    np.testing.assert_array_equal(np.isnan(got), lost)
    np.testing.assert_allclose(got[~lost], compute_distances(np.delete(x, [2, 4], 0)), atol=1e-6)
    assert np.isfinite(compute_distances(x, "euclidean")).all()
    with pytest.raises(AnalysisError, match="stimulus 2 of state 1 has the same"):
        compute_distances(np.stack([some(6, 33), x]))
    if value == 0:
        with pytest.raises(AnalysisError, match=r"stimulus 2 is zero in all features .* its cosine distance"):
            compute_distances(x, "cosine")
    else:
        assert np.isfinite(compute_distances(x, "cosine")).all()


def test_almost_constant_patterns_are_not_constant() -> None:
    x = np.full((3, 50), 1000, np.float32)
    x[0, 3] = x[1, 4] = x[2, 5] = np.nextafter(np.float32(1000), np.float32(2000))
    np.testing.assert_allclose(compute_distances(x), reference(x, "correlation"), rtol=1e-5)


@pytest.mark.parametrize("distance", DISTANCES)
def test_what_is_not_finite_is_named(distance: str) -> None:
    for value in (np.nan, np.inf):
        x = some(2, 5, 8)
        x[1, 3, 2] = value
        with pytest.raises(AnalysisError, match="NaN or infinity for stimulus 3: leave such"):
            compute_distances(x, distance)


def test_refusals() -> None:
    x = some(4, 5)
    for arguments, message in (
        ((x, "manhattan"), "distance 'manhattan': correlation, "),
        ((x[:1],), "1 stimuli have no pairs"),
        ((x[0],), r"give \(..., stimulus, feature\)"),
        ((x, "mahalanobis"), "mahalanobis needs a noise covariance"),
    ):
        with pytest.raises(AnalysisError, match=message):
            compute_distances(*arguments)
    with pytest.raises(AnalysisError, match="noise: goes not with correlation"):
        compute_distances(x, noise=np.eye(5))
    with pytest.raises(AnalysisError, match="constant 'drop': raise or nan"):
        compute_distances(x, constant="drop")
    with pytest.raises(AnalysisError, match="of 4 features, but patterns have 5"):
        compute_distances(x, "mahalanobis", noise=np.eye(4))


sizes = {"stimuli": st.integers(2, 12), "features": st.integers(3, 30), "seed": st.integers(0, 10**6)}


@settings(deadline=None, max_examples=20)
@given(**sizes)
def test_rotation_moves_no_euclidean_distance(stimuli: int, features: int, seed: int) -> None:
    x = some(stimuli, features, seed=seed)
    rotation = np.linalg.qr(some(features, features, seed=seed + 1))[0]
    for distance in ("euclidean", "sqeuclidean", "cosine"):
        got, rotated = compute_distances(x, distance), compute_distances(x @ rotation, distance)
        np.testing.assert_allclose(rotated, got, rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=20)
@given(**sizes)
def test_scale_and_offset_of_a_pattern_move_no_correlation(stimuli: int, features: int, seed: int) -> None:
    x = some(stimuli, features, seed=seed)
    rng = np.random.default_rng(seed + 1)
    scale, offset = rng.uniform(0.1, 50, (stimuli, 1)), rng.uniform(-50, 50, (stimuli, 1))
    np.testing.assert_allclose(compute_distances(x * scale + offset), compute_distances(x), rtol=1e-8, atol=1e-11)


@settings(deadline=None, max_examples=20)
@given(**sizes)
def test_order_of_stimuli(stimuli: int, features: int, seed: int) -> None:
    x = some(stimuli, features, seed=seed)
    order = np.random.default_rng(seed).permutation(stimuli)
    first, second = np.triu_indices(stimuli, 1)
    for distance in DISTANCES:
        square = np.zeros((stimuli, stimuli))
        square[first, second] = square[second, first] = compute_distances(x, distance)
        got = compute_distances(x[order], distance)
        np.testing.assert_allclose(got, square[np.ix_(order, order)][first, second], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("distance", ["correlation", "euclidean"])
def test_against_rsatoolbox(distance: str) -> None:
    data = pytest.importorskip("rsatoolbox.data", exc_type=ImportError)
    from rsatoolbox.rdm import calc_rdm

    x = some(12, 40) + 5
    theirs = calc_rdm(data.Dataset(x), method=distance).dissimilarities[0]
    # Their 'euclidean' is squared, and divided by the number of channels.
    ours = compute_distances(x, "sqeuclidean") / 40 if distance == "euclidean" else compute_distances(x, distance)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("distance", DISTANCES)
def test_against_mne_rsa(distance: Any) -> None:
    mne_rsa = pytest.importorskip("mne_rsa")
    x = some(9, 25)
    np.testing.assert_allclose(compute_distances(x, distance), mne_rsa.compute_rdm(x, metric=distance), rtol=1e-9)


def test_against_brainscore() -> None:
    rdm = pytest.importorskip("brainscore_vision.metrics.rdm.metric", exc_type=ImportError)
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    x = some(8, 30)
    coords = {
        "stimulus_id": ("presentation", [f"s{i}" for i in range(8)]),
        "object_name": ("presentation", ["a"] * 8),
        "neuroid_id": ("neuroid", np.arange(30)),
        "region": ("neuroid", ["IT"] * 30),
    }
    theirs = rdm.RDM()(NeuroidAssembly(x, coords=coords, dims=("presentation", "neuroid"))).values
    np.testing.assert_allclose(compute_distances(x), theirs[np.triu_indices(8, 1)], rtol=1e-9)


def test_few_odd_patterns_do_not_spoil_the_others() -> None:
    """One of another offset or length would move a plain mean, from which all are measured, far away."""
    x = near_duplicates(20, 512) - np.float32(1000)
    odd = x.copy()
    odd[3] += 7e5
    odd[5] *= 1e6
    odd[6] *= 1e-6
    first, second = np.triu_indices(20, 1)
    others = ~(np.isin(first, [3, 5, 6]) | np.isin(second, [3, 5, 6]))
    expected = compute_distances(x.astype(float))[others]
    np.testing.assert_allclose(compute_distances(odd)[others], expected, rtol=1e-4)
