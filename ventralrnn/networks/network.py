"""The recurrent network: a graph run through time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from math import lcm
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ventralrnn.errors import SpecificationError
from ventralrnn.graph import Connection, Cut, Dependence
from ventralrnn.graph.dependence import Arrival
from ventralrnn.graph.dependence import State as StateKey
from ventralrnn.networks.kernels import kernel_key, list_kernels
from ventralrnn.networks.norm import TimeBatchNorm
from ventralrnn.networks.plan import Plan, check_readouts, make_plan
from ventralrnn.networks.spec import NetworkSpec
from ventralrnn.networks.transitions import (
    AreaModule,
    Kernel,
    PostNetModule,
    PreNetModule,
    State,
    TransitionModule,
)

Readout = int | str | Sequence[int] | None
Record = Mapping[str, Iterable[int] | None]


class RecurrentNetwork(nn.Module):
    """A network of areas that run through time.

    The state of an area at a step is the sum of its incoming transitions (and of the pre-net's output, where the
    picture enters). ``areas[name]`` and ``connections[name]`` are modules that are called once a step, in order, from
    step 0 on, so any forward hook on them sees every step; they return None at steps at which the input has not
    reached them. Work that can influence neither a readout, nor a hooked module, nor what ``record`` asks for, is not
    done.

    Parameters
    ----------
    spec : NetworkSpec
        The whole specification.

    Attributes
    ----------
    areas : torch.nn.ModuleDict
        One module an area.
    connections : torch.nn.ModuleDict
        One module a connection.
    kernels : torch.nn.ModuleDict
        Weights: one entry a sharing group, or one a (group, step) in an untied network.
    checkpoint_info : dict
        What was saved with the weights (recipe, seed, accuracy); empty if they come from no checkpoint.

    Notes
    -----
    Liao & Poggio (2016), arXiv 1604.03640.

    Examples
    --------
    >>> import torch
    >>> from ventralrnn.networks import RecurrentNetwork
    >>> from ventralrnn.zoo import model_spec
    >>> network = RecurrentNetwork(model_spec("ventral")).eval()
    >>> states = network.states(torch.zeros(1, 3, 32, 32))
    >>> [None if state is None else tuple(state.shape) for state in states["IT"][:5]]
    [None, None, None, (1, 128, 4, 4), (1, 128, 4, 4)]
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        graph, kernels, empty = spec.graph, list_kernels(spec), nn.ModuleDict()
        for name in (*graph.names, *(c.name for c in graph.connections), *kernels):
            if hasattr(empty, name):
                raise SpecificationError(f"{spec.name}: the name {name!r} has a meaning in torch: choose another")
        self.pre_net = PreNetModule(
            spec.pre_net, graph.area(graph.input).channels, graph.area(graph.input).stride, spec.norm, spec.bias
        )
        self.areas = nn.ModuleDict({name: AreaModule() for name in graph.names})
        self.connections = nn.ModuleDict(
            {c.name: TransitionModule(c, graph, spec.steps, spec.norm) for c in graph.connections}
        )
        normalising = {c.source for c in graph.connections if c.parsed.norm}
        plain = replace(spec.norm, affine="none")
        self.norms = nn.ModuleDict(
            {a.name: TimeBatchNorm(a.channels, spec.steps, plain) for a in graph.areas if a.name in normalising}
        )
        self.kernels = nn.ModuleDict(
            {
                key: Kernel(shape.kind, shape.inputs, shape.outputs, shape.size, spec.bias, shape.gain)
                for key, shape in kernels.items()
            }
        )
        self.post_net = PostNetModule(spec.post_net, graph.area(graph.readout).channels, spec.steps, spec.norm)
        self.checkpoint_info: dict[str, Any] = {}
        # Whether to keep no activations within steps but to compute them anew in the backward pass.
        self.checkpointing = False
        self._dependences: dict[tuple[Any, ...], Dependence] = {}
        self._plans: dict[tuple[Any, ...], Plan] = {}

    # -- running ----------------------------------------------------------------------------------------------------

    def forward(
        self,
        picture: Tensor,
        *,
        steps: int | None = None,
        readout: Readout = None,
        record: Record | None = None,
        cut: Sequence[Cut | str] = (),
    ) -> Tensor | None:
        """Run the network and read it out.

        Parameters
        ----------
        picture : torch.Tensor, (batch, 3, y, x) or (batch, step, 3, y, x)
            Pictures, shown as ``spec.input_steps`` says; or frames, one a step from step 0 on, after which nothing
            enters.
        steps : int, optional
            Number of steps to run, ``spec.steps`` by default. A network with shared weights runs longer than it was
            trained (see :class:`TimeBatchNorm` for what that means), an untied one cannot.
        readout : int, sequence of int, or 'all', optional
            Steps at which the post-net reads: the specification's by default, the only one or the last of them; 'all'
            means every step at which the readout area holds a state. An empty sequence reads nothing.
        record : mapping of str to iterable of int or None, optional
            Areas, and steps of each (None: all), that must be computed because a hook takes them. Without it, areas
            and connections with forward hooks are computed at all steps.
        cut : sequence of Cut or str
            Connections that deliver nothing (at some steps).

        Returns
        -------
        torch.Tensor or None
            Scores (batch, class) for one readout; (batch, readout, class) for a sequence or 'all'; None for none.

        Raises
        ------
        GraphError
            If a readout is not reached by the input, or a cut names no connection.
        SpecificationError
            If frames or steps do not fit.
        """
        key = self._run_key(picture, steps, cut)
        dependence = self._dependence(key)
        readouts = self._readouts(dependence, readout)
        wanted = self._hooked(dependence) if record is None else self._asked(dependence, record)
        read = [(self.spec.graph.readout, step) for step in readouts]
        plan = self._plan(key, [*read, *wanted[0]], wanted[1])
        scores: dict[int, Tensor] = {}
        for step, states in self._run(picture, plan, dependence.steps):
            if step in readouts:
                scores[step] = self.post_net(states[self.spec.graph.readout].raw, step)
        if readout is None or isinstance(readout, int):
            return scores[readouts[-1]]
        return torch.stack([scores[step] for step in readouts], 1) if readouts else None

    def states(
        self,
        picture: Tensor,
        *,
        areas: Sequence[str] | None = None,
        steps: int | None = None,
        cut: Sequence[Cut | str] = (),
    ) -> dict[str, list[Tensor | None]]:
        """Return the states of areas at every step.

        Parameters
        ----------
        picture, steps, cut
            As in :meth:`forward`.
        areas : sequence of str, optional
            All by default.

        Returns
        -------
        dict of str to list
            For every area a list over steps of (batch, channel, y, x), None where the input has not reached it.
        """
        names = list(self.spec.graph.names if areas is None else areas)
        key = self._run_key(picture, steps, cut)
        dependence = self._dependence(key)
        plan = self._plan(key, *self._asked(dependence, dict.fromkeys(names)))
        kept: dict[str, list[Tensor | None]] = {name: [None] * dependence.steps for name in names}
        for step, states in self._run(picture, plan, dependence.steps):
            for name in names:
                if name in states:
                    kept[name][step] = states[name].raw
        return kept

    def _run(self, picture: Tensor, plan: Plan, steps: int) -> Iterator[tuple[int, dict[str, State]]]:
        """Yield, step by step, the states made at it."""
        reach = max((c.delay for c in self.spec.graph.connections), default=0)
        make = self._step
        if self.checkpointing and self.training and torch.is_grad_enabled():
            make = self._checkpointed_step
        past: dict[int, dict[str, State]] = {}
        current: Tensor | None = None
        for step in range(steps):
            enters = step in plan.enters
            if enters and picture.ndim == 5:
                current = self.pre_net(picture[:, step])
            elif enters and current is None:  # a picture that stays on is the same current at every step
                current = self.pre_net(picture)
            past[step] = {}
            make(step, past, plan, current if enters else None)
            yield step, past[step]
            past.pop(step - reach, None)

    def _step(self, step: int, past: dict[int, dict[str, State]], plan: Plan, entering: Tensor | None) -> None:
        """Add the states of a step to those before it."""
        graph = self.spec.graph
        for name in graph.order:
            currents = []
            if name == graph.input and entering is not None:
                currents.append(entering)
            for c in graph.incoming[name]:
                current = self._current(c, step, past, plan)
                if current is not None:
                    currents.append(current)
            # A current may be asked for without the state that it helps to make: then there is no such state.
            state = self.areas[name](currents if (name, step) in plan.states else ())
            if state is not None:
                norm = self.norms[name] if name in self.norms else None  # noqa: SIM401 (ModuleDict has no get)
                past[step][name] = State(state, step, norm)  # type: ignore[arg-type]

    def _checkpointed_step(
        self, step: int, past: dict[int, dict[str, State]], plan: Plan, entering: Tensor | None
    ) -> None:
        """Do the same, and keep nothing for the backward pass but the states: it does the step again."""
        before = [(when, name, state) for when, states in past.items() for name, state in states.items()]
        # A state that is read again at a later step is normalised again then, and counts once.
        noted = [state.noted for *_, state in before]
        steps = list(past)  # what is past moves on before the step is done again

        def do(entering: Tensor | None, *raws: Tensor) -> tuple[Tensor, ...]:
            again: dict[int, dict[str, State]] = {when: {} for when in steps}
            for (when, name, state), raw, seen in zip(before, raws, noted, strict=True):
                again[when][name] = State(raw, when, state.norm, noted=seen)
            self._step(step, again, plan, entering)
            for when, name, state in before:
                state.noted |= again[when][name].noted
            names[:] = list(again[step])
            return tuple(state.raw for state in again[step].values())

        names: list[str] = []
        made = checkpoint(
            do,
            entering,
            *(state.raw for *_, state in before),
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), self._repeating()),
        )
        for name, raw in zip(names, made, strict=True):
            norm = self.norms[name] if name in self.norms else None  # noqa: SIM401
            past[step][name] = State(raw, step, norm)  # type: ignore[arg-type]

    @contextmanager
    def _repeating(self) -> Iterator[None]:
        """Leave running statistics alone: what passes has passed before."""
        norms = [module for module in self.modules() if isinstance(module, TimeBatchNorm)]
        for norm in norms:
            norm.keeping = False
        try:
            yield
        finally:
            for norm in norms:
                norm.keeping = True

    def _current(self, c: Connection, step: int, past: dict[int, dict[str, State]], plan: Plan) -> Tensor | None:
        if (c.name, step) not in plan.arrivals:
            return self.connections[c.name](None, (), step)
        kernels = [self.kernels[kernel_key(self.spec, group, step)] for group in c.weight_groups]
        return self.connections[c.name](past[step - c.delay][c.source], kernels, step)

    # -- what is asked for ------------------------------------------------------------------------------------------

    def depend(self, steps: int | None = None, cut: Sequence[Cut | str] = (), frames: int | None = None) -> Dependence:
        """Return what depends on what in a run.

        Parameters
        ----------
        steps, cut
            As in :meth:`forward`.
        frames : int, optional
            Number of frames, if frames are given in place of a picture.

        Returns
        -------
        Dependence
            Without the states that an untied network has no weights for: they can influence no readout of its
            specification.

        Raises
        ------
        GraphError
            If a cut names no connection, or steps outside the run.
        SpecificationError
            If the run has no step, fewer than frames, or more than an untied network has weights for.
        """
        steps = self.spec.steps if steps is None else steps
        if steps < 1:
            raise SpecificationError(f"steps is {steps}: a run has at least one step")
        cuts = tuple(Cut.parse(c, self.spec.graph, steps) if isinstance(c, str) else c for c in cut)
        if not self.spec.shared:
            if steps > self.spec.steps:
                raise SpecificationError(
                    f"{self.spec.name} has weights of its own for each of {self.spec.steps} steps and cannot run "
                    f"{steps}: its weight-shared twin can"
                )
            cuts += tuple(self._weightless(steps))
        if frames is not None and frames > steps:
            raise SpecificationError(f"{frames} frames do not fit into {steps} steps: give steps={frames} or more")
        entering: Iterable[int] = self.spec.entering(steps) if frames is None else range(frames)
        if not self.spec.shared:
            live = self.spec.dependence.live(self.spec.readout_states)
            entering = [step for step in entering if (self.spec.graph.input, step) in live]
        return Dependence(self.spec.graph, steps, list(entering), cuts)

    def _weightless(self, steps: int) -> Iterator[Cut]:
        live = self.spec.dependence.live_arrivals(self.spec.readout_states)
        for c in self.spec.graph.connections:
            dead = tuple(step for step in range(steps) if (c.name, step) not in live)
            if dead:
                yield Cut(c.name, dead)

    def _run_key(self, picture: Tensor, steps: int | None, cut: Sequence[Cut | str]) -> tuple[Any, ...]:
        """Return what a run depends on besides weights and pictures: the key under which its plan is kept."""
        shape, stride = tuple(picture.shape), lcm(*(area.stride for area in self.spec.graph.areas))
        if picture.ndim not in (4, 5) or shape[-3] != 3:
            raise SpecificationError(
                f"input has shape {shape}: give pictures (batch, 3, y, x) or frames (batch, step, 3, y, x)"
            )
        if shape[-2] % stride or shape[-1] % stride:
            raise SpecificationError(f"input has shape {shape}: y and x must be multiples of {stride}, as strides are")
        return steps, tuple(cut), shape[1] if picture.ndim == 5 else None

    def _dependence(self, key: tuple[Any, ...]) -> Dependence:
        if key not in self._dependences:
            self._dependences[key] = self.depend(*key)
        return self._dependences[key]

    def _readouts(self, dependence: Dependence, readout: Readout) -> tuple[int, ...]:
        if readout is None:
            steps: tuple[int, ...] = (self.spec.readout_steps[-1],)
            if dependence.steps != self.spec.steps:
                steps = (dependence.steps - 1,)
        elif readout == "all":
            steps = dependence.reached_steps(self.spec.graph.readout)
        elif isinstance(readout, int):
            steps = (readout,)
        elif isinstance(readout, str):
            raise SpecificationError(f"readout {readout!r}: give a step, steps, or 'all'")
        else:
            steps = tuple(readout)
        check_readouts(dependence, steps)
        return steps

    def _asked(self, dependence: Dependence, record: Record) -> tuple[list[StateKey], list[Arrival]]:
        """Return the states and currents that ``record`` names."""
        states: list[StateKey] = []
        arrivals: list[Arrival] = []
        for name, chosen in record.items():
            steps = range(dependence.steps) if chosen is None else [s for s in chosen if s < dependence.steps]
            if name in self.areas:
                states += [(name, step) for step in steps]
            else:
                self.spec.graph.connection(name)
                arrivals += [(name, step) for step in steps]
        return states, arrivals

    def _hooked(self, dependence: Dependence) -> tuple[list[StateKey], list[Arrival]]:
        """Return the states and currents that somebody listens to through a forward hook."""
        modules = [*self.areas.items(), *self.connections.items()]
        return self._asked(dependence, {name: None for name, m in modules if m._forward_hooks or m._forward_pre_hooks})

    def _plan(self, key: tuple[Any, ...], states: list[StateKey], arrivals: list[Arrival]) -> Plan:
        full = (*key, tuple(states), tuple(arrivals))
        if full not in self._plans:
            self._plans[full] = make_plan(self._dependence(key), states, arrivals)
        return self._plans[full]
