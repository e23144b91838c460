"""The whole specification of a model as plain data: enough to rebuild it, without torch."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from ventralrnn.errors import GraphError, SpecificationError
from ventralrnn.graph import Clock, Cut, Dependence, Graph
from ventralrnn.networks.preprocessing import Preprocessing


@dataclass(frozen=True)
class PreNet:
    """What stands before the graph: one or more convolutions from the picture to the input area.

    Parameters
    ----------
    layers : int
        Number of convolutions; those after the first are batch norm, ReLU, convolution.
    kernel : int
        Side of the first kernel (the others are 3x3).
    downsample : {'first', 'last'}
        Which convolution takes the whole stride of the input area.
    whiten : bool
        Whether training starts from a first kernel that whitens patches of pictures (see
        :func:`ventralrnn.networks.whiten`).

    Examples
    --------
    >>> from ventralrnn.networks import PreNet
    >>> PreNet(layers=3).layers
    3
    """

    layers: int = 1
    kernel: int = 3
    downsample: Literal["first", "last"] = "first"
    whiten: bool = False

    def __post_init__(self) -> None:
        if self.layers < 1 or self.kernel < 1 or self.kernel % 2 == 0:
            raise SpecificationError(f"pre_net: layers {self.layers} must be at least 1, kernel {self.kernel} odd")
        if self.downsample not in ("first", "last"):
            raise SpecificationError(f"pre_net: downsample is {self.downsample!r}: give first or last")


@dataclass(frozen=True)
class PostNet:
    """What stands after the graph: batch norm, ReLU, global average, one linear layer.

    Parameters
    ----------
    classes : int
        Number of outputs.
    affine : bool
        Whether the batch norm learns a scale and a shift (one of each for all readout times).

    Examples
    --------
    >>> from ventralrnn.networks import PostNet
    >>> PostNet(classes=100)
    PostNet(classes=100, affine=True)
    """

    classes: int = 10
    affine: bool = True

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise SpecificationError(f"post_net.classes is {self.classes}: give at least 1")


@dataclass(frozen=True)
class Norm:
    """Batch normalisation in time.

    Parameters
    ----------
    statistics : {'step', 'shared'}
        Statistics of their own for every step (time-specific batch normalisation), or one set for all steps.
        Shared statistics are there to be compared with: in evaluation mode they fit no step.
    affine : {'none', 'step', 'shared'}
        Whether transitions learn a scale and a shift: none, one per step, or one for all steps.
    momentum, eps : float
        As in :class:`torch.nn.BatchNorm2d`.

    Examples
    --------
    >>> from ventralrnn.networks import Norm
    >>> Norm(statistics="shared").affine
    'none'
    """

    statistics: Literal["step", "shared"] = "step"
    affine: Literal["none", "step", "shared"] = "none"
    momentum: float = 0.1
    eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.statistics not in ("step", "shared") or self.affine not in ("none", "step", "shared"):
            raise SpecificationError(
                f"norm: statistics {self.statistics!r} must be step or shared, "
                f"affine {self.affine!r} none, step or shared"
            )


@dataclass(frozen=True)
class NetworkSpec:
    """A model, before it has weights.

    Parameters
    ----------
    name : str
        Name of the model.
    graph : Graph
        Areas and connections.
    steps : int
        Number of time steps, 0 to ``steps - 1``.
    readouts : tuple of int, optional
        Steps at which the post-net reads the readout area; the last step by default.
    input_steps : int, optional
        The picture enters at this many steps from step 0 on: 1 is a picture at step 0 only, None a picture that
        stays on.
    shared : bool
        Whether weights are shared over time (the recurrent network) or each step has its own (its untied, unrolled
        twin, in which only work that can influence a readout has weights).
    bias : bool
        Whether convolutions have biases.
    norm, pre_net, post_net, clock, preprocessing
        See there.
    reference : str
        Where the model comes from.

    Raises
    ------
    GraphError, SpecificationError
        If a readout is never reached by the input, or picture size and strides do not fit.

    Examples
    --------
    >>> from ventralrnn.graph import Area, Connection, Graph
    >>> from ventralrnn.networks import NetworkSpec
    >>> graph = Graph((Area("V1", 8), Area("IT", 8)), (Connection("V1", "IT"), Connection("IT", "IT", "BRC+Id")))
    >>> spec = NetworkSpec("small", graph, steps=4)
    >>> spec.depend().reached_steps("IT")
    (1, 2, 3)
    """

    name: str
    graph: Graph
    steps: int
    readouts: tuple[int, ...] | None = None
    input_steps: int | None = 1
    shared: bool = True
    bias: bool = True
    norm: Norm = field(default_factory=Norm)
    pre_net: PreNet = field(default_factory=PreNet)
    post_net: PostNet = field(default_factory=PostNet)
    clock: Clock = field(default_factory=Clock)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    reference: str = ""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SpecificationError(f"{self.name}: steps is {self.steps}: a run has at least one step")
        if self.input_steps is not None and self.input_steps < 1:
            raise SpecificationError(f"{self.name}: input_steps is {self.input_steps}: a picture enters at least once")
        if self.readouts is not None and not self.readouts:
            raise SpecificationError(f"{self.name}: readouts are empty: name a step, or none for the last")
        for area in self.graph.areas:
            if self.preprocessing.size % area.stride:
                raise GraphError(
                    f"{self.name}: a picture of {self.preprocessing.size} pixels does not divide by the stride "
                    f"{area.stride} of area {area.name}"
                )
        unknown = set(self.clock.onset_ms) - set(self.graph.names)
        if unknown:
            raise SpecificationError(f"{self.name}: clock.onset_ms names {unknown.pop()!r}, which is no area")
        for step in self.readout_steps:
            if not self.dependence.is_reached(self.graph.readout, step):
                why = self.dependence.why_unreached(self.graph.readout, step)
                raise GraphError(f"{self.name}: nothing to read out: {why}")

    @property
    def readout_steps(self) -> tuple[int, ...]:
        """Steps at which the post-net reads, ascending."""
        return (self.steps - 1,) if self.readouts is None else tuple(sorted(set(self.readouts)))

    @property
    def readout_states(self) -> tuple[tuple[str, int], ...]:
        """States that the post-net reads, as (area, step)."""
        return tuple((self.graph.readout, step) for step in self.readout_steps)

    def entering(self, steps: int) -> range:
        """Return the steps of a run of ``steps`` steps at which the picture enters."""
        return range(steps if self.input_steps is None else min(self.input_steps, steps))

    @cached_property
    def dependence(self) -> Dependence:
        """What depends on what in a run of ``steps`` steps."""
        return self.depend()

    def depend(self, steps: int | None = None, cuts: tuple[Cut, ...] = ()) -> Dependence:
        """Return what depends on what in a run of another length, or with connections cut."""
        steps = self.steps if steps is None else steps
        return Dependence(self.graph, steps, self.entering(steps), cuts)

    def untied(self) -> "NetworkSpec":
        """Return the same network with weights of its own for every step."""
        return replace(self, shared=False)

    def size(self, area: str) -> int:
        """Side of an area's maps, in positions."""
        return self.preprocessing.size // self.graph.area(area).stride

    def time_ms(self, area: str, step: int) -> float:
        """Return when an area's state at ``step`` is reached, in ms after stimulus onset."""
        return self.clock.time_ms(area, step, self.dependence.first_step(area))
