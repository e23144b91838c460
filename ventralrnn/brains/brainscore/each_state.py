"""Every area at every step on a benchmark of Brain-Score: when a model is most like the brain."""

import hashlib
import json
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.brains.brainscore.model import VentralBrainModel
from ventralrnn.brains.brainscore.numbers import NUMBERS, read_numbers
from ventralrnn.brains.brainscore.states import AreaStates
from ventralrnn.brains.brainscore.tasks import Behaviour
from ventralrnn.brains.brainscore.timing import to_bins
from ventralrnn.errors import AnalysisError, VentralrnnError
from ventralrnn.progress import progress_bar

Judge = Callable[[Any], Any]


class _NoStateError(VentralrnnError):
    """A benchmark of a model's own answers, which no state but the last has."""


class OneState:
    """A model as if one state of one area were all that it does, in every time bin that is asked for.

    Parameters
    ----------
    subject : VentralBrainModel
        Of all areas, see :meth:`VentralBrainModel.of_all_areas`.

    Notes
    -----
    A state is held against all time bins of a benchmark, which is how one sees what it is most like: a choice that is
    made here, for a question, and not what :class:`VentralBrainModel` answers to the benchmark itself.
    """

    def __init__(self, subject: VentralBrainModel) -> None:
        self._subject = subject
        self.area, self.position = "", 0
        self.known: AreaStates | None = None
        self._kept: dict[str, tuple[AreaStates, np.ndarray]] = {}
        self._bins: np.ndarray | None = None
        self._recording = False
        self._behaviour = Behaviour(subject.identifier, self._activations, None)

    def be(self, area: str, position: int) -> None:
        """Be the state at a position among those that the input has reached."""
        if area != self.area:
            self._kept.clear()
        self.area, self.position, self.known = area, position, None

    @property
    def areas(self) -> dict[str, str]:
        """All that there are."""
        return self._subject.areas

    @property
    def identifier(self) -> str:
        """Name of the model and its weights."""
        return self._subject.identifier

    def visual_degrees(self) -> float:
        """Return the field of view, in degrees."""
        return self._subject.visual_degrees()

    def start_recording(self, recording_target: str, time_bins: Any = None) -> None:
        """Record, whatever area is asked for."""
        self._recording, self._bins = True, None if time_bins is None else to_bins(time_bins)
        self._behaviour.stop()

    def start_task(self, task: str, *args: Any, **kwargs: Any) -> None:
        """Perform a task with what can be read out of the state."""
        if str(task) == "label":
            raise _NoStateError
        self._recording = False
        self._behaviour.start(task, *args, **kwargs)

    def look_at(self, stimuli: Any, number_of_trials: int = 1, **kwargs: Any) -> Any:
        """Show stimuli, and return what was asked for."""
        if not self._recording:
            return self._behaviour.look_at(stimuli, number_of_trials=number_of_trials, **kwargs)
        state = self._state(stimuli, number_of_trials)
        bins = 1 if self._bins is None else len(self._bins)
        return self._subject.package(np.broadcast_to(state, (bins, *state.shape)), stimuli, self.area, self._bins)

    def _activations(self, stimuli: Any, layers: Any, number_of_trials: int = 1, **kwargs: Any) -> Any:
        state = self._state(stimuli, number_of_trials)
        return self._subject.package(state[None], stimuli, self.area, None)

    def _state(self, stimuli: Any, number_of_trials: int) -> np.ndarray:
        """Return (presentation, neuroid); all states of an area are recorded once for a set of stimuli."""
        key = _key_of(stimuli, number_of_trials)
        if key not in self._kept:
            self._kept[key] = self._subject.look_at_states(self.area, stimuli, number_of_trials)
        self.known, responses = self._kept[key]
        return responses[self.position]


def _key_of(stimuli: Any, trials: int) -> str:
    paths = getattr(stimuli, "stimulus_paths", {})
    ids = stimuli["stimulus_id"].tolist() if hasattr(stimuli, "stimulus_paths") else list(stimuli)
    return "\n".join([str(trials), *(f"{i}\t{paths.get(i, i)}" for i in ids)])


def score_states(judge: Judge, subject: VentralBrainModel, journal: "Journal", show: bool = False) -> xr.Dataset | None:
    """Score every area at every step.

    Parameters
    ----------
    judge : callable
        Scores what it is given as a benchmark does; an AnalysisError means that a state has no score.
    subject : VentralBrainModel
        The model.
    journal : Journal
        Of states that are finished.
    show : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset or None
        ``state_score``, ``state_raw``, ``state_low``, ``state_high``, ``state_error``, ``state_ceiling`` (area, time)
        or (area, time, time_bin), with coordinates ``area``, ``time_step`` (time) and ``time_ms`` (area, time). None
        if the benchmark reads no state, as those of a model's own labels.
    """
    one = OneState(subject.of_all_areas())
    found: dict[str, list[dict[str, Any]]] = {}

    def score(area: str, position: int) -> dict[str, Any] | None:
        entry = journal.find(area, position)
        if entry is None:
            entry = _score(judge, one, area, position)
            if entry is not None:
                journal.add(area, position, entry)
        return entry

    for area in one.areas:
        # How many states there are is known when the first of them has been recorded.
        first = score(area, 0)
        if first is None:
            return None
        found[area] = [first]
        with progress_bar(show, len(first["steps"]), "states", area, done=1) as advance:
            for position in range(1, len(first["steps"])):
                entry = score(area, position)
                assert entry is not None
                found[area].append(entry)
                advance(1)
    return _arrange(found)


def _score(judge: Judge, one: OneState, area: str, position: int) -> dict[str, Any] | None:
    """Return what one state scores, as plain data; None if it was not read."""
    one.be(area, position)
    numbers: dict[str, Any] = {}
    try:
        found = read_numbers(judge(one))
        numbers = {name: getattr(found, name).tolist() for name in NUMBERS}
    except _NoStateError:
        return None
    except AnalysisError as error:
        if one.known is None:
            raise
        if position == 0:
            warnings.warn(f"{area} has no score: {error}", stacklevel=2)
    if one.known is None:
        return None
    return {"steps": list(one.known.steps), "times": one.known.times.tolist(), "numbers": numbers}


def _arrange(found: dict[str, list[dict[str, Any]]]) -> xr.Dataset:
    """Return scores of states as arrays, NaN where a state does not exist or has no score."""
    steps = sorted({step for rows in found.values() for step in rows[0]["steps"]})
    shapes = {np.shape(row["numbers"]["score"]) for rows in found.values() for row in rows if row["numbers"]}
    bins = shapes.pop()[0] if len(shapes) == 1 else 1
    values = {name: np.full((len(found), len(steps), bins), np.nan) for name in NUMBERS}
    times = np.full((len(found), len(steps)), np.nan)
    for i, rows in enumerate(found.values()):
        for position, row in enumerate(rows):
            j = steps.index(row["steps"][position])
            times[i, j] = row["times"][position]
            for name, numbers in row["numbers"].items():
                values[name][i, j] = numbers
    dims = ("area", "time", "time_bin") if bins > 1 else ("area", "time")
    return xr.Dataset(
        {f"state_{name}": (dims, array if bins > 1 else array[..., 0]) for name, array in values.items()},
        {"area": list(found), "time_step": ("time", steps), "time_ms": (("area", "time"), times, {"units": "ms"})},
    )


class Journal:
    """Scores of states that are finished, in a file that grows line by line.

    Parameters
    ----------
    path : path or None
        The file; None keeps nothing.
    about : str
        All that a score depends on besides area and step: benchmark, data, weights, preprocessing, versions. Lines that
        were written with anything else are passed over.
    resume : bool
        Whether lines of an earlier run are read; else the file begins anew.
    """

    def __init__(self, path: Path | None, about: str = "", resume: bool = False) -> None:
        self.path, self._about = path, about
        self._known: dict[str, dict[str, Any]] = {}
        if path is None:
            return
        if not resume:
            path.unlink(missing_ok=True)
        elif path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError, KeyError):  # the last line may have been cut
                    entry = json.loads(line)
                    self._known[entry["key"]] = entry

    def find(self, area: str, position: int) -> dict[str, Any] | None:
        """Return what is known of a state, or None."""
        return self._known.get(self._key(area, position))

    def add(self, area: str, position: int, entry: dict[str, Any]) -> None:
        """Keep a state."""
        if self.path is None:
            return
        try:
            with self.path.open("a", encoding="utf-8") as file:
                # A line that was cut is ended, so that it does not take this one with it.
                file.write("\n" + json.dumps({"key": self._key(area, position), **entry}))
        except OSError as error:
            # A full disk is told of without a name by what writes to an open file.
            error.filename = error.filename or str(self.path)
            raise

    def _key(self, area: str, position: int) -> str:
        return hashlib.sha256(f"{self._about}\n{area}\n{position}".encode()).hexdigest()
