"""From model steps to milliseconds in a brain: a map that is fitted to some stimuli and tested on others."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from ventralrnn.analysis.clocks.paths import Shape, fit_begins, mean_of_path
from ventralrnn.analysis.clocks.sides import Cell, Sides, take_sides, with_interval
from ventralrnn.analysis.inference.bootstrap import Resample
from ventralrnn.analysis.results import about_brain, provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

# Similarity of fewer stimuli than these, three pairs, is a matter of chance.
_FEWEST_STIMULI = 6
# Similarities in shuffled order that are held at a time.
_BLOCK_VALUES = 1 << 23
_ROUNDING = 1e-12


class _HeldOut(NamedTuple):
    """Similarity on held-out stimuli: along the map, with its controls, and along maps of shuffled order."""

    ordered: float
    fixed: float
    backwards: float
    shuffled: dict[str, np.ndarray]


@checked(AnalysisError)
def fit_clock(
    model: xr.Dataset,
    brain: xr.Dataset,
    method: str = "spearman",
    *,
    shape: Shape = "monotone",
    splits: int = 20,
    permutations: int = 1000,
    bootstrap: int = 1000,
    resample: Resample = "stimuli",
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Find when a brain passes into each step of a model, and test on held-out stimuli that the order of time matters.

    Parameters
    ----------
    model : xarray.Dataset
        RDMs (area, time, pair) or (time, pair), at least two steps. A clock of the model is not used.
    brain : xarray.Dataset
        RDMs (subject, area, time, pair), of the first two those that there are, with ``time_ms`` (time).
    method : str
        How RDMs are compared, see :func:`~ventralrnn.analysis.comparison.compare_vectors`; with a bootstrap over
        stimuli one of ``'spearman'``, ``'rho-a'``, ``'corr'``, ``'cosine'``.
    shape : {'monotone', 'linear'}
        Any assignment along which time does not run backwards; or onset + slope x step.
    splits : int
        Random halves of the stimuli: the map is fitted on one and tested on the other.
    permutations : int
        Shuffled orders, for each of the two p values.
    bootstrap : int
        Samples for the intervals; 0 for none.
    resample : {'stimuli', 'subjects', 'both'}
        What is drawn with replacement.
    level : float
        Of the intervals.
    seed : int
        Of splits, orders and samples.

    Returns
    -------
    xarray.Dataset
        Over ``area`` and ``brain_area``, those that there are:

        - ``begin_ms`` (time): the map fitted to all stimuli: when the brain passes into each step, in ms, with
          ``begin_ms_low`` and ``begin_ms_high``; NaN for the first step, which has no step before it, and for those
          that begin outside the brain's times;
        - ``ms_per_step``, ``onset_ms``: the straight line through ``begin_ms`` (least squares): its slope, and where it
          puts the begin of the first step that exists; each with ``_low`` and ``_high``, NaN for less than two begins;
        - ``held_out``: mean similarity over brain times, each with the step that the map gives it, on stimuli that the
          map was not fitted to;
        - ``held_out_fixed``: the same if all times are given one step; ``held_out_backwards``: if the brain's time is
          turned round;
        - ``null_times``, ``p_times``: mean of ``held_out`` over shuffled orders of the brain's times, and p value;
        - ``null_steps``, ``p_steps``: the same for shuffled orders of the model's steps.

        All NaN for an area that has less than two steps.

    Raises
    ------
    AnalysisError
        If the stimuli differ or are too few, or the brain has no times.

    Notes
    -----
    With S(i, t) the similarity of model step i and brain time t, averaged over subjects, the map is the path
    ``i(0) <= i(1) <= ...`` over brain times with the largest sum of S(i(t), t): exact by dynamic programming
    (:func:`monotone_path`), or with steps that begin at onset + slope x step (:func:`linear_begins`). Where a brain's
    signal is strong, it is more like every step: were each step given its best time, all would go there. Therefore each
    time is given its best step. In each split the map is found with S of one half of the stimuli and judged by the mean
    of S(i(t), t) of the other half; ``held_out`` is the mean over splits.

    A p value is ``(1 + number of shuffled orders with held_out at least as large) / (1 + permutations)``. A shuffled
    order permutes the brain's times (or the model's steps), the same way in all splits and in both halves, and the map
    is fitted anew; the test is exact where the states of the brain (of the model) could have come in any order.
    ``p_steps`` cannot fall below about 1 / n! for n steps. What varies slowly differs from what is shuffled also where
    model and brain have nothing to do with each other: ``held_out_backwards``, which varies as slowly, says whether the
    direction of time matters, and ``held_out_fixed`` whether a course in time is needed at all.

    Intervals are quantiles over samples, in each of which the map is sought anew.
    """
    sides = take_sides(model, brain)
    _check(sides, splits, permutations)
    similarity = sides.compare(method)
    drawn = sides.draw(similarity, method, bootstrap, resample, seed)
    halves = list(_halves(sides, method, splits, np.random.default_rng(seed)))
    found = _empty(similarity.shape)
    for cell in sides.cells(similarity):
        at = (cell.model_area, cell.brain_area)
        if len(cell.steps) < 2:
            continue
        steps, times = sides.steps[cell.steps], sides.brain_ms[cell.times]
        begins = fit_begins(cell.take(drawn), steps, times, shape)
        begins[~np.isfinite(begins)] = np.nan
        found["begin_ms"][(slice(None), *at, cell.steps[1:])] = with_interval(begins, level)
        for name, values in zip(("onset_ms", "ms_per_step"), _line(steps, begins), strict=True):
            found[name][(slice(None), *at)] = with_interval(values, level)
        result = _test(halves, cell, steps, times, shape, permutations, np.random.default_rng(seed))
        for name, value in _summarise(result).items():
            found[name][at] = value
    variables: dict[str, Any] = sides.variables("begin_ms", found.pop("begin_ms"), "time")
    for name in ("onset_ms", "ms_per_step"):
        variables |= sides.variables(name, found.pop(name))
    variables |= {name: (sides.dims(), sides.squeeze(values)) for name, values in found.items()}
    attrs = {str(key): value for key, value in model.attrs.items()}
    settings: dict[str, Any] = {"shape": shape, "splits": splits, "permutations": permutations, "bootstrap": bootstrap}
    settings |= {"resample": resample, "level": level, "seed": seed}
    return xr.Dataset(variables, sides.coords, provenance(attrs, method=method, **about_brain(brain), **settings))


def _line(steps: np.ndarray, begins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return onset and slope of the least-squares line through begins, (matrix, step - 1), that are not NaN."""
    there = np.isfinite(begins)
    count = np.maximum(there.sum(1), 1)
    x = np.broadcast_to(steps[1:] - steps[0], begins.shape)
    mean_x, mean_y = (np.where(there, v, 0).sum(1) / count for v in (x, begins))
    centred = np.where(there, x - mean_x[:, None], 0)
    spread = (centred**2).sum(1)
    products = (centred * np.where(there, begins - mean_y[:, None], 0)).sum(1)
    slope = np.divide(products, spread, out=np.full(len(begins), np.nan), where=spread > 0)
    return mean_y - slope * mean_x, slope


def _check(sides: Sides, splits: int, permutations: int) -> None:
    if sides.stimuli < _FEWEST_STIMULI:
        raise AnalysisError(f"model: {sides.stimuli} stimuli are too few to hold half of them out")
    for value, name in ((splits, "splits"), (permutations, "permutations")):
        if value < 1:
            raise AnalysisError(f"{name}: {value} is less than 1")


def _empty(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    areas, steps = shape[:2], shape[2]
    single = ("held_out", "held_out_fixed", "held_out_backwards", "null_times", "p_times", "null_steps", "p_steps")
    return {
        # Estimate, low and high end.
        "begin_ms": np.full((3, *areas, steps), np.nan),
        "onset_ms": np.full((3, *areas), np.nan),
        "ms_per_step": np.full((3, *areas), np.nan),
        **{name: np.full(areas, np.nan) for name in single},
    }


def _halves(
    sides: Sides, method: str, splits: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the similarities of two halves of the stimuli."""
    for _ in range(splits):
        order = rng.permutation(sides.stimuli)
        half = len(order) // 2
        yield sides.compare(method, order[:half]), sides.compare(method, order[half:])


def _test(
    halves: list[tuple[np.ndarray, np.ndarray]],
    cell: Cell,
    steps: np.ndarray,
    times: np.ndarray,
    shape: Shape,
    permutations: int,
    rng: np.random.Generator,
) -> _HeldOut:
    """Fit and judge the map in every split, in the order that there is and in others."""
    own = np.arange(len(times))
    by_time = np.concatenate([[own, own[::-1]], _orders(len(times), permutations, rng)])
    by_step = _orders(len(steps), permutations, rng)
    times_total, steps_total, fixed = np.zeros(len(by_time)), np.zeros(len(by_step)), 0.0
    for fitted, judged in halves:
        train, test = cell.take(fitted), cell.take(judged)
        fixed += test.mean(1)[train.mean(1).argmax()]
        # (time, step) and (step, time): what is shuffled comes first.
        times_total += _judge(train.T, test.T, by_time, steps, times, shape, turned=True)
        steps_total += _judge(train, test, by_step, steps, times, shape, turned=False)
    n = len(halves)
    shuffled = {"times": times_total[2:] / n, "steps": steps_total / n}
    return _HeldOut(times_total[0] / n, fixed / n, times_total[1] / n, shuffled)


def _orders(count: int, permutations: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permuted(np.tile(np.arange(count), (permutations, 1)), axis=1)


def _judge(
    train: np.ndarray,
    test: np.ndarray,
    orders: np.ndarray,
    steps: np.ndarray,
    times: np.ndarray,
    shape: Shape,
    turned: bool,
) -> np.ndarray:
    """Return the similarity on held-out stimuli in each of some orders of the matrices' first dimension."""
    block = max(1, _BLOCK_VALUES // train.size)
    found = []
    for start in range(0, len(orders), block):
        fitted, judged = (half[orders[start : start + block]] for half in (train, test))
        if turned:
            fitted, judged = fitted.swapaxes(-1, -2), judged.swapaxes(-1, -2)
        found.append(mean_of_path(judged, times, fit_begins(fitted, steps, times, shape)))
    return np.concatenate(found)


def _summarise(result: _HeldOut) -> dict[str, float]:
    summary = {"held_out": result.ordered, "held_out_fixed": result.fixed, "held_out_backwards": result.backwards}
    for name, shuffled in result.shuffled.items():
        # An order that is as good, rounding aside, is evidence against the one that there is.
        reached = int((shuffled >= result.ordered - _ROUNDING).sum())
        summary |= {f"null_{name}": shuffled.mean(), f"p_{name}": (1 + reached) / (1 + len(shuffled))}
    return summary
