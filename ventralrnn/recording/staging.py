"""Buffers between the forward pass and the writer: states are pooled, cast and copied once, as they appear."""

import queue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ventralrnn.errors import RecordingError
from ventralrnn.recording.journal import Entry
from ventralrnn.recording.layout import AreaLayout
from ventralrnn.recording.recorder import Take
from ventralrnn.recording.writer import page_aligned

_LARGEST_FLOAT16 = 65504.0


@dataclass
class Buffer:
    """States of one batch on their way to disk.

    Parameters
    ----------
    arrays : dict of str to numpy.ndarray, (step, stimulus, neuroid)
        One for every area.
    tensors : dict of str to torch.Tensor
        The same memory.
    """

    arrays: dict[str, np.ndarray]
    tensors: dict[str, Tensor]


class Receiver:
    """Checks states, pools them and copies them to where they are wanted.

    Parameters
    ----------
    layouts : sequence of AreaLayout
        The areas.
    pool : {'none', 'mean'}
        Whether positions are averaged.
    """

    def __init__(self, layouts: Sequence[AreaLayout], pool: str) -> None:
        self._layouts = {layout.name: layout for layout in layouts}
        self._rows = {layout.name: {step: i for i, step in enumerate(layout.steps)} for layout in layouts}
        self._pool = pool

    def receive(self, tensors: Mapping[str, Tensor], count: int, where: str) -> Take:
        """Return a function that copies a state into tensors.

        Parameters
        ----------
        tensors : mapping of str to torch.Tensor, (step, stimulus, neuroid)
            Where to, for every area.
        count : int
            Stimuli in the batch.
        where : str
            Names the stimuli, for messages.

        Returns
        -------
        callable
            Takes (area, step, state).
        """

        def take(area: str, step: int, state: Tensor | None) -> None:
            row = self._rows[area].get(step)
            if row is None:
                return
            layout = self._layouts[area]
            if (state is None) != (step in layout.unreached):
                raise RecordingError(
                    f"area {area}, step {step}: reached for some stimuli and not for others ({where}): record models "
                    "whose steps do not depend on the picture"
                )
            if state is None:
                return
            pooled = as_states(state, self._pool, area, count)
            if tuple(pooled.shape[1:]) != layout.unit_shape:
                raise RecordingError(
                    f"area {area}, step {step}: states of shape {tuple(pooled.shape[1:])} for {where}, but "
                    f"{layout.unit_shape} for the first stimulus"
                )
            _check_values(pooled, layout, step, where)
            target = tensors[area][row, :count].view(pooled.shape)
            target.copy_(pooled, non_blocking=pooled.device.type == "cuda")

        return take


class Staging:
    """A few buffers that take turns: one is filled while another is written.

    Parameters
    ----------
    layouts : sequence of AreaLayout
        The areas.
    batch_size : int
        Stimuli a batch at most.
    device : torch.device
        Where states come from.
    pool : {'none', 'mean'}
        Whether positions are averaged.
    """

    def __init__(self, layouts: Sequence[AreaLayout], batch_size: int, device: torch.device, pool: str) -> None:
        self._layouts = {layout.name: layout for layout in layouts}
        self._device = device
        self._receiver = Receiver(layouts, pool)
        self._free: queue.Queue[Buffer] = queue.Queue()
        for _ in range(2):
            self._free.put(self._make(batch_size))

    def _make(self, batch_size: int) -> Buffer:
        arrays, tensors = {}, {}
        for name, a in self._layouts.items():
            shape = (len(a.steps), batch_size, a.neuroids)
            if self._device.type == "cuda":  # page-locked, so that copies from the GPU overlap with its work
                tensors[name] = torch.empty(shape, dtype=getattr(torch, a.dtype), pin_memory=True)
                arrays[name] = tensors[name].numpy()
            else:
                arrays[name] = page_aligned(shape, a.dtype)
                tensors[name] = torch.from_numpy(arrays[name])
        return Buffer(arrays, tensors)

    def take_buffer(self) -> Buffer:
        """Return a buffer that nobody uses; waits until the writer has finished with one."""
        return self._free.get()

    def receive(self, buffer: Buffer, count: int, where: str) -> Take:
        """Return a function that copies a state into a buffer, see :meth:`Receiver.receive`."""
        return self._receiver.receive(buffer.tensors, count, where)

    def hand_over(self, buffer: Buffer, entry: Entry) -> tuple[dict[str, np.ndarray], Entry, Callable[[], None]]:
        """Return what the writer takes: arrays, journal entry, and how to give the buffer back."""
        if self._device.type == "cuda":
            torch.cuda.current_stream().synchronize()
        return buffer.arrays, entry, lambda: self._free.put(buffer)


def as_states(state: Tensor, pool: str, area: str, count: int) -> Tensor:
    """Check a module's output and average it over positions if asked.

    Parameters
    ----------
    state : torch.Tensor, (batch, channel, y, x), (batch, token, channel) or (batch, channel)
        What the module returned.
    pool : {'none', 'mean'}
        Whether to average over positions (or tokens).
    area : str
        For messages.
    count : int
        Size of the batch.

    Returns
    -------
    torch.Tensor, (batch, ...)
        The same, or (batch, channel).

    Raises
    ------
    RecordingError
        If there is no batch dimension of that size.
    """
    if state.ndim < 2 or state.shape[0] != count:
        raise RecordingError(
            f"area {area}: its module returns a tensor of shape {tuple(state.shape)} for {count} stimuli: a state is "
            "(batch, channel, y, x), (batch, token, channel) or (batch, channel)"
        )
    if pool == "mean" and state.ndim > 2:
        return state.mean(1) if state.ndim == 3 else state.mean(tuple(range(2, state.ndim)))
    return state


def _check_values(state: Tensor, layout: AreaLayout, step: int, where: str) -> None:
    """Refuse NaN, which marks states that do not exist, and what the type on disk cannot hold."""
    if layout.dtype == "float16":
        largest = float(state.abs().amax())
        if largest > _LARGEST_FLOAT16:
            raise RecordingError(
                f"area {layout.name}, step {step}: values reach {largest:.3g} for {where}, more than float16 holds: "
                "use dtype='float32'"
            )
    else:
        largest = float(state.sum())
    if largest != largest or (largest in (float("inf"), float("-inf")) and not state.isfinite().all()):
        raise RecordingError(
            f"area {layout.name}, step {step}: values that are not finite for {where}: check the model's weights and "
            "the stimuli"
        )
