"""Fixed points of a network under a constant picture: states that map to themselves."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from scipy.optimize import least_squares
from scipy.sparse import identity
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from torch import Tensor

from ventralrnn.analysis.dynamics.jacobian import StateMap, each_warning_once, leading_spectrum
from ventralrnn.analysis.results import provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError
from ventralrnn.networks import RecurrentNetwork


@checked(AnalysisError)
@each_warning_once()
def find_fixed_points(
    network: RecurrentNetwork,
    pictures: Tensor | np.ndarray,
    start: Mapping[str, xr.DataArray] | None = None,
    *,
    run_steps: int = 0,
    iterations: int = 50,
    inner_iterations: int = 100,
    tolerance: float = 1e-6,
    spectrum: bool = True,
    seed: int = 0,
) -> xr.Dataset:
    """Find states that a constant picture holds in place, by running on, then by minimising the speed.

    Parameters
    ----------
    network : RecurrentNetwork
        In evaluation mode, with shared weights. In float64 (``network.double()``) fixed points are found to more
        digits.
    pictures : torch.Tensor or numpy.ndarray, (stimulus, 3, y, x)
        Preprocessed pictures.
    start : mapping of str to xarray.DataArray, (stimulus, time, neuroid), optional
        Recording of the same pictures with all areas, every position kept: the search starts from its last states. By
        default the network is run for its own number of steps.
    run_steps : int
        Steps to run on first: this finds stable fixed points only, and is cheap.
    iterations : int
        Steps of the minimisation at most, which also finds unstable ones; 0 for none.
    inner_iterations : int
        Products with the Jacobian in each of them at most.
    tolerance : float
        A state whose residual, the root mean square of its change in one step, is below `tolerance` times its own is
        a fixed point.
    spectrum : bool
        Compute the spectral radius of the map there: below 1 the fixed point is stable.
    seed : int
        Of the iteration for it.

    Returns
    -------
    xarray.Dataset
        For each stimulus ``residual`` and ``residual_start`` (after the search and before; relative, see `tolerance`),
        ``q`` (half of the squared length of the change: Sussillo & Barak's), ``is_fixed``, ``distance`` (root mean
        square of the way from the start, relative to the state at the end), ``spectral_radius`` (NaN without
        `spectrum`); and for each area ``state_AREA`` (stimulus, neuroid_AREA). A state that is not fixed is a slow
        point at best: the residual tells.

    Raises
    ------
    AnalysisError
        If the network has no map without time, or `start` does not hold its states.

    Notes
    -----
    With time-specific batch norm there is one map a step, so a fixed point is one of the map of the last trained step
    (see :class:`StateMap`), as if its statistics went on for ever. The residual of nonlinear least squares is
    minimised by a trust-region method whose steps need products with the Jacobian only.

    References
    ----------
    Sussillo & Barak (2013), Neural Computation 25:626; Fong & Saunders (2011), SIAM Journal on Scientific Computing
    33:2950 (LSMR).

    Examples
    --------
    >>> import torch
    >>> from ventralrnn.analysis import find_fixed_points
    >>> from ventralrnn.graph import Area, Connection, Graph
    >>> from ventralrnn.networks import NetworkSpec, RecurrentNetwork
    >>> graph = Graph((Area("V1", channels=2, stride=8),), (Connection("V1", "V1", "RC"),))
    >>> network = RecurrentNetwork(NetworkSpec("small", graph, steps=4, input_steps=None)).double().eval()
    >>> for weights in network.kernels.parameters():
    ...     weights.data = weights.data / 10  # so weak that the state comes to rest
    >>> found = find_fixed_points(network, torch.rand(1, 3, 32, 32, dtype=torch.float64))
    >>> bool(found.is_fixed[0]), bool(found.spectral_radius[0] < 1)  # and the fixed point is stable
    (True, True)
    """
    batch = torch.as_tensor(pictures).to(next(network.parameters()))
    if batch.ndim != 4 or not len(batch):
        raise AnalysisError(f"pictures: give (stimulus, 3, y, x), not shape {tuple(batch.shape)}")
    states = _own_states(network, batch) if start is None else _recorded(network, batch, start)
    rows: list[dict[str, float]] = []
    found: dict[str, list[np.ndarray]] = {}
    for row, picture in enumerate(batch):
        where = StateMap(network, picture)
        own = {area: [None if s is None else s[row] for s in kept] for area, kept in states.items()}
        begin = where.join(own, len(next(iter(own.values()))) - 1)
        end = _search(where, begin, run_steps, iterations, inner_iterations)
        measures = _measure(where, begin, end)
        measures["is_fixed"] = measures["residual"] < tolerance
        radius = np.nan
        if spectrum and bool(end.isfinite().all()):
            radius = float(np.abs(leading_spectrum(where.operator(end), 1, seed)[1][0]))
        rows.append({**measures, "spectral_radius": radius})
        for area, state in where.take_apart(end).items():
            found.setdefault(area, []).append(state.flatten().cpu().numpy())
    data = {name: ("stimulus", np.array([r[name] for r in rows])) for name in rows[0]}
    points = {f"state_{a}": (("stimulus", f"neuroid_{a}"), np.stack(s)) for a, s in found.items()}
    settings = {"run_steps": run_steps, "iterations": iterations, "tolerance": tolerance, "seed": seed}
    attrs = provenance({"model": network.spec.name}, batch_norm_step=network.spec.steps - 1, **settings)
    return xr.Dataset({**data, **points}, attrs=attrs)


def _search(where: StateMap, begin: Tensor, run_steps: int, iterations: int, inner_iterations: int) -> Tensor:
    """Return the state at which the search ends."""
    state = begin
    with torch.no_grad():
        for _ in range(run_steps):
            state = where(state)
    if not bool(state.isfinite().all()) or not iterations:
        return state
    numbers = state.cpu().numpy()

    def change(x: np.ndarray) -> np.ndarray:
        point = torch.from_numpy(x).to(state)
        with torch.no_grad():
            return (where(point) - point).double().cpu().numpy()

    def jacobian(x: np.ndarray) -> LinearOperator:
        return where.operator(torch.from_numpy(x).to(state)) - aslinearoperator(identity(where.size))

    result = least_squares(
        change,
        numbers.astype(float),
        jacobian,
        method="trf",
        tr_solver="lsmr",
        tr_options={"maxiter": inner_iterations},
        ftol=1e-10,
        xtol=1e-12,
        gtol=1e-14,
        max_nfev=iterations,
    )
    return torch.from_numpy(result.x).to(state)


def _measure(where: StateMap, begin: Tensor, end: Tensor) -> dict[str, float]:
    with torch.no_grad():
        moved, first = where(end) - end, where(begin) - begin

    def relative(difference: Tensor, to: Tensor) -> float:
        return float(difference.double().norm() / to.double().norm()) if to.any() else float(difference.any())

    return {
        "residual": relative(moved, end),
        "residual_start": relative(first, begin),
        "q": float(moved.double().square().sum() / 2),
        "distance": relative(end - begin, end),
    }


def _own_states(network: RecurrentNetwork, batch: Tensor) -> dict[str, list[Tensor | None]]:
    with torch.no_grad():
        return network.states(batch)


def _recorded(
    network: RecurrentNetwork, batch: Tensor, start: Mapping[str, xr.DataArray]
) -> dict[str, Sequence[Tensor | None]]:
    """Return the states that a recording holds, by area and step."""
    states: dict[str, Sequence[Tensor | None]] = {}
    for area in network.spec.graph.names:
        if area not in start:
            raise AnalysisError(f"start: the recording lacks area {area}: record all areas of {network.spec.name}")
        array = start[area]
        side = [size // network.spec.graph.area(area).stride for size in batch.shape[-2:]]
        wanted = network.spec.graph.area(area).channels * side[0] * side[1]
        if array.sizes["neuroid"] != wanted or array.sizes["stimulus"] != len(batch):
            raise AnalysisError(
                f"start: {area} holds {array.sizes['stimulus']} stimuli and {array.sizes['neuroid']} neuroids, where "
                f"pictures give {len(batch)} and {wanted}: record the same pictures, with pool='none'"
            )
        steps = array["time_step"].values.tolist()
        if steps != list(range(len(steps))):
            raise AnalysisError(f"start: {area} holds steps {steps}: record all from 0 on")
        values = torch.from_numpy(np.array(array.values))
        shown = ~torch.isnan(values).all(-1).all(0)
        states[area] = [values[:, step] if shown[step] else None for step in steps]
    return states
