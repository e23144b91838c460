"""Train and test what the named tables need, as far as that is not done, and write the tables."""

import argparse
import sys
from pathlib import Path

from benchmarks.pages import DOCS, write_block
from benchmarks.paper.configurations import configurations
from benchmarks.paper.report import format_table
from benchmarks.paper.run import run
from benchmarks.paper.scales import SCALES, Scale
from benchmarks.paper.store import read_results, results_of, write_results
from benchmarks.paper.tables import TABLES
from ventralrnn.errors import VentralrnnError

RESULTS = Path(__file__).parent / "results"
PAGE = DOCS / "paper.md"


def study(
    tables: list[str],
    scale: Scale,
    seeds: list[int],
    out: Path,
    *,
    data_dir: Path | None = None,
    device: str = "auto",
    page: Path | None = None,
    train: bool = True,
) -> None:
    """Train what is missing, and write the tables.

    Parameters
    ----------
    tables : list of str
        Names.
    scale : Scale
        How large.
    seeds : list of int
        Each configuration is run with every one.
    out : pathlib.Path
        Holds ``SCALE.csv`` and, below ``runs``, what runs leave.
    data_dir : pathlib.Path or None
        Where CIFAR-10 lies; None for the cache.
    device : str
        'auto', 'cpu', 'cuda' or 'mps'.
    page : pathlib.Path or None
        Where the tables go; None for a file each, below ``out``.
    train : bool
        Whether to train; or only to write tables of what there is.
    """
    plans, results = configurations(scale), out / f"{scale.name}.csv"
    work = out / "runs" / scale.name
    for table in tables:
        needed = TABLES[table].configurations
        # Seed by seed: a study that is broken off has seen every network.
        for seed, name in [(seed, name) for seed in seeds for name in needed] if train else []:
            rows = read_results(results)
            if any(row.seed == seed for row in results_of(rows, plans[name], results)):
                continue
            print(f"{table}: {name}, seed {seed}", flush=True)
            work.mkdir(parents=True, exist_ok=True)
            row = run(plans[name], seed, work, data_dir=data_dir, device=device, progress=sys.stderr.isatty())
            print(f"  test error {100 * row.test_error:.2f} %, trained in {row.seconds:.0f} s", flush=True)
            # Read again: another table may have added rows meanwhile.
            write_results(results, [*read_results(results), row])
        text = format_table(TABLES[table], plans, read_results(results), scale, results)
        print(f"\n{text}\n", flush=True)
        if page is None:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{table}-{scale.name}.md").write_text(text + "\n", encoding="utf-8")
        else:
            write_block(page, f"{table} {scale.name}", text)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paper", description=__doc__)
    parser.add_argument("tables", nargs="+", metavar="TABLE", help=f"{', '.join(TABLES)}, or all")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--small", dest="scale", action="store_const", const="small", help="for two cores (the default)")
    size.add_argument("--full", dest="scale", action="store_const", const="full", help="for a graphics card")
    parser.add_argument("--seeds", default="0,1,2", help="commas between them; 0,1,2 by default")
    parser.add_argument("--data-dir", type=Path, help="where CIFAR-10 lies; the cache by default")
    parser.add_argument("--out", type=Path, help="folder of the results; by default this package's, and the page")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--write", action="store_true", help="train nothing, only write the tables anew")
    given = parser.parse_args(arguments)
    chosen = list(TABLES) if given.tables == ["all"] else given.tables
    unknown = [table for table in chosen if table not in TABLES]
    if unknown:
        parser.error(f"no table {', '.join(unknown)}: there are {', '.join(TABLES)}, or all of them: all")
    try:
        seeds = [int(seed) for seed in given.seeds.split(",")]
    except ValueError:
        parser.error(f"--seeds {given.seeds}: give whole numbers with commas between them")
    try:
        study(
            chosen,
            SCALES[given.scale or "small"],
            seeds,
            given.out or RESULTS,
            data_dir=given.data_dir,
            device=given.device,
            page=PAGE if given.out is None else None,
            train=not given.write,
        )
    except VentralrnnError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
