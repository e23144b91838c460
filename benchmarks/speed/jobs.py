"""The same job done by ventralrnn and by others: equal data, equal threads, and results that must agree.

A file of the analyses' questions is a mapping of name to :class:`Job`. Each side of a job is a process of its own; all
draw the same data, prepare them in the form that the tool takes (not timed), do the job, and write down what came out
(not timed either). A side whose result differs from ours is not compared: its ratio counts as missed.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.speed.common import Arm, Row, compare, peak_memory, serve, take_turns
from benchmarks.speed.environment import latest_python

OURS = "ventralrnn"
# A job that takes less is repeated so long, and the median counts.
LEAST_SECONDS = 0.5
ROUNDS, SECONDS = 5, 90.0


@dataclass(frozen=True)
class Side:
    """One way to do a job.

    Parameters
    ----------
    label : str
        As the table calls it.
    prepare : callable
        Takes the data, in whatever form the job makes them, and returns the work: a function without arguments that
        returns the result as an array, or None if there is nothing to compare.
    most : float, optional
        The most that our time may be, as a share of this side's.
    share : float
        Which part of the whole job this side does; its time is scaled to the whole.
    package : str
        Distribution whose version the note gives.
    module : str
        What must be importable.
    exact : bool
        Whether the result must agree with ours. False where the tool computes with fewer digits: how far it is off is
        said, but does not decide.
    """

    label: str
    prepare: Callable[[Any], Callable[[], Any]]
    most: float | None = None
    share: float = 1.0
    package: str = ""
    module: str = ""
    exact: bool = True


@dataclass(frozen=True)
class Job:
    """Something that several tools do.

    Parameters
    ----------
    what : str
        As the table calls it.
    make : callable
        Returns the data, from the numbers in `full` or `tiny`.
    full, tiny : mapping
        Sizes: as measured, and as tested.
    sides : mapping of str to Side
        The first is ours.
    tolerance : float
        How far results may differ, as a share of the largest.
    python : callable
        Returns the interpreter for all sides.
    """

    what: str
    make: Callable[..., Any]
    full: Mapping[str, int]
    tiny: Mapping[str, int]
    sides: Mapping[str, Side]
    tolerance: float
    python: Callable[[], str] = field(default=latest_python)


def measure_jobs(module: str, jobs: Mapping[str, Job], rounds: int = ROUNDS, seconds: float = SECONDS) -> list[Row]:
    """Return one row a job and a tool that it is compared with.

    Parameters
    ----------
    module : str
        Where the jobs are.
    jobs : mapping of str to Job
        All of them.
    rounds, seconds : int, float
        For each job, as :func:`benchmarks.speed.common.take_turns` takes them.
    """
    rows = []
    for name, job in jobs.items():
        with tempfile.TemporaryDirectory() as scratch:
            python = job.python()
            arms = {side: Arm(module, [name, side, "full", scratch], python) for side in job.sides}
            answers, others = take_turns(arms, rounds, seconds)
            for arm in arms.values():
                arm.close()
            wrong = {side: _difference(Path(scratch), next(iter(job.sides)), side) for side in job.sides}
        rows += rows_of(job, answers, {side: arm.ready["note"] for side, arm in arms.items()}, wrong, others)
    return rows


def rows_of(
    job: Job,
    answers: Mapping[str, list[dict[str, Any]]],
    notes: Mapping[str, str],
    wrong: Mapping[str, float | None],
    others: float,
) -> list[Row]:
    """Return our side of a job against every other.

    Parameters
    ----------
    job : Job
        What was done.
    answers : mapping of str to list
        From :func:`benchmarks.speed.common.take_turns`; each answer has a ``value`` in ms and a ``peak`` in MB.
    notes : mapping of str to str
        What each side says about itself.
    wrong : mapping of str to float or None
        How far its result differs from ours; None if there is nothing to compare.
    others : float
        As :func:`benchmarks.speed.common.compare` takes it.
    """
    first, *rest = job.sides
    rows = []
    for name in rest:
        side, difference = job.sides[name], wrong[name]
        row = compare(job.what, answers, first, name, "ms", others, limit=side.most)
        row.against = f"{side.label} ({_ms(statistics.median(answer['value'] for answer in answers[name]))} ms)"
        assert row.ratio is not None
        peaks = [f"{max(answer['peak'] for answer in answers[of]):.0f} MB" for of in (first, name)]
        parts = [f"{1 / row.ratio:.3g} times as fast", notes[name], f"peak memory {' against '.join(peaks)}"]
        if difference is not None:
            parts.append(f"largest difference {difference:.1g} of the largest value")
            if side.exact and not difference <= job.tolerance:
                parts = [*parts[1:], f"more than {job.tolerance:g}: a wrong answer does not count"]
                row.ratio = row.low = row.high = float("inf")
        row.note = "; ".join(part for part in parts if part)
        rows.append(row)
    return rows


def _ms(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _difference(scratch: Path, first: str, second: str) -> float | None:
    """Return the largest difference between two results; NaN if only one has NaN in a place."""
    import numpy as np

    paths = [scratch / f"{side}.npy" for side in (first, second)]
    if not all(path.exists() for path in paths):
        return None
    return difference(*(np.load(path) for path in paths))


def difference(ours: Any, theirs: Any) -> float:
    """Return the largest difference between two arrays as a share of the largest value.

    Parameters
    ----------
    ours, theirs : array
        Of the same shape; where the second is shorter along the first dimension, so many of the first are compared.
    """
    import numpy as np

    ours = np.asarray(ours, float)[: len(theirs)]
    theirs = np.asarray(theirs, float)
    if ours.shape != theirs.shape or (np.isnan(ours) != np.isnan(theirs)).any():
        return float("nan")
    return float(np.nanmax(np.abs(ours - theirs)) / np.nanmax(np.abs(theirs)))


def serve_side(jobs: Mapping[str, Job]) -> None:
    """Do one side of one job, as the command line says: name of the job, side, ``full`` or ``tiny``, folder."""
    name, side, size, scratch = sys.argv[1:]
    serve(lambda: _prepare(jobs[name], side, getattr(jobs[name], size), Path(scratch)))


def _prepare(job: Job, side: str, size: Mapping[str, int], scratch: Path) -> tuple[dict[str, Any], Callable[..., Any]]:
    import numpy as np

    chosen = job.sides[side]
    # What is imported and started on first use is not part of the job.
    chosen.prepare(job.make(**job.tiny))()
    work = chosen.prepare(job.make(**size))

    def run() -> dict[str, Any]:
        times: list[float] = []
        while sum(times) < LEAST_SECONDS:
            result = None  # or two results would be held at a time
            start = time.perf_counter()
            result = work()
            times.append(time.perf_counter() - start)
        peak = peak_memory()
        if result is not None:
            np.save(scratch / f"{side}.npy", np.asarray(result))
        return {"value": statistics.median(times) / chosen.share * 1e3, "peak": peak}

    note = f"{chosen.package} {version(chosen.package)}" if chosen.package else ""
    return {"note": note}, run
