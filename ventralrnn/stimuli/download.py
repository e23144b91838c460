"""Downloading: whole files only, checked, and one clear message when the network is not there."""

import logging
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ventralrnn.errors import DataError
from ventralrnn.files import named
from ventralrnn.stimuli.cache import verify
from ventralrnn.stimuli.registry import DataFile, DataSet

RETRIES = 2
_TIMEOUT_SECONDS = 30
_CHUNK_BYTES = 1 << 16


def fetch(data: DataSet, files: Sequence[DataFile], folder: Path, progress: Callable[[int], object] | None) -> None:
    """Download files of a data set.

    Parameters
    ----------
    data : DataSet
        The data set.
    files : sequence of DataFile
        Those of its ``downloads`` that are missing.
    folder : pathlib.Path
        Where they go; made if need be.
    progress : callable or None
        Called with the number of bytes that have come in since the last call.

    Raises
    ------
    DataError
        See :func:`ventralrnn.stimuli.cache.get`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be made ({error.strerror}); let $VENTRALRNN_DATA begin with a folder that you can write"
        ) from error
    for position, file in enumerate(files):
        # A copy of the archive that the user put there serves as well.
        if file is data.archive and (folder / file.path).is_file():
            verify(folder / file.path, file)
            continue
        try:
            _download(file, folder, progress)
        except _Failed as failure:
            raise DataError(_by_hand(data, files[position:], folder, str(failure))) from failure
    if data.archive:
        _unpack(folder / data.archive.path, data.files, folder)


class _Failed(Exception):
    """One file could not be downloaded; holds the reason in words."""


def _download(file: DataFile, folder: Path, progress: Callable[[int], object] | None) -> None:
    import pooch
    import requests

    # Its messages name temporary files; ours have said what is fetched, and from where.
    pooch.get_logger().setLevel(logging.WARNING)
    meter = _Meter(progress) if progress else False
    downloader = pooch.HTTPDownloader(progressbar=meter, chunk_size=_CHUNK_BYTES, timeout=_TIMEOUT_SECONDS)
    source = pooch.create(
        path=folder,
        base_url="",
        registry={file.path: f"{file.algorithm}:{file.hash}"},
        urls={file.path: file.address},
        retry_if_failed=RETRIES,
    )
    try:
        with named(folder / file.path):
            whole = source.fetch(file.path, downloader=downloader)
    except requests.RequestException as error:
        raise _Failed(_reason(error)) from error
    except ValueError as error:
        # pooch checks the hash before the file gets its name.
        raise _Failed(f"what came is not the file it should be: {error}") from error
    # Downloads begin as private temporary files, and a cache may be shared by a laboratory.
    os.chmod(whole, 0o644)


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"no answer within {_TIMEOUT_SECONDS} s"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the server"
    return str(error)


def _by_hand(data: DataSet, files: Sequence[DataFile], folder: Path, reason: str) -> str:
    """Say what is missing, where it comes from and where a copy goes, for a computer without a network."""
    shown = [f"{file.address} as {folder / file.path}" for file in files[:3]]
    more = f"; and {len(files) - 3} more, listed by `ventralrnn data list --json`" if len(files) > 3 else ""
    return f"{data.name} cannot be downloaded ({reason}). To put it in place by hand, save {'; '.join(shown)}{more}" + (
        "; then run this again" if data.archive else ""
    )


def _unpack(archive: Path, files: Sequence[DataFile], folder: Path) -> None:
    """Take the known files, and nothing else, out of an archive; then delete it."""
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as temporary:
        try:
            with tarfile.open(archive) as tar:
                # Members are read by their names and written to names of ours: an archive has no say in where.
                whole = [_extract(tar, file, Path(temporary, str(i))) for i, file in enumerate(files)]
        except (tarfile.TarError, EOFError, KeyError) as error:
            raise DataError(f"{archive}: cannot be unpacked ({error}); delete it and get it again") from error
        for unpacked, file in zip(whole, files, strict=True):
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(unpacked, target)
    archive.unlink()


def _extract(tar: tarfile.TarFile, file: DataFile, target: Path) -> Path:
    stream = tar.extractfile(file.path)
    if stream is None:
        raise KeyError(f"{file.path} is not a plain file")
    with stream, open(target, "wb") as out:
        shutil.copyfileobj(stream, out)
    verify(target, file)
    return target


class _Meter:
    """What pooch calls a progress bar: turned into numbers of new bytes."""

    def __init__(self, progress: Callable[[int], object]) -> None:
        self.total = 0
        self._progress = progress
        self._seen = self._told = 0

    def update(self, count: int) -> None:
        self._seen += count
        # pooch counts whole chunks, resets at the end and counts the true total; a retry starts over.
        new = min(self._seen, self.total or self._seen) - self._told
        if new > 0:
            self._told += new
            self._progress(new)

    def reset(self) -> None:
        self._seen = 0

    def close(self) -> None:
        self.reset()
