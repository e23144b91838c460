"""Brain-Score's metrics on recordings with time: bins that are not covered stay out, and PLS is computed fast."""

from typing import Any

import numpy as np

from ventralrnn.analysis.encoding.streamed import predict_pls_streamed
from ventralrnn.errors import AnalysisError


class CarefulMetric:
    """A metric of Brain-Score, given what it can take.

    Time bins without a response (NaN) are left out of model and brain, and come back as NaN in the score. Responses
    are float64, in which all of its metrics are right (unbiased CKA is not in float32). Cross-validated PLS is
    computed by :class:`FastPLS` unless `reference` is asked for.

    Parameters
    ----------
    metric : callable
        Brain-Score's, of two assemblies.
    reference : bool
        Whether its own code computes PLS too.

    Attributes
    ----------
    computed_by : str
        Who computed the last score: 'Brain-Score' or 'ventralrnn (PLS)'.
    """

    def __init__(self, metric: Any, reference: bool = False) -> None:
        self._metric = metric
        self._fast = None if reference else FastPLS.of(metric)
        self.computed_by = "Brain-Score"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metric, name)

    def __call__(self, source: Any, target: Any) -> Any:
        """Return the score of a model's (source) and a brain's responses (target)."""
        if "time_bin" not in source.dims:
            if np.isnan(source.values[:1]).any():
                raise AnalysisError("the model's steps do not cover the benchmark's time bin: there is no score")
            return self._score(source, target)
        there = ~np.isnan(source.transpose("time_bin", ...).values[:, 0, 0])
        if there.all():
            return self._score(source, target)
        if not there.any():
            raise AnalysisError("the model's steps cover none of the benchmark's time bins: there is no score")
        chosen = np.flatnonzero(there)
        score = self._score(source.isel(time_bin=chosen), target.isel(time_bin=chosen))
        return _put_back(score, there) if "time_bin" in score.dims else score

    def _score(self, source: Any, target: Any) -> Any:
        if self._fast is not None and self._fast.takes(source, target):
            self.computed_by = "ventralrnn (PLS)"
            return self._fast(source, target)
        self.computed_by = "Brain-Score"
        return self._metric(source.astype(np.float64), target)


def _put_back(score: Any, there: np.ndarray) -> Any:
    """Return a score (time_bin) with NaN in the bins that were left out."""
    whole = np.full((*score.transpose(..., "time_bin").shape[:-1], len(there)), np.nan)
    whole[..., there] = score.transpose(..., "time_bin").values
    dims = [dim for dim in score.dims if dim != "time_bin"]
    return type(score)(whole, dims=[*dims, "time_bin"], attrs=score.attrs)


class FastPLS:
    """Brain-Score's cross-validated PLS predictivity: the same splits, fits and correlations, in blocks.

    Parameters
    ----------
    metric : CrossRegressedCorrelation
        Brain-Score's ``pls`` or ``spantime_pls``.
    components : int
        Number of components.
    spans_time : bool
        Whether time bins share their weights.
    """

    def __init__(self, metric: Any, components: int, spans_time: bool) -> None:
        self._split = metric.cross_validation._split
        self._components, self._spans_time = components, spans_time

    @classmethod
    def of(cls, metric: Any) -> "FastPLS | None":
        """Return the fast form of a metric, or None if it is not one of these."""
        from brainscore_vision.metric_helpers.temporal import SpanTimeRegression
        from brainscore_vision.metric_helpers.xarray_utils import XarrayRegression
        from brainscore_vision.metrics.regression_correlation.metric import CrossRegressedCorrelation
        from sklearn.cross_decomposition import PLSRegression

        if type(metric) is not CrossRegressedCorrelation:
            return None
        regression = metric.regression
        spans_time = type(regression) is SpanTimeRegression
        regression = regression._regression if spans_time else regression
        pls: Any = getattr(regression, "_regression", None)
        if type(regression) is not XarrayRegression or type(pls) is not PLSRegression:
            return None
        usual = PLSRegression(pls.n_components, scale=False).get_params()
        return cls(metric, pls.n_components, spans_time) if pls.get_params() == usual else None

    def takes(self, source: Any, target: Any) -> bool:
        """Return whether these assemblies are what the fast form is for: the same stimuli, each once, without gaps."""
        ids, others = source["stimulus_id"].values, target["stimulus_id"].values
        dims = {"presentation", "neuroid", *(["time_bin"] if self._spans_time else [])}
        return (
            set(source.dims) == set(target.dims) == dims
            and self._split._split_coord == "stimulus_id"
            and len(np.unique(ids)) == len(ids) == len(others)
            and set(ids) == set(others)
            and not np.isnan(target.values).any()
        )

    def __call__(self, source: Any, target: Any) -> Any:
        """Return the score, as Brain-Score's metric does."""
        from brainscore_core.metrics import Score

        features, responses, order = _aligned(source, target)
        bins, count = responses.shape[:2]
        _, splits = self._split.build_splits(target)
        wide = features.shape[2]

        def read(rows: np.ndarray) -> np.ndarray:
            return np.asarray(features[rows // count, order[rows % count]]).reshape(len(rows), wide)

        tests = [(np.arange(bins)[:, None] * count + test).ravel() for _, test in splits]
        predicted = predict_pls_streamed(read, responses.reshape(bins * count, -1), tests, self._components)
        values = np.stack(
            [
                _correlate(one.reshape(bins, len(test), -1), responses[:, test])
                for one, (_, test) in zip(predicted, splits, strict=True)
            ]
        )
        return _package(values if self._spans_time else values[:, 0], target, Score)


def _aligned(source: Any, target: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features (bin, presentation, feature), responses (bin, stimulus, neuroid) and where each stimulus is.

    Stimuli are in the order of the brain's responses, with their presentation to the model. Features are not copied.
    """
    dims = ["presentation", "neuroid"]
    if "time_bin" in source.dims:
        dims = ["time_bin", *dims]
        starts = source["time_bin_start"].values, target["time_bin_start"].values
        if not np.array_equal(*starts):
            raise AnalysisError("time bins of model and brain are not the same, or not in the same order")
    features, responses = (one.transpose(*dims).values for one in (source, target))
    if len(dims) == 2:
        features, responses = features[None], responses[None]
    place = {stimulus: i for i, stimulus in enumerate(source["stimulus_id"].values)}
    order = np.array([place[stimulus] for stimulus in target["stimulus_id"].values])
    return features, np.asarray(responses, dtype=np.float64), order


def _correlate(predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Return Pearson correlations over stimuli, (bin, neuroid), of (bin, stimulus, neuroid)."""
    one, other = (values - values.mean(1, keepdims=True) for values in (predicted, actual))
    lengths = np.sqrt((one**2).sum(1) * (other**2).sum(1))
    products = (one * other).sum(1)
    return np.divide(products, lengths, out=np.full(products.shape, np.nan), where=lengths > 0)


def _package(values: np.ndarray, target: Any, score: type) -> Any:
    """Return the mean over splits of the median over neuroids, with its standard error and all that it was made of."""
    from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords

    dims = ["split", *(["time_bin"] if values.ndim == 3 else []), "neuroid"]
    coords = {name: (d, v) for name, d, v in walk_coords(target) if d in (("neuroid",), ("time_bin",))}
    raw = score(values, coords={"split": np.arange(len(values)), **coords}, dims=dims)
    medians = np.median(values, axis=-1) if not np.isnan(values).any() else np.nanmedian(values, axis=-1)
    times = {name: (d, v) for name, (d, v) in coords.items() if d == ("time_bin",)}
    center = score(medians.mean(0), coords=times, dims=dims[1:-1])
    error = score(medians.std(0) / np.sqrt(len(medians)), coords=times, dims=dims[1:-1])
    center.attrs |= {"raw": raw, "error": error}
    return center
