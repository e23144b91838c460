"""The traps of Brain-Score, a test each: its own code falls into it, on local data, and ours does not.

The first half of each test fails when Brain-Score mends the trap; then what we do against it can go.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

import ventralrnn
from tests.brains.brainscore.common import STATIC, TEMPORAL, Clocked, Data, Feedforward, injected, load, write_data
from ventralrnn.brains.brainscore import VentralBrainModel
from ventralrnn.brains.brainscore.catalogue import load_benchmark
from ventralrnn.brains.brainscore.environment import load_brainscore, nothing_kept
from ventralrnn.brains.brainscore.metric import CarefulMetric
from ventralrnn.errors import AnalysisError, StimulusError
from ventralrnn.graph import Clock
from ventralrnn.networks.preprocessing import Preprocessing

pytest.importorskip("brainscore_vision")
WIDE, FINE = Clock(20, {"IT": 70}), Clock(10, {"IT": 10})
AREAS = {"IT": "it"}


def subject(clock: Clock = WIDE, **how: Any) -> VentralBrainModel:
    return VentralBrainModel(Clocked(**how), AREAS, clock=clock, device="cpu")


def score(model: nn.Module, benchmark: str, clock: Clock = WIDE) -> xr.Dataset:
    return ventralrnn.score(model, benchmark, areas=AREAS, clock=clock, device="cpu", uncovered="nan", states=False)


def recorded(data: Data, bins: Any, clock: Clock = WIDE, **how: Any) -> Any:
    model = subject(clock, **how)
    model.start_recording("IT", bins)
    return model.look_at(data.stimuli)


def test_1_unbiased_cka_of_float32(data: Data) -> None:
    """A constant offset of responses takes all digits of float32; CKA does not depend on it."""
    metric = load_brainscore().load_metric("cka")
    source = recorded(data, [(70, 170)], units=200)
    target = source.astype(np.float64)[:, :20]
    exact = float(metric(*(one.astype(np.float64) - one.mean("presentation") for one in (source, target))))
    shifted = (source + 100).astype(np.float32)
    assert abs(float(metric(shifted, target)) - exact) > 0.1, "the trap is there"
    rounded = shifted.astype(np.float64)
    rounded = float(metric(rounded - rounded.mean("presentation"), target - target.mean("presentation")))
    assert float(CarefulMetric(metric)(shifted, target)) == pytest.approx(rounded, abs=1e-9)
    assert rounded == pytest.approx(exact, abs=1e-3)


def test_2_ceilings_kept_by_the_identifier(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other data under the same identifier get the old ceiling, and static and temporal benchmark share one."""
    keep_results(monkeypatch, tmp_path)
    noisy = write_data(tmp_path / "noisy", noise=3.0, until_ms=40)
    with injected(data):
        kept = load_benchmark(STATIC).ceiling
        ours = score(Clocked(), STATIC)["ceiling"]
    with injected(noisy):
        stale = load_benchmark(STATIC).ceiling
        timed = load_benchmark(TEMPORAL).ceiling
        found = score(Clocked(), STATIC)["ceiling"]
        temporal = score(Clocked(), TEMPORAL, FINE)["ceiling"]
    assert float(stale) == float(kept) == float(timed), "the trap is there"
    assert float(kept) == pytest.approx(float(ours)) and float(found) < float(ours) - 0.1
    assert temporal.sizes == {"time_bin": 3} and float(temporal.max()) < float(ours) - 0.1


def test_3_activations_kept_by_the_name_of_the_model(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other weights under the same name return the old activations."""
    keep_results(monkeypatch, tmp_path)
    from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper

    first, second = Feedforward().eval(), Feedforward().eval()
    second.it[1].weight.data.mul_(-0.5)
    trapped = [
        PytorchWrapper(identifier="same", model=model, preprocessing=load)(data.stimuli, layers=["it"]).values
        for model in (first, second)
    ]
    np.testing.assert_array_equal(*trapped, err_msg="the trap is there")
    with injected(data):
        alone = float(score(Clocked(seed=1), STATIC)["raw"])
        one, other = (float(score(Clocked(seed=seed), STATIC)["raw"]) for seed in (0, 1))
    assert other == alone != one


class TwoAreas(nn.Module):
    """Modules named as CORnet's, one of them called at two time steps."""

    def __init__(self) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(size=16, degrees=8)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.V4, self.IT = nn.Module(), nn.Module()
            self.V4.output = nn.Sequential(nn.Linear(3 * 16 * 16, 30), nn.Tanh())
            self.IT.output = nn.Sequential(nn.Linear(30, 30), nn.Tanh())

    def forward(self, pictures: Tensor) -> Tensor:
        v4 = it = self.V4.output(pictures.flatten(1))
        for _ in range(2):
            it = self.IT.output(v4 + it)
        return it


def test_4_regions_and_bins_left_out_of_a_key(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After V4, CORnet's wrapper returns V4 for IT too, and one time bin for all."""
    keep_results(monkeypatch, tmp_path)
    load_brainscore()
    from brainscore_vision.models.cornet_s.helpers.helpers import CORnetCommitment, TemporalPytorchWrapper

    wrapper = TemporalPytorchWrapper(identifier="areas", model=TwoAreas(), preprocessing=load)
    times = {"V4": {0: (60, 70)}, "IT": {0: (70, 80), 1: (80, 90)}}
    layers = ["V4.output-t0", "IT.output-t0", "IT.output-t1"]
    theirs = CORnetCommitment("areas", wrapper, layers=layers, time_mapping=times)
    clock = Clock(10, {"V4": 60, "IT": 70})
    ours = VentralBrainModel(TwoAreas(), {"V4": "V4.output", "IT": "IT.output"}, clock=clock, device="cpu")
    asked = [("V4", (60, 70)), ("IT", (70, 80)), ("IT", (80, 90)), ("V4", (60, 70))]
    found: dict[Any, list[Any]] = {theirs: [], ours: []}
    for model, responses in found.items():
        for area, time_bin in asked:
            model.start_recording(area, [time_bin])
            responses.append(model.look_at(data.stimuli))
    assert {str(region) for one in found[theirs] for region in one["region"].values} == {"V4"}, "the trap is there"
    v4, first, second, again = (one.values for one in found[ours])
    assert [set(one["region"].values) for one in found[ours]] == [{"V4"}, {"IT"}, {"IT"}, {"V4"}]
    np.testing.assert_array_equal(v4, again)
    model = TwoAreas()
    with torch.no_grad():
        expected = model.V4.output(torch.from_numpy(load(list(data.stimuli.stimulus_paths.values()))).flatten(1))
        np.testing.assert_allclose(v4, expected.numpy(), atol=1e-5)
        expected = model.IT.output(expected * 2)
        np.testing.assert_allclose(first, expected.numpy(), atol=1e-5)
    assert not np.allclose(first, second)


def test_5_metrics_that_know_no_time(data: Data) -> None:
    """They reject a time axis; pls wants an object name and 25 features, of which it tells by the names of others."""
    brainscore = load_brainscore()
    source = recorded(data, [(70, 90), (90, 110)], units=40)
    target = target_of(source)
    names = ("pls", "ridge", "rdm", "cka", "cka_cv", "linear_predictivity")
    for name in (*names, "internal_consistency"):
        metric = brainscore.load_metric(name)
        with pytest.raises(Exception):  # noqa: B017  # each has its own
            metric(*([target] if name == "internal_consistency" else [source, target]))
    for name in names:
        metric = brainscore.load_metric(name)
        found = CarefulMetric(metric)(source, target)
        bins = [metric(source[..., i].astype(np.float64), target[..., i]) for i in range(2)]
        np.testing.assert_allclose(found.values, [float(one) for one in bins], atol=1e-6, err_msg=name)
        assert found["time_bin_start"].values.tolist() == [70, 90]
    with pytest.raises(AnalysisError, match="balances its splits over 'object_name', which the stimuli lack"):
        CarefulMetric(brainscore.load_metric("pls"))(source[..., 0], target_of(source, "label")[..., 0])
    with pytest.raises(ValueError, match="n_components"):
        brainscore.load_metric("pls")(source[:, :10, 0], target[..., 0])
    with pytest.raises(AnalysisError, match="components: 25 are beyond .* 10 features"):
        CarefulMetric(brainscore.load_metric("pls"))(source[:, :10, 0], target[..., 0])


def test_6_pictures_drawn_anew_without_a_word(data: Data) -> None:
    """Where the visual angles of model and benchmark differ."""
    load_brainscore()
    from brainscore_vision.benchmark_helpers.screen import place_on_screen

    with warnings.catch_warnings(record=True) as caught, nothing_kept():
        warnings.simplefilter("always")
        placed = place_on_screen(data.stimuli, target_visual_degrees=8, source_visual_degrees=4)
        assert placed.get_stimulus("p000") != data.stimuli.get_stimulus("p000")
        assert not [one for one in caught if "degree" in str(one.message)], "the trap is there"
        model = subject()
        model.start_recording("IT", [(70, 170)])
        model.look_at(placed)
    assert [one for one in caught if "do not span the model's 8 degrees" in str(one.message)]


def test_7_copies_that_lose_and_indices_that_cannot_be_written(data: Data, tmp_path: Path) -> None:
    """A copy of a stimulus set has no paths, and an assembly cannot be written by xarray."""
    from brainscore_core.supported_data_standards.brainio.packaging import write_netcdf
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    copied = StimulusSet(data.stimuli.copy(deep=True))
    assert not getattr(copied, "stimulus_paths", None) and not getattr(copied, "identifier", None), "the trap is there"
    model = subject()
    model.start_recording("IT", [(70, 170)])
    with pytest.raises(StimulusError, match="no path for|lost its paths"):
        model.look_at(copied)
    found = model.look_at(data.stimuli)
    with pytest.raises(NotImplementedError, match="MultiIndex"):
        found.to_netcdf(tmp_path / "theirs.nc")
    write_netcdf(found, tmp_path / "written.nc")
    with injected(data):
        ventralrnn.score(model, load_benchmark(STATIC), out=tmp_path / "ours.nc", states=False)
    from ventralrnn.analysis.results import open_result

    assert np.isfinite(open_result(tmp_path / "ours.nc")["score"])


def test_8_bins_that_are_covered_in_part(data: Data) -> None:
    """Brain-Score's alignment in time stops; ours averages what is covered, or says that it is too little."""
    from brainscore_vision.model_helpers.brain_transformation.temporal import assembly_time_align

    steps = recorded(data, None)
    bins = [(65, 75), (75, 85), (165, 172)]
    with pytest.raises(AssertionError, match="invalid"):
        assembly_time_align(steps, bins)
    np.testing.assert_allclose(recorded(data, bins).values, steps.values[..., [0, 0, 4]], atol=1e-6)


def target_of(source: Any, objects: str = "object_name") -> Any:
    """Return responses of a few neuroids to the same stimuli in the same bins, with noise."""
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    values = source.values[:, :5].astype(np.float64)
    values = values + 0.3 * np.random.default_rng(0).standard_normal(values.shape)
    return NeuroidAssembly(
        values,
        coords={
            "stimulus_id": ("presentation", source["stimulus_id"].values),
            objects: ("presentation", source["object_name"].values),
            "neuroid_id": ("neuroid", [f"n{i}" for i in range(5)]),
            "region": ("neuroid", ["IT"] * 5),
            **{name: ("time_bin", source[name].values) for name in ("time_bin_start", "time_bin_end")},
        },
        dims=source.dims,
    )


def keep_results(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Have Brain-Score keep results, as it does by itself, in a home of the test's own."""
    import result_caching

    monkeypatch.setenv("RESULTCACHING_DISABLE", "0")
    for storage in (result_caching._DiskStorage, result_caching._XarrayStorage):
        _move(storage, home, monkeypatch)


def _move(storage: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path_of = storage.storage_path

    def path(self: Any, name: str) -> str:
        return str(home / Path(path_of(self, name)).relative_to(self._storage_directory))

    monkeypatch.setattr(storage, "storage_path", path)
