"""Real benchmarks of Brain-Score from end to end, on data that the tests write in its format."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

import ventralrnn
from tests.brains.brainscore.common import STATIC, TEMPORAL, Clocked, Data, injected
from ventralrnn.brains.brainscore import VentralBrainModel
from ventralrnn.brains.brainscore.catalogue import brainscore_ids, load_benchmark
from ventralrnn.brains.brainscore.environment import nothing_kept
from ventralrnn.errors import AnalysisError, DataError, RecordingError
from ventralrnn.graph import Clock
from ventralrnn.networks.weights import hash_weights

pytest.importorskip("brainscore_vision")

WIDE, FINE = Clock(20, {"IT": 70}), Clock(10, {"IT": 10})


def score(benchmark: Any, clock: Clock = WIDE, states: bool = False, **how: Any) -> xr.Dataset:
    return ventralrnn.score(Clocked(), benchmark, areas={"IT": "it"}, clock=clock, device="cpu", states=states, **how)


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
    found = ventralrnn.score(subject, benchmark, states=False)
    xr.testing.assert_equal(found, by_id)
    assert benchmark._similarity_metric is metric, "and left as they were"


def test_pictures_are_placed_anew_where_the_field_of_view_differs(data: Data) -> None:
    with injected(data):
        same = score(STATIC)
        with pytest.warns(UserWarning, match="do not span the model's 10 degrees"):
            other = ventralrnn.score(Wider(), STATIC, areas={"IT": "it"}, clock=WIDE, device="cpu", states=False)
    assert other.attrs["visual_degrees"] == 10 and float(other["raw"]) != float(same["raw"])


class Wider(Clocked):
    def __init__(self) -> None:
        super().__init__()
        from dataclasses import replace

        self.preprocessing = replace(self.preprocessing, degrees=10)


def test_a_metric_that_cannot_take_the_responses_is_one_line(data: Data) -> None:
    class Thin(Clocked):
        def __init__(self) -> None:
            super().__init__(units=10)

    with injected(data), pytest.raises(AnalysisError, match="components: 25 .* 10 features"):
        ventralrnn.score(Thin(), STATIC, areas={"IT": "it"}, clock=WIDE, device="cpu", states=False)
    with injected(data), pytest.raises(AnalysisError, match="benchmark failed: ValueError: .*n_components"):
        ventralrnn.score(Thin(), STATIC, areas={"IT": "it"}, clock=WIDE, device="cpu", reference=True)


def test_nothing_is_installed_behind_the_users_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself, Brain-Score runs pip for every plugin that it loads, whenever it loads it."""
    from brainscore_core.plugin_management import import_plugin

    asked: list[str] = []

    def run(command: str, **_: Any) -> Any:
        asked.append(command)
        return SimpleNamespace(returncode=0, stderr=b"")

    identifier = "Bracci2019.anteriorVTC-rdm"
    monkeypatch.setattr(import_plugin.subprocess, "run", run)
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "yes")
    assert import_plugin.installation_preference() == "yes"
    for _ in range(2):
        import_plugin.ImportPlugin("brainscore_vision", "benchmarks", identifier).install_requirements()
    assert len(asked) == 2 and all("pip install -r" in command for command in asked), "that is what it does"
    monkeypatch.delenv("BS_INSTALL_DEPENDENCIES")
    asked.clear()
    with pytest.raises(DataError, match=f"{identifier}: data are missing|needs the package"):
        score(identifier, data_dir=tmp_path)
    assert not asked


# What is not there.


def test_missing_data_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        score(STATIC, data_dir=tmp_path)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"{STATIC}: data are missing: https://brainscore-storage.s3.")
    for file in ("assy_dicarlo_MajajHong2015_public.nc", "stimulus_hvm-public.csv", "stimulus_hvm-public.zip"):
        assert f"(a copy goes to {tmp_path}/" in message and message.count(file) == 2
    assert "13d28ca0ce88ee550b54db3004374ae19096e9b9/assy" in message and "download=True" in message
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
