"""Ridge regression with a penalty for every target, all from one decomposition of the features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import A, to_kind, to_tensor
from ventralrnn.analysis.encoding.crossvalidation import Folds, check_folds
from ventralrnn.analysis.rowspace import FeatureSpace, Split
from ventralrnn.errors import AnalysisError

# In units of the mean squared length of the training stimuli's features.
RELATIVE_PENALTIES = tuple(float(p) for p in np.logspace(-5, 2, 8))

# Values of a block of targets that is held at once.
_BLOCK_VALUES = 1 << 24


@dataclass(frozen=True)
class RidgeFit(Generic[A]):
    """What a ridge regression found.

    Attributes
    ----------
    weights : array, (feature, target)
        Of features less `feature_means`.
    feature_means : array, (feature,)
        Mean of the training stimuli.
    intercept : array, (target,)
        Mean response to the training stimuli.
    penalty : array, (target,)
        The one of least error on stimuli that were left out.
    errors : array, (penalty, target)
        Mean squared error on stimuli that were left out.
    """

    weights: A
    feature_means: A
    intercept: A
    penalty: A
    errors: A

    def predict(self, features: A) -> A:
        """Return predicted responses (stimulus, target) to other stimuli."""
        rows = to_tensor(features, "features", ndim=2).double()
        weights, means, intercept = (to_tensor(p, "fit") for p in (self.weights, self.feature_means, self.intercept))
        return to_kind((rows - means) @ weights + intercept, features)


def fit_ridge(
    features: A,
    responses: A,
    penalties: Sequence[float] | np.ndarray | None = None,
    *,
    folds: int | Folds | None = 5,
    seed: int = 0,
) -> RidgeFit[A]:
    """Fit a ridge regression whose penalty is chosen for every target by cross-validation.

    Parameters
    ----------
    features : numpy.ndarray or torch.Tensor, (stimulus, feature)
        Of the training stimuli.
    responses : numpy.ndarray or torch.Tensor, (stimulus, target)
        Responses to the same stimuli; several time bins go side by side.
    penalties : sequence of float, optional
        As scikit-learn's ``alpha``. By default eight that grow tenfold each, from 1e-5 to 100 times the mean squared
        length of a stimulus's centred features, so that they suit features of any number and scale.
    folds : int, list of (train, test), or None
        How the penalty is chosen: folds that test every stimulus once. None leaves out one stimulus at a time.
    seed : int
        For a number of folds.

    Returns
    -------
    RidgeFit
        Equal to ``sklearn.linear_model.Ridge`` with that penalty.

    Raises
    ------
    AnalysisError
        If a penalty is not positive, values are NaN, or there are too few stimuli.

    Notes
    -----
    With the hat matrix H of the fit to all stimuli, the errors on a left-out set b of a fit to the others are
    ``(I - H_bb)^-1 (y - H y)_b`` [1]_. So one decomposition serves all folds, penalties and targets, where other
    implementations decompose every fold anew and multiply by a matrix for every penalty.

    References
    ----------
    .. [1] Allen, The relationship between variable selection and data augmentation and a method for prediction,
       Technometrics 16 (1974); for sets of stimuli: Cook & Weisberg, Residuals and influence in regression (1982).
    """
    given = to_tensor(features, "features", ndim=2)
    targets = to_tensor(responses, "responses", ndim=2).double()
    if len(targets) != len(given):
        raise AnalysisError(f"responses: {len(targets)} stimuli for features of {len(given)}")
    rows = np.arange(len(given))
    space = FeatureSpace(given)
    split = space.split(rows, rows[:0])
    inner = None if folds is None else check_folds(folds, len(given), seed)
    grid = penalty_grid(split, penalties)
    errors = left_out_errors(split, targets, grid, inner)
    penalty = grid[errors.argmin(0)]
    weights = space.weights(rows, split, ridge_coefficients(split, targets, penalty))
    means = given.double().mean(0)
    return RidgeFit(*(to_kind(part, features) for part in (weights, means, targets.mean(0), penalty, errors)))


def predict_ridge(
    split: Split, responses: Tensor, penalties: Sequence[float] | np.ndarray | None, folds: Folds | None
) -> tuple[Tensor, Tensor]:
    """Return responses to test stimuli as a ridge regression on training stimuli predicts them.

    Parameters
    ----------
    split : Split
        Features of training and test stimuli.
    responses : torch.Tensor of float64, (training stimulus, target)
        Not centred.
    penalties, folds
        As in :func:`fit_ridge`; positions among the training stimuli.

    Returns
    -------
    tuple of torch.Tensor, (test stimulus, target) and (target,)
        Predictions, and the penalty of each target.
    """
    grid = penalty_grid(split, penalties)
    penalty = grid[left_out_errors(split, responses, grid, folds).argmin(0)]
    return split.test @ ridge_coefficients(split, responses, penalty) + responses.mean(0), penalty


def penalty_grid(split: Split, penalties: Sequence[float] | np.ndarray | None) -> Tensor:
    """Return the penalties to try, those that are given or some that suit the features."""
    if penalties is None:
        scale = (split.lengths.square().sum() / len(split.left)).clamp(min=torch.finfo(torch.float64).tiny)
        return torch.tensor(RELATIVE_PENALTIES, dtype=torch.float64, device=scale.device) * scale
    grid = torch.as_tensor(np.atleast_1d(np.asarray(penalties, float)), device=split.lengths.device)
    if grid.ndim != 1 or not len(grid) or not bool((grid > 0).all()) or not bool(grid.isfinite().all()):
        raise AnalysisError("penalties: give positive numbers")
    return grid


def ridge_coefficients(split: Split, responses: Tensor, penalty: Tensor) -> Tensor:
    """Return the weights (dimension, target) of the dimensions of a split, each target with its penalty (target,)."""
    shrunk = split.lengths[:, None] / (split.lengths.square()[:, None] + penalty)
    return shrunk * (split.left.mT @ (responses - responses.mean(0)))


def left_out_errors(split: Split, responses: Tensor, penalties: Tensor, folds: Folds | None) -> Tensor:
    """Return the mean squared error on stimuli that are left out in turn.

    Parameters
    ----------
    split : Split
        Features of the stimuli.
    responses : torch.Tensor of float64, (stimulus, target)
        Responses.
    penalties : torch.Tensor, (penalty,)
        To try.
    folds : list of (train, test) or None
        Test stimuli are left out together; every stimulus has to be tested once. None: one at a time.

    Returns
    -------
    torch.Tensor, (penalty, target)
        As fits without the tested stimuli predict them.

    Raises
    ------
    AnalysisError
        If the folds are not a partition.
    """
    count, targets = responses.shape
    groups = None if folds is None else _partition(folds, count)
    errors = torch.empty(len(penalties), targets, dtype=torch.float64, device=responses.device)
    # Features that span all that is centred leave no residue; subtracting it from one would only add rounding.
    full = split.left.shape[1] >= count - 1
    for start in range(0, targets, max(1, _BLOCK_VALUES // count)):
        columns = slice(start, start + max(1, _BLOCK_VALUES // count))
        known = responses[:, columns] - responses[:, columns].mean(0)
        inside = split.left.mT @ known
        residue = None if full else known - split.left @ inside
        for row, penalty in enumerate(penalties):
            kept = penalty / (split.lengths.square() + penalty)
            fitted = split.left @ (kept[:, None] * inside)
            remaining = fitted if residue is None else fitted + residue
            errors[row, columns] = _errors_of_groups(split.left, kept, remaining, groups, full).square().mean(0)
    return errors


def _errors_of_groups(left: Tensor, kept: Tensor, remaining: Tensor, groups: list[Tensor] | None, full: bool) -> Tensor:
    """Return errors on left-out stimuli from the residuals (stimulus, target) of the fit to all."""
    count = len(left)
    weight = kept if full else kept - 1
    if groups is None:
        own = (left.square() * weight).sum(1) + (0 if full else 1 - 1 / count)
        return remaining / own[:, None]
    result = torch.empty_like(remaining)
    for group in groups:
        own = (left[group] * weight) @ left[group].mT
        if not full:
            own += torch.eye(len(group), dtype=own.dtype, device=own.device) - 1 / count
        result[group] = torch.linalg.solve(own, remaining[group])
    return result


def _partition(folds: Folds, count: int) -> list[Tensor]:
    tested = np.sort(np.concatenate([test for _, test in folds]))
    if not np.array_equal(tested, np.arange(count)) or any(len(train) + len(test) != count for train, test in folds):
        raise AnalysisError("folds: to choose a penalty, test every stimulus once and train on all others")
    return [torch.as_tensor(test) for _, test in folds]
