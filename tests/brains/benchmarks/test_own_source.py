"""A user's own data as a benchmark: the truth is found, ceilings come from repeats, mistakes are named in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from tests.brains.benchmarks.common import state
from ventralrnn.analysis.inference import repeat_ceilings
from ventralrnn.analysis.rdm import compute_crossnobis
from ventralrnn.brains import Experiment, score, simulate_recording
from ventralrnn.brains.benchmarks import evaluate, own_benchmark
from ventralrnn.brains.benchmarks.own import is_own_data, score_own
from ventralrnn.cli.main import main
from ventralrnn.errors import AnalysisError, DataError, VentralrnnError

# Bins of 20 ms from 40 ms before to 120 ms after stimulus onset; the model's steps begin at 60 ms and last 10 ms.
TIME = {"start_ms": -40, "bin_ms": 20}


@pytest.fixture
def model() -> dict[str, xr.DataArray]:
    return {name: state(name, seed=seed, neuroids=60) for name, seed in (("V4", 1), ("IT", 2))}


@pytest.fixture
def description(tmp_path: Path, model: dict[str, xr.DataArray]) -> Path:
    """Write four repeats of IT's responses, recorded with noise, and what describes them."""
    experiment = Experiment(subjects=1, neuroids=30, repeats=4, bin_ms=20, window_ms=(-40, 120), snr=1)
    responses = simulate_recording(model["IT"], experiment, seed=3)
    np.save(tmp_path / "responses.npy", responses.values)
    (tmp_path / "names.txt").write_text("\n".join(model["IT"].stimulus_id.values))
    return write(tmp_path)


def write(folder: Path, **changes: Any) -> Path:
    about = {
        "responses": "responses.npy",
        "axes": ["repeat", "stimulus", "time", "neuroid"],
        "stimuli": "names.txt",
        "time": TIME,
        "neuroids": {"area": "IT"},
        "citation": "Smith et al. 2026",
    }
    kept = {key: value for key, value in (about | changes).items() if value is not None}
    (folder / "my_data.yaml").write_text(yaml.safe_dump(kept))
    return folder / "my_data.yaml"


def test_the_area_that_was_recorded_predicts_best(description: Path, model: dict[str, xr.DataArray]) -> None:
    benchmark = own_benchmark(description)
    # What comes before stimulus onset is left out.
    assert benchmark.window_ms == (0, 120) and benchmark.area == "IT" and benchmark.metric == "ridge"
    result = evaluate(benchmark, model, samples=50)
    assert result.attrs["committed_area"] == "IT" and result.attrs["committed_covered_ms"] == "[60.0, 110.0]"
    assert result.attrs["citation"] == "Smith et al. 2026" and result.attrs["simulated"] == "no"
    assert result["score"].dims == ("area", "time") and result.attrs["best_area"] == "IT"
    committed = {part: result.attrs[f"committed_{part}"] for part in ("score", "low", "high")}
    assert committed["low"] < committed["score"] < committed["high"]
    assert float(result["score"].sel(area="V4").max()) + 0.05 < committed["score"] < float(result["ceiling"]) < 1
    other = score_own(description, model, areas={"IT": "V4"}, samples=50)
    assert other.attrs["committed_area"] == "V4" and other.attrs["committed_score"] < committed["low"]


def test_rdms_of_responses(description: Path, model: dict[str, xr.DataArray]) -> None:
    result = evaluate(own_benchmark(description, metric="rdm"), model, samples=50)
    values = np.load(description.parent / "responses.npy").astype(float)[:, :, 2:].mean(2)
    brain = pdist(values.mean(0), "correlation")
    expected = spearmanr(pdist(model["IT"].values[:, 4], "correlation"), brain).statistic
    assert float(result["score"].sel(area="IT")[4]) == pytest.approx(expected, abs=1e-5)
    assert float(result["ceiling"]) == pytest.approx(float(repeat_ceilings(values[:, None]).ceiling[0]), abs=0.02)
    assert result.attrs["best_area"] == "IT"


def test_rdms_have_the_distance_that_is_stated(description: Path, model: dict[str, xr.DataArray]) -> None:
    source = write(description.parent, distance="crossnobis", time=None, axes=["repeat", "stimulus", "neuroid"])
    values = np.load(description.parent / "responses.npy").astype(float).mean(2)
    np.save(description.parent / "responses.npy", values)
    result = evaluate(own_benchmark(source, metric="rdm"), model, samples=20)
    expected = spearmanr(pdist(model["IT"].values[:, 4], "correlation"), compute_crossnobis(values)).statistic
    assert float(result["score"].sel(area="IT")[4]) == pytest.approx(expected, abs=1e-3)
    assert np.isnan(float(result["ceiling"])) and result.attrs["ceiling_from"].startswith("none: crossnobis takes all")


def test_a_recording_may_hold_more_stimuli(description: Path, model: dict[str, xr.DataArray]) -> None:
    more = {name: xr.concat([area[::-1], area], "stimulus") for name, area in model.items()}
    names = [f"more {i}" for i in range(40)]
    for area in more.values():
        area.coords["stimulus_id"] = ("stimulus", [*names, *model["IT"].stimulus_id.values])
    few, many = (score(each, description, samples=20) for each in (model, more))
    np.testing.assert_allclose(few["score"], many["score"], rtol=1e-5)


def test_one_repeat_has_no_ceiling(description: Path, model: dict[str, xr.DataArray]) -> None:
    single = np.load(description.parent / "responses.npy")[0]
    np.save(description.parent / "single.npy", single)
    source = write(description.parent, responses="single.npy", axes=["stimulus", "time", "neuroid"])
    for metric in ("ridge", "rdm"):
        result = score_own(source, model, metric=metric, samples=20)  # type: ignore[arg-type]
        assert np.isnan(float(result["ceiling"])) and result.attrs["committed_score"] > 0.1


def test_too_few_pictures_for_pls(description: Path, model: dict[str, xr.DataArray]) -> None:
    folder = description.parent
    np.save(folder / "few.npy", np.load(folder / "responses.npy")[:, :20])
    (folder / "few.txt").write_text("\n".join(model["IT"].stimulus_id.values[:20]))
    source = write(folder, responses="few.npy", stimuli="few.txt")
    with pytest.raises(AnalysisError, match="^metric: pls fits 25 components .* 18 are too few: show more, or take"):
        score_own(source, model, metric="pls")


def test_a_folder_of_rdms_has_the_ceiling_of_subjects(tmp_path: Path, model: dict[str, xr.DataArray]) -> None:
    rng = np.random.default_rng(0)
    truth = pdist(model["IT"].values[:, 3], "correlation")
    (tmp_path / "rdms").mkdir()
    for subject in range(4):
        np.save(tmp_path / "rdms" / f"s{subject}.npy", truth + 0.1 * rng.random(len(truth)))
    result = score_own(tmp_path / "rdms", model, areas={"IT": "IT"}, samples=50)
    assert result.attrs["metric"] == "rdm" and result.attrs["best_step"] == 3 and result.attrs["best_area"] == "IT"
    assert float(result["ceiling_lower"]) - 0.05 < result.attrs["best_score"] <= float(result["ceiling"])
    with pytest.raises(DataError, match="does not say which area it is from; .* --area brain=IT"):
        score_own(tmp_path / "rdms", model)
    with pytest.raises(AnalysisError, match="holds RDMs; pls predicts responses"):
        own_benchmark(tmp_path / "rdms", metric="pls", brain_area="IT")
    np.save(tmp_path / "movie.npy", np.stack([np.stack([truth] * 3)] * 2))
    with pytest.raises(VentralrnnError):
        own_benchmark(tmp_path / "movie.npy", brain_area="IT")


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        ({}, {"areas": {"V4": "V4"}}, "holds IT, and no V4"),
        ({}, {"areas": {"IT": "IT", "V4": "V4"}}, "name one area"),
        ({}, {"metric": "cka"}, "metric: 'cka' is not"),
        ({}, {"visual_degrees": 8}, "visual_degrees: goes with benchmarks of Brain-Score"),
        ({"neuroids": None}, {}, "does not say which area it is from"),
        ({"time": {"start_ms": -300, "bin_ms": 20}}, {}, "no time bin begins after stimulus onset"),
        ({"neuroids": "areas.csv"}, {}, "holds V4, IT; say which, for example --area V4=V4"),
        ({"responses": "lost.npy"}, {}, "lost.npy"),
    ],
)
def test_mistakes_are_named_in_one_line(
    description: Path,
    model: dict[str, xr.DataArray],
    changes: dict[str, Any],
    settings: dict[str, Any],
    message: str,
) -> None:
    (description.parent / "areas.csv").write_text("area\n" + "V4\n" * 10 + "IT\n" * 20)
    source = write(description.parent, **changes)
    with pytest.raises(VentralrnnError, match=message) as error:
        score_own(source, model, **settings)
    assert "\n" not in str(error.value)


def test_what_is_ones_own_and_what_is_an_identifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rdms").mkdir()
    assert all(map(is_own_data, ("my.yaml", "lost.yml", "a/b", "rdms", Path("x"), "rdm.npy")))
    assert not any(map(is_own_data, ("MajajHong2015public.IT-pls", "ventralrnn.Cichy2016.IT-rdm", "nowhere", object())))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ventral", "--benchmark", "lost.yaml"), "lost.yaml: no such file or folder"),
        (("ventral", "--benchmark", "Cichy2016.IT-rdm", "--metric", "rdm"), "goes with data of your own"),
        (("ventral", "--benchmark", "my_data.yaml"), "does not say what was shown; name the pictures with --stimuli"),
    ],
)
def test_the_command_says_what_is_wrong(
    description: Path,
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(description.parent)
    with pytest.raises(SystemExit) as ended:
        main(["score", *arguments])
    said = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 2 and len(said) == 1 and message in said[0]
