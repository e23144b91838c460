"""From the results file to the page: means, intervals, and what they do or do not show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose, sqrt
from pathlib import Path
from statistics import fmean, stdev

from scipy.stats import t as student

from benchmarks.paper.configurations import Configuration
from benchmarks.paper.scales import Scale
from benchmarks.paper.store import Result, results_of
from benchmarks.paper.tables import Line, Table
from ventralrnn.errors import TrainingError
from ventralrnn.networks import count_multiply_adds, count_parameters
from ventralrnn.zoo.variants import vary

# Share of wrong answers of who guesses among ten classes.
GUESSING = 0.9


@dataclass(frozen=True)
class Summary:
    """Errors of several seeds.

    Parameters
    ----------
    mean : float
        A share.
    half : float or None
        Half the 95 % interval of the mean; None for a single seed.
    number : int
        How many seeds.
    """

    mean: float
    half: float | None
    number: int

    def __str__(self) -> str:
        shown = f"{100 * self.mean:.2f} %"
        return shown if self.half is None else f"{shown[:-2]} ± {100 * self.half:.2f} %"

    def contains(self, error: float) -> bool:
        """Whether the interval contains an error, which it does where both are the same up to rounding."""
        return self.half is not None and (
            abs(self.mean - error) <= self.half or isclose(self.mean, error, abs_tol=1e-9)
        )


def summarise(errors: Sequence[float]) -> Summary:
    """Return mean and 95 % interval over seeds, after Student (1908), Biometrika 6:1."""
    number = len(errors)
    if number < 2:
        return Summary(errors[0], None, number)
    half = float(student.ppf(0.975, number - 1)) * stdev(errors) / sqrt(number)
    return Summary(fmean(errors), half, number)


def compare(first: str, a: Summary | None, second: str, b: Summary | None) -> str:
    """Say in a sentence whether the intervals of two lines overlap."""
    if a is None or b is None:
        return f"{first} and {second}: not both run yet."
    said = f"{first} ({a}) and {second} ({b}): "
    if a.half is None or b.half is None:
        return said + "a single seed has no interval, so nothing can be said of the difference."
    gap = abs(a.mean - b.mean)
    if gap <= a.half + b.half:
        return said + f"the intervals overlap; the difference of {100 * gap:.2f} points is unresolved."
    lower = first if a.mean < b.mean else second
    return said + f"the intervals do not overlap; {lower} errs less, by {100 * gap:.2f} points."


def against_guessing(label: str, own: Summary | None) -> str:
    """Say in a sentence whether a line differs from guessing."""
    if own is None:
        return f"{label}: not run yet."
    if own.half is None:
        return f"{label} ({own}): a single seed has no interval to compare with guessing (90 %)."
    if own.contains(GUESSING):
        return f"{label} ({own}): the interval contains 90 %, the error of guessing."
    side = "below" if own.mean < GUESSING else "above"
    return f"{label} ({own}): the interval lies {side} 90 %, the error of guessing."


def describe_match(control: Configuration, target: Configuration, what: str, label: str) -> str:
    """Say in a sentence how close a control comes to what it is to match."""
    cost = count_parameters if what == "parameters" else count_multiply_adds
    own, aim = cost(control.spec), cost(target.spec)
    width = control.spec.graph.areas[-1].channels
    return (
        f"{label}: {width} channels a state give {own:,} {what.replace('_', '-')} against {aim:,} "
        f"({100 * (own / aim - 1):+.1f} %)."
    )


def format_table(
    table: Table, plans: Mapping[str, Configuration], results: Sequence[Result], scale: Scale, where: Path
) -> str:
    """Return caption, table and sentences in Markdown.

    Parameters
    ----------
    table : Table
        Which.
    plans : mapping of str to Configuration
        All configurations of the scale.
    results : sequence of Result
        All rows of the scale.
    scale : Scale
        Of the results.
    where : pathlib.Path
        The results file, for error messages.
    """
    rows = {name: results_of(results, plans[name], where) for name in table.configurations}
    used = [result for own in rows.values() for result in own]
    command = f"`python -m benchmarks.paper {table.name} --{scale.name}`"
    if not used:
        return f"Not run at this scale yet: {command}."
    if len({result.data for result in used}) > 1:
        raise TrainingError(f"{where}: rows of {table.name} come from different training pictures: give another --out")
    summaries = [_summary(line, rows[line.configuration]) for line in table.lines]
    labels = [line.label for line in table.lines]
    cells = [_cells(line, plans[line.configuration], own) for line, own in zip(table.lines, summaries, strict=True)]
    head = ("network", "parameters", "multiply-adds", "test error", "seeds", "elsewhere, at full size")
    # A column that nobody else's figure would fill says nothing.
    kept = len(head) if any(line.elsewhere for line in table.lines) else len(head) - 1
    align = ("---", "---:", "---:", "---:", "---:", "---")
    grid = ["| " + " | ".join(row[:kept]) + " |" for row in (head, align, *cells)]
    said = [compare(labels[i], summaries[i], labels[j], summaries[j]) for i, j in table.compare]
    said += [against_guessing(labels[i], summaries[i]) for i in table.guessing]
    for i, j, what in table.match:
        control, target = plans[table.lines[i].configuration], plans[table.lines[j].configuration]
        said.append(describe_match(control, target, what, labels[i]))
    caption = f"{command}. {scale.describe()} {_provenance(used)}"
    parts = [caption, "\n".join(grid), "\n".join(f"- {_capital(sentence)}" for sentence in said)]
    if table.elsewhere:
        parts.append("From elsewhere:\n\n" + "\n".join(f"- {sentence}" for sentence in table.elsewhere))
    return "\n\n".join(part for part in parts if part)


def _summary(line: Line, rows: Sequence[Result]) -> Summary | None:
    errors = [error for row in rows if (error := line.error(row)) is not None]
    return summarise(errors) if errors else None


def _cells(line: Line, plan: Configuration, own: Summary | None) -> tuple[str, ...]:
    spec, times = plan.spec, None
    if line.time is not None:
        # What it costs to be read at that time, not at all for which it was trained.
        spec, times = vary(spec, steps=max(spec.steps, line.time + 1)), [line.time]
    return (
        line.label,
        f"{count_parameters(plan.spec):,}",
        f"{count_multiply_adds(spec, times) / 1e6:.1f} M",
        "" if own is None else str(own),
        "0" if own is None else str(own.number),
        line.elsewhere,
    )


def _provenance(rows: Sequence[Result]) -> str:
    """Say where the rows come from."""
    machines = sorted({f"{row.machine} ({row.precision})" for row in rows})
    versions = sorted({f"ventralrnn {row.ventralrnn}, torch {row.torch}, Python {row.python}" for row in rows})
    seconds = [row.seconds for row in rows]
    seeds = sorted({row.seed for row in rows})
    return (
        f"Seeds {', '.join(map(str, seeds))}. Run on {'; '.join(machines)}; {'; '.join(versions)}; training took "
        f"{min(seconds):,.0f} to {max(seconds):,.0f} s a run. Test error: mean "
        "and 95 % interval over seeds (Student's t)."
    )


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
