"""Data of Brain-Score that are not here: said in one line, with where a copy goes."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from ventralrnn.brains.brainscore.environment import load_brainscore, replaced
from ventralrnn.errors import DataError, VentralrnnError

_VARIABLE, _HOME = "BRAINIO_HOME", "~/.brainio"


class _MissingError(DataError):
    """A file that is not here; the message is one file's part of the line."""


@contextmanager
def local_data(benchmark: str, data_dir: str | Path | None = None, download: bool = False) -> Iterator[None]:
    """Let Brain-Score read data from a folder, and say plainly what is not there.

    Parameters
    ----------
    benchmark : str
        For messages.
    data_dir : path, optional
        In place of ``$BRAINIO_HOME`` (``~/.brainio`` if that is not set).
    download : bool
        Whether files that are not there may be fetched.

    Raises
    ------
    DataError
        In place of what Brain-Score raises: for files that are not there, a file that is not what its hash says, or a
        package that a plugin needs.
    """
    load_brainscore()
    from brainscore_core.supported_data_standards.brainio import fetch

    with ExitStack() as stack:
        # Brain-Score reads the variable once and for all.
        folder = Path(data_dir or os.environ.get(_VARIABLE) or _HOME).expanduser()
        if data_dir is not None and not folder.is_dir():
            raise DataError(f"{folder}: no such folder of data")
        stack.enter_context(replaced(fetch, "_local_data_path", str(folder)))
        stack.enter_context(replaced(fetch.BotoFetcher, "download_boto", _downloader(fetch.BotoFetcher, download)))
        try:
            yield
        except _MissingError as error:
            files = [str(error), *_of_stimuli(error.__traceback__)]
            hint = "" if download else "; download=True fetches what is public"
            raise DataError(f"{benchmark}: data are missing: {'; '.join(dict.fromkeys(files))}{hint}") from None
        except VentralrnnError:
            raise
        except ImportError as error:
            package = error.name or str(error)
            raise DataError(f"{benchmark} needs the package {package!r}, which is not installed") from error
        except ValueError as error:
            if "SHA1 mismatch" not in str(error):
                raise
            where = _file_of(error.__traceback__)
            raise DataError(f"{where}: not the file that Brain-Score means ({error}): get it anew") from error


def _downloader(fetcher: type, download: bool) -> Callable[[Any], None]:
    original = fetcher.download_boto  # type: ignore[attr-defined]

    def fetch(self: Any) -> None:
        version = (self.extra_args or {}).get("VersionId")
        named = "" if version in (None, "null") else f", version {version}"
        what = f"{self.location}{named} (a copy goes to {self.output_filename})"
        if not download:
            raise _MissingError(what)
        try:
            original(self)
        except Exception as error:
            # A list of what went wrong with and without credentials.
            reasons = error.args[0] if error.args and isinstance(error.args[0], list) else [error]
            raise _MissingError(f"{what}, which cannot be fetched ({' '.join(str(reasons[-1]).split())})") from None

    return fetch


def _of_stimuli(trace: TracebackType | None) -> list[str]:
    """Return what is missing of the stimuli too, which Brain-Score asks for once it has the responses."""
    found: list[str] = []
    for values in _frames(trace):
        loader = values.get("stimulus_set_loader")
        if callable(loader):
            found += _missing_of(loader)
        # A set is a table and an archive.
        if "csv_sha1" in values and "csv_path" not in values:
            found += _missing_of(partial(_archive, values))
    return found


def _missing_of(load: Callable[[], Any]) -> list[str]:
    try:
        load()
    except _MissingError as error:
        return [str(error), *_of_stimuli(error.__traceback__)]
    return []


def _archive(values: dict[str, Any]) -> Any:
    from brainscore_core.supported_data_standards.brainio import s3

    return s3.get_path(
        values["identifier"],
        "zip",
        values["bucket"],
        values["zip_version_id"],
        values["zip_sha1"],
        filename_prefix=values.get("filename_prefix"),
        folder_name=values.get("folder_name"),
    )


def _file_of(trace: TracebackType | None) -> str:
    return next((str(v["file_path"]) for v in reversed(list(_frames(trace))) if v.get("file_path")), "a file")


def _frames(trace: TracebackType | None) -> Iterator[dict[str, Any]]:
    while trace is not None:
        yield trace.tb_frame.f_locals
        trace = trace.tb_next
