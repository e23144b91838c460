"""Object solution times: when what an area tells about each picture is as good as what people answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from scipy.stats import norm, spearmanr
from torch import Tensor

from ventralrnn.analysis.encoding import make_folds
from ventralrnn.analysis.encoding.crossvalidation import Folds
from ventralrnn.analysis.results import provenance
from ventralrnn.analysis.states import Features, StateGrid
from ventralrnn.devices import choose_device
from ventralrnn.errors import AnalysisError

# The classifier of Brain-Score's metric. What it answers depends on where its descent ends, so these are the method.
_RATE, _DECAY, _EPOCHS, _BATCH, _CONVERGED, _BIAS = 1e-4, 0.463, 40, 64, 1e-4, 1.0
_MOMENTS, _EPSILON = (0.9, 0.999), 1e-8
_CAP = 5.0
# Standard deviation of a normal distribution that is cut off at two.
_TRUNCATED = 0.87962566103423978


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
        per_stimulus = _mean(solved, 0)
    result = xr.Dataset(
        {
            "solution_ms": (("area", "stimulus"), per_stimulus),
            "sensitivity": (("area", "time", "stimulus"), _mean(sensitivity, 0)),
            "threshold": ("stimulus", limits),
            "solved": ("area", np.isfinite(per_stimulus).mean(1)),
        },
        {**grid.coords(), "label": ("stimulus", objects[codes])},
        provenance(
            getattr(recording, "attrs", None), analysis="solution times", folds=len(splits), bootstrap=bootstrap
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


def image_sensitivity(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return how well each picture's object is told from all others: d', the image-level vector I1 [1]_.

    Parameters
    ----------
    probabilities : numpy.ndarray, (..., stimulus, category)
        What a decoder answers.
    truth : numpy.ndarray of int, (stimulus,)
        The category of each picture.

    Returns
    -------
    numpy.ndarray of float64, (..., stimulus)
        Mean over the other categories of ``z(hit) - z(false alarm)``, at most 5 either way; NaN where none is known.

    Notes
    -----
    Against a distractor, the picture's object is hit with the probability ``p_object / (p_object + p_distractor)``.
    The false alarms are those of all pictures of the distractor, taken together.

    References
    ----------
    .. [1] Rajalingham, Issa, Bashivan, Kar, Schmidt & DiCarlo 2018, Large-scale, high-resolution comparison of the core
       visual object recognition behavior of humans, monkeys, and state-of-the-art deep artificial neural networks,
       Journal of Neuroscience 38:7255.
    """
    values = np.asarray(probabilities, np.float64)
    categories = values.shape[-1]
    own = np.take_along_axis(values, np.broadcast_to(truth[:, None], (*values.shape[:-1], 1)), -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        wrong = values / (values + own)
    itself = truth[:, None] == np.arange(categories)
    wrong = np.where(itself, np.nan, wrong)
    alarms = np.full((*values.shape[:-2], categories, categories), np.nan)
    for category in range(categories):
        members = wrong[..., truth == category, :]
        if members.shape[-2]:
            alarms[..., category, :] = _mean(members, -2)
    # (..., stimulus, distractor): pictures of the distractor that were taken for the stimulus' object.
    alarm = np.swapaxes(alarms, -1, -2)[..., truth, :]
    with np.errstate(invalid="ignore"):
        found = np.clip(norm.ppf(1 - wrong) - norm.ppf(alarm), -_CAP, _CAP)
    return _mean(found, -1)


def crossing_times(sensitivity: np.ndarray, thresholds: np.ndarray, times: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return when sensitivities first reach their thresholds.

    Parameters
    ----------
    sensitivity : numpy.ndarray, (time, stimulus)
        NaN counts as not reached.
    thresholds : numpy.ndarray, (stimulus,)
        For every stimulus.
    times : sequence of float, (time,)
        In ms, ascending.

    Returns
    -------
    numpy.ndarray of float64, (stimulus,)
        In ms: on the straight line from the highest sensitivity before to the first that reaches the threshold; the
        first time where it is reached from the start; NaN where it never is.
    """
    at = np.asarray(times, np.float64)
    with np.errstate(invalid="ignore"):
        reached = sensitivity >= thresholds
    hit = reached.argmax(0)
    before = np.where(np.arange(len(at))[:, None] < hit, sensitivity, -np.inf)
    before = np.where(np.isnan(before), -np.inf, before)
    last = before.argmax(0)
    columns = np.arange(sensitivity.shape[1])
    low, high = before[last, columns], sensitivity[hit, columns]
    between = np.isfinite(low)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(between, (thresholds - low) / (high - low), 1)
    found = np.where(between, at[last] + share * (at[hit] - at[last]), at[hit])
    return np.where(reached.any(0), found, np.nan)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation over what both have; NaN if that is less than two, or does not vary."""
    both = np.isfinite(first) & np.isfinite(second)
    a, b = first[both], second[both]
    if len(a) < 2 or (a == a[0]).all() or (b == b[0]).all():
        return float("nan")
    return float(spearmanr(a, b)[0])


def decode_probabilities(
    features: np.ndarray,
    codes: np.ndarray,
    splits: Folds,
    *,
    initial: np.ndarray | None = None,
    device: torch.device | str = "cpu",
    seed: int = 0,
) -> list[np.ndarray]:
    """Train the decoder of Brain-Score's ``ost`` on every split, all splits of a size at once.

    Parameters
    ----------
    features : numpy.ndarray, (stimulus, neuroid)
        One state.
    codes : numpy.ndarray of int, (stimulus,)
        Categories.
    splits : list of (train, test)
        Positions of stimuli; every category is among the training stimuli.
    initial : numpy.ndarray, (neuroid, category), optional
        First weights, the same for all splits, categories in their order of appearance among the training stimuli; by
        default :func:`first_weights`.
    device : torch.device
        Where to compute, in float32.
    seed : int
        Of the first weights.

    Returns
    -------
    list of numpy.ndarray of float64, (test stimulus, category)
        Probabilities, categories in the order of their codes.

    Notes
    -----
    Softmax regression on standardised features: 40 epochs of Adam (rate 1e-4, batches of 64) on the cross-entropy plus
    0.463 / 2 times the squared length of weights and biases; it ends early when the loss of an epoch's last batch is
    below 1e-4.
    """
    categories = int(codes.max()) + 1
    start = first_weights(features.shape[1], categories, seed) if initial is None else initial
    results: list[Any] = [None] * len(splits)
    sizes: dict[int, list[int]] = {}
    for i, (train, _) in enumerate(splits):
        if len(np.unique(codes[train])) != categories:
            raise AnalysisError("folds: a category is missing among the training stimuli; take fewer folds")
        sizes.setdefault(len(train), []).append(i)
    states = torch.as_tensor(np.asarray(features), device=device)
    for members in sizes.values():
        trained = _Descent(states, codes, [splits[i][0] for i in members], start)
        trained.run()
        for place, i in enumerate(members):
            results[i] = trained.predict(place, splits[i][1])
    return results


def first_weights(neuroids: int, categories: int, seed: int) -> np.ndarray:
    """Return random weights, (neuroid, category): normal, cut off at two standard deviations, variance 1 / neuroids."""
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((neuroids, categories))
    while (beyond := np.abs(drawn) > 2).any():
        drawn[beyond] = rng.standard_normal(int(beyond.sum()))
    return drawn / np.sqrt(neuroids) / _TRUNCATED


class _Descent:
    """Softmax regressions of several splits, trained side by side."""

    def __init__(self, states: Tensor, codes: np.ndarray, trains: list[np.ndarray], initial: np.ndarray) -> None:
        self.states, self.device = states, states.device
        self.trains = torch.as_tensor(np.stack(trains), device=self.device)
        # Categories are numbered as they appear, which says where each begins.
        self.orders = [_order(codes[train]) for train in trains]
        targets = np.stack([np.argsort(order)[codes[train]] for order, train in zip(self.orders, trains, strict=True)])
        self.targets = torch.as_tensor(targets, device=self.device)
        moments = [_moments(states[train]) for train in self.trains]
        self.means = torch.stack([m for m, _ in moments])
        self.scales = torch.stack([s for _, s in moments])
        weights = torch.as_tensor(initial, dtype=torch.float32, device=self.device)
        count, categories = len(trains), weights.shape[1]
        # The last row is the bias.
        bias = torch.full((1, categories), _BIAS, device=self.device)
        self.weights = torch.cat([weights, bias]).expand(count, -1, -1).contiguous()

    def run(self) -> None:
        """Descend, each split until it is done."""
        count, size = self.trains.shape
        shuffle = np.random.RandomState(0)
        first, second = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        going = torch.ones(count, dtype=torch.bool, device=self.device)
        features = [self._standard(i, self.trains[i]) for i in range(count)]
        iteration = 0
        for _ in range(_EPOCHS):
            order = np.arange(size)
            shuffle.shuffle(order)
            for start in range(0, size, _BATCH):
                batch = torch.as_tensor(order[start : start + _BATCH], device=self.device)
                inputs = torch.stack([part[batch] for part in features])
                loss, gradient = self._gradient(inputs, self.targets[:, batch])
                iteration += 1
                first = _MOMENTS[0] * first + (1 - _MOMENTS[0]) * gradient
                second = _MOMENTS[1] * second + (1 - _MOMENTS[1]) * gradient.square()
                rate = _RATE * np.sqrt(1 - _MOMENTS[1] ** iteration) / (1 - _MOMENTS[0] ** iteration)
                step = rate * first / (second.sqrt() + _EPSILON)
                self.weights -= torch.where(going[:, None, None], step, torch.zeros_like(step))
            going &= loss >= _CONVERGED
            if not bool(going.any()):
                return

    def predict(self, place: int, test: np.ndarray) -> np.ndarray:
        """Return probabilities (stimulus, category) in the order of the codes."""
        inputs = self._standard(place, torch.as_tensor(test, device=self.device))
        found = torch.softmax(_apply(inputs[None], self.weights[place][None])[0], -1).double().cpu().numpy()
        result = np.empty_like(found)
        result[:, self.orders[place]] = found
        return result

    def _standard(self, place: int, rows: Tensor) -> Tensor:
        return ((self.states[rows].double() - self.means[place]) / self.scales[place]).float()

    def _gradient(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cross-entropy of each split, and the gradient of it and the penalty."""
        log_p = torch.log_softmax(_apply(inputs, self.weights), -1)
        loss = -log_p.gather(2, targets[:, :, None])[..., 0].mean(1)
        error = (log_p.exp() - torch.nn.functional.one_hot(targets, log_p.shape[-1])) / inputs.shape[1]
        gradient = torch.cat([inputs.mT @ error, error.sum(1, keepdim=True)], 1) + _DECAY * self.weights
        return loss, gradient


def _apply(inputs: Tensor, weights: Tensor) -> Tensor:
    return inputs @ weights[:, :-1] + weights[:, -1:]


def _moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    values = rows.double()
    means, scales = values.mean(0), values.std(0, unbiased=False)
    # What varies by rounding alone does not vary.
    still = scales <= 10 * torch.finfo(rows.dtype).eps * values.abs().amax(0)
    return means, torch.where(still, torch.ones_like(scales), scales)


def _order(codes: np.ndarray) -> np.ndarray:
    """Return categories in the order of their first appearance."""
    found, where = np.unique(codes, return_index=True)
    return np.asarray(found[np.argsort(where)])


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


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return means over what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    count = there.sum(axis)
    return np.where(count > 0, np.where(there, values, 0).sum(axis) / np.maximum(count, 1), np.nan)


def _average(values: np.ndarray) -> float:
    return float(_mean(values, 0))


def _add(result: xr.Dataset, name: str, samples: list[np.ndarray], tail: float) -> None:
    ends = [
        np.percentile(s[np.isfinite(s)], [tail, 100 - tail]) if np.isfinite(s).any() else (np.nan, np.nan)
        for s in samples
    ]
    result[f"{name}_low"], result[f"{name}_high"] = ("area", [e[0] for e in ends]), ("area", [e[1] for e in ends])
