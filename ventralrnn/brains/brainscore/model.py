"""A model with time as a Brain-Score BrainModel."""

import copy
import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from ventralrnn.brains.brainscore.environment import load_brainscore
from ventralrnn.brains.brainscore.presentation import Presentation, present
from ventralrnn.brains.brainscore.states import (
    DEFAULT_DEGREES,
    LOGITS,
    REGIONS,
    AreaStates,
    ModelStates,
    RecordingStates,
    States,
)
from ventralrnn.brains.brainscore.tasks import Behaviour
from ventralrnn.brains.brainscore.timing import MIN_COVERAGE, bin_weights, name_bins, step_bounds, to_bins, without_time
from ventralrnn.errors import RecordingError
from ventralrnn.graph import Clock
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.recording import Recording, open_recording
from ventralrnn.stimuli import rendering_note
from ventralrnn.zoo import load_model

# Responses beyond this lie in a file that is mapped into memory, so that they can be put out of it again.
_RESIDENT_BYTES = 1 << 28
_NAMED = 12


class VentralBrainModel:
    """A model, or a recording of one, as the subject of Brain-Score's benchmarks, with responses that have time.

    Parameters
    ----------
    model : torch.nn.Module, Recording, str or path
        A model, what :func:`ventralrnn.load_model` takes, or a recording (``*.zarr``) of the benchmark's stimuli.
    areas : mapping of str to str, optional
        Area of the brain (V1, V2, V4, IT) -> area of the model: for our networks the name of an area (areas of the
        same name by default), for other modules the path of a module as in :class:`ventralrnn.recording.Recorder`,
        each of whose calls is one step.
    clock : Clock, optional
        Milliseconds a step and onset latencies, for models other than our networks.
    steps : str, optional
        Steps to run, ``'0:12'``, as in :func:`ventralrnn.extract`; the model's own by default.
    preprocessing : Preprocessing, optional
        Of the pictures; the model's own by default.
    visual_degrees : float, optional
        Field of view, in degrees; by default what the model states, or 8 where it states none.
    uncovered : {'error', 'nan'}
        What becomes of time bins that the model's steps do not cover.
    min_coverage : float
        Share of a bin that steps must cover for it to count as covered, see Notes.
    readout : tuple of (str, int or None), optional
        Area of the brain and step that behavioural tasks read; by default the last committed area at its last step.
    labels : sequence of str, optional
        Classes of the model's output, in order, for the task 'label'; one of 1,000 is taken to be ImageNet's.
    stochastic : bool
        Whether responses are averaged over as many trials as a benchmark asks for, with noise of their own in each.
    device : str
        'auto', 'cpu', 'cuda', 'mps'.
    batch_size : int, optional
        Stimuli a forward pass.
    seed : int
        Of random weights, and of anything random in the model.
    workers : int
        Threads that decode pictures.

    Raises
    ------
    RecordingError, SpecificationError
        If something does not fit.

    Notes
    -----
    A step lasts from its time to that of the next one, the last as long as a step of the clock. A requested bin is the
    average of the steps that overlap with it, weighted by the milliseconds that they share. At the edges (before the
    first response, after the last step) the average is over the covered part where that is at least `min_coverage` of
    the bin; else the bin is not covered. A single bin that ends where it starts, as benchmarks of fMRI have it, is a
    measurement without time: the mean of all steps. No step is repeated over bins in which it does not last. A model
    without a clock has no time: if it has a single step, that answers a request for a single bin, and nothing else.

    Brain-Score draws pictures anew (padded with grey, or cut) where a benchmark's visual angle is not the model's; it
    is announced when it happens. Nothing is cached.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> "VentralBrainModel":
        """Make it a BrainModel of Brain-Score, which is first imported here."""
        base: Any = cls
        return object.__new__(_as_brain_model(base))

    def __init__(
        self,
        model: nn.Module | Recording | str | os.PathLike[str],
        areas: Mapping[str, str] | None = None,
        *,
        clock: Clock | None = None,
        steps: str | None = None,
        preprocessing: Preprocessing | None = None,
        visual_degrees: float | None = None,
        uncovered: Literal["error", "nan"] = "error",
        min_coverage: float = MIN_COVERAGE,
        readout: tuple[str, int | None] | None = None,
        labels: Sequence[str] | None = None,
        stochastic: bool = False,
        device: str = "auto",
        batch_size: int | None = None,
        seed: int = 0,
        workers: int = 2,
    ) -> None:
        if uncovered not in ("error", "nan"):
            raise RecordingError(f"uncovered {uncovered!r}: error or nan")
        if not 0 < min_coverage <= 1:
            raise RecordingError(f"min_coverage {min_coverage}: give a share above 0 and up to 1")
        self.states: States = _states(
            model, areas, clock, steps, preprocessing, device=device, batch_size=batch_size, seed=seed, workers=workers
        )
        self.uncovered, self.min_coverage, self.stochastic = uncovered, min_coverage, stochastic
        self._degrees = self._field_of_view(visual_degrees)
        self._recorded: tuple[str, np.ndarray | None] | None = None
        self._behaviour = Behaviour(self.identifier, self._activations, labels)
        self._readout = readout

    def _field_of_view(self, given: float | None) -> float:
        stated = self.states.degrees
        if given is not None and stated is not None and given != stated and isinstance(self.states, RecordingStates):
            raise RecordingError(f"visual_degrees: the recorded model sees {stated:g} degrees, not {given:g}")
        degrees = given or stated or DEFAULT_DEGREES
        self.states.degrees = degrees
        return float(degrees)

    @property
    def identifier(self) -> str:
        """Name of the model and the first digits of its weights' hash, so that other weights are another model."""
        return f"{self.states.name}-{self.states.weights()[:_NAMED]}"

    @property
    def areas(self) -> dict[str, str]:
        """Area of the brain -> what of the model is committed to it."""
        return dict(self.states.areas)

    def visual_degrees(self) -> float:
        """Return the field of view, in degrees."""
        return int(self._degrees) if self._degrees.is_integer() else self._degrees

    def start_recording(self, recording_target: str, time_bins: Any = None) -> None:
        """Record an area from the next look on.

        Parameters
        ----------
        recording_target : {'V1', 'V2', 'V4', 'IT'}
            Area of the brain, or another to which something is committed.
        time_bins : sequence of (start, end), optional
            In ms after stimulus onset; without any, every step is a bin of its own.

        Raises
        ------
        RecordingError
            If nothing is committed to the area, or these are no bins.
        """
        area = str(recording_target)
        self.states.committed(area)
        self._recorded = (area, None if time_bins is None else to_bins(time_bins))
        self._behaviour.stop()

    def start_task(self, task: str, *args: Any, **kwargs: Any) -> None:
        """Perform a task from the next look on.

        Parameters
        ----------
        task : {'passive', 'label', 'probabilities', 'odd_one_out'}
            What to do.
        *args, **kwargs
            The labels for 'label' ('imagenet' or a list), the stimuli with ``image_label`` to fit a readout to for
            'probabilities'; see ``brainscore_vision.model_interface.BrainModel``.
        """
        self._recorded = None
        self._behaviour.start(task, *args, **kwargs)

    def look_at(self, stimuli: Any, number_of_trials: int = 1, **kwargs: Any) -> Any:
        """Show stimuli, and return what was asked for.

        Parameters
        ----------
        stimuli : StimulusSet or sequence of path
            Presented in order; a stimulus may come more than once.
        number_of_trials : int
            Trials that responses are averaged over, if the model is stochastic; the responses of others are the same
            in every trial.
        **kwargs
            Further arguments of tasks.

        Returns
        -------
        NeuroidAssembly or BehavioralAssembly
            Recordings (presentation, neuroid, time_bin), for a single bin (presentation, neuroid); or behaviour.
        """
        if self._recorded is None:
            return self._behaviour.look_at(stimuli, number_of_trials=number_of_trials, **kwargs)
        area, bins = self._recorded
        presentation = self._present(stimuli)
        known = self.states.look(area, presentation.stimuli)
        if bins is None:
            bins = step_bounds(known.times, known.ms_per_step) if known.timed else None
            weights = np.eye(len(known.steps))
        else:
            weights = self._weights(area, known, bins)
        responses = self._respond(area, presentation, weights, number_of_trials)
        return self._assembly(responses, presentation, area, known, bins)

    def coverage(self, stimuli: Any) -> np.ndarray:
        """Return which share of each bin that is recorded the model's steps cover, (time_bin,)."""
        if self._recorded is None or self._recorded[1] is None:
            raise RecordingError("no time bins are recorded: call start_recording with some")
        area, bins = self._recorded
        known = self.states.look(area, self._present(stimuli).stimuli)
        assert bins is not None
        if without_time(bins):
            return np.ones(1)
        return bin_weights(step_bounds(known.times, known.ms_per_step), bins, self.min_coverage)[1]

    def look_at_states(self, area: str, stimuli: Any, number_of_trials: int = 1) -> tuple[AreaStates, np.ndarray]:
        """Show stimuli, and return every state of an area by itself.

        Returns
        -------
        known : AreaStates
            Which states there are.
        responses : numpy.ndarray, (step, presentation, neuroid)
            In a file, where they are many.
        """
        presentation = self._present(stimuli)
        known = self.states.look(area, presentation.stimuli)
        return known, self._respond(area, presentation, np.eye(len(known.steps)), number_of_trials)

    def package(self, responses: np.ndarray, stimuli: Any, area: str, bins: np.ndarray | None) -> Any:
        """Return responses (time_bin, presentation, neuroid) as an assembly, as :meth:`look_at` does."""
        presentation = self._present(stimuli)
        known = self.states.look(area, presentation.stimuli)
        return self._assembly(responses, presentation, area, known, bins)

    def of_all_areas(self) -> "VentralBrainModel":
        """Return the same model, with all of its own areas under their own names."""
        other = copy.copy(self)
        other.states = self.states.of_all_areas()
        return other

    def _present(self, stimuli: Any) -> Presentation:
        presentation = present(stimuli, self._degrees)
        if presentation.placed:
            warnings.warn(
                f"the benchmark's pictures do not span the model's {self._degrees:g} degrees: Brain-Score has drawn "
                "them anew, padded with grey or cut, so that they keep their size in degrees",
                stacklevel=3,
            )
        elif isinstance(self.states, ModelStates):
            note = rendering_note(presentation.stimuli, replace(self.states.preprocessing, degrees=self._degrees))
            if note:
                warnings.warn(note, stacklevel=3)
        return presentation

    def _weights(self, area: str, known: AreaStates, bins: np.ndarray) -> np.ndarray:
        """Return how much of each bin comes from each step."""
        if without_time(bins):
            return np.full((1, len(known.steps)), 1 / len(known.steps))
        if not known.timed:
            if len(known.steps) == len(bins) == 1:
                return np.ones((1, 1))
            raise RecordingError(
                f"area {area} of {self.states.name} has {len(known.steps)} steps and no clock, so nothing says which "
                f"of them the {len(bins)} time bins mean: give it one, clock=Clock(...)"
            )
        bounds = step_bounds(known.times, known.ms_per_step)
        weights, _ = bin_weights(bounds, bins, self.min_coverage)
        open_ = np.isnan(weights).any(1)
        if open_.any() and self.uncovered == "error":
            raise RecordingError(
                f"area {area} of {self.states.name} responds from {bounds[0, 0]:g} to {bounds[-1, 1]:g} ms, which "
                f"covers less than {self.min_coverage:g} of time bins {name_bins(bins[open_])}: run more `steps`, "
                "or leave such bins NaN with uncovered='nan'"
            )
        return weights

    def _respond(self, area: str, presentation: Presentation, weights: np.ndarray, trials: int) -> np.ndarray:
        """Return responses (time_bin, presentation, neuroid), block by block."""
        trials = trials if self.stochastic else 1
        stimuli = presentation.stimuli
        neuroids = len(self.states.look(area, stimuli).neuroids["channel"])
        responses = _room((len(weights), len(stimuli), neuroids))
        filled = np.flatnonzero(~np.isnan(weights).any(1))
        responses[np.isnan(weights).any(1)] = np.nan
        shares = torch.from_numpy(weights[filled].astype(np.float32))
        for trial in range(trials):
            for start, states in self.states.blocks(area, stimuli, trial):
                averaged = torch.einsum("bs,s...->b...", shares.to(states.device), states).cpu().numpy()
                rows = slice(start, start + averaged.shape[1])
                for position, one in zip(filled, averaged, strict=True):
                    responses[position, rows] = one if trial == 0 else responses[position, rows] + one
        if trials > 1:
            responses /= trials
        return responses[:, presentation.order] if presentation.repeats else responses

    def _assembly(
        self, responses: np.ndarray, presentation: Presentation, area: str, known: AreaStates, bins: np.ndarray | None
    ) -> Any:
        from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

        coords = _presentation_coords(presentation) | _neuroid_coords(self.states.name, area, self.areas, known)
        attrs: dict[str, Any] = {"model_identifier": self.identifier, "region": area}
        if len(responses) == 1:
            if bins is not None:
                attrs["time_bin_start"], attrs["time_bin_end"] = bins[0].tolist()
            return NeuroidAssembly(responses[0], coords=coords, dims=["presentation", "neuroid"], attrs=attrs)
        if bins is None:
            raise RecordingError(
                f"area {area} of {self.states.name} has no clock, so its steps have no time bins: give it one, "
                "clock=Clock(...)"
            )
        edges = bins.astype(int) if (bins % 1 == 0).all() else bins
        coords |= {"time_bin_start": ("time_bin", edges[:, 0]), "time_bin_end": ("time_bin", edges[:, 1])}
        dims = ["presentation", "neuroid", "time_bin"]
        return NeuroidAssembly(responses.transpose(1, 2, 0), coords=coords, dims=dims, attrs=attrs)

    def _activations(self, stimuli: Any, layers: Sequence[str], number_of_trials: int = 1, **kwargs: Any) -> Any:
        """Return what tasks read, (presentation, neuroid): Brain-Score's interface of an activations model."""
        from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

        presentation = self._present(stimuli)
        area, step = (LOGITS, None) if list(layers) == [LOGITS] else self._readout_at()
        known = self.states.look(area, presentation.stimuli)
        weights = np.zeros((1, len(known.steps)))
        weights[0, self._position(area, known, step)] = 1
        responses = self._respond(area, presentation, weights, number_of_trials)[0]
        coords = _presentation_coords(presentation) | _neuroid_coords(self.states.name, area, self.areas, known)
        return NeuroidAssembly(responses, coords=coords, dims=["presentation", "neuroid"])

    def _readout_at(self) -> tuple[str, int | None]:
        if self._readout is not None:
            return self._readout
        last = [region for region in REGIONS if region in self.states.areas]
        return (last or list(self.states.areas))[-1], None

    @staticmethod
    def _position(area: str, known: AreaStates, step: int | None) -> int:
        if step is None:
            return -1
        if step not in known.steps:
            raise RecordingError(f"readout: area {area} has no response at step {step}; it has {known.steps}")
        return known.steps.index(step)


@cache
def _as_brain_model(cls: Any) -> Any:
    load_brainscore()
    from brainscore_vision.model_interface import BrainModel

    return cls if issubclass(cls, BrainModel) else type(cls.__name__, (cls, BrainModel), {"__module__": cls.__module__})


def _states(
    model: Any,
    areas: Mapping[str, str] | None,
    clock: Clock | None,
    steps: str | None,
    preprocessing: Preprocessing | None,
    **how: Any,
) -> States:
    if isinstance(model, str | os.PathLike) and Path(model).suffix == ".zarr":
        model = open_recording(model)
    if isinstance(model, Recording):
        for name, value in (("clock", clock), ("steps", steps), ("preprocessing", preprocessing)):
            if value is not None:
                raise RecordingError(f"{name}: {model.path} is a recording, which has its own")
        return RecordingStates(model, areas)
    module = model if isinstance(model, nn.Module) else load_model(model, seed=how["seed"])
    module = getattr(module, "_orig_mod", module)
    spec = getattr(module, "spec", None)
    name = str(getattr(spec, "name", None) or (type(module).__name__ if isinstance(model, nn.Module) else model))
    return ModelStates(module, name, areas, clock, steps, preprocessing, **how)


def _room(shape: tuple[int, ...]) -> np.ndarray:
    """Return an array for responses, in a file that goes with it where they are many."""
    if int(np.prod(shape)) * 4 <= _RESIDENT_BYTES:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile(prefix="ventralrnn-responses-") as file:
        return np.memmap(file, np.float32, "w+", shape=shape)


def _presentation_coords(presentation: Presentation) -> dict[str, Any]:
    coords = {name: ("presentation", values) for name, values in presentation.coords.items()}
    # A level of its own keeps the dimension a MultiIndex, which assemblies expect.
    return coords | {"presentation_number": ("presentation", np.arange(len(presentation.order)))}


def _neuroid_coords(name: str, area: str, areas: Mapping[str, str], known: AreaStates) -> dict[str, Any]:
    count = len(known.neuroids["channel"])
    numbers = np.arange(count)
    return {
        "neuroid_id": ("neuroid", np.array([f"{name}.{area}.{i}" for i in numbers])),
        "neuroid_num": ("neuroid", numbers),
        "region": ("neuroid", np.full(count, area)),
        "model": ("neuroid", np.full(count, name)),
        "layer": ("neuroid", np.full(count, areas.get(area, area))),
        **{key: ("neuroid", values) for key, values in known.neuroids.items()},
    }
