"""``ventralrnn data``: which data sets there are, fetching them, and where they lie."""

import json
import textwrap
from typing import Any
from urllib.parse import urlsplit

import click

from ventralrnn.stimuli import cache, registry

_WIDTH = 100


@click.group()
def command() -> None:
    """List, fetch and find data sets, with their licence and citation.

    They lie in the folders that $VENTRALRNN_DATA lists (separated as in $PATH); downloads go into the first,
    ~/.cache/ventralrnn if it is not set.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print everything, addresses and hashes included, as JSON.")
def list_(as_json: bool) -> None:
    """List the data sets, and which of them are here."""
    sets = [registry.data_set(name) for name in registry.names()]
    if as_json:
        click.echo(json.dumps([_as_json(data) for data in sets], indent=2))
        return
    for data in sets:
        here = cache.find(data.name)
        click.echo(f"{data.name:<18}{_size(data.bytes):>9}   {f'here: {here}' if here else 'missing'}")
        for text in (data.description, f"Licence: {data.licence}.", f"Cite: {data.citation}."):
            click.echo(textwrap.fill(text, _WIDTH, initial_indent="    ", subsequent_indent="        "))
    click.echo(f"Downloads go to {cache.search_path()[0]}. The stimuli `embedded` ship with the package.")


@command.command("get")
@click.argument("name")
def get(name: str) -> None:
    """Download what is missing of the data set NAME, check it, and print where it lies."""
    wanted = cache.missing(name)
    if not wanted:
        click.echo(cache.get(name))
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
    from tqdm import tqdm

    # disable=None: no bar where standard error is not a terminal
    with tqdm(total=total, unit="B", unit_scale=True, desc=name, disable=None) as bar:
        folder = cache.get(name, bar.update)
    click.echo(folder)


@command.command("path")
@click.argument("name")
def path(name: str) -> None:
    """Check the files of the data set NAME against their hashes and print the folder they lie in."""
    click.echo(cache.path(name))


def _as_json(data: registry.DataSet) -> dict[str, Any]:
    here = cache.find(data.name)
    target = cache.search_path()[0] / data.name
    return {
        "name": data.name,
        "description": data.description,
        "licence": data.licence,
        "citation": data.citation,
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
