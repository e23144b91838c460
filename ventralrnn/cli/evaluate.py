"""``ventralrnn evaluate``: how well a model answers, at every readout time."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ventralrnn.cli import options
from ventralrnn.cli.tables import columns, fill, text_width

if TYPE_CHECKING:
    from ventralrnn.training.evaluation import Evaluation
    from ventralrnn.training.humans import Correlation, HumanComparison

# More classes than fit on a screen are summed up.
_CLASSES = 30


@click.command(
    epilog=options.examples(
        "ventralrnn evaluate ventral --data cifar10",
        "ventralrnn evaluate run/best.safetensors --data my_classes --steps 12",
    )
)
@click.argument("model")
@click.option(
    "--data",
    default="cifar10",
    show_default=True,
    metavar="cifar10|imagenet|DIR",
    help="The official test split of CIFAR-10; or a folder: its test/, else its val/, else all of it.",
)
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where CIFAR-10 or ImageNet lies.")
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(1),
    help="Run so many steps: a model with shared weights runs longer than it was trained, with batch norm statistics "
    "that are computed from training pictures.",
)
@click.option(
    "--readout",
    "readouts",
    metavar="3,5:8",
    help="Readout times, in steps: 3,5:8 are the steps 3, 5, 6 and 7; by default every one there is.",
)
@click.option(
    "--threshold",
    "entropy_threshold",
    type=click.FloatRange(0, min_open=True),
    metavar="NATS",
    help="Entropy below which the model has answered, for reaction times; by default the one that most pictures cross.",
)
@click.option(
    "--batch-size", default=500, show_default=True, metavar="N", type=click.IntRange(1), help="Pictures a forward pass."
)
@options.device
@options.as_json
def command(
    model: str,
    data: str,
    data_dir: Path | None,
    steps: int | None,
    readouts: str | None,
    entropy_threshold: float | None,
    batch_size: int,
    device: str,
    as_json: bool,
) -> None:
    """Accuracy of MODEL at every readout time.

    MODEL is a name in the zoo (see `ventralrnn models`) or a checkpoint file. Where the human labels of CIFAR-10H are
    in the data cache (`ventralrnn data get peterson2019`), the model's answers are also compared with people's.
    """
    from ventralrnn.training.evaluation import evaluate

    options.show_warnings_plainly()
    result = evaluate(
        model,
        data,
        data_dir=data_dir,
        steps=steps,
        readouts=readouts,
        entropy_threshold=entropy_threshold,
        device=device,
        batch_size=batch_size,
        progress=options.is_terminal(),
    )
    if as_json:
        options.print_json(result.as_dict())
    else:
        click.echo(_report(result))


def _report(result: "Evaluation") -> str:
    blocks = [_head(result), _readouts(result), _by_class(result)]
    if result.humans is not None:
        blocks += [_humans(result, result.humans), _reaction(result.humans)]
    elif result.data.startswith("cifar10"):
        blocks.append(fill("Human labels of these pictures: `ventralrnn data get peterson2019` fetches them."))
    return "\n\n".join(blocks)


def _head(result: "Evaluation") -> str:
    lines = [fill(f"{result.model} on {result.data}: {len(result.labels):,} pictures, {len(result.classes):,} classes")]
    if result.weights:
        lines.append(f"Weights: {result.weights}")
    info, learnt = result.info, []
    if "training_pictures" in info:
        learnt.append(f"{info['training_pictures']:,} pictures")
    if isinstance(info.get("data"), str):
        learnt.append(f"data {info['data']}")
    recipe = info.get("recipe")
    if "epochs" in info:
        named = f" of recipe {recipe['name']}" if isinstance(recipe, dict) and recipe.get("name") else ""
        learnt.append(f"{info['epochs']} epochs{named}")
    if "seed" in info:
        learnt.append(f"seed {info['seed']}")
    if learnt:
        lines.append(fill(f"Learnt from: {', '.join(learnt)}"))
    lines.append(f"Parameters: {result.parameters:,}")
    return "\n".join(lines)


def _readouts(result: "Evaluation") -> str:
    rows = [("STEP", "MS", "TRAINED", "ACCURACY", "95 % INTERVAL", "NATS", "ECE %", "MULT-ADDS")]
    for r in result.readouts:
        rows.append(
            (
                f"{r.step}{'*' if r.recalibrated else ''}",
                f"{r.ms:g}",
                "yes" if r.trained else "no",
                f"{100 * r.accuracy:.2f} %",
                f"{100 * r.low:.2f} - {100 * r.high:.2f}",
                f"{r.cross_entropy:.3f}",
                f"{100 * r.calibration_error:.2f}",
                _large(r.multiply_adds),
            )
        )
    said = "NATS: mean cross-entropy. ECE: expected calibration error, 15 bins. MULT-ADDS: of a picture read out then."
    marked = any(r.recalibrated for r in result.readouts)
    # What the star in the table stands for.
    notes = [f"{'* ' if marked and note.startswith('no batch norm') else ''}{note}." for note in result.notes]
    return "\n".join([columns(rows, left=()), *map(fill, [said, *notes])])


def _by_class(result: "Evaluation") -> str:
    main = result.main
    pairs = [p for p in zip(result.classes, main.class_accuracy, strict=True) if p[1] == p[1]]
    title = f"Accuracy of each class at step {main.step}, in %"
    if len(pairs) > _CLASSES:
        pairs = sorted(pairs, key=lambda pair: pair[1])[:_CLASSES]
        title = f"The {_CLASSES} classes with the lowest accuracy at step {main.step}, in % (--json: all)"
    cells = [f"{name}  {100 * value:5.1f}" for name, value in pairs]
    width = max(map(len, cells)) + 3
    cells = [f"{name:<{width - 8}}{100 * value:5.1f}   " for name, value in pairs]
    across = max(1, text_width() // width)
    rows = [f"  {''.join(cells[i : i + across]).rstrip()}" for i in range(0, len(cells), across)]
    return "\n".join([title, *rows])


def _humans(result: "Evaluation", humans: "HumanComparison") -> str:
    rows = [("STEP", "MS", "CROSS-ENTROPY", "ABOVE BOUND", "RANK CORRELATION OF ENTROPIES")]
    for r, nats, c in zip(result.readouts, humans.cross_entropy, humans.correlations, strict=True):
        rows.append((str(r.step), f"{r.ms:g}", f"{nats:.3f}", f"{nats - humans.entropy:.3f}", _correlation(c)))
    text = (
        f"Human labels (CIFAR-10H, at least {humans.judgements} judgements a picture): people give the official label "
        f"in {100 * humans.accuracy:.1f} % of judgements. Cross-entropy with the model in nats; its lower bound, the "
        f"entropy of the human labels, is {humans.entropy:.3f}."
    )
    return f"{fill(text)}\n{columns(rows, left=())}"


def _reaction(humans: "HumanComparison") -> str:
    reaction = humans.reaction
    if reaction is None:
        return fill("Reaction times: none, as no entropy crosses a threshold between two readout times.")
    total = len(reaction.ms)
    # Those without one come after all others: the median is known as long as they are less than half.
    middle = sorted(float("inf") if ms != ms else ms for ms in reaction.ms.tolist())[(total - 1) // 2]
    median = "after the last readout time" if middle == float("inf") else f"{middle:.0f} ms"
    how = "which most pictures cross" if reaction.chosen else "as asked"
    text = (
        f"Reaction time: when the entropy of the model's answer first is below {reaction.threshold:.3f} nats ({how}). "
        f"Median: {median}. At the first readout time {100 * reaction.at_first / total:.1f} % of the pictures are, "
        f"{100 * reaction.never / total:.1f} % never (censored)."
    )
    lines = [
        fill(text),
        "Rank correlation with the entropy of the human labels",
        f"  {_correlation(reaction.decided)}, the {reaction.decided.pictures:,} pictures with a reaction time",
        f"  {_correlation(reaction.everything)}, all, those without ranked last",
        fill("CIFAR-10H holds labels: it says how people disagree, not how fast they are."),
    ]
    return "\n".join(lines)


def _correlation(c: "Correlation") -> str:
    return f"{c.rho:.3f} ({c.low:.3f} to {c.high:.3f})" if c.rho == c.rho else "undefined"


def _large(number: int) -> str:
    return f"{number / 1e9:.2f} G" if number >= 1e9 else f"{number / 1e6:.1f} M"
