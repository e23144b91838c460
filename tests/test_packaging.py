"""What setup.cfg and constraints.txt say agrees with the source tree, and the wheel holds all of it."""

import configparser
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ventralrnn

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from a copy, so that neither the tree nor an older build gets mixed up with it."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("ventralrnn", "data"):
        shutil.copytree(ROOT / name, copy / name)
    code = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def files(folder: Path) -> set[str]:
    """Return the paths of all files below a folder, but what Python itself writes there."""
    paths = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return {p.as_posix() for p in paths if "__pycache__" not in p.parts}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    matches = [re.fullmatch(r"([\w.-]+)==([\w.+!]+)", line) for line in lines if not line.startswith("#")]
    assert all(matches), "every line of constraints.txt is `name==version`"
    return {canonicalize_name(m[1]): m[2] for m in matches if m}


def test_version_is_the_package_s(config: configparser.ConfigParser) -> None:
    assert config["metadata"]["version"] == ventralrnn.__version__


def test_packages_are_all_listed(config: configparser.ConfigParser) -> None:
    folders = {p.parent.relative_to(ROOT) for p in (ROOT / "ventralrnn").rglob("*.py")}
    packages = {".".join(folder.parts) for folder in folders} | {"ventralrnn_data"}
    assert set(config["options"]["packages"].split()) == packages
    assert not [folder for folder in folders if not (ROOT / folder / "__init__.py").exists()]


def test_every_requirement_is_pinned(config: configparser.ConfigParser) -> None:
    pinned = pins()
    listed = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    for requirement in (Requirement(line) for text in listed for line in text.split("\n") if line):
        version = pinned.get(canonicalize_name(requirement.name), "none")
        assert version in requirement.specifier, f"{requirement}: constraints.txt has {version}"


def test_wheel_holds_every_module(wheel_names: set[str]) -> None:
    packed = {name.removeprefix("ventralrnn/") for name in wheel_names if name.startswith("ventralrnn/")}
    assert packed == files(ROOT / "ventralrnn")
    assert "py.typed" in packed


def test_wheel_holds_every_data_file(wheel_names: set[str]) -> None:
    packed = {name.removeprefix("ventralrnn_data/") for name in wheel_names if name.startswith("ventralrnn_data/")}
    assert packed == files(ROOT / "data")
    assert "README.md" in packed


def test_data_are_found_in_an_installed_copy(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    look = "from ventralrnn.resources import data_dir; print(data_dir())"
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {look}"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == tmp_path / "ventralrnn_data"
