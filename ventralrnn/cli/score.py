"""``ventralrnn score``: a model on a benchmark."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventralrnn.cli import options
from ventralrnn.cli.score_report import report

if TYPE_CHECKING:
    import xarray as xr


@click.command(
    epilog=options.examples(
        "ventralrnn score ventral --benchmark ventralrnn.Kriegeskorte2008.human-IT-rdm",
        "ventralrnn score ventral --benchmark my_data.yaml",
        "ventralrnn score my_model.py:factory --area IT=it --benchmark MajajHong2015public.IT-pls --out score.nc",
    )
)
@click.argument("model")
@click.option(
    "--benchmark",
    required=True,
    metavar="ID|FILE|DIR",
    help="Which one; `ventralrnn benchmarks` lists them. Or data of your own: the YAML file that describes responses, "
    "or RDMs, a file or folder.",
)
@click.option(
    "--metric",
    type=click.Choice(["ridge", "pls", "rdm"]),
    help="For responses of your own: predict them, or compare RDMs; ridge by default.",
)
@click.option("--stimuli", metavar="STIMULI", help="For data of your own that do not say what was shown.")
@click.option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of Brain-Score's data, in place of $BRAINIO_HOME (~/.brainio).",
)
@click.option("--download", is_flag=True, help="Fetch data that are not here from Brain-Score's public storage.")
@click.option(
    "--area",
    "areas",
    multiple=True,
    metavar="BRAIN=MODEL",
    help="What stands for an area of the brain (repeatable): an area of a model from the zoo (that of the same name by "
    "default), or a module of any other, like IT=it.output, each of whose calls is one time step.",
)
@options.clock_options
@click.option(
    "--steps",
    metavar="FROM:TO",
    help="Time steps to run, for example 0:12 (steps 0 to 11); the model's own by default.",
)
@options.field_of_view
@click.option(
    "--uncovered",
    type=click.Choice(["error", "nan"]),
    default="error",
    show_default=True,
    help="What becomes of time bins in which the model has no state.",
)
@click.option("--reference", is_flag=True, help="Have Brain-Score's own code compute everything, slowly, to compare.")
@click.option(
    "--states/--no-states",
    default=True,
    show_default=True,
    help="Score every area at every step too, to see when the model is most like the brain.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.nc",
    help="Also write the result, with the score of every area and step.",
)
@click.option("--resume", is_flag=True, help="With --out: take over states that an interrupted run has finished.")
@click.option("--batch-size", metavar="N", type=click.IntRange(1), help="Stimuli a forward pass; chosen by default.")
@options.device
@options.seed
@options.as_json
def command(
    model: str,
    benchmark: str,
    areas: tuple[str, ...],
    metric: str | None,
    stimuli: str | None,
    ms_per_step: float | None,
    onset_ms: tuple[str, ...],
    visual_degrees: float | None,
    out: Path | None,
    as_json: bool,
    **rest: Any,
) -> None:
    """Score MODEL on a benchmark: one of Brain-Score, with its own metric and data, one of ventralrnn, or your data.

    MODEL is a name in the zoo (see `ventralrnn models`), a checkpoint file, a recording of the benchmark's stimuli, or
    file.py:factory or package.module:factory for any torch.nn.Module.
    """
    if out is not None:
        options.check_result(out, "--out", Path(model))
    elif rest["resume"]:
        raise click.BadParameter("goes with --out", param_hint="--resume")
    named = options.pairs(areas, "--area", "IT=it.output")
    from ventralrnn.brains.benchmarks.own import is_own_data

    for name, value in (("metric", metric), ("stimuli", stimuli)):
        if value is not None and not is_own_data(benchmark):
            raise click.BadParameter(f"goes with data of your own, not with {benchmark}", param_hint=f"--{name}")
    clock = options.clock(ms_per_step, onset_ms)
    if not options.is_terminal():
        os.environ.setdefault("TQDM_DISABLE", "1")  # Brain-Score draws a bar for everything
    from ventralrnn.brains.brainscore.scoring import score

    options.show_warnings_plainly()
    optional: dict[str, Any] = {"clock": clock, "visual_degrees": visual_degrees, "metric": metric, "stimuli": stimuli}
    rest |= {"out": out, "progress": options.is_terminal()}
    with options.telling(lambda: _kept(out)):
        result = score(
            model, benchmark, areas=named or None, **{k: v for k, v in optional.items() if v is not None}, **rest
        )
    if as_json:
        options.print_json(_plain(result))
    else:
        click.echo("\n".join(report(result)))


def _kept(out: Path | None) -> str:
    from ventralrnn.brains.brainscore.scoring import states_path

    kept = None if out is None else states_path(out)
    return (
        f"finished states are kept in {kept}; the same command with --resume goes on" if kept and kept.exists() else ""
    )


def _plain(result: "xr.Dataset") -> dict[str, Any]:
    values = {str(name): result[name].values.tolist() for name in (*result.data_vars, *result.coords)}
    return {**values, "attributes": dict(result.attrs)}
