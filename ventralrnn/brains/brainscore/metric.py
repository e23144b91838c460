"""Brain-Score's metrics on recordings with time: bins that are not covered stay out, and memory is that of a block."""

from typing import Any

import numpy as np

from ventralrnn.brains.brainscore.compact import compact
from ventralrnn.brains.brainscore.fast import fast_form
from ventralrnn.errors import AnalysisError

_THEIRS = "Brain-Score"


class CarefulMetric:
    """A metric of Brain-Score, given what it can take.

    Time bins without a response (NaN) are left out of model and brain, and come back as NaN in the score. Responses
    are float64, in which all of its metrics are right (unbiased CKA is not in float32). A metric that knows no time is
    given one bin after the other, so that no more than a bin is in memory. Cross-validated PLS, and ridge regression
    with weights for all of time, are computed by :mod:`~ventralrnn.brains.brainscore.fast`; where a metric reads
    nothing but the products of presentations, it is given :func:`~ventralrnn.brains.brainscore.compact.compact` ones.

    Parameters
    ----------
    metric : callable
        Brain-Score's, of two assemblies, or of those to fit to and to test with, by name.
    reference : bool
        Whether its own code computes everything, from the whole assemblies.

    Attributes
    ----------
    computed_by : str
        Who computed the last score: 'Brain-Score' or 'ventralrnn (PLS)'.
    """

    def __init__(self, metric: Any, reference: bool = False) -> None:
        self._metric, self._reference = metric, reference
        self._per_time = _inner_of_time(metric)
        self._inner = metric if self._per_time is None else self._per_time
        self._fast = None if reference else fast_form(self._inner)
        self._reads = None if reference else _what_it_reads(self._inner)
        self._symmetric = _is_cka(self._inner)
        self.computed_by = _THEIRS

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metric, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the score of a model's (source) and a brain's responses (target)."""
        if not kwargs and len(args) == 2:
            return self._of_two(*args)
        sources = [name for name in kwargs if name.startswith("source")]
        for name in sources:
            _check_covered(kwargs[name])
        self.computed_by = _THEIRS
        small = self._small([kwargs[name] for name in sources])
        return self._metric(*args, **{**kwargs, **dict(zip(sources, small, strict=True))})

    def _of_two(self, source: Any, target: Any) -> Any:
        if "time_bin" not in source.dims:
            _check_covered(source)
            return self._score(source, target)
        there = ~np.isnan(source.transpose("time_bin", ...).values[:, 0, 0])
        if not there.any():
            raise AnalysisError("the model's steps cover none of the benchmark's time bins: there is no score")
        if self._one_by_one(target):
            return self._each_bin(source, target, np.flatnonzero(there))
        if there.all():
            return self._score(source, target)
        chosen = np.flatnonzero(there)
        score = self._score(source.isel(time_bin=chosen), target.isel(time_bin=chosen))
        return _put_back(score, there) if "time_bin" in score.dims else score

    def _one_by_one(self, target: Any) -> bool:
        """Return whether bins are scored one after the other: where it knows no time, or says so itself."""
        if "time_bin" not in target.dims:
            return False
        return (self._per_time is not None and not self._reference) or _knows_no_time(self._metric)

    def _each_bin(self, source: Any, target: Any, chosen: np.ndarray) -> Any:
        source, target = source.transpose("time_bin", ...), target.transpose("time_bin", ...)
        starts = source["time_bin_start"].values, target["time_bin_start"].values
        if not np.array_equal(*starts):
            raise AnalysisError("time bins of model and brain are not the same, or not in the same order")
        scores = [self._score(source.isel(time_bin=int(i)), target.isel(time_bin=int(i))) for i in chosen]
        return _together(scores, chosen, target)

    def _score(self, source: Any, target: Any) -> Any:
        _check_balance(self._inner, source, target)
        if self._fast is not None and self._fast.takes(source, target):
            self.computed_by = f"ventralrnn ({self._fast.name})"
            return self._fast(source, target)
        self.computed_by = _THEIRS
        (small,) = self._small([source])
        if self._symmetric:
            (target,) = self._small([target])
        return self._inner(small, target)

    def _small(self, sources: list[Any]) -> list[Any]:
        if self._reads is None or any(set(one.dims) != {"presentation", "neuroid"} for one in sources):
            return [one.astype(np.float64) for one in sources]
        return compact(sources, center_rows=self._reads == "correlations")


def _check_covered(source: Any) -> None:
    if np.isnan(source.values[:1]).any():
        raise AnalysisError("the model's steps do not cover the benchmark's time bin: there is no score")


def _check_balance(metric: Any, source: Any, target: Any) -> None:
    """Refuse stimuli that lack what a metric balances its splits over, `object_name` unless it is told otherwise."""
    split = getattr(getattr(metric, "cross_validation", None), "_split", None)
    column = getattr(split, "_stratification_coord", None)
    if column and any(column not in one.coords and not hasattr(one, column) for one in (source, target)):
        raise AnalysisError(
            f"the metric balances its splits over {column!r}, which the stimuli lack: add the column, or load the "
            "metric with crossvalidation_kwargs=dict(stratification_coord=None)"
        )


def _inner_of_time(metric: Any) -> Any:
    """Return what a metric does with each time bin, or None if it is not one of single bins."""
    from brainscore_vision.metric_helpers.temporal import PerTime

    return metric.callable if type(metric) is PerTime else None


def _knows_no_time(metric: Any) -> bool:
    from brainscore_vision.metric_helpers.temporal import PerTimeRegression, SpanTimeRegression
    from brainscore_vision.metrics.cka.metric import CKA, CKACrossValidated
    from brainscore_vision.metrics.rdm.metric import RDMCrossValidated, RDMMetric
    from brainscore_vision.metrics.regression_correlation.metric import (
        CrossRegressedCorrelation,
        ScaledCrossRegressedCorrelation,
    )

    if isinstance(metric, ScaledCrossRegressedCorrelation):
        metric = metric.cross_regressed_correlation
    if isinstance(metric, CrossRegressedCorrelation):
        return not isinstance(metric.regression, PerTimeRegression | SpanTimeRegression)
    return isinstance(metric, RDMMetric | RDMCrossValidated | CKA | CKACrossValidated)


def _is_cka(metric: Any) -> bool:
    from brainscore_vision.metrics.cka.metric import CKA, CKACrossValidated

    return type(metric) in (CKA, CKACrossValidated)


def _what_it_reads(metric: Any) -> str | None:
    """Return 'products' or 'correlations' of presentations, if a metric reads nothing else of a model; else None."""
    from brainscore_vision.metric_helpers.xarray_utils import XarrayRegression
    from brainscore_vision.metrics.rdm.metric import RDMCrossValidated, RDMMetric
    from brainscore_vision.metrics.regression_correlation.metric import (
        CrossRegressedCorrelation,
        DualRidgeCVRegression,
        DualRidgeRegression,
        TrainTestSplitCorrelation,
    )
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.linear_model import Ridge, RidgeCV

    if _is_cka(metric):
        return "products"
    if type(metric) in (RDMMetric, RDMCrossValidated):
        return "correlations"
    if type(metric) not in (CrossRegressedCorrelation, TrainTestSplitCorrelation):
        return None
    regression = metric.regression
    fit: Any = getattr(regression, "_regression", None) if type(regression) is XarrayRegression else None
    if type(fit) in (DualRidgeRegression, DualRidgeCVRegression):
        return "products"
    if type(fit) is PLSRegression:
        return None if fit.scale else "products"
    # Not LinearRegression: it keeps singular values that are zero but for rounding, so that its fits with fewer
    # presentations than neuroids depend on the axes.
    alike = type(fit) in (Ridge, RidgeCV) and fit.fit_intercept and not getattr(fit, "positive", False)
    return "products" if alike else None


def _put_back(score: Any, there: np.ndarray) -> Any:
    """Return a score (time_bin), and what it was made of, with NaN in the bins that were left out."""
    ordered = score.transpose(..., "time_bin")
    whole = np.full((*ordered.shape[:-1], len(there)), np.nan)
    whole[..., there] = ordered.values
    attrs = {k: _put_back(v, there) if "time_bin" in getattr(v, "dims", ()) else v for k, v in score.attrs.items()}
    return type(score)(whole, dims=ordered.dims, attrs=attrs)


def _together(scores: list[Any], chosen: np.ndarray, target: Any) -> Any:
    """Return the scores of single bins as one (time_bin), NaN for bins that have none, with what each was made of."""
    from brainscore_core.metrics import Score

    bins = target.sizes["time_bin"]
    times = {name: ("time_bin", target[name].values) for name in ("time_bin_start", "time_bin_end")}

    def join(parts: list[Any]) -> Any:
        values = [np.asarray(getattr(part, "values", part), dtype=float) for part in parts]
        whole = np.full((*values[0].shape, bins), np.nan)
        whole[..., chosen] = np.stack(values, -1)
        return Score(whole, coords=times, dims=[*getattr(parts[0], "dims", ()), "time_bin"])

    found = join(scores)
    for name in ("raw", "error"):
        parts = [score.attrs.get(name) for score in scores]
        if all(part is not None for part in parts):
            found.attrs[name] = join(parts)
    return found
