"""Optimisers: SGD and Muon, with one schedule for both."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ventralrnn.networks import RecurrentNetwork
from ventralrnn.networks.transitions import Kernel
from ventralrnn.training.recipe import Recipe


class Muon(torch.optim.Optimizer):
    """Momentum whose updates of weight matrices are made orthogonal.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter
        Convolution weights (out, in, y, x), read as matrices (out, in * y * x).
    lr : float
        Size of an update relative to the weight as it was initialised: its Frobenius norm over that one's.
    momentum : float
        Of the gradients.
    nesterov : bool
        Whether momentum looks ahead.
    keep_norm : bool
        Whether weights are scaled back to their initial norm after every update.

    Notes
    -----
    Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks". Weights of one shape are made
    orthogonal in one batched product. The update is scaled by the initial norm of the weight, so that one rate fits
    all shapes.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.9,
        nesterov: bool = True,
        keep_norm: bool = True,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov, "keep_norm": keep_norm})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update all weights once."""
        for group in self.param_groups:
            by_shape: dict[tuple[int, ...], list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    by_shape.setdefault(tuple(weight.shape), []).append(weight)
            for weights in by_shape.values():
                updates = [self._momentum(weight, group) for weight in weights]
                matrices = orthogonalise(torch.stack([u.reshape(len(u), -1) for u in updates]))
                for weight, matrix in zip(weights, matrices, strict=True):
                    size = self.state[weight]["norm"] / min(matrix.shape) ** 0.5
                    weight.sub_(matrix.reshape(weight.shape) * (group["lr"] * size))
                    if group["keep_norm"]:
                        weight.mul_(self.state[weight]["norm"] / weight.norm())

    def _momentum(self, weight: Tensor, group: dict[str, float]) -> Tensor:
        state, gradient = self.state[weight], weight.grad
        assert gradient is not None
        if not state:
            state["buffer"] = torch.zeros_like(weight)
            state["norm"] = weight.norm()
        buffer: Tensor = state["buffer"]
        buffer.mul_(group["momentum"]).add_(gradient)
        return gradient.add(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer


def orthogonalise(matrices: Tensor, iterations: int = 5) -> Tensor:
    """Bring the singular values of matrices close to 1.

    Parameters
    ----------
    matrices : torch.Tensor, (n, rows, columns)
        Any.
    iterations : int
        Of a quintic Newton-Schulz iteration; singular values end between about 0.7 and 1.2.

    Returns
    -------
    torch.Tensor, (n, rows, columns)
        The same singular vectors.

    Notes
    -----
    Coefficients of Jordan et al. (2024). An iteration multiplies a matrix by a polynomial of its Gram matrix, which
    commutes with all others: so the small Gram matrix is iterated, and the matrix multiplied once, by their product.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-12)
    gram = x @ x.mT
    product = None
    for number in range(iterations):
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        polynomial.diagonal(dim1=-2, dim2=-1).add_(a)
        product = polynomial if product is None else polynomial @ product
        if number < iterations - 1:
            gram = polynomial @ gram @ polynomial
    x = x if product is None else product @ x
    return x.mT if tall else x


def make_optimisers(network: RecurrentNetwork, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Return the optimisers of a recipe.

    Parameters
    ----------
    network : RecurrentNetwork
        To be trained.
    recipe : Recipe
        Which, with what rates.

    Returns
    -------
    list of torch.optim.Optimizer
        Together they have every parameter once. Their ``lr`` is the highest; see :func:`set_rate`.
    """
    inner = (network.kernels, network.pre_net.kernels)
    kernels = {id(m.weight) for part in inner for m in part.modules() if isinstance(m, Kernel)}
    hidden: list[Tensor] = []
    decayed: list[Tensor] = []
    free: list[Tensor] = []
    for weight in network.parameters():
        if recipe.optimiser == "muon" and id(weight) in kernels:
            hidden.append(weight)
        else:
            # Biases, scales and shifts have no scale to lose.
            (decayed if weight.ndim > 1 and not _is_affine(network, weight) else free).append(weight)
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    sgd = torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov and recipe.momentum > 0,
        foreach=True,
    )
    muon = [Muon(hidden, recipe.muon_rate, recipe.momentum, recipe.nesterov, recipe.keep_norm)] if hidden else []
    return [*muon, sgd]


def set_rate(optimisers: Iterable[torch.optim.Optimizer], share: float) -> None:
    """Set the learning rates to a share of the highest."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group.setdefault("highest", group["lr"])
            group["lr"] = group["highest"] * share


def _is_affine(network: nn.Module, weight: Tensor) -> bool:
    from ventralrnn.networks.norm import TimeAffine

    return any(weight is p for m in network.modules() if isinstance(m, TimeAffine) for p in m.parameters())
