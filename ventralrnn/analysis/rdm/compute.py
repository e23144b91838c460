"""RDMs of every area at every time step of a recording."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.rdm.container import make_rdms
from ventralrnn.analysis.rdm.distances import PLAIN, check_distance, check_shape, compute_distances
from ventralrnn.analysis.rdm.noise import Noise
from ventralrnn.analysis.rdm.patterns import distances_within, place
from ventralrnn.analysis.rdm.repeats import Runs, distances_of_runs
from ventralrnn.analysis.rdm.tiles import distances_by_tiles, tile_rows, to_patterns
from ventralrnn.analysis.reading import AreaStates, Features, StateGrid
from ventralrnn.analysis.results import attributes_of, provenance
from ventralrnn.arguments import checked
from ventralrnn.devices import choose_device
from ventralrnn.errors import AnalysisError
from ventralrnn.progress import progress_bar

#: All distances of :func:`compute_rdm`.
DISTANCES = (*PLAIN, "mahalanobis", "crossnobis", "poisson", "poisson_cv")
_CROSSVALIDATED = ("crossnobis", "poisson_cv")
_MEMORY = 1 << 30
# Products of stimuli that are held for states computed together.
_TOGETHER = 1 << 23


@checked(AnalysisError)
def compute_rdm(
    recording: Features,
    distance: str = "correlation",
    *,
    areas: Sequence[str] | None = None,
    steps: str | int | Sequence[int] | None = None,
    condition: str | None = None,
    noise: str | Noise | None = None,
    constant: str = "raise",
    device: str = "auto",
    memory: int = _MEMORY,
    progress: bool = False,
    command: str | None = None,
) -> xr.Dataset:
    """Compute the RDMs of every area at every time step.

    Parameters
    ----------
    recording : Recording, mapping of str to xarray.DataArray, xarray.DataArray or array
        A recording, or areas (stimulus, time, neuroid), also with a dimension ``repeat`` or ``run``; an array
        (stimulus, feature) or (time, stimulus, feature).
    distance : str
        'correlation', 'euclidean', 'sqeuclidean', 'cosine', 'mahalanobis' (see :func:`compute_distances`),
        'crossnobis' (:func:`compute_crossnobis`), 'poisson' or 'poisson_cv' (:func:`compute_poisson`).
    areas : sequence of str, optional
        All by default.
    steps : str or sequence of int, optional
        Time steps, ``'0:8'`` or ``[0, 4]``; all by default.
    condition : str, optional
        A coordinate of the stimuli, such as ``'label'``: those of the same value are repeats of one condition, in the
        order in which conditions first appear. 'mahalanobis', 'crossnobis' and 'poisson_cv' need repeats, all other
        distances average over them. Repeated ``stimulus_id`` are repeats without being asked.
    noise : str or Noise, optional
        For 'mahalanobis' and 'crossnobis': a noise covariance for all states, or how :func:`estimate_noise` finds that
        of each state in its repeats. Without, 'mahalanobis' takes 'shrinkage_diag', and 'crossnobis' none.
    constant : {'raise', 'nan'}
        What becomes of stimuli to which the distance is not defined, such as one that leaves an area silent: an error
        that names it, or NaN in its pairs.
    device : str
        'auto', 'cpu' or 'cuda'.
    memory : int
        Bytes for patterns that are held at a time. Where one state has more, it is read in tiles of stimuli, or in
        blocks of features for distances that need repeats. A noise covariance that is estimated from more
        presentations than there are features takes all of a state.
    progress : bool
        Show a progress bar.
    command : str, optional
        Kept with the result.

    Returns
    -------
    xarray.Dataset
        ``dissimilarity`` (area, time, pair), see :func:`make_rdms`. ``time_step`` (time) holds the steps of all areas;
        ``time_ms`` is (area, time), in ms after stimulus onset. NaN where an area has no such step, or the input has
        not reached it. For arrays (time, pair) or (pair).

    Raises
    ------
    AnalysisError
        If there is no such area, step or coordinate; areas have different stimuli; or a distance is not defined.

    Notes
    -----
    Results do not depend on `memory` beyond rounding: about 1e-6 of the largest dissimilarity for float32 and float16
    recordings (which are computed in float32), 1e-13 for float64; of its square for 'euclidean'.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> import ventralrnn
    >>> states = np.random.default_rng(0).normal(size=(5, 3, 40))
    >>> recording = {"IT": xr.DataArray(states, dims=("stimulus", "time", "neuroid"))}
    >>> rdms = ventralrnn.compute_rdm(recording, "correlation")
    >>> dict(rdms.dissimilarity.sizes)
    {'area': 1, 'time': 3, 'pair': 10}
    >>> expected = 1 - np.corrcoef(states[0, 0], states[1, 0])[0, 1]
    >>> bool(np.isclose(rdms.dissimilarity.sel(area="IT")[0, 0], expected))
    True
    """
    check_distance(distance, DISTANCES)
    if noise is not None and distance not in ("mahalanobis", "crossnobis"):
        raise AnalysisError(f"noise: goes not with {distance}: use mahalanobis or crossnobis")
    if constant not in ("raise", "nan"):
        raise AnalysisError(f"constant {constant!r}: raise or nan")
    if memory < 1:
        raise AnalysisError(f"memory {memory}: give bytes, 1 or more")
    settings = {"distance": distance, "constant": constant}
    if not isinstance(recording, Mapping | xr.DataArray):
        return _of_array(recording, settings, areas, steps, condition, noise)
    grid = StateGrid(recording, areas, steps, condition or "stimulus_id")
    _check_repeats(grid, distance)
    job = _Job(distance, noise, constant, _device(device), memory)
    result = _compute(grid, job, progress)
    used = (noise if isinstance(noise, str) else "given") if noise is not None else job.default_noise
    settings |= {"noise": used} if used else {}
    settings |= {"condition": condition} if condition else {}
    settings |= {"command": command} if command else {}
    labels = grid.label("label")
    coords = {
        "time_ms": (("area", "time"), np.full(grid.shape, np.nan), {"units": "ms"}),
        **grid.coords(),
        "time_step": ("time", np.array(grid.steps, np.int32)),
        **({"label": ("stimulus", labels.astype(str))} if labels is not None else {}),
    }
    return make_rdms(
        result,
        ("area", "time"),
        coords,
        grid.names,
        provenance(attributes_of(recording), **settings),
    )


def _of_array(array: Any, settings: Mapping[str, Any], *others: Any) -> xr.Dataset:
    if any(other is not None for other in others[:3]):
        raise AnalysisError("areas, steps, condition: go with labelled arrays, not with a plain one")
    if settings["distance"] not in (*PLAIN, "mahalanobis"):
        raise AnalysisError(
            f"distance {settings['distance']!r}: for plain arrays compute_crossnobis and compute_poisson are there"
        )
    noise = others[3]
    if isinstance(noise, str):
        raise AnalysisError("noise: a plain array has no repeats to estimate it from: give what estimate_noise returns")
    values = compute_distances(array, settings["distance"], noise=noise, constant=settings["constant"])
    if isinstance(values, Tensor):
        values = values.cpu().numpy()
    if values.ndim > 2:
        raise AnalysisError(f"recording: give (stimulus, feature) or (time, stimulus, feature), not {np.shape(array)}")
    coords = {} if values.ndim == 1 else {"time_step": ("time", np.arange(len(values)))}
    return make_rdms(values, ("time",)[: values.ndim - 1], coords, attrs=provenance(**settings))


def _device(device: str) -> torch.device:
    chosen = choose_device(device)
    if chosen.type == "mps":  # which has no float64
        if device != "auto":
            raise AnalysisError("device 'mps': has no double precision, which RDMs need: use cpu")
        return torch.device("cpu")
    return chosen


def _check_repeats(grid: StateGrid, distance: str) -> None:
    for name, area in grid.areas.items():
        if distance in _CROSSVALIDATED and not area.repeated:
            raise AnalysisError(
                f"{name}: {distance} needs repeats: give an array with a dimension repeat or run, or name a coordinate "
                "of the stimuli whose values repeat (condition='label')"
            )


@dataclass(frozen=True)
class _Job:
    """How one state becomes an RDM."""

    distance: str
    noise: str | Noise | None
    constant: str
    device: torch.device
    memory: int

    @property
    def default_noise(self) -> str | None:
        return "shrinkage_diag" if self.distance == "mahalanobis" else None

    def compute(self, area: AreaStates, position: int) -> np.ndarray:
        """Return the RDM of a state, (pair,)."""
        where = f" of {area.name}, step {area.time_step[position]}"
        check_shape((area.stimuli, area.neuroids), self.distance, where)
        if self.distance in PLAIN:
            return distances_by_tiles(
                lambda tile: self._patterns(area, position, tile),
                area.stimuli,
                tile_rows(area.stimuli, area.row_bytes * area.most_presentations, self.memory),
                self.distance,
                constant=self.constant,
                where=where,
                names=area.names,
            )
        runs = Runs(area, position, self.memory, self.device)
        try:
            return distances_of_runs(runs, self.distance, self.noise or self.default_noise).cpu().numpy()
        except AnalysisError as error:
            raise AnalysisError(f"{area.name}, step {area.time_step[position]}: {error}") from error

    def _patterns(self, area: AreaStates, position: int, tile: slice) -> Tensor:
        runs = to_patterns(area.runs(position, tile), self.device)
        if len(runs) == 1:
            return runs[0]
        return (runs.float() if runs.dtype == torch.float16 else runs).nanmean(0)

    def compute_together(self, area: AreaStates, positions: list[int]) -> np.ndarray | None:
        """Return the RDMs of several states of an array in memory at once, which is faster; None where it is not so."""
        states = area.states(positions) if self.distance in PLAIN else None
        if states is None or len(positions) * area.stimuli * area.row_bytes > self.memory:
            return None
        check_shape(states.shape, self.distance, f" of {area.name}")
        try:
            return distances_within(place(states.to(self.device), self.distance)).cpu().numpy()
        except AnalysisError:  # which names the state when it is alone
            return None


def _compute(grid: StateGrid, job: _Job, progress: bool) -> np.ndarray:
    """Return dissimilarities (area, time, pair)."""
    count = grid.stimuli
    double = any(area.double for area in grid.areas.values())
    result = np.full((*grid.shape, count * (count - 1) // 2), np.nan, np.float64 if double else np.float32)
    todo = [s for s in grid.states() if grid.areas[s.area].reached(s.position)]
    # As many at a time as have squares of the size of a few large states.
    together = max(1, _TOGETHER // count**2)
    groups = [
        states[start : start + together]
        for _, (*states,) in groupby(todo, lambda state: state.area)
        for start in range(0, len(states), together)
    ]
    with progress_bar(progress, len(todo), "RDMs") as advance:
        for states in groups:
            area, row, columns = grid.areas[states[0].area], states[0].row, [s.column for s in states]
            found = job.compute_together(area, [s.position for s in states])
            if found is not None:
                result[row, columns] = found
            else:
                for state in states:
                    result[row, state.column] = job.compute(area, state.position)
                    advance(1)
            advance(len(states) if found is not None else 0)
    return result
