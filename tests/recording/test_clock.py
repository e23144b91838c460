"""Clocks of models that are not ours: from an argument, from the model, or none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ventralrnn.errors import RecordingError
from ventralrnn.graph import Area, Clock, Connection, Graph
from ventralrnn.networks import NetworkSpec, Preprocessing, RecurrentNetwork
from ventralrnn.recording import extract

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
SMALL = Preprocessing(size=8)


class Late(nn.Module):
    """A model whose area holds its first state at the second of four steps."""

    def __init__(self) -> None:
        super().__init__()
        self.area = nn.Identity()

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        self.area(None)
        for step in range(1, 4):
            last = self.area(picture * step)
        return last


def times(model: nn.Module, out: Path, **arguments: object) -> list[float]:
    recording = extract(model, PICTURES, out, areas={"IT": "area"}, preprocessing=SMALL, **arguments)  # type: ignore
    return recording["IT"].time_ms.values.tolist()


def test_the_first_state_comes_at_the_onset(tmp_path: Path) -> None:
    clock = Clock(20.0, {"IT": 100.0})
    assert times(Late(), tmp_path / "a.zarr", clock=clock) == [80.0, 100.0, 120.0, 140.0]
    assert times(Late(), tmp_path / "b.zarr", clock=clock, steps="2:4") == [120.0, 140.0]


def test_a_model_may_state_its_clock(tmp_path: Path) -> None:
    model = Late()
    model.clock = Clock(5.0)  # type: ignore[assignment]
    assert times(model, tmp_path / "a.zarr") == [0.0, 5.0, 10.0, 15.0]
    assert times(model, tmp_path / "b.zarr", clock=Clock(1.0)) == [0.0, 1.0, 2.0, 3.0]


def test_without_a_clock_time_is_unknown(tmp_path: Path) -> None:
    assert np.isnan(times(Late(), tmp_path / "a.zarr")).all()


def test_a_clock_must_fit(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="'V1' is not recorded; areas are IT"):
        times(Late(), tmp_path / "a.zarr", clock=Clock(5.0, {"V1": 50.0}))
    graph = Graph((Area("V1", 4, 2),), (Connection("V1", "V1"),))
    network = RecurrentNetwork(NetworkSpec("mine", graph, 2, preprocessing=SMALL))
    with pytest.raises(RecordingError, match="mine has its own, in its specification"):
        extract(network, PICTURES, tmp_path / "b.zarr", clock=Clock(5.0))


def test_another_clock_is_another_recording(tmp_path: Path) -> None:
    times(Late(), tmp_path / "a.zarr", clock=Clock(5.0))
    with pytest.raises(RecordingError, match=r"clock.ms_per_step was 5.0, is 6.0"):
        times(Late(), tmp_path / "a.zarr", clock=Clock(6.0), resume=True)
