"""People's labels next to a model's answers: entropies, reaction times, rank correlations."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy
from scipy.stats import spearmanr
from sklearn.metrics import log_loss

from ventralrnn.errors import DataError
from ventralrnn.stimuli import cache
from ventralrnn.stimuli.cifar10 import read_cifar10
from ventralrnn.training import humans
from ventralrnn.training.humans import (
    check_counts,
    choose_threshold,
    compare_with_humans,
    correlate,
    find_reaction_times,
)

MS = (80.0, 90.0, 110.0)


def data(pictures: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores (picture, 3, 4) that become surer with time, labels and human counts."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, pictures)
    hard = rng.random(pictures)
    scores = rng.normal(0, 0.5, (pictures, 3, 4))
    scores[np.arange(pictures), :, labels] += 4 * (1 - hard)[:, None] * np.array([0.5, 1, 1.5])
    wrong = rng.binomial(20, 0.8 * hard, pictures)
    counts = np.zeros((pictures, 4), int)
    counts[np.arange(pictures), labels] = 50 - wrong
    counts[np.arange(pictures), (labels + 1) % 4] += wrong
    return scores.astype(np.float32), labels, counts


def softmax(scores: np.ndarray) -> np.ndarray:
    e = np.exp(scores.astype(np.float64))
    return e / e.sum(-1, keepdims=True)


def test_cross_entropy_is_that_of_single_judgements() -> None:
    scores, labels, counts = data()
    result = compare_with_humans(scores, MS, labels, counts)
    human = counts / counts.sum(1, keepdims=True)
    for readout, found in enumerate(result.cross_entropy):
        rows = np.repeat(softmax(scores[:, readout]), 4, axis=0)
        expected = log_loss(np.tile(np.arange(4), len(labels)), rows, sample_weight=human.ravel(), labels=range(4))
        assert found == pytest.approx(expected, rel=1e-10)
    assert result.entropy == pytest.approx(scipy_entropy(human, axis=1).mean(), rel=1e-12)
    assert all(found > result.entropy for found in result.cross_entropy)
    assert result.accuracy == pytest.approx(np.mean([human[i, c] for i, c in enumerate(labels)]))
    assert (result.judgements, result.agreement) == (50, 1.0)


def test_a_model_that_answers_as_people_do_reaches_the_bound() -> None:
    _, labels, counts = data()
    scores = np.repeat(np.log(counts + 1e-300)[:, None], 3, axis=1)
    result = compare_with_humans(scores, MS, labels, counts)
    assert result.cross_entropy == pytest.approx([result.entropy] * 3, rel=1e-9)
    assert [c.rho for c in result.correlations] == pytest.approx([1.0] * 3)
    assert result.reaction is None, "its entropy never falls"


def test_correlations_of_entropies() -> None:
    scores, labels, counts = data()
    result = compare_with_humans(scores, MS, labels, counts)
    human = scipy_entropy(counts, axis=1)
    for readout, c in enumerate(result.correlations):
        expected = spearmanr(scipy_entropy(softmax(scores[:, readout]), axis=1), human)
        assert (c.rho, c.p, c.pictures) == pytest.approx((expected.statistic, expected.pvalue, 200))
        assert c.low < c.rho < c.high


def test_reaction_times_by_hand() -> None:
    entropy = np.array(
        [
            [0.9, 0.3, 0.1],  # half-way between the first two: 0.9 -> 0.6 of 0.9 -> 0.3
            [0.5, 0.4, 0.9],  # below from the start; that it rises again changes nothing
            [0.9, 0.8, 0.7],  # never
            [2.0, 1.0, 0.2],  # 1.0 -> 0.6 is half of 1.0 -> 0.2
            [0.6, 0.6, 0.6],  # at the threshold is not below it
            [0.6, 0.2, 0.1],  # but leaving it at once is
        ]
    )
    found = find_reaction_times(entropy, MS, 0.6)
    assert found == pytest.approx([85, 80, np.nan, 100, np.nan, 80], nan_ok=True)


def test_reaction_times_agree_with_a_loop() -> None:
    rng = np.random.default_rng(3)
    entropy = rng.random((300, 5))
    ms = np.array([50.0, 60, 70, 95, 130])
    found = find_reaction_times(entropy, ms.tolist(), 0.3)
    for row, time in zip(entropy, found, strict=True):
        fine = np.linspace(50, 130, 80001)
        below = fine[np.interp(fine, ms, row) < 0.3]
        assert time == pytest.approx(below[0], abs=0.002) if len(below) else np.isnan(time)


def test_the_threshold_is_the_one_that_most_pictures_cross() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        entropy = rng.random((30, 4))

        def crossing(threshold: float, entropy: np.ndarray = entropy) -> int:
            return int(((entropy[:, 0] >= threshold) & (entropy[:, 1:].min(1) < threshold)).sum())

        best = max(crossing(t) for t in np.linspace(0, 1, 5001))
        assert crossing(choose_threshold(entropy)) >= best


@pytest.mark.parametrize("entropy", [np.ones((5, 3)), np.array([[0.1, 0.2], [0.3, 0.4]]), np.ones((5, 1))])
def test_no_threshold_where_no_entropy_falls(entropy: np.ndarray) -> None:
    assert np.isnan(choose_threshold(entropy))


def test_censored_pictures_are_counted_and_ranked_last() -> None:
    scores, labels, counts = data()
    reaction = compare_with_humans(scores, MS, labels, counts, threshold=0.5).reaction
    assert reaction is not None and not reaction.chosen and reaction.threshold == 0.5
    never = np.isnan(reaction.ms)
    entropy = scipy_entropy(softmax(scores), axis=2)
    assert (reaction.never, reaction.at_first) == (never.sum(), (entropy[:, 0] < 0.5).sum())
    assert 0 < reaction.never < 200 and 0 < reaction.at_first < 200
    assert (never == (entropy.min(1) >= 0.5)).all()
    human = scipy_entropy(counts, axis=1)
    assert reaction.decided.rho == pytest.approx(spearmanr(reaction.ms[~never], human[~never]).statistic)
    assert reaction.everything.rho == pytest.approx(spearmanr(np.where(never, 1e9, reaction.ms), human).statistic)
    assert (reaction.decided.pictures, reaction.everything.pictures) == (200 - reaction.never, 200)
    assert reaction.everything.rho > 0.2, "pictures that people disagree about take longer"


def test_one_readout_time_makes_no_reaction_time() -> None:
    scores, labels, counts = data()
    assert compare_with_humans(scores[:, :1], MS[:1], labels, counts, 0.5).reaction is None


def test_the_interval_covers_like_a_bootstrap() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=800)
    b = 0.5 * a + rng.normal(size=800)
    c = correlate(a, b)
    draws = [spearmanr(a[i], b[i]).statistic for i in rng.integers(0, 800, (1000, 800))]
    assert (c.low, c.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.01)


@pytest.mark.parametrize(("a", "b"), [([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]), ([1, 2, 3], [1, 2, 3]), ([], [])])
def test_what_has_no_correlation_is_nan(a: list[float], b: list[float]) -> None:
    c = correlate(np.array(a, float), np.array(b, float))
    assert np.isnan([c.rho, c.low, c.high, c.p]).all() and c.pictures == len(a)


def test_a_perfect_correlation() -> None:
    c = correlate(np.arange(10.0), np.arange(10.0) ** 3)
    assert (c.rho, c.low, c.high) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c: c[:-1], "there are 200 pictures"),
        (lambda c: c[:, :2], "there are 200 pictures"),
        (lambda c: np.roll(c, 1, axis=1), "in another order"),
        (lambda c: c[::-1], "in another order"),
        (lambda c: c - 1, "must be 0 or more"),
        (lambda c: np.where(np.arange(200)[:, None] == 7, 0, c), "every picture must have some"),
        (lambda c: np.where(np.arange(200)[:, None] == 7, np.nan, c), "must be 0 or more"),
    ],
)
def test_counts_that_do_not_fit_are_refused(change: object, why: str) -> None:
    _, labels, counts = data()
    path = Path("counts.npy")
    assert check_counts(counts, labels, path).dtype == np.float64
    with pytest.raises(DataError, match=f"counts.npy: .*{why}"):
        check_counts(change(counts), labels, path)  # type: ignore[operator]


def test_no_data_set_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENTRALRNN_DATA", str(tmp_path))
    assert humans.read_counts(np.zeros(3, int)) is None


def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENTRALRNN_DATA", str(tmp_path))
    file = tmp_path / humans.DATA_SET / humans.FILE
    file.parent.mkdir()
    file.write_bytes(b"no counts")
    with pytest.raises(DataError, match="not the file it should be"):
        humans.read_counts(np.zeros(3, int))


def test_the_real_counts_go_with_the_real_labels() -> None:
    if cache.find(humans.DATA_SET) is None or cache.find("cifar10") is None:
        pytest.skip("needs the data sets cifar10 and peterson2019 in $VENTRALRNN_DATA")
    _, labels = read_cifar10(cache.folder("cifar10"), "test")
    counts = humans.read_counts(labels.astype(np.int64))
    assert counts is not None and counts.shape == (10000, 10)
    assert counts.sum(1).min() >= 47
    assert (counts.argmax(1) == labels).mean() > 0.98
