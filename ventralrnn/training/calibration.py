"""Batch norm statistics of a trained network, for every area and step."""

from ventralrnn.networks import RecurrentNetwork, recalibrate
from ventralrnn.stimuli import standardise
from ventralrnn.training.splits import Labelled

_BATCH = 500


def calibrate(network: RecurrentNetwork, pictures: Labelled, number: int, steps: int | None = None) -> RecurrentNetwork:
    """Compute the batch norm statistics of every area and step from training pictures.

    Parameters
    ----------
    network : RecurrentNetwork
        Left unchanged.
    pictures : LabelledPictures or LabelledFiles
        Training pictures; an even selection of them is used.
    number : int
        How many, at most.
    steps : int, optional
        Number of steps of the copy.

    Returns
    -------
    RecurrentNetwork
        A copy, in evaluation mode.
    """
    device = network.post_net.linear.weight.device
    pixels = pictures.spread(number).pixels
    # Parts of equal size: the average over batches weighs them alike.
    parts = pixels.tensor_split(max(1, round(len(pixels) / _BATCH)))
    batches = (standardise(part.to(device), network.spec.preprocessing) for part in parts)
    return recalibrate(network, batches, steps=steps)
