"""Permutation tests: stimulus labels of an RDM exchanged, signs of subjects flipped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.analysis.comparison import PRODUCT_METHODS, compare_vectors, prepare
from ventralrnn.analysis.inference.existing import check_pairs, existing
from ventralrnn.analysis.inference.persons import Persons
from ventralrnn.analysis.rdm.container import pair_indices
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError
from ventralrnn.progress import track

Alternative = Literal["greater", "less", "two-sided"]
# Permutations that change nothing give the same number but for rounding, and count as at least as large.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class PermutationTest:
    """A statistic, and what it would be if nothing were there.

    Parameters
    ----------
    observed : numpy.ndarray, (...)
        The statistic in the data; NaN where a state does not exist.
    null : numpy.ndarray, (permutation, ...)
        The statistic in permuted data, without the data as they are.
    """

    observed: np.ndarray
    null: np.ndarray

    def p_values(self, alternative: Alternative = "greater") -> np.ndarray:
        """Return the p value of every state, not corrected for their number.

        Parameters
        ----------
        alternative : {'greater', 'less', 'two-sided'}
            What is there if the null hypothesis is wrong.

        Returns
        -------
        numpy.ndarray, (...)
            (b + 1) / (n + 1), with b of n permutations at least as extreme [1]_; NaN where nothing was observed.

        References
        ----------
        .. [1] Phipson & Smyth 2010, Permutation P-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9:39.
        """
        observed, null = self._oriented(alternative)
        return count_p_values(observed, null)

    def max_p_values(self, alternative: Alternative = "greater") -> np.ndarray:
        """Return p values that hold the family-wise error over all states, by the largest statistic of any state.

        Parameters
        ----------
        alternative : {'greater', 'less', 'two-sided'}
            What is there if the null hypothesis is wrong.

        Returns
        -------
        numpy.ndarray, (...)
            (b + 1) / (n + 1), with b of n permutations whose largest statistic is at least the state's [1]_.

        References
        ----------
        .. [1] Nichols & Holmes 2002, Nonparametric permutation tests for functional neuroimaging, Human Brain Mapping
           15:1-25.
        """
        observed, null = self._oriented(alternative)
        flat = np.where(np.isnan(null), -np.inf, null).reshape(len(null), -1)
        largest = flat.max(1) if flat.shape[1] else np.full(len(null), -np.inf)
        return count_p_values(observed, largest.reshape(-1, *(1,) * observed.ndim))

    def standardised(self) -> "PermutationTest":
        """Return the same test in standard deviations from the mean, both of the permuted data of each state."""
        # The data are one of the permutations, so that both sides are treated alike.
        everything = np.concatenate([self.observed[None], self.null])
        mean, spread = everything.mean(0), everything.std(0)
        scale = np.where(spread > 0, spread, np.nan)
        return PermutationTest((self.observed - mean) / scale, (self.null - mean) / scale)

    def _oriented(self, alternative: Alternative) -> tuple[np.ndarray, np.ndarray]:
        match alternative:
            case "greater":
                return self.observed, self.null
            case "less":
                return -self.observed, -self.null
            case "two-sided":
                return np.abs(self.observed), np.abs(self.null)
        raise AnalysisError(f"alternative: {alternative!r} is not 'greater', 'less' or 'two-sided'")


def count_p_values(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return (b + 1) / (n + 1) with b of n values of a null distribution at least as large as the one observed.

    Parameters
    ----------
    observed : numpy.ndarray, (...)
        Statistics.
    null : numpy.ndarray, (permutation, ...)
        Their null distributions, or one that broadcasts.

    Returns
    -------
    numpy.ndarray, (...)
        p values, NaN where nothing was observed.
    """
    reached = observed - _ROUNDING * np.abs(observed)
    larger = np.zeros(observed.shape)
    for one in null:
        larger += one >= reached
    return np.where(np.isnan(observed), np.nan, (larger + 1) / (len(null) + 1))


@checked(AnalysisError)
def permute_stimuli(
    model: Any,
    brain: Any,
    method: str = "spearman",
    *,
    permutations: int = 1000,
    seed: int = 0,
    persons: Sequence[Any] | np.ndarray | None = None,
) -> PermutationTest:
    """Test the relation of all model states to all brain states by exchanging the stimuli of one of them.

    Parameters
    ----------
    model : numpy.ndarray or torch.Tensor, (model state, pair)
        RDMs, upper triangles; a state that does not exist is NaN throughout.
    brain : numpy.ndarray or torch.Tensor, (subject, brain state, pair)
        RDMs of every subject. A brain state counts only if all subjects have it.
    method : str
        As :func:`~ventralrnn.analysis.comparison.compare_vectors`.
    permutations : int
        Number of random orders of the stimuli, the same for all states, so that their largest statistic has its null
        distribution too.
    seed : int
        Of the orders.
    persons : sequence, (subject,), optional
        Whose RDMs the brain's are, where some are of the same person; all persons count alike.

    Returns
    -------
    PermutationTest
        Of the similarity, mean over subjects, (model state, brain state).

    Raises
    ------
    AnalysisError
        If RDMs do not fit each other, or there are no permutations.

    Notes
    -----
    Pairs that are NaN in all RDMs of one side were not measured: they move with their stimuli, and each permutation
    compares the pairs that both sides then have, which takes longer.

    Rows and columns of the RDM are exchanged together [1]_. The null hypothesis is that stimuli are exchangeable: that
    the RDM of the brain has nothing to do with which stimulus is which. Ranks and normalised rows move with their
    pairs, so every permutation is one product.

    References
    ----------
    .. [1] Mantel 1967, The detection of disease clustering and a generalized regression approach, Cancer Research 27.
    """
    models, brains = to_tensor(model, "model", ndim=2, finite=False), to_tensor(brain, "brain", ndim=3, finite=False)
    brains = brains.to(models.device)
    count = check_pairs(models, brains)
    if permutations < 1:
        raise AnalysisError(f"permutations: {permutations}; give for example 1000")
    complete = bool((existing(models, "model")[1] & existing(brains, "brain")[1]).all())
    first, second = (torch.from_numpy(i).to(models.device) for i in pair_indices(count))
    pair = torch.zeros(count, count, dtype=torch.int64, device=models.device)
    pair[first, second] = pair[second, first] = torch.arange(len(first), device=models.device)
    shares = Persons.of(len(brains), persons)
    compare, ours, theirs = _comparison(models, brains, method, shares.shares / shares.number, complete)
    # The fewer rows are the ones that move.
    swapped = len(theirs) < len(ours)
    moving, resting = (theirs, ours) if swapped else (ours, theirs)
    rng = np.random.default_rng(seed)
    null = []
    for _ in track(range(permutations), permutations, "permutations"):
        order = torch.from_numpy(rng.permutation(count)).to(models.device)
        moved = moving.index_select(1, pair[order[first], order[second]])
        null.append(compare(resting, moved) if swapped else compare(moved, resting))
    return PermutationTest(compare(ours, theirs).cpu().numpy(), torch.stack(null).cpu().numpy())


def _comparison(
    models: Tensor, brains: Tensor, method: str, shares: np.ndarray, complete: bool
) -> tuple[Callable[[Tensor, Tensor], Tensor], Tensor, Tensor]:
    """Return how rows are compared, and the rows; what is done to rows only once must not depend on their order."""
    if method in PRODUCT_METHODS and complete:
        rows = prepare(brains.flatten(0, 1), method).unflatten(0, brains.shape[:2])
        theirs = torch.tensordot(torch.as_tensor(shares, dtype=rows.dtype, device=rows.device), rows, 1)
        return (lambda one, two: (one @ two.T).double()), prepare(models, method), theirs.to(models.dtype)
    shape = brains.shape[:2]

    def mean(one: Tensor, two: Tensor) -> Tensor:
        found = compare_vectors(one, two, method).unflatten(1, shape)
        return torch.einsum("s,msk->mk", torch.as_tensor(shares, dtype=found.dtype, device=found.device), found)

    return mean, models, brains.flatten(0, 1)


@checked(AnalysisError)
def flip_signs(
    values: Any, *, statistic: Literal["t", "mean"] = "t", permutations: int = 1000, seed: int = 0
) -> PermutationTest:
    """Test whether the mean over subjects is zero, by flipping the signs of subjects.

    Parameters
    ----------
    values : array-like, (subject, ...)
        For example similarities, or differences of the similarities of two models; NaN throughout for states that do
        not exist.
    statistic : {'t', 'mean'}
        One-sample t, or the mean.
    permutations : int
        Number of random flips; all of them are used, and the test is exact, where there are no more.
    seed : int
        Of the flips.

    Returns
    -------
    PermutationTest
        Of the statistic, (...).

    Raises
    ------
    AnalysisError
        If there are fewer than two subjects, or no permutations.

    Notes
    -----
    The null hypothesis is that values of subjects are symmetric about zero. With n subjects p is at least 2**-n.
    """
    data = np.asarray(values, float)
    if data.ndim < 1 or len(data) < 2:
        raise AnalysisError("values: give those of at least two subjects")
    if statistic not in ("t", "mean"):
        raise AnalysisError(f"statistic: {statistic!r} is not 't' or 'mean'")
    if permutations < 1:
        raise AnalysisError(f"permutations: {permutations}; give for example 1000")
    subjects = len(data)
    if 2**subjects - 1 <= permutations:
        signs = np.array(list(product((1.0, -1.0), repeat=subjects)))[1:]
    else:
        signs = np.random.default_rng(seed).choice((1.0, -1.0), (permutations, subjects))
    flat = data.reshape(subjects, -1)
    mean = np.concatenate([np.ones((1, subjects)), signs]) @ flat / subjects
    if statistic == "t":
        # Flips leave squares as they are.
        spread = np.maximum((flat**2).mean(0) - mean**2, 0) / (subjects - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(spread > 0, mean / np.sqrt(spread), np.where(np.isnan(flat).any(0), np.nan, 0))
    found = mean.reshape(-1, *data.shape[1:])
    return PermutationTest(found[0], found[1:])
