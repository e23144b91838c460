"""What is piped: JSON and nothing else where it is asked for, no bars, no colours, no line that is cut."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import squareform

from tests.recording.common import inputs, tiny, write_pictures
from ventralrnn import extract
from ventralrnn.cli import options
from ventralrnn.cli.main import main
from ventralrnn.zoo import save_checkpoint

Captured = pytest.CaptureFixture[str]
COUNT = 8
LINES = [
    "models",
    "models tiny.safetensors",
    "data list",
    "benchmarks V4",
    "extract tiny.safetensors pictures --out OUT/m.zarr",
    "extract tiny.safetensors pictures --rdm OUT/m.nc",
    "rdm a.zarr --out OUT/m.nc",
    "rsa a.zarr --brain brain --bootstrap 5 --permutations 5 --out OUT/m.nc",
    "dynamics a.zarr --bootstrap 0 --out OUT/m.nc",
    "submit tiny.safetensors --out OUT",
    "report a.zarr --out OUT/m.html",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    extract(tiny(), inputs(COUNT), place / "a.zarr")
    save_checkpoint(tiny(), place / "tiny.safetensors")
    write_pictures(place / "pictures", 4)
    (place / "brain").mkdir()
    for subject in "ab":
        values = np.random.default_rng(ord(subject)).random(COUNT * (COUNT - 1) // 2)
        np.save(place / "brain" / f"{subject}.npy", squareform(values))
    return place


def run(capsys: Captured, line: str, out: Path, *more: str) -> tuple[str, str]:
    with pytest.raises(SystemExit) as ended:
        main([*line.replace("OUT", str(out)).split(), *more])
    said = capsys.readouterr()
    assert not ended.value.code, said.err
    return said.out, said.err


@pytest.mark.parametrize("line", LINES)
def test_json_is_all_there_is(
    capsys: Captured, place: Path, tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    out, err = run(capsys, line, tmp_path, "--json")

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    assert json.loads(out, parse_constant=refuse)
    assert "\r" not in err and "\x1b" not in err


@pytest.mark.parametrize("line", LINES)
def test_what_is_piped_is_plain(
    capsys: Captured, place: Path, tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    out, err = run(capsys, line, tmp_path)
    assert out and "\x1b" not in out + err and "\r" not in out + err
    assert all(text == text.rstrip() for text in out.splitlines())


def test_numbers_that_json_lacks_are_null(capsys: Captured) -> None:
    options.print_json({"a": [float("nan"), float("inf"), -float("inf"), np.float64("nan"), 1.5], "b": (1, "NaN")})
    assert json.loads(capsys.readouterr().out) == {"a": [None, None, None, None, 1.5], "b": [1, "NaN"]}


def _on_a_terminal(arguments: list[Any], folder: Path, width: int) -> str:
    """Return what a command writes to a terminal of so many columns, both streams."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "TQDM_DISABLE")}
    command = [sys.executable, "-m", "ventralrnn", *map(str, arguments)]
    process = subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    said = b""
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # Linux's word for the end
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0, said
    return said.decode().replace("\r\n", "\n")


def test_on_a_terminal_there_is_a_bar_and_tables_fit(place: Path, tmp_path: Path) -> None:
    width = 60
    said = _on_a_terminal(["rdm", "a.zarr", "--out", tmp_path / "m.nc"], place, width)
    assert "RDMs/s]" in said and "[00:0" in said
    shown = [line.split("\r")[-1] for line in said.splitlines() if str(tmp_path) not in line]
    assert max(map(len, shown)) <= width
    assert "STEP" in said
