"""What the speed benchmarks compare gives the same results, whoever computes it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.speed import comparison, encoding, inference, rdm, scoring, similarity
from benchmarks.speed.jobs import Job, Side, difference, rows_of

JOBS = {
    f"{module.__name__.rsplit('.', 1)[1]}-{name}": job
    for module in (rdm, comparison, inference, similarity, encoding, scoring)
    for name, job in module.JOBS.items()
}
SIDES = [(name, side) for name, job in JOBS.items() for side in list(job.sides)[1:]]


def run(job: Job, side: str) -> Any:
    return job.sides[side].prepare(job.make(**job.tiny))()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "side"), SIDES)
def test_sides_of_a_job_agree(name: str, side: str) -> None:
    job = JOBS[name]
    if job.sides[side].module:
        pytest.importorskip(job.sides[side].module, exc_type=ImportError)
    theirs = run(job, side)
    if theirs is None:
        return
    assert difference(run(job, next(iter(job.sides))), theirs) <= job.tolerance


def test_a_difference_is_found_wherever_it_is() -> None:
    right = np.array([[1.0, -4.0], [2.0, 0.0]])
    assert difference(right, right) == 0
    assert difference(right + [[0, 0], [0.5, 0]], right) == pytest.approx(1 / 8)
    assert difference(right, right[:1]) == 0
    assert np.isnan(difference(right, right.ravel()))
    assert np.isnan(difference(np.where(right == 0, np.nan, right), right))


@pytest.fixture
def job() -> Callable[..., Job]:
    def make(**changes: Any) -> Job:
        sides = {"ours": Side("ventralrnn", lambda _: lambda: None), "peer": Side("peer", lambda _: lambda: None, 0.5)}
        return Job("a job", dict, {}, {}, sides | changes, 1e-6)

    return make


def rows(job: Job, wrong: float | None, side: str = "peer") -> Any:
    answers = {"ours": [{"value": 1.0, "peak": 10.0}], side: [{"value": 4.0, "peak": 30.0}]}
    (row,) = rows_of(job, answers, {side: "peer 1.0"}, {side: wrong}, 0.0)
    return row


def test_a_row_says_how_fast_how_much_memory_and_how_equal(job: Callable[..., Job]) -> None:
    row = rows(job(), 1e-8)
    assert (row.ratio, row.verdict, row.against) == (0.25, "met", "peer (4 ms)")
    assert (
        row.note
        == "4 times as fast; peer 1.0; peak memory 10 MB against 30 MB; largest difference 1e-08 of the largest value"
    )


@pytest.mark.parametrize("wrong", [1e-3, float("nan")])
def test_a_wrong_answer_is_never_fast(job: Callable[..., Job], wrong: float) -> None:
    row = rows(job(), wrong)
    assert row.verdict == "missed"
    assert "does not count" in row.note


def test_a_tool_with_fewer_digits_is_compared_all_the_same(job: Callable[..., Job]) -> None:
    single = Side("peer", lambda _: lambda: None, 0.5, exact=False)
    row = rows(job(peer=single), 1e-3)
    assert (row.ratio, row.verdict) == (0.25, "met")
    assert "0.001" in row.note
