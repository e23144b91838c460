"""What every command says where something is wrong: one line, in the words of the command line, and what to do."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click
import numpy as np
import pytest
from click.testing import CliRunner
from scipy.spatial.distance import squareform

from tests.recording.common import inputs, tiny, write_pictures
from ventralrnn import extract
from ventralrnn.analysis import rsa
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.cli import options, wording
from ventralrnn.cli.main import COMMANDS, main
from ventralrnn.errors import AnalysisError
from ventralrnn.files import whole
from ventralrnn.zoo import save_checkpoint

Captured = pytest.CaptureFixture[str]
COUNT = 12


def run(capsys: Captured, *arguments: Any) -> tuple[int, str]:
    """Return the exit status and what was said on standard error, beside which nothing was."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    said = capsys.readouterr()
    assert said.out == ""
    return int(ended.value.code or 0), said.err


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a recording, a brain, a model, pictures, and much that is none of these."""
    place = tmp_path_factory.mktemp("place")
    extract(tiny(), inputs(COUNT), place / "a.zarr")
    save_checkpoint(tiny(), place / "tiny.safetensors")
    write_pictures(place / "pictures", 4)
    rng = np.random.default_rng(0)
    for name, count in {"brain": COUNT, "other": COUNT + 1}.items():
        (place / name).mkdir()
        for subject in "ab":
            np.save(place / name / f"{subject}.npy", squareform(rng.random(count * (count - 1) // 2)))
    (place / "empty").mkdir()
    (place / "text").mkdir()
    (place / "text" / "a.png").write_text("no picture")
    (place / "garbage.npy").write_bytes(b"no array" * 20)
    (place / "garbage.nc").write_bytes(b"no netCDF" * 20)
    (place / "broken.yaml").write_text("responses: [a\naxes: {\n")
    (place / "model.py").write_text("import torch\n\ndef build():\n    return torch.nn.Conv2d(3, 4, 3)\n")
    return place


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


EXTRACT = "extract tiny.safetensors pictures --out m.zarr"
RSA = "rsa a.zarr --out m.nc --brain"
DYNAMICS = "dynamics a.zarr --out m.nc"


def files(folder: Path) -> list[Path]:
    """Return all there is, but for the byte code that Python keeps of a user's own file."""
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        # The command line itself.
        ("nosuch", "no such command 'nosuch'; there are demo, models,"),
        ("extrac", "no such command 'extrac'; did you mean extract? (see ventralrnn --help)"),
        ("extract", "missing argument 'MODEL' (see ventralrnn extract --help)"),
        ("data get", "missing argument 'NAME' (see ventralrnn data get --help)"),
        ("rdm a.zarr", "missing option '--out' (see ventralrnn rdm --help)"),
        ("rdm a.zarr --outt m.nc", "no such option --outt; did you mean --out"),
        ("rdm a.zarr --out m.nc --distance far", "--distance: 'far' is not one of 'correlation', "),
        (f"{EXTRACT} --batch-size -3", "--batch-size: -3 is out of range: give 1 or more (see "),
        ("train ventral --data d --out r --validation 1", "--validation: 1.0 is out of range: give 0 to less than 1 "),
        (f"{EXTRACT} --ms-per-step 0", "--ms-per-step: 0.0 is out of range: give more than 0 "),
        # Arguments of functions, by the names of options.
        (f"{RSA} brain --compare kendall --bootstrap 9", "--compare: 'kendall' has no bootstrap over stimuli"),
        (f"{RSA} brain --compare whitened --bootstrap 9", "or --resample subjects, or have no intervals with --boot"),
        (f"{DYNAMICS} --threshold half", "--threshold: 'half': write"),
        (f"{DYNAMICS} --areas V9", "--areas: there is no 'V9'"),
        ("rdm a.zarr --out m.nc --noise oas", "--noise: goes not with correlation"),
        (f"{EXTRACT} --device tpu", "--device 'tpu': auto, cpu, cuda or mps"),
        ("extract model.py:build pictures --out m.zarr", "say which modules are areas, --area IT=module.path"),
        ("extract tiny.safetensors text --out m.zarr", "text/a.png: not a JPEG, PNG,"),
        ("extract tiny.safetensors text --out m.zarr", "(--skip-bad leaves such pictures out)"),
        ("rdm a.zarr --out m.nc --areas V1,", "--areas: 'V1,': write names like V1,IT"),
        (f"{RSA} brain --bootstrap 1", "--bootstrap: 1 sample is too few for an interval: give 0 for none"),
        (f"{EXTRACT} --ms-per-step 10", "--ms-per-step and --onset-ms: stream has its own, in its specification"),
        # What is not what it should be.
        (f"{DYNAMICS} --labels pictures", "--labels: pictures is a folder: give a CSV file with columns stimulus_id"),
        (f"{DYNAMICS} --labels nosuch.csv", "--labels: there is no file nosuch.csv"),
        (f"{DYNAMICS} --labels garbage.npy", "--labels: garbage.npy has no column label: give a CSV file"),
        (f"{RSA} other", "a.zarr: RDMs of 12 stimuli, and of 13 in --brain: show both the same"),
        (f"{RSA} garbage.npy", "garbage.npy: cannot be read: numpy.save or numpy.savez did not write it"),
        (f"{RSA} broken.yaml", "broken.yaml, line 2: not YAML"),
        (f"{RSA} empty", "empty: no RDMs are there"),
        (f"{RSA} nosuch", "nosuch: no such file, folder or data set"),
        ("rsa garbage.nc --brain brain --out m.nc", "garbage.nc: is not a netCDF file, or a broken one"),
        ("rsa model.py --brain brain --out m.nc", "model.py: give a recording, *.zarr, or RDMs, *.nc"),
        ("rdm garbage.nc --out m.nc", "garbage.nc: is a file, not a recording"),
        ("rdm pictures --out m.nc", "pictures: this folder is no recording"),
        ("dynamics nosuch.zarr --out m.nc", "nosuch.zarr: no recording is there: `ventralrnn extract` makes one"),
        ("extract model.py pictures --out m.zarr --size 8", "model.py: name the function in it that returns the model"),
        ("extract model.py pictures --out m.zarr", "as in model.py:factory"),
        ("extract model.py:nosuch pictures --out m.zarr", "model.py:nosuch: model.py has no 'nosuch'; it has "),
        ("extract garbage.npy pictures --out m.zarr", "garbage.npy: is no checkpoint, which is a file *.safetensors"),
        ("extract tiny.safetensors empty --out m.zarr", "empty: no pictures in this folder"),
        ("models nosuch", "no model 'nosuch'"),
        ("data get nosuch", "there is no data set 'nosuch'"),
        ("data check broken.yaml", "broken.yaml, line 2: not YAML"),
        ("train tiny.safetensors --data empty --out run", "empty: no pictures in this folder"),
        # Where the result goes.
        ("rdm a.zarr --out no/m.nc", "--out: no/m.nc: there is no folder no: make it first"),
        ("extract tiny.safetensors pictures --rdm no/m.nc", "--rdm: no/m.nc: there is no folder no: make it first"),
        ("rdm a.zarr --out empty", "--out: empty: the result is a netCDF file: give a name that ends in .nc"),
        ("submit tiny.safetensors --out model.py", "model.py: is there already: give another name, or remove it"),
    ],
)  # fmt: skip
def test_one_line_says_what_is_wrong(capsys: Captured, here: Path, line: str, message: str) -> None:
    before = files(here)
    status, said = run(capsys, *line.split())
    assert status == 2
    assert said.startswith("ventralrnn: error: ") and said.endswith("\n") and said.count("\n") == 1
    assert message in said
    assert files(here) == before or "--out run" in line


@pytest.mark.parametrize(
    "line",
    [
        "rdm a.zarr --out m.nc",
        f"{RSA} brain --bootstrap 2 --permutations 2",
        f"{DYNAMICS} --bootstrap 2",
        "extract tiny.safetensors pictures --rdm m.nc",
    ],
)
def test_only_results_of_ours_are_replaced(
    capsys: Captured, here: Path, tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "m.nc"
    line = line.replace("m.nc", str(out))
    out.write_text("years of work")
    status, said = run(capsys, *line.split())
    assert status == 2 and f"{out}: is there and no result of ventralrnn, so it is not replaced" in said
    assert out.read_text() == "years of work"
    out.unlink()
    for _ in range(2):  # what it wrote itself, it replaces
        with pytest.raises(SystemExit) as ended:
            main(line.split())
        assert not ended.value.code


@contextmanager
def _little_room(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("rdm a.zarr --out OUT/m.nc", "m.nc"),
        ("rsa a.zarr --brain brain --bootstrap 2 --permutations 2 --out OUT/m.nc", "m.nc"),
        ("dynamics a.zarr --bootstrap 2 --out OUT/m.nc", "m.nc"),
        ("extract tiny.safetensors pictures --rdm OUT/m.nc", "m.nc"),
        ("extract tiny.safetensors pictures --out OUT/m.zarr", "m.zarr"),
        ("submit tiny.safetensors --out OUT", "stream"),
    ],
)
def test_a_full_disk(capsys: Captured, here: Path, tmp_path: Path, line: str, name: str) -> None:
    with _little_room(2000):
        status, said = run(capsys, *line.replace("OUT", str(tmp_path)).split())
    assert status == 2 and said.count("\n") == 1
    assert f"{tmp_path / name}" in said and "larger than files may be here" in said
    assert "m.nc" not in [path.name for path in tmp_path.iterdir()]


def test_a_folder_that_may_only_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be removed afterwards does not hide why it could not be written."""

    def refuse(path: Path, *_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OSError) as raised, whole(tmp_path / "a.txt") as partial:
        refuse(partial)
    assert raised.value.filename == str(tmp_path / "a.txt")


def test_no_space_left_is_said() -> None:
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.nc")
    assert wording.of_system(error) == "a.nc: No space left on device: free some space, or write to another disk"
    error = OSError(errno.EROFS, os.strerror(errno.EROFS), "a.nc")
    assert wording.of_system(error).startswith("a.nc: read-only file system: choose another place")
    assert wording.of_system(OSError("broken")) == "broken"


def _interrupt(*_: Any, **__: Any) -> NoReturn:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("line", "function"),
    [
        ("rdm a.zarr --out m.nc", "ventralrnn.analysis.rdm.compute_rdm"),
        (f"{RSA} brain", "ventralrnn.analysis.inference.rsa.rsa"),
        (DYNAMICS, "ventralrnn.analysis.compute_dynamics"),
        (EXTRACT, "ventralrnn.recording.extraction.extract"),
        ("score ventral --benchmark any", "ventralrnn.brains.brainscore.scoring.score"),
    ],
)
def test_ctrl_c_promises_nothing_that_is_not_kept(
    capsys: Captured, here: Path, line: str, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, name = function.rpartition(".")
    monkeypatch.setattr(import_module(module), name, _interrupt)
    status, said = run(capsys, *line.split())
    assert (status, said.strip()) == (130, "ventralrnn: interrupted: nothing was written")


def test_ctrl_c_in_the_demo(capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ventralrnn.zoo.load_model", _interrupt)
    kept = "ventralrnn: interrupted: what lies in --out is kept, and the same command takes the recordings up"
    assert run(capsys, "demo", "--out", tmp_path)[1].strip() == kept


def test_ctrl_c_in_training(capsys: Captured, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ventralrnn.training.run.train", _interrupt)
    line = ["train", "tiny.safetensors", "--data", "pictures", "--out", tmp_path]
    assert run(capsys, *line)[1].strip() == "ventralrnn: interrupted: nothing was written"
    (tmp_path / "state.safetensors").touch()
    kept = f"ventralrnn: interrupted: the run is kept in {tmp_path}; the same command with --resume goes on"
    assert run(capsys, *line)[1].strip() == kept


def _command() -> click.Command:
    @click.command()
    @click.argument("model")
    @click.option("--compare", "method")
    @click.option("--bootstrap", type=int)
    @click.option("--resume", is_flag=True)
    @click.option("--areas")
    @click.option("--area", "areas_", multiple=True, metavar="NAME=MODULE")
    @options.clock_options
    def command(**_: Any) -> None: ...

    return command


@pytest.mark.parametrize(
    ("python", "line"),
    [
        ("method: 'x' is none", "--compare: 'x' is none"),
        ("method 'x': none", "--compare 'x': none"),
        ("method, bootstrap: give both", "--compare, --bootstrap: give both"),
        ("method, seed: give both", "method, seed: give both"),
        ("methods: none", "methods: none"),
        ("model: holds none", "a.zarr: holds none"),
        ("give bootstrap=0 or method='rho-a'", "give --bootstrap 0 or --compare rho-a"),
        ("go on with resume=True, or resume=False", "go on with --resume, or no --resume"),
        ("name areas={'IT': 'it.output[0]'} or areas=['V1', 'IT']", "name --area IT=it.output[0] or --areas V1,IT"),
        ("another `method`, not `other`", "another --compare, not `other`"),
        ("give it a clock, clock=Clock(...)", "give it a clock, --ms-per-step and --onset-ms"),
        ("seed=3 stays", "seed=3 stays"),
        ("first `recalibrate(network, bootstrap=3)`", "first `recalibrate(network, bootstrap=3)`"),
        ("a ` alone: bootstrap=3", "a ` alone: --bootstrap 3"),
    ],
)
def test_python_in_the_words_of_the_command_line(python: str, line: str) -> None:
    assert wording.in_options(python, _command(), {"model": "a.zarr"}) == line


@pytest.mark.parametrize("line", [[], ["data"]])
def test_a_group_alone_shows_its_help(capsys: Captured, line: list[str]) -> None:
    status, said = run(capsys, *line)
    assert status == 2 and said.startswith("Usage: ") and "Commands:\n" in said


def test_python_keeps_its_own_words() -> None:
    rdms = make_rdms(np.random.default_rng(0).random((2, 15)), ("area",))
    with pytest.raises(AnalysisError, match=r"^method: 'kendall' has no .* resample='subjects', .* bootstrap=0$"):
        rsa(rdms, rdms, "kendall", bootstrap=5)


def _walk(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        assert found is not None
        yield f"{path} {name}", found
        if isinstance(found, click.Group):
            yield from _walk(found, f"{path} {name}")


def _commands() -> dict[str, click.Command]:
    from ventralrnn.cli.main import cli

    return dict(_walk(cli, "ventralrnn"))


def test_every_command_is_there() -> None:
    assert {path.split()[1] for path in _commands()} == set(COMMANDS)


@pytest.mark.parametrize("path", _commands())
def test_help(path: str) -> None:
    command = _commands()[path]
    said = CliRunner().invoke(command, ["--help"], prog_name=path)
    assert said.exit_code == 0
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help and parameter.help.rstrip("]").endswith((".", ")", "]")), parameter.name
    # Somebody who does not know the command sees one that works.
    assert "Example" in said.output or isinstance(command, click.Group)
