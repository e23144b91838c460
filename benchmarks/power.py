"""How sure inference is, on simulated recordings whose answer is known: writes the tables of docs/inference.md.

``python -m benchmarks.power`` simulates, tests, and takes a few minutes. ``--write`` only writes the page anew from the
results files.
"""

import argparse
import csv
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmarks.pages import DOCS, write_block
from benchmarks.simulations import (
    Coverage,
    ErrorRate,
    Power,
    measure_coverage,
    measure_differences,
    measure_errors,
    measure_power,
)
from benchmarks.speed.common import machine

RESULTS = Path(__file__).parent / "results"
PAGE = DOCS / "inference.md"
FILES: dict[str, type] = {"coverage": Coverage, "errors": ErrorRate, "power": Power}
STIMULI, NEUROIDS, TRIALS = (12, 24, 48, 96), (10, 30, 100), (1, 3, 10)
DATASETS = 60
# What was resampled, stimuli, subjects.
COVERAGES = (
    ("stimuli", 20, 5), ("stimuli", 40, 5), ("subjects", 30, 5),
    ("subjects", 30, 12), ("both", 30, 5), ("both", 30, 12),
)  # fmt: skip
COVERAGE_DATASETS, ERROR_DATASETS = 400, 400
ERROR_STIMULI = (12, 30)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.power", description=__doc__)
    parser.add_argument("--write", action="store_true", help="only write the page anew")
    if not parser.parse_args().write:
        simulate()
    for name in FILES:
        table = show(name, read_rows(name))
        write_block(PAGE, name, table)
        print(f"{table}\n")
    print(f"{PAGE}: written")


def simulate() -> None:
    """Write all results files; sizes have their own seeds, so that the number of processes does not matter."""
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        power = [pool.submit(measure_power, *size, DATASETS) for size in product(STIMULI, NEUROIDS, TRIALS)]
        coverage = [pool.submit(measure_coverage, *size, COVERAGE_DATASETS) for size in COVERAGES]
        measures = product((measure_differences, measure_errors), ERROR_STIMULI)
        errors = [pool.submit(measure, stimuli, ERROR_DATASETS) for measure, stimuli in measures]
        write_rows("power", [task.result() for task in power])
        write_rows("coverage", [row for task in coverage for row in task.result()])
        write_rows("errors", [row for task in errors for row in task.result()])


def write_rows(name: str, rows: Sequence[Any]) -> None:
    """Write a results file, each row with the machine."""
    RESULTS.mkdir(exist_ok=True)
    lines = [{**asdict(row), **machine()} for row in rows]
    with open(RESULTS / f"{name}.csv", "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in line.items()} for line in lines)


def read_rows(name: str) -> list[Any]:
    """Return what a results file holds."""
    kind = FILES[name]
    with open(RESULTS / f"{name}.csv", newline="", encoding="utf-8") as stream:
        return [kind(**{f.name: f.type(row[f.name]) for f in fields(kind)}) for row in csv.DictReader(stream)]


def show(name: str, rows: list[Any]) -> str:
    """Return a results file as a Markdown table."""
    table = {"coverage": _show_coverage, "errors": _show_errors, "power": _show_power}[name](rows)
    with open(RESULTS / f"{name}.csv", newline="", encoding="utf-8") as stream:
        first = next(csv.DictReader(stream))
    on = f"{first['cpu']}, {first['cores']} cores, torch {first['torch']}"
    return f"{table}\n\n{rows[0].datasets} data sets a row; {on}."


def _show_coverage(rows: list[Coverage]) -> str:
    lines = ["| resampled | stimuli | subjects | t | percentile |", "|---|---|---|---|---|"]
    for row in rows:
        if row.interval == "t":
            other = next(
                r for r in rows
                if (r.resample, r.stimuli, r.subjects) == (row.resample, row.stimuli, row.subjects) and r is not row
            )  # fmt: skip
            lines.append(
                f"| {row.resample} | {row.stimuli} | {row.subjects} | {row.coverage:.1%} | {other.coverage:.1%} |"
            )
    return "\n".join(lines)


def _show_errors(rows: list[ErrorRate]) -> str:
    sizes = sorted({row.stimuli for row in rows})
    lines = [f"| test | {' | '.join(f'{n} stimuli' for n in sizes)} |", f"|---|{'---|' * len(sizes)}"]
    for test in dict.fromkeys(row.test for row in rows):
        rates = {row.stimuli: row.rate for row in rows if row.test == test}
        lines.append(f"| {test} | {' | '.join(f'{rates[n]:.1%}' for n in sizes)} |")
    return "\n".join(lines)


def _show_power(rows: list[Power]) -> str:
    lines = [
        "| stimuli | neuroids | trials | similarity | ceiling | best of 12 | detected | told apart |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.stimuli} | {row.neuroids} | {row.trials} | {row.similarity:.2f} | "
            f"{row.lower:.2f} to {row.upper:.2f} | {row.best:.0%} | {row.detected:.0%} | {row.told_apart:.0%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
