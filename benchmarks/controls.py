"""The shipped ``ventral`` beside its controls, at equal time and at equal multiply-adds: writes docs/controls.md.

``python -m benchmarks.controls`` evaluates the shipped models on CIFAR-10's test pictures, and a feedforward network so
wide that it costs what ``ventral`` costs, which it trains first, alike, and goes on with where it stopped.
``--write`` only writes the page anew from the results file.
"""

import argparse
import csv
from dataclasses import asdict, dataclass
from pathlib import Path

from scipy.stats import ttest_rel

from benchmarks.checkpoints import learn
from benchmarks.pages import DOCS, write_block
from ventralrnn.networks import NetworkSpec, count_multiply_adds
from ventralrnn.training import Evaluation, evaluate
from ventralrnn.zoo import model_spec
from ventralrnn.zoo.variants import vary

RESULTS = Path(__file__).parent / "results" / "controls.csv"
PAGE = DOCS / "controls.md"
MODEL, FEEDFORWARD = "ventral", "ventral-feedforward"
CONTROLS = ("ventral-lateral", FEEDFORWARD)
# A readout that costs so much more than another still counts as costing the same.
TOLERANCE = 1.02


@dataclass(frozen=True)
class Row:
    """A model at a readout time, beside ``ventral`` at one.

    Parameters
    ----------
    comparison : {'time', 'multiply-adds'}
        What is equal.
    against : int
        Readout step of ``ventral``.
    model : str
        ``ventral`` itself, or a control.
    step : int
        Readout step of the model.
    ms : float
        The same after stimulus onset.
    parameters, multiply_adds : int
        Of the model; for one picture that is read out at this time.
    accuracy : float
        Share of right answers among the test pictures.
    difference, low, high : float
        Accuracy of ``ventral`` minus this, on the same pictures, and its 95 % interval over pictures.
    """

    comparison: str
    against: int
    model: str
    step: int
    ms: float
    parameters: int
    multiply_adds: int
    accuracy: float
    difference: float
    low: float
    high: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.controls", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="where CIFAR-10 lies; the cache by default")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (default: runs)")
    parser.add_argument("--write", action="store_true", help="only write the page anew")
    chosen = parser.parse_args()
    if not chosen.write:
        run = learn(widen(), chosen.runs, chosen.data_dir)
        found = [evaluate(model, data_dir=chosen.data_dir) for model in (MODEL, *CONTROLS, run.checkpoint)]
        write_rows(compare_times(found[0], found[:-1]) + compare_costs(found[0], found))
    write_block(PAGE, "controls", show(read_rows()))
    print(f"{PAGE}: written")


def widen() -> NetworkSpec:
    """Return the feedforward control that costs most nearly what ``ventral`` costs, read when the picture arrives."""
    target = count_multiply_adds(model_spec(MODEL), readouts=model_spec(MODEL).readout_steps[-1:])
    first = model_spec(FEEDFORWARD).readout_steps[0]
    wider = [vary(model_spec(FEEDFORWARD), width=width / 10, steps=first + 1) for width in range(10, 100)]
    return min(wider, key=lambda spec: abs(count_multiply_adds(spec) - target))


def compare_times(ventral: Evaluation, models: list[Evaluation]) -> list[Row]:
    """Return every model at every readout time of ``ventral``."""
    rows = []
    for place, reference in enumerate(ventral.readouts):
        for model in models:
            same = [i for i, readout in enumerate(model.readouts) if readout.ms == reference.ms]
            rows += [_row("time", ventral, place, model, i) for i in same]
    return rows


def compare_costs(ventral: Evaluation, models: list[Evaluation]) -> list[Row]:
    """Return every model at its costliest readout that costs no more, for every readout time of ``ventral``."""
    rows = []
    for place, reference in enumerate(ventral.readouts):
        for model in models:
            budget = TOLERANCE * reference.multiply_adds
            affordable = [i for i, readout in enumerate(model.readouts) if readout.multiply_adds <= budget]
            if model is ventral:
                affordable = [place]
            if affordable:
                # The one with most work, the first of equals: the test pictures have no say.
                best = max(affordable, key=lambda i: (model.readouts[i].multiply_adds, -i))
                rows.append(_row("multiply-adds", ventral, place, model, best))
    return rows


def _row(comparison: str, ventral: Evaluation, place: int, model: Evaluation, i: int) -> Row:
    right = ventral.scores[:, place].argmax(1) == ventral.labels
    other = model.scores[:, i].argmax(1) == model.labels
    difference = float(right.mean() - other.mean())
    low = high = 0.0
    if (right != other).any():
        interval = ttest_rel(right.astype(float), other.astype(float)).confidence_interval(0.95)
        low, high = float(interval.low), float(interval.high)
    readout = model.readouts[i]
    return Row(
        comparison, ventral.readouts[place].step, model.model, readout.step, readout.ms, model.parameters,
        readout.multiply_adds, readout.accuracy, difference, low, high,
    )  # fmt: skip


def write_rows(rows: list[Row]) -> None:
    """Write the results file."""
    RESULTS.parent.mkdir(exist_ok=True)
    with open(RESULTS, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_rows() -> list[Row]:
    """Return what the results file holds."""
    kinds = {name: kind for name, kind in Row.__annotations__.items()}
    with open(RESULTS, newline="", encoding="utf-8") as stream:
        return [Row(**{name: kinds[name](value) for name, value in row.items()}) for row in csv.DictReader(stream)]


def show(rows: list[Row]) -> str:
    """Return both tables as Markdown, with what they do and do not show."""
    parts = []
    for comparison, title in (("time", "At equal time"), ("multiply-adds", "At equal multiply-adds")):
        parts.append(f"## {title}\n\n{_table([row for row in rows if row.comparison == comparison])}")
    return "\n\n".join(parts)


def _table(rows: list[Row]) -> str:
    lines = [
        f"| {MODEL} read at | model | read at | ms | parameters | multiply-adds | accuracy | {MODEL} is better by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        own = row.model == MODEL
        resolved = "" if row.low > 0 or row.high < 0 else ", unresolved"
        better = f"{100 * row.difference:+.2f} points ({100 * row.low:+.2f} to {100 * row.high:+.2f}){resolved}"
        lines.append(
            f"| {f'step {row.against}' if own else ''} | {row.model} | step {row.step} | {row.ms:.0f} | "
            f"{row.parameters:,} | {row.multiply_adds / 1e6:.1f} M | {100 * row.accuracy:.2f} % | "
            f"{'' if own else better} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
