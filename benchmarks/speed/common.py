"""What all questions share: processes that take turns, what other processes did meanwhile, tables."""

import csv
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results"
BATCH = 64
# What somebody set for another library or machine makes OpenBLAS take slow kernels; each BLAS is to choose for itself.
OWN_CHOICE = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# Share of all processors that other processes may use during a run for its round to count as quiet.
QUIET = 0.05


@dataclass
class Row:
    """One line of a table.

    Parameters
    ----------
    what : str
        What was measured.
    value : float or None
        Its median; None if it could not be measured.
    unit : str
        Of the value.
    against : str
        What the ratio is to; '' for none.
    ratio, low, high : float or None
        Median, smallest and largest ratio over rounds.
    limit : float or None
        What the ratio (the value, if there is none) may be at most.
    rounds : int
        How many rounds count.
    others : float
        Largest share of the processors that other processes used during a run that counts.
    note : str
        What else a reader should know.
    """

    what: str
    value: float | None
    unit: str
    against: str = ""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    rounds: int = 1
    others: float = 0.0
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return 'met' or 'missed', '' without a limit."""
        judged = self.value if self.ratio is None else self.ratio
        if self.limit is None or judged is None:
            return ""
        return "met" if judged <= self.limit else "missed"


@dataclass
class Arm:
    """A process that does one job each time it is told to.

    Parameters
    ----------
    module : str
        Run as ``python -m module arguments``; it calls :func:`serve`.
    arguments : sequence of str
        Handed to it.
    python : str
        Interpreter.
    """

    module: str
    arguments: Sequence[str]
    python: str = sys.executable
    ready: dict[str, Any] = field(init=False)
    startup: float = field(init=False)

    def __post_init__(self) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
        start = time.perf_counter()
        self._process = subprocess.Popen(
            [self.python, "-W", "ignore", "-m", self.module, *self.arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name not in OWN_CHOICE},
        )  # fmt: skip
        self.ready = self._answer()
        self.startup = time.perf_counter() - start

    def run(self) -> dict[str, Any]:
        """Do the job once and return what the process says about it."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self._answer()

    def cpu(self) -> float:
        """Return the processor time the process has used so far, in seconds."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._errors.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"{self.module} {' '.join(self.arguments)}: {self._errors.read()[-2000:]}")
        return dict(json.loads(line))


@dataclass
class Command:
    """A command that is started anew each time.

    Parameters
    ----------
    line : sequence of str
        The command.
    """

    line: Sequence[str]

    def run(self) -> dict[str, Any]:
        """Run the command and return how long it took, in ms."""
        start = time.perf_counter()
        subprocess.run(self.line, check=True, capture_output=True)
        return {"value": (time.perf_counter() - start) * 1e3}

    def cpu(self) -> float:
        """Return the processor time of all commands so far, in seconds."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def close(self) -> None:
        """There is nothing to end."""


def serve(prepare: Callable[[], tuple[dict[str, Any], Callable[[], dict[str, Any]]]]) -> None:
    """Answer an :class:`Arm`: prepare, say what there is to say, then do the job each time it is asked for.

    Parameters
    ----------
    prepare : callable
        Returns what to say first, and the job. What either prints does not get in the way.
    """
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    said, job = prepare()
    print(json.dumps(said), file=channel, flush=True)
    for _ in sys.stdin:
        print(json.dumps(job()), file=channel, flush=True)


def take_turns(
    arms: Mapping[str, Arm | Command], rounds: int, seconds: float
) -> tuple[dict[str, list[dict[str, Any]]], float]:
    """Let arms take turns until enough rounds were quiet, or time is over (then there are three at least).

    Parameters
    ----------
    arms : mapping of str to Arm or Command
        What to measure.
    rounds : int
        Rounds that count: of all done the quietest, judged by what other processes used, not by the results.
    seconds : float
        No round starts later than this.

    Returns
    -------
    dict of str to list
        For each arm what it said, one entry a round that counts.
    float
        Largest share of the processors that other processes used during one of these runs.
    """
    done: list[tuple[float, dict[str, dict[str, Any]]]] = []
    start = time.perf_counter()
    while sum(others < QUIET for others, _ in done) < rounds:
        if len(done) >= min(rounds, 3) and time.perf_counter() - start > seconds:
            break
        _wait_for_quiet()
        answers, worst = {}, 0.0
        # Every second round runs backwards, so that no arm always follows the same one.
        for name in list(arms)[:: 1 if len(done) % 2 else -1]:
            answers[name], others = _watch(arms[name])
            worst = max(worst, others)
        done.append((worst, answers))
    kept = sorted(done, key=lambda item: item[0])[:rounds]
    return {name: [answers[name] for _, answers in kept] for name in arms}, kept[-1][0]


def _watch(arm: Arm | Command) -> tuple[dict[str, Any], float]:
    """Run an arm and return what it said, and the share of the processors that others used meanwhile."""
    busy, own, start = _busy_seconds(), arm.cpu(), time.perf_counter()
    said = arm.run()
    elapsed = time.perf_counter() - start
    others = (_busy_seconds() - busy) - (arm.cpu() - own)
    return said, max(0.0, others / (elapsed * (os.cpu_count() or 1)))


def _busy_seconds() -> float:
    """Return the time all processors have been busy, or taken away by a hypervisor; 0 where nothing says."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return 0.0
    ticks = [int(f) for f in fields]
    return (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf("SC_CLK_TCK")


def _wait_for_quiet(patience: float = 5.0) -> None:
    start = time.perf_counter()
    while time.perf_counter() - start < patience:
        before = _busy_seconds()
        time.sleep(0.3)
        if (_busy_seconds() - before) / 0.3 / (os.cpu_count() or 1) < 2 * QUIET:
            return


def compare(
    what: str,
    answers: Mapping[str, Sequence[Mapping[str, Any]]],
    arm: str,
    against: str,
    unit: str = "ms",
    others: float = 0.0,
    **rest: Any,
) -> Row:
    """Return the row of one arm against another.

    Parameters
    ----------
    what : str
        Name of the row.
    answers : mapping of str to sequence of mapping
        From :func:`take_turns`; each answer has a ``value``.
    arm, against : str
        The two arms.
    unit : str
        Of the values.
    others : float
        From :func:`take_turns`.
    **rest
        More fields of the row.
    """
    values = [answer["value"] for answer in answers[arm]]
    ratios = [a["value"] / b["value"] for a, b in zip(answers[arm], answers[against], strict=True)]
    return Row(
        what, statistics.median(values), unit, against, statistics.median(ratios), min(ratios), max(ratios),
        rounds=len(values), others=others, **rest,
    )  # fmt: skip


def peak_memory() -> float:
    """Return the most memory that this process has had, in MB, without that of the process that started it."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


def machine() -> dict[str, str]:
    """Return what the figures depend on, without naming anybody's machine."""
    try:
        names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        names = []
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": str(os.cpu_count()),
        "torch": version("torch"),
        "python": platform.python_version(),
    }


def describe_load() -> str:
    """Say how busy the machine is before a question is measured."""
    before, start = _busy_seconds(), time.perf_counter()
    time.sleep(1)
    share = (_busy_seconds() - before) / (time.perf_counter() - start) / (os.cpu_count() or 1)
    return f"before the start, other processes use {share:.0%} of the processors" + (
        "; only the quietest rounds count" if share > QUIET else ""
    )


def format_rows(rows: Sequence[Row]) -> str:
    """Return rows as a Markdown table."""
    head = ("what", "median", "against", "ratio", "range", "at most", "", "rounds", "others' CPU", "note")
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    value = "-" if row.value is None else f"{row.value:.3g}" if row.value < 1000 else f"{row.value:.0f}"
    return (
        row.what,
        f"{value} {row.unit}" if row.value is not None else value,
        row.against,
        "" if row.ratio is None else _ratio(row.ratio),
        "" if row.low is None or row.high is None else f"{_ratio(row.low)} to {_ratio(row.high)}",
        "" if row.limit is None else f"{row.limit:g}",
        row.verdict,
        str(row.rounds),
        f"{row.others:.0%}",
        row.note,
    )


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def write_rows(question: str, rows: Sequence[Row]) -> None:
    """Write rows to ``results/QUESTION.csv``, each with the machine."""
    RESULTS.mkdir(exist_ok=True)
    lines = [{**asdict(row), "verdict": row.verdict, **machine()} for row in rows]
    for line in lines:
        line.update({key: f"{value:.5g}" for key, value in line.items() if isinstance(value, float)})
    with open(RESULTS / f"{question}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
