"""``ventralrnn extract``: the main job."""

from pathlib import Path
from typing import Any

import click

from ventralrnn.cli import options
from ventralrnn.cli.rdm import show

# What says how activations are stored.
_OF_RECORDINGS = ("dtype", "resume")


@click.command(
    epilog=options.examples(
        "ventralrnn extract ventral my_pictures --out all.zarr",
        "ventralrnn extract ventral my_pictures --out it.zarr --areas IT --steps 3:8 --pool mean",
        "ventralrnn extract my_model.py:factory my_pictures --out mine.zarr --area IT=it.output",
    )
)
@click.argument("model")
@click.argument("stimuli")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.zarr", help="The recording to write.")
@click.option(
    "--rdm",
    type=click.Path(path_type=Path),
    metavar="FILE.nc",
    help="In place of --out: write the RDMs of every area and step, and store no activations.",
)
@click.option(
    "--distance",
    type=click.Choice(["correlation", "euclidean", "sqeuclidean", "cosine"]),
    help="With --rdm: the dissimilarity, correlation by default.",
)
@click.option(
    "--constant",
    type=click.Choice(["raise", "nan"]),
    help="With --rdm: what becomes of a stimulus that leaves an area silent, an error (by default) or NaN.",
)
@click.option("--areas", metavar="V1,IT", help="Areas to record, separated by commas; all by default.")
@click.option(
    "--area",
    "areas_",
    multiple=True,
    metavar="NAME=MODULE.PATH",
    help="For models that are not from the zoo: which module is an area (repeatable). Each of its calls during one "
    "forward pass is one time step; it.output[1] takes a part of what it returns.",
)
@click.option(
    "--states",
    metavar="FILE.py:FUNCTION",
    help="For models that keep their steps in attributes: a function "
    "(model, batch) -> {area: [state at step 0, ...]}; name what to keep with --areas.",
)
@click.option(
    "--steps",
    metavar="FROM:TO",
    help="Time steps to keep, for example 0:8 (steps 0 to 7) or 3,5; all of the model by default.",
)
@click.option(
    "--pool",
    type=click.Choice(["none", "mean"]),
    default="none",
    show_default=True,
    help="Keep every position of a map, or the average over positions.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16"]),
    default="float32",
    show_default=True,
    help="Type of the activations on disk; float16 takes half the space, at 3 digits.",
)
@click.option(
    "--currents",
    is_flag=False,
    flag_value="all",
    metavar="[NAMES]",
    help="Also record what connections deliver: all, or names separated by commas.",
)
@click.option(
    "--cut",
    multiple=True,
    metavar="CONNECTION[@FROM:TO]",
    help="A connection that delivers nothing, for example IT-V4@3:8 (repeatable).",
)
@click.option(
    "--batch-size",
    metavar="N",
    type=click.IntRange(1),
    help="Stimuli a forward pass; by default as many as fit comfortably into memory.",
)
@click.option(
    "--degrees",
    metavar="DEGREES",
    type=float,
    help="Visual angle of the pictures, in degrees, if they do not state it.",
)
@click.option(
    "--size",
    metavar="N",
    type=click.IntRange(1),
    help="For models that state no preprocessing: side of their input, in pixels.",
)
@options.clock_options
@click.option(
    "--workers", default=2, show_default=True, metavar="N", type=click.IntRange(1), help="Threads that decode pictures."
)
@click.option("--resume", is_flag=True, help="Continue a recording that was interrupted, to the same result.")
@click.option("--skip-bad", is_flag=True, help="Leave out pictures that cannot be read, and list them.")
@options.device
@options.seed
@options.as_json
def command(
    model: str,
    stimuli: str,
    out: Path | None,
    rdm: Path | None,
    distance: str | None,
    constant: str | None,
    areas: str | None,
    areas_: tuple[str, ...],
    states: str | None,
    steps: str | None,
    currents: str | None,
    degrees: float | None,
    size: int | None,
    ms_per_step: float | None,
    onset_ms: tuple[str, ...],
    as_json: bool,
    **rest: Any,
) -> None:
    """Record areas of MODEL at every time step for STIMULI, or (with --rdm) compute their RDMs alone.

    MODEL is a name in the zoo (see `ventralrnn models`), a checkpoint file, or file.py:factory or
    package.module:factory for any torch.nn.Module. STIMULI is `embedded`, the name of a cached data set, a folder of
    pictures, or a CSV file with a column of paths.
    """
    named = options.pairs(areas_, "--area", "IT=it.output")
    clock = options.clock(ms_per_step, onset_ms)
    if named and areas:
        raise click.BadParameter("goes not with --area: give either", param_hint="--areas")
    if size and ":" not in model and not model.endswith(".py"):
        raise click.BadParameter(f"{model} states the size of its input itself", param_hint="--size")
    _check_outputs(out, rdm, distance or constant, rest)
    from dataclasses import replace

    from ventralrnn.recording.sources import IMAGENET
    from ventralrnn.stimuli import load_stimuli
    from ventralrnn.zoo.load import load_object

    options.show_warnings_plainly()
    what: dict[str, Any] = {
        "areas": named or options.names(areas, "--areas"),
        "steps": steps,
        "states": load_object(states) if states else None,
        "currents": currents == "all" or options.names(currents, "--currents") or (),
        "preprocessing": replace(IMAGENET, size=size) if size else None,
        "clock": clock,
        "progress": options.is_terminal(),
        **rest,
    }
    pictures = load_stimuli(stimuli, degrees=degrees)
    if rdm is not None:
        for name in _OF_RECORDINGS:
            del what[name]
        _extract_rdm(model, pictures, rdm, as_json, distance or "correlation", constant or "raise", what)
        return
    assert out is not None
    from ventralrnn.recording.extraction import extract
    from ventralrnn.recording.store import partial_path

    if rest["resume"] and not any(path.exists() for path in (out, partial_path(out))):
        click.echo(f"ventralrnn: {out} is not begun, so there is nothing to continue: starting", err=True)
    with options.telling(lambda: _kept(partial_path(out))):
        recording = extract(model, pictures, out, **what)
    if as_json:
        options.print_json(_summary(recording))
    else:
        click.echo(_report(recording))


def _kept(partial: Path) -> str:
    return f"what was recorded is kept in {partial}; the same command with --resume goes on" if partial.exists() else ""


def _check_outputs(out: Path | None, rdm: Path | None, of_rdm: str | None, rest: dict[str, Any]) -> None:
    if rdm is None:
        if of_rdm:
            raise click.BadParameter("goes with --rdm", param_hint="--distance, --constant")
        if out is None:
            raise click.UsageError("Missing option '--out' (a recording, *.zarr) or '--rdm' (RDMs alone, *.nc).")
        if out.suffix != ".zarr":
            raise click.BadParameter(f"{out}: give the recording a name that ends in .zarr", param_hint="--out")
        return
    if out is not None:
        raise click.BadParameter(
            "goes not with --rdm, which stores no activations: record first, then run ventralrnn rdm on the recording",
            param_hint="--out",
        )
    if rest["resume"]:
        raise click.BadParameter("goes not with --rdm, which keeps nothing to continue", param_hint="--resume")
    if rest["dtype"] != "float32":
        raise click.BadParameter("goes not with --rdm, which stores no activations", param_hint="--dtype")
    options.check_result(rdm, "--rdm")


def _extract_rdm(
    model: str, stimuli: Any, out: Path, as_json: bool, distance: str, constant: str, what: dict[str, Any]
) -> None:
    from ventralrnn.analysis.rdm import extract_rdm
    from ventralrnn.analysis.results import save_result

    rdms = extract_rdm(model, stimuli, distance=distance, constant=constant, **what)
    save_result(rdms, out)
    show(rdms, out, as_json)


def _summary(recording: Any) -> dict[str, Any]:
    areas = {
        name: {
            "shape": dict(recording[name].sizes),
            "time_step": recording[name].time_step.values.tolist(),
            "time_ms": recording[name].time_ms.values.tolist(),
            "unreached_steps": list(recording[name].attrs["unreached_steps"]),
        }
        for name in recording
    }
    return {"path": str(recording.path), "areas": areas, "skipped_stimuli": recording.attrs["skipped_stimuli"]}


def _report(recording: Any) -> str:
    lines = [str(recording)]
    if "specification" not in recording.attrs["model_details"]:
        prepared = recording.attrs["preprocessing"]
        mean, std = (", ".join(f"{value:g}" for value in prepared[key]) for key in ("mean", "std"))
        lines.append(
            "Weights are those that the model came with. "
            f"Pictures: {prepared['size']} pixels, {prepared['crop']:g} of the resized side kept, "
            f"RGB minus {mean} over {std}."
        )
        if not recording.attrs["clock"]:
            lines.append("The model has no clock, so time_ms is NaN: --ms-per-step gives it one.")
    if recording.attrs["rendering"]:
        lines.append(recording.attrs["rendering"])
    return "\n".join([*lines, *options.left_out(recording.attrs["skipped_stimuli"])])
