"""Ridge regression of more rows than fit into memory: features are read block by block."""

from collections.abc import Sequence

import numpy as np
import torch

from ventralrnn.analysis.encoding.streamed import ReadRows, Rows, moments
from ventralrnn.errors import AnalysisError


def predict_ridge_streamed(
    read: ReadRows, responses: np.ndarray, tests: Sequence[np.ndarray], penalty: float
) -> list[np.ndarray]:
    """Return responses that ridge regressions predict for the rows that each of them has not seen.

    Parameters
    ----------
    read : callable
        Positions of rows, ascending -> their features (row, feature), as float32 or float64.
    responses : numpy.ndarray, (row, neuroid)
        To all rows.
    tests : sequence of numpy.ndarray of int
        For every split the rows to predict; all others are fitted to.
    penalty : float
        On squared weights, above 0.

    Returns
    -------
    list of numpy.ndarray of float64, (test row, neuroid)
        For every split, equal to what ``sklearn.linear_model.Ridge(penalty)`` predicts, to rounding.

    Raises
    ------
    AnalysisError
        If values are not finite, or the penalty is not above 0.

    Notes
    -----
    One pass over all features forms their products with each other and with the responses; each split takes those of
    its test rows from them. Memory is one block of features and a few matrices (feature, feature), whatever the number
    of rows.
    """
    if not penalty > 0:
        raise AnalysisError(f"penalty {penalty}: give one above 0")
    targets = torch.from_numpy(np.ascontiguousarray(responses, dtype=np.float64))
    if not targets.isfinite().all():
        raise AnalysisError("responses: values that are not finite")
    rows = Rows(read, len(targets), read(np.arange(1)).shape[1])
    trained = torch.ones(len(tests), rows.count, dtype=torch.float64)
    for one, test in zip(trained, tests, strict=True):
        one[torch.from_numpy(test)] = 0
    everything = _products(rows)
    predicted = []
    for split, test in enumerate(tests):
        mask = trained[split : split + 1]
        count = mask.sum()
        target_mean = (mask @ targets)[0] / count
        sums, products = moments(rows, targets, mask, [test])
        mean, covariance = sums[0] / count, products[0]
        covariance -= count * torch.outer(mean, target_mean)
        square = everything - _products(rows, np.sort(test))
        square -= count * torch.outer(mean, mean)
        square.diagonal().add_(penalty)
        weights = torch.cholesky_solve(covariance, torch.linalg.cholesky(square))
        order = np.argsort(test, kind="stable")
        found = np.empty((len(test), targets.shape[1]))
        done = 0
        for chosen, block in rows.blocks(test[order]):
            found[order[done : done + len(chosen)]] = ((block - mean) @ weights + target_mean).numpy()
            done += len(chosen)
        predicted.append(found)
    return predicted


def _products(rows: Rows, of: np.ndarray | None = None) -> torch.Tensor:
    """Return products of features with features, summed over rows."""
    total = torch.zeros(rows.features, rows.features, dtype=torch.float64)
    for _, block in rows.blocks(of):
        total.addmm_(block.mT, block)
    return total
