"""Every command and every line of Python of the pages on analyses and figures works as written, in the page's order."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from tests.plots.common import drawn
from ventralrnn import extract, load_model, plots
from ventralrnn.analysis.results import open_result
from ventralrnn.cli.main import main

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "analysis.md").read_text()
STIMULI = 24


def blocks(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with pictures of two categories, their recording, and RDMs of three subjects."""
    here = tmp_path_factory.mktemp("analysis")
    random = np.random.default_rng(0)
    for number in range(STIMULI):
        place = here / "my_pictures" / ("cat", "dog")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 128, (32, 32, 3), dtype=np.uint8) + np.uint8(100 * (number % 2))
        Image.fromarray(pixels).save(place / f"{number}.png")
    extract("ventral", here / "my_pictures", here / "all.zarr")
    (here / "my_rdms").mkdir()
    for subject in range(3):
        np.save(here / "my_rdms" / f"{subject}.npy", random.random(STIMULI * (STIMULI - 1) // 2))
    return here


def test_commands_work(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    lines = [shlex.split(line) for block in blocks("console") for line in block.splitlines()]
    assert len(lines) >= 4
    for line in lines:
        with pytest.raises(SystemExit) as exit_:
            main(line[1:])
        assert exit_.value.code == 0, capsys.readouterr().err
        assert capsys.readouterr().out.strip()
    stored, alone = (open_result(name).dissimilarity.values for name in ("rdms.nc", "rdms-alone.nc"))
    np.testing.assert_allclose(stored, alone, rtol=1e-4, atol=1e-6)


def test_python_works(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "analysis.md", "exec"), names)
        assert capsys.readouterr().out.strip(), block


@pytest.mark.timeout(300)
def test_every_figure_is_drawn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for number, name in enumerate(load_model("ventral").checkpoint_info["classes"]):
        (folder / "my_test_pictures" / name).mkdir(parents=True)
        Image.new("RGB", (32, 32), (20 * number, 90, 0)).save(folder / "my_test_pictures" / name / "0.png")
    page = (ROOT / "docs" / "figures.md").read_text()
    names: dict[str, object] = {}
    for block in blocks("python", page):
        exec(compile(block, "figures.md", "exec"), names)
    examples = re.findall(r"\| `(plots\.[^`]*)` \|\n", page)
    # Every public function has its line.
    mentioned = set(re.findall(r"plots\.(\w+)\(", page))
    assert mentioned >= set(plots.__all__) - {"plot_loss", "plot_accuracy"}
    for example in examples:
        made = eval(example, names)  # noqa: S307
        if isinstance(made, Path):
            assert made.stat().st_size > 1000
        else:
            picture = drawn(made)
            assert picture.std() > 5, example
        pyplot.close("all")


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            # The gallery's pages are made with the manual, which follows its own links (docs/check_site.py).
            assert target.startswith("auto_gallery/") or (page.parent / target).exists(), f"{page.name}: {target}"
