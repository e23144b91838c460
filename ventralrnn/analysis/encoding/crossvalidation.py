"""Which stimuli train and which test: one split for all states."""

from collections.abc import Sequence

import numpy as np

from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

Folds = list[tuple[np.ndarray, np.ndarray]]


@checked(AnalysisError)
def make_folds(
    stimuli: int,
    folds: int = 5,
    *,
    labels: Sequence[object] | np.ndarray | None = None,
    groups: Sequence[object] | np.ndarray | None = None,
    test_share: float | None = None,
    seed: int = 0,
) -> Folds:
    """Split stimuli into training and test stimuli, several times.

    Parameters
    ----------
    stimuli : int
        Number of stimuli.
    folds : int
        Number of splits.
    labels : sequence, (stimulus,), optional
        Categories; every fold holds each in the proportion of the whole.
    groups : sequence, (stimulus,), optional
        Stimuli of one group, such as views of one object, are never both in training and in test.
    test_share : float, optional
        If given, every split draws this share of the stimuli anew for testing, so that a stimulus may be tested
        several times or never. 0.1 with ten folds, ``seed=1`` and labels is how Brain-Score splits. By default every
        stimulus is tested once.
    seed : int
        Of the shuffle.

    Returns
    -------
    list of (numpy.ndarray of int, numpy.ndarray of int)
        Training and test stimuli of every split, as positions in rising order.

    Raises
    ------
    AnalysisError
        If there are fewer stimuli, groups or members of a category than folds.
    """
    from sklearn import model_selection as sklearn

    kinds = np.zeros(stimuli, int) if labels is None else _codes(labels, stimuli, "labels")
    clusters = np.arange(stimuli) if groups is None else _codes(groups, stimuli, "groups")
    if folds < 2 and test_share is None:
        raise AnalysisError(f"folds: give at least two, not {folds}")
    if test_share is not None:
        return _shuffled(stimuli, folds, test_share, None if labels is None else kinds, clusters, groups, seed)
    if len(np.unique(clusters)) < folds:
        raise AnalysisError(f"folds: {folds} are more than the {len(np.unique(clusters))} stimuli or groups")
    fewest = int(np.bincount(kinds).min())
    if labels is not None and fewest < folds:
        raise AnalysisError(f"folds: {folds} are more than the {fewest} stimuli of the smallest category; take fewer")
    if groups is not None:
        # It takes groups of equal make-up in the order of their numbers, whatever its own shuffle does.
        renamed = np.random.default_rng(seed).permutation(clusters.max() + 1)[clusters]
        splitter = sklearn.StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        drawn = splitter.split(np.zeros(stimuli), kinds, renamed)
    elif labels is not None:
        drawn = sklearn.StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(stimuli), kinds)
    else:
        drawn = sklearn.KFold(folds, shuffle=True, random_state=seed).split(np.zeros(stimuli))
    return [(np.sort(train), np.sort(test)) for train, test in drawn]


def _shuffled(
    stimuli: int,
    folds: int,
    share: float,
    kinds: np.ndarray | None,
    clusters: np.ndarray,
    groups: Sequence[object] | np.ndarray | None,
    seed: int,
) -> Folds:
    from sklearn import model_selection as sklearn

    if not 0 < share < 1:
        raise AnalysisError(f"test_share: give a share between 0 and 1, not {share}")
    if kinds is not None and groups is not None:
        raise AnalysisError("test_share: shuffled splits keep either labels or groups, not both")
    # As Brain-Score asks for it: a share to train on, the rest to test, which rounds otherwise.
    settings = {"n_splits": folds, "train_size": 1 - share, "random_state": seed}
    try:
        if groups is not None:
            drawn = sklearn.GroupShuffleSplit(**settings).split(np.zeros(stimuli), groups=clusters)
        elif kinds is not None:
            drawn = sklearn.StratifiedShuffleSplit(**settings).split(np.zeros(stimuli), kinds)
        else:
            drawn = sklearn.ShuffleSplit(**settings).split(np.zeros(stimuli))
        return [(np.sort(train), np.sort(test)) for train, test in drawn]
    except ValueError as error:
        raise AnalysisError(f"test_share: {share} of {stimuli} stimuli cannot be split ({error})") from error


def check_folds(folds: int | Folds, stimuli: int, seed: int, labels: np.ndarray | None = None) -> Folds:
    """Return splits, made where a number is given and checked where they are.

    Parameters
    ----------
    folds : int or list of (train, test)
        Number of folds, or positions of training and test stimuli.
    stimuli : int
        Number of stimuli.
    seed : int
        For a number of folds.
    labels : numpy.ndarray, (stimulus,), optional
        Categories, for a number of folds.

    Returns
    -------
    list of (numpy.ndarray of int, numpy.ndarray of int)
        The splits.

    Raises
    ------
    AnalysisError
        If a stimulus is used for both, or is not there.
    """
    if isinstance(folds, int | np.integer):
        return make_folds(stimuli, int(folds), labels=labels, seed=seed)
    checked = [(np.asarray(train, int), np.asarray(test, int)) for train, test in folds]
    if not checked:
        raise AnalysisError("folds: give at least one split")
    for train, test in checked:
        used = np.concatenate([train, test])
        if not len(train) or not len(test) or used.min() < 0 or used.max() >= stimuli:
            raise AnalysisError(f"folds: every split needs training and test stimuli out of 0 to {stimuli - 1}")
        if set(train.tolist()) & set(test.tolist()):
            raise AnalysisError("folds: a stimulus is in training and in test of one split")
    return checked


def _codes(values: Sequence[object] | np.ndarray, stimuli: int, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != (stimuli,):
        raise AnalysisError(f"{name}: give one for each of {stimuli} stimuli, not shape {array.shape}")
    return np.unique(array, return_inverse=True)[1].ravel()
