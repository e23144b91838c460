"""Data sets in the cache that hold pictures, by name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ventralrnn.errors import DataError
from ventralrnn.stimuli import cache
from ventralrnn.stimuli.arrays import ArrayStimuli
from ventralrnn.stimuli.base import Stimuli
from ventralrnn.stimuli.cifar10 import LABELS, read_cifar10
from ventralrnn.stimuli.files import ZipStimuli


def load(name: str) -> Stimuli:
    """Return the pictures of a data set in the cache.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.

    Returns
    -------
    Stimuli
        In the order in which the data set's responses are given.

    Raises
    ------
    DataError
        The data set is not in the cache, or is not what its hash promises.
    """
    return _LOADERS[name]()


def cifar10_test_ids(count: int = 10_000) -> list[str]:
    """Return the names of CIFAR-10's test pictures in their official order."""
    return [f"cifar10-test-{index:05d}" for index in range(count)]


def _cifar10_test() -> Stimuli:
    pixels, classes = read_cifar10(cache.folder("cifar10"), "test")
    return ArrayStimuli(pixels, cifar10_test_ids(len(pixels)), [LABELS[c] for c in classes], name="cifar10-test")


def _cowley2023() -> Stimuli:
    # The responses are in the order of the sorted file names, not in the archive's.
    return ZipStimuli(cache.file_path("cowley2023", "images_210325.zip"), "cowley2023")


def _kriegeskorte2008() -> Stimuli:
    file = cache.file_path("kriegeskorte2008", "Kriegeskorte_Neuron2008_supplementalData.mat")
    pixels, labels = _read_objects(file)
    ids = [f"kriegeskorte2008-{index:02d}" for index in range(1, len(pixels) + 1)]
    return ArrayStimuli(pixels, ids, labels, name="kriegeskorte2008")


def _read_objects(file: Path) -> tuple[np.ndarray, list[str]]:
    from scipy.io import loadmat

    try:
        objects = loadmat(file, variable_names=["stimuli_92objs"])["stimuli_92objs"][0]
    except (KeyError, ValueError, OSError) as error:
        raise DataError(f"{file}: the 92 objects cannot be read ({error})") from error
    return np.stack([o["image"] for o in objects]), [str(o["category"][0]) for o in objects]


_LOADERS: dict[str, Callable[[], Stimuli]] = {
    "cifar10-test": _cifar10_test,
    "cowley2023": _cowley2023,
    "kriegeskorte2008": _kriegeskorte2008,
}
NAMES = tuple(_LOADERS)
