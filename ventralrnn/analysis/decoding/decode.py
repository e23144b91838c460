"""Decoding: which category a state tells, at every time, and whether what tells it at one time does at another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.analysis.decoding.categories import (
    balanced,
    balanced_interval,
    number_categories,
    shuffle,
    stratified_folds,
)
from ventralrnn.analysis.decoding.classifiers import LinearClassifier, check_classifier, fit
from ventralrnn.analysis.encoding.crossvalidation import Folds
from ventralrnn.analysis.reading import Features, State, StateGrid
from ventralrnn.analysis.results import attributes_of, provenance
from ventralrnn.analysis.rowspace import FeatureSpace
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError


@checked(AnalysisError)
def decode(
    features: Features,
    labels: Sequence[object] | np.ndarray | str = "label",
    *,
    classifier: Any = "lda",
    areas: Sequence[str] | None = None,
    steps: str | int | Sequence[int] | None = None,
    generalise: bool = False,
    folds: int | Folds = 5,
    shrinkage: float | None = None,
    confidence: float = 0.95,
    bootstrap: int = 1000,
    permutations: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Decode categories from every state of a recording, cross-validated over stimuli.

    Parameters
    ----------
    features : mapping of str to xarray.DataArray, xarray.DataArray or numpy.ndarray
        A :class:`ventralrnn.recording.Recording`, of which one state at a time is read, or one array
        (stimulus, time, neuroid) or (stimulus, neuroid).
    labels : sequence, (stimulus,), or str
        Category of each stimulus, or the name of the coordinate that holds it. None and NaN are refused: leave such
        stimuli out.
    classifier : {'lda', 'logistic', 'svm'} or scikit-learn classifier
        Linear discriminant analysis with a shrunk covariance; scikit-learn's logistic regression or linear support
        vector machine, ``C=1``, categories weighted equally, and features divided by the root mean square length of
        the training stimuli; or any classifier of scikit-learn that is linear and does not depend on a rotation of the
        features, to which these go as they are.
    areas, steps : sequence, optional
        States to take. All by default.
    generalise : bool
        Also test the classifiers of each time at all other times of the area [1]_.
    folds : int or list of (train, test)
        Splits of the stimuli, the same for all states; a number is stratified by category.
    shrinkage : float, optional
        For LDA: share, above 0 and below 1, of the mean variance in the covariance. By default as Ledoit and Wolf
        estimate it for the training stimuli, categories disregarded [2]_.
    confidence : float
        Of the interval.
    bootstrap : int
        Samples of the stimuli for the interval; 0 for none.
    permutations : int
        Decode so often with categories shuffled among the stimuli, for the null distribution; only for the time trained
        at. LDAs of all permutations share one decomposition; other classifiers are fitted anew to each, which takes as
        many times as long.
    seed : int
        Of folds, bootstrap and permutations.

    Returns
    -------
    xarray.Dataset
        ``accuracy`` (area, time), balanced: the mean over categories of the share of test stimuli that is decoded.
        With `generalise` (area, time, time_other), trained at time, tested at time_other. ``lower`` and ``upper``: the
        interval for other stimuli, classifiers as they are: percentiles over samples of stimuli within categories, or
        Wilson's interval where that reaches farther, as it does where all stimuli are right. ``chance``: one divided by
        the number of categories. With permutations ``p_value`` (area, time), one-sided, and ``null``
        (permutation, area, time). NaN where a state does not exist.

    Raises
    ------
    AnalysisError
        If a category has fewer stimuli than there are folds, there is but one category, or a name is unknown.

    Notes
    -----
    Features are centred with the training stimuli's mean and rotated into their row space, which for the classifiers
    that are allowed changes nothing but the time it takes.

    The LDA is ``w ~ (S_w + p I)^-1 m`` with the covariance within categories S_w, a penalty p, and equal priors. By the
    Woodbury identity it follows from a ridge regression on the categories [3]_, whose decomposition all permutations
    share.

    Samples of stimuli that are all right, or all wrong, are all the same. Wilson's interval [4]_ knows that others may
    not be: with 20 stimuli right out of 20 it begins at 0.84. For n_k stimuli of K categories it is that of
    ``K**2 / sum(1 / n_k)`` stimuli, which for equal categories is their number. It is for stimuli that are right
    independently of each other; classifiers of a few stimuli that share their training set are not quite.

    References
    ----------
    .. [1] King & Dehaene, Characterizing the dynamics of mental representations: the temporal generalization method,
       Trends in Cognitive Sciences 18 (2014).
    .. [2] Ledoit & Wolf, A well-conditioned estimator for large-dimensional covariance matrices, Journal of
       Multivariate Analysis 88 (2004).
    .. [3] Hastie, Buja & Tibshirani, Penalized discriminant analysis, Annals of Statistics 23 (1995).
    .. [4] Wilson, Probable inference, the law of succession, and statistical inference, Journal of the American
       Statistical Association 22 (1927).

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.analysis import decode
    >>> labels = np.repeat(["cat", "dog"], 10)
    >>> states = np.random.default_rng(0).normal(size=(20, 2, 5))
    >>> states[10:, 1] += 5  # categories differ at the second step only
    >>> result = decode(xr.DataArray(states, dims=("stimulus", "time", "neuroid")), labels, folds=5)
    >>> float(result.accuracy.squeeze()[1]), float(result.chance)
    (1.0, 0.5)
    """
    grid = StateGrid(features, areas, steps)
    names, codes = _labelled(grid, labels)
    splits = stratified_folds(folds, names, codes, seed)
    model = check_classifier(classifier, shrinkage)
    if permutations and generalise:
        raise AnalysisError("permutations: these go not with generalise=True: test the times trained at without it")
    if permutations < 0 or bootstrap < 0:
        raise AnalysisError(f"bootstrap, permutations: give 0 for none, not {min(bootstrap, permutations)}")
    if generalise:
        correct = _generalised(grid, codes, splits, model, shrinkage)
        shuffled = None
    else:
        correct, shuffled = _time_course(grid, codes, splits, model, shrinkage, permutations, seed)
    dims = ("area", "time", "time_other")[: correct.ndim - 1]
    accuracy, ends = balanced_interval(correct, codes, confidence, bootstrap, seed)
    result = xr.Dataset(
        {
            "accuracy": (dims, accuracy),
            **{name: (dims, end) for name, end in zip(("lower", "upper"), ends, strict=False)},
            "chance": 1 / len(names),
        },
        _coords(grid, generalise),
        provenance(
            attributes_of(features),
            analysis="decoding",
            classifier=classifier if isinstance(classifier, str) else repr(classifier),
            folds=len(splits),
            confidence=confidence,
            categories=[str(name) for name in names],
        ),
    )
    if shuffled is not None:
        result["null"] = (("permutation", *dims), shuffled)
        beyond = (shuffled >= accuracy - np.finfo(np.float32).eps).sum(0)  # ties count
        result["p_value"] = (dims, np.where(np.isnan(accuracy), np.nan, (beyond + 1) / (permutations + 1)))
    return result


def _time_course(
    grid: StateGrid,
    codes: np.ndarray,
    splits: Folds,
    model: Any,
    shrinkage: float | None,
    permutations: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return how often each stimulus was decoded (area, time, stimulus), and accuracies of shuffled categories."""
    correct = np.full((*grid.shape, grid.stimuli), np.nan)
    shuffled = np.full((permutations, *grid.shape), np.nan) if permutations else None
    rng = np.random.default_rng(seed)
    # Within folds, whose test stimuli keep their balance.
    assignments = np.stack([codes, *(shuffle(codes, splits, rng) for _ in range(permutations))])
    for state in grid.states():
        space = _space(grid, state)
        if space is None:
            continue
        hits, tests = np.zeros(assignments.shape), np.zeros(grid.stimuli)
        for train, test in splits:
            split = space.split(train, test)
            fitted = fit(split, assignments[:, train], model, shrinkage, space.features.shape[1])
            decided = (split.test @ fitted.weights + fitted.offsets[:, None]).argmax(-1).numpy()
            hits[:, test] += decided == assignments[:, test]
            tests[test] += 1
        shares = hits / np.where(tests, tests, np.nan)
        correct[state.row, state.column] = shares[0]
        if shuffled is not None:
            for i, assigned in enumerate(assignments[1:]):
                shuffled[i, state.row, state.column] = balanced(shares[i + 1], assigned)
    return correct, shuffled


def _generalised(grid: StateGrid, codes: np.ndarray, splits: Folds, model: Any, shrinkage: float | None) -> np.ndarray:
    """Return how often each stimulus was decoded (area, time trained, time tested, stimulus)."""
    areas, times = grid.shape
    correct = np.full((areas, times, times, grid.stimuli), np.nan)
    tests = np.bincount(np.concatenate([test for _, test in splits]), minlength=grid.stimuli)
    tested = np.where(tests, tests, np.nan)
    for row in range(areas):
        states = [state for state in grid.states() if state.row == row]
        # First all classifiers, which are small, then each state once more to test them all.
        fitted: dict[int, list[tuple[LinearClassifier, Tensor]]] = {}
        for state in states:
            space = _space(grid, state)
            if space is not None:
                fitted[state.column] = [_feature_weights(space, codes, *s, model, shrinkage) for s in splits]
        for state in states:
            if state.column not in fitted:
                continue
            values = to_tensor(grid.read(state), state.area, finite=False).double()
            for trained, classifiers in fitted.items():
                hits = np.zeros(grid.stimuli)
                for (classifier, mean), (_, test) in zip(classifiers, splits, strict=True):
                    decisions = (values[torch.as_tensor(test)] - mean) @ classifier.weights + classifier.offsets
                    hits[test] += decisions.argmax(-1).numpy() == codes[test]
                correct[row, trained, state.column] = hits / tested
    return correct


def _feature_weights(
    space: FeatureSpace, codes: np.ndarray, train: np.ndarray, test: np.ndarray, model: Any, shrinkage: float | None
) -> tuple[LinearClassifier, Tensor]:
    """Return a classifier of features rather than of dimensions of their row space, and their mean."""
    split = space.split(train, test)
    fitted = fit(split, codes[None, train], model, shrinkage, space.features.shape[1])
    weights = space.weights(train, split, fitted.weights[0])
    mean = space.features[torch.as_tensor(train)].double().mean(0)
    return LinearClassifier(weights, fitted.offsets[0]), mean


def _labelled(grid: StateGrid, labels: Sequence[object] | np.ndarray | str) -> tuple[np.ndarray, np.ndarray]:
    found = grid.label(labels) if isinstance(labels, str) else labels
    if found is None:
        raise AnalysisError(f"labels: stimuli have no coordinate {labels!r}; give a category for each")
    return number_categories(found, grid.stimuli)


def _space(grid: StateGrid, state: State) -> FeatureSpace | None:
    values = grid.read(state)
    return None if values is None else FeatureSpace(to_tensor(values, state.area, finite=False))


def _coords(grid: StateGrid, generalise: bool) -> dict[str, Any]:
    coords = grid.coords()
    if generalise:
        other = grid.coords("_other")
        coords["time_step_other"] = other["time_step_other"]
        if "time_ms_other" in other:
            coords["time_ms_other"] = (("area", "time_other"), other["time_ms_other"][1])
    return coords
