"""Splits of stimuli: a partition, stratified, grouped, or as Brain-Score draws them."""

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from ventralrnn.analysis.encoding import make_folds
from ventralrnn.errors import AnalysisError

LABELS = np.repeat(["face", "car", "tree"], [10, 20, 30])


@pytest.mark.parametrize("options", [{}, {"labels": LABELS}, {"groups": np.arange(60) // 3}])
def test_every_stimulus_is_tested_once(options: dict[str, Any]) -> None:
    folds = make_folds(60, 5, seed=3, **options)
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(60))
    for train, test in folds:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(60))
    again = make_folds(60, 5, seed=3, **options)
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(folds, again, strict=True))
    other = make_folds(60, 5, seed=4, **options)
    assert not all(np.array_equal(a, b) for (_, a), (_, b) in zip(folds, other, strict=True))


def test_categories_keep_their_share() -> None:
    for _, test in make_folds(60, 5, labels=LABELS):
        assert [np.sum(LABELS[test] == name) for name in ("face", "car", "tree")] == [2, 4, 6]


@pytest.mark.parametrize("share", [None, 0.25])
def test_groups_stay_together(share: float | None) -> None:
    groups = np.arange(60) // 4
    for train, test in make_folds(60, 5, groups=groups, test_share=share):
        assert not set(groups[train]) & set(groups[test])


def test_brain_score() -> None:
    peer = StratifiedShuffleSplit(10, train_size=0.9, random_state=1).split(np.zeros(60), LABELS)
    folds = make_folds(60, 10, labels=LABELS, test_share=0.1, seed=1)
    for (train, test), (its_train, its_test) in zip(folds, peer, strict=True):
        np.testing.assert_array_equal(train, np.sort(its_train))
        np.testing.assert_array_equal(test, np.sort(its_test))
    assert len(make_folds(60, 3, test_share=0.1)) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "folds: give at least two"),
        ({"folds": 61}, "folds: 61 are more than the 60 stimuli"),
        ({"folds": 11, "labels": LABELS}, "10 stimuli of the smallest category"),
        ({"folds": 5, "groups": np.arange(60) // 20}, "more than the 3 stimuli or groups"),
        ({"labels": LABELS[:3]}, "labels: give one for each of 60 stimuli"),
        ({"test_share": 1.5}, "test_share: give a share"),
        ({"test_share": 0.01, "labels": LABELS}, "test_share: 0.01 of 60 stimuli cannot be split"),
        ({"test_share": 0.1, "labels": LABELS, "groups": LABELS}, "test_share: shuffled splits keep either"),
    ],
)
def test_what_is_refused_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        make_folds(60, **options)
