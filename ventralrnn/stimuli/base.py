"""What a set of stimuli is: ordered, with unique ids, read one at a time."""

import copy
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing


class Stimuli(ABC):
    """An ordered set of stimuli, read one at a time so that memory does not grow with their number.

    Subclasses call ``super().__init__`` and say how one stimulus is loaded, hashed and how large it is.

    Parameters
    ----------
    name : str
        Name of the set, for recordings and messages.
    ids : sequence of str, length n
        Stimulus ids; each occurs once.
    labels : sequence of str, length n, optional
        Category of each stimulus.
    degrees : float or sequence of float, length n, optional
        Visual angle that a picture's shorter side spans, in degrees: one for all, or one a picture.
    sources : sequence of str, length n, optional
        File of each stimulus, or '' where there is none.
    place : callable, optional
        Index -> where the stimulus was listed ('line 3'), for messages.

    Attributes
    ----------
    name : str
        Name of the set.
    ids : tuple of str, length n
        Stimulus ids.
    labels : tuple of str, length n, or None
        Category of each stimulus.
    degrees : float or None
        Visual angle in degrees that all pictures share; None if not stated, or if they differ
        (see :meth:`degrees_at`).
    sources : tuple of str, length n
        File of each stimulus, or ''.

    Raises
    ------
    StimulusError
        No stimuli, an id that occurs twice, a list of another length, or an angle that is not positive.
    """

    name: str
    ids: Sequence[str]
    labels: Sequence[str] | None
    degrees: float | None
    sources: Sequence[str]

    def __init__(
        self,
        name: str,
        ids: Sequence[str],
        *,
        labels: Sequence[str] | None = None,
        degrees: float | Sequence[float] | None = None,
        sources: Sequence[str] | None = None,
        place: Callable[[int], str] | None = None,
    ) -> None:
        self.name = name
        self.ids = tuple(str(i) for i in ids)
        if not self.ids:
            raise StimulusError(f"{name}: there are no stimuli")
        check_unique(self.ids, name, place or _index)
        self.labels = None if labels is None else tuple(str(label) for label in labels)
        self.sources = ("",) * len(self.ids) if sources is None else tuple(str(source) for source in sources)
        for what, values in (("labels", self.labels), ("sources", self.sources)):
            if values is not None and len(values) != len(self.ids):
                raise StimulusError(f"{name}: {len(values)} {what} for {len(self.ids)} stimuli")
        self._set_degrees(degrees)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {len(self)} stimuli>"

    @abstractmethod
    def load(self, index: int, preprocessing: Preprocessing) -> tuple[np.ndarray, str]:
        """Read one stimulus and bring it to the model's input size.

        Parameters
        ----------
        index : int
            Position in the set, 0 to n - 1.
        preprocessing : Preprocessing
            The model's; its size, crop, interpolation and degrees are applied here, its mean and std later
            (:func:`ventralrnn.stimuli.standardise`).

        Returns
        -------
        pixels : numpy.ndarray
            uint8, (size, size, 3) for a picture and (frame, size, size, 3) for a movie; or float32,
            (channel, y, x) or (frame, channel, y, x), for input that was given already preprocessed.
        digest : str
            The content digest, as :meth:`digest` gives it.

        Raises
        ------
        StimulusError
            The stimulus cannot be read.
        """

    @abstractmethod
    def digest(self, index: int) -> str:
        """Return the first 16 hex digits of the sha256 of one stimulus' raw bytes, without decoding it."""

    @abstractmethod
    def byte_size(self, index: int) -> int:
        """Return the number of raw bytes of one stimulus, without reading them."""

    def degrees_at(self, index: int) -> float | None:
        """Return the visual angle that one picture's shorter side spans, in degrees, or None."""
        return self.degrees if self._degrees_each is None else self._degrees_each[index]

    def degrees_range(self) -> tuple[float, float] | None:
        """Return the smallest and largest visual angle in the set, in degrees, or None if none is stated."""
        if self._degrees_each is not None:
            return min(self._degrees_each), max(self._degrees_each)
        return None if self.degrees is None else (self.degrees, self.degrees)

    def with_degrees(self, degrees: float | None) -> Self:
        """Return the same stimuli with their visual angle stated.

        Parameters
        ----------
        degrees : float or None
            Visual angle that every picture's shorter side spans, in degrees; None leaves them as they are.

        Returns
        -------
        Stimuli
            A copy that shares the pictures; the set itself where nothing changes.

        Raises
        ------
        StimulusError
            The stimuli already state another angle.
        """
        stated = self.degrees_range()
        if degrees is None or stated == (degrees, degrees):
            return self
        if stated is not None:
            low, high = stated
            said = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            raise StimulusError(f"{self.name} states {said} degrees already: leave out degrees={degrees:g}")
        stimuli = copy.copy(self)
        stimuli._set_degrees(degrees)
        return stimuli

    def fingerprint(self) -> str:
        """Return a cheap identity of the whole set, whatever it is called and wherever it lies.

        Returns
        -------
        str
            sha256 (hex) over the ids in order, the byte sizes and the visual angles. It reads no picture: a changed
            picture of the same size is told by :meth:`digest`.
        """
        sha = hashlib.sha256()
        for index, stimulus_id in enumerate(self.ids):
            sha.update(json.dumps([stimulus_id, self.byte_size(index), self.degrees_at(index)]).encode())
        return sha.hexdigest()

    def _set_degrees(self, degrees: float | Sequence[float] | None) -> None:
        each = None if degrees is None or isinstance(degrees, int | float) else tuple(float(d) for d in degrees)
        values = each if each is not None else () if degrees is None else (float(degrees),)  # type: ignore[arg-type]
        if each is not None and len(each) != len(self.ids):
            raise StimulusError(f"{self.name}: {len(each)} visual angles for {len(self.ids)} stimuli")
        for value in values:
            if not (np.isfinite(value) and value > 0):
                raise StimulusError(f"{self.name}: a visual angle of {value:g} degrees; give a positive number")
        shared = len(set(values)) == 1
        self.degrees = values[0] if shared else None
        self._degrees_each = None if shared else each


def content_digest(content: bytes) -> str:
    """Return the first 16 hex digits of the sha256 of some bytes."""
    return hashlib.sha256(content).hexdigest()[:16]


def check_unique(ids: Sequence[str], name: str, place: Callable[[int], str]) -> None:
    """Refuse ids that occur twice.

    Parameters
    ----------
    ids : sequence of str
        Stimulus ids.
    name : str
        Name of the set, for the message.
    place : callable
        Index -> where the stimulus was listed, for the message.

    Raises
    ------
    StimulusError
        Names the first id that occurs again, and both places.
    """
    first: dict[str, int] = {}
    for index, stimulus_id in enumerate(ids):
        if stimulus_id in first:
            raise StimulusError(
                f"{name}: stimulus id {stimulus_id!r} occurs twice, at {place(first[stimulus_id])} and {place(index)}; "
                "list each stimulus once, or give each its own stimulus_id"
            )
        first[stimulus_id] = index


def _index(index: int) -> str:
    return f"index {index}"
