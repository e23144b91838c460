"""Banded ridge: it is himalaya's, finds the band that matters, and divides what is explained."""

import himalaya.backend
import numpy as np
import pytest
from himalaya.kernel_ridge import MultipleKernelRidgeCV
from himalaya.scoring import r2_score_split
from sklearn.model_selection import PredefinedSplit

from ventralrnn.analysis.encoding import make_folds, predict_banded, split_explained
from ventralrnn.analysis.encoding.banded import PENALTIES, _band_weights
from ventralrnn.errors import AnalysisError

TRAIN, TEST = np.arange(80), np.arange(80, 120)


def simulated() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return two bands, of which the first drives the first target and the second the second, of other scales."""
    rng = np.random.default_rng(0)
    bands = {"V1": rng.standard_normal((120, 30)) + 5, "IT": 50 * rng.standard_normal((120, 200))}
    first = bands["V1"] @ rng.standard_normal(30) / 5
    second = bands["IT"][:, :10] @ rng.standard_normal(10) / 150
    return bands, np.stack([first, second, first + second], 1) + 0.3 * rng.standard_normal((120, 3))


def test_himalaya() -> None:
    bands, responses = simulated()
    found = predict_banded(bands, responses, TRAIN, TEST, seed=1)
    scaled = []
    for band in bands.values():
        centred = band - band[TRAIN].mean(0)
        scaled.append(centred / np.sqrt(np.square(centred[TRAIN]).sum(1).mean()))
    number = np.empty(80, int)
    for i, (_, test) in enumerate(make_folds(80, 5, seed=1)):
        number[test] = i

    def kernels(rows: np.ndarray) -> np.ndarray:
        return np.stack([band[rows] @ band[TRAIN].T for band in scaled])

    peer = MultipleKernelRidgeCV(
        "precomputed",
        solver_params={"n_iter": _band_weights(2, 20, 1), "alphas": np.array(PENALTIES), "progress_bar": False},
        cv=PredefinedSplit(number),
    ).fit(kernels(TRAIN), responses[TRAIN] - responses[TRAIN].mean(0))
    np.testing.assert_allclose(found.parts.sum(0), peer.predict(kernels(TEST)), atol=1e-8)
    np.testing.assert_allclose(found.intercept, responses[TRAIN].mean(0))


def test_bands_explain_what_they_drive() -> None:
    bands, responses = simulated()
    found = predict_banded(bands, responses, TRAIN, TEST)
    shares = split_explained(responses[TEST] - found.intercept, found.parts)
    assert shares[0, 0] > 0.5 > 0.1 > abs(shares[1, 0])
    assert shares[1, 1] > 5 * abs(shares[0, 1])
    errors = np.square(responses[TEST] - found.intercept - found.parts.sum(0)).sum(0)
    whole = 1 - errors / np.square(responses[TEST] - found.intercept).sum(0)
    np.testing.assert_allclose(shares.sum(0), whole)
    centred = responses[TEST] - responses[TEST].mean(0)
    np.testing.assert_allclose(split_explained(centred, found.parts), r2_score_split(centred, found.parts))


def test_scale_of_a_band_does_not_matter_and_the_backend_stays() -> None:
    bands, responses = simulated()
    before = himalaya.backend.get_backend().name
    found = predict_banded(bands, responses, TRAIN, TEST)
    other = predict_banded({"V1": 1e-3 * bands["V1"], "IT": bands["IT"]}, responses, TRAIN, TEST)
    np.testing.assert_allclose(found.parts, other.parts, atol=1e-8)
    assert himalaya.backend.get_backend().name == before


def test_test_responses_are_not_looked_at() -> None:
    bands, responses = simulated()
    found = predict_banded(bands, responses, TRAIN, TEST)
    responses[TEST] = 1e6
    np.testing.assert_array_equal(predict_banded(bands, responses, TRAIN, TEST).parts, found.parts)


def test_one_band() -> None:
    bands, responses = simulated()
    found = predict_banded({"V1": bands["V1"]}, responses, TRAIN, TEST)
    assert found.parts.shape == (1, 40, 3)


def test_what_is_refused_is_named() -> None:
    bands, responses = simulated()
    with pytest.raises(AnalysisError, match="bands: number 0 does not vary"):
        predict_banded({"V1": np.ones((120, 3))}, responses, TRAIN, TEST)
    with pytest.raises(AnalysisError, match="bands: give features of all 100"):
        predict_banded(bands, responses[:100], TRAIN, TEST)
    with pytest.raises(AnalysisError, match="bands: give at least one"):
        predict_banded({}, responses, TRAIN, TEST)
    with pytest.raises(AnalysisError, match="penalties: give positive"):
        predict_banded(bands, responses, TRAIN, TEST, [-1])
