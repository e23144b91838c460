"""The notebooks are whole and tidy, without executing them; `make notebooks` and the checks of a change do that."""

import ast
import re
import sys
import types
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError, CellTimeoutError

ROOT = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = {path.stem: path for path in sorted(ROOT.glob("*.ipynb"))}
BYTES = 1_500_000
LINES = 40
# Folders of a machine, traces of a failure, and addresses in memory: none of them is the same elsewhere.
ELSEWHERE = re.compile(r"(?<![\w.:/])/(home|root|tmp|usr|work|mnt|opt|var|Users)/|Traceback|\bat 0x[0-9a-f]+")
FIGURE = "image/png"


def _runner() -> types.ModuleType:
    sys.path.insert(0, str(ROOT))
    try:
        return import_module("execute")
    finally:
        sys.path.remove(str(ROOT))


execute = _runner()


@pytest.fixture(params=NOTEBOOKS)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS[request.param], as_version=4)


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def public(module: str) -> list[str]:
    """Return a module's public names: all that a package exports, all errors, and what the pages import of others."""
    home = import_module(module)
    if module == "ventralrnn.errors":
        return [name for name in dir(home) if name.endswith("Error")]
    if hasattr(home, "__path__"):
        return list(getattr(home, "__all__", ()))
    pages = [ROOT.parent / "README.md", *(ROOT.parent / "docs").glob("*.md")]
    lines = re.findall(rf"(?m)^from {re.escape(module)} import (.+)$", "\n".join(p.read_text("utf-8") for p in pages))
    return [name.strip() for line in lines for name in line.split(",")]


def private(source: str) -> list[str]:
    """Return what a source takes of ventralrnn beside its public names, and every attribute with an underscore."""
    found = []
    for node in ast.walk(ast.parse(re.sub(r"(?m)^%", "#", source))):
        match node:
            case ast.Import():
                found += [a.name for a in node.names if a.name.startswith("ventralrnn.")]
            case ast.ImportFrom(module=str() as module) if module.split(".")[0] == "ventralrnn":
                found += [f"{module}.{a.name}" for a in node.names if a.name not in public(module)]
            case ast.Attribute(attr=attr) if attr.startswith("_") and not attr.startswith("__"):
                found.append(attr)
    return found


def test_there_is_one_of_each_number() -> None:
    assert [name.split("_")[0] for name in NOTEBOOKS] == [str(n) for n in range(1, len(NOTEBOOKS) + 1)]


def test_the_readme_names_them_all() -> None:
    named = re.findall(r"\]\(([^)]+\.ipynb)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert named == [path.name for path in NOTEBOOKS.values()]


def test_it_is_valid_and_small(notebook: nbformat.NotebookNode, request: pytest.FixtureRequest) -> None:
    nbformat.validate(notebook)
    assert NOTEBOOKS[request.node.callspec.params["notebook"]].stat().st_size < BYTES
    # A cell that is long is a function that the package lacks.
    assert max(len(cell.source.splitlines()) for cell in code(notebook)) <= LINES


def test_it_was_executed_whole_and_in_order(notebook: nbformat.NotebookNode) -> None:
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    kinds = [(o.output_type, o.get("name")) for cell in code(notebook) for o in cell.outputs]
    assert kinds and ("stream", "stderr") not in kinds and "error" not in {kind for kind, _ in kinds}
    assert sum(FIGURE in o.get("data", {}) for cell in code(notebook) for o in cell.outputs) >= 2


def test_it_is_in_the_form_in_which_outputs_are_kept(notebook: nbformat.NotebookNode) -> None:
    again = nbformat.from_dict(notebook)
    execute.normalise(again)
    assert again == notebook


def test_they_hold_nothing_of_the_machine() -> None:
    for path in NOTEBOOKS.values():
        found = ELSEWHERE.search(re.sub(r'"image/png": "[^"]*"', "", path.read_text(encoding="utf-8")))
        assert not found, f"{path.name}: {found}"


def test_it_uses_the_public_interface_only(notebook: nbformat.NotebookNode) -> None:
    for cell in code(notebook):
        assert not private(cell.source), cell.source


@pytest.mark.parametrize(
    "source",
    [
        "import ventralrnn.networks.resnet",
        "from ventralrnn.networks.resnet import ResNet",
        "from ventralrnn.networks import Kernel",
        "from ventralrnn.errors import re",
        "network._plan",
    ],
)
def test_what_is_private_is_found(source: str) -> None:
    assert private(source)
    assert not private("import ventralrnn\nfrom ventralrnn.networks import ResNet\nResNet.forward")


def test_it_says_what_one_sees_and_what_that_shows(notebook: nbformat.NotebookNode) -> None:
    first, last = notebook.cells[0], notebook.cells[-1]
    assert first.cell_type == last.cell_type == "markdown"
    for part in ("# ", "**You will see**", "**Data:**", "**Time:**"):
        assert part in first.source
    assert "## Try next" in last.source
    for cell, following in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.cell_type == "code" and any(FIGURE in o.get("data", {}) for o in cell.outputs):
            assert following.cell_type == "markdown" and "**The figure shows**" in following.source, cell.source
    words = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.search("may (not )?be concluded", words)


def small(*sources: str) -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


def test_executing_keeps_outputs_that_do_not_change() -> None:
    made = []
    for _ in range(2):
        notebook = small("import os, sys\nprint('a'); sys.stdout.flush(); print('b')", "os.listdir()")
        assert execute.execute(notebook) > 0
        execute.normalise(notebook)
        made.append(nbformat.writes(notebook))
    assert made[0] == made[1]
    first, second = nbformat.reads(made[0], 4).cells
    assert [output.text for output in first.outputs] == ["a\nb\n"]
    assert second.outputs[0].data["text/plain"] == "[]", "each runs in a folder of its own"


def test_a_failure_and_a_long_run_are_errors() -> None:
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute.execute(small("1 / 0"))
    with pytest.raises(CellTimeoutError):
        execute.execute(small("import time\ntime.sleep(60)"), limit_s=1)
