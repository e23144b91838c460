"""The command ``ventralrnn rdm``, and ``ventralrnn extract --rdm``."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tests.recording.common import inputs, tiny, write_pictures
from ventralrnn import compute_rdm, extract, open_recording
from ventralrnn.analysis.results import open_result
from ventralrnn.cli.main import main
from ventralrnn.recording import Recording
from ventralrnn.stimuli import ArrayStimuli
from ventralrnn.zoo import save_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(tiny(), path)
    return str(path)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    stimuli = ArrayStimuli(inputs(8), labels=list("aabbccdd"))
    return extract(tiny(), stimuli, tmp_path_factory.mktemp("recording") / "a.zarr")


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return int(ended.value.code or 0)


def test_a_recording(recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rdms.nc"
    assert run("rdm", recording.path, "--out", out) == 0
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[0] == "correlation RDMs of 8 stimuli; mean dissimilarity by time step and area"
    # V1, V2 and IT have latencies of their own, so no one time stands beside a step.
    assert lines[1].split() == ["STEP", "V1", "V2", "IT"]
    rdms = open_result(out)
    means = rdms.dissimilarity.mean("pair").values
    assert [line.split()[1:] for line in lines[2:-1]] == [
        [f"{mean:.4g}" if mean == mean else "-" for mean in column] for column in means.T
    ]
    assert lines[-1] == f"They are in {out}."
    expected = compute_rdm(recording)
    xr.testing.assert_equal(rdms, expected)
    assert rdms.attrs["command"].split()[-3:] != [] and "distance" in rdms.attrs


def test_options(recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rdms.nc"
    arguments = ["--areas", "IT, V1", "--steps", "2:4", "--distance", "cosine", "--device", "cpu", "--json"]
    assert run("rdm", recording.path, "--out", out, *arguments) == 0
    result = json.loads(capsys.readouterr().out)
    rdms = open_result(out)
    assert rdms.attrs["distance"] == result["distance"] == "cosine"
    assert list(result["areas"]) == ["IT", "V1"] and result["time_step"] == [2, 3] and result["stimuli"] == 8
    assert result["areas"]["V1"]["time_ms"] == [70, 80]
    means = rdms.dissimilarity.mean("pair").sel(area="IT").values.tolist()
    assert result["areas"]["IT"]["mean_dissimilarity"] == pytest.approx(means)
    assert result["path"] == str(out)
    arguments = ["--distance", "crossnobis", "--condition", "label", "--noise", "oas", "--steps", "3"]
    assert run("rdm", recording.path, "--out", out, *arguments) == 0
    rdms = open_result(out)
    assert rdms.stimulus_id.values.tolist() == list("abcd")
    assert rdms.attrs["noise"] == "oas" and rdms.attrs["condition"] == "label"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "rdms.zarr"], "name that ends in .nc"),
        (["--out", "missing/rdms.nc"], "there is no folder missing"),
        (["--out", "rdms.nc", "--areas", "MT"], "there is no 'MT'; there are V1, V2, IT"),
        (["--out", "rdms.nc", "--steps", "9"], "reach outside 0..4"),
        (["--out", "rdms.nc", "--distance", "crossnobis"], r"V1: crossnobis needs repeats"),
        (["--out", "rdms.nc", "--noise", "oas"], "noise: goes not with correlation"),
        ([], "missing option '--out'"),
    ],
)
def test_refusals(
    recording: Recording,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("rdm", recording.path, *arguments) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rdm", tmp_path / "none.zarr", "--out", tmp_path / "rdms.nc") == 2
    assert "none.zarr: no recording is there" in capsys.readouterr().err


def test_while_extracting(checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_pictures(tmp_path / "pictures", 6)
    out, arguments = tmp_path / "rdms.nc", ["--areas", "V1,IT", "--steps", "1:5", "--pool", "mean"]
    assert run("extract", checkpoint, folder, "--rdm", out, "--distance", "euclidean", *arguments) == 0
    said = capsys.readouterr()
    assert said.out.startswith("euclidean RDMs of 6 stimuli") and said.err == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "rdms.nc"]
    assert run("extract", checkpoint, folder, "--out", tmp_path / "a.zarr", *arguments) == 0
    assert run("rdm", tmp_path / "a.zarr", "--out", tmp_path / "b.nc", "--distance", "euclidean") == 0
    rdms, later = open_result(out), open_result(tmp_path / "b.nc")
    np.testing.assert_allclose(rdms.dissimilarity, later.dissimilarity, rtol=1e-4)
    assert rdms.stimulus_id.values.tolist() == open_recording(tmp_path / "a.zarr")["V1"].stimulus_id.values.tolist()
    capsys.readouterr()
    assert run("extract", checkpoint, folder, "--rdm", out, "--json") == 0
    assert list(json.loads(capsys.readouterr().out)["areas"]) == ["V1", "V2", "IT"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "missing option '--out' (a recording, *.zarr) or '--rdm' (RDMs alone, *.nc)"),
        (["--rdm", "a.nc", "--out", "a.zarr"], "goes not with --rdm"),
        (["--rdm", "a.nc", "--resume"], "keeps nothing to continue"),
        (["--rdm", "a.nc", "--dtype", "float16"], "stores no activations"),
        (["--rdm", "a.zarr"], "name that ends in .nc"),
        (["--out", "a.zarr", "--distance", "cosine"], "goes with --rdm"),
        (["--rdm", "a.nc", "--distance", "crossnobis"], "'crossnobis' is not one of"),
    ],
)
def test_what_does_not_go_together(
    checkpoint: str,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("extract", checkpoint, "embedded", *arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []
