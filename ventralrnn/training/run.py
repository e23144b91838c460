"""``train``: from a model's name and labelled pictures to a checkpoint."""

import json
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ventralrnn import __version__
from ventralrnn.errors import TrainingError
from ventralrnn.files import whole
from ventralrnn.graph import to_plain
from ventralrnn.memory import keep_freed_memory
from ventralrnn.networks import NetworkSpec
from ventralrnn.training.batches import make_batches
from ventralrnn.training.calibration import calibrate
from ventralrnn.training.journal import write_metrics
from ventralrnn.training.processes import describe_machine, join
from ventralrnn.training.recipe import Recipe, find_recipe
from ventralrnn.training.scoring import watch
from ventralrnn.training.splits import Splits, load_splits
from ventralrnn.training.start import Start, find_position, identify, resolve_model
from ventralrnn.training.stopping import Stop, stopping
from ventralrnn.training.trainer import Trainer
from ventralrnn.zoo import load_checkpoint, save_checkpoint


@dataclass(frozen=True)
class Run:
    """A finished run.

    Parameters
    ----------
    folder : pathlib.Path
        Holds ``last.safetensors``, ``best.safetensors`` and ``metrics.csv``.
    info : mapping
        What the checkpoint says about itself: recipe, seed, machine, time, validation accuracy.
    rows : tuple of mapping
        The log: one row an epoch.
    leads : bool
        Whether this process, among several, is the one that reports.
    """

    folder: Path
    info: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]
    leads: bool = True

    @property
    def checkpoint(self) -> Path:
        """The weights of the last epoch."""
        return self.folder / "last.safetensors"

    @property
    def best(self) -> Path:
        """The weights of the epoch with the highest validation accuracy."""
        return self.folder / "best.safetensors"


def train(
    model: str | Path | NetworkSpec | Start,
    data: str = "cifar10",
    out: str | Path = "run",
    *,
    recipe: str | Path | Recipe = "fast",
    data_dir: str | Path | None = None,
    validation: float = 0.05,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
    save_every: float = 60.0,
    progress: bool = False,
    after_epoch: Callable[[Path], None] | None = None,
    **changes: Any,
) -> Run:
    """Train a network.

    Parameters
    ----------
    model : str, path, NetworkSpec or Start
        A name in the zoo, a specification (JSON or YAML), or a checkpoint, whose weights are where training starts.
    data : str
        ``'cifar10'``; ``'imagenet'``; or a folder of pictures with one folder a class (or ``train`` and ``val`` with
        such folders).
    out : path
        Folder of the run.
    recipe : str, path or Recipe
        'fast', 'paper', 'imagenet', or a file (see :class:`Recipe`).
    data_dir : path, optional
        Where CIFAR-10 (by default the cache) or ImageNet lies.
    validation : float
        Share of the training pictures that is set aside to watch the run, where the data have no such split.
    seed : int
        Of initial weights, order and augmentation.
    device : str
        'auto', 'cpu', 'cuda' or 'mps'.
    resume : bool
        Go on with the run in ``out``.
    save_every : float
        Seconds between states that are kept, besides one an epoch.
    progress : bool
        Show progress bars.
    after_epoch : callable, optional
        Called with the folder of the run after every epoch, when its files are written.
    **changes
        Fields of the recipe to change.

    Returns
    -------
    Run
        Where its files are, and what came out.

    Raises
    ------
    TrainingError
        If the run cannot be started, continued or finished.

    Notes
    -----
    Batch norm statistics of the checkpoint are computed anew at the end, for every area and step, from training
    pictures without augmentation.
    """
    out, plan = Path(out), find_recipe(recipe, **changes)
    if seed < 0:
        raise TrainingError(f"seed is {seed}: give 0 or more")
    keep_freed_memory()
    with join(device) as process:
        start = resolve_model(model)
        splits = load_splits(
            data,
            start.spec.preprocessing,
            plan,
            folder=data_dir,
            validation=validation,
            progress=progress and process.first,
        )
        classes = len(splits.train.classes)
        start = start.change(replace(start.spec, post_net=replace(start.spec.post_net, classes=classes)))
        identity = identify(start, plan, splits, seed, process)
        state = out / "state.safetensors"
        position = find_position(out, state, identity, resume)
        if position is not None and position.get("finished"):
            return Run(out, position["info"], tuple(position["rows"]), process.first)
        network = start.build(splits.train, seed).to(process.device, memory_format=torch.channels_last)
        batches = make_batches(splits.train, start.spec.preprocessing, plan, seed, process)
        trainer = Trainer(network, plan, batches, process)
        if position is not None:
            trainer.load(state, position)
        elif process.first:
            out.mkdir(parents=True, exist_ok=True)
        process.wait()
        return _Sitting(trainer, splits, out, state, identity, save_every, progress, after_epoch).run()


class _Sitting:
    """What one call of :func:`train` does: epochs, files, the progress bar."""

    def __init__(
        self,
        trainer: Trainer,
        splits: Splits,
        out: Path,
        state: Path,
        identity: Mapping[str, Any],
        save_every: float,
        progress: bool,
        after_epoch: Callable[[Path], None] | None,
    ) -> None:
        self.trainer, self.splits, self.out, self.state, self.identity = trainer, splits, out, state, identity
        self.save_every, self.after_epoch = save_every, after_epoch
        self.process, self.spec = trainer.process, trainer.network.spec
        self.progress = progress and self.process.first
        self.saved = time.monotonic()
        self.stop = Stop()

    def run(self) -> Run:
        from tqdm import tqdm

        trainer, size = self.trainer, self.trainer.batches.batch_size
        total = trainer.recipe.epochs * len(trainer.batches) * size
        bar = tqdm(total=total, initial=round(trainer.done * total), unit=" pictures", disable=not self.progress)
        with bar, stopping(self.process) as self.stop:
            while trainer.epoch < trainer.recipe.epochs:
                bar.set_description(f"epoch {trainer.epoch + 1}/{trainer.recipe.epochs}")
                learnt = trainer.run_epoch(lambda: self._after_batch(bar, size))
                trainer.rows.append({"epoch": trainer.epoch, "seconds": trainer.seconds, **learnt, **self._watch()})
                bar.set_postfix_str(_brief(trainer.rows[-1]))
                self._after_epoch()
        return self._finish()

    def _after_batch(self, bar: Any, size: int) -> None:
        bar.update(size)
        if self.progress and time.monotonic() - bar.last_print_t > 1:
            bar.set_postfix_str(_brief(self.trainer.running()), refresh=False)
        within = self.trainer.batch < len(self.trainer.batches)
        if self.stop.asked and within:
            self._save()
            raise KeyboardInterrupt
        # Every process must come to the same decision: sums are taken over all of them.
        late = torch.tensor(float(time.monotonic() - self.saved > self.save_every), device=self.process.device)
        if within and self.process.sum(late) > 0:
            self._save()

    def _save(self) -> None:
        self.trainer.save(self.state, self.identity)
        self.saved = time.monotonic()

    def _watch(self) -> dict[str, float]:
        held_out = self.splits.validation
        if held_out is None:
            return {}
        readouts, spec = self.spec.readout_steps, self.spec
        loss, accuracy = watch(
            self.trainer.trained, held_out, spec.preprocessing, readouts, self.trainer.precision, self.process
        )
        named = {f"validation_accuracy_{step}": value for step, value in zip(readouts, accuracy, strict=True)}
        return {"validation_loss": loss, **named}

    def _after_epoch(self) -> None:
        trainer, rows = self.trainer, self.trainer.rows
        accuracy = rows[-1].get(f"validation_accuracy_{self.spec.readout_steps[-1]}", -1.0)
        improved = accuracy > trainer.best
        trainer.best = max(accuracy, trainer.best)
        if self.process.first:
            # Checkpoints first: a state that is found again never claims one that is not there.
            save_checkpoint(trainer.trained, self.out / "last.safetensors", self._info())
            if improved:
                save_checkpoint(trainer.trained, self.out / "best.safetensors", self._info())
            write_metrics(rows, self.out / "metrics.csv")
        self._save()
        if self.process.first and self.after_epoch is not None:
            self.after_epoch(self.out)
        if self.stop.asked:
            raise KeyboardInterrupt

    def _info(self) -> dict[str, Any]:
        trainer = self.trainer
        row = trainer.rows[-1]
        return {
            "recipe": to_plain(trainer.recipe, full=True),
            "seed": self.identity["seed"],
            "data": self.identity["data"],
            "classes": list(self.splits.train.classes),
            "training_pictures": len(self.splits.train),
            "epochs": trainer.epoch,
            "precision": trainer.precision,
            "seconds": round(trainer.seconds, 1),
            "machine": describe_machine(self.process),
            "versions": {"ventralrnn": __version__, "torch": torch.__version__, "python": platform.python_version()},
            "validation_accuracy": {
                key.removeprefix("validation_accuracy_"): value
                for key, value in row.items()
                if key.startswith("validation_accuracy_")
            },
        }

    def _finish(self) -> Run:
        """Compute the statistics of the checkpoints anew, and say that the run is over."""
        info: dict[str, Any] = {}
        if self.process.first:
            last, best = self.out / "last.safetensors", self.out / "best.safetensors"
            for path in (best, last):
                if path.exists():
                    info = self._calibrate(path)
            if not best.exists():
                shutil.copyfile(last, best)
            done = {"identity": dict(self.identity), "rows": self.trainer.rows, "info": info, "finished": True}
            with whole(self.out / "run.json") as partial:
                partial.write_text(json.dumps(done, indent=1), encoding="utf-8")
            self.state.unlink(missing_ok=True)
        self.process.wait()
        return Run(self.out, info, tuple(self.trainer.rows), self.process.first)

    def _calibrate(self, path: Path) -> dict[str, Any]:
        network = load_checkpoint(path).to(self.process.device, memory_format=torch.channels_last)
        info = dict(network.checkpoint_info)
        network = calibrate(network, self.splits.train, self.trainer.recipe.calibration)
        held_out, readouts = self.splits.validation, self.spec.readout_steps
        if held_out is not None:
            alone = replace(self.process, rank=0, count=1)
            _, accuracy = watch(network, held_out, self.spec.preprocessing, readouts, "float32", alone)
            info["validation_accuracy"] = dict(zip(map(str, readouts), accuracy, strict=True))
        save_checkpoint(network, path, info)
        return info


def _brief(row: Mapping[str, Any]) -> str:
    last = [key for key in row if "accuracy" in key]
    parts = [f"loss {row['train_loss']:.3f}"] if "train_loss" in row else []
    if last:
        name = "validation" if last[-1].startswith("validation") else "accuracy"
        parts.append(f"{name} {100 * row[last[-1]]:.1f} %")
    return ", ".join(parts)
