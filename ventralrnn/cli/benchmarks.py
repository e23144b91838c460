"""``ventralrnn benchmarks``: what a model can be scored on."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ventralrnn.cli import options
from ventralrnn.cli.tables import columns, table_width

if TYPE_CHECKING:
    from ventralrnn.brains.benchmarks.listing import Entry

_WIDTHS = (11, 12, 12, 5)
_HEAD = ("BENCHMARK", "AREA", "METRIC", "TIME", "DATA")
_TITLES = {"ventralrnn": "Of ventralrnn", "brain-score": "Of Brain-Score"}


@click.command(epilog=options.examples("ventralrnn benchmarks V4", "ventralrnn benchmarks --json"))
@click.argument("text", required=False, default="")
@options.as_json
def command(text: str, as_json: bool) -> None:
    """List the benchmarks of ventralrnn and of Brain-Score, or those whose id, area or metric holds TEXT.

    DATA says whether they are on this computer; `ventralrnn score` says where missing ones come from.
    """
    from ventralrnn.brains.benchmarks.listing import list_benchmarks

    entries, note = list_benchmarks(text)
    if as_json:
        options.print_json([asdict(entry) for entry in entries])
    else:
        click.echo("\n".join(_list(entries, text)))
    if note:
        click.echo(f"ventralrnn: without the benchmarks of Brain-Score: {note}", err=True)


def _list(entries: "list[Entry]", text: str) -> list[str]:
    if not entries:
        return [f"no benchmark has {text!r} in its id, area or metric"]
    lines = []
    for source, title in _TITLES.items():
        chosen = [e for e in entries if e.source == source]
        rows: list[tuple[str, ...]] = [(e.identifier, e.area, e.metric, e.time_bins, e.data) for e in chosen]
        if rows:
            lines += [f"{title} ({len(rows)})", _table(rows), ""]
    return [*lines, "`ventralrnn score MODEL --benchmark ID` scores a model."]


def _table(rows: list[tuple[str, ...]]) -> str:
    table = columns([_HEAD, *rows], left=range(len(_HEAD)), keys=len(_HEAD))
    most = table_width()
    if most is None or max(map(len, table.splitlines())) <= most:
        return table
    # The others beside what room there is for ids, which are copied from here and so never cut.
    widths = (most - sum(_WIDTHS), *_WIDTHS)
    return "\n".join(line for row in (_HEAD, *rows) for line in _lines(row, widths))


def _lines(row: tuple[str, ...], widths: tuple[int, ...]) -> list[str]:
    cells = [_cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)]
    if len(row[0]) < widths[0]:
        return ["".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip()]
    return [row[0], "".join([" " * widths[0], *cells[1:]]).rstrip()]


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) < width else f"{cell[: width - 2]}~"
