"""Which RDMs exist, and whether two sets of them can be compared."""

from torch import Tensor

from ventralrnn.analysis.comparison import measured_pairs
from ventralrnn.analysis.rdm.container import count_stimuli
from ventralrnn.errors import AnalysisError


def existing(vectors: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Return which rows of RDMs exist, and which pairs of stimuli were measured.

    Parameters
    ----------
    vectors : torch.Tensor, (..., pair)
        Dissimilarities.
    name : str
        Of the argument, for messages.

    Returns
    -------
    tuple of torch.Tensor of bool, (...) and (pair,)
        False where a row is NaN throughout, and where a pair is NaN in all rows that exist.

    Raises
    ------
    AnalysisError
        If a pair is NaN in some of the rows that exist only, or a value is infinite.
    """
    rows = vectors.flatten(0, -2)
    measured: Tensor = measured_pairs(rows, name)
    return (~rows.isnan().all(-1)).unflatten(0, vectors.shape[:-1]), measured


def check_pairs(models: Tensor, brains: Tensor) -> int:
    """Return the number of stimuli of RDMs that are to be compared.

    Raises
    ------
    AnalysisError
        If numbers of pairs differ, or none fits a number of stimuli.
    """
    if models.shape[-1] != brains.shape[-1]:
        raise AnalysisError(f"brain: RDMs of {brains.shape[-1]} pairs, but the model's have {models.shape[-1]}")
    return count_stimuli(models.shape[-1])
