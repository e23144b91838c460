"""How long states resemble what they were: autocorrelation over time, and the time constant of its decay."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ventralrnn.errors import AnalysisError

# Time constants that are tried, and how far beyond the longest lag they may lie: a decay much slower than what was
# recorded cannot be told from none.
_TRIED = 160
_BEYOND = 10.0
_GOLDEN = (5**0.5 - 1) / 2
_REFINEMENTS = 60


class Autocorrelation:
    """Correlation between each neuroid's responses at two times, from blocks of presentations.

    Notes
    -----
    As in Murray et al. (2014): for each neuroid and each pair of times the Pearson correlation over presentations
    (trials or, in a model, which has no noise, stimuli), averaged over pairs that are equally far apart.

    References
    ----------
    Murray et al. (2014), Nature Neuroscience 17:1661.
    """

    def __init__(self) -> None:
        self._shift: Tensor | None = None

    def add(self, states: Tensor) -> None:
        """Take note of presentations (presentation, time, neuroid); one that is NaN for a neuroid is left out."""
        there = states.isfinite().all(1, keepdim=True)
        if self._shift is None:
            self._shift = states.double().nanmean(0).nan_to_num()
            times, neuroids = states.shape[1:]
            self._sums = self._shift.new_zeros(neuroids, times)
            self._products = self._shift.new_zeros(neuroids, times, times)
            self._number = self._shift.new_zeros(neuroids)
        centred = torch.where(there, states.double() - self._shift, 0.0)
        by_neuroid = centred.permute(2, 1, 0)
        self._products += by_neuroid @ by_neuroid.mT
        self._sums += by_neuroid.sum(-1)
        self._number += there.sum((0, 1))

    def correlations(self) -> Tensor:
        """Return correlations (neuroid, time, time); NaN where nothing varies, or below three presentations."""
        assert self._shift is not None
        means = self._sums / self._number[:, None]
        covariance = self._products - self._number[:, None, None] * means[:, :, None] * means[:, None, :]
        variance = covariance.diagonal(dim1=1, dim2=2)
        floor = 1e-12 * (self._products.diagonal(dim1=1, dim2=2) + self._number[:, None] * self._shift.T.square())
        sd = torch.where(variance > floor, variance, torch.nan).sqrt()
        found = covariance / sd[:, :, None] / sd[:, None, :]
        return torch.where(self._number[:, None, None] > 2, found, torch.nan)

    def result(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the autocorrelation of each neuroid.

        Parameters
        ----------
        times : numpy.ndarray, (time,)
            In ms or steps.

        Returns
        -------
        tuple of (numpy.ndarray, (lag,)) and (numpy.ndarray, (neuroid, lag))
            Lags above 0 that occur, and the mean correlation at each; pairs without one are left out.
        """
        first, second = np.triu_indices(len(times), 1)
        # Lags that differ by rounding are the same.
        lags, which = np.unique(
            np.round(np.asarray(times, float)[second] - np.asarray(times, float)[first], 6), return_inverse=True
        )
        found = self.correlations()[:, first, second].cpu().numpy()
        average = np.full((len(found), len(lags)), np.nan)
        for lag in range(len(lags)):
            values = found[:, which == lag]
            there = np.isfinite(values)
            number = there.sum(1)
            total = np.where(there, values, 0).sum(1)
            average[:, lag] = np.divide(total, number, out=np.full(len(values), np.nan), where=number > 0)
        return lags, average


@dataclass(frozen=True)
class Decay:
    """Exponential decay ``amplitude * (exp(-lag / timescale) + offset)``, arrays (...) of its parameters.

    Parameters
    ----------
    timescale : numpy.ndarray
        In the unit of the lags; NaN if the autocorrelation does not decay, or too slowly to be told.
    amplitude, offset : numpy.ndarray
        Of the decay; the offset relative to the amplitude.
    """

    timescale: np.ndarray
    amplitude: np.ndarray
    offset: np.ndarray


def fit_decay(autocorrelation: np.ndarray, lags: np.ndarray, offset: bool = True) -> Decay:
    """Fit an exponential decay to autocorrelations by least squares.

    Parameters
    ----------
    autocorrelation : numpy.ndarray, (..., lag)
        NaN is left out.
    lags : numpy.ndarray, (lag,)
        Above 0.
    offset : bool
        Let it decay to a constant that is not 0, as Murray et al. do: what all of a recording has in common.

    Returns
    -------
    Decay
        Parameters (...). NaN where there are fewer lags than parameters and one more, where the amplitude is not
        positive, or where the time constant lies at the end of what is tried: a tenth of the shortest to ten times the
        longest lag.

    Raises
    ------
    AnalysisError
        If lags are not positive.

    Notes
    -----
    For a given time constant the other parameters are linear, so only the time constant is searched for: over a grid,
    then by golden section.

    References
    ----------
    Murray et al. (2014), Nature Neuroscience 17:1661, equation 2; Golub & Pereyra (1973), SIAM Journal on Numerical
    Analysis 10:413 (variable projection).
    """
    lags = np.asarray(lags, float)
    if lags.ndim != 1 or not (lags > 0).all():
        raise AnalysisError("lags: give lags above 0")
    shape = np.shape(autocorrelation)[:-1]
    nothing = np.full(shape, np.nan)
    if not np.size(autocorrelation):
        return Decay(nothing, nothing, nothing)
    values = np.asarray(autocorrelation, float).reshape(-1, len(lags))
    there = np.isfinite(values)
    weights, values = there.astype(float), np.where(there, values, 0.0)
    tried = np.geomspace(lags.min() / 10, _BEYOND * lags.max(), _TRIED)
    losses = np.stack([_project(values, weights, lags, np.full(len(values), tau), offset)[0] for tau in tried], -1)
    best = losses.argmin(-1)
    inside = (best > 0) & (best < _TRIED - 1)
    low, high = tried[np.maximum(best - 1, 0)], tried[np.minimum(best + 1, _TRIED - 1)]
    tau = _refine(values, weights, lags, low, high, offset)
    _, amplitude, constant = _project(values, weights, lags, tau, offset)
    enough = there.sum(-1) >= (4 if offset else 3)
    good = inside & enough & (amplitude > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (tau, amplitude, constant / amplitude)
    return Decay(*(np.where(good, value, np.nan).reshape(shape) for value in found))


def _project(
    values: np.ndarray, weights: np.ndarray, lags: np.ndarray, tau: np.ndarray, offset: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the loss, amplitude and constant of the best decay with each time constant."""
    decay = np.exp(-lags / tau[:, None])
    number = np.maximum(weights.sum(-1), 1)
    if offset:
        x = weights * (decay - ((weights * decay).sum(-1) / number)[:, None])
        y = weights * (values - (values.sum(-1) / number)[:, None])
    else:
        x, y = weights * decay, values
    with np.errstate(divide="ignore", invalid="ignore"):
        amplitude = (x * y).sum(-1) / (x * x).sum(-1)
    amplitude = np.where(np.isfinite(amplitude), amplitude, 0.0)
    loss = np.square(y - amplitude[:, None] * x).sum(-1)
    constant = (values.sum(-1) - amplitude * (weights * decay).sum(-1)) / number if offset else np.zeros(len(values))
    return loss, amplitude, constant


def _refine(
    values: np.ndarray, weights: np.ndarray, lags: np.ndarray, low: np.ndarray, high: np.ndarray, offset: bool
) -> np.ndarray:
    """Search each time constant between two by golden section, on a logarithmic scale."""
    low, high = np.log(low), np.log(high)
    for _ in range(_REFINEMENTS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        better = (
            _project(values, weights, lags, np.exp(left), offset)[0]
            < _project(values, weights, lags, np.exp(right), offset)[0]
        )
        low, high = np.where(better, low, left), np.where(better, right, high)
    return np.exp((low + high) / 2)
