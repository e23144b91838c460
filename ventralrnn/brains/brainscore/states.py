"""States of a model's areas, block by block: from a model that runs, or from a recording."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ventralrnn.errors import RecordingError, StimulusError
from ventralrnn.graph import Clock, to_plain
from ventralrnn.networks.network import RecurrentNetwork
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.networks.weights import hash_weights
from ventralrnn.recording import Recording
from ventralrnn.recording.job import Job, default_batch_size
from ventralrnn.recording.layout import AreaLayout
from ventralrnn.recording.preparation import prepared_job
from ventralrnn.recording.sources import IMAGENET
from ventralrnn.stimuli import Stimuli

REGIONS = ("V1", "V2", "V4", "IT")
LOGITS = "logits"
# Field of view of a model that states none: what Brain-Score takes for all of its own.
DEFAULT_DEGREES = 8.0
_BLOCK_BYTES = 1 << 26


@dataclass(frozen=True)
class AreaStates:
    """What is known of an area's states before they are read.

    Attributes
    ----------
    steps : tuple of int
        Steps that the input has reached.
    times : numpy.ndarray, (step,)
        When each is reached, in ms; NaN without a clock.
    ms_per_step : float
        How long the last one lasts, in ms; NaN without a clock.
    neuroids : dict of str to numpy.ndarray, (neuroid,)
        channel, y and x.
    """

    steps: tuple[int, ...]
    times: np.ndarray
    ms_per_step: float
    neuroids: dict[str, np.ndarray]

    @property
    def timed(self) -> bool:
        """Whether the steps have times."""
        return bool(np.isfinite(self.times).all())


class States(ABC):
    """Where the states of areas come from.

    Attributes
    ----------
    name : str
        Name of the model.
    areas : dict of str to str
        Area of the brain -> what of the model is committed to it.
    degrees : float or None
        Visual angle of the field of view, None if the model states none.
    """

    name: str
    areas: dict[str, str]
    degrees: float | None

    @abstractmethod
    def weights(self) -> str:
        """Return the hash of the model's weights as they are now."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return how the states come about, as plain data."""

    @abstractmethod
    def look(self, area: str, stimuli: Stimuli) -> AreaStates:
        """Return what an area's states are, having seen no more than one stimulus."""

    @abstractmethod
    def blocks(self, area: str, stimuli: Stimuli, trial: int = 0) -> Iterator[tuple[int, Tensor]]:
        """Yield the first stimulus of a block and its states (step, stimulus, neuroid), at the steps of :meth:`look`.

        A block is to be used up before the next is taken.
        """

    @abstractmethod
    def own_areas(self) -> dict[str, str]:
        """Return the areas that the model itself names, each as what it is; else those committed, each once."""

    def of_all_areas(self) -> "States":
        """Return the same states, with all areas of the model's own committed under their own names."""
        other = copy.copy(self)
        other.areas = self.own_areas()
        return other

    def committed(self, area: str) -> str:
        """Return what is committed to an area of the brain; RecordingError if nothing is."""
        if area not in self.areas:
            has = ", ".join(self.areas) or "none"
            raise RecordingError(
                f"{self.name} has nothing committed to {area} (it has {has}): say what is, areas={{{area!r}: 'NAME'}}"
            )
        return self.areas[area]


class ModelStates(States):
    """A model that is run.

    Parameters
    ----------
    model : torch.nn.Module
        One of our networks, or any module.
    name : str
        Its name.
    areas : mapping of str to str or None
        Area of the brain -> area of one of our networks, or path of a module as in
        :class:`ventralrnn.recording.Recorder`.
    clock : Clock or None
        Of a model that has none itself.
    steps : str or None
        Steps to run, as in :func:`ventralrnn.extract`.
    preprocessing : Preprocessing or None
        In place of the model's own.
    device, batch_size, seed, workers
        As in :func:`ventralrnn.extract`.
    """

    def __init__(
        self,
        model: nn.Module,
        name: str,
        areas: Mapping[str, str] | None,
        clock: Clock | None,
        steps: str | None,
        preprocessing: Preprocessing | None,
        device: str,
        batch_size: int | None,
        seed: int,
        workers: int,
    ) -> None:
        self.model, self.name, self.seed = model, name, seed
        self._network = model if isinstance(model, RecurrentNetwork) else None
        if self._network is not None and clock is not None:
            raise RecordingError(f"clock: {name} has its own, in its specification")
        self.areas = _commit(self._network, name, areas)
        self._clock, self._steps, self._device = clock, steps, device
        self._batch_size, self._workers = batch_size, workers
        own = self._network.spec.preprocessing if self._network else getattr(model, "preprocessing", None)
        self.preprocessing = preprocessing or (own if isinstance(own, Preprocessing) else IMAGENET)
        self.degrees = self.preprocessing.degrees
        self._known: dict[str, AreaStates] = {}

    def own_areas(self) -> dict[str, str]:
        """Return the areas of a network's graph, or what modules are committed."""
        if self._network is not None:
            return {name: name for name in self._network.spec.graph.names}
        first = {what: area for area, what in reversed(self.areas.items())}
        return {area: what for area, what in self.areas.items() if first[what] == area}

    def of_all_areas(self) -> "ModelStates":
        """Return the same states, with all areas of the model's own committed under their own names."""
        other = super().of_all_areas()
        assert isinstance(other, ModelStates)
        other._known = {}  # the same name may mean another area
        return other

    def weights(self) -> str:
        """Return the hash of the model's weights as they are now."""
        return hash_weights(self.model)

    def describe(self) -> dict[str, Any]:
        """Return preprocessing, clock, steps and seed."""
        clock = self._network.spec.clock if self._network else self._clock or getattr(self.model, "clock", None)
        return {
            "preprocessing": to_plain(self.preprocessing, full=True),
            "clock": to_plain(clock, full=True) if isinstance(clock, Clock) else None,
            "steps": self._steps,
            "seed": self.seed,
        }

    def look(self, area: str, stimuli: Stimuli) -> AreaStates:
        """Return what an area's states are, having run the model on one stimulus."""
        if area not in self._known:
            with self._job(area, stimuli, 0) as job:
                (layout,), _ = job.probe()
            self._known[area] = _from_layout(layout, self._ms_per_step())
        return self._known[area]

    def blocks(self, area: str, stimuli: Stimuli, trial: int = 0) -> Iterator[tuple[int, Tensor]]:
        """Run the model on batch after batch."""
        with self._job(area, stimuli, trial) as job:
            layouts, calls = job.probe()
            (layout,) = layouts
            reached = [i for i, step in enumerate(layout.steps) if step not in layout.unreached]
            size = self._batch_size or default_batch_size(layouts)
            with closing(job.stream(layouts, calls, size, self._workers)) as batches:
                for batch, states in batches:
                    yield batch.start, states[layout.name][reached]

    @contextmanager
    def _job(self, area: str, stimuli: Stimuli, trial: int) -> Generator[Job, None, None]:
        degrees = self.degrees or DEFAULT_DEGREES
        with prepared_job(
            self.model,
            stimuli,
            areas=self._recorded(area),
            steps=None if area == LOGITS else self._steps,
            pool="none",
            dtype="float32",
            currents=False,
            cut=(),
            states=None,
            # Both angles are stated, so that pictures keep their size in degrees whatever the model crops.
            preprocessing=replace(self.preprocessing, degrees=degrees),
            clock=None if self._network else self._of_area(area),
            device=self._device,
            seed=self.seed + trial,
            skip_bad=False,
        ) as job:
            yield job

    def _recorded(self, area: str) -> list[str] | dict[str, str]:
        if area == LOGITS:
            return {LOGITS: ""}
        what = self.committed(area)
        if self._network and what in self._network.spec.graph.names:
            return [what]
        return {area: what}

    def _of_area(self, area: str) -> Clock | None:
        if self._clock is None:
            return None
        return replace(self._clock, onset_ms={a: ms for a, ms in self._clock.onset_ms.items() if a == area})

    def _ms_per_step(self) -> float:
        own = self._network.spec.clock if self._network else self._clock or getattr(self.model, "clock", None)
        return own.ms_per_step if isinstance(own, Clock) else float("nan")


class RecordingStates(States):
    """A recording that exists.

    Parameters
    ----------
    recording : Recording
        Of the stimuli that will be asked for, or more.
    areas : mapping of str to str, optional
        Area of the brain -> area of the recording.
    """

    def __init__(self, recording: Recording, areas: Mapping[str, str] | None) -> None:
        self.recording = recording
        attrs = recording.attrs
        self.name = str(attrs["model"])
        self.areas = dict(areas) if areas else {region: region for region in REGIONS if region in recording.areas}
        for area, what in self.areas.items():
            if what not in recording.areas:
                raise RecordingError(
                    f"{recording.path}: no area {what!r} for {area}; it has {', '.join(recording.areas)}"
                )
        self.degrees = attrs["preprocessing"].get("degrees")
        clock = attrs["model_details"].get("specification", {}).get("clock") or attrs.get("clock")
        self._ms_per_step = float(clock["ms_per_step"]) if clock else float("nan")

    def own_areas(self) -> dict[str, str]:
        """Return the areas of the recording."""
        return {area: area for area in self.recording.areas}

    def weights(self) -> str:
        """Return the hash of the weights that were recorded."""
        return str(self.recording.attrs["weights_sha256"])

    def describe(self) -> dict[str, Any]:
        """Return preprocessing, clock and the file."""
        attrs = self.recording.attrs
        return {
            **{key: attrs[key] for key in ("preprocessing", "clock", "seed")},
            "recording": str(self.recording.path),
        }

    def look(self, area: str, stimuli: Stimuli) -> AreaStates:
        """Return what an area's states are."""
        array = self.recording[self._of(area)]
        keep = self._reached(array)
        return AreaStates(
            tuple(int(step) for step in array["time_step"].values[keep]),
            array["time_ms"].values[keep].astype(float),
            self._ms_per_step,
            {name: array[name].values for name in ("channel", "y", "x")},
        )

    def blocks(self, area: str, stimuli: Stimuli, trial: int = 0) -> Iterator[tuple[int, Tensor]]:
        """Read the states of stimuli, found by their names, block after block."""
        array = self.recording[self._of(area)]
        rows = self._rows(array, stimuli)
        keep = self._reached(array)
        size = max(1, _BLOCK_BYTES // max(1, array.sizes["neuroid"] * len(keep) * 4))
        for start in range(0, len(rows), size):
            block = array.isel(stimulus=rows[start : start + size], time=keep).values.astype(np.float32)
            yield start, torch.from_numpy(block).permute(1, 0, 2)

    def _of(self, area: str) -> str:
        if area == LOGITS:
            raise RecordingError(
                f"{self.recording.path}: a recording of areas holds no outputs: give the model instead"
            )
        return self.committed(area)

    @staticmethod
    def _reached(array: Any) -> np.ndarray:
        return np.flatnonzero(~np.isin(array["time_step"].values, array.attrs["unreached_steps"]))

    def _rows(self, array: Any, stimuli: Stimuli) -> np.ndarray:
        place = {str(i): row for row, i in enumerate(array["stimulus_id"].values)}
        missing = [i for i in stimuli.ids if i not in place]
        if missing:
            raise StimulusError(
                f"{self.recording.path}: {len(missing)} of {len(stimuli)} stimuli are not recorded, {missing[0]!r} the "
                "first of them: record the benchmark's stimuli, or give the model instead"
            )
        rows = np.array([place[i] for i in stimuli.ids], dtype=int)
        if "stimulus_digest" in array.coords:
            digests = array["stimulus_digest"].values[rows]
            for index, digest in enumerate(digests):
                if stimuli.digest(index) != str(digest):
                    raise StimulusError(
                        f"{self.recording.path}: {stimuli.ids[index]!r} is another picture than the one recorded under "
                        "that name (or drawn at another size, for a field of view of other degrees): give the model "
                        "instead of its recording"
                    )
        return rows


def _commit(network: RecurrentNetwork | None, name: str, areas: Mapping[str, str] | None) -> dict[str, str]:
    if network is None:
        if not areas:
            raise RecordingError(
                f"{name} is not one of ventralrnn's own networks: say which modules are areas of the brain, "
                "areas={'IT': 'module.path'}"
            )
        return dict(areas)
    names = network.spec.graph.names
    return {**{region: region for region in REGIONS if region in names}, **(areas or {})}


def _from_layout(layout: AreaLayout, ms_per_step: float) -> AreaStates:
    reached = [i for i, step in enumerate(layout.steps) if step not in layout.unreached]
    if not reached:
        raise RecordingError(f"area {layout.name}: the input reaches it at none of its steps")
    return AreaStates(
        tuple(layout.steps[i] for i in reached),
        np.array([layout.time_ms[i] for i in reached], dtype=float),
        ms_per_step,
        layout.neuroid_coordinates(),
    )
