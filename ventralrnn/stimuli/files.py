"""Stimuli that are picture files: in folders, or in a zip archive."""

import threading
import zipfile
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli.base import Stimuli, content_digest
from ventralrnn.stimuli.pictures import EXTENSIONS, decode
from ventralrnn.stimuli.rendering import render


class EncodedStimuli(Stimuli):
    """Stimuli of which each is the bytes of a picture file; subclasses say where the bytes come from."""

    @abstractmethod
    def read(self, index: int) -> bytes:
        """Return the bytes of one picture file.

        Raises
        ------
        StimulusError
            The file cannot be read.
        """

    def load(self, index: int, preprocessing: Preprocessing) -> tuple[np.ndarray, str]:
        """Return one picture at the model's input size, and its digest; see :meth:`Stimuli.load`."""
        content = self.read(index)
        image = decode(content, self.sources[index])
        return render(image, preprocessing, self.degrees_at(index)), content_digest(content)

    def digest(self, index: int) -> str:
        """Return the digest of one picture file's bytes, without decoding it."""
        return content_digest(self.read(index))


class FileStimuli(EncodedStimuli):
    """Picture files, in a given order.

    Parameters
    ----------
    paths : sequence of path-like, length n
        JPEG, PNG, BMP, TIFF, WebP or GIF files.
    ids : sequence of str, length n, optional
        Stimulus ids; the paths, with forward slashes, by default.
    labels : sequence of str, length n, optional
        Category of each picture.
    degrees : float or sequence of float, optional
        Visual angle that a picture's shorter side spans, in degrees: one for all, or one a picture.
    name : str
        Name of the set.
    ignored : int
        How many files lay beside the pictures and were left out.
    place : callable, optional
        Index -> where the picture was listed ('line 3'), for messages.

    Attributes
    ----------
    ignored : int
        How many visible files lay beside the pictures and were left out because they are no pictures.

    Raises
    ------
    StimulusError
        No pictures, an id that occurs twice, or lists of different lengths.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        ids: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        degrees: float | Sequence[float] | None = None,
        name: str = "files",
        *,
        ignored: int = 0,
        place: Callable[[int], str] | None = None,
    ) -> None:
        ids = [Path(path).as_posix() for path in paths] if ids is None else ids
        super().__init__(name, ids, labels=labels, degrees=degrees, sources=[str(path) for path in paths], place=place)
        self.ignored = ignored

    def read(self, index: int) -> bytes:
        """Return the bytes of one picture file; StimulusError if it cannot be read."""
        try:
            return Path(self.sources[index]).read_bytes()
        except OSError as error:
            raise StimulusError(f"{self.sources[index]}: {error.strerror or error}") from error

    def byte_size(self, index: int) -> int:
        """Return the size of one picture file, in bytes; StimulusError if it is not there."""
        try:
            return Path(self.sources[index]).stat().st_size
        except OSError as error:
            raise StimulusError(f"{self.sources[index]}: {error.strerror or error}") from error


class ZipStimuli(EncodedStimuli):
    """The pictures in a zip archive, sorted by name (an archive's own order means nothing).

    Parameters
    ----------
    archive : path-like
        A zip file that holds JPEG, PNG, BMP, TIFF, WebP or GIF files.
    name : str
        Name of the set.

    Raises
    ------
    StimulusError
        The archive cannot be read, or holds no pictures.
    """

    def __init__(self, archive: str | Path, name: str) -> None:
        try:
            self._archive = zipfile.ZipFile(archive)
        except (OSError, zipfile.BadZipFile) as error:
            raise StimulusError(f"{archive}: not a readable zip archive ({error})") from error
        # Reading moves the archive's one file position.
        self._lock = threading.Lock()
        members = {m.filename: m for m in self._archive.infolist() if is_picture(m.filename)}
        if not members:
            raise StimulusError(f"{archive}: no pictures in it ({', '.join(EXTENSIONS)})")
        ids = sorted(members)
        super().__init__(name, ids, sources=[f"{archive}:{member}" for member in ids])
        self._members = [members[member] for member in ids]

    def read(self, index: int) -> bytes:
        """Return the bytes of one picture file; StimulusError if the archive is damaged there."""
        try:
            with self._lock:
                return self._archive.read(self._members[index])
        except (OSError, EOFError, zipfile.BadZipFile) as error:
            raise StimulusError(f"{self.sources[index]}: {error}") from error

    def byte_size(self, index: int) -> int:
        """Return the size of one picture file, in bytes."""
        return self._members[index].file_size


def is_picture(name: str) -> bool:
    """Tell whether a relative file name is that of a picture: by its extension, and no part of it hidden."""
    parts = name.split("/")
    return parts[-1].lower().endswith(EXTENSIONS) and not any(part.startswith(".") for part in parts)
