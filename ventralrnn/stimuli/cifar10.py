"""CIFAR-10 from disk, in its binary layout or in the pickled one that torchvision downloads."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ventralrnn.errors import DataError
from ventralrnn.stimuli.cache import verify
from ventralrnn.stimuli.registry import DataFile, data_set

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_SIDE = 32
_PIXEL_BYTES = 3 * _SIDE * _SIDE
_BINARY, _PYTHON = "cifar-10-batches-bin", "cifar-10-batches-py"


def read_cifar10(folder: str | Path, split: str, *, check: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Read one split of CIFAR-10.

    Parameters
    ----------
    folder : path-like
        ``cifar-10-batches-bin`` or ``cifar-10-batches-py``, or the folder that either lies in.
    split : {'train', 'test'}
        50000 pictures to train with, or 10000 to test with.
    check : bool
        Check every file against its published hash; False for a data set of your own in the same layout.

    Returns
    -------
    pixels : numpy.ndarray, uint8, (n, 32, 32, 3)
        Pictures in the official order: picture, y, x, and red, green, blue.
    labels : numpy.ndarray, uint8, (n,)
        Positions in :data:`LABELS`.

    Raises
    ------
    DataError
        The folder holds no CIFAR-10, or a file is missing, damaged or not what its hash promises.

    Notes
    -----
    The files of the python layout are pickles. They are read by an unpickler that knows numbers, text, lists,
    dictionaries and numpy arrays, and refuses anything else, so that a doctored file cannot run code.
    """
    if split not in ("train", "test"):
        raise DataError(f"CIFAR-10 has no split {split!r}: give 'train' or 'test'")
    batches, known, read = _layout(Path(folder))
    wanted = [file for file in known if ("test" in file.path) == (split == "test")]
    parts = []
    for file in wanted:
        path = batches / Path(file.path).name
        if not path.is_file():
            raise DataError(f"{path}: this file of CIFAR-10 is missing; get the whole set again")
        if check:
            verify(path, file)
        parts.append(read(path))
    planes = np.concatenate([pixels for pixels, _ in parts]).reshape(-1, 3, _SIDE, _SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.concatenate([labels for _, labels in parts])


def _layout(folder: Path) -> tuple[Path, tuple[DataFile, ...], Callable[[Path], tuple[np.ndarray, np.ndarray]]]:
    """Return the folder of the batches, its files, and the function that reads one."""
    data = data_set("cifar10")
    for batches in (folder, folder / _BINARY, folder / _PYTHON):
        if (batches / "test_batch.bin").is_file() or (batches / "data_batch_1.bin").is_file():
            return batches, data.files, _read_binary
        if (batches / "test_batch").is_file() or (batches / "data_batch_1").is_file():
            return batches, data.same_as, _read_python
    raise DataError(
        f"{folder}: no CIFAR-10 here (looked for {_BINARY} and {_PYTHON}); get it with `ventralrnn data get cifar10`"
    )


def _read_binary(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return planes (n, 3072) and labels (n,) of a file of records: one byte of label, then the pixels."""
    content = np.fromfile(path, np.uint8)
    if content.size == 0 or content.size % (1 + _PIXEL_BYTES):
        raise DataError(f"{path}: {content.size} bytes are not a whole number of CIFAR-10 records")
    records = content.reshape(-1, 1 + _PIXEL_BYTES)
    return records[:, 1:], _checked(path, records[:, 0])


def _read_python(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return planes (n, 3072) and labels (n,) of a pickled batch."""
    with open(path, "rb") as stream:
        try:
            batch = _Unpickler(stream, encoding="latin1").load()
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        except Exception as error:
            # A damaged pickle can raise nearly anything.
            raise DataError(f"{path}: not a readable CIFAR-10 batch ({error})") from error
    pixels = batch.get("data") if isinstance(batch, dict) else None
    labels = batch.get("labels") if isinstance(batch, dict) else None
    if (
        not isinstance(pixels, np.ndarray)
        or not isinstance(labels, list)
        or (pixels.dtype, pixels.shape) != (np.uint8, (len(labels), _PIXEL_BYTES))
    ):
        raise DataError(f"{path}: not a CIFAR-10 batch: no uint8 data of shape (n, {_PIXEL_BYTES}) with n labels")
    return pixels, _checked(path, np.asarray(labels))


def _checked(path: Path, labels: np.ndarray) -> np.ndarray:
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= len(LABELS):
        raise DataError(f"{path}: labels must be 0 to {len(LABELS) - 1}")
    return labels.astype(np.uint8)


class _Unpickler(pickle.Unpickler):
    """Rebuilds numpy arrays from numbers and text, and refuses every other class and function."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        # Where numpy keeps this function has moved since the files were written.
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np.empty(0).__reduce__()[0]
        raise DataError(f"refused: it asks for {module}.{name}, which no CIFAR-10 batch needs")
