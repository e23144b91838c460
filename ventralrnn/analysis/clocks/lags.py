"""By how much a brain is later than a model's clock says."""

import numpy as np
import xarray as xr

from ventralrnn.analysis.clocks.paths import mean_along
from ventralrnn.analysis.clocks.sides import Sides, take_sides, with_interval
from ventralrnn.analysis.inference.bootstrap import Resample
from ventralrnn.analysis.results import provenance
from ventralrnn.errors import AnalysisError


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
    """Find the lag between a model's clock and a brain's at which they are most alike, and the best time of each step.

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
        where the brain's times do not cover all steps; and ``best_ms`` (time), the brain time that each step is most
        like, with ``best_ms_low`` and ``best_ms_high``. In ms. Without a clock, ``lag_ms`` and ``profile`` are NaN.

    Raises
    ------
    AnalysisError
        If the stimuli differ, the brain has no times, or no lag lets the brain's times cover all steps of an area.

    Notes
    -----
    With S(i, t) the similarity of model step i and brain time t, averaged over subjects and interpolated linearly in t,
    and m(i) the time of step i by the model's clock, ``profile(L) = mean over i of S(i, m(i) + L)`` and ``lag_ms`` is
    the L, out of multiples of the shortest distance of two brain times, where it is largest. All steps count at every
    lag, so that lags do not differ in what they average. Intervals are quantiles over samples, in each of which the
    maximum is sought anew.
    """
    sides = take_sides(model, brain)
    similarity = sides.compare(method)
    drawn = sides.draw(similarity, method, bootstrap, resample, seed)
    lags = _grid(sides)
    shape = similarity.shape[:2]
    # Estimate, low and high end.
    lag, best = np.full((3, *shape), np.nan), np.full((3, *shape, len(sides.steps)), np.nan)
    profile = np.full((*shape, len(lags)), np.nan)
    for cell in sides.cells(similarity):
        matrices, times = cell.take(drawn), sides.brain_ms[cell.times]
        best[:, cell.model_area, cell.brain_area, cell.steps] = with_interval(times[matrices.argmax(-1)], level)
        clock = sides.model_ms[cell.model_area, cell.steps]
        if not np.isfinite(clock).all():
            continue
        covered = _covered(clock, times, lags)
        means = mean_along(matrices, times, clock + lags[covered, None])
        profile[cell.model_area, cell.brain_area, covered] = means[0]
        lag[:, cell.model_area, cell.brain_area] = with_interval(lags[covered][means.argmax(-1)], level)
    variables = {**sides.variables("lag_ms", lag), **sides.variables("best_ms", best, "time")}
    variables["profile"] = (sides.dims("lag"), sides.squeeze(profile))
    attrs = {str(key): value for key, value in model.attrs.items()}
    settings = {"bootstrap": bootstrap, "resample": resample, "level": level, "seed": seed}
    return xr.Dataset(variables, {**sides.coords, "lag": lags}, provenance(attrs, method=method, **settings))


def _grid(sides: Sides) -> np.ndarray:
    """Return all lags at which some step of the model meets the brain's times, as multiples of their distance."""
    width = np.diff(sides.brain_ms).min() if len(sides.brain_ms) > 1 else 1.0
    clock = sides.model_ms[np.isfinite(sides.model_ms)]
    if not clock.size:
        return np.array([])
    first, last = sides.brain_ms[0] - clock.max(), sides.brain_ms[-1] - clock.min()
    return width * np.arange(np.ceil(first / width), np.floor(last / width) + 1)


def _covered(clock: np.ndarray, times: np.ndarray, lags: np.ndarray) -> np.ndarray:
    covered = (clock.min() + lags >= times[0]) & (clock.max() + lags <= times[-1])
    if not covered.any():
        raise AnalysisError(
            f"model: steps from {clock.min():g} to {clock.max():g} ms are more than the brain's times, {times[0]:g} to "
            f"{times[-1]:g} ms, cover; choose steps with isel(time=...)"
        )
    return np.flatnonzero(covered)
