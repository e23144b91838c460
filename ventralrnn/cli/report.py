"""``ventralrnn report``: one page over recordings and results."""

from pathlib import Path

import click

from ventralrnn.cli import options


@click.command(
    epilog=options.examples(
        "ventralrnn report demo --out report.html", "ventralrnn report all.zarr rsa.nc --out report.html"
    )
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE.html", help="The page to write.")
@click.option(
    "--stimuli",
    multiple=True,
    metavar="NAME|FOLDER|LIST.csv",
    help="Where the pictures lie, if they were moved since they were recorded (repeatable).",
)
@click.option("--title", help="Title of the page; the names of the models by default.")
@options.as_json
def command(paths: tuple[Path, ...], out: Path, stimuli: tuple[str, ...], title: str | None, as_json: bool) -> None:
    """Write one HTML page over recordings and results: look at it in a browser, or send it to somebody.

    PATH is a recording (*.zarr), a result (*.nc) or a folder of them, such as that of `ventralrnn demo`. The page holds
    the stimuli, the RDMs of every area over time with a map of the stimuli, time courses, latencies, comparisons with
    brains and scores with their noise ceilings, and how each was made. It is one file that opens from disk and fetches
    nothing. A page that this command wrote before is replaced, any other file is not.
    """
    from ventralrnn.report import write_report

    options.show_warnings_plainly()
    made = write_report(paths, out, stimuli=stimuli, title=title)
    if as_json:
        options.print_json(made)
        return
    for note in made["notes"]:
        click.echo(f"ventralrnn: {note}", err=True)
    count = len(made["sources"])
    files = f"{count} files" if count > 1 else "one file"
    click.echo(f"{made['path']}   {made['bytes'] / 1e6:.1f} MB over {files}; open it in a browser")
