"""A first layer that whitens patches of pictures."""

import torch
from torch import Tensor

from ventralrnn.networks.network import RecurrentNetwork


def whiten(network: RecurrentNetwork, pictures: Tensor) -> None:
    """Set the first kernel of a network so that its outputs are decorrelated and of equal variance.

    Parameters
    ----------
    network : RecurrentNetwork
        Its first kernel is overwritten: half of the channels are the leading eigenvectors of the covariance of patches,
        each divided by its standard deviation, the other half the same with the opposite sign. Where there are more
        channels than that, the others keep their initial weights, scaled to unit variance of their output.
    pictures : torch.Tensor, (n, 3, y, x)
        Prepared pictures; a few thousand are enough.

    Notes
    -----
    Page (2019), "How to train your ResNet 8: bag of tricks"; Jordan (2024), arXiv 2404.00498. There the layer is
    frozen; here it is a starting point and is trained.

    Examples
    --------
    >>> import torch
    >>> from ventralrnn.networks import RecurrentNetwork, whiten
    >>> from ventralrnn.zoo import model_spec
    >>> network = RecurrentNetwork(model_spec("ventral"))
    >>> whiten(network, torch.rand(64, 3, 32, 32))
    """
    weight = network.pre_net.first.weight
    outputs, _, size, _ = weight.shape
    with torch.no_grad():
        # Every position of every picture is a patch; the covariance is theirs about the mean colour, which is 0.
        patches = torch.nn.functional.unfold(pictures.to(weight.device, torch.float32), size, stride=size)
        patches = patches.transpose(1, 2).reshape(-1, patches.shape[1]).double()
        covariance = patches.T @ patches / len(patches)
        values, vectors = torch.linalg.eigh(covariance)
        # A floor for the variance keeps directions that pictures hardly have from being noise.
        scaled = (vectors / (values + 5e-4).sqrt()).T.flip(0)
        half = min(outputs // 2, len(scaled))
        filters = torch.cat([scaled[:half], -scaled[:half]])
        if len(filters) < outputs:
            rest = weight[len(filters) :].reshape(outputs - len(filters), -1).double()
            deviation = ((rest @ covariance) * rest).sum(1).clamp_min(1e-12).sqrt()
            filters = torch.cat([filters, rest / deviation[:, None]])
        weight.copy_(filters.reshape(weight.shape).to(weight.dtype))
