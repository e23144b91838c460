"""A Brain-Score StimulusSet as a set of stimuli, by what it can do: Brain-Score itself is not imported."""

from pathlib import Path
from typing import Any

from ventralrnn.errors import StimulusError
from ventralrnn.stimuli.files import FileStimuli


def is_stimulus_set(source: Any) -> bool:
    """Tell whether an object is a Brain-Score StimulusSet: a table that can say where each stimulus' file lies."""
    return hasattr(type(source), "get_stimulus") and hasattr(source, "columns")


def from_stimulus_set(stimulus_set: Any, degrees: float | None = None) -> FileStimuli:
    """Take the pictures of a Brain-Score StimulusSet, in its order.

    Parameters
    ----------
    stimulus_set : brainio StimulusSet
        With a column ``stimulus_id``, and ``get_stimulus``; ``label`` or ``object_name`` and ``degrees`` are used
        where they are there.
    degrees : float, optional
        Visual angle that every picture's shorter side spans, in degrees, where the set does not state it.

    Returns
    -------
    FileStimuli
        Named after the set's identifier.

    Raises
    ------
    StimulusError
        The set lacks ids or paths, or a file is not there.
    """
    name = str(getattr(stimulus_set, "identifier", None) or "stimulus set")
    columns = list(stimulus_set.columns)
    if "stimulus_id" not in columns:
        raise StimulusError(f"{name}: no column stimulus_id (found: {', '.join(map(str, columns))})")
    ids = stimulus_set["stimulus_id"].tolist()
    try:
        paths = [Path(stimulus_set.get_stimulus(stimulus_id)) for stimulus_id in ids]
    except AttributeError as error:
        # A copy made by calling the class, StimulusSet(other), keeps the table and loses the paths.
        raise StimulusError(f"{name}: the set has lost its paths; set stimulus_paths on the copy ({error})") from error
    except KeyError as error:
        raise StimulusError(f"{name}: no path for the stimulus id {error}") from error
    for path in paths:
        if not path.is_file():
            raise StimulusError(f"{name}: there is no file {path}")
    label = next((column for column in ("label", "object_name") if column in columns), None)
    return FileStimuli(
        paths,
        [str(stimulus_id) for stimulus_id in ids],
        labels=None if label is None else [str(value) for value in stimulus_set[label].tolist()],
        degrees=[float(value) for value in stimulus_set["degrees"].tolist()] if "degrees" in columns else None,
        name=name,
        place=lambda index: f"row {index}",
    ).with_degrees(degrees)
