"""Rows of RDMs in samples of stimuli: normalised anew in every sample, but sorted only once."""

import numpy as np
import torch
from torch import Tensor

from ventralrnn.errors import AnalysisError

# What bootstraps over stimuli can compare with: every pair of stimuli has a term of its own.
METHODS = ("spearman", "rho-a", "corr", "cosine")
_RANKED = ("spearman", "rho-a")
# float32 holds every rank, halves included, up to this sum of weights.
_EXACT_IN_FLOAT32 = 1 << 23
# Values sorted at a time.
_BLOCK_VALUES = 1 << 22
# Of sums of cubes, relative to the largest of them.
_ROUNDING = 1e-12


def draw(count: int, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each of some things is drawn, with replacement, in every sample.

    Parameters
    ----------
    count : int
        Number of stimuli or subjects; as many are drawn.
    samples : int
        Number of samples.
    rng : numpy.random.Generator
        Where the draws come from.

    Returns
    -------
    numpy.ndarray of int, (sample, count)
        Multiplicities; every row sums to `count`.
    """
    return rng.multinomial(count, np.full(count, 1 / count), size=samples)


class ResampledRows:
    """RDMs whose comparisons, in any sample of stimuli, are plain products of rows.

    Parameters
    ----------
    vectors : torch.Tensor, (row, pair)
        Dissimilarities of states that exist.
    method : {'spearman', 'rho-a', 'corr', 'cosine'}
        How rows are compared.
    rerank : bool
        Rank the pairs of every sample among themselves, which is what a comparison of the sample's RDMs is. Without,
        the ranks among all pairs are kept, and centred in every sample.

    Raises
    ------
    AnalysisError
        If the method has no such form.

    Notes
    -----
    A stimulus that is drawn w times stands for w stimuli; a pair has the product of its stimuli's weights, and pairs of
    a stimulus with itself are left out. The mean rank of a pair in the sample follows from the sums of weights along
    the order in which the pairs are without resampling, so nothing is sorted within samples: with W the weights up to
    and including the pair's last tie, and V those before its first, the rank is (W + V + 1) / 2.

    Ranks are float32, which holds all of them exactly up to 8 million pairs, and float64 beyond; other rows keep the
    precision of the vectors.
    """

    def __init__(self, vectors: Tensor, method: str, *, rerank: bool = True) -> None:
        if method not in METHODS:
            raise AnalysisError(
                f"method: {method!r} has no bootstrap over stimuli: take one of {', '.join(METHODS)}, "
                "or resample='subjects', or have no intervals with bootstrap=0"
            )
        self._method = method
        self._reranked = method in _RANKED and rerank
        self._values = vectors
        if method in _RANKED:
            self._sort(vectors)
            if not rerank:
                self._values, _ = self._centred_ranks(vectors.new_ones(vectors.shape[-1], dtype=self._dtype))
        elif method == "corr":
            self._values = vectors - vectors.mean(-1, keepdim=True)

    def __call__(self, weights: Tensor) -> Tensor:
        """Return the rows of one sample.

        Parameters
        ----------
        weights : torch.Tensor, (pair,)
            How often each pair is in the sample.

        Returns
        -------
        torch.Tensor, (row, pair)
            The product of two of them is their similarity in the sample. Rows have unit length, with rho-a a shorter
            one where there are ties; a row without any variance is NaN.
        """
        weights = weights.to(self._dtype if self._reranked else self._values.dtype)
        root = weights.sqrt()
        if self._reranked:
            rows, length = self._centred_ranks(weights)
            return rows * (root / length.to(rows.dtype))
        rows = self._values
        if self._method != "cosine":
            rows = rows - (rows @ weights / weights.sum())[:, None]
        rows = rows * root
        length = rows.norm(dim=-1, keepdim=True)
        # A constant row is similar to nothing, and not what rounding left of it.
        floor = 10 * torch.finfo(rows.dtype).eps * (self._values * root).norm(dim=-1, keepdim=True)
        return rows / torch.where(length > floor, length, torch.nan)

    def _sort(self, values: Tensor) -> None:
        """Note where the pairs, (row, pair), are in the order of their row, and which are tied."""
        rows, pairs = self._shape = values.shape
        self._dtype = torch.float32 if pairs <= _EXACT_IN_FLOAT32 else torch.float64
        # Half of the memory of a bootstrap is these indices.
        kind = torch.int32 if values.numel() < 2**31 else torch.int64
        order = torch.empty(rows, pairs, dtype=kind, device=values.device)
        place = torch.empty_like(order)
        tied = []
        step = max(1, _BLOCK_VALUES // pairs)
        for start in range(0, rows, step):
            block = slice(start, start + step)
            ordered, by_rank = values[block].sort(dim=-1, stable=True)
            order[block] = by_rank
            numbers = torch.arange(pairs, device=values.device).expand(len(by_rank), -1)
            rank = torch.empty_like(by_rank).scatter_(-1, by_rank, numbers)
            row_start = torch.arange(start, start + len(rank), device=values.device)[:, None] * pairs
            place[block] = rank + row_start
            tied.append(_tied(ordered, by_rank) + start * pairs)
        self._order, self._place = order.view(-1), place.view(-1)
        self._tied, self._tied_first, self._tied_last = torch.cat(tied, 1)
        self._tied_row, self._tied_pair = self._tied // pairs, self._tied % pairs

    def _centred_ranks(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean ranks in the sample minus their mean, (row, pair), and their lengths, (row, 1)."""
        along = weights.index_select(0, self._order)
        sums = along.view(self._shape).cumsum(-1).view(-1)
        total = weights.sum()
        ranks = sums.index_select(0, self._place).view(self._shape).sub_((weights + total) / 2)
        upto, before = sums[self._tied_last], sums[self._tied_first] - along[self._tied_first]
        ranks.view(-1)[self._tied] = (upto + before - total) / 2
        return ranks, self._length(weights, upto - before)

    def _length(self, weights: Tensor, tied: Tensor) -> Tensor:
        """Return lengths of centred ranks, from weights of pairs and of the groups that tied pairs are in."""
        exact = weights.double()
        total = exact.sum()
        cubes = total.expand(self._shape[0])
        if self._method != "rho-a":
            own = exact[self._tied_pair]
            of_groups = own * tied.double() ** 2 - own**3
            cubes = (exact**3).sum().expand(self._shape[0]).index_add(0, self._tied_row, of_groups)
        square = (total**3 - cubes) / 12
        return torch.where(square > _ROUNDING * total**3, square, torch.nan).sqrt()[:, None]


def _tied(ordered: Tensor, order: Tensor) -> Tensor:
    """Return which of the sorted rows, (row, pair), are tied, and the first and last with the same value, (3, number).

    The first are places in the rows before sorting, the others places after; all are counted through all rows.
    """
    pairs = ordered.shape[-1]
    changes = ordered[:, 1:] != ordered[:, :-1]
    if bool(changes.all()):
        return order.new_empty(3, 0)
    edge = torch.ones_like(changes[:, :1])
    begins, ends = torch.cat([edge, changes], 1), torch.cat([changes, edge], 1)
    row, at = torch.nonzero(~(begins & ends), as_tuple=True)
    # Groups of ties follow one another, so the first of a group is the last beginning so far.
    numbers = row * pairs + at
    first = torch.where(begins[row, at], numbers, 0).cummax(0).values
    last = torch.where(ends[row, at], numbers, ordered.numel()).flip(0).cummin(0).values.flip(0)
    return torch.stack([row * pairs + order[row, at], first, last])
