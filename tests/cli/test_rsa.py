"""The command ``ventralrnn rsa``: a recording or RDMs against brains, a table, a file, one line for what is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

from tests.recording.common import inputs, tiny
from ventralrnn import extract, open_recording
from ventralrnn.analysis.rdm import compute_rdm, make_rdms
from ventralrnn.analysis.results import open_result, save_result
from ventralrnn.brains import Experiment, simulate_rdms
from ventralrnn.cli.main import main
from ventralrnn.stimuli import cache

Captured = pytest.CaptureFixture[str]
COUNT = 14
QUICK = ("--bootstrap", "20", "--permutations", "39")


def run(capsys: Captured, *arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["rsa", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "a.zarr"
    extract(tiny(), inputs(COUNT), path)
    return path


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory, recording: Path) -> Path:
    """Return a folder with RDMs of three subjects, whose brain is V2 at step 3 and noise."""
    folder, rng = tmp_path_factory.mktemp("brain"), np.random.default_rng(0)
    states = open_recording(recording)["V2"].sel(time=3).values
    for subject in range(3):
        noisy = states + 0.3 * states.std(0) * rng.standard_normal(states.shape)
        np.save(folder / f"s{subject}.npy", squareform(pdist(noisy, "correlation")))
    return folder


def test_the_state_that_the_brain_is_is_found(capsys: Captured, tmp_path: Path, recording: Path, brain: Path) -> None:
    out = tmp_path / "rsa.nc"
    status, text, err = run(capsys, recording, "--brain", brain, "--out", out, *QUICK)
    assert (status, err) == (0, "")
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert list(lines)[:4] == ["AREA", "V1", "V2", "IT"]
    assert lines["AREA"][1:] == ["STEP", "MS", "SIMILARITY", "INTERVAL", "CEILING", "P", "SIGNIFICANT"]
    assert lines["V2"][1:3] == ["3", "80"] and all(len(line) <= 80 for line in text.splitlines()[:-1])
    result = open_result(out)
    assert float(lines["V2"][3]) == pytest.approx(float(result.similarity.sel(area="V2").max()), abs=5e-4)
    expected = np.mean(
        [
            spearmanr(
                pdist(open_recording(recording)["V2"][:, 3].values, "correlation"), squareform(np.load(f))
            ).statistic
            for f in sorted(brain.iterdir())
        ]
    )
    assert result.similarity.sel(area="V2")[3] == pytest.approx(expected, abs=1e-3)
    assert lines["V2"][6] == "0.025" and lines["V2"][-1] == "4" and str(out) in text
    assert "stimuli" in text and result.attrs["brain"] == str(brain) and result.attrs["bootstrap"] == 20


def test_json(capsys: Captured, tmp_path: Path, recording: Path, brain: Path) -> None:
    status, text, _ = run(capsys, recording, "--brain", brain, "--out", tmp_path / "a.nc", *QUICK, "--json")
    found = json.loads(text)
    assert status == 0 and found["compare"] == "spearman" and found["path"] == str(tmp_path / "a.nc")
    best = {row["area"]: row for row in found["best"]}
    assert best["V2"]["time_step"] == 3 and best["V2"]["low"] < best["V2"]["similarity"] < best["V2"]["high"]
    assert best["V2"]["ceiling_lower"] <= best["V2"]["ceiling_upper"] and best["V2"]["states"] == 4


def test_rdms_against_a_brain_in_time(capsys: Captured, tmp_path: Path, recording: Path) -> None:
    areas = {name: open_recording(recording)[name] for name in ("V1", "V2")}
    simulated = simulate_rdms(areas, Experiment(subjects=2, neuroids=60, repeats=20))
    kept = simulated.isel(time=simulated.time_ms.values > 70)
    save_result(kept, tmp_path / "brain.nc")
    values = [pdist(areas["V2"][:, step].values, "correlation") for step in range(1, 5)]
    coords = {"time_step": ("time", np.arange(1, 5)), "time_ms": ("time", areas["V2"].time_ms.values[1:])}
    mine = make_rdms(np.array(values), ("time",), coords, areas["V2"].stimulus_id.values)
    save_result(mine, tmp_path / "rdms.nc")
    arguments = (tmp_path / "rdms.nc", "--brain", tmp_path / "brain.nc", "--out", tmp_path / "rsa.nc", *QUICK)
    status, text, err = run(capsys, *arguments)
    assert (status, err) == (0, "") and "The brain is simulated." in text
    rows = [line.split() for line in text.splitlines() if line.startswith("model ")]
    assert [row[1] for row in rows] == ["V1", "V2"] and "BRAIN MS" in text
    assert float(rows[1][5]) > float(rows[0][5])
    assert open_result(tmp_path / "rsa.nc").attrs["brain_simulated"] == "yes"


def test_a_public_brain(capsys: Captured, tmp_path: Path, recording: Path) -> None:
    if cache.find("kriegeskorte2008") is None:
        pytest.skip(f"kriegeskorte2008 is not in ${cache.VARIABLE}")
    from ventralrnn.brains import load_brain

    # Human IT as a model of macaque IT: what is known is its similarity.
    human = load_brain("kriegeskorte2008").sel(area=["human IT"])
    save_result(human, tmp_path / "human.nc")
    status, text, _ = run(
        capsys, tmp_path / "human.nc", "--brain", "kriegeskorte2008/macaque-it", "--out", tmp_path / "a.nc", *QUICK
    )
    assert status == 0 and "Kriegeskorte et al. 2008" in text and "There is no noise ceiling" in text
    assert open_result(tmp_path / "a.nc").similarity.squeeze() == pytest.approx(0.4389, abs=5e-5)
    status, text, err = run(
        capsys, tmp_path / "human.nc", "--brain", "kriegeskorte2008/human-it", "--out", tmp_path / "b.nc",
        "--compare", "whitened", "--permutations", 0, "--resample", "subjects", "--bootstrap", 20,
    )  # fmt: skip
    assert (status, err) == (0, "") and "for other subjects" in text and "SIGNIFICANT" not in text


def test_what_has_no_bootstrap_says_so(capsys: Captured, tmp_path: Path, recording: Path, brain: Path) -> None:
    arguments = (recording, "--brain", brain, "--out", tmp_path / "a.nc", "--compare", "kendall", "--permutations", 0)
    status, text, err = run(capsys, *arguments)
    assert status == 0 and "kendall has no bootstrap over stimuli" in err and "INTERVAL" not in text
    status, _, err = run(capsys, *arguments, "--bootstrap", 10)
    assert status == 2 and "kendall" in err


def refused(capsys: Captured, message: str, *arguments: Any) -> None:
    status, _, err = run(capsys, *arguments)
    assert status == 2 and message in " ".join(err.split()), err


def test_what_is_wrong_is_named(
    capsys: Captured, tmp_path: Path, recording: Path, brain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = ("--out", tmp_path / "a.nc")
    refused(capsys, "ends in .nc", recording, "--brain", brain, "--out", tmp_path / "a.zarr")
    refused(capsys, "give a recording, *.zarr, or RDMs, *.nc", tmp_path / "a.npy", "--brain", brain, *out)
    refused(capsys, "holds RDMs already", tmp_path / "a.nc", "--brain", brain, *out, "--distance", "cosine")
    refused(capsys, "no recording is there", tmp_path / "no.zarr", "--brain", brain, *out)
    refused(capsys, "no result is there", tmp_path / "no.nc", "--brain", brain, *out)
    rdms = ("--brain", brain, *out, "--device", "mps:7")
    refused(capsys, "--device 'mps:7': no such device here", tmp_path / "no.nc", *rdms)
    refused(capsys, "no such file, folder or data set", recording, "--brain", "nobody", *out)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    refused(capsys, "`ventralrnn data get cichy2016`", recording, "--brain", "cichy2016", *out)
    assert not list(tmp_path.glob("*"))


def test_what_is_read_is_not_overwritten(capsys: Captured, tmp_path: Path, recording: Path, brain: Path) -> None:
    own = tmp_path / "own.nc"
    save_result(compute_rdm(open_recording(recording)), own)
    before = own.read_bytes()
    refused(capsys, "own.nc is what is read", own, "--brain", brain, "--out", own)
    refused(
        capsys, "own.nc is what is read", recording, "--brain", own, "--out", tmp_path / ".." / tmp_path.name / "own.nc"
    )
    refused(capsys, "a.zarr is what is read", recording, "--brain", brain, "--out", recording / "rsa.nc")
    assert own.read_bytes() == before


def test_a_brain_without_differences_is_a_table_of_nothing(capsys: Captured, tmp_path: Path, recording: Path) -> None:
    for subject in range(2):
        (tmp_path / "flat").mkdir(exist_ok=True)
        np.save(tmp_path / "flat" / f"{subject}.npy", 1 - np.eye(COUNT))
    arguments = (recording, "--brain", tmp_path / "flat", "--out", tmp_path / "rsa.nc", *QUICK)
    status, text, _ = run(capsys, *arguments)
    assert status == 0 and text.splitlines()[1].split()[0] == "V1"
    assert "all dissimilarities of the model, or of the brain, are equal" in " ".join(text.split())


def test_bars_are_for_a_terminal(
    capsys: Captured, tmp_path: Path, recording: Path, brain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ventralrnn.cli.options.is_terminal", lambda: True)
    status, _, err = run(capsys, recording, "--brain", brain, "--out", tmp_path / "a.nc", *QUICK)
    assert status == 0
    for bar in (" RDMs/s]", "bootstrap: ", " samples/s]", " permutations/s]"):
        assert bar in err, bar


def test_other_stimuli_are_refused(capsys: Captured, tmp_path: Path, recording: Path, brain: Path) -> None:
    out = ("--out", tmp_path / "a.nc")
    np.save(tmp_path / "five.npy", squareform(np.arange(1.0, 11)))
    refused(capsys, "RDMs of 14 stimuli, and of 5 in --brain", recording, "--brain", tmp_path / "five.npy", *out)
    named = tmp_path / "named"
    named.mkdir()
    np.save(named / "a.npy", np.load(next(brain.glob("*.npy"))))
    (named / "stimuli.txt").write_text("\n".join(f"other {i}" for i in range(COUNT)))
    refused(
        capsys,
        "stimulus '00000' is not in --brain (14 of 14 are not, 0 are in both)",
        recording,
        "--brain",
        named,
        *out,
    )
    assert not (tmp_path / "a.nc").exists()
