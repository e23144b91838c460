"""The command ``ventralrnn dynamics``: a table that fits a terminal, the result on disk, one line for what is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.recording.common import inputs, tiny
from ventralrnn import extract
from ventralrnn.analysis.results import open_result
from ventralrnn.cli.main import main
from ventralrnn.recording import Recording

Captured = pytest.CaptureFixture[str]


def run(capsys: Captured, *arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["dynamics", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    place = tmp_path_factory.mktemp("r") / "tiny.zarr"
    return extract(tiny(input_steps=None), inputs(), place, currents=True, device="cpu")


@pytest.fixture
def labels(recording: Recording, tmp_path: Path) -> Path:
    file = tmp_path / "labels.csv"
    rows = [f"{name},{'ab'[i % 2]},{i}" for i, name in enumerate(recording["V1"].stimulus_id.values)]
    file.write_text("\n".join(["stimulus_id,label,other", *reversed(rows)]))
    return file


def test_the_table(capsys: Captured, recording: Recording, labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "d.nc"
    status, text, err = run(capsys, recording.path, "--out", out, "--labels", labels, "--bootstrap", 20)
    assert (status, err) == (0, "")
    assert all(len(line) <= 80 or str(out) in line for line in text.splitlines())
    result = open_result(out)
    lines = text.splitlines()
    assert lines[0] == "stream, 10 stimuli; times in ms after stimulus onset"
    head = next(i for i, line in enumerate(lines) if line.startswith("AREA  ONSET"))
    for line, area in zip(lines[head + 1 : head + 4], ("V1", "V2", "IT"), strict=True):
        one = result.sel(area=area)
        words = line.split()
        assert words[0] == area and words[1].rstrip("*") == f"{float(one.onset):.1f}"
        assert words[1].endswith("*") == bool(one.onset_at_start)
        assert words[2:5] == [f"{float(one.onset_low):.1f}", "to", f"{float(one.onset_high):.1f}"]
        assert words[6] == (">90" if bool(one.peak_at_end) else f"{float(one.peak):.1f}").replace(
            ">90", f">{float(one.time_ms[-1]):g}"
        )
    second = next(i for i, line in enumerate(lines) if line.startswith("AREA  DIMENSIONS"))
    assert lines[second].split() == ["AREA", "DIMENSIONS", "SPEED", "CURVATURE", "SPARSENESS", "OMEGA^2", "TIMESCALE"]
    words = lines[second + 3].split()
    assert words[1] == f"{float(result.participation_ratio.sel(area='IT')[-1]):.3g}"
    assert words[5] == f"{float(result.omega_squared.sel(area='IT')[-1]):.3g}"
    shares = {line.split()[0]: float(line.split()[2]) for line in lines if len(line.split()) == 4 and "-IT" in line}
    shares |= {line.split()[0]: float(line.split()[2]) for line in lines if line.startswith("IT-IT")}
    assert sum(shares.values()) == pytest.approx(100, abs=0.3)
    assert lines[-1] == f"Everything over time is in {out}; it holds {3 * 64 + 4 * 16 + 5 * 4} neuroids too."
    assert result.attrs["command"] and result.attrs["source_command"]


def test_json(capsys: Captured, recording: Recording, tmp_path: Path) -> None:
    out = tmp_path / "d.nc"
    arguments = ("--out", out, "--areas", "V1, IT", "--bootstrap", 0, "--no-neuroids", "--json")
    status, text, _ = run(capsys, recording.path, *arguments)
    found, result = json.loads(text), open_result(out)
    assert status == 0 and list(found["areas"]) == ["V1", "IT"] and found["units"] == "ms"
    assert found["areas"]["IT"]["onset"] == float(result.onset.sel(area="IT"))
    assert found["areas"]["IT"]["response_pooled"][0] is None and "neuroid" not in result.dims
    shares = [one["share"][-1] for name, one in found["connections"].items() if name.split(":")[0].endswith("-IT")]
    assert sum(shares) == pytest.approx(1)


def test_without_labels_and_clock(capsys: Captured, tmp_path: Path) -> None:
    import torch

    class Still(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x) + self.layer(2 * x)

    recording = extract(Still(), inputs(), tmp_path / "still.zarr", areas={"A": "layer"}, device="cpu")
    status, text, _ = run(capsys, recording.path, "--out", tmp_path / "d.nc")
    assert status == 0 and "times in steps, as the model has no clock" in text and "OMEGA" not in text
    assert "CONNECTION" not in text and "a step" in text


def test_the_seed_and_the_threshold_are_taken(capsys: Captured, recording: Recording, tmp_path: Path) -> None:
    for name, more in {"a": (), "b": ("--seed", 1), "c": ("--threshold", "fraction:0.5")}.items():
        assert (
            run(capsys, recording.path, "--out", tmp_path / f"{name}.nc", "--bootstrap", 30, "--no-neuroids", *more)[0]
            == 0
        )
    a, b, c = (open_result(tmp_path / f"{name}.nc") for name in "abc")
    assert (a.half_maximum_low != b.half_maximum_low).any()
    np.testing.assert_array_equal(c.onset, a.half_maximum)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "d.zarr"), "--out: d.zarr: the result is a netCDF file"),
        (("--out", "no/d.nc"), "--out: no/d.nc: there is no folder no"),
        (("--out", "d.nc", "--areas", "V9"), "--areas: there is no 'V9'"),
        (("--out", "d.nc", "--threshold", "half"), "threshold: 'half': write"),
        (("--out", "d.nc", "--labels", "none.csv"), "--labels: there is no file none.csv"),
        (("--out", "d.nc", "--labels", "columns.csv"), "--labels: columns.csv has no column label"),
        (("--out", "d.nc", "--labels", "twice.csv"), "--labels: twice.csv, line 3: 'x' has two labels"),
        (("--out", "d.nc", "--labels", "empty.csv"), "--labels: empty.csv, line 2: a stimulus or its label is missing"),
        (("--out", "d.nc", "--labels", "others.csv"), "--labels: there is none for stimulus"),
        (("--out", "d.nc", "--labels", "picture.csv"), "--labels: picture.csv is not a CSV file"),
    ],
)
def test_what_is_wrong_is_one_line(
    capsys: Captured,
    recording: Recording,
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {
        "columns": "stimulus_id,category\nx,a\n",
        "twice": "stimulus_id,label\nx,a\nx,b\n",
        "empty": "stimulus_id,label\nx,\n",
        "others": "stimulus_id,label\nx,a\ny,b\n",
    }
    for name, text in texts.items():
        Path(f"{name}.csv").write_text(text)
    Path("picture.csv").write_bytes(b"\x89PNG\xff\xfe")
    status, out, err = run(capsys, recording.path, *arguments)
    assert status == 2 and out == "" and err.count("\n") == 1 and message in err
    assert not Path("d.nc").exists()


def test_no_recording(capsys: Captured, tmp_path: Path) -> None:
    status, _, err = run(capsys, tmp_path / "none.zarr", "--out", tmp_path / "d.nc")
    assert status == 2 and "none.zarr: no recording is there" in err
