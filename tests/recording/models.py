"""Models as other people write them, in one file: each is a factory without arguments."""

from typing import Any

import torch
from torch import Tensor, nn

STEPS = 4


class Cell(nn.Module):
    """A convolution and, as in CORnet, an ``output`` that is called once a step."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.output = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.relu(self.conv(x)))


class Recurrent(nn.Module):
    """One stem, one recurrent area ``it``, a readout."""

    def __init__(self, steps: int = STEPS) -> None:
        super().__init__()
        self.steps = steps
        self.stem = Cell(3, 4, 2)
        self.it = Cell(4, 4)
        self.unused = nn.Linear(2, 2)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        entering = self.stem(x)
        state = entering
        for _ in range(self.steps):
            state = self.it(entering + state)
        return self.head(state.mean((2, 3)))


def recurrent() -> nn.Module:
    return Recurrent()


class CorBlock(nn.Module):
    """An area of CORnet-RT: returns its output and the state that it gets back at the next step."""

    def __init__(self, inputs: int, outputs: int, side: int) -> None:
        super().__init__()
        self.shape = (outputs, side, side)
        self.conv_input = nn.Conv2d(inputs, outputs, 3, 2, 1)
        self.norm_input = nn.GroupNorm(2, outputs)
        self.conv1 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.output = nn.Identity()

    def forward(self, inp: Tensor | None, state: Tensor | None, batch: int) -> tuple[Tensor, Tensor]:
        entering = torch.zeros(batch, *self.shape) if inp is None else torch.relu(self.norm_input(self.conv_input(inp)))
        state = torch.relu(self.conv1(entering + (0 if state is None else state)))
        return self.output(state), state


class Cor(nn.Module):
    """The biological unrolling of CORnet-RT: areas climb one step at a time, and are called from step 0 on."""

    def __init__(self) -> None:
        super().__init__()
        self.V1, self.V2, self.IT = CorBlock(3, 4, 4), CorBlock(4, 4, 2), CorBlock(4, 6, 1)
        self.decoder = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))

    def forward(self, x: Tensor) -> Tensor:
        outputs: dict[str, Any] = dict.fromkeys(("V1", "V2", "IT"))
        states: dict[str, Any] = dict.fromkeys(outputs)
        for _ in range(STEPS):
            sources = {"V1": x, "V2": outputs["V1"], "IT": outputs["V2"]}
            for area, inp in sources.items():
                outputs[area], states[area] = getattr(self, area)(inp, states[area], len(x))
        return self.decoder(outputs["IT"])


def cor() -> nn.Module:
    return Cor()


class Keeps(nn.Module):
    """Keeps its steps in an attribute, with no module called once a step."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 12))
        self.history: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        drive = x.mean((2, 3)).repeat(1, 2)
        state, self.history = drive @ self.weight, []
        for _ in range(STEPS):
            state = torch.tanh(state + drive @ self.weight)
            self.history.append(state)
        return state


def keeps() -> nn.Module:
    return Keeps()


def history(model: Any, batch: Tensor) -> dict[str, list[Tensor]]:
    model(batch)
    return {"IT": model.history, "drive": [batch.mean((2, 3))]}


class Noisy(nn.Module):
    """Random also in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.area = Cell(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.dropout(x, 0.5, training=True)
        return self.area(x + torch.randn_like(x))


def noisy() -> nn.Module:
    return Noisy()


def not_a_model() -> int:
    return 3


def broken() -> nn.Module:
    raise ValueError("no weights here")


def narrow() -> nn.Module:
    return nn.Sequential(nn.Conv2d(5, 2, 1))
