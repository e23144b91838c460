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
                "or resample subjects"
            )
        self._method = method
        self._reranked = method in _RANKED and rerank
        self._values = vectors
        if method in _RANKED:
            self._sort(vectors)
            if not rerank:
                self._values = self._centred_ranks(vectors.new_ones(vectors.shape[-1], dtype=self._dtype))
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
            rows = self._centred_ranks(weights)
            if self._method == "rho-a" or not self._tied:
                return rows * (root / self._length(weights)).to(rows.dtype)
            rows *= root
            return rows / rows.norm(dim=-1, keepdim=True)
        rows = self._values
        if self._method != "cosine":
            rows = rows - (rows @ weights / weights.sum())[:, None]
        rows = rows * root
        length = rows.norm(dim=-1, keepdim=True)
        # A constant row is similar to nothing, and not what rounding left of it.
        floor = 10 * torch.finfo(rows.dtype).eps * (self._values * root).norm(dim=-1, keepdim=True)
        return rows / torch.where(length > floor, length, torch.nan)

    def _length(self, weights: Tensor) -> Tensor:
        """Return the length of centred ranks, which depends on the weights alone where nothing but copies is tied."""
        exact = weights.double()
        total = exact.sum()
        copies = total if self._method == "rho-a" else (exact**3).sum()
        return ((total**3 - copies) / 12).sqrt()

    def _sort(self, values: Tensor) -> None:
        rows, pairs = values.shape
        ordered, order = values.sort(dim=-1, stable=True)
        place = torch.empty_like(order).scatter_(-1, order, torch.arange(pairs, device=values.device).expand(rows, -1))
        changes = ordered[:, 1:] != ordered[:, :-1]
        self._tied = not bool(changes.all())
        # A quarter of the memory and time of a bootstrap is these indices.
        kind = torch.int32 if values.numel() < 2**31 else torch.int64
        start = torch.arange(rows, device=values.device)[:, None] * pairs
        self._order = order.reshape(-1).to(kind)
        self._shape = (rows, pairs)
        self._dtype = torch.float32 if pairs <= _EXACT_IN_FLOAT32 else torch.float64
        if not self._tied:
            self._last = (place + start).reshape(-1).to(kind)
            return
        numbers = torch.arange(pairs, device=values.device).expand(rows, -1)
        edge = torch.ones_like(changes[:, :1])
        first = torch.where(torch.cat([edge, changes], 1), numbers, 0).cummax(-1).values
        last = torch.where(torch.cat([changes, edge], 1), numbers, pairs).flip(-1).cummin(-1).values.flip(-1)
        self._first = (first.gather(-1, place) + start).reshape(-1).to(kind)
        self._last = (last.gather(-1, place) + start).reshape(-1).to(kind)

    def _centred_ranks(self, weights: Tensor) -> Tensor:
        along = weights.index_select(0, self._order).view(self._shape)
        sums = along.cumsum(-1)
        upto = sums.view(-1).index_select(0, self._last).view(self._shape)
        if not self._tied:
            return upto.sub_((weights + weights.sum()) / 2)
        before = (sums - along).view(-1).index_select(0, self._first).view(self._shape)
        return (upto + before).sub_(weights.sum()).div_(2)
