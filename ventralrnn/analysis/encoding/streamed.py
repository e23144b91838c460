"""Partial least squares of more rows than fit into memory: features are read block by block."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.encoding.pls import COMPONENTS, nipals
from ventralrnn.errors import AnalysisError

# Values of a block of features, which is converted to float64.
_BLOCK_VALUES = 1 << 21
# Values of what the fits of splits hold at a time, of which there are a few copies.
_FIT_VALUES = 1 << 24

ReadRows = Callable[[np.ndarray], np.ndarray]


def predict_pls_streamed(
    read: ReadRows,
    responses: np.ndarray,
    tests: Sequence[np.ndarray],
    components: int = COMPONENTS,
) -> list[np.ndarray]:
    """Return responses that PLS regressions predict for the rows that each of them has not seen.

    Parameters
    ----------
    read : callable
        Positions of rows, ascending -> their features (row, feature), as float32 or float64.
    responses : numpy.ndarray, (row, neuroid)
        To all rows.
    tests : sequence of numpy.ndarray of int
        For every split the rows to predict; all others are fitted to.
    components : int
        Number of components.

    Returns
    -------
    list of numpy.ndarray of float64, (test row, neuroid)
        For every split, equal to what ``sklearn.cross_decomposition.PLSRegression(components, scale=False)`` predicts,
        to rounding.

    Raises
    ------
    AnalysisError
        If there are fewer rows or features than components, or values are not finite.

    Notes
    -----
    As :func:`ventralrnn.analysis.encoding.fit_pls`, but neither products of features with features nor of rows with
    rows are formed: each component takes one more pass over the features, all splits at once, in memory of one block
    of them and of the covariance of features and responses.
    """
    targets = torch.from_numpy(np.ascontiguousarray(responses, dtype=np.float64))
    if not targets.isfinite().all():
        raise AnalysisError("responses: values that are not finite")
    count, neuroids = targets.shape
    features = read(np.arange(1)).shape[1]
    fewest = count - max((len(test) for test in tests), default=0)
    if not 1 <= components <= min(fewest - 1, features):
        raise AnalysisError(
            f"components: {components} are beyond {fewest} training rows and {features} features; PLS takes at most "
            f"{max(0, min(fewest - 1, features))}"
        )
    rows = Rows(read, count, features)
    together = max(1, _FIT_VALUES // (features * neuroids))
    predicted: list[np.ndarray] = []
    for start in range(0, len(tests), together):
        predicted += _predict(rows, targets, tests[start : start + together], components)
    return predicted


class Rows:
    """Features less their mean over all rows, in blocks of float64."""

    def __init__(self, read: ReadRows, count: int, features: int) -> None:
        self._read = read
        self._size = max(1, _BLOCK_VALUES // features)
        self.count, self.features = count, features
        self._mean = torch.zeros(features, dtype=torch.float64)
        # One for all blocks: memory that is asked for and freed at every pass is not always found again.
        self._room = torch.empty(min(self._size, count), features, dtype=torch.float64)
        total = torch.zeros(features, dtype=torch.float64)
        for _, block in self.blocks():
            total += block.sum(0)
        if not total.isfinite().all():
            raise AnalysisError("features: values that are not finite")
        self._mean = total / count

    def blocks(self, of: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Yield positions and features of rows; a block is overwritten by the next."""
        chosen = np.arange(self.count) if of is None else of
        for start in range(0, len(chosen), self._size):
            rows = chosen[start : start + self._size]
            block = self._room[: len(rows)]
            np.subtract(self._read(rows), self._mean.numpy(), out=block.numpy())
            yield rows, block


def _predict(rows: Rows, targets: Tensor, tests: Sequence[np.ndarray], components: int) -> list[np.ndarray]:
    trained = torch.ones(len(tests), rows.count, dtype=torch.float64)
    for one, test in zip(trained, tests, strict=True):
        one[torch.from_numpy(test)] = 0
    counts = trained.sum(1, keepdim=True)
    target_means = trained @ targets / counts
    means, covariance = moments(rows, targets, trained, tests)
    means /= counts
    covariance -= counts[..., None] * means[:, :, None] * target_means[:, None]

    def square(rotation: Tensor) -> Tensor:
        offset = (rotation * means).sum(1, keepdim=True)
        products = torch.zeros_like(rotation)
        total = torch.zeros_like(offset)
        for chosen, block in rows.blocks():
            scores = (rotation @ block.mT - offset) * trained[:, chosen[0] : chosen[-1] + 1]
            products += scores @ block
            total += scores.sum(1, keepdim=True)
        return products - total * means

    weights = nipals(square, None, covariance, components)
    predicted = []
    for split, test in enumerate(tests):
        offset = target_means[split] - means[split] @ weights[split]
        order = np.argsort(test, kind="stable")
        found = np.empty((len(test), targets.shape[1]))
        done = 0
        for chosen, block in rows.blocks(test[order]):
            found[order[done : done + len(chosen)]] = (block @ weights[split] + offset).numpy()
            done += len(chosen)
        predicted.append(found)
    return predicted


def moments(rows: Rows, targets: Tensor, trained: Tensor, tests: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Return sums of features (split, feature) and products with responses (split, feature, neuroid) of training rows.

    Those of test rows are taken from those of all rows, since test rows are few.
    """
    everything = torch.zeros(rows.features, targets.shape[1], dtype=torch.float64)
    sums = torch.zeros(len(tests), rows.features, dtype=torch.float64)
    for chosen, block in rows.blocks():
        here = slice(chosen[0], chosen[-1] + 1)
        everything += block.mT @ targets[here]
        sums += trained[:, here] @ block
    products = everything.repeat(len(tests), 1, 1)
    for one, test in zip(products, tests, strict=True):
        for chosen, block in rows.blocks(np.sort(test)):
            one -= block.mT @ targets[torch.from_numpy(chosen)]
    return sums, products
