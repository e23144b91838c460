"""Every command and every line of Python in the README works as written."""

import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ventralrnn import extract
from ventralrnn.cli.main import main
from ventralrnn.training import train

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MODEL = """
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=4)
        self.it = nn.Module()
        self.it.recurrent = nn.Conv2d(4, 4, 3, padding=1)
        self.it.output = nn.ReLU()

    def forward(self, picture):
        drive = self.stem(picture)
        state = torch.zeros_like(drive)
        for _ in range(3):
            state = self.it.output(self.it.recurrent(state) + drive)
        return state.mean((2, 3))


def factory():
    return Model()
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    random = np.random.default_rng(0)
    (tmp_path / "my_pictures").mkdir()
    for number, size in enumerate(((40, 60), (32, 32), (100, 50), *[(32, 32)] * 5)):
        pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "my_pictures" / f"{number}.jpg")
    for number in range(24):
        place = tmp_path / "my_classes" / ("cat", "dog")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(place / f"{number}.png")
    (tmp_path / "my_rdms").mkdir()
    for subject in range(2):
        np.save(tmp_path / "my_rdms" / f"{subject}.npy", random.random(8 * 7 // 2))
    (tmp_path / "my_model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", [c for c in commands() if c[0] == "ventralrnn"], ids=" ".join)
@pytest.mark.filterwarnings("ignore:.*no trained weights:UserWarning")
def test_command_works(command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # What commands before it made.
    if command[1] == "evaluate":
        train("ventral", "my_classes", "run", epochs=1)
    if "all.zarr" in command and command[1] != "extract":
        extract("ventral", "my_pictures", "all.zarr")
    with pytest.raises(SystemExit) as exit_:
        main(command[1:])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.strip()
    if "--out" in command:
        assert (folder / command[command.index("--out") + 1]).exists()


def test_make_runs_what_the_readme_says() -> None:
    targets = [c[1] for c in commands() if c[0] == "make"]
    assert targets == ["demo", "test"]
    for target, expected in (("demo", "ventralrnn demo"), ("test", "pytest")):
        plan = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True)
        assert expected in plan.stdout


@pytest.mark.parametrize("code", blocks("python"))
@pytest.mark.filterwarnings("ignore:.*no trained weights:UserWarning")
def test_python_works(code: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target
