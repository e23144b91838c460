"""Where states come from: one of our networks, any hooked module, or a function."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from ventralrnn.errors import RecordingError
from ventralrnn.graph import Cut, format_steps, to_plain
from ventralrnn.networks.network import RecurrentNetwork
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.recording.recorder import Recorder, Take, choose_tensor

Steps = Callable[[str, int], tuple[int, ...]]
States = Callable[[nn.Module, Tensor], Mapping[str, Sequence[Tensor | None]]]

# What a model without a specification is taken to want: what torchvision's classifiers were trained with.
IMAGENET = Preprocessing(size=224, crop=0.875, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


class Source(ABC):
    """A model as the extraction sees it.

    Attributes
    ----------
    model : torch.nn.Module
        The model.
    name : str
        Name of the model.
    areas : tuple of str
        What is recorded: areas, then currents.
    """

    model: nn.Module
    name: str
    areas: tuple[str, ...]

    @abstractmethod
    def run(self, batch: Tensor, take: Take) -> dict[str, int]:
        """Run the model on a batch, handing over every state, and return the number of steps of each area."""

    @abstractmethod
    def steps(self, calls: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Return the steps of each area to keep, given the number of steps it has."""

    def time_ms(self, area: str, step: int) -> float:
        """Return when a state is reached, in ms after stimulus onset; NaN if the model has no clock."""
        return float("nan")

    def unit_shape(self, area: str, pool: str) -> tuple[int, ...]:
        """Return the shape of a state that was never reached, without the batch; one neuroid if nothing tells."""
        return (1,)

    def describe(self) -> dict[str, Any]:
        """Return what identifies the model besides its weights, as plain data."""
        return {"name": self.name, "class": type(self.model).__name__}


class NetworkSource(Source):
    """One of our networks, whose specification says everything.

    Parameters
    ----------
    network : RecurrentNetwork
        The model.
    areas : sequence of str, optional
        All by default.
    steps : tuple of int
        Steps to keep.
    currents : sequence of str
        Connections whose currents are recorded too.
    cut : sequence of Cut
        Connections that deliver nothing.
    """

    def __init__(
        self,
        network: RecurrentNetwork,
        areas: Sequence[str] | None,
        steps: tuple[int, ...],
        currents: Sequence[str] = (),
        cut: Sequence[Cut] = (),
    ) -> None:
        graph = network.spec.graph
        self.model = network
        self.network = network
        self.name = network.spec.name
        names = tuple(dict.fromkeys(graph.names if areas is None else (graph.area(name).name for name in areas)))
        self.areas = (*names, *dict.fromkeys(graph.connection(name).name for name in currents))
        self.currents = frozenset(currents)
        self.cut = tuple(cut)
        self._steps = steps
        self.total = max(steps) + 1
        paths = {a: f"areas.{a}" for a in names} | {c: f"connections.{c}" for c in currents}
        self._recorder = Recorder(network, paths)
        self._record = dict.fromkeys(self.areas, steps)

    def run(self, batch: Tensor, take: Take) -> dict[str, int]:
        """Run the network, computing only what the chosen states need."""
        with self._recorder.listening(take) as calls:
            self.network(batch, steps=self.total, readout=(), record=self._record, cut=self.cut)
        return calls

    def steps(self, calls: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Return the steps asked for; every area has them all."""
        return dict.fromkeys(self.areas, self._steps)

    def time_ms(self, area: str, step: int) -> float:
        """Return the time of the state, or of the target's state for a current."""
        return self.network.spec.time_ms(self._target(area), step)

    def unit_shape(self, area: str, pool: str) -> tuple[int, ...]:
        """Return channels and positions of the area, or of the target for a current."""
        spec, target = self.network.spec, self._target(area)
        positions = () if pool == "mean" else (spec.size(target), spec.size(target))
        return spec.graph.area(target).channels, *positions

    def _target(self, area: str) -> str:
        return self.network.spec.graph.connection(area).target if area in self.currents else area

    def describe(self) -> dict[str, Any]:
        """Return the name and the whole specification."""
        return {
            **super().describe(),
            "specification": to_plain(self.network.spec, full=True),
            "cut": [str(cut) for cut in self.cut],
        }


class HookSource(Source):
    """Any module, each call of a named part being one time step.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    name : str
        Its name.
    areas : mapping of str to str
        Area name -> module path, see :class:`Recorder`.
    steps : callable
        Area and its number of steps -> steps to keep.
    """

    def __init__(self, model: nn.Module, name: str, areas: Mapping[str, str], steps: Steps) -> None:
        self.model = model
        self.name = name
        self.areas = tuple(areas)
        self._recorder = Recorder(model, areas)
        self._choose = steps

    def run(self, batch: Tensor, take: Take) -> dict[str, int]:
        """Run the model with hooks."""
        with self._recorder.listening(take) as calls:
            self.model(batch)
        return calls

    def steps(self, calls: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Return the chosen steps of each area."""
        return {area: self._choose(area, calls[area]) for area in self.areas}

    def describe(self) -> dict[str, Any]:
        """Return the name and the module paths."""
        return {**super().describe(), "modules": self._recorder.paths}


class FunctionSource(Source):
    """A model that keeps its steps in attributes, read by a function.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    name : str
        Its name.
    states : callable
        ``states(model, batch)`` runs the model and returns area name -> sequence over steps of tensors (or None).
    areas : sequence of str
        Which of those to keep.
    steps : callable
        Area and its number of steps -> steps to keep.
    """

    def __init__(
        self,
        model: nn.Module,
        name: str,
        states: States,
        areas: Sequence[str],
        steps: Steps,
    ) -> None:
        self.model = model
        self.name = name
        self.areas = tuple(areas)
        self._states = states
        self._choose = steps

    def run(self, batch: Tensor, take: Take) -> dict[str, int]:
        """Call the function and hand over what it returns."""
        states = self._states(self.model, batch)
        if not isinstance(states, Mapping):
            raise RecordingError(f"the states function returns a {type(states).__name__}, not area -> states")
        for area in self.areas:
            if area not in states:
                raise RecordingError(f"area {area}: the states function returns only {', '.join(states)}")
            for step, state in enumerate(states[area]):
                take(area, step, choose_tensor(state, (), area))
        return {area: len(states[area]) for area in self.areas}

    def steps(self, calls: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Return the chosen steps of each area."""
        return {area: self._choose(area, calls[area]) for area in self.areas}

    def describe(self) -> dict[str, Any]:
        """Return the name and the function."""
        return {**super().describe(), "states": getattr(self._states, "__qualname__", type(self._states).__name__)}


def check_calls(first: Mapping[str, int], calls: Mapping[str, int], where: str) -> None:
    """Refuse a forward pass whose modules are called another number of times than in the first.

    Raises
    ------
    RecordingError
        Names the area, both numbers and the stimuli.
    """
    for area, count in calls.items():
        if count != first[area]:
            common = format_steps(range(min(count, first[area])))
            raise RecordingError(
                f"area {area}: its module was called {count} times for {where} but {first[area]} times for the first "
                f"stimulus: a recording needs the same steps for all (record steps {common} of a model with a fixed "
                "number of steps)"
            )
