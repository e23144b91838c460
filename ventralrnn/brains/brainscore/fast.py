"""Cross-validated predictivity, fast and in blocks: the same splits, fits and correlations as Brain-Score's."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ventralrnn.analysis.encoding.streamed import predict_pls_streamed
from ventralrnn.analysis.encoding.streamed_ridge import predict_ridge_streamed
from ventralrnn.brains.brainscore.compact import turn
from ventralrnn.errors import AnalysisError

# Products of features with features, which a ridge regression holds, are not formed beyond this many of them.
_MOST_FEATURES = 8192
# Up to here, features are turned to fewer axes in less time than a fit to all of them takes.
_FEW_STIMULI = 256


class Fast(ABC):
    """One of Brain-Score's cross-validated predictivity metrics, computed in blocks.

    Parameters
    ----------
    metric : CrossRegressedCorrelation
        Brain-Score's.
    setting : int or float
        Number of components, or penalty.
    spans_time : bool
        Whether time bins share their weights.

    Attributes
    ----------
    name : str
        What it computes.
    """

    name: str

    def __init__(self, metric: Any, setting: Any, spans_time: bool) -> None:
        self._split = metric.cross_validation._split
        self._setting, self._spans_time = setting, spans_time

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
        _, splits = self._split.build_splits(target)
        tests = [test for _, test in splits]
        predicted = self._predict(features, responses, order, tests)
        values = np.stack([_correlate(one, responses[:, test]) for one, test in zip(predicted, tests, strict=True)])
        return _package(values if self._spans_time else values[:, 0], target, Score)

    def _predict(
        self, features: np.ndarray, responses: np.ndarray, order: np.ndarray, tests: list[np.ndarray]
    ) -> list[np.ndarray]:
        """Return predictions (bin, test stimulus, neuroid) of every split."""
        bins, count, wide = *responses.shape[:2], features.shape[2]
        if bins == 1 or features.strides[0] == 0:
            # The same in all bins: a fit to all of them is one to their mean.
            once = features[0]
            if count <= _FEW_STIMULI:
                (once,) = turn([once])
            predicted = self._fit(lambda rows: once[order[rows]], responses.mean(0), tests, bins)
            return [np.broadcast_to(one, (bins, *one.shape)) for one in predicted]

        def read(rows: np.ndarray) -> np.ndarray:
            return np.asarray(features[rows // count, order[rows % count]]).reshape(len(rows), wide)

        rows = [(np.arange(bins)[:, None] * count + test).ravel() for test in tests]
        predicted = self._fit(read, responses.reshape(bins * count, -1), rows, 1)
        return [one.reshape(bins, len(test), -1) for one, test in zip(predicted, tests, strict=True)]

    @abstractmethod
    def _fit(self, read: Any, responses: np.ndarray, tests: list[np.ndarray], times: int) -> list[np.ndarray]:
        """Return predictions of test rows, where every row stands for as many of its kind."""


class FastPLS(Fast):
    """Brain-Score's ``pls`` and ``spantime_pls``."""

    name = "PLS"

    def _fit(self, read: Any, responses: np.ndarray, tests: list[np.ndarray], times: int) -> list[np.ndarray]:
        return predict_pls_streamed(read, responses, tests, self._setting)


class FastRidge(Fast):
    """Brain-Score's ``spantime_ridge``."""

    name = "ridge"

    def takes(self, source: Any, target: Any) -> bool:
        """Return whether these are assemblies of which products of features with features fit into memory."""
        return source.sizes["neuroid"] <= _MOST_FEATURES and super().takes(source, target)

    def _fit(self, read: Any, responses: np.ndarray, tests: list[np.ndarray], times: int) -> list[np.ndarray]:
        return predict_ridge_streamed(read, responses, tests, self._setting / times)


def fast_form(metric: Any) -> Fast | None:
    """Return the fast form of a metric of Brain-Score, or None if it has none."""
    from brainscore_vision.metric_helpers.temporal import SpanTimeRegression
    from brainscore_vision.metric_helpers.xarray_utils import XarrayRegression
    from brainscore_vision.metrics.regression_correlation.metric import CrossRegressedCorrelation
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.linear_model import Ridge

    if type(metric) is not CrossRegressedCorrelation:
        return None
    regression = metric.regression
    spans_time = type(regression) is SpanTimeRegression
    regression = regression._regression if spans_time else regression
    fit: Any = getattr(regression, "_regression", None)
    if type(regression) is not XarrayRegression:
        return None
    if type(fit) is PLSRegression and _same(fit, PLSRegression(fit.n_components, scale=False)):
        return FastPLS(metric, fit.n_components, spans_time)
    if spans_time and type(fit) is Ridge and isinstance(fit.alpha, int | float) and _same(fit, Ridge(fit.alpha)):
        return FastRidge(metric, float(fit.alpha), spans_time)
    return None


def _same(one: Any, other: Any) -> bool:
    return bool(one.get_params() == other.get_params())


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
