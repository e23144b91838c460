"""``ventralrnn score``: a model on a benchmark."""

import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventralrnn.cli import options
from ventralrnn.cli.tables import columns

if TYPE_CHECKING:
    import xarray as xr

_WIDTH = 80
_NONE = "-"


@click.command(
    epilog=options.examples(
        "ventralrnn score ventral --benchmark ventralrnn.Kriegeskorte2008.human-IT-rdm",
        "ventralrnn score my_model.py:factory --area IT=it --benchmark MajajHong2015public.IT-pls --out score.nc",
    )
)
@click.argument("model")
@click.option("--benchmark", required=True, metavar="ID", help="Which one; `ventralrnn benchmarks` lists them.")
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
@click.option("--reference", is_flag=True, help="Have Brain-Score's own code compute PLS, slowly, to compare.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.nc",
    help="Also write the result, with the score of every area and step.",
)
@click.option("--batch-size", metavar="N", type=click.IntRange(1), help="Stimuli a forward pass; chosen by default.")
@options.device
@options.seed
@options.as_json
def command(
    model: str,
    benchmark: str,
    areas: tuple[str, ...],
    ms_per_step: float | None,
    onset_ms: tuple[str, ...],
    visual_degrees: float | None,
    out: Path | None,
    as_json: bool,
    **rest: Any,
) -> None:
    """Score MODEL on a benchmark: one of Brain-Score, with its own metric and data, or one of ventralrnn.

    MODEL is a name in the zoo (see `ventralrnn models`), a checkpoint file, a recording of the benchmark's stimuli, or
    file.py:factory or package.module:factory for any torch.nn.Module.
    """
    if out is not None:
        options.check_result(out, "--out", Path(model))
    named = options.pairs(areas, "--area", "IT=it.output")
    clock = options.clock(ms_per_step, onset_ms)
    if not options.is_terminal():
        os.environ.setdefault("TQDM_DISABLE", "1")  # Brain-Score draws a bar for everything
    from ventralrnn.analysis.results import save_result
    from ventralrnn.brains.brainscore.scoring import score

    options.show_warnings_plainly()
    optional: dict[str, Any] = {"clock": clock, "visual_degrees": visual_degrees}
    result = score(
        model, benchmark, areas=named or None, **{k: v for k, v in optional.items() if v is not None}, **rest
    )
    if out is not None:
        save_result(result, out)
    if as_json:
        options.print_json(_plain(result))
    else:
        click.echo("\n".join(_report(result)))


def _plain(result: "xr.Dataset") -> dict[str, Any]:
    values = {str(name): result[name].values.tolist() for name in (*result.data_vars, *result.coords)}
    return {**values, "attributes": dict(result.attrs)}


def _report(result: "xr.Dataset") -> Iterator[str]:
    attrs = result.attrs
    if "committed_score" in attrs:
        yield from _own_report(result)
        return
    yield f"{attrs['model']} on {attrs['benchmark']}"
    timed = "time_bin" in result.dims
    rows = [["TIME BIN"] if timed else [], *([] for _ in range(result["score"].size))]
    if timed:
        for row, start, end in zip(
            rows[1:], result["time_bin_start"].values, result["time_bin_end"].values, strict=True
        ):
            row.append(f"{start:g}-{end:g} ms")
    rows[0] += ["SCORE", "RAW", "ERROR", "CEILING"]
    for name in ("score", "raw", "error", "ceiling"):
        for row, value in zip(rows[1:], result[name].values.ravel(), strict=True):
            row.append(_number(value))
    yield columns(rows, left=())
    if timed:
        yield f"mean of the {int(result['score'].notnull().sum())} time bins that are covered: " + _number(
            float(result["score"].mean())
        )
    yield textwrap.fill(
        f"SCORE is 1 at the ceiling; ERROR that of RAW. Metric computed by {attrs['metric_computed_by']}; field of "
        f"view {float(attrs['visual_degrees']):g} degrees.",
        _WIDTH,
    )


def _own_report(result: "xr.Dataset") -> Iterator[str]:
    attrs = result.attrs
    yield f"{attrs.get('model', 'model')} on {attrs['benchmark']}"
    low, high = (_number(float(attrs[f"committed_{end}"])) for end in ("low", "high"))
    yield (
        f"score {_number(float(attrs['committed_score']))} ({low}..{high}) of {attrs['committed_area']}, "
        f"ceiling {_number(float(result['ceiling']))}"
    )
    if attrs.get("best_area"):
        step = f", step {attrs['best_step']}" if "best_step" in attrs else ""
        yield f"best of all states: {_number(float(attrs['best_score']))}, {attrs['best_area']}{step}"
    for key, word in (("citation", "Cite"), ("licence", "Licence")):
        if attrs.get(key):
            yield textwrap.fill(f"{word}: {attrs[key]}", _WIDTH, subsequent_indent="  ")


def _number(value: float) -> str:
    return f"{value:.3f}" if value == value else _NONE
