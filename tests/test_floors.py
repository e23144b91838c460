"""Imports run downwards only between the packages of ventralrnn, and the top of the house loads nothing heavy."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ventralrnn

ROOT = Path(ventralrnn.__file__).parent
# Lowest first. A package imports itself and the floors below its own; neighbours on a floor do not know each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "facade"),
    ("arguments", "devices", "files", "memory", "progress", "resources"),
    ("graph",),
    ("networks",),
    ("zoo",),
    ("stimuli",),
    ("training", "recording"),
    ("analysis",),
    ("brains",),
    ("plots",),
    ("report",),
    ("cli",),
)
FLOOR = {package: height for height, packages in enumerate(FLOORS) for package in packages}
# The lazy facade and `python -m ventralrnn` stand outside the floors.
EXEMPT = {"__init__", "__main__"}
HEAVY = ("torch", "torchvision", "numpy", "scipy", "pandas", "xarray", "zarr", "matplotlib", "brainscore")
MODULE_NAME = re.compile(rf"ventralrnn\.({'|'.join(FLOOR)})(\.\w*)*(:\w+)?")


def modules() -> list[tuple[str, Path]]:
    """Return (dotted name, file) of every module of the package but the exempt ones."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if len(parts) > 1 or parts[0] not in EXEMPT:
            found.append((".".join(("ventralrnn", *parts)), path))
    return found


def imported(source: str, module: str) -> list[tuple[int, str]]:
    """Return (line, package of ventralrnn) of every import in a source, wherever it stands and however it is written.

    `module` is the dotted name of the source, its file's last part included: ``ventralrnn.zoo.__init__``.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        for name in _names(node, module.split(".")[:-1]):
            parts = name.split(":")[0].split(".")
            if parts[0] == "ventralrnn" and len(parts) > 1 and (package := _home(parts[1])):
                found.append((getattr(node, "lineno", 0), package))
    return found


def _names(node: ast.AST, here: list[str]) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom():
            # One level is the package of the file itself, each further level the one around it.
            base = here[: len(here) + 1 - node.level] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            return [".".join([*base, alias.name]) for alias in node.names]
        case ast.Attribute(value=ast.Name(id="ventralrnn")):
            return [f"ventralrnn.{node.attr}"]
        case ast.Call(func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"), args=[first, *_]):
            return [_absolute(first.value, here)] if isinstance(first, ast.Constant) else []
        case ast.Constant(value=str()) if MODULE_NAME.fullmatch(node.value):
            # Also what a table or an f-string hands to import_module.
            return [node.value]
    return []


def _absolute(name: str, here: list[str]) -> str:
    level = len(name) - len(name.lstrip("."))
    return ".".join([*here[: len(here) + 1 - level], name[level:]]) if level else name


def _home(name: str) -> str | None:
    """Return the package that `ventralrnn.name` leads to, through the facade where it is one of the facade's names."""
    if name.startswith("__"):
        return None
    return ventralrnn._HOMES.get(name, name)


def upward(source: str, module: str) -> list[str]:
    """Return one line for every import in a source that does not run downwards."""
    package = module.split(".")[1]
    return [
        f"{module}, line {line}: {package} must not import {other}"
        for line, other in imported(source, module)
        if other != package and FLOOR.get(other, len(FLOORS)) >= FLOOR[package]
    ]


def test_every_package_has_a_floor() -> None:
    homeless = {name.split(".")[1] for name, _ in modules()} - FLOOR.keys()
    assert not homeless, f"give a floor in FLOORS to {sorted(homeless)}"


@pytest.mark.parametrize(("module", "path"), [pytest.param(*m, id=m[0]) for m in modules()])
def test_imports_run_downwards(module: str, path: Path) -> None:
    assert not upward(path.read_text(encoding="utf-8"), module)


@pytest.mark.parametrize(
    "source",
    [
        "import ventralrnn.recording",
        "import os, ventralrnn.recording.store as store",
        "from ventralrnn import recording",
        "from ventralrnn import open_recording",
        "from ventralrnn.recording import store",
        "from ..recording import store",
        "from .. import recording",
        "def f():\n    from ventralrnn.recording.store import open",
        "if TYPE_CHECKING:\n    import ventralrnn.recording",
        "import ventralrnn\nventralrnn.recording.open()",
        "import ventralrnn\nventralrnn.open_recording('a')",
        "import_module('ventralrnn.recording')",
        "importlib.import_module('..recording', __package__)",
        "import_module(f'ventralrnn.recording.{name}')",
        "TABLE = {'open': 'ventralrnn.recording.store:open'}",
    ],
)
def test_an_upward_import_is_found(source: str) -> None:
    assert upward(source, "ventralrnn.graph.areas"), "from below"
    assert upward(source, "ventralrnn.training.loop"), "from the same floor"
    assert not upward(source, "ventralrnn.analysis.rdm"), "from above"
    assert not upward(source, "ventralrnn.recording.extraction"), "from the package itself"


@pytest.mark.parametrize(
    "source",
    [
        "from . import areas",
        "from .areas import Area",
        "from ventralrnn.errors import VentralrnnError",
        "from ventralrnn import __version__",
        "import torch, recording",
        "'''See ventralrnn.recording for what is recorded.'''",
    ],
)
def test_what_is_allowed_passes(source: str) -> None:
    assert not upward(source, "ventralrnn.graph.__init__")


def test_a_package_without_a_floor_cannot_be_imported() -> None:
    assert upward("import ventralrnn.attic", "ventralrnn.cli.main")


@pytest.mark.parametrize(
    "code",
    ["import ventralrnn", "from ventralrnn.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass"],
    ids=["import ventralrnn", "ventralrnn --help"],
)
def test_the_start_loads_nothing_heavy(code: str) -> None:
    report = f"\nimport sys\nprint('LOADED', *(m for m in sys.modules if m.startswith({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["LOADED"]
