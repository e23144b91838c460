"""One run: train a configuration with a seed, test the checkpoint, return the row."""

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from benchmarks.paper.configurations import Configuration
from benchmarks.paper.store import Result
from ventralrnn.devices import choose_device
from ventralrnn.networks import RecurrentNetwork, TimeBatchNorm, count_multiply_adds, count_parameters
from ventralrnn.training import Run, train
from ventralrnn.training.calibration import calibrate
from ventralrnn.training.pictures import LabelledPictures, load_cifar10
from ventralrnn.training.scoring import read_out
from ventralrnn.zoo import load_checkpoint

# Pictures a batch in testing, which matters where statistics are the batch's.
TEST_BATCH = 500


def run(
    configuration: Configuration,
    seed: int,
    work: Path,
    *,
    data_dir: Path | None,
    device: str = "auto",
    progress: bool = False,
) -> Result:
    """Train and test a configuration.

    Parameters
    ----------
    configuration : Configuration
        What to train.
    seed : int
        Of initial weights, order and augmentation.
    work : pathlib.Path
        Holds the folder of the run, and the training pictures where they are not all.
    data_dir : pathlib.Path or None
        Where CIFAR-10 lies; None for the cache.
    device : str
        'auto', 'cpu', 'cuda' or 'mps'.
    progress : bool
        Show progress bars.

    Returns
    -------
    Result
        Its row.
    """
    data, place = "cifar10", data_dir
    if configuration.pictures is not None:
        data, place = str(_write_pictures(work, configuration, data_dir)), None
    folder = work / f"{configuration.name}-{configuration.digest()}-{seed}"

    def keep(out: Path) -> None:
        # At the end, statistics are computed anew in this file: those of training are kept beside it.
        if configuration.modes:
            shutil.copyfile(out / "last.safetensors", out / ".running.partial")
            (out / ".running.partial").replace(out / "running.safetensors")

    def learn() -> Run:
        return train(
            configuration.spec,
            data,
            folder,
            recipe=configuration.recipe,
            data_dir=place,
            validation=0.0,
            seed=seed,
            device=device,
            resume=True,
            progress=progress,
            after_epoch=keep,
        )

    done = learn()
    if configuration.modes and _epochs(folder / "running.safetensors") != configuration.recipe.epochs:
        # Killed between the last epoch and the copy of its checkpoint, whose statistics are not to be had otherwise.
        shutil.rmtree(folder)
        done = learn()
    return _test(configuration, seed, done, data_dir, device)


def _test(configuration: Configuration, seed: int, done: Run, data_dir: Path | None, device: str) -> Result:
    network = _load(done.checkpoint, device)
    spec, info = network.spec, done.info
    pictures = load_cifar10("test", spec.preprocessing, data_dir)
    readout = spec.readout_steps[-1]
    times = tuple(sorted({readout, *configuration.read}))
    if times[-1] >= spec.steps:
        learnt = _training_pictures(configuration, data_dir)
        network = calibrate(network, learnt, configuration.recipe.calibration, steps=times[-1] + 1)
    errors = dict(zip(times, measure_errors(network, pictures, times), strict=True))
    running = batch = None
    if configuration.modes:
        running = measure_errors(_load(done.folder / "running.safetensors", device), pictures, [readout])[0]
        batch = measure_errors(_load(done.checkpoint, device), pictures, [readout], batch_statistics=True)[0]
    versions = info["versions"]
    return Result(
        configuration=configuration.name,
        seed=seed,
        digest=configuration.digest(),
        channels=spec.graph.area(spec.graph.readout).channels,
        parameters=count_parameters(spec),
        multiply_adds=count_multiply_adds(spec),
        epochs=info["epochs"],
        pictures=info["training_pictures"],
        readout=readout,
        test_error=errors[readout],
        error_running=running,
        error_batch=batch,
        errors=errors,
        seconds=info["seconds"],
        precision=info["precision"],
        machine=info["machine"],
        data=info["data"],
        ventralrnn=versions["ventralrnn"],
        torch=versions["torch"],
        python=versions["python"],
    )


def measure_errors(
    network: RecurrentNetwork, pictures: LabelledPictures, times: Sequence[int], *, batch_statistics: bool = False
) -> list[float]:
    """Return the share of wrong answers at each readout time.

    Parameters
    ----------
    network : RecurrentNetwork
        Left in evaluation mode.
    pictures : LabelledPictures
        To answer for.
    times : sequence of int
        Readout times, ascending.
    batch_statistics : bool
        Normalise by the statistics of each batch of pictures, as training does, and keep none of them.

    Returns
    -------
    list of float
        One for each time.
    """
    network.train(batch_statistics)
    for norm in network.modules():
        if isinstance(norm, TimeBatchNorm):
            norm.keeping = not batch_statistics
    with warnings.catch_warnings():
        # The statistics of another step would spoil the figure.
        warnings.filterwarnings("error", message="no batch norm statistics")
        scores = read_out(network, pictures.parts(TEST_BATCH), times, steps=max(network.spec.steps, times[-1] + 1))
    network.eval()
    wrong = scores.argmax(2) != pictures.labels[:, None]
    return [float(share) for share in wrong.double().mean(0)]


def _load(path: Path, device: str) -> RecurrentNetwork:
    network = load_checkpoint(path).to(choose_device(device), memory_format=torch.channels_last)
    assert isinstance(network, RecurrentNetwork)
    return network.eval()


def _epochs(path: Path) -> int:
    return int(load_checkpoint(path).checkpoint_info["epochs"]) if path.exists() else 0


def _training_pictures(configuration: Configuration, data_dir: Path | None) -> LabelledPictures:
    pictures = load_cifar10("train", configuration.spec.preprocessing, data_dir)
    return pictures if configuration.pictures is None else pictures.spread(configuration.pictures)


def _write_pictures(work: Path, configuration: Configuration, data_dir: Path | None) -> Path:
    """Write the chosen training pictures as lossless files, one folder a class: a data set that training can read."""
    place = work / f"pictures-{configuration.pictures}"
    if place.exists():
        return place
    partial = work / f".pictures-{configuration.pictures}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    pictures = _training_pictures(configuration, data_dir)
    for name in pictures.classes:
        (partial / name).mkdir(parents=True)
    for number, (pixels, label) in enumerate(zip(pictures.pixels.numpy(), pictures.labels.tolist(), strict=True)):
        Image.fromarray(pixels).save(partial / pictures.classes[label] / f"{number:05d}.png", compress_level=1)
    partial.rename(place)
    return place
