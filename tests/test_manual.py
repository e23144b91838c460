"""The manual has a page for every public name and every command, and shows nothing twice."""

import importlib
import importlib.util
import inspect
import re
from collections import Counter
from pathlib import Path

import pytest

from ventralrnn.cli.main import COMMANDS

DOCS = Path(__file__).parents[1] / "docs"
PACKAGES = [
    "ventralrnn",
    *(
        ".".join(("ventralrnn", *path.parent.relative_to(DOCS.parent / "ventralrnn").parts))
        for path in sorted((DOCS.parent / "ventralrnn").glob("*/**/__init__.py"))
        if path.parent.name != "cli"
    ),
]


def find(path: str) -> object:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def listed() -> list[str]:
    """Return the names in the reference's lists, as they stand there."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.rst")))
    return re.findall(r"^   ~?(ventralrnn\.[\w.]+)$", text, re.MULTILINE)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_a_page(package: str) -> None:
    have = [find(name) for name in listed()]
    module = importlib.import_module(package)
    public = [name for name in getattr(module, "__all__", []) if not name.startswith("_")]
    missing = [name for name in public if not any(getattr(module, name) is one for one in have)]
    assert not missing, f"docs/reference: no list names {', '.join(f'{package}.{name}' for name in missing)}"


def test_each_name_stands_once() -> None:
    assert not [name for name, count in Counter(listed()).items() if count > 1]
    objects = [found for name in listed() if inspect.isroutine(found := find(name)) or inspect.isclass(found)]
    assert not [one for one, count in Counter(map(id, objects)).items() if count > 1]


def test_site_check_finds_what_is_wrong(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("check_site", DOCS / "check_site.py")
    assert spec is not None and spec.loader is not None
    check_site = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check_site)
    (tmp_path / "a.html").write_text('<p id="here"><a href="b.html#there">b</a><a href="#here">a</a></p>')
    (tmp_path / "b.html").write_text('<p id="there"><a href="https://example.org/x">elsewhere</a></p>')
    assert check_site.problems(tmp_path) == []
    (tmp_path / "b.html").write_text('<a href="c.html">c</a><script src="https://example.org/x.js"></script>')
    bad = check_site.problems(tmp_path)
    assert len(bad) == 3 and all(word in " ".join(bad) for word in ("c.html", "#there", "x.js"))


def test_every_command_has_its_place() -> None:
    text = (DOCS / "reference" / "commands.rst").read_text(encoding="utf-8")
    shown = re.findall(r"^\.\. click:: ventralrnn\.cli\.(\w+):command\n   :prog: ventralrnn (\w+)$", text, re.MULTILINE)
    assert shown == [(name, name) for name in COMMANDS]


@pytest.mark.parametrize(
    ("page", "pictures"), [("tutorial", ["timecourses.png", "rdms.png", "rsa.png"]), ("networks", ["unrolled.png"])]
)
def test_pages_run(page: str, pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    runs = importlib.import_module("runs")
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    done = list(runs.run_page(text, tmp_path))
    assert len(done) == len(re.findall(r"^```(?:console|python)$", text, re.MULTILINE)) >= 6
    assert [picture.name for _, _, drawn in done for picture in drawn] == pictures
    with pytest.raises(RuntimeError, match="status 2"):
        list(runs.run_page("```console\nventralrnn rdm nothing.zarr --out rdms.nc\n```\n", tmp_path))
