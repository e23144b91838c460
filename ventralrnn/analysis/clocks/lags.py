"""By how much a brain is later than a model's clock says."""

import numpy as np
import xarray as xr

from ventralrnn.analysis.clocks.paths import mean_of_lines
from ventralrnn.analysis.clocks.sides import Sides, take_sides, with_interval
from ventralrnn.analysis.inference.bootstrap import Resample
from ventralrnn.analysis.results import about_brain, provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError


@checked(AnalysisError)
def best_lag(
    model: xr.Dataset,
    brain: xr.Dataset,
    method: str = "spearman",
    *,
    bootstrap: int = 1000,
    resample: Resample = "stimuli",
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Find the lag between a model's clock and a brain's at which they are most alike, and the best step of each time.

    Parameters
    ----------
    model : xarray.Dataset
        RDMs (area, time, pair) or (time, pair), with ``time_ms`` (time) or (area, time) from the model's clock.
    brain : xarray.Dataset
        RDMs (subject, area, time, pair), of the first two those that there are, with ``time_ms`` (time).
    method : str
        How RDMs are compared, see :func:`~ventralrnn.analysis.comparison.compare_vectors`; with a bootstrap over
        stimuli one of ``'spearman'``, ``'rho-a'``, ``'corr'``, ``'cosine'``.
    bootstrap : int
        Samples for the intervals; 0 for none.
    resample : {'stimuli', 'subjects', 'both'}
        What is drawn with replacement.
    level : float
        Of the intervals.
    seed : int
        Of the draws.

    Returns
    -------
    xarray.Dataset
        Over ``area`` and ``brain_area``, those that there are: ``lag_ms``, positive where the brain is later than the
        clock says, with ``lag_ms_low`` and ``lag_ms_high``; ``profile`` (lag), the mean similarity at every lag, NaN
        where a step would begin outside the brain's times; and ``best_step`` (brain_time), the time step that each
        time of the brain is most like, with ``best_step_low`` and ``best_step_high``. Lags are in ms; without a clock,
        and for an area of fewer than two steps, they are NaN.

    Raises
    ------
    AnalysisError
        If the stimuli differ, the brain has no times, or at no lag all steps of an area begin within them.

    Notes
    -----
    A model's clock says when each step begins, b(i) in ms. At a lag of L the brain is in step i from b(i) + L to
    b(i + 1) + L; before, it is counted to the first step, after, to the last. With S(i, t) the similarity of step i and
    brain time t, averaged over subjects, ``profile(L)`` is the mean over all brain times of S(i(t), t), and ``lag_ms``
    is the L, out of multiples of the shortest distance of two brain times, where it is largest. All times count at
    every lag. Where a brain's signal is strong, it is more like every step: therefore steps are compared within each
    brain time, and never times within a step. Intervals are quantiles over samples, in each of which the maximum is
    sought anew.
    """
    sides = take_sides(model, brain)
    similarity = sides.compare(method)
    drawn = sides.draw(similarity, method, bootstrap, resample, seed)
    lags = _grid(sides)
    shape = similarity.shape[:2]
    # Estimate, low and high end.
    lag, best = np.full((3, *shape), np.nan), np.full((3, *shape, len(sides.brain_ms)), np.nan)
    profile = np.full((*shape, len(lags)), np.nan)
    for cell in sides.cells(similarity):
        matrices, times = cell.take(drawn), sides.brain_ms[cell.times]
        if not len(cell.steps):
            continue
        most_like = sides.steps[cell.steps][matrices.argmax(-2)]
        best[:, cell.model_area, cell.brain_area, cell.times] = with_interval(most_like, level)
        clock = sides.model_ms[cell.model_area, cell.steps]
        if len(clock) < 2 or not np.isfinite(clock).all():
            continue
        covered = _covered(clock, times, lags)
        means = mean_of_lines(matrices, times, clock[1:] + lags[covered, None])
        profile[cell.model_area, cell.brain_area, covered] = means[0]
        lag[:, cell.model_area, cell.brain_area] = with_interval(lags[covered][means.argmax(-1)], level)
    variables = {**sides.variables("lag_ms", lag), **sides.variables("best_step", best, "brain_time")}
    variables["profile"] = (sides.dims("lag"), sides.squeeze(profile))
    attrs = {str(key): value for key, value in model.attrs.items()}
    settings = {"bootstrap": bootstrap, "resample": resample, "level": level, "seed": seed}
    coords = {**sides.coords, "brain_time_ms": ("brain_time", sides.brain_ms), "lag": lags}
    return xr.Dataset(variables, coords, provenance(attrs, method=method, **about_brain(brain), **settings))


def _grid(sides: Sides) -> np.ndarray:
    """Return all lags at which some step of the model meets the brain's times, as multiples of their distance."""
    width = np.diff(sides.brain_ms).min() if len(sides.brain_ms) > 1 else 1.0
    clock = sides.model_ms[np.isfinite(sides.model_ms)]
    if not clock.size:
        return np.array([])
    first, last = sides.brain_ms[0] - clock.max(), sides.brain_ms[-1] - clock.min()
    return width * np.arange(np.ceil(first / width), np.floor(last / width) + 1)


def _covered(clock: np.ndarray, times: np.ndarray, lags: np.ndarray) -> np.ndarray:
    covered = (clock[1] + lags > times[0]) & (clock[-1] + lags <= times[-1])
    if not covered.any():
        raise AnalysisError(
            f"model: steps that begin from {clock[1]:g} to {clock[-1]:g} ms are more than the brain's times, "
            f"{times[0]:g} to {times[-1]:g} ms, cover; choose steps with isel(time=...)"
        )
    return np.flatnonzero(covered)
