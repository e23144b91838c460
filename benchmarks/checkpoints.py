"""The checkpoints that ship: train, evaluate on CIFAR-10's test pictures, write weights and card to data/checkpoints.

``python -m benchmarks.checkpoints ventral ventral-feedforward`` does it for two models, and goes on where it stopped.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ventralrnn.networks import NetworkSpec
from ventralrnn.training import Evaluation, Run, evaluate, train
from ventralrnn.zoo import load_checkpoint, model_spec, save_checkpoint

PLACE = Path(__file__).resolve().parents[1] / "data" / "checkpoints"
MEGABYTE = 1_000_000
LARGEST = 6 * MEGABYTE


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkpoints", description=__doc__)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--data-dir", type=Path, help="where CIFAR-10 lies; the cache by default")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (default: runs)")
    parser.add_argument("--epochs", type=int, help="in place of the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    for model in chosen.models:
        run = learn(model_spec(model), chosen.runs, chosen.data_dir, seed=chosen.seed, epochs=chosen.epochs)
        found = evaluate(run.checkpoint, "cifar10", data_dir=chosen.data_dir)
        publish(model, run, found, _command(model, chosen.seed, chosen.epochs))


def learn(
    spec: NetworkSpec, runs: Path, data_dir: Path | None = None, *, seed: int = 0, epochs: int | None = None
) -> Run:
    """Train a network as all that ship are trained, or go on with that."""
    return train(
        spec,
        "cifar10",
        runs / spec.name,
        recipe="fast",
        data_dir=data_dir,
        validation=0,
        seed=seed,
        resume=True,
        progress=sys.stderr.isatty(),
        after_epoch=_say,
        epochs=epochs,
    )


def publish(model: str, run: Run, found: Evaluation, command: str) -> None:
    """Write the weights, with what was found on the test pictures in their header, and the card."""
    PLACE.mkdir(exist_ok=True)
    path = PLACE / f"{model}.safetensors"
    network = load_checkpoint(run.checkpoint)
    accuracy = {str(readout.step): readout.accuracy for readout in found.readouts}
    info = {**network.checkpoint_info, "command": command, "test_accuracy": accuracy}
    info.pop("validation_accuracy", None)  # everything was learnt from
    save_checkpoint(network, path, info)
    size = path.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{path}: {size / MEGABYTE:.1f} MB are more than the {LARGEST / MEGABYTE:.0f} that may ship")
    path.with_suffix(".md").write_text(card(model, info, found, command), encoding="utf-8")
    print(f"{path}: {size / MEGABYTE:.1f} MB, {100 * found.main.accuracy:.2f} % at step {found.main.step}")


def card(model: str, info: dict[str, Any], found: Evaluation, command: str) -> str:
    """Return the card of a checkpoint, as Markdown."""
    recipe, versions = info["recipe"], info["versions"]
    rows = [
        f"| {r.step} | {r.ms:.0f} | {'yes' if r.trained else 'no'} | {100 * r.accuracy:.2f} "
        f"({100 * r.low:.2f} to {100 * r.high:.2f}) | {r.multiply_adds / 1e6:.1f} |"
        for r in found.readouts
    ]
    said = f"{recipe['name']}: {recipe['epochs']} epochs, batches of {recipe['batch_size']}, {recipe['optimiser']}"
    return f"""# {model}

Trained on all {info["training_pictures"]:,} training pictures of CIFAR-10 (Krizhevsky 2009). Choices were made in
other runs, on pictures held out from the training set.

| readout step | ms after stimulus onset | trained | test accuracy, % (95 % interval) | multiply-adds, millions |
|---|---|---|---|---|
{chr(10).join(rows)}

Accuracy is that on the official 10,000 test pictures, which took no part in training. The embedded stimuli are 400 of
them: accuracy on those is accuracy on test pictures.

| | |
|---|---|
| parameters | {found.parameters:,} |
| recipe | {said} |
| precision | {info["precision"]} |
| seed | {info["seed"]} |
| machine | {info["machine"]} |
| time | {info["seconds"] / 60:.0f} minutes of training, on a machine that did other work too |
| versions | {", ".join(f"{name} {version}" for name, version in versions.items())} |

Made by

```console
{command}
python -m benchmarks.checkpoints {model}
```

Reproduce the accuracy with `ventralrnn evaluate {model} --data cifar10 --data-dir DIR`.
"""


def _command(model: str, seed: int, epochs: int | None) -> str:
    changes = "" if epochs is None else f" --epochs {epochs}"
    options = f"--data cifar10 --recipe fast{changes} --validation 0 --seed {seed} --out runs/{model}"
    return f"ventralrnn train {model} {options}"


def _say(folder: Path) -> None:
    last = (folder / "metrics.csv").read_text(encoding="utf-8").splitlines()[-1]
    print(json.dumps({"run": folder.name, "row": last}), flush=True)


if __name__ == "__main__":
    main()
