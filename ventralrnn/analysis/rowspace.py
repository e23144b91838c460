"""Features of few stimuli, exactly, in as many dimensions as there are stimuli."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# Values of a block of features that is converted and multiplied at once.
_BLOCK_VALUES = 1 << 23


def centred_gram(features: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return inner products of stimuli, the mean over stimuli taken away from every feature first.

    Parameters
    ----------
    features : torch.Tensor, (stimulus, feature)
        Finite.
    dtype : torch.dtype
        In which products of blocks of features are computed. Blocks are added up in float64.

    Returns
    -------
    torch.Tensor of float64, (stimulus, stimulus)
        Centred up to the rounding of `dtype`.
    """
    count, width = features.shape
    gram = torch.zeros(count, count, dtype=torch.float64, device=features.device)
    size = max(1, _BLOCK_VALUES // max(count, 1))
    for start in range(0, width, size):
        block = centred(features[:, start : start + size], dtype)
        gram += products_of_rows(block)
    return gram


def products_of_rows(matrix: Tensor) -> Tensor:
    """Return ``matrix @ matrix.mT``, on a CPU at half the multiplications: numpy, unlike torch, sees the symmetry."""
    if matrix.device.type != "cpu":
        return matrix @ matrix.mT
    array = matrix.numpy()
    return torch.from_numpy(array @ array.T)


def add_products_of_rows(sums: Tensor, matrix: Tensor) -> None:
    """Add ``matrix @ matrix.mT`` to the upper triangle of sums; what lies below the diagonal is left undefined.

    On a CPU a symmetric product (BLAS's syrk) adds in place, at half the multiplications and without a second matrix.

    Parameters
    ----------
    sums : torch.Tensor, (row, row)
        Contiguous, of the type of `matrix`; float32 or float64.
    matrix : torch.Tensor, (row, column)
        Contiguous.
    """
    if sums.device.type != "cpu":
        sums.addmm_(matrix, matrix.mT)
        return
    from scipy.linalg import blas

    add = blas.dsyrk if sums.dtype == torch.float64 else blas.ssyrk
    # Read column by column, as BLAS does, both are transposed: its lower triangle is the upper one here.
    add(1.0, matrix.numpy().T, 1.0, sums.numpy().T, trans=1, lower=1, overwrite_c=1)


@contextmanager
def one_thread_of_torch() -> Iterator[None]:
    """Leave the processors to BLAS, on whose threads those of torch, which wait for work, would otherwise spin."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def centred(features: Tensor, dtype: torch.dtype) -> Tensor:
    """Return features less their mean over stimuli; a constant feature becomes exactly zero."""
    # The first stimulus goes first: the difference of near-duplicates is exact, their mean need not be.
    shifted = (features - features[:1].to(dtype)).to(dtype)
    shifted -= shifted.mean(0)
    return shifted


class Split(NamedTuple):
    """Centred features of training and test stimuli in an orthonormal basis of the training stimuli's row space.

    ``left * lengths`` (training stimulus, dimension) are the coordinates of the training stimuli, ``test``
    (test stimulus, dimension) those of the test stimuli. What these have outside the row space no linear map
    that was fitted with a rotation-invariant penalty can see.
    """

    left: Tensor
    lengths: Tensor
    test: Tensor


class FeatureSpace:
    """The features of one state, decomposed for any choice of training and test stimuli.

    The larger of the two Gram matrices is never formed. Where features outnumber stimuli, inner products of stimuli
    are computed once and serve every split.

    Parameters
    ----------
    features : torch.Tensor, (stimulus, feature)
        Finite.
    """

    def __init__(self, features: Tensor) -> None:
        self.features = features
        self.wide = features.shape[1] > features.shape[0]
        self._gram = centred_gram(features) if self.wide else None

    def products(self, train: np.ndarray, test: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return what determines a linear regression: products over features, or where these are many, stimuli.

        Parameters
        ----------
        train, test : numpy.ndarray of int
            Positions of the stimuli.

        Returns
        -------
        tuple of torch.Tensor of float64
            Of features that are centred with the training stimuli's mean: if ``wide``, Gram matrices
            (train, train) and (test, train); else training (train, feature) and test features (test, feature).
        """
        rows, others = (torch.as_tensor(index, device=self.features.device) for index in (train, test))
        if self._gram is None:
            exact = self.features.double()
            mean = exact[rows].mean(0)
            return exact[rows] - mean, exact[others] - mean
        inner = self._gram[rows[:, None], rows]
        cross = self._gram[others[:, None], rows]
        mean = inner.mean(0)
        cross = cross - cross.mean(1, keepdim=True) - mean + mean.mean()
        return inner - mean - mean[:, None] + mean.mean(), cross

    def split(self, train: np.ndarray, test: np.ndarray) -> Split:
        """Return training and test stimuli in the row space of the training stimuli.

        Parameters
        ----------
        train, test : numpy.ndarray of int
            Positions of the stimuli.

        Returns
        -------
        Split
            In float64, dimensions of no length left out.
        """
        first, second = self.products(train, test)
        if not self.wide and first.shape[1] < len(train) - 1:
            lengths, basis = decompose_gram(products_of_rows(first.mT))
            return Split(first @ basis / lengths, lengths, second @ basis)
        # Also where stimuli outnumber features barely: the vectors of stimuli are then not exact by way of features.
        inner, cross = (first, second) if self.wide else (products_of_rows(first), second @ first.mT)
        lengths, left = decompose_gram(inner)
        return Split(left, lengths, cross @ left / lengths)

    def weights(self, train: np.ndarray, split: Split, coefficients: Tensor) -> Tensor:
        """Return weights of features from weights of the dimensions of a split.

        Parameters
        ----------
        train : numpy.ndarray of int
            Training stimuli of the split.
        split : Split
            As :meth:`split` returned it.
        coefficients : torch.Tensor, (dimension, target)
            Weights of its dimensions.

        Returns
        -------
        torch.Tensor of float64, (feature, target)
            The same linear maps of centred features.
        """
        dual = split.left @ (coefficients / split.lengths[:, None])
        rows = torch.as_tensor(train, device=self.features.device)
        blocks = self.features.split(max(1, _BLOCK_VALUES // len(train)), 1)
        return torch.cat([centred(block[rows], torch.float64).mT @ dual for block in blocks])


def decompose_gram(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Return the singular values and vectors of features from their Gram matrix.

    Parameters
    ----------
    gram : torch.Tensor of float64, (item, item)
        Of features that are centred.

    Returns
    -------
    tuple of torch.Tensor, (dimension,) and (item, dimension)
        Singular values that are above rounding, smallest first, and their vectors.
    """
    values, vectors = torch.linalg.eigh(gram)
    floor = values[-1:].clamp(min=0) * len(values) * torch.finfo(values.dtype).eps
    kept = values > floor
    return values[kept].sqrt(), vectors[:, kept]
