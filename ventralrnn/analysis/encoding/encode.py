"""Encoding models: every state of a model predicts every neuroid of a brain at every time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.analysis.encoding.banded import predict_banded, split_explained
from ventralrnn.analysis.encoding.crossvalidation import Folds, check_folds, make_folds
from ventralrnn.analysis.encoding.pls import COMPONENTS, predict_pls
from ventralrnn.analysis.encoding.ridge import predict_ridge
from ventralrnn.analysis.encoding.scores import correct_for_noise, correlate, reliability
from ventralrnn.analysis.reading import Features, StateGrid, match_names, stimulus_names
from ventralrnn.analysis.results import about_brain, attributes_of, provenance
from ventralrnn.analysis.rowspace import FeatureSpace
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

_METHODS = ("ridge", "pls")


@checked(AnalysisError)
def encode(
    features: Features,
    responses: xr.DataArray,
    method: str = "ridge",
    *,
    areas: Sequence[str] | None = None,
    steps: str | int | Sequence[int] | None = None,
    folds: int | Folds = 5,
    penalties: Sequence[float] | np.ndarray | None = None,
    inner_folds: int | None = 5,
    components: int = COMPONENTS,
    share_weights: bool = False,
    splits: int = 10,
    seed: int = 0,
) -> xr.Dataset:
    """Predict brain responses from every state of a recording, cross-validated over stimuli.

    Parameters
    ----------
    features : mapping of str to xarray.DataArray, xarray.DataArray or numpy.ndarray
        A :class:`ventralrnn.recording.Recording`, of which one state at a time is read, or one array
        (stimulus, time, neuroid) or (stimulus, neuroid).
    responses : xarray.DataArray, (stimulus, neuroid), with time_bin (or time) and repeat as further dimensions
        Brain responses, as :func:`ventralrnn.brains.load_responses` returns them. Repeats are averaged, and give the
        reliability; NaN for a repeat that there is not. Stimuli are matched by ``stimulus_id``, where both have names.
    method : {'ridge', 'pls'}
        Ridge regression with a penalty for every neuroid and bin, or PLS regression as Brain-Score's.
    areas, steps : sequence, optional
        States to take. All by default.
    folds : int or list of (train, test)
        Splits of the stimuli, the same for all states; :func:`make_folds` makes others than the default.
    penalties : sequence of float, optional
        For ridge, see :func:`fit_ridge`.
    inner_folds : int or None
        For ridge: folds among training stimuli that choose the penalty. None leaves out one at a time.
    components : int
        For PLS.
    share_weights : bool
        By default each bin has weights of its own, and each state predicts all bins. If true, the k-th time step of a
        recording predicts the k-th time bin with weights that all bins share, as Brain-Score's ``spantime`` metrics.
    splits : int
        Halvings of repeats, for the reliability.
    seed : int
        Of folds and halvings.

    Returns
    -------
    xarray.Dataset
        ``score_fold`` (fold, area, time, neuroid, time_bin): Pearson correlations over the test stimuli of each fold.
        ``score``: their mean. ``penalty`` like ``score_fold`` for ridge. With repeats ``reliability``
        (neuroid, time_bin) and ``score_corrected``, see :func:`correct_for_noise`. A dimension time of the responses
        is time_bin here, and its coordinates have names such as ``time_bin_ms``; their areas are ``neuroid_area``.
        Without time bins none of the results has that dimension; with shared weights none has time. NaN where a state
        does not exist or a neuroid does not vary.

    Raises
    ------
    AnalysisError
        If stimuli do not match, values are NaN, or there are too few stimuli.

    Notes
    -----
    Brain-Score's ``pls`` is ``encode(..., method='pls', folds=make_folds(n, 10, test_share=0.1, labels=objects,
    seed=1))`` and the median of ``score`` over neuroids.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.analysis import encode
    >>> rng = np.random.default_rng(0)
    >>> states = rng.normal(size=(60, 2, 5))
    >>> features = {"V4": xr.DataArray(states, dims=("stimulus", "time", "neuroid"))}
    >>> cells = xr.DataArray(states[:, 1] @ rng.normal(size=(5, 3)), dims=("stimulus", "neuroid"))
    >>> scores = encode(features, cells).score.mean("neuroid").sel(area="V4")
    >>> bool(scores[0] < 0.5), bool(scores[1] > 0.99)  # they read the second step
    (True, True)
    """
    if method not in _METHODS:
        raise AnalysisError(f"method: {method!r} is none; take {' or '.join(_METHODS)}")
    grid = StateGrid(features, areas, steps)
    targets, known, template = _responses(responses, grid, splits, seed)
    splits_used = check_folds(folds, grid.stimuli, seed)
    regression = _Regression(method, penalties, inner_folds, components, seed)
    if share_weights:
        scores, penalty = _shared(grid, targets, splits_used, regression)
    else:
        scores, penalty = _separate(grid, targets, splits_used, regression)
    chosen = {"penalty": penalty} if method == "ridge" else {}
    result = _label(scores, chosen, known, template, grid, share_weights)
    settings: dict[str, Any] = {"method": method, "folds": len(splits_used), "share_weights": share_weights}
    settings |= {"components": components} if method == "pls" else {"inner_folds": inner_folds}
    result.attrs = provenance(attributes_of(features), analysis="encoding", **about_brain(responses), **settings)
    return result


@checked(AnalysisError)
def encode_bands(
    bands: Mapping[str, xr.DataArray | np.ndarray],
    responses: xr.DataArray,
    *,
    folds: int | Folds = 5,
    penalties: Sequence[float] | np.ndarray | None = None,
    inner_folds: int = 5,
    samples: int = 20,
    splits: int = 10,
    seed: int = 0,
) -> xr.Dataset:
    """Predict brain responses from several states at once, and divide what is explained among them.

    Parameters
    ----------
    bands : mapping of str to array (stimulus, neuroid)
        States by a name of one's own, such as ``{"V1": recording["V1"][:, 2], "IT": recording["IT"][:, 5]}``.
    responses : xarray.DataArray
        As for :func:`encode`.
    folds, inner_folds, splits, seed
        As for :func:`encode`.
    penalties, samples
        As for :func:`predict_banded`.

    Returns
    -------
    xarray.Dataset
        ``score_fold``, ``score``, ``reliability`` and ``score_corrected`` as from :func:`encode`, without area and
        time; ``explained`` (band, neuroid, time_bin), the share of the squared test responses that each band explains,
        mean over folds, see :func:`split_explained`.

    Raises
    ------
    AnalysisError
        If stimuli do not match, values are NaN, or a band does not vary.
    """
    grids = {name: StateGrid(_as_state(state, name)) for name, state in bands.items()}
    if not grids:
        raise AnalysisError("bands: give at least one")
    first = next(iter(grids.values()))
    targets, known, template = _responses(responses, first, splits, seed)
    spaces = []
    for name, grid in grids.items():
        values = grid.read(next(grid.states()))
        if values is None:
            raise AnalysisError(f"bands: {name} is a state that does not exist")
        if grid.stimuli != first.stimuli or match_names(first.names, grid.names, name) is not None:
            raise AnalysisError(f"bands: {name} holds other stimuli, or in another order, than the first")
        spaces.append(FeatureSpace(to_tensor(values, name, finite=False)))
    flat = targets.flatten(1).numpy()
    scores, explained = [], []
    for train, test in check_folds(folds, first.stimuli, seed):
        found = predict_banded(spaces, flat, train, test, penalties, samples=samples, folds=inner_folds, seed=seed)
        scores.append(correlate(found.parts.sum(0), flat[test]).reshape(targets.shape[1:]))
        explained.append(split_explained(flat[test] - found.intercept, found.parts))
    result = _label(np.array(scores)[:, None, None], {}, known, template, None, True).squeeze("area", drop=True)
    shares = np.mean(explained, 0).reshape(len(spaces), *targets.shape[1:])
    result["explained"] = (("band", "neuroid", "time_bin")[: 1 + template.ndim], _without_bin(shares, template))
    result = result.assign_coords(band=("band", list(grids)))
    result.attrs = provenance(None, analysis="banded encoding", folds=len(scores), samples=samples)
    return result


class _Regression:
    """One of the methods with its settings, fitted to any split of any features."""

    def __init__(self, method: str, penalties: Any, inner_folds: int | None, components: int, seed: int) -> None:
        self.method, self.penalties, self.inner_folds = method, penalties, inner_folds
        self.components, self.seed = components, seed

    def predict(
        self, space: FeatureSpace, targets: Tensor, train: np.ndarray, test: np.ndarray, owners: np.ndarray
    ) -> tuple[Tensor, Tensor]:
        """Return predictions (test, neuroid, time_bin) and penalties (neuroid, time_bin).

        `owners` are the stimuli that the rows belong to; rows of one stimulus are never apart.
        """
        shape = targets.shape[1:]
        if self.method == "pls":
            return predict_pls(space, targets, train, test, self.components), torch.full(shape, torch.nan)
        inner = None
        # Rows of one stimulus, at several times, have to be left out together.
        names, owner = np.unique(owners[train], return_inverse=True)
        if self.inner_folds is not None or len(names) < len(train):
            drawn = make_folds(len(names), self.inner_folds or len(names), seed=self.seed)
            inner = [(np.flatnonzero(np.isin(owner, a)), np.flatnonzero(np.isin(owner, b))) for a, b in drawn]
        known = targets[torch.as_tensor(train)].flatten(1)
        predictions, penalty = predict_ridge(space.split(train, test), known, self.penalties, inner)
        return predictions.reshape(len(test), *shape), penalty.reshape(shape)


def _separate(grid: StateGrid, targets: Tensor, folds: Folds, regression: _Regression) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and penalties (fold, area, time, neuroid, time_bin), each bin with weights of its own."""
    scores = np.full((len(folds), *grid.shape, *targets.shape[1:]), np.nan)
    penalties = np.full_like(scores, np.nan)
    rows = np.arange(grid.stimuli)
    for state in grid.states():
        values = grid.read(state)
        if values is None:
            continue
        space = FeatureSpace(to_tensor(values, state.area, finite=False))
        for i, (train, test) in enumerate(folds):
            predicted, penalty = regression.predict(space, targets, train, test, rows)
            place = (i, state.row, state.column)
            scores[place] = correlate(predicted, targets[torch.as_tensor(test)]).numpy()
            penalties[place] = penalty.numpy()
    return scores, penalties


def _shared(grid: StateGrid, targets: Tensor, folds: Folds, regression: _Regression) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and penalties (fold, area, 1, neuroid, time_bin), weights shared by the bins."""
    stimuli, neuroids, bins = targets.shape
    if len(grid.steps) != bins:
        raise AnalysisError(f"steps: {len(grid.steps)} for {bins} time bins; name one step for each bin")
    scores = np.full((len(folds), len(grid.areas), 1, neuroids, bins), np.nan)
    penalties = np.full_like(scores, np.nan)
    # A row is a stimulus at a time: all stimuli of the first bin, then of the second.
    stacked = targets.permute(2, 0, 1).reshape(bins * stimuli, neuroids, 1)
    owners = np.tile(np.arange(stimuli), bins)
    for row, area in enumerate(grid.areas):
        read = [grid.read(state) for state in grid.states() if state.area == area]
        values = [block for block in read if block is not None]
        if len(values) < bins:
            continue
        space = FeatureSpace(to_tensor(np.concatenate(values), area, finite=False))
        for i, (train, test) in enumerate(folds):
            # As the test stimuli are given, so that bins unfold again.
            rows, others = ((np.arange(bins)[:, None] * stimuli + part).ravel() for part in (train, test))
            predicted, penalty = regression.predict(space, stacked, rows, others, owners)
            unfolded = predicted.reshape(bins, len(test), neuroids).permute(1, 2, 0)
            scores[i, row, 0] = correlate(unfolded, targets[torch.as_tensor(test)]).numpy()
            penalties[i, row, 0] = penalty.numpy()
    return scores, penalties


def _responses(
    responses: xr.DataArray, grid: StateGrid, splits: int, seed: int
) -> tuple[Tensor, np.ndarray | None, xr.DataArray]:
    """Return mean responses (stimulus, neuroid, time_bin), their reliability, and what names neuroids and bins."""
    responses = _apart(responses)
    allowed = ("stimulus", "neuroid", "time_bin", "repeat")
    dims = [dim for dim in allowed if dim in responses.dims]
    if set(responses.dims) - set(dims) or dims[:2] != ["stimulus", "neuroid"]:
        raise AnalysisError(f"responses: give dimensions out of {', '.join(allowed)}, not {responses.dims}")
    ordered = responses.transpose(*dims)
    if ordered.sizes["stimulus"] != grid.stimuli:
        raise AnalysisError(f"responses: {ordered.sizes['stimulus']} stimuli for features of {grid.stimuli}")
    order = match_names(grid.names, stimulus_names(ordered), "responses")
    if order is not None:
        ordered = ordered[order]
    values = np.asarray(ordered.values, np.float64)
    repeated = "repeat" in dims
    there = np.isfinite(values)
    if np.isinf(values).any() or not (there.any(-1) if repeated else there).all():
        raise AnalysisError("responses: hold NaN or infinity; leave these neuroids, bins or stimuli out")
    known = None
    template = ordered[0].drop_vars("stimulus_id", errors="ignore")
    if repeated:
        known = reliability(values, splits, seed=seed) if values.shape[-1] > 1 else None
        values, template = np.nanmean(values, -1), template[..., 0]
    return torch.from_numpy(values.reshape(*values.shape[:2], -1)), known, template


def _apart(responses: xr.DataArray) -> xr.DataArray:
    """Rename what has the name of something else of a model."""
    names = {str(name): str(name) for name in (*responses.dims, *responses.coords)}
    if "time" in responses.dims and "time_bin" not in responses.dims:
        names |= {name: name.replace("time", "time_bin", 1) for name in names if name.split("_")[0] == "time"}
    if "area" in responses.coords:
        names["area"] = "neuroid_area"
    changed = {old: new for old, new in names.items() if old != new}
    return responses.rename(changed) if changed else responses


def _label(
    scores: np.ndarray,
    others: Mapping[str, np.ndarray],
    known: np.ndarray | None,
    template: xr.DataArray,
    grid: StateGrid | None,
    shared: bool,
) -> xr.Dataset:
    target_dims = tuple(map(str, template.dims))
    dims = ("area", *(() if shared else ("time",)), *target_dims)
    arrays = {name: _without_bin(values, template) for name, values in {"score_fold": scores, **others}.items()}
    if shared:
        arrays = {name: values[:, :, 0] for name, values in arrays.items()}
    result = xr.Dataset({name: (("fold", *dims), values) for name, values in arrays.items()})
    # Folds in which a neuroid does not vary make its mean unknown, not a mean over fewer.
    result["score"] = result["score_fold"].mean("fold", skipna=False)
    if known is not None:
        result["reliability"] = (target_dims, known)
        corrected = correct_for_noise(result["score"].values, known)
        result["score_corrected"] = (dims, corrected)
    coords = {name: c for name, c in template.coords.items() if set(c.dims) <= set(target_dims) and c.dims}
    if grid is not None:
        places = grid.coords()
        coords |= {k: v for k, v in places.items() if k == "area" or not shared}
    return result.assign_coords(coords)


def _without_bin(values: np.ndarray, template: xr.DataArray) -> np.ndarray:
    return values if "time_bin" in template.dims else values[..., 0]


def _as_state(state: xr.DataArray | np.ndarray, name: str) -> xr.DataArray:
    array = state if isinstance(state, xr.DataArray) else xr.DataArray(np.asarray(state), dims=("stimulus", "neuroid"))
    if set(array.dims) != {"stimulus", "neuroid"}:
        raise AnalysisError(f"bands: {name} has dimensions {array.dims}; give one state (stimulus, neuroid)")
    return array.rename(name)
