"""``ventralrnn submit``: a folder that Brain-Score takes."""

from pathlib import Path

import click

from ventralrnn.cli import options


@click.command(
    epilog=options.examples(
        "ventralrnn submit ventral --out submission",
        "ventralrnn submit my_model.py:factory --area IT=it.output --name my-model --out submission",
    )
)
@click.argument("model")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to make the plugin's folder in.",
)
@click.option("--name", help="Identifier of the model at Brain-Score; its own name by default.")
@click.option(
    "--area",
    "areas",
    multiple=True,
    metavar="BRAIN=MODEL",
    help="What stands for an area of the brain (repeatable), as in `ventralrnn score`.",
)
@options.clock_options
@options.field_of_view
@options.seed
@options.as_json
def command(
    model: str,
    out: Path,
    name: str | None,
    areas: tuple[str, ...],
    ms_per_step: float | None,
    onset_ms: tuple[str, ...],
    visual_degrees: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Write a Brain-Score plugin with MODEL: its code, weights, metadata, requirements and test.

    MODEL is a name in the zoo (see `ventralrnn models`), a checkpoint file, or file.py:factory or
    package.module:factory for any torch.nn.Module.
    """
    named = options.pairs(areas, "--area", "IT=it.output")
    clock = options.clock(ms_per_step, onset_ms)
    from ventralrnn.brains.brainscore.submission import submit

    options.show_warnings_plainly()
    folder = submit(model, out, name=name, areas=named or None, clock=clock, visual_degrees=visual_degrees, seed=seed)
    files = sorted(path.name for path in folder.iterdir())
    if as_json:
        options.print_json({"path": str(folder), "files": files})
        return
    click.echo(f"{folder}: {', '.join(files)}")
    click.echo("Fill in BIBTEX in model.py and what metadata.yml leaves open; then hand in the folder, zipped.")
