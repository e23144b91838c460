"""One way in: a set of stimuli from whatever the user names."""

import difflib
from pathlib import Path
from typing import Any

import numpy as np

from ventralrnn.errors import DataError, StimulusError
from ventralrnn.resources import data_dir
from ventralrnn.stimuli import named, registry
from ventralrnn.stimuli.arrays import ArrayStimuli
from ventralrnn.stimuli.base import Stimuli
from ventralrnn.stimuli.brainscore import from_stimulus_set, is_stimulus_set
from ventralrnn.stimuli.files import FileStimuli
from ventralrnn.stimuli.folders import from_folder
from ventralrnn.stimuli.lists import from_csv

EMBEDDED = "embedded"


def load_stimuli(source: Any, *, degrees: float | None = None) -> Stimuli:
    """Return a set of stimuli, read one at a time when they are needed.

    Parameters
    ----------
    source : str, path-like, numpy.ndarray, torch.Tensor, StimulusSet or Stimuli
        - ``'embedded'``: the 400 CIFAR-10 test pictures that ship with the package;
        - the name of a data set with pictures in the cache: ``'cifar10-test'``, ``'cowley2023'``,
          ``'kriegeskorte2008'``;
        - a folder of pictures, or a CSV list of them (``./embedded`` for a folder of that name);
        - an array, as :class:`ArrayStimuli` takes it;
        - a Brain-Score StimulusSet;
        - a set that is loaded already.
    degrees : float, optional
        Visual angle that every picture's shorter side spans, in degrees, where the source does not state it.

    Returns
    -------
    Stimuli
        In a fixed order.

    Raises
    ------
    StimulusError
        The source cannot be used; the message names it.
    DataError
        A named data set is not in the cache, or is not what its hash promises.
    """
    if isinstance(source, Stimuli):
        return source.with_degrees(degrees)
    if is_stimulus_set(source):
        return from_stimulus_set(source, degrees)
    if isinstance(source, np.ndarray) or hasattr(source, "detach"):
        return ArrayStimuli(source, degrees=degrees)
    if isinstance(source, str):
        if source == EMBEDDED:
            return _embedded().with_degrees(degrees)
        if source in named.NAMES:
            return named.load(source).with_degrees(degrees)
        if source in registry.names() and not Path(source).exists():
            raise DataError(f"{source} holds no pictures{_same_pictures(source)}")
    if isinstance(source, str | Path):
        return _from_path(Path(source).expanduser(), degrees)
    raise StimulusError(
        f"a {type(source).__name__} is not a set of stimuli: give a name, a folder, a CSV list, an array, a "
        "StimulusSet, or Stimuli"
    )


def _embedded() -> FileStimuli:
    return from_csv(data_dir() / "stimuli" / "cifar10" / "stimuli.csv", name=EMBEDDED)


def _from_path(path: Path, degrees: float | None) -> FileStimuli:
    if path.is_dir():
        return from_folder(path, degrees)
    if path.suffix.lower() == ".csv" and path.exists():
        return from_csv(path, degrees)
    if path.exists():
        raise StimulusError(f"{path}: neither a folder of pictures nor a CSV list; give the folder it lies in")
    known = [EMBEDDED, *named.NAMES]
    near = difflib.get_close_matches(str(path), known, n=1)
    guess = f"; did you mean {near[0]}?" if near else f" (sets with a name: {', '.join(known)})"
    raise StimulusError(f"{path}: no such folder, CSV list or named set of stimuli{guess}")


def _same_pictures(name: str) -> str:
    pictures = registry.data_set(name).pictures
    return f"; its pictures are those of {pictures}" if pictures else ""
