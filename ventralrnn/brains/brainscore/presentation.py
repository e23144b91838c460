"""What Brain-Score shows: stimulus sets or lists of files, in any order and as often as they like."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ventralrnn.errors import StimulusError
from ventralrnn.stimuli import FileStimuli, Stimuli
from ventralrnn.stimuli.brainscore import from_stimulus_set, is_stimulus_set


@dataclass(frozen=True)
class Presentation:
    """Stimuli as they are presented.

    Attributes
    ----------
    stimuli : Stimuli
        Each stimulus once.
    order : numpy.ndarray of int, (presentation,)
        Which of them is presented.
    coords : dict of str to array, (presentation,)
        What the benchmark says about each presentation, ``stimulus_id`` among it.
    placed : bool
        Whether Brain-Score has drawn the pictures anew to keep their size in degrees.
    """

    stimuli: Stimuli
    order: np.ndarray
    coords: dict[str, Any]
    placed: bool = False

    @property
    def repeats(self) -> bool:
        """Whether presentations are anything but each stimulus once, in order."""
        return len(self.order) != len(self.stimuli) or bool((self.order != np.arange(len(self.order))).any())


def present(stimuli: Any, degrees: float) -> Presentation:
    """Return stimuli as a model can be shown them.

    Parameters
    ----------
    stimuli : StimulusSet, Stimuli, or sequence of path
        What a benchmark gives to ``look_at``; a stimulus may be presented more than once.
    degrees : float
        Visual angle of the model's field of view, which pictures span that do not say what they span.

    Returns
    -------
    Presentation
        Its stimuli state their visual angle.

    Raises
    ------
    StimulusError
        If a picture is not there, or an id stands for two pictures.
    """
    if isinstance(stimuli, Stimuli):
        coords: dict[str, Any] = {"stimulus_id": np.array(stimuli.ids)}
        if stimuli.labels is not None:
            coords["label"] = np.array(stimuli.labels)
        return Presentation(_spanning(stimuli, degrees), np.arange(len(stimuli)), coords)
    if is_stimulus_set(stimuli):
        return _from_set(stimuli, degrees)
    if isinstance(stimuli, str | Path) or not isinstance(stimuli, Sequence):
        raise StimulusError(f"stimuli: give a StimulusSet or a list of files, not a {type(stimuli).__name__}")
    paths = [str(path) for path in stimuli]
    unique = list(dict.fromkeys(paths))
    position = {path: i for i, path in enumerate(unique)}
    order = np.array([position[path] for path in paths], dtype=int)
    for path in unique:
        if not Path(path).is_file():
            raise StimulusError(f"stimuli: there is no file {path}")
    return Presentation(
        FileStimuli(unique, degrees=degrees), order, {"stimulus_id": np.array(paths), "stimulus_path": np.array(paths)}
    )


def _from_set(stimuli: Any, degrees: float) -> Presentation:
    name = str(getattr(stimuli, "identifier", None) or "stimulus set")
    if "stimulus_id" not in stimuli.columns:
        raise StimulusError(f"{name}: no column stimulus_id (found: {', '.join(map(str, stimuli.columns))})")
    ids = stimuli["stimulus_id"].tolist()
    first = ~stimuli["stimulus_id"].duplicated()
    unique = stimuli[first]
    # Brain-Score's tables lose these when they are cut.
    unique.stimulus_paths = getattr(stimuli, "stimulus_paths", {})
    unique.identifier = getattr(stimuli, "identifier", None)
    pictures = from_stimulus_set(unique)
    position = {stimulus_id: i for i, stimulus_id in enumerate(unique["stimulus_id"].tolist())}
    order = np.array([position[stimulus_id] for stimulus_id in ids], dtype=int)
    coords = {str(column): stimuli[column].to_numpy() for column in stimuli.columns}
    coords["stimulus_path"] = np.array(pictures.sources)[order]
    return Presentation(
        _spanning(pictures, degrees),
        order,
        coords,
        placed=bool(getattr(stimuli, "original_paths", None)),
    )


def _spanning(stimuli: Stimuli, degrees: float) -> Stimuli:
    return stimuli if stimuli.degrees_range() else stimuli.with_degrees(degrees)
