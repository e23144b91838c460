"""How selective responses are: sparseness, and how much of a response labels explain, at all times at once."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import to_kind, to_tensor
from ventralrnn.analysis.reading import check_labels
from ventralrnn.errors import AnalysisError

A = TypeVar("A", np.ndarray, Tensor)


def sparseness(responses: A, dim: int = 0) -> A:
    """Return the sparseness of responses: 0 if all are alike, 1 if there is a single one.

    Parameters
    ----------
    responses : numpy.ndarray or torch.Tensor, (..., n, ...)
        Responses. Those below 0 count as none, as a rate cannot be negative and a state is rectified by what reads it.
    dim : int
        Dimension over which is summed: stimuli for the lifetime sparseness of each neuroid, neuroids for the population
        sparseness of each stimulus.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (..., ...)
        ``(1 - (sum r / n)^2 / (sum r^2 / n)) / (1 - 1 / n)``; NaN where nothing responds, or n is 1.

    References
    ----------
    Rolls & Tovee (1995), Journal of Neurophysiology 73:713; Vinje & Gallant (2000), Science 287:1273.
    """
    rates = to_tensor(responses, "responses", finite=False).clamp(min=0)  # NaN stays
    n = rates.shape[dim]
    # Relative to the largest, so that squares neither overflow nor vanish.
    rates = rates / rates.amax(dim, keepdim=True)
    return to_kind(_sparseness(rates.double().sum(dim), rates.double().square().sum(dim), n), responses)


def _sparseness(total: Tensor, squares: Tensor, n: int) -> Tensor:
    if n == 1:
        return torch.full_like(total, torch.nan)
    return (1 - (total / n).square() / (squares / n)) / (1 - 1 / n)


class Sparseness:
    """Lifetime sparseness of each neuroid at each time, from blocks of stimuli.

    See :func:`sparseness`. Memory does not grow with the number of stimuli.
    """

    def __init__(self) -> None:
        self._sums: tuple[Tensor, Tensor] | None = None
        self._number = 0

    def add(self, states: Tensor) -> None:
        """Take note of states (stimulus, time, neuroid)."""
        rates = states.clamp(min=0).double()
        sums = rates.sum(0), rates.square().sum(0)
        self._sums = sums if self._sums is None else (self._sums[0] + sums[0], self._sums[1] + sums[1])
        self._number += len(states)

    def result(self) -> Tensor:
        """Return the sparseness (time, neuroid)."""
        assert self._sums is not None
        return _sparseness(*self._sums, self._number)


class Selectivity:
    """How responses differ between labels, for each neuroid at each time, from blocks of stimuli.

    Parameters
    ----------
    labels : sequence, (stimulus,)
        Label of each stimulus, in the order in which blocks bring them.

    Attributes
    ----------
    classes : list of str
        The different labels.

    Raises
    ------
    AnalysisError
        If there are fewer than two labels, or every stimulus has one of its own: then nothing varies within a label.
    """

    def __init__(self, labels: Sequence[Any] | np.ndarray) -> None:
        check_labels(labels)
        names, codes = np.unique([str(label) for label in labels], return_inverse=True)
        if len(names) < 2:
            raise AnalysisError(f"labels: all {len(codes)} stimuli have the same, {str(names[0])!r}: give at least two")
        if len(names) == len(codes):
            raise AnalysisError("labels: every stimulus has one of its own, so that nothing varies within a label")
        self.classes = [str(name) for name in names]
        self._codes = torch.from_numpy(codes)
        self._done = 0
        self._shift: Tensor | None = None

    def add(self, states: Tensor) -> None:
        """Take note of states (stimulus, time, neuroid)."""
        if self._shift is None:
            # Sums about one of the states, not about zero: what states have in common costs no digits.
            self._shift = states[:1].double()
            self._sums = self._shift.new_zeros(len(self.classes), *states.shape[1:])
            self._squares = torch.zeros_like(self._sums)
        codes = self._codes[self._done : self._done + len(states)].to(states.device)
        centred = states.double() - self._shift
        self._sums.index_add_(0, codes, centred)
        self._squares.index_add_(0, codes, centred.square())
        self._done += len(states)

    def result(self) -> dict[str, Tensor]:
        """Return the measures.

        Returns
        -------
        dict of str to torch.Tensor, (time, neuroid)
            As :func:`compute_selectivity` returns.
        """
        if self._shift is None or self._done != len(self._codes):
            raise AnalysisError(f"labels: {len(self._codes)} of them for {self._done} stimuli")
        counts = torch.bincount(self._codes).to(self._sums)[:, None, None]
        n, k = len(self._codes), len(self.classes)
        means = self._sums / counts
        grand = self._sums.sum(0) / n
        between = (counts * (means - grand).square()).sum(0)
        scatter = (self._squares - self._sums * means).clamp(min=0)  # within each label
        within = scatter.sum(0)
        total = between + within
        # What rounding leaves of a response that does not vary.
        flat = total <= 1e-12 * (self._squares.sum(0) + n * self._shift[0].square())
        level = torch.where(flat, torch.nan, total)
        error = within / (n - k)
        raw = means + self._shift
        low, high = raw.amin(0), raw.amax(0)
        found = {
            "f": torch.where(flat, torch.nan, between / (k - 1) / error),
            "eta_squared": between / level,
            "omega_squared": (between - (k - 1) * error) / (level + error),
            "d_prime": torch.where(flat, torch.nan, self._d_prime(scatter, counts, grand, n)),
            "selectivity_index": torch.where((low >= 0) & (high > 0), (high - low) / (high + low), torch.nan),
        }
        return found

    def _d_prime(self, scatter: Tensor, counts: Tensor, grand: Tensor, n: int) -> Tensor:
        """Return the largest d' of one label against all others; label by label, to hold no array of all."""
        sums, squares = self._sums.sum(0), self._squares.sum(0)
        best = torch.full_like(grand, -torch.inf)
        for label, count in enumerate(counts.flatten().tolist()):
            rest = n - count
            if count < 2 or rest < 2:
                continue
            mean = self._sums[label] / count
            other = (sums - self._sums[label]) / rest
            spread = (squares - self._squares[label] - (sums - self._sums[label]) * other).clamp(min=0) / (rest - 1)
            pooled = (scatter[label] / (count - 1) + spread) / 2
            best = torch.fmax(best, (mean - other) / pooled.sqrt())
        return torch.where(best == -torch.inf, torch.nan, best)


def compute_selectivity(responses: A, labels: Sequence[Any] | np.ndarray) -> dict[str, A]:
    """Return how responses differ between labels, for each neuroid at each time.

    Parameters
    ----------
    responses : numpy.ndarray or torch.Tensor, (stimulus, time, neuroid)
        Responses.
    labels : sequence, (stimulus,)
        Label of each stimulus.

    Returns
    -------
    dict of str to numpy.ndarray or torch.Tensor, (time, neuroid)
        ``f``: F of a one-way analysis of variance. ``eta_squared``: share of the variance over stimuli that labels
        explain; for labels that mean nothing it is (k - 1) / (n - 1) on average, not 0. ``omega_squared``: the same
        without that bias. ``d_prime``: the largest, over labels, of the difference between the mean response to a
        label and to all others, in units of the root mean of their two variances; labels of a single stimulus are
        left out. ``selectivity_index``: (best - worst) / (best + worst) of the mean responses to labels, NaN where one
        is negative. NaN where the response does not vary.

    Raises
    ------
    AnalysisError
        If there are fewer than two labels, or not one for every stimulus.

    References
    ----------
    Hays (1963), Statistics for Psychologists (omega squared); Green & Swets (1966), Signal Detection Theory and
    Psychophysics (d').
    """
    states = to_tensor(responses, "responses", ndim=3)
    if len(labels) != len(states):
        raise AnalysisError(f"labels: {len(labels)} of them for {len(states)} stimuli")
    measures = Selectivity(labels)
    measures.add(states)
    return {name: to_kind(value, responses) for name, value in measures.result().items()}
