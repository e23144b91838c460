"""The journal of an extraction under way: what identifies it, and every batch that is safely written."""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ventralrnn.errors import RecordingError


@dataclass(frozen=True)
class Entry:
    """One batch that is on disk.

    Parameters
    ----------
    stop : int
        Number of stimuli consumed so far.
    indices : list of int
        Positions in the set of the stimuli that became rows.
    digests : list of str
        Content digest of each.
    bad : list of (str, str)
        Stimuli left out, and why.
    """

    stop: int
    indices: list[int]
    digests: list[str]
    bad: list[tuple[str, str]]


class Journal:
    """An append-only file of JSON lines: a header, then one line a batch.

    A batch counts as written once its line is complete; a line that a kill cut short is dropped when the journal is
    opened again, and its batch is computed anew.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    header : mapping
        What identifies the extraction; compared on resuming.
    resume : bool
        Continue an existing journal.

    Raises
    ------
    RecordingError
        If another process writes this journal, or it belongs to another extraction.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], resume: bool) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._lock()
            found = self._read() if resume else None
            if found is None:
                self._append(header)
            self.header = dict(header) if found is None else found
        except BaseException:
            self.close()
            raise

    @property
    def consumed(self) -> int:
        """Number of stimuli consumed by finished batches."""
        return self.entries[-1].stop if self.entries else 0

    @property
    def rows(self) -> int:
        """Number of rows written by finished batches."""
        return sum(len(entry.indices) for entry in self.entries)

    def commit(self, entry: Entry) -> None:
        """Note that a batch is on disk."""
        self._append(asdict(entry))
        self.entries.append(entry)

    def close(self) -> None:
        """Close the file and let go of its lock; once it is closed, do nothing."""
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            alone = False
        except OSError:  # a file system without locks
            alone = True
        else:  # who held the lock before may have finished the recording, and moved this file away
            alone = self.path.exists() and os.path.samestat(os.fstat(self._file), os.stat(self.path))
        if not alone:
            raise RecordingError(f"{self.path.parent}: another process is writing this recording")

    def _append(self, item: Mapping[str, Any]) -> None:
        line = (json.dumps(item) + "\n").encode()
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError as error:
            error.filename = str(self.path)
            raise

    def _read(self) -> dict[str, Any] | None:
        """Read header and entries, and drop a torn line; None if there is no whole header, so no batch either."""
        text = os.pread(self._file, os.fstat(self._file).st_size, 0)
        whole = text[: text.rfind(b"\n") + 1]
        os.ftruncate(self._file, len(whole))
        os.lseek(self._file, len(whole), os.SEEK_SET)
        lines = whole.splitlines()
        if not lines:
            return None
        for line in lines[1:]:
            item = json.loads(line)
            self.entries.append(Entry(item["stop"], item["indices"], item["digests"], [tuple(b) for b in item["bad"]]))
        return dict(json.loads(lines[0]))
