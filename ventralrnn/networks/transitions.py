"""The modules of a recurrent network: kernels, states, transitions, areas, pre-net and post-net."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from ventralrnn.graph import Connection, Graph
from ventralrnn.networks.norm import TimeAffine, TimeBatchNorm
from ventralrnn.networks.spec import Norm, PostNet, PreNet


class Kernel(nn.Module):
    """Weights of a convolution or deconvolution, apart from the stride with which they are used.

    Parameters
    ----------
    kind : {'conv', 'deconv'}
        Layout of the weights: (out, in, y, x) or, transposed, (in, out, y, x).
    inputs, outputs : int
        Channels.
    size : int
        Side of the kernel, odd.
    bias : bool
        Whether there is a bias.
    gain : float
        The variance of the weights is ``2 / (gain * inputs * size ** 2)`` (He et al. 2015); 1 except for strided
        deconvolutions, where an output position sees only one in ``stride ** 2`` of the kernel.
    """

    def __init__(self, kind: str, inputs: int, outputs: int, size: int, bias: bool, gain: float = 1.0) -> None:
        super().__init__()
        self.kind = kind
        shape = (outputs, inputs) if kind == "conv" else (inputs, outputs)
        self.weight = nn.Parameter(torch.empty(*shape, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        if not self.weight.is_meta:  # drawing nothing on the meta device would load the compiler, which takes seconds
            nn.init.normal_(self.weight, std=(2.0 / (gain * inputs * size**2)) ** 0.5)

    def forward(self, x: Tensor, down: int = 1, up: int = 1, resize: bool = False) -> Tensor:
        """Convolve.

        Parameters
        ----------
        x : torch.Tensor, (batch, channel, y, x)
            Input.
        down, up : int
            Factor by which the resolution falls or rises; at most one is not 1.
        resize : bool
            Raise the resolution by nearest-neighbour resizing and a convolution, not by a transposed convolution.

        Returns
        -------
        torch.Tensor, (batch, channel, y', x')
            Output; y' = y * up / down.
        """
        size = self.weight.shape[-1]
        pad = size // 2
        if self.kind == "conv":
            return functional.conv2d(x, self.weight, self.bias, stride=down, padding=pad)
        if resize:
            weight = self.weight.transpose(0, 1)
            if pad == 0:  # a 1x1 convolution commutes with resizing, and is cheaper before it
                return functional.interpolate(functional.conv2d(x, weight, self.bias), scale_factor=up)
            x = functional.interpolate(x, scale_factor=up) if up > 1 else x
            return functional.conv2d(x, weight, self.bias, padding=pad)
        # Centred on the up x up positions that an input position becomes: so any kernel from that size on covers all.
        pad = (size - up + 1) // 2
        extra = 2 * pad + up - size
        return functional.conv_transpose2d(x, self.weight, self.bias, stride=up, padding=pad, output_padding=extra)


class State:
    """An area's state at one step, with what its outgoing transitions have in common computed once.

    Parameters
    ----------
    raw : torch.Tensor, (batch, channel, y, x)
        The sum of incoming transitions.
    step : int
        Time step.
    norm : TimeBatchNorm or None
        Statistics of this area over time; None if no outgoing transition normalises.
    noted : bool
        Whether the running statistics have taken note of this state already.

    Notes
    -----
    The statistics that a transition needs are those of the state it reads, so all transitions out of a state have
    the same ones: they are kept, and computed, once a (state, step). A learned scale and shift belongs to the
    transition and comes after.
    """

    def __init__(self, raw: Tensor, step: int, norm: TimeBatchNorm | None, noted: bool = False) -> None:
        self.raw = raw
        self.step = step
        self.norm = norm
        self.noted = noted
        self._normalised: Tensor | None = None
        self._rectified: dict[bool, Tensor] = {}

    def read(self, norm: bool, relu: bool, affine: TimeAffine | None) -> Tensor:
        """Return the state normalised and rectified as a transition asks."""
        if norm and affine is not None:
            x = affine(self._normalise(), self.step)
            return functional.relu(x) if relu else x
        if not relu:
            return self._normalise() if norm else self.raw
        if norm not in self._rectified:
            self._rectified[norm] = functional.relu(self._normalise() if norm else self.raw)
        return self._rectified[norm]

    def _normalise(self) -> Tensor:
        if self._normalised is None:
            assert self.norm is not None
            self._normalised = self.norm(self.raw, self.step, keep=not self.noted)
            self.noted = True
        return self._normalised


class TransitionModule(nn.Module):
    """One connection at work: called once a step, returns the current it delivers, or None where it delivers none.

    Parameters
    ----------
    connection : Connection
        What to compute.
    graph : Graph
        Channels and strides of its ends.
    steps : int
        Number of time steps.
    norm : Norm
        Batch normalisation in time.
    """

    def __init__(self, connection: Connection, graph: Graph, steps: int, norm: Norm) -> None:
        super().__init__()
        self.connection = connection
        self.down, self.up = graph.down(connection), graph.up(connection)
        widths = graph.widths(connection)
        normalises = connection.parsed.norm
        learns = normalises and norm.affine != "none"
        self.affine = TimeAffine(widths[0][0], steps, norm) if learns else None
        self.middle = TimeBatchNorm(widths[1][0], steps, norm) if normalises and len(widths) == 2 else None

    def forward(self, source: State | None, kernels: Sequence[Kernel], step: int) -> Tensor | None:
        """Compute the current into the target.

        Parameters
        ----------
        source : State or None
            State that is read; None if the connection delivers nothing at this step.
        kernels : sequence of Kernel
            Weights of each (de)convolution.
        step : int
            Step of the target.

        Returns
        -------
        torch.Tensor, (batch, channel, y, x), or None
            The current.
        """
        if source is None:
            return None
        transition = self.connection.parsed
        resize = self.connection.upsample == "resize"
        x = source.read(transition.norm, transition.relu, self.affine)
        if transition.repeats == 1:
            x = kernels[0](x, self.down, self.up, resize)
        else:
            # Resolution falls in the first convolution and rises in the last: both ways the cheaper order.
            x = kernels[0](x, self.down)
            if self.middle is not None:
                x = self.middle(x, step)
            x = kernels[1](functional.relu(x) if transition.relu else x, 1, self.up, resize)
        return x + source.raw if transition.identity else x


class AreaModule(nn.Module):
    """One area: called once a step with its incoming currents, returns their sum, its state.

    At steps that the input has not reached it is called too, with no currents, and returns None, so that a forward
    hook sees every step.
    """

    def forward(self, currents: Sequence[Tensor]) -> Tensor | None:
        """Sum currents (batch, channel, y, x); None if there are none."""
        if not currents:
            return None
        total = currents[0]
        for number, current in enumerate(currents[1:]):
            # The first sum makes a new tensor; currents themselves are never written to, hooks may hold them.
            total = total + current if number == 0 else total.add_(current)
        return total


class PreNetModule(nn.Module):
    """Convolutions from the picture to the input area.

    Parameters
    ----------
    spec : PreNet
        Number of layers, first kernel, and which layer takes the stride.
    channels, stride : int
        Of the input area.
    norm : Norm
        Momentum and eps of the batch norm between layers. It has one set of statistics: a layer before the graph sees
        pictures, not states, and has no time.
    bias : bool
        Whether convolutions have biases.
    """

    def __init__(self, spec: PreNet, channels: int, stride: int, norm: Norm, bias: bool) -> None:
        super().__init__()
        last = spec.layers - 1 if spec.downsample == "last" else 0
        self.strides = tuple(stride if layer == last else 1 for layer in range(spec.layers))
        self.first = Kernel("conv", 3, channels, spec.kernel, bias)
        timeless = replace(norm, statistics="shared", affine="none")
        self.norms = nn.ModuleList(TimeBatchNorm(channels, 1, timeless) for _ in range(spec.layers - 1))
        self.kernels = nn.ModuleList(Kernel("conv", channels, channels, 3, bias) for _ in range(spec.layers - 1))

    def forward(self, picture: Tensor) -> Tensor:
        """Map pictures (batch, 3, y, x) to the input area's (batch, channel, y / stride, x / stride)."""
        x = self.first(picture, self.strides[0])
        for norm, kernel, stride in zip(self.norms, self.kernels, self.strides[1:], strict=True):
            x = kernel(functional.relu(norm(x, 0)), stride)
        return x


class PostNetModule(nn.Module):
    """Batch norm, ReLU, global average and a linear layer, called once a readout time.

    Parameters
    ----------
    spec : PostNet
        Classes, and whether the batch norm learns a scale and a shift.
    channels : int
        Of the readout area.
    steps : int
        Number of time steps.
    norm : Norm
        Statistics per step or shared.
    """

    def __init__(self, spec: PostNet, channels: int, steps: int, norm: Norm) -> None:
        super().__init__()
        self.norm = TimeBatchNorm(channels, steps, replace(norm, affine="shared" if spec.affine else "none"))
        self.linear = nn.Linear(channels, spec.classes)

    def forward(self, state: Tensor, step: int) -> Tensor:
        """Map a state (batch, channel, y, x) at ``step`` to scores (batch, class)."""
        return self.linear(functional.relu(self.norm(state, step)).mean((2, 3)))
