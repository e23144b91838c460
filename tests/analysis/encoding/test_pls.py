"""PLS against scikit-learn's and Brain-Score's, to 1e-6 of predictions and scores."""

import os
import warnings

import numpy as np
import pytest
import torch
import xarray as xr
from sklearn.cross_decomposition import PLSRegression

from ventralrnn.analysis.encoding import correlate, encode, fit_pls, make_folds
from ventralrnn.analysis.encoding.pls import predict_pls
from ventralrnn.analysis.rowspace import FeatureSpace
from ventralrnn.errors import AnalysisError


def simulated(
    stimuli: int, features: int, neuroids: int, bins: int = 1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return features and responses (stimulus, neuroid, time_bin) that share causes, with noise."""
    rng = np.random.default_rng(seed)
    cause = rng.standard_normal((stimuli, 40)) * np.arange(1, 41) ** -0.5
    x = cause @ rng.standard_normal((40, features)) + 0.3 * rng.standard_normal((stimuli, features)) + 5
    y = np.stack([cause @ rng.standard_normal((40, neuroids)) for _ in range(bins)], -1)
    return x, y + rng.standard_normal(y.shape) - 3


@pytest.mark.parametrize(
    ("stimuli", "features", "neuroids"),
    [(90, 30, 7), (90, 30, 60), (60, 200, 7), (60, 200, 90), (60, 200, 1), (90, 30, 1), (60, 60, 10), (320, 300, 280)],
)
def test_equal_to_scikit_learn(stimuli: int, features: int, neuroids: int) -> None:
    x, y = simulated(stimuli + 20, features, neuroids)
    y = y[..., 0]
    train, test = slice(0, stimuli), slice(stimuli, None)
    peer = PLSRegression(25, scale=False).fit(x[train], y[train])
    expected = peer.predict(x[test]).reshape(20, -1)
    found = fit_pls(x[train], y[train])
    np.testing.assert_allclose(found.predict(x[test]), expected, atol=1e-9)
    np.testing.assert_allclose(found.weights, peer.coef_.T, atol=1e-9)
    split = np.arange(stimuli), np.arange(stimuli, stimuli + 20)
    predicted = predict_pls(FeatureSpace(torch.from_numpy(x)), torch.from_numpy(y)[..., None], *split)
    np.testing.assert_allclose(predicted[..., 0], expected, atol=1e-9)


@pytest.mark.parametrize("features", [40, 300])
def test_a_fit_for_every_time_bin(features: int) -> None:
    x, y = simulated(70, features, 9, bins=5)
    y[..., 3] = 0.25  # a bin without responses
    y[:, 0, 1] = 7  # where the first neuroid is silent, the iteration starts from the next
    found = fit_pls(x, y, 12).predict(x)
    for b in (0, 1, 2, 4):
        peer = PLSRegression(12, scale=False).fit(x, y[..., b])
        np.testing.assert_allclose(found[..., b], peer.predict(x), atol=1e-9)
    np.testing.assert_allclose(found[..., 3], 0.25, atol=1e-12)
    together = PLSRegression(12, scale=False).fit(x, y.reshape(70, -1)).predict(x).reshape(y.shape)
    assert np.abs(together[..., 0] - found[..., 0]).max() > 0.01, "one fit over bins is another method"


def test_near_duplicates_far_from_zero() -> None:
    rng = np.random.default_rng(0)
    x, y = simulated(60, 100, 5)
    x = (1e-1 * x + rng.uniform(900, 1100, 100)).astype(np.float32)
    peer = PLSRegression(5, scale=False).fit(x, y[..., 0])
    np.testing.assert_allclose(fit_pls(x, y[..., 0], 5).predict(x), peer.predict(x), atol=1e-6)


def test_it_ends_when_all_is_explained() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 4)) @ rng.standard_normal((4, 20))
    y = x @ rng.standard_normal((20, 3)) + 1
    found = fit_pls(x, y, 10)
    np.testing.assert_allclose(found.predict(x), y, atol=1e-9)
    assert np.isfinite(found.weights).all()


def test_brain_score() -> None:
    os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = pytest.importorskip("brainscore_vision.metrics.regression_correlation.metric")
        from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

        x, y = simulated(80, 50, 6)
        labels = np.arange(80) % 4

        def assembly(values: np.ndarray) -> "NeuroidAssembly":
            coords = {
                "stimulus_id": ("presentation", [f"s{i:02d}" for i in range(80)]),
                "object_name": ("presentation", labels),
                "neuroid_id": ("neuroid", np.arange(values.shape[1])),
                "region": ("neuroid", ["IT"] * values.shape[1]),
            }
            return NeuroidAssembly(values, coords=coords, dims=("presentation", "neuroid"))

        metric = peer.CrossRegressedCorrelation(peer.pls_regression(), peer.pearsonr_correlation())
        score = metric(assembly(x), assembly(y[..., 0]))
    folds = make_folds(80, 10, test_share=0.1, labels=labels, seed=1)
    ours = encode(x, xr.DataArray(y[..., 0], dims=("stimulus", "neuroid")), "pls", folds=folds)
    per_fold = ours.score_fold.median("neuroid").mean("fold")
    assert float(per_fold) == pytest.approx(float(score), abs=1e-6)


def test_torch() -> None:
    x, y = simulated(40, 50, 3, bins=2)
    found = fit_pls(torch.from_numpy(x), torch.from_numpy(y), 5)
    assert isinstance(found.weights, torch.Tensor)
    np.testing.assert_allclose(found.predict(torch.from_numpy(x)), fit_pls(x, y, 5).predict(x), atol=1e-12)
    assert correlate(found.predict(torch.from_numpy(x)), torch.from_numpy(y)).shape == (3, 2)


def test_what_is_refused_is_named() -> None:
    x, y = simulated(20, 50, 3)
    with pytest.raises(AnalysisError, match="components: 25 are beyond .* take up to 19"):
        fit_pls(x, y)
    with pytest.raises(AnalysisError, match="components: 0 are"):
        fit_pls(x, y, 0)
    with pytest.raises(AnalysisError, match="responses: give"):
        fit_pls(x, y[:10], 2)
    y[0, 0] = np.nan
    with pytest.raises(AnalysisError, match="responses: holds NaN"):
        fit_pls(x, y, 2)
