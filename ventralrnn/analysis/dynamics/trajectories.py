"""The path of a state through its space: dimensionality, speed, curvature, distance to where it ends."""

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import to_kind, to_tensor
from ventralrnn.analysis.reading import AreaStates
from ventralrnn.errors import AnalysisError

A = TypeVar("A", np.ndarray, Tensor)


def participation_ratio(states: A, unbiased: bool = False) -> A:
    """Return how many dimensions the variance of states over stimuli fills.

    Parameters
    ----------
    states : numpy.ndarray or torch.Tensor, (..., stimulus, neuroid)
        States.
    unbiased : bool
        Estimate from few stimuli without bias of numerator and denominator.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (...)
        (sum of eigenvalues of the covariance)^2 / (sum of their squares): 1 if all variance lies in one direction, the
        number of neuroids if it is the same in all. NaN if nothing varies, or there are too few stimuli (2, or 4 if
        unbiased).

    Notes
    -----
    Eigenvalues are not needed: both sums are traces, of the covariance over neuroids or the Gram matrix over stimuli,
    whichever is smaller. The ratio of n stimuli is at most n - 1, and too low when that is not far above the truth;
    `unbiased` takes unbiased estimates of both traces (the ratio of two unbiased estimates has a small bias of its
    own, and may be infinite or negative for very few stimuli: then it is NaN).

    References
    ----------
    Gao et al. (2017), bioRxiv 214262 (participation ratio); Himeno & Yamada (2014), Journal of Multivariate Analysis
    130:27, equation 2.2 (traces without bias for distributions of any shape).
    """
    tensor = to_tensor(states, "states")
    if tensor.ndim < 2:
        raise AnalysisError(f"states: give (..., stimulus, neuroid), not shape {tuple(tensor.shape)}")
    n, p = tensor.shape[-2:]
    centred = tensor.double() - tensor.double().mean(-2, keepdim=True)
    small = centred if n <= p else centred.mT
    product = small @ small.mT
    lengths = centred.square().sum(-1)
    return to_kind(_ratio(lengths, product.square().sum((-2, -1)), n, unbiased), states)


def _ratio(lengths: Tensor, squares: Tensor, n: int, unbiased: bool) -> Tensor:
    """Return the participation ratio from squared lengths (..., stimulus) and the squared norm of the Gram matrix."""
    trace = lengths.sum(-1) / (n - 1) if n > 1 else torch.full_like(squares, torch.nan)
    square = squares / max(n - 1, 1) ** 2
    if not unbiased:
        return torch.where(trace > 0, trace.square() / square, torch.nan)
    if n < 4:
        return torch.full_like(squares, torch.nan)
    fourth = lengths.square().sum(-1) / (n - 1)
    # One factor of both traces cancels in their ratio.
    upper = 2 * square + (n * n - 3 * n + 1) * trace.square() - n * fourth
    lower = (n - 1) * (n - 2) * square + trace.square() - n * fourth
    return torch.where((lower > 0) & (upper > 0), upper / lower, torch.nan)


def dimensionality(area: AreaStates, index: int) -> tuple[float, float]:
    """Return the participation ratio of one area at one time, read block by block.

    Parameters
    ----------
    area : AreaStates
        The area.
    index : int
        Position of the time.

    Returns
    -------
    tuple of float
        As it is, and unbiased; see :func:`participation_ratio`.

    Notes
    -----
    Holds a block and one square matrix, over stimuli or over neuroids, whichever are fewer.
    """
    lengths: list[Tensor] = []
    product: Tensor | float = 0.0
    over_stimuli = area.stimuli <= area.neuroids
    if over_stimuli:
        for states in area.neuroids_at(index):
            # Centred twice: first what float32 can hold, then the rest.
            centred = (states - states.double().mean(0).to(states.dtype)).double()
            centred -= centred.mean(0)
            lengths.append(centred.square().sum(1))
            product = product + centred @ centred.T
        together = torch.stack(lengths).sum(0)
    else:
        mean = sum(states.double().sum(0) for states in area.stimuli_at(index)) / area.stimuli
        for states in area.stimuli_at(index):
            centred = states.double() - mean
            lengths.append(centred.square().sum(1))
            product = product + centred.T @ centred
        together = torch.cat(lengths)
    assert isinstance(product, Tensor)
    squares = product.square().sum()
    plain, unbiased = (float(_ratio(together, squares, area.stimuli, u)) for u in (False, True))
    return plain, unbiased


def speed(states: A, times: np.ndarray) -> A:
    """Return how fast states change.

    Parameters
    ----------
    states : numpy.ndarray or torch.Tensor, (..., time, neuroid)
        States.
    times : numpy.ndarray, (time,)
        In ms or steps.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (..., time)
        Root mean square over neuroids of the change since the time before, by ms or step: times the root of the
        number of neuroids it is the Euclidean speed. NaN at the first time.
    """
    tensor = to_tensor(states, "states")
    gaps = torch.from_numpy(np.diff(np.asarray(times, float))).to(tensor.device)
    moved = _rms(tensor.diff(dim=-2)) / gaps
    return to_kind(_padded(moved, tensor.shape[-2]), states)


def curvature(states: A) -> A:
    """Return how sharply the path of states turns.

    Parameters
    ----------
    states : numpy.ndarray or torch.Tensor, (..., time, neuroid)
        States at times that are equally far apart.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (..., time)
        Angle in degrees between the change into a state and the change out of it: 0 on a straight path, 180 where it
        turns back. NaN at the first and last time, and where a state does not change.

    References
    ----------
    Henaff, Goris & Simoncelli (2019), Nature Neuroscience 22:984, equation 1.
    """
    tensor = to_tensor(states, "states")
    moves = tensor.diff(dim=-2).double()
    lengths = moves.norm(dim=-1, keepdim=True)
    along = torch.where(lengths > 0, moves / lengths, torch.nan)
    before, after = along[..., :-1, :], along[..., 1:, :]
    # The arc cosine of an inner product would lose half of the digits of small angles.
    angle = 2 * torch.atan2((after - before).norm(dim=-1), (after + before).norm(dim=-1))
    return to_kind(_padded(angle.rad2deg(), tensor.shape[-2]), states)


def distance_to_end(states: A) -> A:
    """Return how far states are from the last one.

    Parameters
    ----------
    states : numpy.ndarray or torch.Tensor, (..., time, neuroid)
        States.

    Returns
    -------
    numpy.ndarray or torch.Tensor, (..., time)
        Root mean square over neuroids of the difference to the last state, which is 0 from itself.
    """
    tensor = to_tensor(states, "states")
    return to_kind(_rms(tensor - tensor[..., -1:, :]), states)


def strength(states: A) -> A:
    """Return the root mean square over neuroids of states (..., time, neuroid), as (..., time)."""
    return to_kind(_rms(to_tensor(states, "states")), states)


def _rms(tensor: Tensor) -> Tensor:
    return tensor.double().square().mean(-1).sqrt()


def _padded(values: Tensor, times: int) -> Tensor:
    """Put NaN before values over time, and after them, to as many times as there are."""
    after = max(times - values.shape[-1] - 1, 0)
    return torch.nn.functional.pad(values, (1, after), value=torch.nan)[..., :times]
