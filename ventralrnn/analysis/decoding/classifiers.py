"""Linear classifiers of one state: discriminant analysis for many assignments at once, and scikit-learn's."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.rowspace import Split
from ventralrnn.errors import AnalysisError

_NAMED = ("lda", "logistic", "svm")


class _Scaled(NamedTuple):
    """A classifier of scikit-learn that sees features at the scale that suits its default penalty."""

    classifier: Any


class LinearClassifier(NamedTuple):
    """Decision values are centred features times `weights` (feature or dimension, category) plus `offsets`."""

    weights: Tensor
    offsets: Tensor


def fit(split: Split, assignments: np.ndarray, model: Any, shrinkage: float | None, features: int) -> LinearClassifier:
    """Fit a classifier to every assignment of categories to the training stimuli.

    Parameters
    ----------
    split : Split
        Features of the training stimuli.
    assignments : numpy.ndarray of int, (assignment, training stimulus)
        Categories, from 0.
    model : object
        What :func:`check_classifier` returns.
    shrinkage : float or None
        For the discriminant analysis, see :func:`shrinkage_penalty`.
    features : int
        Number of features of the stimuli.

    Returns
    -------
    LinearClassifier
        Weights (assignment, dimension, category) of the dimensions of the split.

    Raises
    ------
    AnalysisError
        If the classifier has no linear decision for each category.
    """
    categories = int(assignments.max()) + 1
    if model is None:
        indicator = torch.from_numpy(np.eye(categories)[assignments]).to(split.left.device)
        return fit_lda(split, indicator, shrinkage_penalty(split, features, shrinkage))
    rows = split.left * split.lengths
    scale = float(rows.square().sum(1).mean().sqrt()) if isinstance(model, _Scaled) else 1.0
    # Of training stimuli without any variance.
    scale = scale or 1.0
    each = [_fit_one(model, (rows / scale).numpy(), codes, categories) for codes in assignments]
    weights, offsets = (torch.from_numpy(np.stack(part)) for part in zip(*each, strict=True))
    return LinearClassifier(weights / scale, offsets)


def _fit_one(model: Any, rows: np.ndarray, codes: np.ndarray, categories: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (dimension, category) and offsets (category,) of a classifier of scikit-learn."""
    from sklearn.base import clone
    from sklearn.linear_model._base import LinearClassifierMixin

    found = clone(model.classifier if isinstance(model, _Scaled) else model).fit(rows, codes)
    if not isinstance(found, LinearClassifierMixin):
        raise AnalysisError(f"classifier: {found!r} has no linear decision for each category; take a linear one")
    weights, offsets = np.atleast_2d(found.coef_).T, np.atleast_1d(found.intercept_)
    if categories == 2:
        # One decision, positive for the second.
        return np.concatenate([-weights, weights], 1), np.concatenate([-offsets, offsets])
    return weights, offsets


def check_classifier(classifier: Any, shrinkage: float | None) -> Any:
    """Return what :func:`fit` takes as a model: None for the discriminant analysis, or one of scikit-learn.

    Parameters
    ----------
    classifier : str or scikit-learn classifier
        As :func:`decode` takes it.
    shrinkage : float or None
        As :func:`decode` takes it.

    Raises
    ------
    AnalysisError
        If it is no classifier, or the shrinkage does not go with it.
    """
    if shrinkage is not None and not (isinstance(classifier, str) and classifier == "lda"):
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
