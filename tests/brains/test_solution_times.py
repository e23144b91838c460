"""Object solution times: equal to Brain-Score's, whose classifier is computed anew, literally, in NumPy."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.special import softmax
from scipy.stats import norm
from sklearn.model_selection import ShuffleSplit
from sklearn.preprocessing import StandardScaler

from ventralrnn.brains.solution_times import (
    compute,
    crossing_times,
    decode_probabilities,
    decoder,
    first_weights,
    image_sensitivity,
    ost_score,
    rank_correlation,
    solution_times,
)
from ventralrnn.errors import AnalysisError

NAMES = np.array(["bear", "car", "dog"])


def task(stimuli: int = 240, times: int = 5, neuroids: int = 400, seed: int = 0) -> tuple[xr.DataArray, np.ndarray]:
    """Return an area that tells objects ever better, sooner for some pictures, and how easy each picture is."""
    rng = np.random.default_rng(seed)
    codes = np.arange(stimuli) % 3
    ease = rng.uniform(0.2, 2, stimuli)
    gain = np.clip(np.arange(times)[None] * ease[:, None] / 2, 0, 3)
    values = 1.5 * gain[:, :, None] * rng.standard_normal((3, neuroids))[codes][:, None]
    values = (values + rng.standard_normal((stimuli, times, neuroids))).astype(np.float32)
    coords = {
        "stimulus_id": ("stimulus", [f"s{i:03d}" for i in range(stimuli)]),
        "label": ("stimulus", NAMES[codes]),
        "time_step": ("time", np.arange(times)),
        "time_ms": ("time", 70.0 + 10 * np.arange(times)),
    }
    return xr.DataArray(values, coords, ("stimulus", "time", "neuroid"), "IT"), ease


def literal_classifier(
    features: np.ndarray, labels: np.ndarray, test: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Return what Brain-Score's classifier answers, line by line: batches, Adam as in TensorFlow, the penalty."""
    names = list(dict.fromkeys(labels))
    targets = np.array([names.index(label) for label in labels])
    scaler = StandardScaler().fit(features)
    x, w, b = scaler.transform(features), weights.astype(np.float64), np.ones(weights.shape[1])
    state = [np.zeros_like(w), np.zeros_like(w), np.zeros_like(b), np.zeros_like(b)]
    shuffle, t = np.random.RandomState(0), 0
    for _ in range(40):
        indices = np.arange(len(x))
        shuffle.shuffle(indices)
        for start in range(0, len(x), 64):
            rows = indices[start : start + 64]
            p = softmax(x[rows] @ w + b, axis=1)
            loss = -np.log(p[np.arange(len(rows)), targets[rows]]).mean()
            error = p.copy()
            error[np.arange(len(rows)), targets[rows]] -= 1
            error /= len(rows)
            t += 1
            rate = 1e-4 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            for i, gradient in ((0, x[rows].T @ error + 0.463 * w), (2, error.sum(0) + 0.463 * b)):
                state[i] = 0.9 * state[i] + 0.1 * gradient
                state[i + 1] = 0.999 * state[i + 1] + 0.001 * gradient**2
            w = w - rate * state[0] / (np.sqrt(state[1]) + 1e-8)
            b = b - rate * state[2] / (np.sqrt(state[3]) + 1e-8)
        if loss < 1e-4:
            break
    return softmax(scaler.transform(test) @ w + b, axis=1), names


def test_the_decoder_is_brain_scores() -> None:
    area, _ = task()
    features, labels = area.values[:, 3], area.label.values
    codes = np.unique(labels, return_inverse=True)[1]
    splits = [
        (np.arange(40, 240), np.arange(40)),
        (np.arange(200), np.arange(200, 240)),
        (np.arange(160), np.arange(160, 240)),
    ]
    start = first_weights(400, 3, seed=4)
    found = decode_probabilities(features, codes, splits, seed=4)
    for probabilities, (train, test) in zip(found, splits, strict=True):
        expected, names = literal_classifier(features[train], labels[train], features[test], start)
        order = [names.index(name) for name in NAMES]
        np.testing.assert_allclose(probabilities, expected[:, order], atol=2e-6)


def test_it_ends_where_its_loss_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    area, _ = task()
    codes = np.arange(240) % 3
    split = [(np.arange(200), np.arange(200, 240))]
    monkeypatch.setattr(decoder, "_CONVERGED", np.inf)
    early = decode_probabilities(area.values[:, 3], codes, split)[0]
    monkeypatch.setattr(decoder, "_EPOCHS", 1)
    monkeypatch.setattr(decoder, "_CONVERGED", 0.0)
    np.testing.assert_array_equal(early, decode_probabilities(area.values[:, 3], codes, split)[0])


def test_first_weights_are_cut_off() -> None:
    drawn = first_weights(400, 50, 0)
    assert drawn.var() == pytest.approx(1 / 400, rel=0.03)
    assert np.abs(drawn).max() <= 2 / 20 / 0.8796 + 1e-9


def test_sensitivity_by_hand() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    truth = np.array([0, 0, 1, 2])
    # The first picture against the second object: hit, and false alarms of the third picture; then the third object.
    against = [
        norm.ppf(0.7 / 0.9) - norm.ppf(0.1 / 0.9),
        norm.ppf(0.7 / 0.8) - norm.ppf(0.2 / 0.8),
    ]
    assert image_sensitivity(p, truth)[0] == pytest.approx(np.mean(against))
    certain = image_sensitivity(np.eye(3)[truth], truth)
    assert (certain == 5).all()


def test_crossings_by_hand() -> None:
    times = [70, 80, 90, 100]
    sensitivity = np.array([[2.0, 0, 1.2, 0, np.nan], [0, 1, 0.4, 0, 0], [0, 3, 1.6, 0, 2], [0, 0, 3, 0, 3]])
    found = crossing_times(sensitivity, np.array([1.0, 2, 1.5, 1, 1]), times)
    # From the highest before, not the last: 1.2 at 70 ms to 1.6 at 90 ms.
    np.testing.assert_allclose(found, [70, 85, 85, np.nan, 85])


def test_solution_times_follow_how_easy_pictures_are() -> None:
    area, ease = task()
    result = solution_times(area, "label", 1.0, targets=200 - 50 * ease, folds=5, bootstrap=200)
    assert result.solution_ms.dims == ("area", "stimulus") and result.sensitivity.shape == (1, 5, 240)
    known = np.isfinite(result.solution_ms.values[0])
    assert float(result.solved[0]) == known.mean() and known.mean() > 0.5
    assert float(result.mean_ms[0]) == pytest.approx(result.solution_ms.values[0, known].mean())
    assert float(result.mean_low[0]) < float(result.mean_ms[0]) < float(result.mean_high[0])
    low, score, high = (float(result[n][0]) for n in ("score_low", "score", "score_high"))
    assert 0.3 < low < score < high and high - low < 0.4
    # An easier threshold is reached no later.
    easier = solution_times(area, "label", 0.5, folds=5, bootstrap=20)
    both = known & np.isfinite(easier.solution_ms.values[0])
    assert (easier.solution_ms.values[0, both] <= result.solution_ms.values[0, both] + 1e-9).all()


def test_what_does_not_fit_is_named() -> None:
    area, _ = task(stimuli=60)
    with pytest.raises(AnalysisError, match="no time in ms"):
        solution_times(area.drop_vars("time_ms"))
    with pytest.raises(AnalysisError, match="no coordinate 'object'"):
        solution_times(area, "object")
    with pytest.raises(AnalysisError, match="one object only"):
        solution_times(area, ["a"] * 60)
    with pytest.raises(AnalysisError, match="labels: that of stimulus 1 is None"):
        solution_times(area, ["a", None] * 30)
    with pytest.raises(AnalysisError, match="thresholds: give one for each of 60"):
        solution_times(area, "label", [1.0, 2.0])
    with pytest.raises(AnalysisError, match="area: name one"):
        ost_score({"V4": area, "IT": area}, "label", np.ones(60), np.ones(60))
    with pytest.raises(AnalysisError, match="a category is missing"):
        decode_probabilities(area.values[:, 0], np.arange(60) // 20, [(np.arange(40), np.arange(40, 60))])
    assert np.isnan(rank_correlation(np.array([1.0, np.nan]), np.array([1.0, 2])))


def brain_score(
    area: xr.DataArray, thresholds: np.ndarray, targets: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Return the score of Brain-Score's metric, whose classifier alone is replaced."""
    pytest.importorskip("brainscore_vision")
    from brainscore_core.supported_data_standards.brainio.assemblies import (
        BehavioralAssembly,
        DataAssembly,
        NeuroidAssembly,
    )
    from brainscore_vision.metrics.ost import metric

    class Literal:
        def fit(self, source: Any, labels: Any) -> None:
            self.known = source.values, labels.values

        def predict_proba(self, source: Any) -> Any:
            start = first_weights(source.shape[1], len(NAMES), 0)
            found, names = literal_classifier(*self.known, source.values, start)
            levels = {n: ("presentation", source[n].values) for n in ("stimulus_id", "truth", "image_label")}
            return BehavioralAssembly(found, coords={**levels, "choice": names}, dims=["presentation", "choice"])

        def close(self) -> None:
            pass

    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))
    monkeypatch.setattr(metric, "TFProbabilitiesClassifier", Literal)
    ids, labels, times = area.stimulus_id.values, area.label.values, area.time_ms.values.astype(int)
    about = {
        "stimulus_id": ("presentation", ids),
        "truth": ("presentation", labels),
        "image_label": ("presentation", labels),
    }
    count = area.sizes["neuroid"]
    source = NeuroidAssembly(
        area.values.transpose(0, 2, 1),
        coords={
            **about,
            "neuroid_id": ("neuroid", np.arange(count)),
            "region": ("neuroid", ["IT"] * count),
            "time_bin_start": ("time_bin", times),
            "time_bin_end": ("time_bin", times + 10),
        },
        dims=["presentation", "neuroid", "time_bin"],
    )
    target = DataAssembly(targets, coords={**about, "i1": ("presentation", thresholds)}, dims=["presentation"])
    return metric.OSTCorrelation()(source, target)


@pytest.mark.filterwarnings("ignore")
def test_the_score_is_brain_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    area, ease = task(times=4)
    rng = np.random.default_rng(1)
    thresholds, targets = rng.uniform(0.3, 1.5, 240), 200 - 50 * ease + 5 * rng.standard_normal(240)
    targets[:10] = np.nan
    expected = brain_score(area, thresholds, targets, monkeypatch)
    score, splits = ost_score(area, "label", thresholds, targets)
    assert score > 0.3
    np.testing.assert_allclose(splits, expected.attrs["raw"].values, atol=1e-9)
    assert score == pytest.approx(float(expected), abs=1e-9)


def test_splits_are_brain_scores() -> None:
    for ours, theirs in zip(
        compute._brainscore_splits(97), ShuffleSplit(10, test_size=0.1, random_state=1).split(np.zeros(97)), strict=True
    ):
        np.testing.assert_array_equal(ours[0], np.sort(theirs[0]))
