"""Noise ceilings: how well the best of all models could do, given how much subjects or repeats differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.analysis.comparison import compare_prepared, compare_vectors, mean_ranks, measured_pairs, prepare
from ventralrnn.analysis.inference.persons import Persons
from ventralrnn.analysis.rdm.distances import compute_distances
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

# The best RDM is the mean of prepared ones; all other methods compare ranks, and theirs is the ranking of mean ranks.
_LINEAR = ("corr", "cosine", "whitened", "whitened-corr")


@dataclass(frozen=True)
class NoiseCeilings:
    """Bounds of the similarity that a model can reach, mean over subjects.

    Parameters
    ----------
    lower, upper : numpy.ndarray, (state,)
        Each subject with the mean of the others, and with the mean of all.
    lag_lower : numpy.ndarray, (state, other state)
        Each subject at a state with the mean of the others at the other state; the diagonal is `lower`.
    lag_upper : numpy.ndarray, (state, other state)
        `upper` of the state, times the similarity of its geometry to that of the other state without noise; the
        diagonal is `upper`.
    """

    lower: np.ndarray
    upper: np.ndarray
    lag_lower: np.ndarray
    lag_upper: np.ndarray


@checked(AnalysisError)
def noise_ceilings(
    rdms: Any, method: str = "spearman", *, persons: Sequence[Any] | np.ndarray | None = None
) -> NoiseCeilings:
    """Return the noise ceilings of RDMs of several subjects, at and between all states.

    Parameters
    ----------
    rdms : numpy.ndarray or torch.Tensor, (subject, state, pair)
        RDMs, for example of all times of one area. A state that a subject lacks is NaN throughout.
    method : str
        As :func:`~ventralrnn.analysis.comparison.compare_vectors`.
    persons : sequence, (subject,), optional
        Whose RDMs these are, where some are of the same person, such as those of several sessions. A person's are left
        out together, and all persons count alike. By default each is a person's only one.

    Returns
    -------
    NoiseCeilings
        NaN where a subject lacks the state, and throughout for one subject.

    Raises
    ------
    AnalysisError
        As :func:`~ventralrnn.analysis.comparison.compare_vectors`.

    Notes
    -----
    The upper bound takes the RDM that has the highest mean similarity to all subjects: the mean of their RDMs after
    each was normalised as the method does it (ranks for rank correlations, z scores for correlation, unit length for
    cosine, the same after whitening). It is too high, for every subject is part of it. The lower bound leaves the
    subject out, and is too low, for the others are noisy [1]_.

    Between states, the bounds say how similar subjects at one time could be to a model that has the geometry of another
    time: what limits an off-diagonal entry of a comparison of all model steps with all brain times. The mean of all
    subjects is no upper bound there, since it shares no noise with the time that it is compared with, and lies below
    the model without noise just as the mean of the others. So the upper bound takes the similarity of the two
    geometries from different subjects only, divided by the roots of that of each state with itself in the same way,
    which leaves the noise out; at most 1, and 1 where subjects have nothing in common at either state and nothing is
    known.

    References
    ----------
    .. [1] Nili, Wingfield, Walther, Su, Marslen-Wilson & Kriegeskorte 2014, A toolbox for representational similarity
       analysis, PLoS Computational Biology 10(4), e1003553.
    """
    vectors = to_tensor(rdms, "rdms", ndim=3, finite=False)
    subjects, states = vectors.shape[:2]
    whose = Persons.of(subjects, persons)
    if whose.number < 2:
        nothing = np.full((states, states), np.nan)
        return NoiseCeilings(nothing.diagonal(), nothing.diagonal(), nothing, nothing)
    linear = method in _LINEAR
    parts = prepare(vectors.flatten(0, 1), method).unflatten(0, (subjects, states)) if linear else _ranks(vectors)

    def alike(rows: Tensor, total: Tensor) -> Tensor:
        if linear:
            return compare_prepared(rows, total / total.norm(dim=-1, keepdim=True))
        return compare_vectors(rows, total, method)

    # In whole numbers, so that sums of ranks stay exact.
    counts = np.lcm.reduce(whose.rows_of_each) // whose.rows_of_each
    weighted = parts * torch.as_tensor(counts, dtype=parts.dtype, device=parts.device)[:, None, None]
    total = weighted.sum(0)
    others = [total - weighted[torch.from_numpy(same)].sum(0) for same in whose.same]
    shares = whose.shares / whose.number
    upper = sum(share * alike(part, total) for share, part in zip(shares, parts, strict=True))
    lower = sum(share * alike(part, rest) for share, part, rest in zip(shares, parts, others, strict=True))
    low, high = lower.cpu().numpy(), upper.cpu().numpy().diagonal().copy()
    lag = high[:, None] * _alike_without_noise(vectors, method, whose)
    return NoiseCeilings(low.diagonal().copy(), high, low, lag)


def _alike_without_noise(vectors: Tensor, method: str, whose: Persons) -> np.ndarray:
    """Return the similarity of geometries, (state, state), of (subject, state, pair), corrected for attenuation."""
    subjects, states = vectors.shape[:2]
    rows = vectors.flatten(0, 1)
    each = compare_vectors(rows, rows, method).cpu().numpy().reshape(subjects, states, subjects, states)
    different = ~whose.same
    weights = np.outer(whose.shares, whose.shares)[different]
    between = np.average(each.transpose(0, 2, 1, 3)[different], axis=0, weights=weights)
    between = (between + between.T) / 2
    own = between.diagonal()
    known = (own[:, None] > 0) & (own > 0)
    root = np.sqrt(np.where(known, own[:, None] * own, 1))
    missing = np.isnan(own)
    alike = np.where(known | missing[:, None] | missing, np.clip(between / root, -1, 1), 1)
    alike[range(states), range(states)] = np.where(missing, np.nan, 1)
    return alike


def _ranks(vectors: Tensor) -> Tensor:
    """Return ranks as they are, whose sums are exact, so that what is tied in a mean of ranks stays tied."""
    used = measured_pairs(vectors.flatten(0, 1), "rdms")
    ranks: Tensor = mean_ranks(vectors[..., used])
    return ranks.double()


def ceilings_of(
    gram: np.ndarray, weights: np.ndarray | None = None, persons: Persons | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return noise ceilings from the products of subjects alone.

    Parameters
    ----------
    gram : numpy.ndarray, (..., subject, subject)
        Products of prepared RDMs.
    weights : numpy.ndarray of int, (..., person), optional
        How often each person is in the sample; every copy of it is left out at once, and all persons of a sample count
        alike, as rsatoolbox does it.
    persons : Persons, optional
        Whose each RDM is; by default each subject is a person.

    Returns
    -------
    tuple of numpy.ndarray, (...)
        Lower and upper bounds; NaN where there is one person. Means of ranks are not ranked again.
    """
    subjects = gram.shape[-1]
    whose = persons or Persons.of(subjects, None)
    often = whose.spread(np.ones(whose.number) if weights is None else weights.astype(float))
    own = np.einsum("...ss->...s", gram)
    with_all = np.einsum("...st,...t->...s", gram, np.broadcast_to(often, np.broadcast_shapes(often.shape, own.shape)))
    square = (often * with_all).sum(-1, keepdims=True)
    shares = np.where(often > 0, whose.shares, 0)
    number = np.rint(shares.sum(-1))
    length = np.sqrt(own)
    # Of each row with all rows of its person, and of these with all and with each other.
    if whose.number == subjects:
        with_own, own_with_all = often * own, often * with_all
        own_with_own = often * with_own
    else:
        same = whose.same.astype(float)
        with_own = np.einsum("...st,...t,st->...s", gram, np.broadcast_to(often, with_all.shape), same)
        own_with_all, own_with_own = (often * with_all) @ same, (often * with_own) @ same
    with np.errstate(invalid="ignore", divide="ignore"):
        upper = with_all / np.sqrt(square) / length
        rest = square - 2 * own_with_all + own_with_own
        lower = (with_all - with_own) / np.sqrt(np.maximum(rest, 0)) / length
        bounds = [np.where(shares > 0, shares * bound, 0).sum(-1) / number for bound in (lower, upper)]
    alone = np.broadcast_to(number < 2, bounds[0].shape)
    return np.where(alone, np.nan, bounds[0]), np.where(alone, np.nan, bounds[1])


@dataclass(frozen=True)
class RepeatCeilings:
    """How reliable the RDMs of one recording are, from halves of its repeats.

    Parameters
    ----------
    reliability : numpy.ndarray, (state,)
        Of the RDM of all repeats: its expected similarity to one from as many new repeats.
    ceiling : numpy.ndarray, (state,)
        Its square root: the expected similarity to the RDM without noise, which bounds that to any model. 0 where
        halves are not alike.
    lag_ceiling : numpy.ndarray, (state, other state)
        Expected similarity of the RDM at a state to the one without noise at the other state; NaN where a state is not
        reliable. The diagonal is `ceiling`.
    """

    reliability: np.ndarray
    ceiling: np.ndarray
    lag_ceiling: np.ndarray


@checked(AnalysisError)
def repeat_ceilings(
    responses: Any,
    distance: str = "correlation",
    method: str = "spearman",
    *,
    splits: int = 20,
    seed: int = 0,
) -> RepeatCeilings:
    """Return the noise ceilings of RDMs of a single subject, from repeated presentations.

    Parameters
    ----------
    responses : numpy.ndarray or torch.Tensor, (repeat, state, stimulus, neuroid)
        Responses to every presentation, for example with times as states. A state that does not exist is NaN.
    distance : str
        As :func:`~ventralrnn.analysis.rdm.distances.compute_distances`.
    method : str
        As :func:`~ventralrnn.analysis.comparison.compare_vectors`.
    splits : int
        Number of random halvings of the repeats.
    seed : int
        Of the halvings.

    Returns
    -------
    RepeatCeilings
        Means over the halvings, corrected to the number of repeats.

    Raises
    ------
    AnalysisError
        If there are fewer than two repeats, or as the distance and the comparison.

    Notes
    -----
    With r the similarity of RDMs from halves, each of 1/m of the repeats, the reliability is m r / (1 + (m - 1) r), the
    formula of Spearman and Brown. It takes noise of RDMs to be independent and to shrink with the number of repeats,
    which is an approximation: noise of patterns enters distances squared, and halves suffer more from that than all
    repeats. The ceiling is then too low where noise dominates, and markedly so with two repeats. A distance that noise
    makes larger as a whole does not matter to correlations; to cosines it does: take cross-validated distances with
    these.
    """
    values = to_tensor(responses, "responses", ndim=4, finite=False)
    repeats = len(values)
    if repeats < 2:
        raise AnalysisError("responses: one repeat cannot be halved")
    if splits < 1:
        raise AnalysisError(f"splits: {splits}; give at least one")
    rng = np.random.default_rng(seed)
    half = repeats // 2
    alike = np.zeros((values.shape[1], values.shape[1]))
    for _ in range(splits):
        order = rng.permutation(repeats)
        first, second = (
            compute_distances(values[torch.as_tensor(part, device=values.device)].mean(0), distance)
            for part in (order[:half], order[half : 2 * half])
        )
        found = compare_vectors(first, second, method).cpu().numpy()
        alike += (found + found.T) / (2 * splits)
    multiple = repeats / half
    own = alike.diagonal()
    reliability = multiple * own / (1 + (multiple - 1) * own)
    ceiling = np.sqrt(np.maximum(reliability, 0))
    root = np.sqrt(np.where(own > 0, own, np.nan))
    lag = alike / root[:, None] / root * ceiling[:, None]
    np.fill_diagonal(lag, ceiling)
    return RepeatCeilings(reliability, ceiling, lag)
