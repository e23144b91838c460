"""A user's own data: the page on them works as written, every kind of file gives the same, every mistake is named."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.io import savemat
from scipy.spatial.distance import pdist

from tests.brains.own.common import NAMES, PAGE, blocks, described, write_csv
from ventralrnn.analysis.rdm import compute_crossnobis
from ventralrnn.brains import load_brain, load_responses
from ventralrnn.cli.main import main
from ventralrnn.errors import DataError

# (repeat, stimulus, time, neuroid), one repeat missing
VALUES = np.random.default_rng(0).gamma(2, 3, (3, 6, 4, 5)).round(3)
VALUES[2, 4] = np.nan


def test_commands_of_the_page_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    lines = [shlex.split(line) for block in blocks("console") for line in block.splitlines()]
    assert len(lines) == 4
    for line in lines:
        with pytest.raises(SystemExit) as exit_:
            main(line[1:])
        assert exit_.value.code == 0, capsys.readouterr().err
        assert capsys.readouterr().out.strip()
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "your-data.md", "exec"), names)
        assert capsys.readouterr().out.strip(), block


@pytest.mark.parametrize(
    ("name", "shape", "coords"),
    [
        ("my_data", (4, 24, 10, 12), {"area": "V4", "subject": "M1", "time_ms": 10, "label": "cat", "neuroid_id": "0"}),
        ("trials", (4, 24, 10, 12), {"area": "V4", "depth": 0, "time_end_ms": 20, "neuroid_id": "n0"}),
        ("subjects", (3, 6, 1, 13), {"area": "IT", "subject": "M1", "neuroid_id": "M1-0", "stimulus_id": "face"}),
        ("table", (2, 3, 1, 2), {"neuroid_id": "a1", "time_ms": 120, "stimulus_id": "a"}),
        ("netcdf", (1, 6, 4, 5), {"stimulus_id": "s0", "label": "a", "time_start_ms": 50}),
    ],
)
def test_descriptions_of_the_page_work(
    folder: Path, name: str, shape: tuple[int, ...], coords: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    responses = load_responses(folder / f"{name}.yaml")
    assert responses.shape == shape and responses.dims == ("repeat", "stimulus", "time", "neuroid")
    for key, value in coords.items():
        assert responses[key].values[0] == value, key
    with pytest.raises(SystemExit) as exit_:
        main(["data", "check", str(folder / f"{name}.yaml")])
    assert exit_.value.code == 0 and f"{shape[1]} stimulus x {shape[2]} time" in capsys.readouterr().out


def test_the_page_lists_every_key() -> None:
    from ventralrnn.brains.own.description import EXAMPLES

    table = PAGE[PAGE.index("## Keys") : PAGE.index("## Every kind")]
    assert set(EXAMPLES) <= set(re.findall(r"`(\w+)`", table))
    assert {block.splitlines()[0] for block in blocks("yaml")} >= {"# nwb.yaml"}


def save(folder: Path, kind: str, values: np.ndarray) -> Any:
    """Write an array, and return what a description calls it."""
    match kind:
        case "npy":
            np.save(folder / "r.npy", values)
        case "npz":
            np.savez(folder / "r.npz", x=values, rate=1000.0)
        case "mat":
            savemat(folder / "r.mat", {"x": values, "rate": 1000.0})
        case "mat7":
            h5py = pytest.importorskip("h5py")
            with h5py.File(folder / "r.mat", "w", userblock_size=512) as file:
                file["x"] = values.T
                file["rate"] = 1000.0
        case "nc":
            xr.DataArray(values, name="x").to_netcdf(folder / "r.nc", engine="netcdf4")
    return f"r.{kind[:3]}"


@pytest.mark.parametrize("kind", ["npy", "npz", "mat", "mat7", "nc"])
@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (3, 1, 0, 2), (1, 3), (1,)])
def test_every_kind_of_file_gives_the_same(tmp_path: Path, kind: str, axes: tuple[int, ...]) -> None:
    rest = tuple(i for i in range(4) if i not in axes)
    values = VALUES.transpose(*axes, *rest)[(..., *[0] * len(rest))]
    names = [("repeat", "stimulus", "time", "neuroid")[i] for i in axes]
    time = {"time": {"start_ms": -10, "bin_ms": 20, "step_ms": 5}}
    path = described(tmp_path, responses=save(tmp_path, kind, values), axes=names, stimuli=NAMES, **time)
    found = load_responses(path)
    chosen = [slice(None) if i in axes else slice(0, 1) for i in range(4)]
    np.testing.assert_array_equal(found, VALUES[tuple(chosen)])
    assert found.stimulus_id.values.tolist() == NAMES and found.attrs["source"] == str(path)
    starts = -10.0 + 5 * np.arange(found.sizes["time"])
    np.testing.assert_array_equal(found.time_start_ms, starts)
    np.testing.assert_array_equal(found.time_ms, starts + 10)
    np.testing.assert_array_equal(found.time_end_ms, starts + 20)


def test_presentations_become_repeats_in_their_order(tmp_path: Path) -> None:
    shown = ["b", "a", "b", "c", "b", "a"]
    values = np.arange(12.0).reshape(6, 2)
    np.save(tmp_path / "r.npy", values)
    (tmp_path / "shown.txt").write_text("\n".join(shown))
    path = described(tmp_path, responses="r.npy", axes=["presentation", "neuroid"], presentations="shown.txt")
    found = load_responses(path)
    assert found.stimulus_id.values.tolist() == ["a", "b", "c"]
    expected = [[2, 0, 6], [10, 4, np.nan], [np.nan, 8, np.nan]]
    np.testing.assert_array_equal(found[:, :, 0, 0], expected)
    stated = described(
        tmp_path, responses="r.npy", axes=["presentation", "neuroid"], presentations=shown, stimuli=["c", "b", "a"]
    )
    np.testing.assert_array_equal(load_responses(stated), found[:, ::-1])
    write_csv(tmp_path / "r.csv", ["x", "stimulus", "y"], [(v[0], s, v[1]) for v, s in zip(values, shown, strict=True)])
    np.testing.assert_array_equal(load_responses(described(tmp_path, responses="r.csv")), found)


def test_what_was_loaded_can_be_saved_and_loaded(folder: Path, tmp_path: Path) -> None:
    first = load_responses(folder / "trials.yaml")
    first.to_dataset(name="rates").to_netcdf(tmp_path / "r.nc", engine="netcdf4")
    again = load_responses(tmp_path / "r.nc")
    np.testing.assert_array_equal(again, first)
    for name in ("stimulus_id", "label", "time_ms", "time_end_ms", "neuroid_id", "area", "depth"):
        np.testing.assert_array_equal(again[name], first[name])
    assert again.attrs["stimuli"] == str(folder / "pictures")


def test_netcdf_in_another_order_of_stimuli(tmp_path: Path) -> None:
    order = [3, 1, 0, 5, 2, 4]
    coords = {"stimulus": np.array(NAMES)[order], "time": [75.0, 85, 95, 105]}
    array = xr.DataArray(VALUES[0][order], coords, ("stimulus", "time", "neuroid"), "x")
    array.to_netcdf(tmp_path / "r.nc", engine="netcdf4")
    found = load_responses(described(tmp_path, responses="r.nc", stimuli=NAMES))
    np.testing.assert_array_equal(found, VALUES[:1])
    assert found.time_ms.values.tolist() == [75, 85, 95, 105]


def test_rdms_of_subjects_and_areas(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", VALUES)
    np.save(tmp_path / "b.npy", VALUES[:2, ..., :4] + 1)
    sources = [{"file": "a.npy", "subject": "A"}, {"file": "b.npy", "subject": "B", "area": "IT"}]
    content = {
        "axes": ["repeat", "stimulus", "time", "neuroid"],
        "stimuli": NAMES,
        "time": {"start_ms": 0, "bin_ms": 10},
    }
    path = described(tmp_path, responses=sources, neuroids={"area": "V4"}, **content)
    rdms = load_brain(path, distance="sqeuclidean")
    assert rdms["dissimilarity"].dims == ("subject", "area", "time", "pair")
    assert rdms.subject.values.tolist() == ["A", "B"] and rdms.area.values.tolist() == ["V4", "IT"]
    assert rdms.time_ms.values.tolist() == [5, 15, 25, 35] and rdms.stimulus_id.values.tolist() == NAMES
    means = np.nanmean(VALUES, 0)
    for time in range(4):
        expected = pdist(means[:, time], "sqeuclidean")
        np.testing.assert_allclose(rdms["dissimilarity"].sel(subject="A", area="V4")[time], expected)
    assert rdms["dissimilarity"].sel(subject="B", area="V4").isnull().all()
    unbiased = load_brain(described(tmp_path, responses=sources[:1], distance="crossnobis", **content))
    assert unbiased["dissimilarity"].dims == ("area", "time", "pair") and unbiased.attrs["distance"] == "crossnobis"
    np.testing.assert_allclose(unbiased["dissimilarity"][0, 1], compute_crossnobis(VALUES[:, :, 1]))
    with pytest.raises(DataError, match="needs repeats"):
        np.save(tmp_path / "a.npy", VALUES[:1])
        load_brain(described(tmp_path, responses=sources[:1], **content), distance="crossnobis")
    with pytest.raises(DataError, match=r"my_data\.yaml: distance 'taxicab'"):
        load_brain(path, distance="taxicab")
    with pytest.raises(DataError, match="dims: is for files of RDMs"):
        load_brain(path, dims=["subject"])
    np.save(tmp_path / "rdm.npy", np.ones(3))
    with pytest.raises(DataError, match="distance: .* holds RDMs already"):
        load_brain(tmp_path / "rdm.npy", distance="euclidean")


GOOD: dict[str, Any] = {
    "responses": "r.npy",
    "axes": ["repeat", "stimulus", "time", "neuroid"],
    "stimuli": NAMES,
    "time": {"start_ms": 0, "bin_ms": 10},
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"responses": None}, "responses: is missing: .*`responses: responses.npy`"),
        ({"response": "r.npy"}, "response: there is no such key; did you mean responses"),
        ({"colour": 1}, "colour: there is no such key; the keys are responses, axes"),
        ({"responses": "s.npy"}, r"responses: there is no file or folder .*s\.npy; did you mean r\.npy\?"),
        ({"responses": "r.txt"}, r"r\.txt is none of the kinds of file that are read: \.npy"),
        ({"responses": "objects.npy"}, "objects.npy: cannot be read .*Python objects are not loaded"),
        ({"responses": "text.npy"}, "text.npy holds <U1, not numbers"),
        ({"responses": {"file": "r.npz"}}, r"r\.npz holds a \(3, 6, 4, 5\), b \(3, 6, 4, 5\): say which"),
        ({"responses": {"file": "r.npz", "variable": "c"}}, "r.npz has no variable 'c'; it has a, b"),
        ({"responses": {"file": "r.npz", "varable": "a"}}, "varable: there is no such key; did you mean variable"),
        ({"responses": {"variable": "a"}}, "responses: file is missing"),
        ({"responses": {"file": "r.npy", "onset": "x"}}, "onset is for NWB files"),
        ({"responses": [], "axes": None}, "responses: is empty"),
        ({"responses": "."}, "is a folder: name its files"),
        ({"axes": None}, r"axes: is missing: .*r\.npy has shape \(3, 6, 4, 5\); for example `axes: \[repeat"),
        ({"axes": ["stimulus", "neuroid"]}, r"axes: 2 names for the 4 axes of r\.npy, shape \(3, 6, 4, 5\)"),
        ({"axes": ["repeat", "stimuli", "time", "neuroid"]}, "axes: 'stimuli' is none; did you mean stimulus"),
        ({"axes": ["repeat", "repeat", "time", "neuroid"]}, "axes: repeat stands there twice"),
        ({"axes": ["repeat", "time", "neuroid"]}, "axes: stimulus .or presentation. is missing"),
        ({"axes": ["presentation", "stimulus"]}, "presentation stands for both stimulus and repeat"),
        ({"axes": {"a": 1}}, "axes: .* is no list"),
        ({"axes": ["repeat", "presentation", "time", "neuroid"]}, "presentation stands for both"),
        ({"stimuli": None}, "stimuli: is missing: say which the 6 stimuli are"),
        (
            {"stimuli": NAMES[:5]},
            r"there are 5, and axis stimulus of r\.npy has 6 .*axis neuroid has 5: are the",
        ),
        ({"stimuli": [*NAMES, "s7"]}, r"there are 7, and axis stimulus of r\.npy has 6 \(repeat 3, stimulus 6, time 4"),
        ({"stimuli": [*NAMES[:5], "s0"]}, "my_data.yaml: stimulus_id: 's0' occurs twice"),
        ({"stimuli": "cowley203"}, "stimuli: .* did you mean cowley2023"),
        ({"stimuli": "bare.csv"}, "bare.csv: no column stimulus_id"),
        ({"time": None}, "time: is missing: say where the 4 bins"),
        ({"time": {"start_ms": 0}}, "time: bin_ms is missing; for example `time: {start_ms: 0, bin_ms: 10}`"),
        ({"time": {"start": 0, "bin_ms": 1}}, "start: there is no such key; did you mean start_ms"),
        ({"time": {"start_ms": "soon", "bin_ms": 1}}, "start_ms is 'soon': give a number"),
        ({"time": {"start_ms": 0, "bin_ms": 0}}, "bin_ms is 0: give a number above 0"),
        ({"time": {"start_ms": 0, "bin_ms": 10, "end_ms": 50}}, "4 bins from 0 ms end at 40 ms, not at 50"),
        ({"time": "times.txt"}, r"time: 3 bins in times\.txt, and axis time of r\.npy has 4 .*axis repeat has 3"),
        ({"time": "bare.csv"}, "bare.csv: no column start_ms, end_ms or time_ms; it has a, b"),
        ({"time": {"file": "times.txt", "bin_ms": 1}}, "a file states all times"),
        ({"neuroids": "neurons.csv"}, r"neuroids: 2 rows in neurons\.csv, and axis neuroid of r\.npy has 5"),
        ({"neuroids": {"aera": "V4"}}, "aera: there is no such key; did you mean area"),
        ({"subject": True}, "subject: is true or false, as YAML reads yes"),
        ({"citation": ["a"]}, r"citation: give text, not \['a'\]"),
        ({"responses": "infinite.npy"}, "infinite.npy: holds infinity"),
        ({"responses": "gone.npy"}, "stimulus_id 's2' has no responses but NaN"),
        (
            {"responses": "flat.npy", "axes": ["presentation", "neuroid"], "time": None},
            "presentations: is missing: say which stimulus each of the 8 presentations of flat.npy",
        ),
        (
            {"responses": "flat.npy", "axes": ["presentation", "neuroid"], "presentations": NAMES},
            "presentations: 6 names of stimuli, and axis presentation of flat.npy has 8",
        ),
        (
            {"responses": "flat.npy", "axes": ["presentation", "neuroid"], "presentations": [*NAMES, "s0", "S1"]},
            "stimuli: flat.npy has responses to 'S1', which is none of them; did you mean 's1'",
        ),
        (
            {"responses": "flat.npy", "axes": ["presentation", "neuroid"], "presentations": [*NAMES[:4]] * 2},
            "stimuli: 2 of 6 have no response in flat.npy, such as 's4'",
        ),
        ({"responses": "table.csv", "axes": None}, "'up' in column n1 is no number"),
        ({"responses": "numbers.csv", "axes": None}, "the first line must name the columns"),
        ({"responses": "ragged.csv", "axes": None}, "ragged.csv, line 3: 1 values for 2 columns"),
        ({"responses": "table.csv"}, "axes: a CSV table has rows that are presentations"),
        ({"responses": ["r.npy", "short.npy"]}, "responses: short.npy has 3 time bins, and r.npy has 4"),
    ],
)
def test_mistakes_are_named_in_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    np.save(tmp_path / "r.npy", VALUES)
    np.savez(tmp_path / "r.npz", a=VALUES, b=VALUES)
    np.save(tmp_path / "short.npy", VALUES[:, :, :3])
    np.save(tmp_path / "flat.npy", np.ones((8, 2)))
    np.save(tmp_path / "objects.npy", np.array([None, {}]), allow_pickle=True)
    np.save(tmp_path / "text.npy", np.full(VALUES.shape, "a"))
    np.save(tmp_path / "infinite.npy", np.where(VALUES > 5, np.inf, VALUES))
    np.save(tmp_path / "gone.npy", np.where(np.arange(6)[:, None, None] == 2, np.nan, VALUES))
    (tmp_path / "r.txt").write_text("1")
    (tmp_path / "times.txt").write_text("5, 15\n25")
    write_csv(tmp_path / "bare.csv", ["a", "b"], [("x", 2), ("y", 3)])
    write_csv(tmp_path / "neurons.csv", ["area"], [("V4",), ("IT",)])
    write_csv(tmp_path / "table.csv", ["stimulus_id", "n1"], [("s0", 1), ("s1", "up")])
    write_csv(tmp_path / "numbers.csv", ["1", "2"], [(1, 2), (3, 4)])
    write_csv(tmp_path / "ragged.csv", ["stimulus_id", "n1"], [("s0", 1), ("s1",)])
    content = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    path = described(tmp_path, **content)
    with pytest.raises(DataError, match=message) as error:
        load_responses(path)
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


def test_files_that_are_no_descriptions(tmp_path: Path) -> None:
    path = tmp_path / "my_data.yaml"
    path.write_text("responses: [a\naxes: 1")
    with pytest.raises(DataError, match=r"my_data\.yaml, line 2: not YAML"):
        load_responses(path)
    path.write_text("- a\n- b\n")
    with pytest.raises(DataError, match="no description of responses"):
        load_responses(path)
    # A tag that would build an object is not built.
    path.write_text("responses: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(DataError, match="not YAML"):
        load_responses(path)
    with pytest.raises(DataError, match="other.yaml: no such file or data set of responses; give the path"):
        load_responses(tmp_path / "other.yaml")
    with pytest.raises(DataError, match="describe responses in a YAML file"):
        np.save(tmp_path / "r.npy", VALUES)
        load_responses(tmp_path / "r.npy")
    with pytest.raises(DataError, match="bin_ms: is for zhang2011"):
        load_responses(path, bin_ms=10)
    with pytest.raises(DataError, match="bin_ms: is for zhang2011"):
        load_responses("cowley2023", bin_ms=10)
    # What lies where the missing file should is proposed, and never the description itself.
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "recording.yaml").write_text("responses: ../recording.npy\naxes: [stimulus, neuroid]\n")
    with pytest.raises(DataError, match="there is no file or folder .*; paths are relative to the YAML file"):
        load_responses(tmp_path / "sub" / "recording.yaml")
    np.save(tmp_path / "recordings.npy", VALUES)
    with pytest.raises(DataError, match="did you mean ../recordings.npy"):
        load_responses(tmp_path / "sub" / "recording.yaml")
    (tmp_path / "second.yml").write_text("")
    with pytest.raises(DataError, match="holds 2 descriptions"):
        load_responses(tmp_path)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="holds no description"):
        load_responses(tmp_path / "nothing")


def check(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        main(["data", "check", str(path), *options])
    captured = capsys.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


def test_check_says_what_was_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = VALUES.copy()
    values[..., 3] = np.where(np.isnan(values[..., 3]), np.nan, 2)
    np.save(tmp_path / "r.npy", values)
    path = described(tmp_path, **GOOD, subject="M1", neuroids={"area": "V4"}, licence="CC0", units="Hz")
    status, out, _ = check(path, capsys)
    assert status == 0
    for text in (
        "3 repeat x 6 stimulus x 4 time x 5 neuroid",
        "s0, s1, ..., s5; no pictures are stated",
        "repeats      2 to 3 a stimulus",
        "4 bins of 10 ms, centres 5 to 35 ms after stimulus onset",
        "V4 (5 neuroids)",
        "M1 (5 neuroids)",
        "licence      CC0",
        "1 neuroids respond alike to all stimuli, such as 3.",
        "reliability",
        f"ventralrnn rsa FILE.zarr --brain {path}",
    ):
        assert text in out, text
    assert max(map(len, out.splitlines()[:-1])) <= 100
    status, out, _ = check(path, capsys, "--json")
    found = json.loads(out)
    assert found["sizes"]["stimulus"] == 6 and found["repeats"] == [2, 3] and found["bin_ms"] == [10]
    assert found["areas"] == {"V4": 5} and len(found["reliability"]) == 4
    described(tmp_path, **{**GOOD, "axes": ["repeat", "stimulus", "time", "neurid"]})
    status, out, error = check(path, capsys)
    assert status == 2 and not out and error.count("\n") == 1 and "did you mean neuroid?" in error


def test_check_notes_what_is_strange(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = VALUES.copy()
    values[1:, 0] = np.nan
    values[0, 1, :, 2] = np.nan
    np.save(tmp_path / "r.npy", values)
    _, out, _ = check(described(tmp_path, **GOOD), capsys)
    assert "1 stimuli were shown once" in out and "Some repeats are missing for some neuroids only" in out
    assert "not known, since it takes two repeats" in out
    values[:, 1, :, 2] = np.nan
    np.save(tmp_path / "r.npy", values[:, :, 0])
    content = {**GOOD, "axes": ["repeat", "stimulus", "neuroid"]}
    del content["time"]
    _, out, _ = check(described(tmp_path, **content), capsys)
    assert "3.3 % of (stimulus, time, neuroid) have no response" in " ".join(out.split())
    assert "is not stated (time:)" in " ".join(out.split())


def test_rsa_with_responses(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command compares with the RDMs that the description gives."""
    from ventralrnn.analysis.results import open_result, save_result

    brain = load_brain(folder / "subjects.yaml")
    assert brain.attrs["distance"] == "crossnobis" and brain.sizes["subject"] == 2
    model = brain.isel(subject=0, drop=True)
    save_result(model, tmp_path / "model.nc")
    with pytest.raises(SystemExit) as exit_:
        line = f"rsa {tmp_path}/model.nc --brain {folder}/subjects.yaml --out {tmp_path}/rsa.nc"
        main([*line.split(), "--bootstrap", "0", "--permutations", "0"])
    assert exit_.value.code == 0, capsys.readouterr().err
    assert open_result(tmp_path / "rsa.nc")["similarity"].size
