"""The shipped models on our own benchmarks, with real data: writes benchmarks/results/scores.csv and the docs' table.

``python -m benchmarks.scores`` needs the data sets in the cache (``ventralrnn data get NAME``); what is missing is
named and left out, never simulated. ``--write`` only writes the page anew from the results file.
"""

import argparse
import csv
import platform
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
import xarray as xr

from benchmarks.pages import DOCS, write_block
from ventralrnn.brains.benchmarks import BENCHMARKS, compare_models

RESULTS = Path(__file__).parent / "results" / "scores.csv"
PAGE = DOCS / "benchmarks.md"
MODELS = ("ventral", "ventral-lateral", "ventral-feedforward")


@dataclass(frozen=True)
class Row:
    """A model on a benchmark.

    Parameters
    ----------
    benchmark, model, machine : str
        Identifier, name in the zoo, and where it was computed.
    score, low, high : float
        Of what stands for the brain, with its 95 % interval.
    ceiling, ceiling_lower : float
        NaN where there is none.
    best_step, best_ms, best_score : float
        The area's step that is most like the brain.
    """

    benchmark: str
    model: str
    machine: str
    score: float
    low: float
    high: float
    ceiling: float
    ceiling_lower: float
    best_step: float
    best_ms: float
    best_score: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scores", description=__doc__)
    parser.add_argument("--samples", type=int, default=1000, help="bootstrap samples (default: 1000)")
    parser.add_argument("--write", action="store_true", help="only write the page anew")
    chosen = parser.parse_args()
    if not chosen.write:
        here = [name for name, benchmark in BENCHMARKS.items() if benchmark.here]
        for name in sorted(set(BENCHMARKS) - set(here)):
            print(f"{name}: data missing ({', '.join(BENCHMARKS[name].data_sets)}); left out")
        table = compare_models({name: name for name in MODELS}, here, simulate="never", samples=chosen.samples)
        write_rows(rows_of(table))
    write_block(PAGE, "scores", show(read_rows()))
    print(f"{PAGE}: written")


def rows_of(table: xr.Dataset) -> list[Row]:
    """Return a comparison of models as rows."""
    machine = f"{platform.machine()}, {torch.get_num_threads()} thread(s), torch {torch.__version__.split('+')[0]}"
    rows = []
    for benchmark in table["benchmark"].values:
        for model in table["model"].values:
            cell = table.sel(benchmark=benchmark, model=model)
            numbers = {f.name: float(cell[f.name]) for f in fields(Row) if f.name in table.data_vars}
            rows.append(Row(str(benchmark), str(model), machine, **numbers))
    return rows


def write_rows(rows: list[Row]) -> None:
    """Write the results file."""
    RESULTS.parent.mkdir(exist_ok=True)
    with open(RESULTS, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(row).items()})


def read_rows() -> list[Row]:
    """Return what the results file holds."""
    kinds = {name: kind for name, kind in Row.__annotations__.items()}
    with open(RESULTS, newline="", encoding="utf-8") as stream:
        return [Row(**{name: kinds[name](value) for name, value in row.items()}) for row in csv.DictReader(stream)]


def show(rows: list[Row]) -> str:
    """Return the table as Markdown."""
    lines = [
        f"Computed on {rows[0].machine}.",
        "",
        "| benchmark | ceiling | model | score (95 % interval) | most alike at |",
        "|---|---|---|---|---|",
    ]
    last = ""
    for row in rows:
        first = row.benchmark != last
        last = row.benchmark
        lower = "" if row.ceiling_lower != row.ceiling_lower else f"{row.ceiling_lower:.2f} to "
        ceiling = "unknown" if row.ceiling != row.ceiling else f"{lower}{row.ceiling:.2f}"
        best = "" if row.best_step != row.best_step else f"step {row.best_step:.0f}: {row.best_score:.3f}"
        best += "" if row.best_ms != row.best_ms else f", {row.best_ms:.0f} ms"
        name, ceiling = (row.benchmark.removeprefix("ventralrnn."), ceiling) if first else ("", "")
        lines.append(
            f"| {name} | {ceiling} | {row.model} | {row.score:.3f} ({row.low:.3f} to {row.high:.3f}) | {best} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
