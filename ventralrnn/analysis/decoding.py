"""Decoding: which category a state tells, at every time, and whether what tells it at one time does at another."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.analysis.encoding.crossvalidation import Folds, check_folds
from ventralrnn.analysis.reading import Features, State, StateGrid
from ventralrnn.analysis.results import provenance
from ventralrnn.analysis.rowspace import FeatureSpace, Split
from ventralrnn.errors import AnalysisError

_NAMED = ("lda", "logistic", "svm")


class _Scaled(NamedTuple):
    """A classifier of scikit-learn that sees features at the scale that suits its default penalty."""

    classifier: Any


class LinearClassifier(NamedTuple):
    """Decision values are centred features times `weights` (feature or dimension, category) plus `offsets`."""

    weights: Tensor
    offsets: Tensor


def decode(
    features: Features,
    labels: Sequence[object] | np.ndarray | str = "label",
    *,
    classifier: Any = "lda",
    areas: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
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
        Category of each stimulus, or the name of the coordinate that holds it.
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
        Samples of the stimuli for the interval.
    permutations : int
        Decode so often with categories shuffled among the stimuli, for the null distribution. LDA only, and only for
        the time trained at.
    seed : int
        Of folds, bootstrap and permutations.

    Returns
    -------
    xarray.Dataset
        ``accuracy`` (area, time), balanced: the mean over categories of the share of test stimuli that is decoded.
        With `generalise` (area, time, time_other), trained at time, tested at time_other. ``lower`` and ``upper``: the
        percentile interval over samples of stimuli within categories, classifiers as they are. ``chance``: one divided
        by the number of categories. With permutations ``p_value`` (area, time), one-sided, and ``null``
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

    References
    ----------
    .. [1] King & Dehaene, Characterizing the dynamics of mental representations: the temporal generalization method,
       Trends in Cognitive Sciences 18 (2014).
    .. [2] Ledoit & Wolf, A well-conditioned estimator for large-dimensional covariance matrices, Journal of
       Multivariate Analysis 88 (2004).
    .. [3] Hastie, Buja & Tibshirani, Penalized discriminant analysis, Annals of Statistics 23 (1995).

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
    names, codes = _categories(grid, labels)
    splits = _stratified(folds, names, codes, seed)
    model = _check_classifier(classifier, shrinkage)
    if permutations and (model is not None or generalise):
        raise AnalysisError("permutations: these are for classifier='lda' without generalise")
    if generalise:
        correct = _generalised(grid, codes, splits, model, shrinkage)
        shuffled = None
    else:
        correct, shuffled = _time_course(grid, codes, splits, model, shrinkage, permutations, seed)
    dims = ("area", "time", "time_other")[: correct.ndim - 1]
    accuracy, lower, upper = _interval(correct, codes, confidence, bootstrap, seed)
    result = xr.Dataset(
        {"accuracy": (dims, accuracy), "lower": (dims, lower), "upper": (dims, upper), "chance": 1 / len(names)},
        _coords(grid, generalise),
        provenance(
            getattr(features, "attrs", None),
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


def fit_lda(split: Split, indicator: Tensor, penalty: Tensor) -> LinearClassifier:
    """Fit linear discriminant analyses with equal priors, for several assignments of the stimuli at once.

    Parameters
    ----------
    split : Split
        Features of the training stimuli.
    indicator : torch.Tensor of float64, (assignment, training stimulus, category)
        One where a stimulus is of the category, else zero; no category is empty.
    penalty : torch.Tensor, ()
        Positive; is added to the diagonal of the covariance within categories (divided by the number of stimuli).

    Returns
    -------
    LinearClassifier
        Weights (assignment, dimension, category) of the dimensions of the split.
    """
    count = indicator.shape[1]
    sizes = indicator.sum(1)
    squares = split.lengths.square()
    inside = split.left.mT @ indicator
    # With total covariance T + p I and category means M: T^-1 M' and M T^-1 M', both times the number of stimuli.
    ridge = (split.lengths / (squares + count * penalty))[:, None] * inside / sizes[:, None]
    means = split.lengths[:, None] * inside / sizes[:, None]
    between = means.mT @ ridge
    # From the total covariance to that within categories.
    eye = torch.eye(sizes.shape[1], dtype=sizes.dtype, device=sizes.device)
    inverse = torch.linalg.inv(eye - sizes[..., None] * between)
    weights = count * ridge @ inverse
    offsets = -0.5 * (means * weights).sum(1)
    return LinearClassifier(weights, offsets)


def shrinkage_penalty(split: Split, features: int, shrinkage: float | None = None) -> Tensor:
    """Return what shrinking a covariance adds to its diagonal, in units of what is kept of it.

    Parameters
    ----------
    split : Split
        Features of the training stimuli.
    features : int
        Their number.
    shrinkage : float, optional
        Share of the mean variance. By default Ledoit and Wolf's estimate.

    Returns
    -------
    torch.Tensor, ()
        ``shrinkage / (1 - shrinkage)`` times the mean variance.
    """
    count = len(split.left)
    variances = split.lengths.square() / count
    mean = variances.sum() / features
    if shrinkage is None:
        # Ledoit & Wolf (2004), section 3.2, all from the lengths of stimuli and of principal components.
        fourth = (split.left * split.lengths).square().sum(1).square().sum() / count
        squared = variances.square().sum()
        noise = ((fourth - squared) / count).clamp(min=0)
        spread = squared - features * mean.square()
        share = torch.where(spread > 0, noise / spread, 1).clamp(max=1)
    else:
        share = torch.as_tensor(shrinkage, dtype=mean.dtype, device=mean.device)
    # A covariance that is nothing but its mean still has to leave the means of categories something to differ by.
    kept = (1 - share).clamp(min=torch.finfo(mean.dtype).eps)
    return (share.clamp(min=torch.finfo(mean.dtype).eps) / kept * mean).clamp(min=torch.finfo(mean.dtype).tiny)


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
    assignments = np.stack([codes, *(_shuffle(codes, splits, rng) for _ in range(permutations))])
    for state in grid.states():
        space = _space(grid, state)
        if space is None:
            continue
        hits, tests = np.zeros(assignments.shape), np.zeros(grid.stimuli)
        for train, test in splits:
            split = space.split(train, test)
            fitted = _fit(split, assignments[:, train], model, shrinkage, space.features.shape[1])
            decided = (split.test @ fitted.weights + fitted.offsets[:, None]).argmax(-1).numpy()
            hits[:, test] += decided == assignments[:, test]
            tests[test] += 1
        shares = hits / np.where(tests, tests, np.nan)
        correct[state.row, state.column] = shares[0]
        if shuffled is not None:
            for i, assigned in enumerate(assignments[1:]):
                shuffled[i, state.row, state.column] = _balanced(shares[i + 1], assigned)
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
    fitted = _fit(split, codes[None, train], model, shrinkage, space.features.shape[1])
    weights = space.weights(train, split, fitted.weights[0])
    mean = space.features[torch.as_tensor(train)].double().mean(0)
    return LinearClassifier(weights, fitted.offsets[0]), mean


def _fit(split: Split, assignments: np.ndarray, model: Any, shrinkage: float | None, features: int) -> LinearClassifier:
    """Return classifiers (assignment, ...) of the dimensions of a split."""
    categories = int(assignments.max()) + 1
    if model is None:
        indicator = torch.from_numpy(np.eye(categories)[assignments]).to(split.left.device)
        return fit_lda(split, indicator, shrinkage_penalty(split, features, shrinkage))
    from sklearn.base import clone
    from sklearn.linear_model._base import LinearClassifierMixin

    rows = split.left * split.lengths
    scale = rows.square().sum(1).mean().sqrt() if isinstance(model, _Scaled) else 1.0
    found = clone(model.classifier if isinstance(model, _Scaled) else model).fit((rows / scale).numpy(), assignments[0])
    if not isinstance(found, LinearClassifierMixin):
        raise AnalysisError(f"classifier: {found!r} has no linear decision for each category; take a linear one")
    weights = torch.from_numpy(np.atleast_2d(found.coef_).T.copy()) / scale
    offsets = torch.from_numpy(np.atleast_1d(found.intercept_))
    if categories == 2:
        # One decision, positive for the second.
        weights, offsets = torch.cat([-weights, weights], 1), torch.cat([-offsets, offsets])
    return LinearClassifier(weights[None], offsets[None])


def _check_classifier(classifier: Any, shrinkage: float | None) -> Any:
    """Return a scikit-learn classifier, or None for the discriminant analysis."""
    if shrinkage is not None and classifier != "lda":
        raise AnalysisError("shrinkage: this is for classifier='lda'")
    if shrinkage is not None and not 0 < shrinkage < 1:
        raise AnalysisError(f"shrinkage: give a share above 0 and below 1, not {shrinkage}")
    if not isinstance(classifier, str):
        if not hasattr(classifier, "fit"):
            raise AnalysisError(f"classifier: {classifier!r} is none; take {', '.join(_NAMED)} or scikit-learn's")
        return classifier
    if classifier == "lda":
        return None
    if classifier == "logistic":
        from sklearn.linear_model import LogisticRegression

        return _Scaled(LogisticRegression(class_weight="balanced", max_iter=1000))
    if classifier == "svm":
        from sklearn.svm import LinearSVC

        return _Scaled(LinearSVC(class_weight="balanced", dual="auto", max_iter=10_000, random_state=0))
    raise AnalysisError(f"classifier: {classifier!r} is none; take {', '.join(_NAMED)} or scikit-learn's")


def _categories(grid: StateGrid, labels: Sequence[object] | np.ndarray | str) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(labels, str):
        found = grid.label(labels)
        if found is None:
            raise AnalysisError(f"labels: stimuli have no coordinate {labels!r}; give a category for each")
        labels = found
    values = np.asarray(labels)
    if values.shape != (grid.stimuli,):
        raise AnalysisError(f"labels: give one for each of {grid.stimuli} stimuli, not shape {values.shape}")
    names, codes = np.unique(values, return_inverse=True)
    if len(names) < 2:
        raise AnalysisError(f"labels: all stimuli are of the same category, {str(names[0])!r}")
    return names, codes.ravel()


def _stratified(folds: int | Folds, names: np.ndarray, codes: np.ndarray, seed: int) -> Folds:
    counts = np.bincount(codes)
    if isinstance(folds, int | np.integer) and counts.min() < folds:
        rare = names[counts.argmin()]
        raise AnalysisError(
            f"labels: category {str(rare)!r} has {counts.min()} stimuli, too few for {folds} folds; take fewer folds "
            "or leave it out"
        )
    splits = check_folds(folds, len(codes), seed, codes)
    for train, _ in splits:
        missing = np.flatnonzero(np.bincount(codes[train], minlength=len(names)) == 0)
        if len(missing):
            raise AnalysisError(f"folds: no training stimulus is of category {str(names[missing[0]])!r}")
    tested = np.unique(np.concatenate([test for _, test in splits]))
    untested = np.flatnonzero(np.bincount(codes[tested], minlength=len(names)) == 0)
    if len(untested):
        raise AnalysisError(f"folds: no test stimulus is of category {str(names[untested[0]])!r}")
    return splits


def _shuffle(codes: np.ndarray, splits: Folds, rng: np.random.Generator) -> np.ndarray:
    """Return categories shuffled, where every stimulus is tested once within each fold, so that all stay stratified."""
    tested = np.concatenate([test for _, test in splits])
    if len(np.unique(tested)) == len(tested) == len(codes):
        shuffled = codes.copy()
        for _, test in splits:
            shuffled[test] = rng.permutation(codes[test])
        return shuffled
    return rng.permutation(codes)


def _balanced(shares: np.ndarray, codes: np.ndarray) -> float:
    return float(np.mean([np.nanmean(shares[codes == code]) for code in range(codes.max() + 1)]))


def _interval(
    correct: np.ndarray, codes: np.ndarray, confidence: float, samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return balanced accuracies of states (..., stimulus) and the ends of their intervals."""
    if not 0 < confidence < 1 or samples < 1:
        raise AnalysisError(f"confidence: give a share between 0 and 1 and at least one sample, not {confidence}")
    rng = np.random.default_rng(seed)
    flat = correct.reshape(-1, len(codes))
    # Stimuli that no split tests count for nothing.
    tested = ~np.isnan(flat).all(0) if not np.isnan(flat).all() else np.ones(len(codes), bool)
    values = np.zeros((len(flat), samples + 1))
    for code in range(codes.max() + 1):
        member = np.flatnonzero((codes == code) & tested)
        drawn = rng.multinomial(len(member), np.full(len(member), 1 / len(member)), samples)
        # Whole numbers, so that equal accuracies are equal to the last digit.
        values += flat[:, member] @ np.concatenate([np.ones((1, len(member))), drawn]).T / len(member)
    values /= codes.max() + 1
    tail = 100 * (1 - confidence) / 2
    lower, upper = np.percentile(values[:, 1:], [tail, 100 - tail], axis=1)
    shape = correct.shape[:-1]
    return values[:, 0].reshape(shape), lower.reshape(shape), upper.reshape(shape)


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
