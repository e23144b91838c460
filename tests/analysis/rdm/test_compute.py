"""RDMs of recordings and labelled arrays: times, tiles, repeats, memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.analysis.rdm.common import area, reference
from tests.recording.common import inputs, tiny
from ventralrnn import compute_rdm, extract, open_recording
from ventralrnn.analysis.rdm import compute_crossnobis, compute_distances, estimate_noise, residuals_of
from ventralrnn.analysis.results import open_result, save_result
from ventralrnn.errors import AnalysisError

DISTANCES = ("correlation", "euclidean", "sqeuclidean", "cosine")


def states(*shape: int, seed: int = 0, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("distance", DISTANCES)
def test_areas_with_times_of_their_own(distance: str) -> None:
    v1, it = states(9, 3, 40), states(9, 4, 25, seed=1)
    recording = {"V1": area(v1, steps=[0, 1, 2]), "IT": area(it, steps=[1, 2, 3, 5], unreached=(1,))}
    recording["IT"] = recording["IT"].assign_coords(time_ms=("time", [90.0, 100, 110, 130]))
    rdms = compute_rdm(recording, distance)
    assert rdms.dissimilarity.dims == ("area", "time", "pair") and rdms.dissimilarity.dtype == np.float32
    assert rdms.time_step.values.tolist() == [0, 1, 2, 3, 5]
    np.testing.assert_array_equal(rdms.time_ms.values, [[50, 60, 70, np.nan, np.nan], [np.nan, 90, 100, 110, 130]])
    exists = ~np.isnan(rdms.dissimilarity.values)
    assert exists.all(-1).tolist() == [[True, True, True, False, False], [False, False, True, True, True]]
    assert not exists[~exists.all(-1)].any()
    for name, array, step, position in (("V1", v1, 1, 1), ("IT", it, 5, 3)):
        got = rdms.dissimilarity.sel(area=name).values[rdms.time_step.values.tolist().index(step)]
        np.testing.assert_allclose(got, reference(array[:, position], distance), rtol=2e-6)
    assert rdms.stimulus_id.values.tolist() == [f"s{i}" for i in range(9)]
    assert rdms.attrs["distance"] == distance


def test_chosen_areas_and_steps() -> None:
    recording = {"V1": area(states(5, 4, 10)), "IT": area(states(5, 4, 10, seed=1))}
    whole = compute_rdm(recording)
    part = compute_rdm(recording, areas=["IT"], steps="1:3")
    np.testing.assert_array_equal(part.dissimilarity, whole.dissimilarity.sel(area=["IT"]).isel(time=[1, 2]))
    assert compute_rdm(recording, steps=[3]).time_step.values.tolist() == [3]
    with pytest.raises(AnalysisError, match="areas: there is no 'V3'; there are V1, IT"):
        compute_rdm(recording, areas=["V3"])
    with pytest.raises(AnalysisError, match="areas: name at least one"):
        compute_rdm(recording, areas=[])
    with pytest.raises(AnalysisError, match="none of them was recorded; steps are 0, 2"):
        compute_rdm(area(states(5, 2, 10), steps=[0, 2]), steps="1")


def test_one_area_and_plain_arrays() -> None:
    x = states(6, 3, 12, dtype="float64")
    rdms = compute_rdm(area(x, "V4"))
    assert rdms.area.values.tolist() == ["V4"] and rdms.dissimilarity.dtype == np.float64
    one = area(x, "V4")[:, 1]
    xr.testing.assert_allclose(compute_rdm(one).dissimilarity, rdms.dissimilarity[:, [1]])
    assert compute_rdm(one).time_ms.values.tolist() == [[60]]
    movie = compute_rdm(x.transpose(1, 0, 2))
    assert movie.dissimilarity.dims == ("time", "pair")
    np.testing.assert_allclose(movie.dissimilarity, rdms.dissimilarity[0], rtol=1e-9)
    assert compute_rdm(x[:, 0]).dissimilarity.dims == ("pair",)
    with pytest.raises(AnalysisError, match="go with labelled arrays"):
        compute_rdm(x[:, 0], steps="0")
    with pytest.raises(AnalysisError, match=r"give \(stimulus, feature\) or \(time, stimulus, feature\)"):
        compute_rdm(x[None])
    with pytest.raises(AnalysisError, match="compute_crossnobis"):
        compute_rdm(x, "crossnobis")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("rows", [1, 4, 9, 22])
def test_tiles_change_nothing_but_rounding(distance: str, rows: int, dtype: str) -> None:
    x = area((states(23, 2, 60) + 5).astype(dtype), unreached=(0,))
    whole = compute_rdm(x, distance)
    tiled = compute_rdm(x, distance, memory=2 * rows * 60 * np.dtype(dtype).itemsize)
    rounding = 1e-13 if dtype == "float64" else 2e-6
    power = 2 if distance == "euclidean" else 1
    got, expected = (rdms.dissimilarity.values[0, 1] ** power for rdms in (tiled, whole))
    np.testing.assert_allclose(got, expected, rtol=0, atol=rounding * expected.max())
    np.testing.assert_allclose(
        expected, reference(x.values[:, 1], distance) ** power, rtol=0, atol=rounding * expected.max()
    )
    assert np.isnan(tiled.dissimilarity.values[0, 0]).all()


def test_what_is_wrong_is_named() -> None:
    x = states(8, 3, 30)
    x[5, 2] = 0
    with pytest.raises(AnalysisError, match="of IT, step 2: stimulus s5 has the same value in all features"):
        compute_rdm(area(x))
    with pytest.raises(AnalysisError, match="of IT, step 2: stimulus s5 has the same value in all features"):
        compute_rdm(area(x), memory=2 * 2 * 30 * 4)
    assert np.isnan(compute_rdm(area(x), constant="nan").dissimilarity.values[0, 2]).sum() == 7
    x[3, 1] = np.nan
    for memory in (1 << 20, 240):
        with pytest.raises(AnalysisError, match="of IT, step 1: .*NaN"):
            compute_rdm(area(x), "euclidean", memory=memory)
    with pytest.raises(AnalysisError, match="V1 and IT hold different stimuli"):
        compute_rdm({"V1": area(x), "IT": area(x[:6])})
    with pytest.raises(AnalysisError, match="give dimensions stimulus, time and neuroid"):
        compute_rdm(area(x).rename(neuroid="voxel"))
    with pytest.raises(AnalysisError, match="crossnobis needs repeats"):
        compute_rdm(area(x), "crossnobis")
    with pytest.raises(AnalysisError, match="no stimulus has two repeats"):
        compute_rdm(area(states(8, 3, 30)), "mahalanobis")
    with pytest.raises(AnalysisError, match="condition 'object': IT has no such coordinate.*stimulus_id"):
        compute_rdm(area(x), "crossnobis", condition="object")
    with pytest.raises(AnalysisError, match="noise: goes not with cosine"):
        compute_rdm(area(x), "cosine", noise="oas")
    with pytest.raises(AnalysisError, match="1 stimuli have no pairs"):
        compute_rdm(area(x[:1]))
    with pytest.raises(AnalysisError, match="memory 0"):
        compute_rdm(area(x), memory=0)


def repeated(seed: int = 0) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the same states as presentations in mixed order and with a dimension of repeats; one repeat is lacking."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((5, 2, 12)) + rng.standard_normal((3, 5, 2, 12))
    x[2, 4] = np.nan
    coords = {"stimulus_id": ("stimulus", list("abcde")), "time_step": ("time", [0, 1])}
    runs = xr.DataArray(x, coords, ("repeat", "stimulus", "time", "neuroid"), "IT")
    order = [(r, s) for r in range(3) for s in range(5) if (r, s) != (2, 4)]
    mixed = xr.DataArray(
        np.stack([x[r, s] for r, s in order]),
        {"label": ("stimulus", ["abcde"[s] for _, s in order]), "time_step": ("time", [0, 1])},
        ("stimulus", "time", "neuroid"),
        "IT",
    )
    return runs, mixed


@pytest.mark.parametrize("noise", [None, "ledoit_wolf", "given"])
def test_repeats(noise: Any) -> None:
    runs, mixed = repeated()
    given = estimate_noise(states(40, 12, dtype="float64")) if noise == "given" else noise
    for distance in ("crossnobis", "mahalanobis"):
        first = compute_rdm(runs, distance, noise=given)
        second = compute_rdm(mixed, distance, condition="label", noise=given)
        np.testing.assert_allclose(first.dissimilarity, second.dissimilarity, rtol=1e-9)
        assert second.stimulus_id.values.tolist() == list("abcde")
        assert first.attrs.get("noise") == (noise or (None if distance == "crossnobis" else "shrinkage_diag"))
        for time in range(2):
            x = runs.values[:, :, time]
            rest, freedom = residuals_of(x)
            own = given
            if noise != "given" and (noise or distance == "mahalanobis"):
                own = estimate_noise(rest, noise or "shrinkage_diag", freedom)
            expected = (
                compute_crossnobis(x, own)
                if distance == "crossnobis"
                else compute_distances(np.nanmean(x, 0), "mahalanobis", noise=own)
            )
            np.testing.assert_allclose(first.dissimilarity[0, time], expected, rtol=1e-9)


def test_repeats_are_averaged_for_plain_distances() -> None:
    runs, mixed = repeated()
    expected = compute_rdm(runs.mean("repeat"))
    for got in (
        compute_rdm(runs),
        compute_rdm(mixed, condition="label"),
        compute_rdm(mixed.rename(label="stimulus_id")),
    ):
        np.testing.assert_allclose(got.dissimilarity, expected.dissimilarity, rtol=1e-9)
        assert got.stimulus_id.values.tolist() == list("abcde")
    rates = compute_rdm(np.abs(runs.isel(repeat=[0, 1])), "poisson_cv")
    assert np.isfinite(rates.dissimilarity).all()
    assert np.isfinite(compute_rdm(np.abs(runs), "poisson").dissimilarity).all()


def test_a_condition_without_repeats_is_a_name() -> None:
    x = area(states(5, 2, 12), object=("stimulus", list("vwxyz")))
    got = compute_rdm(x, condition="object", memory=200)
    assert got.stimulus_id.values.tolist() == list("vwxyz")
    np.testing.assert_allclose(got.dissimilarity, compute_rdm(x).dissimilarity, rtol=1e-5)


def test_labels_are_kept_where_they_are_one_a_stimulus() -> None:
    x = area(states(4, 2, 12), label=("stimulus", list("xyxy")), half=("stimulus", list("aabb")))
    assert compute_rdm(x).label.values.tolist() == list("xyxy")
    assert compute_rdm(x, condition="label").label.values.tolist() == list("xy")
    assert "label" not in compute_rdm(x, condition="half").coords


def test_a_recording(tmp_path: Path) -> None:
    recording = extract(tiny(), inputs(12), tmp_path / "a.zarr", command="made so")
    rdms = compute_rdm(recording, command="the command")
    assert rdms.area.values.tolist() == list(recording.areas)
    for name in recording:
        array = recording[name]
        for step in range(array.sizes["time"]):
            got = rdms.dissimilarity.sel(area=name).values[step]
            if step in array.attrs["unreached_steps"]:
                assert np.isnan(got).all()
            else:
                np.testing.assert_allclose(got, reference(array.values[:, step], "correlation"), atol=2e-6)
        np.testing.assert_array_equal(rdms.time_ms.sel(area=name), array.time_ms)
    assert rdms.attrs["weights_sha256"] == recording.attrs["weights_sha256"]
    assert rdms.attrs["source_command"] == "made so" and rdms.attrs["command"] == "the command"
    xr.testing.assert_identical(open_result(save_result(rdms, tmp_path / "rdms.nc")), rdms)
    tiled = compute_rdm(open_recording(tmp_path / "a.zarr"), memory=2 * 5 * 192 * 4)
    np.testing.assert_allclose(tiled.dissimilarity, rdms.dissimilarity, atol=2e-6)


def test_only_asked_for_states_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ventralrnn.recording import recording as module

    extract(tiny(), inputs(12), tmp_path / "a.zarr")
    read, one = [], module._ZarrArray._read
    monkeypatch.setattr(
        module._ZarrArray, "_read", lambda self, key: read.append((self.shape[2], key)) or one(self, key)
    )
    compute_rdm(open_recording(tmp_path / "a.zarr"), areas=["IT"], steps="2:4")
    assert len(read) == 2 and {neuroids for neuroids, _ in read} == {20}


# A process of its own cannot import the tests.
_MEASURE = (Path(__file__).parents[1] / "lazy.py").read_text() + """
import json, resource, sys
import torch
from ventralrnn.analysis.rdm import compute_rdm

torch.set_num_threads(1)

def run(stimuli, neuroids):
    compute_rdm(made(stimulus=stimuli, time=1, neuroid=neuroids), memory=2 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

print(json.dumps([run(*map(int, text.split("x"))) for text in sys.argv[1:]]))
"""


def test_memory_does_not_grow_with_the_area_or_the_stimuli() -> None:
    sizes = ["80x20000", "80x100000", "400x20000"]
    done = subprocess.run([sys.executable, "-c", _MEASURE, *sizes], capture_output=True, text=True, check=True)
    peaks = json.loads(done.stdout)
    # States are 6, 32 and 32 MB; RDMs of 400 stimuli are 0.3 MB.
    assert peaks[1] - peaks[0] < 12e6
    assert peaks[2] - peaks[1] < 12e6
