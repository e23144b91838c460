"""What the page holds, without a browser: numbers, pictures, names, and what it refuses."""

import html.parser
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from tests.recording.common import tiny
from tests.report.common import LABELS, data_of, decoded, record, write_labelled
from ventralrnn import compute_rdm, extract
from ventralrnn.analysis import compute_dynamics, decode, rsa
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.analysis.results import save_result
from ventralrnn.brains import Experiment, simulate_rdms
from ventralrnn.cli.main import main
from ventralrnn.errors import AnalysisError, RecordingError
from ventralrnn.recording import Recording
from ventralrnn.report import charts, movies, write_report

PAGE = "report.html"
MANUAL = (Path(__file__).parents[2] / "docs" / "report.md").read_text("utf-8")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("report")
    return record(write_labelled(folder / "pictures"), folder / "tiny.zarr")


@pytest.fixture(scope="module")
def results(recording: Recording) -> Path:
    """Return a folder with the recording and results of every kind that a command or an analysis makes of it."""
    folder = recording.path.parent
    rdms = compute_rdm(recording, constant="nan")
    save_result(rdms, folder / "rdms.nc")
    brain = simulate_rdms({"IT": recording["IT"]}, Experiment(subjects=3, neuroids=5, repeats=4, bin_ms=10))
    save_result(brain, folder / "brain.nc")
    save_result(rsa(rdms, brain, bootstrap=9, permutations=9), folder / "rsa.nc")
    save_result(compute_dynamics(recording, bootstrap=9), folder / "dynamics.nc")
    save_result(decode(recording, folds=2, bootstrap=9), folder / "decode.nc")
    save_result(decode(recording, folds=2, bootstrap=9, generalise=True), folder / "generalise.nc")
    save_result(xr.Dataset({"strange": ("x", [1.0, 3.0])}), folder / "strange.nc")
    return folder


def test_a_recording_alone_makes_a_page(recording: Recording, tmp_path: Path) -> None:
    made = write_report(recording.path, tmp_path / PAGE)
    assert made["bytes"] == (tmp_path / PAGE).stat().st_size
    (movie,) = data_of(tmp_path / PAGE)["movies"]
    expected = compute_rdm(recording, constant="nan").dissimilarity
    for area, name in enumerate(recording.areas):
        got, wanted = decoded(movie, area), expected.sel(area=name).values
        assert np.array_equal(np.isnan(got), np.isnan(wanted))
        one = movie["areas"][area]
        assert np.nanmax(np.abs(got - wanted)) <= (one["high"] - one["low"]) / 254 / 2 + 1e-6
    assert [s["label"] for s in movie["stimuli"]] == [label for label in LABELS for _ in range(4)]
    assert all(s["picture"].startswith("data:image/jpeg;base64,") for s in movie["stimuli"])
    assert movie["times"]["ms"][0] == [50, 60, 70, 80, 90]


def test_states_that_do_not_exist_are_marked(recording: Recording, tmp_path: Path) -> None:
    write_report([recording.path], tmp_path / PAGE)
    data = data_of(tmp_path / PAGE)
    reached = {area["name"]: area["reached"] for area in data["movies"][0]["areas"]}
    unreached = {area: recording[area].attrs["unreached_steps"] for area in recording}
    assert unreached["IT"] and {a: [i for i, r in enumerate(seen) if not r] for a, seen in reached.items()} == unreached
    (section,) = data["sections"]
    for panel in section["charts"][0]["panels"]:
        missing = [i for i, value in enumerate(panel["series"][0]["y"]) if value is None]
        assert missing == unreached[panel["title"]]
        assert bool(panel["unreached"]) == bool(missing)


def test_few_of_many_recorded_stimuli_are_shown(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(movies, "_STIMULI", (6,))
    write_report(recording.path, tmp_path / PAGE)
    (movie,) = data_of(tmp_path / PAGE)["movies"]
    names = [s["name"] for s in movie["stimuli"]]
    assert names == recording["V1"]["stimulus_id"].values[::2].tolist() and movie["total"] == 12
    expected = compute_rdm({area: recording[area][::2] for area in recording}, constant="nan").dissimilarity
    np.testing.assert_allclose(decoded(movie, 0), expected.sel(area="V1").values, atol=0.01)


def test_rdms_of_another_model_do_not_stand_for_a_recording(recording: Recording, tmp_path: Path) -> None:
    save_result(compute_rdm(recording, constant="nan"), tmp_path / "rdms.nc")
    cut = extract(tiny(), str(recording.path.parent / "pictures"), tmp_path / "cut.zarr", cut=["V2-IT@1:3"])
    write_report([recording.path, cut.path, tmp_path / "rdms.nc"], tmp_path / PAGE)
    data = data_of(tmp_path / PAGE)
    assert [movie["source"] for movie in data["movies"]] == ["cut.zarr", "rdms.nc"]
    assert "without V2-IT@1:3" in data["movies"][0]["title"] and "without" not in data["movies"][1]["title"]
    assert {section["model"] for section in data["sections"]} == {movie["model"] for movie in data["movies"]}


def test_every_kind_of_result_has_its_section(results: Path, tmp_path: Path) -> None:
    write_report(results, tmp_path / PAGE)
    data = data_of(tmp_path / PAGE)
    # The RDMs on file are those of the recording, which are not computed again.
    assert {movie["source"] for movie in data["movies"]} == {"rdms.nc", "brain.nc"}
    groups = [section["group"] for section in data["sections"]]
    assert groups == [
        "Time courses", "Latencies and dynamics", "Comparison with brains", "Decoding", "Decoding", "Other results",
    ]  # fmt: skip
    simulated = {source["name"] for source in data["sources"] if source["simulated"]}
    assert simulated == {"brain.nc", "rsa.nc"}
    # RDMs of a brain have no categories of their own: these are those of the pictures.
    brain = next(movie for movie in data["movies"] if movie["source"] == "brain.nc")
    assert [s["label"] for s in brain["stimuli"]] == [label for label in LABELS for _ in range(4)]
    comparison = next(s for s in data["sections"] if s["source"] == "rsa.nc")
    assert comparison["simulated"] and comparison["lead"][0].startswith("SIMULATED")
    assert any(panel.get("ceiling") for chart in comparison["charts"] for panel in chart["panels"])
    for section in data["sections"]:
        for chart in section["charts"]:
            assert chart["kind"] == "table" or chart["x"]["label"]


def test_a_comparison_shows_the_numbers_of_its_file(results: Path, tmp_path: Path) -> None:
    write_report(results / "rsa.nc", tmp_path / PAGE)
    (section,) = data_of(tmp_path / PAGE)["sections"]
    with xr.open_dataset(results / "rsa.nc") as opened:
        expected = opened.load()
    panels = section["charts"][0]["panels"]
    for panel in panels:
        one = expected.sel(area=panel["title"].removeprefix("model "), brain_area="IT")
        wanted = one["similarity"].transpose("time", "brain_time").values
        np.testing.assert_allclose(np.array(panel["values"], float), wanted, rtol=1e-2, atol=1e-3)
        assert panel["x"] == pytest.approx(one["brain_time_ms"].values.tolist())
    best = section["charts"][1]["panels"][0]
    assert best["ceiling"]["high"] == pytest.approx(expected["ceiling_upper"].values[0].tolist(), rel=1e-4)


def test_an_area_has_one_colour_whatever_stands_beside_it() -> None:
    assert charts.area_colours(["V1", "V2", "V4", "IT"]) == {"V1": 0, "V2": 1, "V4": 2, "IT": 3}
    assert charts.area_colours(["IT", "LGN", "V4", "state1"]) == {"IT": 3, "LGN": 4, "V4": 2, "state1": 5}


def test_what_is_read_in_a_file_is_text(recording: Recording, tmp_path: Path) -> None:
    bad = "<img src=x onerror=alert(1)>"
    pictures = write_labelled(tmp_path / "pictures", labels=(bad, "b&b"))
    made = record(pictures, tmp_path / "a.zarr")
    rdms = compute_rdm(made, constant="nan")
    rdms.attrs["model"] = "</script><script>alert(1)</script>\u2028@@DATA@@"
    save_result(rdms, tmp_path / "rdms.nc")
    write_report([tmp_path / "a.zarr", tmp_path / "rdms.nc"], tmp_path / PAGE)
    text = (tmp_path / PAGE).read_text("utf-8")
    tags: list[str] = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(text)
    assert tags.count("script") == 2 and "img" not in tags
    assert text.count("alert(1)") and "onerror=alert(1)>" not in text
    data = data_of(tmp_path / PAGE)
    assert rdms.attrs["model"] in data["title"]
    assert any(stimulus["name"].startswith(bad) for stimulus in data["movies"][0]["stimuli"])


def test_the_page_can_fetch_nothing(recording: Recording, tmp_path: Path) -> None:
    write_report(recording.path, tmp_path / PAGE)
    text = (tmp_path / PAGE).read_text("utf-8")
    assert re.search(r"Content-Security-Policy\" content=\"default-src 'none'; img-src data: blob:;", text)
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    assert set(re.findall(r"https?://[\w./]+", text.split('id="data"')[0])) == set()


def test_pictures_that_are_missing_or_changed_are_not_shown(tmp_path: Path) -> None:
    pictures = write_labelled(tmp_path / "pictures")
    made = record(pictures, tmp_path / "a.zarr")
    Image.new("RGB", (16, 16)).save(pictures / "cat" / "0.png")
    write_report(made.path, tmp_path / PAGE)
    (movie,) = data_of(tmp_path / PAGE)["movies"]
    assert [s["picture"] is None for s in movie["stimuli"]] == [True] + 11 * [False]
    assert any("Pictures of 1 of the 12" in note for note in movie["notes"])
    shutil.move(pictures, tmp_path / "elsewhere")
    write_report(made.path, tmp_path / PAGE)
    assert not any(s["picture"] for s in data_of(tmp_path / PAGE)["movies"][0]["stimuli"])
    write_report(made.path, tmp_path / PAGE, stimuli=[str(tmp_path / "elsewhere")])
    assert sum(s["picture"] is not None for s in data_of(tmp_path / PAGE)["movies"][0]["stimuli"]) == 11


def timed(values: list[list[float]]) -> tuple[tuple[str, str], list[list[float]]]:
    return ("area", "time"), values


KINDS = {
    "benchmark": xr.Dataset(
        {"score": timed([[0.1, 0.2], [np.nan, 0.4]]), "low": timed([[0, 0.1], [np.nan, 0.3]]),
         "high": timed([[0.2, 0.3], [np.nan, 0.5]]), "ceiling": 0.7, "ceiling_lower": 0.6},
        {"area": ["V4", "IT"], "time_step": ("time", [0, 1]), "time_ms": timed([[50.0, 60.0], [60.0, 70.0]])},
        {"model": "m", "benchmark": "b", "metric": "rdm", "committed_score": 0.38, "committed_low": 0.3,
         "committed_high": 0.45, "committed_area": "IT", "simulated": "yes"},
    ),
    "score": xr.Dataset({"score": 0.5, "raw": 0.3, "ceiling": 0.6, "error": 0.01}, attrs={"model": "m"}),
    "score of states": xr.Dataset(
        {"score": ("time_bin", [0.2, 0.5]), "raw": ("time_bin", [0.1, 0.3]), "ceiling": ("time_bin", [0.5, 0.6]),
         "error": ("time_bin", [0.01, 0.01]), "low": ("time_bin", [0.05, 0.2]), "high": ("time_bin", [0.15, 0.4]),
         "state_score": (("area", "time", "time_bin"), [[[0.1, 0.3], [0.4, 0.45]], [[np.nan, np.nan], [0.7, 0.8]]])},
        {"time_bin_start": ("time_bin", [70, 90]), "time_bin_end": ("time_bin", [90, 110]), "area": ["V4", "IT"],
         "time_step": ("time", [0, 1]), "time_ms": timed([[50.0, 60.0], [60.0, 70.0]])},
    ),
    "score over time": xr.Dataset(
        {name: ("time_bin", values) for name, values in
         {"score": [0.2, 0.5], "raw": [0.1, 0.3], "ceiling": [0.5, 0.6], "error": [0.01, np.nan]}.items()},
        {"time_bin_start": ("time_bin", [70, 90]), "time_bin_end": ("time_bin", [90, 110])}, {"model": "m"},
    ),
    "benchmarks": xr.Dataset(
        {"score": (("benchmark", "model"), [[0.1, 0.2]]), "low": (("benchmark", "model"), [[0.0, 0.1]]),
         "high": (("benchmark", "model"), [[0.2, np.nan]]), "ceiling": ("benchmark", [0.9]),
         "simulated": ("benchmark", [True]),
         "p_value": (("benchmark", "model", "model_other"), [[[1, 0.01], [0.01, 1]]]),
         "difference": (("benchmark", "model", "model_other"), [[[0, -0.1], [0.1, 0]]])},
        {"benchmark": ["ventralrnn.b"], "model": ["one", "two"], "model_other": ["one", "two"]},
    ),
    "encoding": xr.Dataset(
        {"score": (("area", "time", "neuroid", "time_bin"), np.full((2, 3, 4, 2), 0.25))},
        {"area": ["V4", "IT"], "time_step": ("time", [0, 1, 2])},
    ),
    "comparison without clocks": xr.Dataset(
        {"similarity": (("area", "time", "brain_time"), np.arange(12.0).reshape(2, 2, 3) / 12)},
        {"area": ["V4", "IT"], "time_step": ("time", [0, 1])}, {"method": "corr", "brain": "mine"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_other_results_are_seen_with_their_ceilings_and_units(kind: str, tmp_path: Path) -> None:
    path = save_result(KINDS[kind], tmp_path / "a.nc")
    write_report(path, tmp_path / PAGE)
    (section,) = data_of(tmp_path / PAGE)["sections"]
    charts = section["charts"]
    text = json.dumps(section)
    expected = {
        "benchmark": ("SIMULATED", "0.38 of IT", "Noise ceiling 0.70", '"ceiling": [0.6, 0.7]'),
        "score": ("Score 0.5; 1 is the noise ceiling.", '"ceiling": [0.6, 0.6]', '"low": 0.29, "high": 0.31'),
        "score of states": (
            '"low": [0.05, 0.2], "high": [0.15, 0.4]',
            '"values": [[null, null], [0.7, 0.8]]',
            "brain time",
        ),
        "score over time": ('"x": [80.0, 100.0]', '"high": [0.5, 0.6], "name": "noise ceiling"', "brain time"),
        "benchmarks": (
            "SIMULATED, not primate data.",
            "higher than two on 0 of 1 benchmarks, lower on 1",
            "b (SIMULATED data)",
            "2 models, 1 benchmark.",
            '"ceiling": [0.9, 0.9]',
        ),
        "encoding": ("Median over 4 neurons; the best state reaches 0.25", "Pearson's r", "time step"),
        "comparison without clocks": ("most like model IT at step 1", "0.92", "no noise ceiling", "model step"),
    }[kind]
    assert charts and all(words in text for words in expected), text


def random_rdms(path: Path, stimuli: int, areas: int, times: int) -> Path:
    random = np.random.default_rng(0)
    values = random.random((areas, times, stimuli * (stimuli - 1) // 2)).astype(np.float32)
    coords = {
        "area": [f"A{i}" for i in range(areas)],
        "time_ms": ("time", 10.0 * np.arange(times)),
        "label": ("stimulus", [f"kind {i % 5}" for i in range(stimuli)]),
    }
    names = [f"s{i}" for i in range(stimuli)]
    return save_result(make_rdms(values, ("area", "time"), coords, names), path)


def test_a_hundred_stimuli_are_all_shown_in_a_small_page(tmp_path: Path) -> None:
    path = random_rdms(tmp_path / "rdms.nc", 100, 4, 10)
    made = write_report(path, tmp_path / PAGE)
    (movie,) = data_of(tmp_path / PAGE)["movies"]
    assert len(movie["stimuli"]) == 100 and made["bytes"] < 10e6
    # Sorted by category: the pair of the first two is that of stimuli 0 and 5 of the file.
    with xr.open_dataset(path) as opened:
        assert decoded(movie, 0)[0, 0] == pytest.approx(float(opened.dissimilarity[0, 0, 4]), abs=0.003)


def test_many_stimuli_and_times_are_thinned_and_said_to_be(tmp_path: Path) -> None:
    path = random_rdms(tmp_path / "rdms.nc", 330, 1, 62)
    made = write_report(path, tmp_path / PAGE)
    (movie,) = data_of(tmp_path / PAGE)["movies"]
    shown = len(movie["stimuli"])
    assert shown < 300 and movie["total"] == 330 and movie["times"]["count"] == 60
    assert {label: sum(s["label"] == label for s in movie["stimuli"]) for label in ("kind 0", "kind 4")} == {
        "kind 0": pytest.approx(shown / 5, abs=1),
        "kind 4": pytest.approx(shown / 5, abs=1),
    }
    assert any(f"{shown} of 330 stimuli" in note for note in made["notes"])
    assert any("60 of 62 times" in note for note in made["notes"])
    assert made["bytes"] < 10e6


def test_several_large_movies_share_the_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movies, "_BYTES", 300_000)
    paths = [random_rdms(tmp_path / f"{i}.nc", 120, 2, 3) for i in range(3)]
    write_report(paths, tmp_path / PAGE)
    assert [len(movie["stimuli"]) for movie in data_of(tmp_path / PAGE)["movies"]] == [30, 30, 30]


def test_too_few_stimuli_for_a_map_are_a_note(tmp_path: Path) -> None:
    made = write_report(random_rdms(tmp_path / "rdms.nc", 2, 1, 2), tmp_path / PAGE)
    assert not data_of(tmp_path / PAGE)["movies"] and "2 stimuli" in made["notes"][0]


def test_what_cannot_be_shown_is_an_error(recording: Recording, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("not a result")
    cases: list[tuple[Path, type[Exception], str]] = [
        (tmp_path / "empty", AnalysisError, "holds no recording"),
        (tmp_path / "text.txt", AnalysisError, "neither a recording"),
        (tmp_path / "none.nc", AnalysisError, "no such file"),
        (tmp_path / "none.zarr", RecordingError, "no recording is there"),
    ]
    for path, error, message in cases:
        with pytest.raises(error, match=message) as raised:
            write_report(path, tmp_path / PAGE)
        assert str(path) in str(raised.value) and "\n" not in str(raised.value)
    assert not (tmp_path / PAGE).exists()


def test_a_file_of_another_hand_is_not_replaced(recording: Recording, tmp_path: Path) -> None:
    out = tmp_path / PAGE
    out.write_text("<html>my own page</html>")
    with pytest.raises(AnalysisError, match="no report of ventralrnn"):
        write_report(recording.path, out)
    assert out.read_text() == "<html>my own page</html>"
    out.unlink()
    write_report(recording.path, out)
    write_report(recording.path, out, title="again")
    assert data_of(out)["title"] == "again"
    with pytest.raises(AnalysisError, match="paths"):
        write_report(3, out)  # type: ignore[arg-type]
    for other, message in ((tmp_path / "a.nc", "ends in .html"), (tmp_path / "no" / PAGE, "there is no folder")):
        with pytest.raises(AnalysisError, match=message):
            write_report(recording.path, other)


def test_a_broken_file_among_others_is_named_on_the_page(recording: Recording, tmp_path: Path) -> None:
    shutil.copytree(recording.path, tmp_path / "a.zarr")
    (tmp_path / "broken.nc").write_bytes(b"CDF nonsense")
    made = write_report(tmp_path, tmp_path / PAGE)
    assert [Path(s).name for s in made["sources"]] == ["a.zarr"]
    assert any("broken.nc" in note for note in data_of(tmp_path / PAGE)["notes"])


def test_the_manual_works_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recording = record(write_labelled(tmp_path / "moved_pictures"), tmp_path / "all.zarr")
    save_result(compute_rdm(recording, constant="nan"), tmp_path / "rdms.nc")
    shutil.copytree(recording.path, tmp_path / "demo" / "all.zarr")
    commands = [line for block in re.findall(r"```console\n(.*?)```", MANUAL, re.DOTALL) for line in block.splitlines()]
    assert len(commands) == 3
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(command)[1:])
        assert ended.value.code == 0
        assert data_of(Path(command.split()[-1]))["movies"]
    capsys.readouterr()
    (code,) = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
    exec(compile(code, "report.md", "exec"), {})
    assert capsys.readouterr().out.startswith("report.html ")
    assert data_of(Path("report.html"))["title"] == "My model"
