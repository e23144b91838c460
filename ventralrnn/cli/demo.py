"""``ventralrnn demo``: the main job on what the package holds."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventralrnn.cli import options
from ventralrnn.files import whole

if TYPE_CHECKING:
    from ventralrnn.networks import RecurrentNetwork
    from ventralrnn.recording import Recording

_MODEL = "ventral"


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder for the recording and the figure.",
)
@options.device
@options.as_json
def command(out: Path, device: str, as_json: bool) -> None:
    """Record V1, V2, V4 and IT at every time step for the embedded stimuli and draw their time courses.

    It needs no network. Running it again with the same --out only draws the figure again.
    """
    from ventralrnn.analysis import time_courses
    from ventralrnn.plots import plot_time_courses

    out.mkdir(parents=True, exist_ok=True)
    model, weights = _model()
    recording = _record(model, out / f"{_MODEL}.zarr", device)
    title = f"{_MODEL}: {recording['IT'].sizes['stimulus']} embedded pictures (CIFAR-10 test set)"
    note = f"Median over pictures, 10th to 90th percentile; hatched: not reached yet. {weights}"
    figure = plot_time_courses(time_courses(recording), title, note)
    picture = out / "timecourses.png"
    with whole(picture) as partial:
        figure.savefig(partial, format="png", dpi=120)
    if as_json:
        options.print_json({"recording": str(recording.path), "figure": str(picture), "weights": weights})
    else:
        click.echo(_report(recording, picture, weights))


def _model() -> "tuple[RecurrentNetwork, str]":
    """Return the demo's model, and where its weights come from."""
    from ventralrnn.zoo import load_model

    network: Any = load_model(_MODEL)
    step, accuracy = list(network.checkpoint_info["test_accuracy"].items())[-1]
    return network, f"Weights trained on CIFAR-10 ({100 * accuracy:.1f} % of its test pictures right at step {step})."


def _record(model: "RecurrentNetwork", path: Path, device: str) -> "Recording":
    """Record, or take up the recording of an earlier run if it is of the same model and stimuli."""
    from ventralrnn.recording import extract
    from ventralrnn.recording.store import OtherRecordingError, partial_path

    what = "taking up" if path.exists() else "recording every area at every time step for the embedded stimuli:"
    click.echo(f"{what} {path} ...", err=True)
    arguments: dict[str, Any] = {"device": device, "progress": options.is_terminal(), "command": "ventralrnn demo"}
    try:
        return extract(model, "embedded", path, resume=True, **arguments)
    except OtherRecordingError:
        # What lies there is the demo's own, of an older version.
        for old in (path, partial_path(path)):
            shutil.rmtree(old, ignore_errors=True)
        return extract(model, "embedded", path, **arguments)


def _report(recording: "Recording", picture: Path, weights: str) -> str:
    return f"""
{recording}

Look at
  {picture}   when each area responds, and how its state changes
  {recording.path}   the recording itself; from Python:

    import ventralrnn
    it = ventralrnn.open_recording("{recording.path}")["IT"]    # (stimulus, time, neuroid)
    it.sel(time=it.time_ms == 100).mean("neuroid")

{weights}"""
