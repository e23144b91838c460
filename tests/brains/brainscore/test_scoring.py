"""Real benchmarks of Brain-Score from end to end, on data that the tests write in its format."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import ventralrnn
from tests.brains.brainscore.common import STATIC, TEMPORAL, Clocked, Data, injected, write_data
from ventralrnn.brains.brainscore import VentralBrainModel
from ventralrnn.brains.brainscore.catalogue import brainscore_ids, load_benchmark
from ventralrnn.brains.brainscore.environment import load_brainscore, nothing_kept
from ventralrnn.errors import AnalysisError, DataError, RecordingError
from ventralrnn.graph import Clock
from ventralrnn.networks.weights import hash_weights

pytest.importorskip("brainscore_vision")

WIDE, FINE = Clock(20, {"IT": 70}), Clock(10, {"IT": 10})


def score(benchmark: Any, clock: Clock = WIDE, **how: Any) -> xr.Dataset:
    return ventralrnn.score(Clocked(), benchmark, areas={"IT": "it"}, clock=clock, device="cpu", **how)


def test_a_static_benchmark_is_scored_as_brain_score_does(data: Data) -> None:
    model = VentralBrainModel(Clocked(), {"IT": "it"}, clock=WIDE, device="cpu")
    with injected(data):
        found = score(STATIC)
        with nothing_kept():
            theirs = load_benchmark(STATIC)(model)
    expected = {
        "score": theirs,
        "raw": theirs.attrs["raw"],
        "ceiling": theirs.attrs["ceiling"],
        "error": theirs.attrs["raw"].attrs["error"],
    }
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(float(value.values), abs=1e-6), name
    assert found.attrs["metric_computed_by"] == "ventralrnn (PLS)"


def test_a_temporal_benchmark_leaves_bins_without_steps_out(data: Data) -> None:
    with injected(data):
        found = score(TEMPORAL, FINE, uncovered="nan")
        theirs = score(TEMPORAL, FINE, uncovered="nan", reference=True)
        with pytest.raises(RecordingError, match="from 10 to 60 ms.* time bins 0-10 ms"):
            score(TEMPORAL, FINE)
        with pytest.raises(AnalysisError, match="none of the benchmark's time bins"):
            score(TEMPORAL, Clock(10, {"IT": 500}), uncovered="nan")
    assert found["time_bin_start"].values.tolist() == [0, 10, 20, 30, 40]
    assert np.isnan(found["score"].values).tolist() == [True, False, False, False, False]
    assert theirs.attrs["metric_computed_by"] == "Brain-Score"
    for name in ("score", "raw", "ceiling"):
        np.testing.assert_allclose(found[name], theirs[name], atol=1e-6, err_msg=name)
    np.testing.assert_allclose(found["error"][1:], theirs["error"][1:], atol=1e-6)
    squared = found["raw"].values ** 2 / found["ceiling"].values
    np.testing.assert_allclose(found["score"], squared)


def test_a_result_says_how_it_was_made(data: Data, tmp_path: Path) -> None:
    from ventralrnn.analysis.results import open_result, save_result

    with injected(data):
        found = score(STATIC, command="a command")
    path = tmp_path / "score.nc"
    save_result(found, path)
    attrs = open_result(path).attrs
    assert attrs["weights_sha256"] == hash_weights(Clocked()) and attrs["command"] == "a command"
    assert attrs["benchmark"] == STATIC and attrs["areas"] == '{"IT": "it"}' and attrs["visual_degrees"] == 8
    assert "brainscore-vision" in attrs["packages"] and attrs["time_bins_ms"] == "[[70.0, 170.0]]"


def test_benchmark_objects_and_subjects_are_taken_as_they_are(data: Data) -> None:
    subject = VentralBrainModel(Clocked(), {"IT": "it"}, clock=WIDE, device="cpu")
    with injected(data):
        by_id = score(STATIC)
        benchmark = load_benchmark(STATIC)
    metric = benchmark._similarity_metric
    found = ventralrnn.score(subject, benchmark)
    xr.testing.assert_equal(found, by_id)
    assert benchmark._similarity_metric is metric, "and left as they were"


def test_pictures_are_placed_anew_where_the_field_of_view_differs(data: Data) -> None:
    with injected(data):
        same = score(STATIC)
        with pytest.warns(UserWarning, match="do not span the model's 10 degrees"):
            other = ventralrnn.score(Wider(), STATIC, areas={"IT": "it"}, clock=WIDE, device="cpu")
    assert other.attrs["visual_degrees"] == 10 and float(other["raw"]) != float(same["raw"])


class Wider(Clocked):
    def __init__(self) -> None:
        super().__init__()
        from dataclasses import replace

        self.preprocessing = replace(self.preprocessing, degrees=10)


# Traps of Brain-Score that its users fall into.


def test_unbiased_cka_is_right_whatever_the_precision(data: Data) -> None:
    from ventralrnn.brains.brainscore.metric import CarefulMetric

    metric = load_brainscore().load_metric("cka")
    subject = VentralBrainModel(Clocked(units=200), {"IT": "it"}, clock=WIDE, device="cpu")
    subject.start_recording("IT", [(70, 170)])
    source = subject.look_at(data.stimuli) + 100
    target = source.astype(np.float64)[:, :20]
    exact = float(metric(source.astype(np.float64), target))
    assert abs(float(metric(source.astype(np.float32), target)) - exact) > 1e-4, "the trap is there"
    assert float(CarefulMetric(metric)(source.astype(np.float32), target)) == pytest.approx(exact, abs=1e-9)


def test_ceilings_are_those_of_the_data(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cache knows a ceiling by the identifier, which static and temporal benchmark share."""
    keep_results(monkeypatch, tmp_path)
    noisy = write_data(tmp_path / "noisy", noise=3.0)
    with injected(data):
        kept = load_benchmark(STATIC).ceiling
        ours = score(STATIC)["ceiling"]
    with injected(noisy):
        stale = load_benchmark(STATIC).ceiling
        found = score(STATIC)["ceiling"]
        timed = load_benchmark(TEMPORAL).ceiling
        temporal = score(TEMPORAL, FINE, uncovered="nan")["ceiling"]
    assert float(stale) == float(kept) == float(timed) == pytest.approx(float(ours)), "the trap is there"
    assert float(found) < float(ours) - 0.1 and temporal.sizes == {"time_bin": 5}


def test_other_weights_under_the_same_name_have_their_own_score(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_results(monkeypatch, tmp_path)
    from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper

    from tests.brains.brainscore.test_tasks import Feedforward, load

    first, second = Feedforward().eval(), Feedforward().eval()
    second.it[1].weight.data.mul_(-0.5)
    trapped = [
        PytorchWrapper(identifier="same", model=model, preprocessing=load)(data.stimuli, layers=["it"]).values
        for model in (first, second)
    ]
    np.testing.assert_array_equal(*trapped, err_msg="the trap is there")
    with injected(data):
        raws = [
            float(ventralrnn.score(Clocked(seed=seed), STATIC, areas={"IT": "it"}, clock=WIDE, device="cpu")["raw"])
            for seed in (0, 1)
        ]
    assert raws[0] != raws[1]


def test_regions_and_bins_do_not_answer_for_each_other(data: Data) -> None:
    """CORnet's wrapper keeps responses by model and stimuli alone."""
    clock = Clock(10, {"V4": 60, "IT": 70})
    model = VentralBrainModel(Clocked(), {"V4": "enter", "IT": "it"}, clock=clock, device="cpu")
    shapes = {}
    for area, bins in (("V4", [(60, 70)]), ("IT", [(70, 80)]), ("IT", [(80, 90)]), ("V4", [(60, 70)])):
        model.start_recording(area, bins)
        found = model.look_at(data.stimuli)
        assert (found["region"].values == area).all()
        shapes[(area, bins[0])] = found.values
    assert not np.allclose(shapes[("IT", (70, 80))], shapes[("IT", (80, 90))])
    assert not np.allclose(shapes[("V4", (60, 70))], shapes[("IT", (70, 80))])


def test_a_metric_that_cannot_take_the_responses_is_one_line(data: Data) -> None:
    class Thin(Clocked):
        def __init__(self) -> None:
            super().__init__(units=10)

    with injected(data), pytest.raises(AnalysisError, match="components: 25 .* 10 features"):
        ventralrnn.score(Thin(), STATIC, areas={"IT": "it"}, clock=WIDE, device="cpu")
    with injected(data), pytest.raises(AnalysisError, match="benchmark failed: ValueError: .*n_components"):
        ventralrnn.score(Thin(), STATIC, areas={"IT": "it"}, clock=WIDE, device="cpu", reference=True)


def test_a_set_that_lost_its_paths_is_named(data: Data) -> None:
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    model = VentralBrainModel(Clocked(), {"IT": "it"}, clock=WIDE, device="cpu")
    model.start_recording("IT", [(70, 170)])
    with pytest.raises(ventralrnn.errors.StimulusError, match="no path for|lost its paths"):
        model.look_at(StimulusSet(data.stimuli.copy(deep=True)))


def test_bins_that_are_covered_in_part_do_not_stop_it(data: Data) -> None:
    from brainscore_vision.model_helpers.brain_transformation.temporal import assembly_time_align

    model = VentralBrainModel(Clocked(), {"IT": "it"}, clock=Clock(20, {"IT": 70}), device="cpu")
    model.start_recording("IT")
    steps = model.look_at(data.stimuli)
    bins = [(65, 75), (75, 85), (165, 172)]
    with pytest.raises(AssertionError, match="invalid"):
        assembly_time_align(steps, bins)
    model.start_recording("IT", bins)
    np.testing.assert_allclose(model.look_at(data.stimuli).values, steps.values[..., [0, 0, 4]], atol=1e-6)


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


# What is not there.


def test_missing_data_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        score(STATIC, data_dir=tmp_path)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"{STATIC}: data are missing: https://brainscore-storage.s3.")
    for file in ("assy_dicarlo_MajajHong2015_public.nc", "stimulus_hvm-public.csv", "stimulus_hvm-public.zip"):
        assert f"(a copy goes to {tmp_path}/" in message and message.count(file) == 2
    assert "13d28ca0ce88ee550b54db3004374ae19096e9b9/assy" in message and "--download" in message
    assert "Credentials" not in message
    with pytest.raises(DataError, match="no such folder"):
        score(STATIC, data_dir=tmp_path / "nowhere")


def test_a_download_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from brainscore_core.supported_data_standards.brainio import fetch

    def fail(self: Any) -> None:
        raise Exception([RuntimeError("Unable to locate credentials"), RuntimeError("no\nnetwork")])

    monkeypatch.setattr(fetch.BotoFetcher, "download_boto", fail)
    with pytest.raises(DataError, match=r"cannot be fetched \(no network\)") as caught:
        score(STATIC, data_dir=tmp_path, download=True)
    assert "credentials" not in str(caught.value)


def test_a_file_that_is_not_the_one_meant_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        score(STATIC, data_dir=tmp_path)
    (folder,) = tmp_path.glob("13d28ca0*")
    (folder / "assy_dicarlo_MajajHong2015_public.nc").write_bytes(b"cut short")
    with pytest.raises(DataError, match="MajajHong2015_public.nc: not the file that Brain-Score means"):
        score(STATIC, data_dir=tmp_path)


def test_the_catalogue_is_read_without_loading_benchmarks() -> None:
    ids = brainscore_ids()
    assert {STATIC, TEMPORAL, "Kar2019-ost"} <= set(ids) and len(ids) > 250 and list(ids) == sorted(ids)
    with pytest.raises(DataError, match="did you mean .*MajajHong2015public.IT-pls"):
        load_benchmark("MajajHong2015public.IT-plz")
