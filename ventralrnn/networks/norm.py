"""Time-specific batch normalisation."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ventralrnn.networks.spec import Norm


class TimeBatchNorm(nn.Module):
    """Batch normalisation with statistics of its own for every time step.

    Steps without statistics (beyond those trained, or never run in training) use those of the last step before them
    that has some, with a warning: *repeat the last*. :func:`ventralrnn.networks.recalibrate` is the better way.

    Parameters
    ----------
    channels : int
        Number of feature maps.
    steps : int
        Number of time steps.
    norm : Norm
        Statistics per step or shared over time, scale and shift, momentum, eps.

    Notes
    -----
    Liao & Poggio (2016), "time-specific batch normalisation"; Jastrzebski et al. (2018) call the same *unshared*
    batch normalisation statistics.

    Examples
    --------
    >>> import torch
    >>> from ventralrnn.networks import Norm, TimeBatchNorm
    >>> norm = TimeBatchNorm(channels=8, steps=4, norm=Norm())
    >>> tuple(norm.running_mean.shape)  # a row a step
    (4, 8)
    >>> tuple(norm(torch.rand(2, 8, 4, 4), step=0).shape)
    (2, 8, 4, 4)
    """

    running_mean: Tensor
    running_var: Tensor
    batches: Tensor
    # Whether a batch that is split over several processes is normalised as one.
    synchronised = False
    # Whether running statistics take note of what passes; not where a forward pass is only repeated.
    keeping = True

    def __init__(self, channels: int, steps: int, norm: Norm) -> None:
        super().__init__()
        self.norm = norm
        self.momentum: float | None = norm.momentum
        rows = steps if norm.statistics == "step" else 1
        self.register_buffer("running_mean", torch.zeros(rows, channels))
        self.register_buffer("running_var", torch.ones(rows, channels))
        self.register_buffer("batches", torch.zeros(rows, dtype=torch.long))
        self.affine = None if norm.affine == "none" else TimeAffine(channels, steps, norm)
        self._rows: list[int] | None = None

    def forward(self, x: Tensor, step: int, keep: bool = True) -> Tensor:
        """Normalise a state.

        Parameters
        ----------
        x : torch.Tensor, (batch, channel, y, x)
            The state.
        step : int
            Its time step.
        keep : bool
            Whether running statistics take note of it in training.

        Returns
        -------
        torch.Tensor, (batch, channel, y, x)
            Zero mean and unit variance per channel (over the batch in training, by running statistics in evaluation),
            then scaled and shifted where the specification says so.
        """
        row = self._training_row(step) if self.training else self.evaluation_row(step)
        momentum = self.momentum
        keep = keep and self.keeping
        if self.training and keep:
            with torch.no_grad():
                self.batches[row] += 1
            if momentum is None:  # cumulative average, for recalibration
                momentum = 1.0 / float(self.batches[row])
        # Without momentum the running statistics stay as they are.
        momentum = momentum if keep and momentum is not None else 0.0
        mean, var = self.running_mean[row], self.running_var[row]
        if self.training and self.synchronised:
            x = _normalise_together(x, mean, var, momentum, self.norm.eps)
        else:
            x = functional.batch_norm(x, mean, var, training=self.training, momentum=momentum, eps=self.norm.eps)
        return x if self.affine is None else self.affine(x, step)

    def reset_running_stats(self) -> None:
        """Forget all statistics."""
        self.running_mean.zero_()
        self.running_var.fill_(1)
        self.batches.zero_()
        self._rows = None

    def _training_row(self, step: int) -> int:
        if self.norm.statistics == "shared":
            return 0
        if step >= len(self.running_mean):
            raise ValueError(f"step {step} has no statistics to train: the network has {len(self.running_mean)} steps")
        return step

    def evaluation_row(self, step: int) -> int:
        """Return the row of statistics that evaluation uses at a step, with a warning if it is another step's."""
        if self._rows is None:  # reading the counts waits for the device, so it is done once
            counts = self.batches.tolist()
            self._rows = [row for row, count in enumerate(counts) if count] or list(range(len(counts)))
        if self.norm.statistics == "shared":
            return 0
        row = max((r for r in self._rows if r <= step), default=self._rows[0])
        if row != step:
            warnings.warn(
                f"no batch norm statistics for step {step}: repeating those of step {row}; "
                "recalibrate() computes them from pictures",
                stacklevel=2,
            )
        return row

    def train(self, mode: bool = True) -> "TimeBatchNorm":
        """Set training or evaluation mode."""
        self._rows = None
        return super().train(mode)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._rows = None
        super()._load_from_state_dict(*args, **kwargs)


def _normalise_together(x: Tensor, running_mean: Tensor, running_var: Tensor, momentum: float, eps: float) -> Tensor:
    """Normalise by the mean and variance over the parts of a batch that all processes hold, equal in size."""
    from torch.distributed import get_world_size
    from torch.distributed.nn import functional as together

    processes = get_world_size()
    wide = x.to(running_mean.dtype)  # half precision is too coarse for statistics
    # Two passes: the mean of squares minus the square of the mean would lose digits.
    mean = together.all_reduce(wide.mean((0, 2, 3))) / processes
    centred = wide - mean[:, None, None]
    var = together.all_reduce(centred.square().mean((0, 2, 3))) / processes
    with torch.no_grad():
        number = processes * x.numel() // x.shape[1]
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(var * (number / (number - 1)), momentum)
    return (centred * torch.rsqrt(var + eps)[:, None, None]).to(x.dtype)


class TimeAffine(nn.Module):
    """A learned scale and shift per channel, for every time step or one for all.

    Parameters
    ----------
    channels, steps : int
        Number of feature maps and of time steps.
    norm : Norm
        ``affine`` is 'step' or 'shared'.
    """

    def __init__(self, channels: int, steps: int, norm: Norm) -> None:
        super().__init__()
        rows = steps if norm.affine == "step" else 1
        self.scale = nn.Parameter(torch.ones(rows, channels))
        self.shift = nn.Parameter(torch.zeros(rows, channels))

    def forward(self, x: Tensor, step: int) -> Tensor:
        """Scale and shift a normalised state (batch, channel, y, x); steps beyond the trained repeat the last."""
        row = min(step, len(self.scale) - 1)
        return torch.addcmul(self.shift[row, :, None, None], x, self.scale[row, :, None, None])
