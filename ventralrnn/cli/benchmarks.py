"""``ventralrnn benchmarks``: what a model can be scored on."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ventralrnn.cli import options

if TYPE_CHECKING:
    from ventralrnn.brains.benchmarks.listing import Entry

_WIDTHS = (43, 10, 12, 11)
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
    lines = [_line(_HEAD)]
    for source, title in _TITLES.items():
        chosen = [entry for entry in entries if entry.source == source]
        if chosen:
            lines += ["", f"{title} ({len(chosen)})"]
            lines += [line for e in chosen for line in _row((e.identifier, e.area, e.metric, e.time_bins, e.data))]
    return [*lines, "", "`ventralrnn score MODEL --benchmark ID` scores a model."]


def _row(cells: tuple[str, ...]) -> list[str]:
    # Ids are copied from here, so they are never cut.
    if len(cells[0]) < _WIDTHS[0]:
        return [_line(cells)]
    return [cells[0], _line(("", *cells[1:]))]


def _line(cells: tuple[str, ...]) -> str:
    fitted = [cells[0].ljust(_WIDTHS[0])]
    fitted += [_cut(cell, width).ljust(width) for cell, width in zip(cells[1:-1], _WIDTHS[1:], strict=True)]
    return "".join([*fitted, cells[-1]]).rstrip()


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) < width else f"{cell[: width - 2]}~"
