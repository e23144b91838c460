"""PLS of features that are read block by block, against scikit-learn."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge

from ventralrnn.analysis.encoding import streamed
from ventralrnn.analysis.encoding.streamed_ridge import predict_ridge_streamed
from ventralrnn.errors import AnalysisError

ROWS, NEUROIDS, COMPONENTS = 150, 6, 8


def data(features: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(features)
    latent = draw.standard_normal((ROWS, 12))
    rows = latent @ draw.standard_normal((12, features)) + draw.standard_normal((ROWS, features)) + 3
    return rows.astype(np.float32), latent[:, :NEUROIDS] + draw.standard_normal((ROWS, NEUROIDS)) - 1


def splits(number: int) -> list[np.ndarray]:
    draw = np.random.default_rng(1)
    return [draw.permutation(ROWS)[:15] for _ in range(number)]


@pytest.mark.parametrize("features", [30, 400])
@pytest.mark.parametrize("together", [1 << 24, 1])
def test_predictions_are_scikit_learns(features: int, together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "_BLOCK_VALUES", 20 * features)
    monkeypatch.setattr(streamed, "_FIT_VALUES", together)
    rows, responses = data(features)
    read: list[int] = []

    def take(chosen: np.ndarray) -> np.ndarray:
        read.append(len(chosen))
        return rows[chosen]

    tests = splits(3)
    predicted = streamed.predict_pls_streamed(take, responses, tests, COMPONENTS)
    assert max(read) <= 20, "no more than a block is read at a time"
    for test, mine in zip(tests, predicted, strict=True):
        train = np.setdiff1d(np.arange(ROWS), test)
        fit = PLSRegression(COMPONENTS, scale=False).fit(rows[train].astype(float), responses[train])
        np.testing.assert_allclose(mine, fit.predict(rows[test].astype(float)), rtol=1e-7, atol=1e-8)


def test_one_neuroid() -> None:
    rows, responses = data(40)
    (test,) = splits(1)
    (mine,) = streamed.predict_pls_streamed(lambda chosen: rows[chosen], responses[:, :1], [test], COMPONENTS)
    train = np.setdiff1d(np.arange(ROWS), test)
    fit = PLSRegression(COMPONENTS, scale=False).fit(rows[train].astype(float), responses[train, :1])
    np.testing.assert_allclose(mine.ravel(), fit.predict(rows[test].astype(float)).ravel(), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("features", [30, 400])
def test_ridge_predictions_are_scikit_learns(features: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "_BLOCK_VALUES", 20 * features)
    rows, responses = data(features)
    read: list[int] = []

    def take(chosen: np.ndarray) -> np.ndarray:
        read.append(len(chosen))
        return rows[chosen]

    tests = splits(3)
    predicted = predict_ridge_streamed(take, responses, tests, 2.0)
    assert max(read) <= 20, "no more than a block is read at a time"
    for test, mine in zip(tests, predicted, strict=True):
        train = np.setdiff1d(np.arange(ROWS), test)
        fit = Ridge(2.0).fit(rows[train].astype(float), responses[train])
        np.testing.assert_allclose(mine, fit.predict(rows[test].astype(float)), rtol=1e-7, atol=1e-8)
    with pytest.raises(AnalysisError, match="penalty 0"):
        predict_ridge_streamed(take, responses, tests, 0)


def test_what_cannot_be_fitted_is_named() -> None:
    rows, responses = data(30)
    with pytest.raises(AnalysisError, match=r"components: 31 .* 30 features"):
        streamed.predict_pls_streamed(lambda chosen: rows[chosen], responses, splits(1), 31)
    holed = rows.copy()
    holed[3, 4] = np.nan
    with pytest.raises(AnalysisError, match="features: "):
        streamed.predict_pls_streamed(lambda chosen: holed[chosen], responses, splits(1), 3)
    responses[0, 0] = np.inf
    with pytest.raises(AnalysisError, match="responses: "):
        streamed.predict_pls_streamed(lambda chosen: rows[chosen], responses, splits(1), 3)
