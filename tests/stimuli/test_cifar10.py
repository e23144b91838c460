"""CIFAR-10 in both layouts, and pickles that are refused."""

import io
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ventralrnn.errors import DataError
from ventralrnn.stimuli import cache
from ventralrnn.stimuli.cifar10 import LABELS, read_cifar10

N = 6


class Python2Pickler(pickle._Pickler):
    """Writes bytes and text as Python 2 wrote its strings, which is how CIFAR-10's own files were made."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, value: Any) -> None:
        data = value.encode() if isinstance(value, str) else value
        self.write(b"T" + struct.pack("<i", len(data)) + data)

    dispatch[bytes] = save_string
    dispatch[str] = save_string


@pytest.fixture
def pictures(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.integers(0, 256, (6 * N, 32, 32, 3), np.uint8), rng.integers(0, 10, 6 * N).astype(np.uint8)


def batches(pictures: tuple[np.ndarray, np.ndarray]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    pixels, labels = pictures
    planes = pixels.transpose(0, 3, 1, 2).reshape(-1, 3072)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    return [(name, planes[i * N : (i + 1) * N], labels[i * N : (i + 1) * N]) for i, name in enumerate(names)]


def write_binary(folder: Path, pictures: tuple[np.ndarray, np.ndarray]) -> Path:
    (folder / "cifar-10-batches-bin").mkdir(parents=True)
    for name, planes, labels in batches(pictures):
        np.concatenate([labels[:, None], planes], 1).tofile(folder / "cifar-10-batches-bin" / f"{name}.bin")
    return folder


def write_python(folder: Path, pictures: tuple[np.ndarray, np.ndarray], pickler: Any, protocol: int) -> Path:
    (folder / "cifar-10-batches-py").mkdir(parents=True)
    for name, planes, labels in batches(pictures):
        batch = {"batch_label": name, "labels": labels.tolist(), "data": planes, "filenames": ["a.png"] * N}
        with open(folder / "cifar-10-batches-py" / name, "wb") as stream:
            pickler(stream, protocol).dump(batch)
    return folder


def check(folder: Path, pictures: tuple[np.ndarray, np.ndarray]) -> None:
    for split, part in (("train", slice(0, 5 * N)), ("test", slice(5 * N, None))):
        pixels, labels = read_cifar10(folder, split, check=False)
        np.testing.assert_array_equal(pixels, pictures[0][part])
        np.testing.assert_array_equal(labels, pictures[1][part])
        assert pixels.dtype == labels.dtype == np.uint8


def test_binary_layout(tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray]) -> None:
    check(write_binary(tmp_path, pictures), pictures)
    check(tmp_path / "cifar-10-batches-bin", pictures)


@pytest.mark.parametrize(
    ("pickler", "protocol"), [(Python2Pickler, 2), (pickle.Pickler, 3), (pickle.Pickler, 4)], ids=["python2", "3", "4"]
)
def test_python_layout(tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray], pickler: Any, protocol: int) -> None:
    check(write_python(tmp_path, pictures, pickler, protocol), pictures)
    check(tmp_path / "cifar-10-batches-py", pictures)


def test_a_pickle_written_in_python_2() -> None:
    """The functions that such a file asks for are the ones that the reader knows."""
    stream = io.BytesIO()
    Python2Pickler(stream, 2).dump(np.zeros(2, np.uint8))
    assert b"T\x02\x00\x00\x00\x00\x00" in stream.getvalue()


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("layout", ["binary", "python"])
def test_hashes_are_checked(tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray], layout: str, split: str) -> None:
    folder = (
        write_binary(tmp_path, pictures) if layout == "binary" else write_python(tmp_path, pictures, pickle.Pickler, 2)
    )
    with pytest.raises(DataError, match=r"_batch.*not the file it should be"):
        read_cifar10(folder, split)


class Evil:
    def __reduce__(self) -> tuple:
        return os.system, ("touch owned",)


@pytest.mark.parametrize("content", [Evil(), {"data": Evil()}, {"labels": [1], "data": pickle.Pickler}])
def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_batch").write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=r"test_batch: refused: it asks for (posix|nt|_pickle)\."):
        read_cifar10(tmp_path, "test", check=False)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        pickle.dumps([1, 2]),
        pickle.dumps({"data": np.zeros((2, 3072)), "labels": [1, 2]}, 2),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, 4),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1, 10]}, 4),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": ["x"]}, 4),
    ],
)
def test_a_pickle_that_is_no_batch(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match="test_batch: "):
        read_cifar10(tmp_path, "test", check=False)


@pytest.mark.parametrize("content", [b"", b"\0" * 3000, b"\x0b" + b"\0" * 3072])
def test_a_binary_file_that_is_no_batch(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "test_batch.bin").write_bytes(content)
    with pytest.raises(DataError, match=r"test_batch\.bin: "):
        read_cifar10(tmp_path, "test", check=False)


def test_missing(tmp_path: Path, pictures: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(DataError, match="no CIFAR-10 here.*ventralrnn data get cifar10"):
        read_cifar10(tmp_path, "train")
    write_binary(tmp_path, pictures)
    (tmp_path / "cifar-10-batches-bin/data_batch_3.bin").unlink()
    with pytest.raises(DataError, match=r"data_batch_3\.bin: this file of CIFAR-10 is missing"):
        read_cifar10(tmp_path, "train", check=False)
    with pytest.raises(DataError, match="no split 'val'"):
        read_cifar10(tmp_path, "val")


@pytest.mark.parametrize("where", ["", "cifar10"])
def test_the_cache_knows_both_layouts_with_and_without_an_outer_folder(
    empty_cache: Path, pictures: tuple[np.ndarray, np.ndarray], where: str
) -> None:
    write_python(empty_cache / where, pictures, pickle.Pickler, 2)
    assert cache.find("cifar10") == empty_cache / where
    assert cache.missing("cifar10") == ()


def test_the_real_thing(needs: Callable[[str], Path]) -> None:
    pixels, labels = read_cifar10(needs("cifar10"), "test")
    assert pixels.shape == (10000, 32, 32, 3)
    assert np.bincount(labels).tolist() == [1000] * 10
    assert LABELS[labels[0]] == "cat"
    assert pixels[0, 0, 0].tolist() == [158, 112, 49]
