"""The results file: one row for every finished run."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.paper.configurations import Configuration
from ventralrnn.errors import TrainingError


@dataclass(frozen=True)
class Result:
    """What came out of one run.

    Parameters
    ----------
    configuration, seed
        Which run.
    digest : str
        Of the configuration, so that a row is never taken for that of another one with the same name.
    channels, parameters, multiply_adds : int
        Of the network; multiply-adds for one picture.
    epochs, pictures : int
        Of training.
    readout : int
        Last readout time that the network was trained for.
    test_error : float
        There, in evaluation mode, statistics computed anew from training pictures.
    error_running : float or None
        With the running averages of training.
    error_batch : float or None
        With the statistics of the batch of test pictures, as while training.
    errors : dict of int to float
        At every readout time that was tested, as ``test_error``.
    seconds : float
        Of training.
    precision, machine, data, ventralrnn, torch, python : str
        Where it ran, and the digest of the training pictures.
    """

    configuration: str
    seed: int
    digest: str
    channels: int
    parameters: int
    multiply_adds: int
    epochs: int
    pictures: int
    readout: int
    test_error: float
    error_running: float | None
    error_batch: float | None
    errors: dict[int, float]
    seconds: float
    precision: str
    machine: str
    data: str
    ventralrnn: str
    torch: str
    python: str


_FIELDS = tuple(field.name for field in fields(Result))
_TEXT = ("configuration", "digest", "precision", "machine", "data", "ventralrnn", "torch", "python")
_REAL = ("test_error", "error_running", "error_batch", "seconds")


def read_results(path: Path) -> list[Result]:
    """Return the rows of a results file, none if there is no such file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return [Result(**{name: _read(name, row[name]) for name in _FIELDS}) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path}: not a results file of this version ({error!r}): give another --out") from error


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Write a results file, which appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_FIELDS)
        for result in sorted(results, key=lambda result: (result.configuration, result.seed)):
            writer.writerow(_write(getattr(result, name)) for name in _FIELDS)
    partial.replace(path)


def results_of(results: Iterable[Result], configuration: Configuration, where: Path) -> list[Result]:
    """Return the rows of a configuration, by seed.

    Raises
    ------
    TrainingError
        If one was made with another configuration of the same name: they must not meet in a mean.
    """
    own = sorted((r for r in results if r.configuration == configuration.name), key=lambda result: result.seed)
    other = next((result for result in own if result.digest != configuration.digest()), None)
    if other is not None:
        raise TrainingError(
            f"{where}: {other.configuration}, seed {other.seed} was made before its network or recipe changed: remove "
            "the rows of that configuration, or give another --out"
        )
    return own


def _read(name: str, text: str) -> Any:
    if name in _TEXT:
        return text
    if name == "errors":
        return {int(time): float(error) for time, error in (item.split(":") for item in text.split())}
    if name in _REAL:
        return float(text) if text else None
    return int(text)


def _write(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{time}:{error:.4f}" for time, error in value.items())
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)
