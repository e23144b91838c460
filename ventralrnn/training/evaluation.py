"""How well a trained network answers at every readout time, on pictures that it has not learnt from."""

import copy
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ventralrnn.devices import choose_device
from ventralrnn.errors import TrainingError
from ventralrnn.graph.steps import format_steps, parse_steps
from ventralrnn.memory import keep_freed_memory
from ventralrnn.networks import NetworkSpec, RecurrentNetwork, TimeBatchNorm, count_parameters
from ventralrnn.networks.plan import check_readouts
from ventralrnn.progress import progress_bar
from ventralrnn.training.calibration import calibrate
from ventralrnn.training.files import list_files
from ventralrnn.training.humans import HumanComparison, compare_with_humans, read_counts
from ventralrnn.training.measures import ReadoutScore, score_readout
from ventralrnn.training.pictures import PictureDigest, load_cifar10
from ventralrnn.training.scoring import read_out
from ventralrnn.training.splits import Labelled, find_split, load_test
from ventralrnn.zoo.headers import shipped_checkpoint
from ventralrnn.zoo.load import load_model

CALIBRATION_PICTURES = 10_000


@dataclass(frozen=True)
class Evaluation:
    """What a network answers for the pictures that it is evaluated on.

    Parameters
    ----------
    model, data : str
        Names.
    weights : str or None
        Checkpoint file; None if they are random, or the network was given as an object.
    classes : tuple of str
        Names of the classes.
    readouts : tuple of ReadoutScore
        One a readout time, ascending.
    parameters : int
        Of the network.
    info : mapping
        What was saved with the weights: recipe, seed, pictures learnt from.
    notes : tuple of str
        What to know when reading the numbers.
    humans : HumanComparison or None
        For CIFAR-10, if the data set peterson2019 is here.
    scores : numpy.ndarray, float32, (picture, readout, class)
        Before the softmax.
    labels : numpy.ndarray, int64, (picture,)
        Positions in ``classes``.
    """

    model: str
    data: str
    weights: str | None
    classes: tuple[str, ...]
    readouts: tuple[ReadoutScore, ...]
    parameters: int
    info: Mapping[str, Any]
    notes: tuple[str, ...]
    humans: HumanComparison | None
    scores: np.ndarray
    labels: np.ndarray

    @property
    def main(self) -> ReadoutScore:
        """The last trained readout time, or the last if none was trained."""
        return next((r for r in reversed(self.readouts) if r.trained), self.readouts[-1])

    def as_dict(self) -> dict[str, Any]:
        """Return all but scores and labels as what JSON holds."""
        plain = {f: getattr(self, f) for f in ("model", "data", "weights", "classes", "parameters", "info", "notes")}
        humans = None
        if self.humans is not None:
            humans = asdict(self.humans)
            if self.humans.reaction is not None:
                humans["reaction"]["ms"] = self.humans.reaction.ms.tolist()
        return {**plain, "pictures": len(self.labels), "readouts": [asdict(r) for r in self.readouts], "humans": humans}


def evaluate(
    model: str | os.PathLike[str] | RecurrentNetwork,
    data: str = "cifar10",
    *,
    data_dir: str | Path | None = None,
    steps: int | None = None,
    readouts: str | Sequence[int] | None = None,
    entropy_threshold: float | None = None,
    device: str = "auto",
    batch_size: int = 500,
    progress: bool = False,
) -> Evaluation:
    """Evaluate a network at every readout time.

    Parameters
    ----------
    model : str, path or RecurrentNetwork
        A name in the zoo, a checkpoint (``.safetensors``), or a network.
    data : str
        ``'cifar10'`` for its official test split; ``'imagenet'``; or a folder: its ``test``, else its ``val``, else
        all of it.
    data_dir : path, optional
        Where CIFAR-10 (by default the cache) or ImageNet lies.
    steps : int, optional
        Number of steps to run; more than the specification's for a network with shared weights only.
    readouts : str or sequence of int, optional
        Readout times, in steps (``'3,5:8'``); every one at which the input has reached the readout area by default.
    entropy_threshold : float, optional
        Of the model's reaction times, in nats (see :func:`ventralrnn.training.humans.choose_threshold`).
    device : str
        'auto', 'cpu', 'cuda' or 'mps'.
    batch_size : int
        Pictures a forward pass; the result depends on it by rounding only.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Evaluation
        Computed in float32.

    Raises
    ------
    TrainingError, SpecificationError, GraphError, DataError, StimulusError
        If model and pictures do not go together, or a readout time is none.

    Notes
    -----
    The statistics of another step are never used. Where batch norm statistics are missing for a step, because it is
    beyond those trained or was never run in training, they are computed from 10,000 training pictures of the same data;
    those that came with the weights stay as they are, so that accuracy at a trained readout time does not depend on
    ``steps``. Without training pictures, such readout times are left out and named in the notes.
    """
    network, weights, learnt = _load(model)
    if steps is not None and steps < 1 or batch_size < 1:
        raise TrainingError(f"steps {steps}, batch size {batch_size}: give at least 1 of each")
    chosen = _choose_readouts(network, steps, readouts)
    keep_freed_memory()
    network = network.to(choose_device(device), torch.float32, memory_format=torch.channels_last).eval()
    pictures = _load_pictures(network, data, data_dir)
    notes = _notes(network)
    labels, spec = pictures.labels.numpy(), network.spec
    trained = _trained_steps(network) if learnt else ()
    parameters = count_parameters(spec)
    asked = readouts is not None
    # GPUs round the inputs of convolutions to 10 bits unless told not to.
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        network, chosen, filled = _complete(network, chosen, data, data_dir, pictures.classes, asked, notes)
        scores, digest = _read_out(network, pictures, chosen, batch_size, progress)
    if network.checkpoint_info.get("data") in (digest, pictures.digest()):
        notes.insert(0, "these are the very pictures that the model has learnt from")
    if chosen[-1] >= spec.steps:
        spec = replace(spec, steps=chosen[-1] + 1, readouts=chosen)
    times = [spec.time_ms(spec.graph.readout, step) for step in chosen]
    humans = None
    counts = read_counts(labels) if data == "cifar10" else None
    if counts is not None:
        humans = compare_with_humans(scores, times, labels, counts, entropy_threshold)
    return Evaluation(
        model=spec.name,
        data=data if data_dir is None else f"{data} ({data_dir})",
        weights=weights,
        classes=pictures.classes,
        readouts=tuple(
            score_readout(spec, scores[:, i], labels, step, times[i], step in trained, step in filled)
            for i, step in enumerate(chosen)
        ),
        parameters=parameters,
        info=dict(network.checkpoint_info),
        notes=tuple(notes),
        humans=humans,
        scores=scores,
        labels=labels,
    )


# -- the network ----------------------------------------------------------------------------------------------------


def _load(model: str | os.PathLike[str] | RecurrentNetwork) -> tuple[RecurrentNetwork, str | None, bool]:
    """Return the network, the file of its weights, and whether they were learnt as far as is known."""
    if isinstance(model, nn.Module):
        if not isinstance(model, RecurrentNetwork):
            raise TrainingError(f"{type(model).__name__}: only networks of ventralrnn can be evaluated at every step")
        # It is moved and put into evaluation mode below; the one that was given is left as it is.
        return copy.deepcopy(model), None, True
    text = os.fspath(model)
    if text.endswith(".safetensors"):
        path: str | None = text
    elif ":" in text:
        raise TrainingError(f"{text}: has no specification to evaluate: give a name in the zoo or a .safetensors file")
    else:
        shipped = shipped_checkpoint(text)
        path = None if shipped is None else str(shipped)
    network = load_model(text)
    assert isinstance(network, RecurrentNetwork)
    return network, path, path is not None


def _trained_steps(network: RecurrentNetwork) -> tuple[int, ...]:
    recipe = network.checkpoint_info.get("recipe")
    last = isinstance(recipe, Mapping) and recipe.get("readout") == "last"
    return network.spec.readout_steps[-1:] if last else network.spec.readout_steps


def _choose_readouts(
    network: RecurrentNetwork, steps: int | None, readouts: str | Sequence[int] | None
) -> tuple[int, ...]:
    """Return readout times, ascending, each of which the input reaches within the run."""
    spec = network.spec
    # An untied network that is to run longer is refused here.
    dependence = network.depend(steps)
    if readouts is None:
        found = dependence.reached_steps(spec.graph.readout)
        if not found:
            check_readouts(dependence, [dependence.steps - 1])
        return found
    if isinstance(readouts, str):
        readouts = parse_steps(readouts, dependence.steps, bounded=False, name="readouts")
    wanted = tuple(sorted(set(readouts)))
    if not wanted:
        raise TrainingError("readouts: are empty: name a step, or none for all of them")
    if wanted[0] < 0 or wanted[-1] >= dependence.steps:
        raise TrainingError(
            f"readout at {_steps(wanted)}: outside the run, which has steps 0 to {dependence.steps - 1}"
            + (f": steps={wanted[-1] + 1} runs longer" if spec.shared and wanted[0] >= 0 else "")
        )
    check_readouts(dependence, wanted)
    return wanted


def _complete(
    network: RecurrentNetwork,
    readouts: tuple[int, ...],
    data: str,
    folder: str | Path | None,
    classes: tuple[str, ...],
    asked: bool,
    notes: list[str],
) -> tuple[RecurrentNetwork, tuple[int, ...], tuple[int, ...]]:
    """Return a network that has the statistics these readouts need, the readouts, and those that lacked some."""
    spec = network.spec
    steps = max(spec.steps, readouts[-1] + 1)
    if steps > spec.steps and spec.norm.affine == "step":
        notes.append(f"scale and shift beyond step {spec.steps - 1} are those learnt for it")
    lacking = tuple(step for step in readouts if not _has_statistics(network, step))
    if not lacking:
        return network, readouts, ()
    train = _load_train(data, folder, spec, classes)
    if train is None:
        why = f"no batch norm statistics for {_steps(lacking)}, and {data} has no training pictures"
        kept = tuple(step for step in readouts if step not in lacking)
        if asked or not kept:
            raise TrainingError(f"{why} (a folder train/) to compute them from: give such data, or other readouts")
        notes.append(f"{why} to compute them from: not read out there")
        return network, kept, ()
    complete = calibrate(network, train, CALIBRATION_PICTURES, steps=steps)
    complete.checkpoint_info = network.checkpoint_info
    _restore(complete, network)
    number = min(CALIBRATION_PICTURES, len(train))
    notes.append(f"no batch norm statistics for {_steps(lacking)}: computed from {number:,} training pictures")
    return complete, readouts, lacking


def _steps(steps: tuple[int, ...]) -> str:
    return f"{'step' if len(steps) == 1 else 'steps'} {format_steps(steps)}"


def _has_statistics(network: RecurrentNetwork, readout: int) -> bool:
    """Whether every batch norm that a readout needs has statistics of its own for the step at which it is used."""
    missing = False

    def look(norm: nn.Module, arguments: tuple[Any, ...]) -> None:
        nonlocal missing
        assert isinstance(norm, TimeBatchNorm)
        row = 0 if norm.norm.statistics == "shared" else arguments[1]
        missing |= row >= len(norm.batches) or not int(norm.batches[row])

    hooks = [m.register_forward_pre_hook(look) for m in network.modules() if isinstance(m, TimeBatchNorm)]
    size, weight = network.spec.preprocessing.size, network.post_net.linear.weight
    picture = torch.zeros(1, 3, size, size, device=weight.device, dtype=weight.dtype)
    steps = max(network.spec.steps, readout + 1)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network(picture, steps=steps, readout=(readout,), record={})
    finally:
        for hook in hooks:
            hook.remove()
    return not missing


@torch.no_grad()
def _restore(network: RecurrentNetwork, original: RecurrentNetwork) -> None:
    """Put back the statistics that the original had."""
    for name, norm in original.named_modules():
        if isinstance(norm, TimeBatchNorm):
            target = network.get_submodule(name)
            known = norm.batches.nonzero()[:, 0]
            for key in ("running_mean", "running_var", "batches"):
                getattr(target, key)[known] = getattr(norm, key)[known]
    network.eval()


# -- the pictures ---------------------------------------------------------------------------------------------------


def _load_pictures(network: RecurrentNetwork, data: str, folder: str | Path | None) -> Labelled:
    """Return the test pictures, which are of the classes that the model has learnt."""
    spec, learnt = network.spec, tuple(network.checkpoint_info.get("classes", ()))
    number = spec.post_net.classes
    pictures = load_test(data, spec.preprocessing, folder=folder, classes=learnt or None)
    if learnt and pictures.classes != learnt:
        other = next((name for name in pictures.classes if name not in learnt), pictures.classes[0])
        raise TrainingError(
            f"{spec.name}: has learnt other classes than {data} has ({', '.join(learnt[:3])} ..., not {other}): "
            "give the data that it was trained on"
        )
    if len(pictures.classes) != number:
        raise TrainingError(
            f"{spec.name}: tells {number} classes apart, and {data} has {len(pictures.classes)}: give the data that it "
            "was trained on"
        )
    return pictures


def _load_train(data: str, folder: str | Path | None, spec: NetworkSpec, classes: tuple[str, ...]) -> Labelled | None:
    """Return training pictures of the same data, or None if there are none."""
    if data == "cifar10":
        return load_cifar10("train", spec.preprocessing, folder)
    place = find_split(Path(folder if data == "imagenet" and folder is not None else data).expanduser(), ("train",))
    return None if place is None else list_files(place, spec.preprocessing, classes)


def _notes(network: RecurrentNetwork) -> list[str]:
    notes = []
    if network.spec.norm.statistics == "shared":
        notes.append("one set of batch norm statistics serves all steps, and fits none of them well")
    return notes


def _read_out(
    network: RecurrentNetwork, pictures: Labelled, readouts: tuple[int, ...], size: int, progress: bool
) -> tuple[np.ndarray, str]:
    """Return the answers, and the digest of the pixels that were looked at."""
    side = network.spec.preprocessing.size
    digest = PictureDigest((len(pictures), side, side, 3), pictures.classes)

    def parts() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        with progress_bar(progress, len(pictures), "pictures", "evaluating", leave=False) as advance:
            for pixels, labels in pictures.parts(size):
                digest.add(pixels)
                yield pixels, labels
                advance(len(pixels))

    scores = read_out(network, parts(), readouts, steps=max(network.spec.steps, readouts[-1] + 1)).numpy()
    broken = [step for i, step in enumerate(readouts) if not np.isfinite(scores[:, i]).all()]
    if broken:
        raise TrainingError(f"{network.spec.name}: answers at step {broken[0]} are not finite: its weights are broken")
    return scores, digest.finish(pictures.labels)
