"""One subject's responses to repeats: the ceiling in `ventralrnn rsa` is that of a simulation whose truth is known."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from ventralrnn.analysis import rsa
from ventralrnn.analysis.inference import repeat_ceilings
from ventralrnn.analysis.rdm import make_rdms, select_stimuli
from ventralrnn.analysis.results import open_result, save_result
from ventralrnn.brains import load_brain
from ventralrnn.cli.main import main

STIMULI = [f"s{i:02d}" for i in range(30)]
REPEATS, NEUROIDS = 8, 50
AREAS = ["V4", "IT"]


def truth(seed: int) -> np.ndarray:
    """Return responses without noise, (area, stimulus, neuroid)."""
    return np.random.default_rng(seed).standard_normal((2, len(STIMULI), NEUROIDS))


def describe(folder: Path, seed: int, repeats: int = REPEATS, distance: str = "correlation") -> Path:
    """Write responses at two times: before there are any, and with noise, of V4 and IT in turns."""
    rng = np.random.default_rng(1000 + seed)
    signal = np.zeros((len(STIMULI), 2, 2 * NEUROIDS))
    signal[:, 1, ::2], signal[:, 1, 1::2] = truth(seed)
    np.save(folder / "responses.npy", signal + rng.standard_normal((repeats, *signal.shape)))
    (folder / "neuroids.csv").write_text("area\n" + "V4\nIT\n" * NEUROIDS)
    content = {
        "responses": "responses.npy",
        "axes": ["repeat", "stimulus", "time", "neuroid"],
        "stimuli": STIMULI,
        "time": {"start_ms": -100, "bin_ms": 100},
        "neuroids": "neuroids.csv",
        "distance": distance,
    }
    (folder / "my.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "my.yaml"


def model(seed: int) -> xr.Dataset:
    """Return the RDMs of the truth, one step, stimuli in another order than the brain's."""
    values = np.stack([pdist(area[::-1], "correlation") for area in truth(seed)])[:, None]
    return make_rdms(values, ("area", "time"), {"area": AREAS, "time_step": ("time", [0])}, STIMULI[::-1])


def test_the_right_model_lies_within_the_ceiling(tmp_path: Path) -> None:
    """On average over simulations; the upper bound is where it is expected, the lower where a second recording is."""
    right, again, lower, upper = [], [], [], []
    for seed in range(8):
        found = rsa(model(seed), load_brain(describe(tmp_path, seed)))
        first = np.load(tmp_path / "responses.npy").mean(0)[:, 1, ::2]
        other = np.random.default_rng(seed).standard_normal((REPEATS, len(STIMULI), NEUROIDS)).mean(0) + truth(seed)[0]
        again.append(spearmanr(pdist(first, "correlation"), pdist(other, "correlation")).statistic)
        after = found.isel(brain_time=1, time=0)
        right.append([float(after.similarity.sel(area=a, brain_area=a)) for a in AREAS])
        lower.append(after.ceiling_lower.values)
        upper.append(after.ceiling_upper.values)
        before = found.isel(brain_time=0)
        assert (np.abs(before.ceiling_lower) < 0.4).all()
    assert np.mean(lower) < np.mean(right)
    assert np.mean(right) == pytest.approx(np.mean(upper), abs=0.02)
    assert np.mean(again) == pytest.approx(np.mean(np.array(lower)[:, 0]), abs=0.04)
    assert 0.6 < np.mean(lower) < 0.9


def test_the_command_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_result(model(0), tmp_path / "rdms.nc")
    brain, out = describe(tmp_path, 0), tmp_path / "rsa.nc"
    quick = ("--bootstrap", "20", "--permutations", "19")
    with pytest.raises(SystemExit) as ended:
        main(["rsa", str(tmp_path / "rdms.nc"), "--brain", str(brain), "--out", str(out), *quick])
    text = " ".join(capsys.readouterr().out.split())
    assert not ended.value.code and "CEILING: from halves of the repeats." in text and "no noise ceiling" not in text
    result = open_result(out)
    assert result.attrs["ceiling_from"].startswith("halves of the repeats") and "responses" not in result
    # By hand, from the file.
    values = np.load(tmp_path / "responses.npy")[:, :, 1:, ::2].transpose(0, 2, 1, 3)
    expected = repeat_ceilings(values)
    low, high = (float(result[f"ceiling_{n}"].sel(brain_area="V4")[1]) for n in ("lower", "upper"))
    assert low == pytest.approx(expected.reliability[0], abs=1e-6) and high == pytest.approx(np.sqrt(low))
    assert f"{low:.2f}..{high:.2f}" in text
    lag = result.ceiling_lag_lower.sel(brain_area="V4").values
    assert lag.diagonal() == pytest.approx(result.ceiling_lower.sel(brain_area="V4").values)


def test_the_ceiling_goes_with_selections(tmp_path: Path) -> None:
    brain = load_brain(describe(tmp_path, 0))
    one = brain.isel(time=1).sel(area="IT")
    whole = rsa(model(0), brain, "corr").isel(brain_time=1).sel(brain_area="IT")
    assert float(rsa(model(0), one, "corr").ceiling_upper) == pytest.approx(float(whole.ceiling_upper), abs=0.02)
    few = rsa(select_stimuli(model(0), STIMULI[:12]), select_stimuli(brain, STIMULI[:12]))
    values = np.load(tmp_path / "responses.npy")[:, :12, 1:, 1::2].transpose(0, 2, 1, 3)
    assert float(few.ceiling_upper.sel(brain_area="IT")[1]) == pytest.approx(
        float(repeat_ceilings(values).ceiling[0]), abs=1e-6
    )


@pytest.mark.parametrize(
    ("repeats", "distance", "reason"),
    [(1, "correlation", "none: one RDM, without repeats"), (4, "crossnobis", "none: crossnobis takes all repeats")],
)
def test_why_there_is_none_is_said(
    tmp_path: Path, repeats: int, distance: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save_result(model(0), tmp_path / "rdms.nc")
    brain, out = describe(tmp_path, 0, repeats, distance), tmp_path / "rsa.nc"
    with pytest.raises(SystemExit):
        main(["rsa", str(tmp_path / "rdms.nc"), "--brain", str(brain), "--out", str(out), "--permutations", "0"])
    result = open_result(out)
    assert "ceiling_lower" not in result and result.attrs["ceiling_from"].startswith(reason)
    assert reason.removeprefix("none: ") in " ".join(capsys.readouterr().out.split())
