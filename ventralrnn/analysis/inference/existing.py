"""Which RDMs exist, and whether two sets of them can be compared."""

from torch import Tensor

from ventralrnn.analysis.rdm.container import count_stimuli
from ventralrnn.errors import AnalysisError


def existing(vectors: Tensor, name: str) -> Tensor:
    """Return which rows of RDMs exist.

    Parameters
    ----------
    vectors : torch.Tensor, (..., pair)
        Dissimilarities.
    name : str
        Of the argument, for messages.

    Returns
    -------
    torch.Tensor of bool, (...)
        False where a row is NaN throughout.

    Raises
    ------
    AnalysisError
        If a row is NaN in places, or infinite.
    """
    good = vectors.isfinite()
    there = good.all(-1)
    if bool((~there & ~vectors.isnan().all(-1)).any()):
        raise AnalysisError(f"{name}: RDMs hold NaN or infinity in places; only a whole state may be NaN")
    return there


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
