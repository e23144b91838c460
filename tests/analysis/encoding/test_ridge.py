"""Ridge against scikit-learn's and himalaya's: weights, penalties and the errors that chose them."""

from typing import Any

import numpy as np
import pytest
import torch
from himalaya.kernel_ridge import KernelRidgeCV
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import PredefinedSplit

from ventralrnn.analysis.encoding import fit_ridge, make_folds
from ventralrnn.analysis.encoding.ridge import predict_ridge
from ventralrnn.analysis.rowspace import FeatureSpace
from ventralrnn.errors import AnalysisError

PENALTIES = np.logspace(-2, 4, 7)
SHAPES = [(60, 200), (60, 20), (60, 59), (60, 58), (60, 60), (60, 61), (60, 1)]


def simulated(stimuli: int, features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((stimuli, features)) + 3
    noise = np.array([0.1, 1, 3, 10, 100])
    y = x @ rng.standard_normal((features, 5)) + noise * rng.standard_normal((stimuli, 5)) - 2
    return x, y


@pytest.mark.parametrize(("stimuli", "features"), SHAPES)
def test_leaving_one_out_is_scikit_learns(stimuli: int, features: int) -> None:
    x, y = simulated(stimuli, features)
    found = fit_ridge(x, y, PENALTIES, folds=None)
    peer = RidgeCV(PENALTIES, alpha_per_target=True, store_cv_results=True).fit(x, y)
    np.testing.assert_allclose(found.errors, peer.cv_results_.mean(0).T, rtol=1e-6)
    np.testing.assert_array_equal(found.penalty, peer.alpha_)
    np.testing.assert_allclose(found.weights, peer.coef_.T, atol=1e-8)
    np.testing.assert_allclose(found.predict(x), peer.predict(x), atol=1e-8)


@pytest.mark.parametrize(("stimuli", "features"), SHAPES)
def test_folds_are_fits_without_them(stimuli: int, features: int) -> None:
    x, y = simulated(stimuli, features)
    folds = make_folds(stimuli, 4)
    found = fit_ridge(x, y, PENALTIES, folds=folds)
    for row, penalty in enumerate(PENALTIES):
        left_out = np.empty_like(y)
        for train, test in folds:
            left_out[test] = Ridge(penalty, solver="cholesky").fit(x[train], y[train]).predict(x[test])
        np.testing.assert_allclose(found.errors[row], np.square(left_out - y).mean(0), rtol=1e-6)
    assert len(set(found.penalty.tolist())) > 1, "targets of different noise take different penalties"


def test_himalaya() -> None:
    x, y = simulated(60, 200)
    folds = make_folds(60, 5)
    number = np.empty(60, int)
    for i, (_, test) in enumerate(folds):
        number[test] = i
    peer = KernelRidgeCV(PENALTIES, cv=PredefinedSplit(number), fit_intercept=True).fit(x, y)
    found = fit_ridge(x, y, PENALTIES, folds=folds)
    np.testing.assert_allclose(found.penalty, peer.best_alphas_)
    np.testing.assert_allclose(found.errors.min(0), -peer.cv_scores_.ravel(), rtol=1e-6)
    np.testing.assert_allclose(found.predict(x), peer.predict(x), atol=1e-6)


@pytest.mark.parametrize("features", [20, 47, 49, 200])
def test_test_stimuli_are_predicted_without_their_responses(features: int) -> None:
    x, y = simulated(60, features)
    space = FeatureSpace(torch.from_numpy(x))
    train, test = make_folds(60, 5)[0]
    split = space.split(train, test)
    found, penalty = predict_ridge(split, torch.from_numpy(y[train]), PENALTIES, make_folds(48, 4))
    peer = fit_ridge(x[train], y[train], PENALTIES, folds=4)
    np.testing.assert_array_equal(penalty, peer.penalty)
    np.testing.assert_allclose(found, peer.predict(x[test]), atol=1e-8)
    # What a split says of features is all that there is to say: lengths, and inner products with the training stimuli.
    centred = x - x[train].mean(0)
    np.testing.assert_allclose(
        split.test @ (split.left * split.lengths).mT, centred[test] @ centred[train].T, atol=1e-8
    )
    np.testing.assert_allclose(split.left.mT @ split.left, np.eye(len(split.lengths)), atol=1e-8)
    some = torch.randn(len(split.lengths), 2, dtype=torch.float64)
    np.testing.assert_allclose(centred[test] @ space.weights(train, split, some).numpy(), split.test @ some, atol=1e-7)


def test_penalties_suit_the_scale_of_features() -> None:
    x, y = simulated(60, 100)
    plain, small = fit_ridge(x, y), fit_ridge(1e-6 * x, y)
    np.testing.assert_allclose(small.predict(1e-6 * x), plain.predict(x), atol=1e-6)
    np.testing.assert_allclose(small.penalty, 1e-12 * plain.penalty)


def test_near_duplicates_far_from_zero() -> None:
    x, y = simulated(60, 100)
    x = (0.1 * x + np.random.default_rng(0).uniform(900, 1100, 100)).astype(np.float32)
    exact = x.astype(np.float64) - x.mean(0, np.float64)
    peer = Ridge(10, solver="cholesky").fit(exact, y)
    np.testing.assert_allclose(fit_ridge(x, y, [10]).weights, peer.coef_.T, atol=1e-8)


def test_constant_features_and_responses_and_duplicates() -> None:
    x, y = simulated(60, 30)
    widened = np.concatenate([x, np.full((60, 40), 0.1)], 1)
    found = fit_ridge(widened, y, PENALTIES)
    np.testing.assert_allclose(found.weights[:30], fit_ridge(x, y, PENALTIES).weights, atol=1e-8)
    np.testing.assert_allclose(found.weights[30:], 0, atol=1e-12)
    silent = fit_ridge(x, np.full((60, 1), 4.0))
    np.testing.assert_allclose(silent.predict(x), 4)
    nothing = fit_ridge(np.full((60, 3), 2.0), y)
    np.testing.assert_allclose(nothing.predict(np.full((2, 3), 2.0)), np.tile(y.mean(0), (2, 1)))
    twice = fit_ridge(np.repeat(x, 2, 0), np.repeat(y, 2, 0), PENALTIES, folds=None)
    assert np.isfinite(twice.errors).all()


def test_torch() -> None:
    x, y = simulated(60, 100)
    found = fit_ridge(torch.from_numpy(x), torch.from_numpy(y))
    assert isinstance(found.weights, torch.Tensor)
    np.testing.assert_array_equal(found.weights, fit_ridge(x, y).weights)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalties": [1, 0]}, "penalties: give positive"),
        ({"penalties": []}, "penalties: give positive"),
        ({"folds": [(np.arange(30), np.arange(30, 60))]}, "folds: to choose a penalty"),
        ({"folds": [(np.arange(40), np.arange(30, 60))]}, "in training and in test"),
        ({"folds": [(np.arange(40), np.arange(40, 61))]}, "out of 0 to 59"),
        ({"folds": 61}, "folds: 61 are more"),
    ],
)
def test_what_is_refused_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        fit_ridge(*simulated(60, 5), **options)
    with pytest.raises(AnalysisError, match="responses: 59 stimuli for features of 60"):
        fit_ridge(simulated(60, 5)[0], simulated(59, 5)[1])
