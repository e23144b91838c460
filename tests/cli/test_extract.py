"""The command ``ventralrnn extract``: pictures of every kind in, a recording out; one clear line for what is wrong."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.recording import models
from tests.recording.common import assert_close, hear, stack, tiny, tiny_spec, write_pictures
from ventralrnn import open_recording
from ventralrnn.cli.extract import command
from ventralrnn.cli.main import main
from ventralrnn.recording import Recording
from ventralrnn.recording.store import partial_path
from ventralrnn.stimuli import load_stimuli, read_batches, standardise
from ventralrnn.zoo import save_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_checkpoint(tiny(), path)
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", 5)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "a.zarr"


def run(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["extract", *map(str, arguments)])
    return int(ended.value.code or 0)


def record(checkpoint: str, folder: Path, out: Path, *arguments: Any) -> Recording:
    assert run(checkpoint, folder, "--out", out, *arguments) == 0
    return open_recording(out)


def expected(folder: Path) -> dict[str, np.ndarray]:
    """Return what hooks hear in one plain forward pass with all pictures of a folder."""
    network = tiny()
    (batch,) = read_batches(load_stimuli(folder), network.spec.preprocessing, 1000)
    pictures = standardise(torch.from_numpy(batch.pixels), network.spec.preprocessing)
    heard = hear(network, dict(network.areas.items()), pictures)
    return {area: stack(states) for area, states in heard.items()}


def test_jpegs_of_mixed_sizes(checkpoint: str, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_pictures(tmp_path / "pictures", 20, suffix=".jpg")
    recording = record(checkpoint, folder, out, "--batch-size", 6)
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out == f"{recording!r}\n"
    for area, states in expected(folder).items():
        assert_close(recording[area], states)
    assert recording["V1"].stimulus_id.values.tolist() == [f"{i:03d}.jpg" for i in range(20)]


def test_options(checkpoint: str, folder: Path, out: Path, tmp_path: Path) -> None:
    recording = record(
        checkpoint, folder, out, "--areas", "IT, V1", "--steps", "2:4", "--pool", "mean", "--dtype", "float16",
        "--currents", "V2-IT,V1-V1", "--cut", "IT-V2@3:", "--cut", "V2-V1", "--batch-size", 2, "--seed", 3,
        "--workers", 1, "--device", "cpu", "--degrees", 5,
    )  # fmt: skip
    assert list(recording) == ["IT", "V1", "V2-IT", "V1-V1"]
    assert recording["V1"].shape == (5, 2, 3)
    assert recording["V1"].dtype == np.float16
    assert recording["V1"].time_step.values.tolist() == [2, 3]
    settings = {"pool": "mean", "seed": 3, "batch_size": 2, "device": "cpu"}
    assert {name: recording.attrs[name] for name in settings} == settings
    assert recording.attrs["model_details"]["cut"] == ["IT-V2@3:5", "V2-V1"]
    assert recording.attrs["stimuli"]["degrees"] == 5
    all_currents = record(checkpoint, folder, tmp_path / "b.zarr", "--areas", "IT", "--currents")
    assert list(all_currents) == ["IT", *(c.name for c in tiny_spec().graph.connections)]


def test_json(checkpoint: str, folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "001.png").write_bytes(b"nothing")
    assert run(checkpoint, folder, "--out", out, "--json", "--areas", "IT", "--skip-bad") == 0
    said = capsys.readouterr()
    assert said.err == ""
    result = json.loads(said.out)
    assert result["path"] == str(out)
    assert result["areas"] == {
        "IT": {
            "shape": {"stimulus": 4, "time": 5, "neuroid": 20},
            "time_step": [0, 1, 2, 3, 4],
            "time_ms": [45, 55, 65, 75, 85],
            "unreached_steps": [0, 1],
        }
    }
    assert [stimulus for stimulus, _ in result["skipped_stimuli"]] == ["001.png"]
    rdm = ("--rdm", out.with_suffix(".nc"), "--areas", "IT", "--skip-bad")
    assert run(checkpoint, folder, *rdm, "--json") == 0
    assert json.loads(capsys.readouterr().out)["skipped_stimuli"] == result["skipped_stimuli"]
    assert run(checkpoint, folder, *rdm) == 0
    assert "Left out 1 that cannot be read:\n  001.png: " in capsys.readouterr().out
    # Of a model without a clock, times are null.
    model = f"{models.__file__}:recurrent"
    assert (
        run(model, folder, "--out", out.with_name("b.zarr"), "--json", "--skip-bad", "--area", "IT=it", "--size", 8)
        == 0
    )
    assert json.loads(capsys.readouterr().out)["areas"]["IT"]["time_ms"] == [None] * 4


def test_a_model_that_someone_else_wrote_in_one_file(
    folder: Path, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("theirs.py").write_text(Path(models.__file__).read_text())
    arguments = ["--area", "IT=it.output", "--area", "V1=stem", "--size", 16]
    assert run("theirs.py:recurrent", "pictures", "--out", "a.zarr", *arguments) == 0
    recording = open_recording(out)
    assert recording["IT"].shape == (5, models.STEPS, 4 * 8 * 8)
    assert recording["V1"].sizes["time"] == 1
    assert recording.attrs["model"] == "theirs.py:recurrent"
    assert recording.attrs["preprocessing"]["size"] == 16
    arguments = ["--states", "theirs.py:history", "--areas", "IT", "--size", 8]
    assert run("theirs.py:keeps", "pictures", "--out", "b.zarr", *arguments) == 0
    assert open_recording("b.zarr")["IT"].shape == (5, models.STEPS, 12)


def test_a_clock_for_a_model_that_has_none(folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [f"{models.__file__}:recurrent", folder, "--area", "IT=it", "--area", "V1=stem", "--size", 8]
    assert run(*arguments, "--out", out.with_name("b.zarr")) == 0
    assert "--ms-per-step gives it one" in capsys.readouterr().out
    assert run(*arguments, "--out", out, "--ms-per-step", 20, "--onset-ms", "IT=90.5") == 0
    assert "--ms-per-step" not in capsys.readouterr().out
    recording = open_recording(out)
    assert recording["IT"].time_ms.values.tolist() == [90.5, 110.5, 130.5, 150.5]
    assert recording["V1"].time_ms.values.tolist() == [0]
    assert recording.attrs["clock"] == {"ms_per_step": 20, "onset_ms": {"IT": 90.5}, "source": "command line"}


def cmyk(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (30, 20, 4), np.uint8), "CMYK")


PICTURES: dict[str, Any] = {
    "grey.jpg": lambda rng: Image.fromarray(rng.integers(0, 256, (21, 33), np.uint8)),
    "cmyk.jpg": cmyk,
    "deep.png": lambda rng: Image.fromarray(rng.integers(0, 1 << 16, (25, 17), np.uint16)),
    "alpha.png": lambda rng: Image.fromarray(rng.integers(0, 256, (40, 31, 4), np.uint8)),
    "palette.gif": lambda rng: Image.fromarray(rng.integers(0, 256, (19, 23, 3), np.uint8)).quantize(8),
    "bits.png": lambda rng: Image.fromarray(rng.integers(0, 256, (19, 23), np.uint8)).convert("1"),
    "one pixel.bmp": lambda rng: Image.new("RGB", (1, 1), (200, 3, 4)),
    "long.png": lambda rng: Image.fromarray(rng.integers(0, 256, (3, 200, 3), np.uint8)),
}


def test_pictures_of_every_kind(checkpoint: str, tmp_path: Path, out: Path) -> None:
    rng, folder = np.random.default_rng(7), tmp_path / "pictures"
    folder.mkdir()
    for name, make in PICTURES.items():
        make(rng).save(folder / name)
    recording = record(checkpoint, folder, out)
    assert recording["V1"].stimulus_id.values.tolist() == sorted(PICTURES)
    states = expected(folder)
    for area in recording:
        assert_close(recording[area], states[area])
    # Each is seen as it looks, not as a blank: no two give the same states.
    assert len(np.unique(recording["V1"].values.reshape(len(PICTURES), -1), axis=0)) == len(PICTURES)


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    "bad", [["000"], ["002"], ["004"], ["000", "001"], ["002", "003"], ["000", "001", "002", "003"]]
)
def test_truncated_pictures(
    checkpoint: str, folder: Path, out: Path, bad: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    states = expected(folder)
    for name in bad:
        truncate(folder / f"{name}.png")
    assert run(checkpoint, folder, "--out", out, "--batch-size", 2) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"ventralrnn: error: {folder / bad[0]}.png: the picture is damaged or cut short")
    assert "--skip-bad" in said and said.count("\n") == 1
    kept = [i for i in range(5) if f"{i:03d}" not in bad]
    # What was finished before the first bad one is continued, and is not there if nothing was.
    assert partial_path(out).exists() == (int(bad[0]) >= 2)
    recording = record(checkpoint, folder, out, "--batch-size", 2, "--skip-bad", "--resume")
    assert recording["V1"].stimulus_id.values.tolist() == [f"{i:03d}.png" for i in kept]
    for area in recording:
        assert_close(recording[area], states[area][kept])
    assert [name for name, _ in recording.attrs["skipped_stimuli"]] == [f"{name}.png" for name in bad]
    assert all("damaged or cut short" in reason for _, reason in recording.attrs["skipped_stimuli"])
    assert f"eft out {len(bad)} " in (said := capsys.readouterr().out)
    assert [line.split(":")[0] for line in said.splitlines()[-len(bad) :]] == [f"  {name}.png" for name in bad]


def test_pictures_that_are_all_bad(
    checkpoint: str, folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.iterdir():
        truncate(path)
    assert run(checkpoint, folder, "--out", out, "--skip-bad") == 2
    assert capsys.readouterr().err == "ventralrnn: error: pictures: none of 5 pictures could be read\n"
    assert not out.exists() and not partial_path(out).exists()


def test_duplicates(
    checkpoint: str, folder: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same picture under two names is two stimuli; one name twice is an error."""
    (folder / "copy.png").write_bytes((folder / "002.png").read_bytes())
    recording = record(checkpoint, folder, out)
    assert recording["V1"].stimulus_id.values.tolist()[-1] == "copy.png"
    np.testing.assert_array_equal(recording["V1"].values[5], recording["V1"].values[2])
    capsys.readouterr()
    (tmp_path / "list.csv").write_text("path\npictures/000.png\npictures/001.png\npictures/000.png\n")
    assert run(checkpoint, tmp_path / "list.csv", "--out", tmp_path / "b.zarr") == 2
    said = capsys.readouterr().err
    assert "'pictures/000.png' occurs twice, at line 2 and line 4" in said and said.count("\n") == 1


def test_a_list_with_ids_and_labels(checkpoint: str, folder: Path, out: Path, tmp_path: Path) -> None:
    lines = [f"pictures/{i:03d}.png,id{i},{'ab'[i % 2]}" for i in (3, 1, 4)]
    (tmp_path / "list.csv").write_text("\n".join(["path,stimulus_id,label", *lines]))
    recording = record(checkpoint, tmp_path / "list.csv", out)
    assert recording["V1"].stimulus_id.values.tolist() == ["id3", "id1", "id4"]
    assert recording["V1"].label.values.tolist() == ["b", "b", "a"]
    assert_close(recording["IT"], expected(folder)["IT"][[3, 1, 4]])


def test_the_rendering_is_said(folder: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ventralrnn.networks import Preprocessing

    network = tiny(preprocessing=Preprocessing(8, degrees=8.0))
    save_checkpoint(network, tmp_path / "wide.safetensors")
    assert run(tmp_path / "wide.safetensors", folder, "--out", out, "--degrees", "4") == 0
    assert "the pictures span 4 degrees, the model's input 8: they are drawn at 0.5 times" in capsys.readouterr().out


def test_a_model_without_trained_weights_warns_in_one_line(
    folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("resnet-1state", folder, "--out", out, "--areas", "state1", "--steps", "0", "--pool", "mean") == 0
    said = capsys.readouterr().err
    assert re.fullmatch(r"ventralrnn: warning: resnet-1state has no trained weights .*random \(seed 0\)\n", said)


WRONG: dict[str, tuple[list[str], str]] = {
    "unknown model": (["ventrall"], "no model 'ventrall': did you mean ventral"),
    "unknown checkpoint": (["nothing.safetensors"], "nothing.safetensors: no such checkpoint"),
    "unknown file": (["nothing.py:f"], "nothing.py: no such file"),
    "unknown factory": (["MODELS:nothing"], "has no 'nothing'"),
    "a factory that is none": (["MODELS:not_a_model"], "not_a_model: returned a int, not a torch.nn.Module"),
    "a factory that fails": (["MODELS:broken"], "broken: calling it failed: ValueError: no weights here"),
    "no area": (["MODELS:recurrent"], "say which modules are areas, --area IT=module.path"),
    "unknown module": (["MODELS:recurrent", "--area", "IT=its"], "no module 'its'; it has it"),
    "never called": (["MODELS:recurrent", "--area", "IT=unused"], "module 'unused' was never called"),
    "area without =": (["MODELS:recurrent", "--area", "IT"], "--area: 'IT': write it like IT=it.output"),
    "area without path": (["MODELS:recurrent", "--area", "IT="], "--area: 'IT=': write it like IT=it.output"),
    "area twice": (["MODELS:recurrent", "--area", "a=it", "--area", "a=stem"], "--area: a is named twice"),
    "areas and area": (["CHECKPOINT", "--area", "a=areas.V1", "--areas", "V1"], "goes not with --area"),
    "a name with a slash": (["MODELS:recurrent", "--area", "a/b=it", "--size", "8"], "a name has letters, digits, _"),
    "cut on another model": (["MODELS:recurrent", "--area", "IT=it", "--cut", "a-b"], "cut: goes only with the areas"),
    "currents of another model": (["MODELS:recurrent", "--area", "IT=it", "--currents"], "currents: goes only with"),
    "wrong input": (["MODELS:narrow", "--area", "a=0", "--size", "8"], "failed on input of shape (1, 3, 8, 8): Run"),
    "unknown area": (["CHECKPOINT", "--areas", "V1,V3"], "'V3'"),
    "bad steps": (["CHECKPOINT", "--steps", "a:b"], "steps 'a:b': write steps like 3, 0:8"),
    "negative steps": (["CHECKPOINT", "--steps", "-1"], "steps '-1' reach outside 0..4"),
    "bad cut": (["CHECKPOINT", "--cut", "IT-V9"], "cut 'IT-V9'"),
    "bad steps of a cut": (["CHECKPOINT", "--cut", "IT-V2@7"], "cut 'IT-V2@7': steps '7' reach outside 0..4"),
    "bad currents": (["CHECKPOINT", "--currents", "V9"], "'V9'"),
    "unknown device": (["CHECKPOINT", "--device", "tpu"], "device 'tpu': auto, cpu, cuda or mps"),
    "a device that is not here": (["CHECKPOINT", "--device", "cuda:99"], "device 'cuda:99': no such device here"),
    "size of a model that has one": (["CHECKPOINT", "--size", "9"], "states the size of its input itself"),
    "size 0": (["MODELS:recurrent", "--size", "0"], "--size: "),
    "bad seed": (["CHECKPOINT", "--seed", "-1"], "--seed: "),
    "bad pool": (["CHECKPOINT", "--pool", "max"], "--pool: "),
    "bad states": (["MODELS:keeps", "--states", "MODELS:nothing", "--areas", "IT"], "has no 'nothing'"),
    "states without areas": (["MODELS:keeps", "--states", "MODELS:history"], "name the areas of the states function"),
    "bad angle": (["CHECKPOINT", "--degrees", "-3"], "a visual angle of -3 degrees; give a positive number"),
    "a clock of no length": (["MODELS:recurrent", "--area", "IT=it", "--ms-per-step", "0"], "--ms-per-step: "),
    "an onset without a clock": (["MODELS:recurrent", "--area", "a=it", "--onset-ms", "a=9"], "goes with --ms-per-"),
    "an onset that is none": (["MODELS:recurrent", "--ms-per-step", "5", "--onset-ms", "a=b"], "a=b: give millisec"),
    "a second clock": (["CHECKPOINT", "--ms-per-step", "5"], "--onset-ms: stream has its own"),
    "an option that is none": (["CHECKPOINT", "--nothing"], "--nothing"),
}  # fmt: skip


def last_line(said: str) -> str:
    """Return what is wrong: click shows how the command is used before it."""
    lines = said.strip().splitlines()
    assert "Traceback" not in said
    assert len(lines) == 1 or lines[0].startswith("Usage: ventralrnn extract")
    return lines[-1]


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(
    name: str, checkpoint: str, folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = WRONG[name]
    filled = [a.replace("MODELS", models.__file__).replace("CHECKPOINT", checkpoint) for a in arguments]
    assert run(filled[0], folder, "--out", out, *filled[1:]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in last_line(said.err)
    assert sorted(out.parent.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("stimuli", "message"),
    [
        ("nothing", "nothing: no such folder, CSV list or named set of stimuli"),
        ("embeded", "did you mean embedded?"),
        ("empty", "empty: no pictures in this folder"),
        ("texts", "texts: no pictures in this folder .*; it holds 1 other files"),
        ("texts/a.txt", "neither a folder of pictures nor a CSV list"),
        ("zhang2011", "zhang2011 holds no pictures"),
    ],
)
def test_wrong_stimuli(
    checkpoint: str,
    tmp_path: Path,
    stimuli: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("")
    assert run(checkpoint, stimuli, "--out", "a.zarr") == 2
    said = capsys.readouterr().err
    assert re.search(message, said) and said.count("\n") == 1
    assert not list(tmp_path.glob("*.zarr*"))


def test_wrong_places(checkpoint: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(checkpoint, folder, "--out", tmp_path / "a.nc") == 2
    assert "a.nc: give the recording a name that ends in .zarr" in last_line(capsys.readouterr().err)
    (tmp_path / "file").write_text("")
    assert run(checkpoint, folder, "--out", tmp_path / "file" / "a.zarr") == 2
    assert last_line(capsys.readouterr().err).endswith("a file stands where a folder should: give another place")
    assert run(checkpoint, folder) == 2
    assert "missing option '--out'" in last_line(capsys.readouterr().err)


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="no folder that even root cannot write to")
def test_a_folder_that_cannot_be_written_to(checkpoint: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(checkpoint, folder, "--out", "/sys/kernel/a.zarr") == 2
    said = capsys.readouterr().err
    assert said.startswith("ventralrnn: error: ") and "/sys/kernel/a.zarr" in said and said.count("\n") == 1


def test_what_is_there_is_not_overwritten(
    checkpoint: str, folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(checkpoint, folder, out, "--areas", "IT")
    capsys.readouterr()
    assert run(checkpoint, folder, "--out", out, "--areas", "IT") == 2
    assert last_line(capsys.readouterr().err) == (
        f"ventralrnn: error: {out}: is there already: give another name for --out, or remove it"
    )
    assert run(checkpoint, folder, "--out", out, "--areas", "V1", "--resume") == 2
    assert "areas.V1 was None" in last_line(capsys.readouterr().err)
    record(checkpoint, folder, out, "--areas", "IT", "--resume")


def test_debug_shows_where(checkpoint: str, folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(checkpoint, folder, "--out", out, "--areas", "V9", "--debug") == 2
    said = capsys.readouterr().err
    assert said.startswith("Traceback") and "graph.area(name)" in said
    assert said.splitlines()[-1].startswith("ventralrnn: error: ")


def test_help_mentions_every_option() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ventralrnn", "extract", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    for parameter in command.params:
        for text in parameter.opts if parameter.param_type_name == "option" else [parameter.name.upper()]:
            assert re.search(rf"(^|[ ,]){re.escape(text)}\b", done.stdout, re.MULTILINE), text
    # It is there at once: nothing heavy is loaded for it.
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "click" in loaded
    assert not loaded & {"torch", "numpy", "xarray", "zarr", "PIL", "safetensors"}


def test_a_progress_bar_is_shown_on_a_terminal_only(
    checkpoint: str, folder: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ventralrnn.cli.options.is_terminal", lambda: True)
    record(checkpoint, folder, out)
    said = capsys.readouterr()
    assert "5/5" in said.err and "stimuli" in said.err
    assert "5/5" not in said.out


def test_an_empty_stream_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from ventralrnn.cli import options

    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert options.is_terminal() is False
