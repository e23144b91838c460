"""A public benchmark of Brain-Score on data that the tests write in its own format."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from ventralrnn.brains.brainscore.environment import load_brainscore
from ventralrnn.networks.preprocessing import Preprocessing

OBJECTS, PICTURES, REPEATS, NEUROIDS = 4, 10, 4, 5
STATIC, TEMPORAL = "MajajHong2015public.IT-pls", "MajajHong2015public.IT-temporal-pls"
STATIC_DATA, TEMPORAL_DATA = "MajajHong2015.public", "MajajHong2015.temporal.public"


class Clocked(nn.Module):
    """A recurrent module of somebody else: a few steps, each a call of ``it``."""

    def __init__(self, steps: int = 5, size: int = 16, units: int = 40, seed: int = 0) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(size=size, degrees=8)
        self.steps = steps
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.enter = nn.Linear(3 * size * size, units)
            self.it = nn.Sequential(nn.Linear(units, units), nn.Tanh())
            self.read = nn.Linear(units, 10)

    def forward(self, pictures: Tensor) -> Tensor:
        state = entering = self.enter(pictures.flatten(1))
        for _ in range(self.steps):
            state = self.it(state + entering)
        return self.read(state)


SIZE = 16


class Feedforward(nn.Module):
    """A module without time, which Brain-Score's own wrapper can record."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(size=SIZE, degrees=8)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.it = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 30), nn.Tanh())
            self.logits = nn.Linear(30, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.logits(self.it(pictures))


def load(paths: list[str]) -> np.ndarray:
    images = [Image.open(path).resize((SIZE, SIZE), Image.Resampling.BILINEAR) for path in paths]
    return np.stack([np.asarray(image).transpose(2, 0, 1) / 255 for image in images]).astype(np.float32)


@dataclass
class Data:
    """Files in Brain-Score's format: a stimulus set, and responses to it in one bin and in many."""

    folder: Path
    stimuli: Any
    static: Path
    temporal: Path


def write_data(folder: Path, noise: float = 0.3, seed: int = 0, until_ms: int = 60) -> Data:
    """Write pictures, their table and both assemblies."""
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuronRecordingAssembly
    from brainscore_core.supported_data_standards.brainio.packaging import write_netcdf

    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    lines = ["stimulus_id,filename,object_name,image_label"]
    means = []
    for i in range(OBJECTS * PICTURES):
        coarse = np.random.default_rng(i).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((32, 32), Image.Resampling.NEAREST).save(folder / f"p{i:03}.png")
        lines.append(f"p{i:03},p{i:03}.png,object{i % OBJECTS},label{i % OBJECTS}")
        means.append(coarse.astype(float).ravel() / 255 - 0.5)
    (folder / "stimuli.csv").write_text("\n".join(lines) + "\n")
    signal = np.array(means) @ draw.standard_normal((48, NEUROIDS)) / 3
    ids = [line.split(",")[0] for line in lines[1:]]

    def assembly(bins: list[tuple[int, int]], gain: np.ndarray, name: str) -> Path:
        values = signal[:, None, :, None] * gain + noise * draw.standard_normal(
            (len(ids), REPEATS, NEUROIDS, len(bins))
        )
        data = NeuronRecordingAssembly(
            values.reshape(len(ids) * REPEATS, NEUROIDS, len(bins)),
            coords={
                "stimulus_id": ("presentation", np.repeat(ids, REPEATS)),
                "repetition": ("presentation", np.tile(np.arange(REPEATS), len(ids))),
                "neuroid_id": ("neuroid", [f"n{i}" for i in range(NEUROIDS)]),
                "region": ("neuroid", ["IT"] * NEUROIDS),
                "animal": ("neuroid", ["one"] * NEUROIDS),
                "time_bin_start": ("time_bin", [start for start, _ in bins]),
                "time_bin_end": ("time_bin", [end for _, end in bins]),
            },
            dims=["presentation", "neuroid", "time_bin"],
        )
        path = folder / f"{name}.nc"
        write_netcdf(data, path)
        return path

    times = [(t, t + 10) for t in range(0, until_ms, 10)]
    return Data(
        folder,
        stimulus_set(folder),
        assembly([(70, 170)], np.ones(1), "static"),
        assembly(times, np.linspace(0.5, 1, len(times)), "temporal"),
    )


def stimulus_set(folder: Path) -> Any:
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    stimuli = StimulusSet.from_files(folder / "stimuli.csv", folder)
    stimuli.identifier = "drawings"
    return stimuli


def some(data: Data, rows: Any) -> Any:
    """Return some of the stimuli, in any order."""
    chosen = data.stimuli.iloc[rows]
    chosen.stimulus_paths, chosen.identifier = data.stimuli.stimulus_paths, "some"
    return chosen


@contextmanager
def injected(data: Data) -> Iterator[None]:
    """Have the real benchmarks of MajajHong2015 read these data."""
    brainscore = load_brainscore()
    import brainscore_vision.data.majajhong2015  # noqa: F401
    from brainscore_core.supported_data_standards.brainio.assemblies import (
        NeuronRecordingAssembly,
        StimulusMergeAssemblyLoader,
    )

    def loads(path: Path, identifier: str) -> Any:
        def load() -> Any:
            loader = StimulusMergeAssemblyLoader(
                NeuronRecordingAssembly, path, stimulus_set_identifier="drawings", stimulus_set=data.stimuli
            )
            assembly = loader.load()
            assembly.attrs["identifier"] = identifier
            return assembly

        return load

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(brainscore.data_registry, STATIC_DATA, loads(data.static, STATIC_DATA))
        patch.setitem(brainscore.data_registry, TEMPORAL_DATA, loads(data.temporal, TEMPORAL_DATA))
        yield
