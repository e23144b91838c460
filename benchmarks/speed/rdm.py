"""RDMs: of one large layer, of every time point, crossvalidated over runs; against rsatoolbox and a bare product."""

from collections.abc import Callable
from typing import Any

from benchmarks.speed.common import Row
from benchmarks.speed.jobs import OURS, Job, Side, measure_jobs, serve_side

STIMULI, FEATURES = 1000, 25088
# Thirty times rsatoolbox, and half of the rate of a plain matrix product.
PEER, PRODUCT = 1 / 30, 2.0


def measure() -> list[Row]:
    """Return every kind of RDM against every other way to make it."""
    return measure_jobs(__spec__.name, JOBS)


def _layer(stimuli: int, features: int, double: int) -> Any:
    import numpy as np

    draw = np.random.default_rng(0)
    # A response that all stimuli share, as layers have it.
    values = draw.standard_normal((stimuli, features), np.float32) + draw.standard_normal(features, np.float32)
    return values.astype(np.float64) if double else values


def _correlation(values: Any) -> Callable[[], Any]:
    from ventralrnn.analysis.rdm import compute_distances

    return lambda: compute_distances(values, "correlation")


def _rsatoolbox_correlation(values: Any) -> Callable[[], Any]:
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    data = Dataset(values)
    return lambda: calc_rdm(data, "correlation").dissimilarities[0]


def _product(values: Any) -> Callable[[], None]:
    import torch

    tensor = torch.from_numpy(values)

    def multiply() -> None:
        tensor @ tensor.T

    return multiply


def _recording(stimuli: int, features: int, times: int) -> Any:
    import numpy as np

    return np.random.default_rng(0).standard_normal((stimuli, times, features), np.float32)


def _movie(values: Any) -> Callable[[], Any]:
    import numpy as np
    import xarray as xr

    from ventralrnn.analysis.rdm import compute_rdm

    area = xr.DataArray(values, {"time_step": ("time", np.arange(values.shape[1]))}, ("stimulus", "time", "neuroid"))
    return lambda: compute_rdm(area, "correlation")["dissimilarity"].values[0]


def _rsatoolbox_movie(values: Any) -> Callable[[], Any]:
    import numpy as np
    from rsatoolbox.data import TemporalDataset
    from rsatoolbox.rdm import calc_rdm_movie

    data = TemporalDataset(np.ascontiguousarray(values.swapaxes(1, 2)))
    return lambda: calc_rdm_movie(data, "correlation").dissimilarities


def _runs(conditions: int, runs: int, features: int) -> Any:
    import numpy as np

    draw = np.random.default_rng(0)
    return draw.standard_normal((conditions, features)) + draw.standard_normal((runs, conditions, features))


def _crossnobis(values: Any) -> Callable[[], Any]:
    from ventralrnn.analysis.rdm import compute_crossnobis

    return lambda: compute_crossnobis(values)


def _rsatoolbox_crossnobis(values: Any) -> Callable[[], Any]:
    import numpy as np
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    runs, conditions, features = values.shape
    names = {"condition": np.tile(np.arange(conditions), runs), "run": np.repeat(np.arange(runs), conditions)}
    data = Dataset(values.reshape(-1, features), obs_descriptors=names)
    # It divides by the number of features.
    return lambda: calc_rdm(data, "crossnobis", "condition", cv_descriptor="run").dissimilarities[0] * features


def _rsatoolbox(prepare: Callable[[Any], Callable[[], Any]], most: float | None = None) -> Side:
    return Side("rsatoolbox", prepare, most, package="rsatoolbox", module="rsatoolbox")


_LAYER = {"stimuli": STIMULI, "features": FEATURES}
JOBS = {
    "correlation": Job(
        f"correlation RDM, {STIMULI} x {FEATURES}, float32",
        _layer,
        {**_LAYER, "double": 0},
        {"stimuli": 12, "features": 40, "double": 0},
        {
            "ours": Side(OURS, _correlation),
            "rsatoolbox": _rsatoolbox(_rsatoolbox_correlation, PEER),
            "product": Side("x @ x.T in torch", _product, PRODUCT),
        },
        1e-5,
    ),
    "correlation64": Job(
        f"correlation RDM, {STIMULI} x {FEATURES}, float64",
        _layer,
        {**_LAYER, "double": 1},
        {"stimuli": 12, "features": 40, "double": 1},
        {
            "ours": Side(OURS, _correlation),
            "rsatoolbox": _rsatoolbox(_rsatoolbox_correlation, PEER),
            "product": Side("x @ x.T in torch", _product),
        },
        1e-10,
    ),
    "movie": Job(
        "correlation RDM movie, 300 x 2048 x 20 time points, float32",
        _recording,
        {"stimuli": 300, "features": 2048, "times": 20},
        {"stimuli": 12, "features": 40, "times": 3},
        {"ours": Side(OURS, _movie), "rsatoolbox": _rsatoolbox(_rsatoolbox_movie, PEER)},
        1e-5,
    ),
    "crossnobis": Job(
        "crossnobis, 100 conditions x 4 runs x 8192, float64",
        _runs,
        {"conditions": 100, "runs": 4, "features": 8192},
        {"conditions": 10, "runs": 3, "features": 40},
        {"ours": Side(OURS, _crossnobis), "rsatoolbox": _rsatoolbox(_rsatoolbox_crossnobis)},
        1e-10,
    ),
}


if __name__ == "__main__":
    serve_side(JOBS)
