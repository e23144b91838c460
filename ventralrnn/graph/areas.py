"""Areas, connections, and the transitions that connections make."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ventralrnn.errors import GraphError

_TRANSITION = re.compile(r"(?P<norm>B?)(?P<relu>R?)(?P<kind>[CD])(?P<twice>(x2)?)(?P<identity>(\+Id)?)")


@dataclass(frozen=True)
class Transition:
    """What a connection computes, in letters that are our reconstruction of the paper's.

    ``BRC`` is batch normalisation, ReLU, convolution; ``D`` in place of ``C`` is a deconvolution (transposed
    convolution), ``x2`` does it all twice, ``+Id`` adds the source's own state. ``B`` and ``R`` may be left out: ``C``
    is a linear transition.

    Parameters
    ----------
    norm, relu : bool
        Whether batch normalisation and rectification come before each (de)convolution.
    kind : {'conv', 'deconv'}
        Convolutions keep or lower the resolution, deconvolutions keep or raise it.
    repeats : {1, 2}
        How often the sequence is applied.
    identity : bool
        Whether the source's state is added to the result.

    Examples
    --------
    >>> from ventralrnn.graph import Transition
    >>> Transition.parse("BRCx2+Id")
    Transition(norm=True, relu=True, kind='conv', repeats=2, identity=True)
    """

    norm: bool
    relu: bool
    kind: Literal["conv", "deconv"]
    repeats: int
    identity: bool

    @classmethod
    def parse(cls, text: str) -> "Transition":
        """Read a transition such as ``'BRCx2+Id'``.

        Parameters
        ----------
        text : str
            ``[B][R](C|D)[x2][+Id]``.

        Returns
        -------
        Transition
            The same, taken apart.

        Raises
        ------
        GraphError
            If the text is not of that form.
        """
        match = _TRANSITION.fullmatch(text)
        if match is None:
            raise GraphError(f"transition {text!r}: write [B][R](C|D)[x2][+Id], for example BRC, BRDx2 or BRCx2+Id")
        return cls(
            norm=bool(match["norm"]),
            relu=bool(match["relu"]),
            kind="conv" if match["kind"] == "C" else "deconv",
            repeats=2 if match["twice"] else 1,
            identity=bool(match["identity"]),
        )


@dataclass(frozen=True)
class Area:
    """A state of the network: one visual area.

    Parameters
    ----------
    name : str
        For example ``'V4'``. Letters, digits and ``_``.
    channels : int
        Number of feature maps.
    stride : int
        Pixels of the picture a position of the map stands for, along one side: 1 is full resolution.

    Examples
    --------
    >>> from ventralrnn.graph import Area
    >>> Area("V4", channels=64, stride=4)
    Area(name='V4', channels=64, stride=4)
    """

    name: str
    channels: int
    stride: int = 1

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w+", self.name):
            raise GraphError(f"area {self.name!r}: a name has letters, digits and _ only")
        if self.channels < 1 or self.stride < 1:
            raise GraphError(f"area {self.name}: channels and stride are at least 1")


@dataclass(frozen=True)
class Connection:
    """A transition from one area to another, taking a fixed number of steps.

    Parameters
    ----------
    source, target : str
        Names of areas.
    transition : str
        What is computed, see :class:`Transition`.
    delay : int
        Steps between the state that is read and the state that it helps to make. 0 (within the step) is allowed where
        it closes no cycle.
    steps : tuple of int, optional
        Steps of the *target* at which the connection is active; None means always. This is the third axis of the
        paper's transition matrix.
    kernel : int
        Side of the (de)convolution's kernel, odd.
    weights : tuple of str, optional
        Weight-sharing group of each (de)convolution of the transition. (De)convolutions that name the same group,
        here or in another connection, share weights. None means weights of its own.
    upsample : {'deconv', 'resize'}
        How a ``D`` transition raises the resolution: by the stride of a transposed convolution, or by
        nearest-neighbour resizing and a convolution.
    name : str
        ``'source-target'`` unless given; parallel connections need names of their own.

    Examples
    --------
    >>> from ventralrnn.graph import Connection
    >>> feedback = Connection("IT", "V4", "BRD", steps=(3, 4, 5))
    >>> feedback.name, feedback.is_active(2), feedback.is_active(3)
    ('IT-V4', False, True)
    """

    source: str
    target: str
    transition: str = "BRC"
    delay: int = 1
    steps: tuple[int, ...] | None = None
    kernel: int = 3
    weights: tuple[str, ...] | None = None
    upsample: Literal["deconv", "resize"] = "deconv"
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", f"{self.source}-{self.target}")
        if self.steps is not None:
            object.__setattr__(self, "steps", tuple(sorted(set(self.steps))))
        if not re.fullmatch(r"[\w-]+", self.name):
            raise GraphError(f"connection {self.name!r}: a name has letters, digits, _ and - only")
        self._check_numbers()

    def _check_numbers(self) -> None:
        try:
            parsed = self.parsed
        except GraphError as error:
            raise GraphError(f"connection {self.name}: {error}") from None
        if self.delay < 0:
            raise GraphError(f"connection {self.name}: delay {self.delay} is negative: nothing reads the future")
        if self.steps is not None and (not self.steps or self.steps[0] < 0):
            raise GraphError(f"connection {self.name}: active steps {self.steps} must name steps from 0 on")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise GraphError(f"connection {self.name}: kernel {self.kernel} must be odd, so that maps keep their size")
        if self.upsample not in ("deconv", "resize"):
            raise GraphError(f"connection {self.name}: upsample {self.upsample!r} must be deconv or resize")
        if self.weights is not None:
            self._check_weights(self.weights, parsed.repeats)

    def _check_weights(self, groups: tuple[str, ...], repeats: int) -> None:
        if len(groups) != repeats:
            raise GraphError(
                f"connection {self.name}: {self.transition} has {repeats} convolutions, "
                f"but weights name {len(groups)} groups: {', '.join(groups)}"
            )
        for group in groups:
            if not re.fullmatch(r"[\w:-]+", group):
                raise GraphError(f"connection {self.name}: weights {group!r}: a name has letters, digits, _ - : only")

    @cached_property
    def parsed(self) -> Transition:
        """The transition, taken apart."""
        return Transition.parse(self.transition)

    def is_active(self, step: int) -> bool:
        """Whether the connection may contribute to its target's state at ``step``."""
        return self.steps is None or step in self.steps

    @property
    def weight_groups(self) -> tuple[str, ...]:
        """Name of the weights of each (de)convolution: the sharing group, or the connection's own."""
        if self.weights is not None:
            return self.weights
        return tuple(f"{self.name}:{i}" for i in range(self.parsed.repeats))
