"""What a network answers for pictures, at every readout time."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ventralrnn.networks import RecurrentNetwork
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import standardise
from ventralrnn.training.precision import computing_in
from ventralrnn.training.processes import Process
from ventralrnn.training.splits import Labelled


@torch.no_grad()
def read_out(
    network: RecurrentNetwork,
    parts: Iterable[tuple[Tensor, Tensor]],
    readouts: Sequence[int],
    *,
    steps: int | None = None,
) -> Tensor:
    """Return the scores of a network in evaluation mode, in float32.

    Parameters
    ----------
    network : RecurrentNetwork
        On the device where it is to run.
    parts : iterable of (torch.Tensor, uint8, (part, y, x, 3); torch.Tensor)
        Pixels at its input size, one forward pass each, and labels, which are not looked at.
    readouts : sequence of int
        Readout times, in steps.
    steps : int, optional
        Number of steps to run; the specification's by default.

    Returns
    -------
    torch.Tensor, float32, (picture, readout, class)
        Before the softmax.
    """
    device = network.post_net.linear.weight.device
    scores = []
    for pixels, _ in parts:
        x = standardise(pixels.to(device), network.spec.preprocessing)
        answer = network(x, steps=steps, readout=tuple(readouts), record={})
        assert answer is not None
        scores.append(answer.cpu())
    return torch.cat(scores)


@torch.no_grad()
def watch(
    network: RecurrentNetwork,
    pictures: Labelled,
    preprocessing: Preprocessing,
    readouts: Sequence[int],
    precision: str,
    process: Process,
    batch_size: int = 500,
) -> tuple[float, list[float]]:
    """Return loss and accuracy on pictures that all processes share, computed as in training.

    Parameters
    ----------
    network : RecurrentNetwork
        Set to evaluation mode for the while.
    pictures : LabelledPictures or LabelledFiles
        Each process takes every n-th.
    preprocessing : Preprocessing
        Of the network.
    readouts : sequence of int
        Readout times, in steps.
    precision : str
        'float32' or 'bfloat16'.
    process : Process
        This one.
    batch_size : int
        Pictures a forward pass.

    Returns
    -------
    loss : float
        Mean cross-entropy at the last readout time.
    accuracy : list of float
        At every readout time.
    """
    mode = network.training
    network.eval()
    total = torch.zeros(2 + len(readouts), dtype=torch.float64)
    for pixels, numbers in pictures.parts(batch_size, process.rank, process.count):
        x = standardise(pixels.to(process.device), preprocessing)
        labels = numbers.to(process.device)
        with computing_in(precision, process.device):
            scores = network(x, readout=tuple(readouts), record={})
        assert scores is not None
        loss = functional.cross_entropy(scores[:, -1].float(), labels, reduction="sum")
        right = (scores.argmax(2) == labels[:, None]).sum(0)
        total += torch.cat([torch.tensor([len(labels)]), loss.cpu()[None], right.cpu()]).double()
    network.train(mode)
    total = process.sum(total.to(process.device, torch.float64 if process.device.type != "mps" else torch.float32))
    number, loss_sum, *right_sum = total.tolist()
    return loss_sum / number, [value / number for value in right_sum]
