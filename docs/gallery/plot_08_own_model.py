"""
A model of your own
===================

Any PyTorch module can be recorded. Each call of a named part during one forward pass is one time step; nothing has to
be changed in the model.
"""

import tempfile
from pathlib import Path

import torch
from torch import nn

import ventralrnn
from ventralrnn.analysis import time_courses
from ventralrnn.graph import Clock
from ventralrnn.networks import Preprocessing
from ventralrnn.plots import make_time_course_figure
from ventralrnn.stimuli import load_stimuli


class Loop(nn.Module):
    """Two areas in a loop, five times round; random weights, for the example."""

    def __init__(self) -> None:
        super().__init__()
        self.low = nn.Sequential(nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.ReLU())
        self.high = nn.Sequential(nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU())
        self.back = nn.ConvTranspose2d(16, 3, 4, stride=4)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        seen = picture
        for _ in range(5):
            high = self.high(self.low(seen))
            seen = picture - 0.5 * self.back(high)  # what comes back is taken off
        return high.mean((2, 3))


# %%
# Names of areas on the left, of parts of the model on the right. The clock and the size of pictures are yours to say.
torch.manual_seed(0)
recording = ventralrnn.extract(
    Loop().eval(),
    load_stimuli("embedded"),
    Path(tempfile.mkdtemp()) / "loop.zarr",
    areas={"V1": "low", "IT": "high"},
    preprocessing=Preprocessing(size=32),
    clock=Clock(ms_per_step=20, onset_ms={"V1": 50, "IT": 90}),
)
print(recording)

# %%
# From here on it is a recording like any other. This loop is at rest from its third step on.
figure = make_time_course_figure(time_courses(recording))
