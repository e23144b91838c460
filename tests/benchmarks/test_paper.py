"""The paper's study in miniature: rows are kept, runs go on, and what is said follows from the numbers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.pages import write_block
from benchmarks.paper import __main__ as command
from benchmarks.paper import run as running
from benchmarks.paper.configurations import configurations
from benchmarks.paper.matching import match
from benchmarks.paper.report import Summary, against_guessing, compare, format_table, summarise
from benchmarks.paper.scales import FULL, SCALES, SMALL, Scale
from benchmarks.paper.store import Result, read_results, results_of, write_results
from benchmarks.paper.tables import TABLES, Line, Table
from ventralrnn.errors import TrainingError
from ventralrnn.networks import RecurrentNetwork, TimeBatchNorm, count_multiply_adds, count_parameters
from ventralrnn.stimuli.cifar10 import LABELS
from ventralrnn.training import find_recipe
from ventralrnn.training.pictures import LabelledPictures, load_folder

TINY = Scale("tiny", 2, 4, 40, find_recipe("fast", epochs=1, batch_size=20, calibration=40))


def result(name: str, seed: int, error: float, **changes: object) -> Result:
    plan = configurations(TINY)[name]
    values = Result(
        name, seed, plan.digest(), 2, 100, 1000, 1, 40, 9, error, None, 0.25, {3: 0.5, 9: error}, 1.5, "float32",
        "a machine", "0123", "0.1", "2.0", "3.11",
    )  # fmt: skip
    return replace(values, **changes)  # type: ignore[arg-type]


@pytest.fixture
def cifar(monkeypatch: pytest.MonkeyPatch) -> Callable[..., LabelledPictures]:
    def load(split: str, preprocessing: object, folder: Path | None = None) -> LabelledPictures:
        rng = np.random.default_rng(split == "train")
        number = 80 if split == "train" else 30
        pixels = rng.integers(0, 256, (number, 32, 32, 3), dtype=np.uint8)
        return LabelledPictures(torch.from_numpy(pixels), torch.arange(number) // 2 % 10, LABELS)

    monkeypatch.setattr(running, "load_cifar10", load)
    return load


def test_every_table_finds_its_configurations_and_none_is_left_over() -> None:
    for scale in SCALES.values():
        needed = {name for table in TABLES.values() for name in table.configurations}
        assert needed == set(configurations(scale))
    page = command.PAGE.read_text()
    for table in TABLES.values():
        pairs = [*table.compare, *((i, j) for i, j, _ in table.match)]
        assert all(0 <= i < len(table.lines) for i in (*table.guessing, *(i for pair in pairs for i in pair)))
        assert all(f"<!-- end of {table.name} {name} -->" in page for name in SCALES)


def test_full_scale_has_the_counts_that_the_papers_figures_imply() -> None:
    plans = configurations(FULL)
    assert count_parameters(plans["resnet-2state"].spec) == 187_210
    assert count_parameters(plans["resnet-2state-unshared"].spec) == 778_058
    assert plans["recurrent-2state"].recipe.readout == "last" and plans["recurrent-2state"].recipe.epochs == 60
    assert plans["recurrent-2state-several"].recipe.readout == "all"
    assert plans["recurrent-2state"].digest() != configurations(SMALL)["recurrent-2state"].digest()


@pytest.mark.parametrize("kind", ["deep", "shallow"])
@pytest.mark.parametrize("what", ["parameters", "multiply-adds"])
def test_no_width_comes_closer_than_the_one_that_is_found(kind: str, what: str) -> None:
    cost = count_parameters if what == "parameters" else count_multiply_adds
    plans = configurations(SMALL)
    control, target = plans[f"feedforward-{kind}-{what}"].spec, cost(plans["recurrent-3state"].spec)
    width = control.graph.areas[0].channels
    for other in (width - 1, width + 1):
        areas = tuple(replace(area, channels=other) for area in control.graph.areas)
        neighbour = replace(control, graph=replace(control.graph, areas=areas))
        assert abs(cost(neighbour) - target) >= abs(cost(control) - target)
    assert match(control, cost, 1).graph.areas[0].channels == 1


def test_a_run_is_trained_tested_and_kept_once(
    tmp_path: Path, cifar: Callable[..., LabelledPictures], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table("try", (Line("a", "recurrent-2state"), Line("b", "recurrent-2state-one-statistic")), ((0, 1),), (1,))
    monkeypatch.setitem(TABLES, "try", table)
    command.study(["try"], TINY, [0], tmp_path, device="cpu")
    own, shared = read_results(tmp_path / "tiny.csv")
    assert own.configuration == "recurrent-2state" and (own.epochs, own.pictures, own.readout) == (1, 40, 9)
    assert list(own.errors) == [1, 3, 6, 9, 12] and own.errors[9] == own.test_error
    assert shared.error_running is not None and shared.error_batch is not None
    assert "single seed" in (tmp_path / "try-tiny.md").read_text()
    # What has a row is not run again, and lost rows come back the same from the folders of the runs.
    before = (tmp_path / "tiny.csv").read_bytes()
    monkeypatch.setattr(command, "run", None)
    command.study(["try"], TINY, [0], tmp_path, device="cpu")
    monkeypatch.setattr(command, "run", running.run)
    (tmp_path / "tiny.csv").unlink()
    command.study(["try"], TINY, [0], tmp_path, device="cpu")
    assert (tmp_path / "tiny.csv").read_bytes() == before


def test_training_reads_the_very_pictures_that_were_chosen(
    tmp_path: Path, cifar: Callable[..., LabelledPictures]
) -> None:
    plan = configurations(TINY)["resnet-1state"]
    place = running._write_pictures(tmp_path, plan, None)
    read = load_folder(place, plan.spec.preprocessing)
    chosen = cifar("train", None).spread(40)
    order = chosen.labels.argsort(stable=True)
    assert read.classes == LABELS and torch.equal(read.labels, chosen.labels[order])
    assert torch.equal(read.pixels, chosen.pixels[order])


def test_statistics_of_a_batch_leave_the_network_as_it_was() -> None:
    plan = configurations(TINY)["recurrent-2state"]
    network = RecurrentNetwork(plan.spec)
    for norm in network.modules():
        if isinstance(norm, TimeBatchNorm):
            norm.batches.fill_(1)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    pixels = torch.randint(256, (20, 32, 32, 3), dtype=torch.uint8)
    pictures = LabelledPictures(pixels, torch.arange(20) % 10, LABELS)
    running.measure_errors(network, pictures, [9], batch_statistics=True)
    assert not network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_rows_survive_the_file_and_never_stand_for_another_configuration(tmp_path: Path) -> None:
    path, rows = tmp_path / "tiny.csv", [result("recurrent-2state", seed, 0.5 + seed / 16) for seed in range(3)]
    write_results(path, rows[::-1])
    assert read_results(path) == rows
    plan = configurations(TINY)["recurrent-2state"]
    assert results_of(rows, plan, path) == rows
    with pytest.raises(TrainingError, match="seed 1 was made before"):
        results_of([rows[0], replace(rows[1], digest="0")], plan, path)
    (tmp_path / "broken.csv").write_text("configuration,seed\na,0\n")
    with pytest.raises(TrainingError, match="broken.csv"):
        read_results(tmp_path / "broken.csv")


def test_the_interval_is_students() -> None:
    own = summarise([0.1, 0.2, 0.3])
    # 4.302653 is the 97.5 % point with two degrees of freedom; the standard error is 0.1 / sqrt(3).
    assert own.mean == pytest.approx(0.2) and own.half == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-6)
    assert str(summarise([0.5])) == "50.00 %"


def test_what_is_said_follows_from_the_intervals() -> None:
    a, b, c = Summary(0.10, 0.02, 3), Summary(0.13, 0.02, 3), Summary(0.20, 0.02, 3)
    assert "overlap; the difference of 3.00 points is unresolved" in compare("a", a, "b", b)
    assert "do not overlap; a errs less, by 10.00 points" in compare("c", c, "a", a)
    assert "nothing can be said" in compare("a", a, "b", Summary(0.5, None, 1))
    assert "not both run" in compare("a", a, "b", None)
    assert "contains 90 %" in against_guessing("a", Summary(0.9, 0.0, 3))
    assert "below 90 %" in against_guessing("a", Summary(0.88, 0.01, 3))


def test_a_table_has_means_marks_and_where_it_comes_from(tmp_path: Path) -> None:
    rows = [result(name, seed, 0.5) for name in ("resnet-2state", "resnet-2state-unshared") for seed in (0, 1)]
    text = format_table(TABLES["A1"], configurations(TINY), rows, TINY, tmp_path)
    assert "50.00 ± 0.00 %" in text and "187k parameters [S]" in text and "a machine" in text and "torch 2.0" in text
    assert "| one state, shared |" in text and "One state, shared and three states, shared: not both run yet" in text
    with pytest.raises(TrainingError, match="different training pictures"):
        format_table(TABLES["A1"], configurations(TINY), [*rows[:-1], replace(rows[-1], data="x")], TINY, tmp_path)
    assert "Not run at this scale yet" in format_table(TABLES["B1"], configurations(TINY), rows, TINY, tmp_path)


def test_figures_that_were_only_recalled_are_never_the_papers() -> None:
    figures = [line.elsewhere for table in TABLES.values() for line in table.lines if line.elsewhere]
    figures += [sentence for table in TABLES.values() for sentence in table.elsewhere]
    for figure in figures:
        marks = [mark for mark in ("[P]", "[S]", "[M]", "[D]") if mark in figure]
        assert len(marks) == 1
        assert marks != ["[M]"] or "not to be taken for a claim of the paper" in figure


def test_a_block_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- A1 small -->\nold\n<!-- end of A1 small -->\nafter\n")
    write_block(page, "A1 small", "new")
    assert page.read_text() == "before\n<!-- A1 small -->\nnew\n<!-- end of A1 small -->\nafter\n"
    with pytest.raises(TrainingError, match="no place for B1 small"):
        write_block(page, "B1 small", "new")


def test_bad_arguments_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["A1", "--data-dir", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "no CIFAR-10 here" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["A9"])
    assert "A9" in capsys.readouterr().err
