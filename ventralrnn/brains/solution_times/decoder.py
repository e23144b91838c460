"""The decoder of Brain-Score's metric of solution times, trained on all splits of the stimuli at once."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.encoding.crossvalidation import Folds
from ventralrnn.errors import AnalysisError

# The classifier of Brain-Score's metric. What it answers depends on where its descent ends, so these are the method.
_RATE, _DECAY, _EPOCHS, _BATCH, _CONVERGED, _BIAS = 1e-4, 0.463, 40, 64, 1e-4, 1.0
_MOMENTS, _EPSILON = (0.9, 0.999), 1e-8
# Standard deviation of a normal distribution that is cut off at two.
_TRUNCATED = 0.87962566103423978


def decode_probabilities(
    features: np.ndarray,
    codes: np.ndarray,
    splits: Folds,
    *,
    initial: np.ndarray | None = None,
    device: torch.device | str = "cpu",
    seed: int = 0,
) -> list[np.ndarray]:
    """Train the decoder of Brain-Score's ``ost`` on every split, all splits of a size at once.

    Parameters
    ----------
    features : numpy.ndarray, (stimulus, neuroid)
        One state.
    codes : numpy.ndarray of int, (stimulus,)
        Categories.
    splits : list of (train, test)
        Positions of stimuli; every category is among the training stimuli.
    initial : numpy.ndarray, (neuroid, category), optional
        First weights, the same for all splits, categories in their order of appearance among the training stimuli; by
        default :func:`first_weights`.
    device : torch.device
        Where to compute, in float32.
    seed : int
        Of the first weights.

    Returns
    -------
    list of numpy.ndarray of float64, (test stimulus, category)
        Probabilities, categories in the order of their codes.

    Notes
    -----
    Softmax regression on standardised features: 40 epochs of Adam (rate 1e-4, batches of 64) on the cross-entropy plus
    0.463 / 2 times the squared length of weights and biases; it ends early when the loss of an epoch's last batch is
    below 1e-4.
    """
    categories = int(codes.max()) + 1
    start = first_weights(features.shape[1], categories, seed) if initial is None else initial
    results: list[Any] = [None] * len(splits)
    sizes: dict[int, list[int]] = {}
    for i, (train, _) in enumerate(splits):
        if len(np.unique(codes[train])) != categories:
            raise AnalysisError("folds: a category is missing among the training stimuli; take fewer folds")
        sizes.setdefault(len(train), []).append(i)
    states = torch.as_tensor(np.asarray(features), device=device)
    for members in sizes.values():
        trained = _Descent(states, codes, [splits[i][0] for i in members], start)
        trained.run()
        for place, i in enumerate(members):
            results[i] = trained.predict(place, splits[i][1])
    return results


def first_weights(neuroids: int, categories: int, seed: int) -> np.ndarray:
    """Return random weights, (neuroid, category): normal, cut off at two standard deviations, variance 1 / neuroids."""
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((neuroids, categories))
    while (beyond := np.abs(drawn) > 2).any():
        drawn[beyond] = rng.standard_normal(int(beyond.sum()))
    return drawn / np.sqrt(neuroids) / _TRUNCATED


class _Descent:
    """Softmax regressions of several splits, trained side by side."""

    def __init__(self, states: Tensor, codes: np.ndarray, trains: list[np.ndarray], initial: np.ndarray) -> None:
        self.states, self.device = states, states.device
        self.trains = torch.as_tensor(np.stack(trains), device=self.device)
        # Categories are numbered as they appear, which says where each begins.
        self.orders = [_order(codes[train]) for train in trains]
        targets = np.stack([np.argsort(order)[codes[train]] for order, train in zip(self.orders, trains, strict=True)])
        self.targets = torch.as_tensor(targets, device=self.device)
        moments = [_moments(states[train]) for train in self.trains]
        self.means = torch.stack([m for m, _ in moments])
        self.scales = torch.stack([s for _, s in moments])
        weights = torch.as_tensor(initial, dtype=torch.float32, device=self.device)
        count, categories = len(trains), weights.shape[1]
        # The last row is the bias.
        bias = torch.full((1, categories), _BIAS, device=self.device)
        self.weights = torch.cat([weights, bias]).expand(count, -1, -1).contiguous()

    def run(self) -> None:
        """Descend, each split until it is done."""
        count, size = self.trains.shape
        shuffle = np.random.RandomState(0)
        first, second = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        going = torch.ones(count, dtype=torch.bool, device=self.device)
        features = [self._standard(i, self.trains[i]) for i in range(count)]
        iteration = 0
        for _ in range(_EPOCHS):
            order = np.arange(size)
            shuffle.shuffle(order)
            for start in range(0, size, _BATCH):
                batch = torch.as_tensor(order[start : start + _BATCH], device=self.device)
                inputs = torch.stack([part[batch] for part in features])
                loss, gradient = self._gradient(inputs, self.targets[:, batch])
                iteration += 1
                first = _MOMENTS[0] * first + (1 - _MOMENTS[0]) * gradient
                second = _MOMENTS[1] * second + (1 - _MOMENTS[1]) * gradient.square()
                rate = _RATE * np.sqrt(1 - _MOMENTS[1] ** iteration) / (1 - _MOMENTS[0] ** iteration)
                step = rate * first / (second.sqrt() + _EPSILON)
                self.weights -= torch.where(going[:, None, None], step, torch.zeros_like(step))
            going &= loss >= _CONVERGED
            if not bool(going.any()):
                return

    def predict(self, place: int, test: np.ndarray) -> np.ndarray:
        """Return probabilities (stimulus, category) in the order of the codes."""
        inputs = self._standard(place, torch.as_tensor(test, device=self.device))
        found = torch.softmax(_apply(inputs[None], self.weights[place][None])[0], -1).double().cpu().numpy()
        result = np.empty_like(found)
        result[:, self.orders[place]] = found
        return result

    def _standard(self, place: int, rows: Tensor) -> Tensor:
        return ((self.states[rows].double() - self.means[place]) / self.scales[place]).float()

    def _gradient(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cross-entropy of each split, and the gradient of it and the penalty."""
        log_p = torch.log_softmax(_apply(inputs, self.weights), -1)
        loss = -log_p.gather(2, targets[:, :, None])[..., 0].mean(1)
        error = (log_p.exp() - torch.nn.functional.one_hot(targets, log_p.shape[-1])) / inputs.shape[1]
        gradient = torch.cat([inputs.mT @ error, error.sum(1, keepdim=True)], 1) + _DECAY * self.weights
        return loss, gradient


def _apply(inputs: Tensor, weights: Tensor) -> Tensor:
    return inputs @ weights[:, :-1] + weights[:, -1:]


def _moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    values = rows.double()
    means, scales = values.mean(0), values.std(0, unbiased=False)
    # What varies by rounding alone does not vary.
    still = scales <= 10 * torch.finfo(rows.dtype).eps * values.abs().amax(0)
    return means, torch.where(still, torch.ones_like(scales), scales)


def _order(codes: np.ndarray) -> np.ndarray:
    """Return categories in the order of their first appearance."""
    found, where = np.unique(codes, return_index=True)
    return np.asarray(found[np.argsort(where)])
