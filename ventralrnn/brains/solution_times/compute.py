"""Object solution times: when what an area tells about each picture is as good as what people answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from ventralrnn.analysis.encoding import make_folds
from ventralrnn.analysis.encoding.crossvalidation import Folds
from ventralrnn.analysis.reading import Features, StateGrid, check_labels
from ventralrnn.analysis.results import attributes_of, provenance
from ventralrnn.brains.solution_times.decoder import decode_probabilities
from ventralrnn.brains.solution_times.sensitivity import (
    crossing_times,
    image_sensitivity,
    mean_of_known,
    rank_correlation,
)
from ventralrnn.devices import choose_device
from ventralrnn.errors import AnalysisError


def solution_times(
    recording: Features,
    labels: Sequence[object] | np.ndarray | str = "label",
    thresholds: float | Sequence[float] | np.ndarray = 1.0,
    *,
    targets: Sequence[float] | np.ndarray | None = None,
    areas: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    folds: int | Folds = 10,
    bootstrap: int = 1000,
    confidence: float = 0.95,
    device: str = "auto",
    seed: int = 0,
) -> xr.Dataset:
    """Find when each stimulus is solved: when a decoder of an area's state reaches a sensitivity [1]_.

    Parameters
    ----------
    recording : mapping of str to xarray.DataArray, or one (stimulus, time, neuroid)
        A recording of a model or of a brain, with times; one state is read at a time.
    labels : sequence, (stimulus,), or str
        The object in each picture, or the coordinate that holds it.
    thresholds : float or sequence of float, (stimulus,)
        Sensitivity (d') at which a picture is solved: that of people for this picture, or one for all.
    targets : sequence of float, (stimulus,), optional
        Solution times of a brain, in ms, NaN where it has none.
    areas, steps : sequence, optional
        States to take. All by default.
    folds : int or list of (train, test)
        Pictures that the decoder learns from and is tested on; a number is that of folds, balanced by object.
    bootstrap : int
        Samples of the pictures for intervals.
    confidence : float
        Of the intervals.
    device : str
        'auto', 'cpu', 'cuda' or 'mps'.
    seed : int
        Of folds, of the decoder's first weights, and of the bootstrap.

    Returns
    -------
    xarray.Dataset
        ``solution_ms`` (area, stimulus), NaN where a picture is never solved (mean over the folds that test it);
        ``sensitivity`` (area, time, stimulus), d' at each time; ``solved`` (area), the share of pictures that are;
        ``mean_ms``, ``mean_low``, ``mean_high`` (area), over solved pictures. With targets ``score``,
        ``score_low``, ``score_high`` (area): Spearman's rank correlation with them over pictures that have both.

    Raises
    ------
    AnalysisError
        If there are no times or labels, or they do not fit.

    See Also
    --------
    ost_score : as Brain-Score's metric `ost` computes it, by folds.

    References
    ----------
    .. [1] Kar, Kubilius, Schmidt, Issa & DiCarlo 2019, Evidence that recurrent circuits are critical to the ventral
       stream's execution of core object recognition behavior, Nature Neuroscience 22:974.
    """
    grid = StateGrid(recording, areas, steps)
    objects, codes = _codes(grid, labels)
    limits = _limits(thresholds, grid.stimuli)
    splits = make_folds(grid.stimuli, folds, labels=codes, seed=seed) if isinstance(folds, int) else folds
    times = _times(grid)
    sensitivity, solved = _solve(grid, codes, limits, splits, times, choose_device(device), seed)
    aim = None if targets is None else _limits(targets, grid.stimuli, "targets", finite=False)
    with np.errstate(invalid="ignore"):
        per_stimulus = mean_of_known(solved, 0)
    result = xr.Dataset(
        {
            "solution_ms": (("area", "stimulus"), per_stimulus),
            "sensitivity": (("area", "time", "stimulus"), mean_of_known(sensitivity, 0)),
            "threshold": ("stimulus", limits),
            "solved": ("area", np.isfinite(per_stimulus).mean(1)),
        },
        {**grid.coords(), "label": ("stimulus", objects[codes])},
        provenance(
            attributes_of(recording), analysis="solution times", folds=len(splits), bootstrap=bootstrap
        ),
    )
    if grid.names is not None:
        result = result.assign_coords(stimulus_id=("stimulus", grid.names))
    drawn = np.random.default_rng(seed).integers(grid.stimuli, size=(bootstrap, grid.stimuli))
    tail = 100 * (1 - confidence) / 2
    _add(result, "mean", [np.array([_average(row[d]) for d in drawn]) for row in per_stimulus], tail)
    result["mean_ms"] = ("area", [_average(row) for row in per_stimulus])
    if aim is not None:
        result["score"] = ("area", [rank_correlation(row, aim) for row in per_stimulus])
        _add(result, "score", [np.array([rank_correlation(r[d], aim[d]) for d in drawn]) for r in per_stimulus], tail)
    return result


def ost_score(
    recording: Features,
    labels: Sequence[object] | np.ndarray | str,
    thresholds: Sequence[float] | np.ndarray,
    targets: Sequence[float] | np.ndarray,
    *,
    area: str | None = None,
    device: str = "auto",
    seed: int = 0,
) -> tuple[float, np.ndarray]:
    """Score solution times as Brain-Score's metric ``ost``, without TensorFlow.

    Parameters
    ----------
    recording, labels, thresholds, targets, device, seed
        As :func:`solution_times`; thresholds and targets for every stimulus.
    area : str, optional
        Which area; the only one by default.

    Returns
    -------
    score : float
        Mean over the splits that have one, as Brain-Score's score.
    splits : numpy.ndarray, (split,)
        Spearman's rank correlation over the test stimuli of each of Brain-Score's 10 splits.

    Raises
    ------
    AnalysisError
        As :func:`solution_times`.

    Notes
    -----
    Ten splits test a tenth of the stimuli each, drawn anew with the seed 1 and not balanced. The decoder begins with
    random weights, and its short descent does not forget them: `seed` says which. Brain-Score's are TensorFlow's,
    which differ between its versions.
    """
    grid = StateGrid(recording, None if area is None else [area])
    if len(grid.areas) != 1:
        raise AnalysisError(f"area: name one of {', '.join(grid.areas)}")
    _, codes = _codes(grid, labels)
    splits = _brainscore_splits(grid.stimuli)
    limits, aim = _limits(thresholds, grid.stimuli), _limits(targets, grid.stimuli, "targets", finite=False)
    _, solved = _solve(grid, codes, limits, splits, _times(grid), choose_device(device), seed)
    scores = np.array([rank_correlation(solved[i, 0, test], aim[test]) for i, (_, test) in enumerate(splits)])
    return float(np.nanmean(scores)), scores


def _solve(
    grid: StateGrid,
    codes: np.ndarray,
    limits: np.ndarray,
    splits: Folds,
    times: np.ndarray,
    device: torch.device,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return sensitivities (split, area, time, stimulus) and solution times (split, area, stimulus)."""
    sensitivity = np.full((len(splits), *grid.shape, grid.stimuli), np.nan)
    for state in grid.states():
        values = grid.read(state)
        if values is None:
            continue
        found = decode_probabilities(values, codes, splits, device=device, seed=seed)
        for i, (_, test) in enumerate(splits):
            sensitivity[i, state.row, state.column, test] = image_sensitivity(found[i], codes[test])
    solved = np.full((len(splits), len(grid.areas), grid.stimuli), np.nan)
    for i, (_, test) in enumerate(splits):
        for row in range(len(grid.areas)):
            there = np.isfinite(times[row])
            solved[i, row, test] = crossing_times(sensitivity[i, row][there][:, test], limits[test], times[row, there])
    return sensitivity, solved


def _brainscore_splits(stimuli: int) -> Folds:
    from sklearn.model_selection import ShuffleSplit

    # Brain-Score keeps the stimuli of a split in their own order, which is the order of the batches.
    drawn = ShuffleSplit(10, test_size=0.1, random_state=1).split(np.zeros(stimuli))
    return [(np.sort(train), np.sort(test)) for train, test in drawn]


def _codes(grid: StateGrid, labels: Sequence[object] | np.ndarray | str) -> tuple[np.ndarray, np.ndarray]:
    values = grid.label(labels) if isinstance(labels, str) else np.asarray(labels)
    if values is None:
        raise AnalysisError(f"labels: the stimuli have no coordinate {labels!r}; give one label for each")
    check_labels(values)
    if values.shape != (grid.stimuli,):
        raise AnalysisError(f"labels: shape {values.shape} for {grid.stimuli} stimuli")
    names, codes = np.unique(values, return_inverse=True)
    if len(names) < 2:
        raise AnalysisError("labels: one object only; at least two are told apart")
    return names, codes.ravel()


def _limits(
    values: float | Sequence[float] | np.ndarray, stimuli: int, name: str = "thresholds", finite: bool = True
) -> np.ndarray:
    found = np.asarray(values, np.float64)
    if found.ndim == 0:
        found = np.full(stimuli, float(found))
    if found.shape != (stimuli,) or (finite and np.isnan(found).any()):
        raise AnalysisError(f"{name}: give one for each of {stimuli} stimuli, not shape {found.shape} or NaN")
    return found


def _times(grid: StateGrid) -> np.ndarray:
    """Return times (area, time) in ms."""
    coords: Mapping[str, Any] = grid.coords()
    if "time_ms" not in coords:
        raise AnalysisError("recording: its steps have no time in ms (time_ms); give the model a clock")
    return np.asarray(coords["time_ms"][1], np.float64)


def _average(values: np.ndarray) -> float:
    return float(mean_of_known(values, 0))


def _add(result: xr.Dataset, name: str, samples: list[np.ndarray], tail: float) -> None:
    ends = [
        np.percentile(s[np.isfinite(s)], [tail, 100 - tail]) if np.isfinite(s).any() else (np.nan, np.nan)
        for s in samples
    ]
    result[f"{name}_low"], result[f"{name}_high"] = ("area", [e[0] for e in ends]), ("area", [e[1] for e in ends])
