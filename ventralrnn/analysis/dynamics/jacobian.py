"""How a network maps its state to the next: the map, and the spectrum of its Jacobian without ever forming it."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import xarray as xr
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs, svds
from torch import Tensor

from ventralrnn.analysis.results import provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError
from ventralrnn.networks import RecurrentNetwork
from ventralrnn.networks.kernels import kernel_key
from ventralrnn.networks.transitions import State

# Up to this size the whole matrix is formed: it is exact, and no slower.
_DENSE = 128
_RESTARTS = 300

Slot = tuple[str, int]  # (area, how many steps back: 1 is the last)


@contextmanager
def each_warning_once() -> Iterator[None]:
    """Say once, at the end, what hundreds of evaluations of the same map would each warn of."""
    with warnings.catch_warnings(record=True) as said:
        yield
    for text, category in {str(warning.message): warning.category for warning in said}.items():
        warnings.warn(text, category, stacklevel=5)  # of what is decorated, and checked


class StateMap:
    """The map from the state of a whole network to its state one step later, for one constant picture.

    The state is what the next step needs to know: every area that a connection reads, as far back as the longest delay
    from it. Areas are flattened and put one after another.

    Parameters
    ----------
    network : RecurrentNetwork
        In evaluation mode.
    picture : torch.Tensor, (3, y, x)
        What is shown all the time.
    step : int, optional
        Step that the map leads into: a state that it reads is normalised by the batch norm statistics of its own step
        (as in the network), the picture enters if it does at that step, and weights are those of that step where they
        differ. None, for fixed points, is the map without time: all statistics are those of the last trained step, and
        every connection is active.

    Attributes
    ----------
    slots : tuple of (str, int)
        Area, and how many steps back, of each part of the state.
    size : int
        Number of its values.

    Raises
    ------
    AnalysisError
        If the network has no map without time (weights of each step, or connections that are active at some steps
        only), or the map at a step would read states that do not exist.
    """

    def __init__(self, network: RecurrentNetwork, picture: Tensor, step: int | None = None) -> None:
        spec = network.spec
        if network.training:
            raise AnalysisError(
                f"network: {spec.name} is in training mode, in which a map depends on the batch: .eval()"
            )
        if step is None and not spec.shared:
            raise AnalysisError(f"network: {spec.name} has weights of its own for every step, and no map without time")
        if step is None and any(c.steps is not None for c in spec.graph.connections):
            raise AnalysisError(
                f"network: {spec.name} has connections that are active at some steps only, and no map without time"
            )
        self.network, self.step = network, step
        reach = {
            a: max((c.delay for c in spec.graph.connections if c.source == a), default=0) for a in spec.graph.names
        }
        self.slots: tuple[Slot, ...] = tuple((a, back) for a in spec.graph.names for back in range(1, reach[a] + 1))
        if not self.slots:
            raise AnalysisError(f"network: {spec.name} has no connection with a delay, so its state has no past")
        sides = [picture.shape[-2] // spec.graph.area(a).stride for a, _ in self.slots]
        across = [picture.shape[-1] // spec.graph.area(a).stride for a, _ in self.slots]
        self.shapes = [
            (spec.graph.area(a).channels, y, x) for (a, _), y, x in zip(self.slots, sides, across, strict=True)
        ]
        self._lengths = [int(np.prod(shape)) for shape in self.shapes]
        self.size = sum(self._lengths)
        if step is not None:
            dependence = network.depend(max(step + 1, spec.steps))
            if not any(dependence.is_reached(a, step) for a in spec.graph.names):
                raise AnalysisError(f"step {step}: no area holds a state then")
            self._terms = {a: dependence.terms(a, step) for a in spec.graph.names}
            enters = dependence.enters(spec.graph.input, step)
        else:
            self._terms = {a: spec.graph.incoming[a] for a in spec.graph.names}
            enters = spec.input_steps is None
        with torch.no_grad():
            self._entering = network.pre_net(picture[None]) if enters else None

    def __call__(self, vector: Tensor) -> Tensor:
        """Map a state (size,) to the next.

        Where a state does not exist at this step, its part is ignored, or 0 in the result.
        """
        spec, parts = self.network.spec, self._split(vector)
        now: dict[str, Tensor] = {}
        past: dict[tuple[str, int], State] = {}
        for area in spec.graph.order:
            currents = [self._entering] if area == spec.graph.input and self._entering is not None else []
            for c in self._terms[area]:
                if not c.delay and c.source not in now:
                    continue
                if (c.source, c.delay) not in past:
                    raw = parts[c.source, c.delay] if c.delay else now[c.source]
                    norm = self.network.norms[c.source] if c.source in self.network.norms else None  # noqa: SIM401
                    past[c.source, c.delay] = State(raw, self._when(c.delay), norm)
                step = self._when(0)
                kernels = [self.network.kernels[kernel_key(spec, group, step)] for group in c.weight_groups]
                currents.append(self.network.connections[c.name](past[c.source, c.delay], kernels, step))
            state = self.network.areas[area](currents)
            if state is not None:
                now[area] = state
        after = []
        for (area, back), shape in zip(self.slots, self.shapes, strict=True):
            if back > 1:
                after.append(parts[area, back - 1].flatten())
            elif area in now:
                after.append(now[area].flatten())
            else:
                after.append(vector.new_zeros(int(np.prod(shape))))
        return torch.cat(after)

    def _when(self, delay: int) -> int:
        """Return the step whose statistics and weights a state `delay` steps back goes with."""
        return self.network.spec.steps - 1 if self.step is None else self.step - delay

    def _split(self, vector: Tensor) -> dict[Slot, Tensor]:
        if vector.shape != (self.size,):
            raise AnalysisError(f"state: give ({self.size},) values, not shape {tuple(vector.shape)}")
        parts = vector.split(self._lengths)
        return {slot: p.reshape(1, *shape) for slot, p, shape in zip(self.slots, parts, self.shapes, strict=True)}

    def join(self, states: Mapping[str, Sequence[Tensor | None]], step: int) -> Tensor:
        """Put states of areas into one vector.

        Parameters
        ----------
        states : mapping of str to sequence of (tensor or None)
            For every area its states by step, each (channel, y, x) or flat; None where there is none.
        step : int
            The last step that the vector holds.

        Returns
        -------
        torch.Tensor, (size,)
            States at `step`, and before it where delays ask for them; 0 for those that do not exist.
        """
        found = []
        for (area, back), length in zip(self.slots, self._lengths, strict=True):
            at = step + 1 - back
            state = states[area][at] if at >= 0 else None
            zero = next(self.network.parameters()).new_zeros(length)
            found.append(zero if state is None else state.flatten().to(zero))
        return torch.cat(found)

    def take_apart(self, vector: Tensor) -> dict[str, Tensor]:
        """Return the last state of every area, (channel, y, x), that a vector (size,) holds."""
        return {area: part[0] for (area, back), part in self._split(vector).items() if back == 1}

    def operator(self, point: Tensor) -> LinearOperator:
        """Return the Jacobian of the map at a state as a linear operator on numpy vectors.

        Parameters
        ----------
        point : torch.Tensor, (size,)
            The state.

        Returns
        -------
        scipy.sparse.linalg.LinearOperator, (size, size)
            Each product costs two or three steps of the network.
        """
        pull = torch.func.vjp(self, point)[1]
        numbers = np.float64 if point.dtype == torch.float64 else np.float32

        def push(vector: np.ndarray) -> np.ndarray:
            tangent = torch.from_numpy(np.ascontiguousarray(vector.reshape(-1), numbers)).to(point)
            with warnings.catch_warnings():  # torch's own use of torch.jit, when it is loaded
                warnings.simplefilter("ignore", FutureWarning)
                return torch.func.jvp(self, (point,), (tangent,))[1].detach().cpu().numpy()

        def back(vector: np.ndarray) -> np.ndarray:
            cotangent = torch.from_numpy(np.ascontiguousarray(vector.reshape(-1), numbers)).to(point)
            return pull(cotangent)[0].detach().cpu().numpy()

        return LinearOperator((self.size, self.size), matvec=push, rmatvec=back, dtype=numbers)


def leading_spectrum(
    operator: LinearOperator, count: int = 1, seed: int = 0, tolerance: float = 1e-4
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest singular values and eigenvalues of a linear operator.

    Parameters
    ----------
    operator : scipy.sparse.linalg.LinearOperator, (n, n)
        Real, with products from both sides.
    count : int
        How many of each.
    seed : int
        Of the vector from which iteration starts.
    tolerance : float
        Relative accuracy of the iteration.

    Returns
    -------
    tuple of (numpy.ndarray, (count,)) and (numpy.ndarray of complex, (count,))
        Singular values and eigenvalues, those of largest magnitude first; NaN where iteration did not converge, or
        n is smaller than count.

    References
    ----------
    Lehoucq, Sorensen & Yang (1998), ARPACK Users' Guide (implicitly restarted Arnoldi iteration).
    """
    n = operator.shape[0]
    singular, eigen = np.full(count, np.nan), np.full(count, np.nan, complex)
    if n <= max(_DENSE, count + 2):
        matrix = operator @ np.eye(n, dtype=operator.dtype)
        values = np.linalg.svd(matrix, compute_uv=False)[:count]
        singular[: len(values)] = values
        values = _largest(np.linalg.eigvals(matrix.astype(float)), count)
        eigen[: len(values)] = values
        return singular, eigen
    start = np.random.default_rng(seed).standard_normal(n).astype(operator.dtype)
    settings: dict[str, Any] = {"v0": start, "tol": tolerance, "maxiter": _RESTARTS}
    try:
        values = svds(operator, count, return_singular_vectors=False, **settings)
    except ArpackNoConvergence as error:
        values = np.sqrt(np.abs(error.eigenvalues))
    values = np.sort(np.real(values))[::-1][:count]
    singular[: len(values)] = values
    try:
        # The transposed has the same eigenvalues, and its products cost a quarter: no derivative is carried forward.
        found = eigs(operator.T, count, return_eigenvectors=False, **settings)
    except ArpackNoConvergence as error:
        found = error.eigenvalues
    found = _largest(found, count)
    eigen[: len(found)] = found
    return singular, eigen


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    # Of a conjugate pair, the one above the real axis comes first.
    return values[np.lexsort((-values.imag, -np.round(np.abs(values), 9)))][:count]


@checked(AnalysisError)
@each_warning_once()
def jacobian_spectrum(
    network: RecurrentNetwork,
    pictures: Tensor | np.ndarray,
    steps: int | Sequence[int] | None = None,
    count: int = 1,
    seed: int = 0,
    tolerance: float = 1e-4,
) -> xr.Dataset:
    """Return how strongly a network stretches its state at each step of its run, and how its map would go on.

    Parameters
    ----------
    network : RecurrentNetwork
        In evaluation mode.
    pictures : torch.Tensor or numpy.ndarray, (stimulus, 3, y, x)
        Preprocessed pictures; one Jacobian for each.
    steps : sequence of int, or int, optional
        Steps that the maps lead into; by default all from the first at which a past state is read.
    count : int
        Number of singular values and eigenvalues.
    seed, tolerance
        As in :func:`leading_spectrum`.

    Returns
    -------
    xarray.Dataset
        ``singular_value`` (stimulus, time, mode): the factors by which the map stretches small changes most.
        ``eigenvalue_real`` and ``eigenvalue_imag`` (stimulus, time, mode), by magnitude. ``spectral_radius`` (stimulus,
        time): the largest magnitude. ``time_step`` (time).

    Raises
    ------
    AnalysisError
        If a step reads no past state, or the network is in training mode.

    Notes
    -----
    The map into step t is that of the run: batch norm takes the statistics of the step of each state. For delays above
    1 the state holds several steps, and the map shifts them: that part has singular values of 1.

    Examples
    --------
    >>> import torch
    >>> from ventralrnn.analysis import jacobian_spectrum
    >>> from ventralrnn.graph import Area, Connection, Graph
    >>> from ventralrnn.networks import NetworkSpec, RecurrentNetwork
    >>> graph = Graph((Area("V1", channels=4, stride=4),), (Connection("V1", "V1", "RC+Id"),))
    >>> network = RecurrentNetwork(NetworkSpec("small", graph, steps=4)).eval()
    >>> spectrum = jacobian_spectrum(network, torch.rand(1, 3, 32, 32), count=2)
    >>> spectrum.singular_value.dims, spectrum.singular_value.shape
    (('stimulus', 'time', 'mode'), (1, 3, 2))
    """
    spec = network.spec
    batch = torch.as_tensor(pictures).to(next(network.parameters()))
    if batch.ndim != 4:
        raise AnalysisError(f"pictures: give (stimulus, 3, y, x), not shape {tuple(batch.shape)}")
    chosen = _recurrent_steps(network) if steps is None else np.atleast_1d(np.array(steps, int)).tolist()
    unknown = [step for step in chosen if step not in _recurrent_steps(network, max(chosen, default=0) + 1)]
    if unknown or not chosen:
        raise AnalysisError(f"steps: no area reads a past state at step {unknown[0] if unknown else 'any'}")
    with torch.no_grad():
        run = network.states(batch, steps=max(*chosen, spec.steps - 1) + 1 if spec.shared else None)
    singular = np.full((len(batch), len(chosen), count), np.nan)
    eigen = np.full(singular.shape, np.nan, complex)
    for row, picture in enumerate(batch):
        states = {area: [None if s is None else s[row] for s in kept] for area, kept in run.items()}
        for column, step in enumerate(chosen):
            there = StateMap(network, picture, step)
            operator = there.operator(there.join(states, step - 1))
            singular[row, column], eigen[row, column] = leading_spectrum(operator, count, seed, tolerance)
    dims = ("stimulus", "time", "mode")
    data = {
        "singular_value": (dims, singular),
        "eigenvalue_real": (dims, eigen.real),
        "eigenvalue_imag": (dims, eigen.imag),
        "spectral_radius": (dims[:2], np.abs(eigen[..., 0])),
    }
    attrs = provenance({"model": spec.name}, count=count, seed=seed, tolerance=tolerance)
    return xr.Dataset(data, {"time_step": ("time", chosen)}, attrs)


def _recurrent_steps(network: RecurrentNetwork, steps: int | None = None) -> list[int]:
    """Return the steps at which some area reads a state of an earlier step."""
    total = max(steps or 0, network.spec.steps)
    dependence = network.depend(total if network.spec.shared else None)
    names = network.spec.graph.names
    return [s for s in range(dependence.steps) if any(c.delay for a in names for c in dependence.terms(a, s))]
