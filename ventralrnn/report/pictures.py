"""Thumbnails of stimuli, from wherever their pictures lie now."""

import io
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ventralrnn.errors import VentralrnnError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.report.encode import base64_of
from ventralrnn.stimuli import Stimuli, load_stimuli
from ventralrnn.stimuli.loading import EMBEDDED
from ventralrnn.stimuli.named import NAMES

_SIDE = 56
_QUALITY = 82


class Album:
    """Pictures of stimuli by their ids.

    Parameters
    ----------
    given : sequence of str
        Folders, CSV lists or named sets where pictures are looked for first.

    Raises
    ------
    StimulusError, DataError
        One of these is no set of stimuli.
    """

    def __init__(self, given: Sequence[str] = ()) -> None:
        self._sets: list[tuple[Stimuli, dict[str, int]]] = []
        self._tried: set[str] = set()
        self._made: dict[tuple[str, str], str | None] = {}
        for source in given:
            self._add(load_stimuli(source))

    def look(self, attrs: Mapping[str, Any], beside: Path) -> None:
        """Look for the pictures that a recording or result was made with.

        Parameters
        ----------
        attrs : mapping
            Its attributes: ``stimuli`` with their name, and the ``command`` that names where they lay.
        beside : pathlib.Path
            The file itself: relative paths are also tried from its folder.
        """
        stimuli = attrs.get("stimuli")
        name = str(stimuli.get("name", "") if isinstance(stimuli, Mapping) else stimuli or "")
        for source in _candidates(name, [attrs.get("source_command"), attrs.get("command")], beside):
            if source in self._tried:
                continue
            self._tried.add(source)
            try:
                self._add(load_stimuli(source))
            except (VentralrnnError, OSError):
                continue  # the page says which pictures are missing

    def _add(self, stimuli: Stimuli) -> None:
        self._sets.append((stimuli, {name: index for index, name in enumerate(stimuli.ids)}))

    def labels(self, stimuli: Sequence[str]) -> list[str] | None:
        """Return the categories of stimuli as a set of pictures gives them, None where no set has them all.

        Parameters
        ----------
        stimuli : sequence of str
            Their ids.

        Returns
        -------
        list of str or None
            A category each.
        """
        for known, index in self._sets:
            if known.labels is not None and all(name in index for name in stimuli):
                return [known.labels[index[name]] for name in stimuli]
        return None

    def thumbnail(self, stimulus: str, digest: str = "") -> str | None:
        """Return a picture as a data URI, None where it cannot be had.

        Parameters
        ----------
        stimulus : str
            Its id.
        digest : str
            Of its content; a picture of another content is not the one that was shown.

        Returns
        -------
        str or None
            ``data:image/...``.
        """
        key = (stimulus, digest)
        if key not in self._made:
            self._made[key] = self._find(stimulus, digest)
        return self._made[key]

    def _find(self, stimulus: str, digest: str) -> str | None:
        for stimuli, index in self._sets:
            if stimulus not in index:
                continue
            try:
                pixels, found = stimuli.load(index[stimulus], Preprocessing(size=_SIDE))
            except (VentralrnnError, OSError):
                continue
            if not digest or digest == found:
                return _data_uri(pixels)
        return None


def _candidates(name: str, commands: Iterable[Any], beside: Path) -> list[str]:
    """Return where pictures may lie: a set with a name, or a path in a command, from which the set has its name."""
    if name == EMBEDDED or name in NAMES:
        return [name]
    found = []
    for command in commands:
        for word in _words(str(command or "")):
            path = Path(word).expanduser()
            if name and name in (path.name, path.stem):
                found += [str(place) for place in (path, beside.parent / path) if place.exists()]
    return found


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quotation that is not closed
        return []


def _data_uri(pixels: np.ndarray) -> str | None:
    """Return a picture, or the first frame of a movie; input that was given preprocessed has no picture."""
    from PIL import Image

    if pixels.dtype != np.uint8:
        return None
    image = Image.fromarray(pixels if pixels.ndim == 3 else pixels[0])
    content = io.BytesIO()
    image.save(content, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64_of(content.getvalue())}"
