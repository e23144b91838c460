"""All states of a recording against each other, or against those of another recording."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.analysis.reading import Features, StateGrid, match_names
from ventralrnn.analysis.results import attributes_of, provenance
from ventralrnn.analysis.similarity.cka import align, plan_criterion, prepare_state
from ventralrnn.analysis.similarity.shapes import MEASURES, check_measure, pair_distances, shape_factor
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError


@checked(AnalysisError)
def compare_states(
    recording: Features,
    other: Features | None = None,
    *,
    measure: str = "cka",
    areas: Sequence[str] | None = None,
    steps: str | int | Sequence[int] | None = None,
    other_areas: Sequence[str] | None = None,
    other_steps: str | int | Sequence[int] | None = None,
    debiased: bool = True,
    batch_size: int | None = None,
    epochs: int = 1,
    alpha: float = 1.0,
    seed: int = 0,
) -> xr.Dataset:
    """Compare every state of a recording with every other, or with every state of another recording.

    Parameters
    ----------
    recording : mapping of str to xarray.DataArray, xarray.DataArray or numpy.ndarray
        A :class:`ventralrnn.recording.Recording`, or one array (stimulus, time, neuroid) or (stimulus, neuroid).
    other : like `recording`, optional
        A recording of the same stimuli; they are matched by ``stimulus_id``.
    measure : {'cka', 'angular', 'procrustes'}
        Linear centred kernel alignment, see :func:`cka`, or a shape distance, see :func:`shape_distances`.
    areas, steps : sequence, optional
        States of `recording` to take. All by default.
    other_areas, other_steps : sequence, optional
        States of `other` to take. All by default.
    debiased : bool
        For CKA, like the next two, see :func:`cka`.
    batch_size, epochs : int, optional
        Batches of stimuli, and how often the stimuli are drawn.
    alpha : float
        For shape distances, see :func:`shape_distances`.
    seed : int
        For CKA in batches.

    Returns
    -------
    xarray.Dataset
        ``similarity`` (area, time, area_other, time_other) for CKA, else ``distance``. NaN where a state does not
        exist: ``time`` holds every step that some area has.

    Raises
    ------
    AnalysisError
        If the recordings differ in their stimuli, a state holds NaN for some of them, or there are too few.

    Notes
    -----
    States are read one at a time. What is kept of each is a matrix of stimuli by stimuli, in the precision of the
    recording; `batch_size` makes that smaller.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.analysis import compare_states
    >>> rng = np.random.default_rng(0)
    >>> dims = ("stimulus", "time", "neuroid")
    >>> recording = {"V4": xr.DataArray(rng.normal(size=(20, 3, 30)), dims=dims)}
    >>> compare_states(recording).similarity.dims
    ('area', 'time', 'area_other', 'time_other')
    """
    settings: dict[str, Any] = {"measure": measure}
    first = StateGrid(recording, areas, steps)
    second = None if other is None else StateGrid(other, other_areas, other_steps)
    if second is None and (other_areas is not None or other_steps is not None):
        raise AnalysisError("other_areas, other_steps: there is no other recording to take them from")
    if measure == "cka":
        plan = plan_criterion(first.stimuli, debiased=debiased, batch_size=batch_size, epochs=epochs, seed=seed)
        settings |= {"debiased": debiased, "batch_size": batch_size, "epochs": epochs, "seed": seed}
        values = _over_pairs(first, second, lambda state: prepare_state(state, plan), _align)
    elif measure in MEASURES:
        check_measure(measure, alpha)
        settings |= {"alpha": alpha}
        values = _over_pairs(
            first, second, lambda state: shape_factor(state, alpha), lambda a, b: pair_distances(a, b, measure)
        )
    else:
        raise AnalysisError(f"measure: {measure!r} is none; take cka, {' or '.join(MEASURES)}")
    name = "similarity" if measure == "cka" else "distance"
    coords = first.coords() | (second or first).coords("_other")
    dims = ("area", "time", "area_other", "time_other")
    return xr.Dataset({name: (dims, values)}, coords, provenance(attributes_of(recording), **settings))


def _over_pairs(
    first: StateGrid,
    second: StateGrid | None,
    prepare: Callable[[Tensor], Tensor | None],
    combine: Callable[[list[Any], list[Any] | None], Tensor],
) -> np.ndarray:
    """Return values (area, time, area_other, time_other): states prepared one by one, then combined in pairs."""
    rows, places = _prepared(first, prepare, None)
    columns, others = rows, places
    if second is not None:
        if second.stimuli != first.stimuli:
            raise AnalysisError(f"other: {second.stimuli} stimuli, not {first.stimuli} as the recording")
        order = match_names(first.names, second.names, "other")
        columns, others = _prepared(second, prepare, order)
    shape = first.shape, (second or first).shape
    values = np.full((int(np.prod(shape[0])), int(np.prod(shape[1]))), np.nan)
    if rows and columns:
        pairs = combine(rows, None if second is None else columns)
        values[np.ix_(places, others)] = pairs.numpy(force=True)
    return values.reshape(*shape[0], *shape[1])


def _prepared(
    grid: StateGrid, prepare: Callable[[Tensor], Tensor | None], order: np.ndarray | None
) -> tuple[list[Any], list[int]]:
    found, places = [], []
    for state in grid.states():
        values = grid.read(state)
        if values is None:
            continue
        features = to_tensor(values if order is None else values[order], state.area, finite=False)
        found.append(prepare(features))
        places.append(state.row * len(grid.steps) + state.column)
    return found, places


def _align(rows: list[Tensor], columns: list[Tensor] | None) -> Tensor:
    return align(torch.stack(rows), None if columns is None else torch.stack(columns))
