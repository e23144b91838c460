"""``ventralrnn train``: from labelled pictures to a checkpoint."""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventralrnn.cli import options
from ventralrnn.files import whole

if TYPE_CHECKING:
    from ventralrnn.training.run import Run

# Seconds between two drawings of the curves: drawing takes longer than an epoch of a small model.
_REDRAW = 10.0


@click.command(
    epilog=options.examples(
        "ventralrnn train ventral --data cifar10 --out run",
        "ventralrnn train ventral --data my_classes --epochs 20 --out run --resume",
    )
)
@click.argument("model")
@click.option(
    "--data",
    required=True,
    metavar="cifar10|imagenet|DIR",
    help="What to learn from: a folder has one folder of pictures a class, or train/ and val/ with such folders.",
)
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where CIFAR-10 or ImageNet lies.")
@click.option(
    "--recipe",
    default="fast",
    show_default=True,
    metavar="fast|paper|imagenet|FILE",
    help="How to learn: the name of a recipe, or a file in JSON or YAML (docs/training.md).",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the run: weights, log and curves.",
)
@click.option("--resume", is_flag=True, help="Go on with an interrupted run in --out, to the same weights.")
@click.option(
    "--epochs", metavar="N", type=click.IntRange(1), help="Passes over the pictures, in place of the recipe's."
)
@click.option("--batch-size", metavar="N", type=click.IntRange(1), help="Pictures an update, over all processes.")
@click.option(
    "--accumulate",
    metavar="N",
    type=click.IntRange(1),
    help="Parts in which a batch goes through the network, for less memory.",
)
@click.option(
    "--learning-rate", metavar="RATE", type=click.FloatRange(0), help="Learning rate of SGD, in place of the recipe's."
)
@click.option(
    "--muon-rate", metavar="RATE", type=click.FloatRange(0), help="Learning rate of Muon, in place of the recipe's."
)
@click.option("--readout", type=click.Choice(["last", "all"]), help="Loss at the last readout time, or at all of them.")
@click.option(
    "--precision", type=click.Choice(["auto", "float32", "bfloat16"]), help="Arithmetic, in place of the recipe's."
)
@click.option(
    "--checkpoint-steps",
    is_flag=True,
    default=None,
    help="Less memory, more time: keep states only, and compute the rest again.",
)
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    default=None,
    help="Compile the training step first: for long runs.",
)
@click.option(
    "--validation",
    default=0.05,
    show_default=True,
    metavar="SHARE",
    type=click.FloatRange(0, 1, max_open=True),
    help="Share of the training pictures to watch the run with, where the data have no such split; 0 for none.",
)
@click.option(
    "--steps", metavar="N", type=click.IntRange(1), help="Change the model: number of time steps, read out at the last."
)
@click.option(
    "--width",
    metavar="FACTOR",
    type=click.FloatRange(0, min_open=True),
    help="Change the model: so many times as many channels.",
)
@click.option("--unshared", is_flag=True, help="Change the model: weights of its own for every step.")
@click.option(
    "--without",
    multiple=True,
    metavar="CONNECTION",
    help="Change the model: leave this connection out (repeatable), for example IT-V4.",
)
@options.device
@options.seed
@options.as_json
def command(
    model: str,
    data: str,
    out: Path,
    steps: int | None,
    width: float | None,
    unshared: bool,
    without: tuple[str, ...],
    as_json: bool,
    **rest: Any,
) -> None:
    """Train MODEL on labelled pictures.

    MODEL is a name in the zoo (see `ventralrnn models`), a specification in JSON or YAML, or a checkpoint, whose
    weights are where training starts. For several processes or machines: torchrun --nproc-per-node 4 -m ventralrnn
    train MODEL ...

    The folder of the run gets last.safetensors and best.safetensors, metrics.csv and curves.png after every epoch.
    """
    from ventralrnn.training.run import train
    from ventralrnn.training.start import resolve_model
    from ventralrnn.zoo.variants import vary

    options.show_warnings_plainly()
    start = resolve_model(model)
    start = start.change(
        vary(start.spec, steps=steps, width=width, shared=False if unshared else None, without=without)
    )
    report = _Report(quiet=as_json)
    with options.telling(lambda: _kept(out)):
        run = train(start, data, out, progress=options.is_terminal(), after_epoch=report, **rest)
    if not run.leads:
        return
    report.draw(run.folder)
    if as_json:
        options.print_json({"checkpoint": str(run.checkpoint), "best": str(run.best), **run.info, "log": run.rows})
    else:
        click.echo(_summary(run))


def _kept(out: Path) -> str:
    if (out / "state.safetensors").exists():
        return f"the run is kept in {out}; the same command with --resume goes on"
    return ""


class _Report:
    """What is shown and drawn after every epoch."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.board: Any = None
        self.drawn = -math.inf

    def __call__(self, folder: Path) -> None:
        from ventralrnn.training.journal import read_metrics

        if time.monotonic() - self.drawn > _REDRAW:
            self.draw(folder)
        last = {key: values[-1] for key, values in read_metrics(folder / "metrics.csv").items()}
        self.board = self.board or _open_tensorboard(folder)
        if self.board is not None:
            for key, value in last.items():
                self.board.add_scalar(key, value, int(last["epoch"]))
            self.board.flush()
        if not self.quiet and not options.is_terminal():
            click.echo(_line(last), err=True)

    def draw(self, folder: Path) -> None:
        """Draw the curves of all epochs so far."""
        from ventralrnn.plots import make_training_figure
        from ventralrnn.training.journal import read_metrics

        figure = make_training_figure(read_metrics(folder / "metrics.csv"), folder.resolve().name)
        with whole(folder / "curves.png") as partial:
            figure.savefig(partial, format="png", dpi=220)
        self.drawn = time.monotonic()


def _open_tensorboard(out: Path) -> Any:
    """Return a writer for TensorBoard, or None where it is not installed."""
    from importlib.util import find_spec

    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(out / "tensorboard"))


def _line(row: dict[str, float]) -> str:
    """Return one epoch as a line of a log."""
    held_out = [key for key in row if key.startswith("validation_accuracy_")]
    seen = held_out or [key for key in row if key.startswith("train_accuracy_")]
    accuracy = ", ".join(f"{100 * row[key]:.2f}" for key in seen)
    steps = ", ".join(key.rpartition("_")[2] for key in seen)
    on = "validation" if held_out else "training"
    return (
        f"epoch {row['epoch']:.0f}: {row['seconds']:.0f} s, loss {row['train_loss']:.3f}, "
        f"{on} accuracy {accuracy} % at steps {steps}"
    )


def _summary(run: "Run") -> str:
    epochs = run.info["epochs"]
    lines = [f"{epochs} epoch{'s' * (epochs != 1)}, {run.info['seconds']:.0f} s of training on {run.info['machine']}"]
    accuracy = run.info["validation_accuracy"]
    if accuracy:
        lines.append("validation accuracy by readout time:")
        lines += [f"  step {step}: {100 * value:.2f} %" for step, value in accuracy.items()]
    lines += [f"weights  {run.checkpoint} (last), {run.best} (best)", f"log      {run.folder / 'metrics.csv'}"]
    return "\n".join(lines)
