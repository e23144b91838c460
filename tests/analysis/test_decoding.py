"""Decoding against scikit-learn on the raw features, chance, and information that is put in at known times."""

from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import binomtest
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.svm import SVC

from ventralrnn.analysis.decoding import decode, fit_lda, shrinkage_penalty
from ventralrnn.analysis.decoding.categories import balanced_interval, wilson_interval
from ventralrnn.analysis.encoding import make_folds
from ventralrnn.analysis.rowspace import FeatureSpace
from ventralrnn.errors import AnalysisError

LABELS = np.repeat(["car", "face", "tree"], 20)


def states(features: int, steps: int = 3, strength: float = 0.0, at: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    """Return noise (stimulus, time, neuroid) with the categories' own patterns at some steps."""
    rng = np.random.default_rng(seed)
    patterns = strength * rng.standard_normal((3, features))
    found = rng.standard_normal((60, steps, features)) + 5
    for step in at:
        found[:, step] += patterns[np.unique(LABELS, return_inverse=True)[1]]
    return found


def recording(values: np.ndarray, unreached: int = 0) -> xr.DataArray:
    values = values.copy()
    values[:, :unreached] = np.nan
    steps = np.arange(values.shape[1])
    coords = {"label": ("stimulus", LABELS), "time_step": ("time", steps), "time_ms": ("time", 40.0 + 10 * steps)}
    found = xr.DataArray(values, coords, ("stimulus", "time", "neuroid"), name="IT")
    return found.assign_attrs(unreached_steps=list(range(unreached)))


def split_of(x: np.ndarray) -> Any:
    rows = np.arange(len(x))
    return FeatureSpace(torch.from_numpy(x)).split(rows, rows[:0])


@pytest.mark.parametrize("features", [1, 10, 59, 200])
@pytest.mark.parametrize("shrinkage", [0.05, 0.9])
def test_lda_is_scikit_learns(features: int, shrinkage: float) -> None:
    """Whose shrinkage adds a share of the variance within categories; ours of all variance, so the shares differ."""
    x = states(features, strength=0.5, at=(0,))[:, 0]
    split = split_of(x)
    penalty = shrinkage_penalty(split, features, shrinkage)
    within = np.mean([x[name == LABELS].var(0).mean() for name in np.unique(LABELS)])
    share = float(penalty) / (float(penalty) + within)
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=share).fit(x, LABELS)
    codes = np.unique(LABELS, return_inverse=True)[1]
    found = fit_lda(split, torch.from_numpy(np.eye(3)[codes])[None], penalty)
    decisions = (split.left * split.lengths) @ found.weights[0] + found.offsets[0]
    expected = peer.decision_function(x) * (1 - share)
    # Both up to what all categories have in common.
    decisions = decisions.numpy() - decisions.numpy().mean(1, keepdims=True)
    np.testing.assert_allclose(decisions, expected - expected.mean(1, keepdims=True), atol=1e-7)


@pytest.mark.parametrize("features", [10, 200])
def test_shrinkage_is_ledoit_and_wolfs(features: int) -> None:
    x = states(features)[:, 0] * np.linspace(0.2, 4, features)
    share = ledoit_wolf_shrinkage(x)
    mean = x.var(0).mean()
    assert float(shrinkage_penalty(split_of(x), features)) == pytest.approx(share / (1 - share) * mean)


@pytest.mark.parametrize("features", [30, 300])
@pytest.mark.parametrize("categories", [2, 3])
@pytest.mark.parametrize("model", [LogisticRegression(tol=1e-8, max_iter=5000), RidgeClassifier(5)])
def test_against_raw_features(features: int, categories: int, model: Any) -> None:
    x = states(features, 2, 0.3, (0, 1))
    labels = np.where(LABELS == "tree", "car", LABELS) if categories == 2 else LABELS
    folds = make_folds(60, 4, labels=labels)
    result = decode(recording(x), labels, classifier=model, folds=4)
    across = decode(recording(x), labels, classifier=model, folds=folds, generalise=True)
    for trained in range(2):
        for tested in range(2):
            decided = np.empty(60, object)
            for train, test in folds:
                decided[test] = model.fit(x[train, trained], labels[train]).predict(x[test, tested])
            expected = balanced_accuracy_score(labels, decided.astype(str))
            assert across.accuracy.values[0, trained, tested] == pytest.approx(expected)
            if trained == tested:
                assert result.accuracy.values[0, trained] == pytest.approx(expected)


@pytest.mark.parametrize("classifier", ["lda", "logistic", "svm"])
def test_information_is_found_where_it_is(classifier: str) -> None:
    x = recording(states(80, 6, 0.5, (3, 4)), unreached=1)
    result = decode(x, classifier=classifier)
    assert result.accuracy.dims == ("area", "time")
    assert np.isnan(result.accuracy.values[0, 0]) and np.isnan(result.lower.values[0, 0])
    assert (result.accuracy.values[0, [3, 4]] > 0.9).all()
    assert (np.abs(result.accuracy.values[0, [1, 2, 5]] - 1 / 3) < 0.2).all()
    assert (result.lower.values[0, [3, 4]] > 1 / 3).all()
    assert ((result.lower <= result.accuracy) & (result.accuracy <= result.upper)).values[0, 1:].all()
    assert float(result.chance) == pytest.approx(1 / 3)
    assert result.time_ms.values[0].tolist() == [40, 50, 60, 70, 80, 90]
    across = decode(x, classifier=classifier, generalise=True)
    assert across.accuracy.dims == ("area", "time", "time_other")
    matrix = across.accuracy.values[0]
    np.testing.assert_allclose(np.diag(matrix)[1:], result.accuracy.values[0, 1:])
    assert matrix[3, 4] > 0.9 and matrix[4, 3] > 0.9
    assert (np.abs(matrix[3, [1, 2, 5]] - 1 / 3) < 0.2).all()
    assert np.isnan(matrix[0]).all() and np.isnan(matrix[:, 0]).all()
    assert across.time_step_other.values.tolist() == list(range(6))


def test_permutations() -> None:
    result = decode(recording(states(80, 3, 0.5, (2,))), permutations=99)
    assert result.null.dims == ("permutation", "area", "time")
    assert float(result.p_value[0, 2]) == 0.01
    assert (result.p_value.values[0, :2] > 0.05).all()
    assert float(result.null.mean()) == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("classifier", ["logistic", RidgeClassifier(5)])
def test_permutations_of_other_classifiers(classifier: Any) -> None:
    x = recording(states(10, 2, 0.6, (1,)))
    result = decode(x, classifier=classifier, folds=3, permutations=19, bootstrap=0)
    assert float(result.p_value[0, 1]) == 0.05 and float(result.p_value[0, 0]) > 0.05
    assert float(result.null.mean()) == pytest.approx(1 / 3, abs=0.05)
    plain = decode(x, classifier=classifier, folds=3)
    np.testing.assert_array_equal(result.accuracy, plain.accuracy)
    assert "lower" in plain and "lower" not in result


def test_p_values_are_uniform_without_information() -> None:
    """Of 100 states of noise about 5 % are below 0.05: binomially at most 12 with a chance of 1 in 700."""
    result = decode(states(20, 100, seed=4), LABELS, permutations=39, bootstrap=1)
    below = int((result.p_value <= 0.05).sum())
    assert below <= 12
    assert float(result.p_value.mean()) == pytest.approx(0.5, abs=0.12)


def test_chance_for_shuffled_labels_and_no_leak() -> None:
    """With 500 features of 60 stimuli everything can be told apart in training, nothing in test."""
    shuffled = np.random.default_rng(0).permutation(LABELS)
    found = decode(states(500, 20, 2.0, ()), shuffled)
    assert float(found.accuracy.mean()) == pytest.approx(1 / 3, abs=0.03)


def test_balanced_accuracy_with_rare_categories() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b"], [50, 10])
    found = decode(rng.standard_normal((60, 20, 30)), labels)
    assert float(found.accuracy.mean()) == pytest.approx(0.5, abs=0.06)
    folds = make_folds(60, 6, labels=labels, test_share=0.2)
    drawn = decode(rng.standard_normal((60, 2, 30)), labels, folds=folds)
    assert np.isfinite(drawn.accuracy.values).all()


def test_intervals_widen_with_fewer_stimuli() -> None:
    x = states(40, 4, 0.25, (0, 1, 2, 3))
    many = decode(x, LABELS, folds=4)
    few = decode(x[::2], LABELS[::2], folds=4)
    assert float((few.upper - few.lower).mean()) > float((many.upper - many.lower).mean())
    narrow = decode(x, LABELS, folds=4, confidence=0.5)
    assert ((narrow.upper - narrow.lower) < (many.upper - many.lower)).all()


def test_intervals_cover() -> None:
    """Of 200 states of noise nearly all 95 % intervals hold chance; those of so few stimuli are a little too narrow."""
    rng = np.random.default_rng(1)
    found = decode(rng.standard_normal((60, 200, 5)), LABELS, folds=2, bootstrap=500)
    covered = ((found.lower <= 1 / 3) & (found.upper >= 1 / 3)).values.mean()
    assert covered > 0.85


@pytest.mark.parametrize("right", [0, 1, 10, 19, 20])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_wilsons_interval_is_scipys(right: int, confidence: float) -> None:
    expected = binomtest(right, 20).proportion_ci(confidence, method="wilson")
    found = wilson_interval(np.array(right / 20), 20, confidence)
    np.testing.assert_allclose(found, (expected.low, expected.high), atol=1e-12)


def test_all_right_or_all_wrong_is_not_certain() -> None:
    x = np.zeros((20, 2, 4)) + np.repeat([0, 9], 10)[:, None, None] + np.random.default_rng(0).random((20, 2, 4))
    x[:, 0] = np.nan
    found = decode(x, np.repeat(["a", "b"], 10))
    expected = binomtest(20, 20).proportion_ci(method="wilson")
    assert (float(found.accuracy[0, 1]), float(found.upper[0, 1])) == (1, 1) and np.isnan(found.lower[0, 0])
    assert float(found.lower[0, 1]) == pytest.approx(expected.low)
    _, (low, high) = balanced_interval(np.zeros((1, 20)), np.repeat([0, 1], 10), 0.95, 10, 0)
    assert (low[0], high[0]) == (0, pytest.approx(1 - expected.low))


@pytest.mark.parametrize(("chances", "counts"), [((0.95, 0.95), (10, 10)), ((1, 0.8), (10, 10)), ((0.9, 0.9), (40, 8))])
def test_intervals_near_the_end_cover(chances: tuple[float, float], counts: tuple[int, int]) -> None:
    """Stimuli that are right independently of each other; the bootstrap alone holds the truth in 65 to 89 % here."""
    rng = np.random.default_rng(0)
    correct = (rng.random((1000, sum(counts))) < np.repeat(chances, counts)).astype(float)
    _, (low, high) = balanced_interval(correct, np.repeat([0, 1], counts), 0.95, 200, 0)
    assert ((low <= np.mean(chances)) & (np.mean(chances) <= high)).mean() > 0.94


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("classifier", ["lda", "logistic", "svm"])
def test_scale_and_rotation_do_not_matter(scale: float, classifier: str) -> None:
    x = states(30, 2, 0.3, (0, 1))
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((30, 30)))[0]
    plain, other = (decode(v, LABELS, classifier=classifier) for v in (x, scale * x @ rotation))
    np.testing.assert_allclose(other.accuracy.values, plain.accuracy.values, atol=0.02)


def test_one_neuroid_constant_features_and_duplicates() -> None:
    x = states(1, 2, 3.0, (0,))
    assert decode(x, LABELS).accuracy.values[0, 0] > 0.5
    widened = np.concatenate([x, np.full((60, 2, 90), 0.1)], 2)
    np.testing.assert_allclose(
        decode(widened, LABELS, shrinkage=0.01).accuracy.values, decode(x, LABELS, shrinkage=0.01).accuracy.values
    )
    silent = decode(np.full((60, 1, 4), 0.1), LABELS)
    assert silent.accuracy.values[0, 0] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (np.repeat(["a", "b"], [57, 3]), {}, "category 'b' has 3 stimuli, too few for 5 folds"),
        (["a"] * 60, {}, "all stimuli are of the same category, 'a'"),
        (["a", "b"], {}, "labels: give one for each of 60"),
        ("kind", {}, "labels: stimuli have no coordinate 'kind'"),
        (LABELS, {"classifier": "forest"}, "classifier: 'forest' is none"),
        (LABELS, {"classifier": 3}, "classifier: 3 is none"),
        (LABELS, {"classifier": SVC(kernel="linear")}, "no linear decision for each category"),
        (LABELS, {"shrinkage": 1.0}, "shrinkage: give a share"),
        (LABELS, {"shrinkage": 0.1, "classifier": "svm"}, "shrinkage: this is for"),
        (LABELS, {"permutations": 5, "generalise": True}, "permutations: these go not with generalise"),
        (LABELS, {"bootstrap": -1}, "bootstrap, permutations: give 0 for none, not -1"),
        ([None, *LABELS[1:]], {}, "labels: that of stimulus 0 is None: leave such stimuli out"),
        ([*LABELS[:-1], np.nan], {}, "labels: that of stimulus 59 is nan"),
        (LABELS, {"confidence": 95}, "confidence: give a share"),
        (LABELS, {"folds": [(np.arange(20), np.arange(20, 60))]}, "folds: no training stimulus is of category 'face'"),
        (LABELS, {"folds": [(np.arange(10, 60), np.arange(10))]}, "folds: no test stimulus is of category 'face'"),
    ],
)
def test_what_is_refused_is_named(labels: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        decode(states(5, 1), labels, **options)
