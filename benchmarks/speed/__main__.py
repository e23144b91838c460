"""Measure what is named on the command line; everything by default."""

import argparse
from importlib import import_module

from benchmarks.pages import DOCS, write_block
from benchmarks.speed.common import QUIET, Row, describe_load, format_rows, machine, write_rows

# Question -> its file. Those that need the longest silence come first.
QUESTIONS = (
    "extraction",
    "training",
    "rdm",
    "comparison",
    "inference",
    "similarity",
    "encoding",
    "scoring",
    "peers",
    "memory",
    "rdm_memory",
    "start",
    "twins",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help=f"{', '.join(QUESTIONS)}; all by default")
    chosen = parser.parse_args().questions or list(QUESTIONS)
    unknown = [question for question in chosen if question not in QUESTIONS]
    if unknown:
        parser.error(f"no such question: {', '.join(unknown)}; there are {', '.join(QUESTIONS)}")
    place = ", ".join(f"{key} {value}" for key, value in machine().items())
    print(place)
    for question in chosen:
        load = describe_load()
        print(f"\n{question}: {load}", flush=True)
        rows: list[Row] = import_module(f"benchmarks.speed.{question}").measure()
        table = format_rows(rows)
        if max(row.others for row in rows) > QUIET:
            table = f"**The machine was busy meanwhile: these figures are rough.**\n\n{table}"
        print(table, flush=True)
        write_rows(question, rows)
        write_block(
            DOCS / "speed.md", question, f"`python -m benchmarks.speed {question}` on {place}; {load}.\n\n{table}"
        )


if __name__ == "__main__":
    main()
