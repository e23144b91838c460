"""``ventralrnn data``: which data sets there are, fetching them, where they lie; and whether one's own is in order."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from ventralrnn.cli import options
from ventralrnn.cli.tables import fill
from ventralrnn.progress import progress_bar
from ventralrnn.stimuli import cache, registry

_RDMS, _RESPONSES, _PICTURES = "RDMs (load_brain)", "responses (load_responses)", "pictures (load_stimuli)"
# Kept here so that listing loads no analyses.
HOLDS = {
    "cifar10": (_PICTURES,),
    "kriegeskorte2008": (_RDMS, _PICTURES),
    "cichy2016": (_RDMS,),
    "zhang2011": (_RESPONSES,),
    "cowley2023": (_RESPONSES, _PICTURES),
    "peterson2019": ("people's judgements (load_responses)",),
}
# Fewer stimuli are all named.
_FEW = 6


@click.group()
def command() -> None:
    """List, fetch and find data sets, with their licence and citation; check your own.

    They lie in the folders that $VENTRALRNN_DATA lists (separated as in $PATH); downloads go into the first,
    ~/.cache/ventralrnn if it is not set.
    """


@command.command("list", epilog=options.examples("ventralrnn data list"))
@options.as_json
def list_(as_json: bool) -> None:
    """List the data sets, and which of them are here."""
    sets = [registry.data_set(name) for name in registry.names()]
    if as_json:
        options.print_json([_as_json(data) for data in sets])
        return
    for data in sets:
        here = cache.find(data.name)
        click.echo(f"{data.name:<18}{_size(data.bytes):>9}   {f'here: {here}' if here else 'missing'}")
        holds = f"Holds {', '.join(HOLDS.get(data.name, ('files',)))}."
        for text in (holds, data.description, f"Licence: {data.licence}.", f"Cite: {data.citation}."):
            click.echo(fill(text, "    ", "        "))
    click.echo("Responses of your own: `ventralrnn data check my_data.yaml`, see docs/your-data.md.")
    click.echo(f"Downloads go to {cache.search_path()[0]}. The stimuli `embedded` ship with the package.")


@command.command(
    "get",
    short_help="Download a data set, and print where it lies.",
    epilog=options.examples("ventralrnn data get kriegeskorte2008"),
)
@click.argument("name")
@options.as_json
def get(name: str, as_json: bool) -> None:
    """Download what is missing of the data set NAME, check it, and print where it lies."""
    wanted = cache.missing(name)
    if not wanted:
        _print_place(name, cache.get(name), as_json)
        return
    data = registry.data_set(name)
    hosts = sorted({urlsplit(file.address or "").netloc for file in wanted})
    total = sum(file.bytes or 0 for file in wanted)
    files = "1 file" if len(wanted) == 1 else f"{len(wanted)} files"
    click.echo(
        f"Fetching {name}: {files}, {_size(total)}, from {', '.join(hosts)} into {cache.search_path()[0] / name}\n"
        f"Licence: {data.licence}.\nCite: {data.citation}.",
        err=True,
    )
    shown = options.is_terminal()
    with options.telling(lambda: _kept(name, wanted)), progress_bar(shown, total, "bytes", name) as advance:
        folder = cache.get(name, advance)
    _print_place(name, folder, as_json)


def _kept(name: str, wanted: Sequence[registry.DataFile]) -> str:
    done = len(wanted) - len(cache.missing(name))
    return f"{done} of {len(wanted)} files are kept; the same command fetches the rest" if done > 0 else ""


@command.command(
    "path",
    short_help="Check the files of a data set; print their folder.",
    epilog=options.examples("ventralrnn data path cichy2016"),
)
@click.argument("name")
@options.as_json
def path(name: str, as_json: bool) -> None:
    """Check the files of the data set NAME against their hashes and print the folder they lie in."""
    _print_place(name, cache.path(name), as_json)


def _print_place(name: str, folder: Path, as_json: bool) -> None:
    options.print_json({"name": name, "path": str(folder)}) if as_json else click.echo(folder)


@command.command(
    "check",
    short_help="Read responses of your own; print what they are.",
    epilog=options.examples("ventralrnn data check my_data.yaml"),
)
@click.argument("source", metavar="my_data.yaml|NAME")
@options.as_json
def check(source: str, as_json: bool) -> None:
    """Read responses that a YAML file describes, or those of a public data set, and print what was understood."""
    from ventralrnn.brains import load_responses
    from ventralrnn.brains.responses.summary import summarise

    found = summarise(load_responses(source))
    if as_json:
        options.print_json({"source": source, **found})
        return
    for key, text in _understood(found):
        click.echo(fill(f"{key:<13}{text}", rest=" " * 13))
    click.echo(f"Compare a recording with it: ventralrnn rsa FILE.zarr --brain {source} --out rsa.nc")


def _understood(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    sizes, names, (fewest, most) = found["sizes"], found["stimulus_id"], found["repeats"]
    yield "responses", " x ".join(f"{size} {name}" for name, size in sizes.items())
    low, high = found["range"]
    yield "values", f"{low:g} to {high:g} {found['attrs'].get('units', '')}".rstrip()
    pictures = found["attrs"].get("stimuli")
    ends = names if len(names) < _FEW else [names[0], names[1], "...", names[-1]]
    yield "stimuli", f"{', '.join(ends)}; {f'pictures: {pictures}' if pictures else 'no pictures are stated'}"
    yield "repeats", f"{fewest} to {most} a stimulus" if fewest < most else f"{most} a stimulus"
    yield "time", _time_text(found)
    for key in ("areas", "subjects"):
        if found[key]:
            yield key, ", ".join(f"{name} ({count} neuroids)" for name, count in found[key].items())
    known = [value for value in found["reliability"] or [] if value == value]
    if known:
        best = found["reliability"].index(max(known))
        at = f" at {found['time_ms'][best]:g} ms" if found["time_ms"] and sizes["time"] > 1 else ""
        yield "reliability", f"{max(known):.2f}{at}, of mean responses, median over neuroids (1 is without noise)"
    else:
        yield "reliability", "not known, since it takes two repeats of every stimulus"
    for key in ("name", "description", "licence", "citation"):
        if key in found["attrs"]:
            yield key, found["attrs"][key]
    for note in found["notes"]:
        yield "note", note


def _time_text(found: dict[str, Any]) -> str:
    count, widths = found["sizes"]["time"], found["bin_ms"]
    width = f" of {' and '.join(f'{width:g}' for width in widths[:2])} ms" if widths else ""
    bins = f"{count} bins" if count > 1 else "1 bin"
    if not found["time_ms"]:
        return f"{bins}{width}; when is not stated"
    ms = found["time_ms"]
    between = f"centres {ms[0]:g} to {ms[-1]:g}" if count > 1 else f"centre {ms[0]:g}"
    return f"{bins}{width}, {between} ms after stimulus onset"


def _as_json(data: registry.DataSet) -> dict[str, Any]:
    here = cache.find(data.name)
    target = cache.search_path()[0] / data.name
    return {
        "name": data.name,
        "description": data.description,
        "licence": data.licence,
        "citation": data.citation,
        "holds": list(HOLDS.get(data.name, ())),
        "pictures": data.pictures,
        "bytes": data.bytes,
        "path": None if here is None else str(here),
        "downloads": [
            {
                "address": file.address,
                "save_as": str(target / file.path),
                "bytes": file.bytes,
                file.algorithm: file.hash,
            }
            for file in data.downloads
        ],
    }


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
