"""The loop: batches through a network, gradients into an optimiser, and a run that can stop anywhere and go on."""

import copy
import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ventralrnn.errors import TrainingError
from ventralrnn.networks import RecurrentNetwork, TimeBatchNorm
from ventralrnn.training.batches import Batches
from ventralrnn.training.compilation import compile_network
from ventralrnn.training.optimisers import make_optimisers, set_rate
from ventralrnn.training.precision import choose_precision, computing_in
from ventralrnn.training.processes import Process
from ventralrnn.training.recipe import Recipe
from ventralrnn.training.state import load_state, save_state

# How many batches pass between looks at the loss on a device that runs ahead of the program: looking waits for it.
_LOOK = 20


class Trainer:
    """One run: a network, its optimisers, and where it stands.

    Parameters
    ----------
    network : RecurrentNetwork
        With its initial weights, on the device.
    recipe : Recipe
        How it is trained.
    batches : Batches
        What it learns from.
    process : Process
        This one.

    Attributes
    ----------
    epoch, batch : int
        The batch that comes next.
    seconds : float
        Time that was spent learning, over all sittings.
    rows : list of dict
        The log: one row an epoch.
    best : float
        Highest validation accuracy so far.
    """

    def __init__(self, network: RecurrentNetwork, recipe: Recipe, batches: Batches, process: Process) -> None:
        self.network, self.recipe, self.batches, self.process = network, recipe, batches, process
        spec = network.spec
        self.readouts = spec.readout_steps if recipe.readout == "all" else spec.readout_steps[-1:]
        self.precision = choose_precision(recipe.precision, process.device)
        self.average = copy.deepcopy(network).eval() if recipe.average else None
        self.optimisers = make_optimisers(network, recipe)
        network.checkpointing = recipe.checkpoint_steps
        self.epoch, self.batch, self.seconds = 0, 0, 0.0
        self.rows: list[dict[str, Any]] = []
        self.best = -1.0
        # Loss, and right answers at each readout time, summed over the batches of the epoch so far.
        self.sums = torch.zeros(1 + len(self.readouts), device=process.device)
        self.parallel: nn.parallel.DistributedDataParallel | None = None
        if process.count > 1:
            for norm in network.modules():
                if isinstance(norm, TimeBatchNorm):
                    norm.synchronised = recipe.synchronise
            # The same weights are used at every step, and some may not matter for these readouts.
            self.parallel = nn.parallel.DistributedDataParallel(network, find_unused_parameters=True)
        model = self.parallel or network
        self.model: Callable[..., Tensor] = compile_network(model) if recipe.compiled else model

    @property
    def trained(self) -> RecurrentNetwork:
        """The network that is evaluated and kept: the average over the run, or the one that learns."""
        return self.network if self.average is None else self.average

    @property
    def done(self) -> float:
        """Share of the run that is done."""
        return (self.epoch + self.batch / len(self.batches)) / self.recipe.epochs

    def run_epoch(self, after_batch: Callable[[], None]) -> dict[str, float]:
        """Learn from what is left of the current epoch.

        Parameters
        ----------
        after_batch : callable
            Called after every batch, when the position counts it.

        Returns
        -------
        dict
            The mean loss, and accuracy at each readout time (while learning, on augmented pictures).

        Raises
        ------
        TrainingError
            If the loss is no longer finite.
        """
        self.network.train()
        look = 1 if self.process.device.type == "cpu" else _LOOK
        start = time.perf_counter()
        for pictures, labels in self.batches.epoch(self.epoch, self.batch):
            set_rate(self.optimisers, self.recipe.rate(self.done))
            self._learn(pictures, labels)
            self.batch += 1
            if self.batch % look == 0 or self.batch == len(self.batches):
                self._check(pictures)
            self.seconds += time.perf_counter() - start
            after_batch()
            start = time.perf_counter()
        result = self.running()
        self.epoch, self.batch = self.epoch + 1, 0
        self.sums.zero_()
        return result

    def running(self) -> dict[str, float]:
        """Return the mean loss and the accuracies of the epoch so far."""
        sums = self.process.sum(self.sums).tolist()
        batches = max(self.batch, 1)
        seen = batches * self.batches.batch_size
        accuracy = {f"train_accuracy_{step}": n / seen for step, n in zip(self.readouts, sums[1:], strict=True)}
        return {"train_loss": sums[0] / batches / self.process.count, **accuracy}

    def _learn(self, pictures: Tensor, labels: Tensor) -> None:
        parts = self.recipe.accumulate
        for number, (x, y) in enumerate(zip(pictures.chunk(parts), labels.chunk(parts), strict=True)):
            last = number == parts - 1
            with nullcontext() if last or self.parallel is None else self.parallel.no_sync():
                with computing_in(self.precision, self.process.device):
                    scores = self.model(x, readout=self.readouts, record={})
                wide = scores.float()
                loss = functional.cross_entropy(
                    wide.flatten(0, 1),
                    y.repeat_interleave(len(self.readouts)),
                    label_smoothing=self.recipe.label_smoothing,
                )
                (loss / parts).backward()
            with torch.no_grad():
                self.sums[0] += loss.detach() / parts
                self.sums[1:] += (wide.argmax(2) == y[:, None]).sum(0)
        for optimiser in self.optimisers:
            optimiser.step()
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        self._average()

    @torch.no_grad()
    def _average(self) -> None:
        if self.average is None:
            return
        # At first the average is over all steps so far, so that it forgets the initial weights.
        done = self.epoch * len(self.batches) + self.batch
        weight = 1 - min(self.recipe.average, (1 + done) / (10 + done))
        here, there = self.average.state_dict(), self.network.state_dict()
        moving = [key for key in here if here[key].is_floating_point()]
        torch._foreach_lerp_([here[key] for key in moving], [there[key] for key in moving], weight)
        for key in here.keys() - set(moving):
            here[key].copy_(there[key])

    def _check(self, pictures: Tensor) -> None:
        if math.isfinite(self.process.sum(self.sums[:1]).item()):
            return
        where = f"epoch {self.epoch + 1}, batch {self.batch}"
        raise TrainingError(
            f"the loss is not finite at {where}; {_largest_activation(self.network, pictures)}. "
            "Try a lower `learning_rate`, precision='float32' if it was not, fewer steps, or look for pictures without "
            "contrast; the state before this epoch is kept"
        )

    # -- stopping and going on --------------------------------------------------------------------------------------

    def save(self, path: Path, identity: Mapping[str, Any]) -> None:
        """Write all that is needed to go on."""
        position = {
            "identity": dict(identity),
            "epoch": self.epoch,
            "batch": self.batch,
            "seconds": self.seconds,
            "rows": self.rows,
            "best": self.best,
        }
        sums = _Sums(self.process.sum(self.sums))
        if self.process.first:
            save_state(path, {**self._modules(), "sums": sums}, self.optimisers, position)

    def load(self, path: Path, position: Mapping[str, Any]) -> None:
        """Go on from where a run stood."""
        sums = _Sums(torch.zeros_like(self.sums))
        load_state(path, {**self._modules(), "sums": sums}, self.optimisers)
        # The sums over all processes are kept: the first goes on with them.
        self.sums = sums.value if self.process.first else torch.zeros_like(self.sums)
        self.epoch, self.batch = position["epoch"], position["batch"]
        self.seconds, self.rows, self.best = position["seconds"], list(position["rows"]), position["best"]

    def _modules(self) -> dict[str, nn.Module]:
        return {"network": self.network, **({"average": self.average} if self.average is not None else {})}


class _Sums(nn.Module):
    """Sums of an epoch, in the form in which a state is kept."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)


@torch.no_grad()
def _largest_activation(network: RecurrentNetwork, pictures: Tensor) -> str:
    """Say where the largest activation of a batch is."""
    network.train()
    found: list[tuple[float, str, int]] = []
    for area, states in network.states(pictures).items():
        for step, state in enumerate(states):
            if state is not None:
                value = float(state.abs().max())
                found.append((math.inf if math.isnan(value) else value, area, step))
    value, area, step = max(found, key=lambda one: one[0])
    return f"the largest activation is {value:.3g}, in {area} at step {step}"
