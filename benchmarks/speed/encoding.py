"""Encoding models: ridge with a penalty for every target, PLS for every time bin; against what the field uses."""

from collections.abc import Callable
from typing import Any

from benchmarks.speed.common import Row
from benchmarks.speed.environment import own_python
from benchmarks.speed.jobs import OURS, Job, Side, measure_jobs, serve_side

TRAIN, TEST, FEATURES, TARGETS, FOLDS = 1000, 100, 25088, 1680, 5
PENALTIES = tuple(10.0**power for power in range(-1, 7))
COMPONENTS = 25
# All bins are fitted alike, so Brain-Score and scikit-learn do one of them, and their time is scaled.
BINS, SPLITS = 10, 10
# At least five times Brain-Score.
PEER = 1 / 5


def measure() -> list[Row]:
    """Return ridge against himalaya and scikit-learn, PLS against Brain-Score and scikit-learn."""
    return measure_jobs(__spec__.name, JOBS)


def _regression(train: int, test: int, features: int, targets: int) -> tuple[Any, Any, int]:
    """Return features and responses of all stimuli, and how many are there to train on."""
    import numpy as np

    draw = np.random.default_rng(0)
    # Few directions have most of the variance, as in layers of a network, and some targets are noisier than others.
    latent = draw.standard_normal((train + test, 50), np.float32)
    rows = latent @ draw.standard_normal((50, features), np.float32)
    rows += draw.standard_normal((train + test, features), np.float32)
    noise = np.geomspace(1, 50, targets, dtype=np.float32) * draw.standard_normal((train + test, targets), np.float32)
    return rows, latent @ draw.standard_normal((50, targets), np.float32) + noise, train


def _ridge(inner: int | None) -> Callable[[Any], Callable[[], Any]]:
    def prepare(data: Any) -> Callable[[], Any]:
        import numpy as np
        import xarray as xr

        from ventralrnn.analysis.encoding import encode

        rows, responses, train = data
        brain = xr.DataArray(responses, dims=("stimulus", "neuroid"))
        outer = [(np.arange(train), np.arange(train, len(rows)))]
        return lambda: encode(rows, brain, folds=outer, penalties=PENALTIES, inner_folds=inner)["score"].values.ravel()

    return prepare


def _himalaya(kind: str) -> Callable[[Any], Callable[[], Any]]:
    def prepare(data: Any) -> Callable[[], Any]:
        from himalaya.kernel_ridge import KernelRidgeCV
        from sklearn.model_selection import KFold

        rows, responses, train = data[0].astype(kind), data[1].astype(kind), data[2]

        def run() -> Any:
            folds = KFold(FOLDS, shuffle=True, random_state=0)
            model = KernelRidgeCV(alphas=PENALTIES, kernel="linear", cv=folds, fit_intercept=True)
            return _correlate(model.fit(rows[:train], responses[:train]).predict(rows[train:]), responses[train:])

        return run

    return prepare


def _ridge_cv(data: Any) -> Callable[[], Any]:
    from sklearn.linear_model import RidgeCV

    rows, responses, train = data

    def run() -> Any:
        model = RidgeCV(PENALTIES, alpha_per_target=True).fit(rows[:train], responses[:train])
        return _correlate(model.predict(rows[train:]), responses[train:])

    return run


def _neurons(stimuli: int, features: int, neuroids: int, bins: int, categories: int) -> tuple[Any, Any, Any]:
    """Return features, responses (stimulus, neuroid, bin) and categories."""
    import numpy as np

    draw = np.random.default_rng(0)
    latent = draw.standard_normal((stimuli, 30))
    rows = latent @ draw.standard_normal((30, features)) + draw.standard_normal((stimuli, features))
    responses = latent @ draw.standard_normal((bins, 30, neuroids)) + 5 * draw.standard_normal(
        (bins, stimuli, neuroids)
    )
    return rows, np.moveaxis(responses, 0, -1), np.arange(stimuli) % categories


def _splits(kinds: Any) -> list[Any]:
    """Return the splits that Brain-Score's metric makes."""
    import numpy as np
    from sklearn.model_selection import StratifiedShuffleSplit

    splitter = StratifiedShuffleSplit(n_splits=SPLITS, train_size=0.9, random_state=1)
    return list(splitter.split(np.zeros(len(kinds)), kinds))


def _correlate(prediction: Any, truth: Any) -> Any:
    """Return Pearson correlations along the first dimension."""
    one, two = (values - values.mean(0) for values in (prediction, truth))
    return (one * two).sum(0) / ((one**2).sum(0) * (two**2).sum(0)) ** 0.5


def _pls(data: Any) -> Callable[[], Any]:
    """Return scores (bin, split, neuroid)."""
    import xarray as xr

    from ventralrnn.analysis.encoding import encode, make_folds

    rows, responses, kinds = data
    brain = xr.DataArray(responses, dims=("stimulus", "neuroid", "time_bin"))

    def run() -> Any:
        folds = make_folds(len(rows), SPLITS, test_share=0.1, labels=kinds, seed=1)
        score = encode(rows, brain, "pls", folds=folds, components=COMPONENTS)["score_fold"]
        return score.isel(area=0, time=0).transpose("time_bin", "fold", "neuroid").values

    return run


def _sklearn_pls(data: Any) -> Callable[[], Any]:
    import numpy as np
    from sklearn.cross_decomposition import PLSRegression

    rows, responses, kinds = data

    def run() -> Any:
        scores = []
        for train, test in _splits(kinds):
            fit = PLSRegression(COMPONENTS, scale=False).fit(rows[train], responses[train, :, 0])
            scores.append(_correlate(fit.predict(rows[test]), responses[test, :, 0]))
        return np.stack(scores)[None]

    return run


def _brainscore(data: Any) -> Callable[[], Any]:
    import numpy as np
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    # What load_metric("pls") returns, without the packages that it installs first.
    from brainscore_vision.metrics.regression_correlation import metric

    rows, responses, kinds = data
    # Names sort as the stimuli are, so that its splits are those of the others.
    names = [f"{i:06d}" for i in range(len(rows))]
    stimuli = {"stimulus_id": ("presentation", names), "object_name": ("presentation", kinds.astype(str))}

    def assembly(values: Any) -> Any:
        ids = np.arange(values.shape[1])
        neuroids = {"neuroid_id": ("neuroid", ids), "region": ("neuroid", ["IT"] * len(ids))}
        return NeuroidAssembly(values, coords={**stimuli, **neuroids}, dims=("presentation", "neuroid"))

    source, target = assembly(rows), assembly(responses[..., 0])

    def run() -> Any:
        pls = metric.CrossRegressedCorrelation(
            metric.pls_regression(), metric.pearsonr_correlation(), crossvalidation_kwargs={"splits": SPLITS}
        )
        score = pls(source, target)
        return score.attrs["raw"].transpose("split", "neuroid").values[None]

    return run


_REGRESSION = {"train": TRAIN, "test": TEST, "features": FEATURES, "targets": TARGETS}
_FEW = {"train": 40, "test": 5, "features": 90, "targets": 4}
_SIZE = f"ridge, {TRAIN} x {FEATURES} -> {TARGETS} targets, {len(PENALTIES)} penalties, scores of {TEST} others"
JOBS = {
    "ridge": Job(
        f"{_SIZE}, {FOLDS} folds",
        _regression,
        _REGRESSION,
        _FEW,
        {
            "ours": Side(OURS, _ridge(FOLDS)),
            "himalaya": Side(
                "himalaya KernelRidgeCV, float64", _himalaya("float64"), package="himalaya", module="himalaya"
            ),
            "himalaya32": Side(
                "himalaya KernelRidgeCV, float32", _himalaya("float32"),
                package="himalaya", module="himalaya", exact=False,
            ),
        },
        1e-5,
    ),
    "ridge-loo": Job(
        f"{_SIZE}, leaving one out",
        _regression,
        _REGRESSION,
        _FEW,
        {
            "ours": Side(OURS, _ridge(None)),
            "sklearn": Side("scikit-learn RidgeCV", _ridge_cv, package="scikit-learn", module="sklearn"),
        },
        1e-3,
    ),
    "pls": Job(
        f"PLS, {COMPONENTS} components, 2560 x 1000 -> 168 neuroids x {BINS} time bins, {SPLITS} splits",
        _neurons,
        {"stimuli": 2560, "features": 1000, "neuroids": 168, "bins": BINS, "categories": 8},
        {"stimuli": 300, "features": 40, "neuroids": 6, "bins": 2, "categories": 2},
        {
            "ours": Side(OURS, _pls),
            "brainscore": Side(
                "Brain-Score's metric pls, one bin, scaled",
                _brainscore, PEER, 1 / BINS, "brainscore_vision", "brainscore_vision",
            ),
            "sklearn": Side(
                "scikit-learn PLSRegression, one bin, scaled",
                _sklearn_pls, None, 1 / BINS, "scikit-learn", "sklearn",
            ),
        },
        1e-6,
        own_python,
    ),
}  # fmt: skip


if __name__ == "__main__":
    serve_side(JOBS)
