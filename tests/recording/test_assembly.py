"""Recordings as Brain-Score assemblies."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.recording import models
from tests.recording.common import inputs, tiny, write_pictures
from ventralrnn import extract
from ventralrnn.errors import RecordingError
from ventralrnn.graph import Clock
from ventralrnn.recording import Recording
from ventralrnn.stimuli import ArrayStimuli


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    stimuli = ArrayStimuli(inputs(6), ids=list("abcdef"), labels=["x", "y"] * 3)
    return extract(tiny(), stimuli, tmp_path_factory.mktemp("assembly") / "a.zarr")


@pytest.fixture(scope="module")
def standards() -> Any:
    return pytest.importorskip("brainscore_core.supported_data_standards.brainio.assemblies")


@pytest.fixture(scope="module")
def assembly(recording: Recording, standards: Any) -> Any:
    return recording.to_brainscore()


def test_dimensions_and_coordinates(recording: Recording, assembly: Any, standards: Any) -> None:
    assert isinstance(assembly, standards.NeuroidAssembly)
    assert assembly.dims == ("presentation", "neuroid", "time_bin")
    assert assembly.shape == (6, 192 + 64 + 20, 7 + 3)
    assert assembly["stimulus_id"].values.tolist() == list("abcdef")
    assert assembly["label"].values.tolist() == ["x", "y"] * 3
    assert len(set(assembly["neuroid_id"].values)) == assembly.sizes["neuroid"]
    assert assembly["neuroid_id"].values[[0, 1, -1]].tolist() == ["V1.0.0.0", "V1.0.0.1", "IT.4.1.1"]


def test_time_bins_are_a_step_long_and_start_at_the_time_of_the_state(assembly: Any) -> None:
    # V1 and V2 are reached at 50, 60, ..., IT at 65, 75, ...: the union, in order.
    starts = [45, 50, 55, 60, 65, 70, 75, 80, 85, 90]
    assert assembly["time_bin_start"].values.tolist() == starts
    assert assembly["time_bin_end"].values.tolist() == [start + 10 for start in starts]


def test_values(recording: Recording, assembly: Any) -> None:
    for area in recording:
        part = assembly.sel(region=area)
        starts = part["time_bin_start"].values.tolist()
        for step, time in enumerate(recording[area].time_ms.values):
            got = part.values[:, :, starts.index(time)]
            np.testing.assert_array_equal(got, recording[area].values[:, step])
        others = [i for i, start in enumerate(starts) if start not in recording[area].time_ms.values]
        assert np.isnan(part.values[:, :, others]).all() and others
        for name in ("channel", "y", "x"):
            np.testing.assert_array_equal(part[name].values, recording[area][name].values)


def test_chosen_areas(recording: Recording, standards: Any) -> None:
    assembly = recording.to_brainscore("IT", "V2")
    assert list(dict.fromkeys(assembly["region"].values)) == ["IT", "V2"]
    np.testing.assert_array_equal(assembly.values[:, :20, [0, 2, 4, 6, 8]], recording["IT"].values.transpose(0, 2, 1))
    with pytest.raises(KeyError, match="no area 'V4'"):
        recording.to_brainscore("V4")


def test_a_brain_score_metric_takes_it(recording: Recording, assembly: Any) -> None:
    metric = pytest.importorskip("brainscore_vision.metrics.rdm.metric")
    assert assembly.sel(time_bin_start=75).sizes["presentation"] == 6
    at = {"V1": (90, 100), "IT": (75, 85)}
    rates = {area: assembly.sel(region=area).sel(time_bin=time) for area, time in at.items()}
    assert rates["IT"].dims == ("presentation", "neuroid") and rates["IT"].shape == (6, 20)
    score = metric.RDMMetric()(rates["V1"], rates["IT"])
    upper = np.triu_indices(6, 1)
    rdms = [1 - np.corrcoef(recording[area].values[:, step])[upper] for area, step in (("V1", 4), ("IT", 3))]
    assert float(score) == pytest.approx(spearmanr(*rdms).correlation)


def test_bins_of_a_clock_of_fractions(tmp_path: Path, standards: Any) -> None:
    recording = extract(tiny(clock=Clock(2.5)), inputs(2), tmp_path / "a.zarr")
    assembly = recording.to_brainscore("V1")
    assert assembly["time_bin_start"].values.tolist() == [0, 2.5, 5, 7.5, 10]
    assert assembly["time_bin_end"].values.tolist() == [2.5, 5, 7.5, 10, 12.5]


def test_without_labels(tmp_path: Path, standards: Any) -> None:
    assembly = extract(tiny(), inputs(3), tmp_path / "a.zarr").to_brainscore("V1")
    assert assembly["stimulus_id"].values.tolist() == ["00000", "00001", "00002"]
    assert assembly.sel(stimulus_id="00001").sizes["neuroid"] == 192


def test_a_model_without_a_clock_has_no_time_bins(tmp_path: Path, standards: Any) -> None:
    recording = extract(models.recurrent(), inputs(2), tmp_path / "a.zarr", areas={"IT": "it"})
    with pytest.raises(RecordingError, match="no clock"):
        recording.to_brainscore()


def test_a_model_with_a_clock_that_was_given(tmp_path: Path, standards: Any) -> None:
    areas, clock = {"IT": "it"}, Clock(20.0, {"IT": 90.0})
    recording = extract(models.recurrent(), inputs(2), tmp_path / "a.zarr", areas=areas, clock=clock, steps="1,3")
    assembly = recording.to_brainscore()
    assert assembly["time_bin_start"].values.tolist() == [110, 150]
    assert assembly["time_bin_end"].values.tolist() == [130, 170]


def test_from_a_stimulus_set_to_an_assembly(tmp_path: Path, standards: Any) -> None:
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    folder = write_pictures(tmp_path / "pictures", 3)
    stimuli = StimulusSet({"stimulus_id": ["c", "a", "b"], "object_name": ["x", "y", "x"], "degrees": [8, 8, 8]})
    stimuli.stimulus_paths = {name: folder / f"00{i}.png" for i, name in enumerate("cab")}
    stimuli.identifier = "lab2020"
    recording = extract(tiny(), stimuli, tmp_path / "a.zarr")
    assert (recording.attrs["stimuli"]["name"], recording.attrs["stimuli"]["degrees"]) == ("lab2020", 8)
    assembly = recording.to_brainscore("IT")
    assert assembly["stimulus_id"].values.tolist() == ["c", "a", "b"]
    assert assembly["label"].values.tolist() == ["x", "y", "x"]
    plain = extract(tiny(), folder, tmp_path / "b.zarr")
    np.testing.assert_array_equal(recording["IT"].values, plain["IT"].values)


def test_brain_score_is_not_installed(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brainscore_core.supported_data_standards.brainio.assemblies", None)
    with pytest.raises(RecordingError, match=r"pip install 'ventralrnn\[brainscore\]'"):
        recording.to_brainscore()
