"""A temporal benchmark of 1,000 stimuli x 20 bins: recording and metric, against Brain-Score's own, and memory.

Brain-Score's wrapper has one state a stimulus, which it repeats in every bin, so what the two record is not the same;
what they score is the same assembly.
"""

import atexit
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed.common import ROOT, Row
from benchmarks.speed.environment import own_python
from benchmarks.speed.jobs import OURS, Job, Side, measure_jobs, serve_side

STIMULI, BINS, UNITS, NEUROIDS, SPLITS = 1000, 20, 2048, 168, 10
SIZE, OBJECTS = 16, 8
# At least five times Brain-Score.
PEER = 1 / 5
TIMES = 4
# Above what blocks and fits hold for the smaller set, whatever the number of stimuli.
LIMIT_MEMORY = 1.25
MB = 1e6


def measure() -> list[Row]:
    """Return recording, metric, and what a set of stimuli four times as large needs."""
    peaks = [_peak(stimuli) for stimuli in (STIMULI, TIMES * STIMULI)]
    (small, one), (large, many) = peaks
    row = Row(
        f"score, {TIMES * STIMULI} stimuli x {BINS} bins x {UNITS}", large / MB, "MB",
        f"{STIMULI} stimuli ({small / MB:.0f} MB)", large / small,
    )  # fmt: skip
    row.limit = LIMIT_MEMORY
    row.note = f"memory that belongs to the process alone, above what it had before; responses are {one / MB:.0f} "
    row.note += f"and {many / MB:.0f} MB, in a file"
    return [*measure_jobs(__spec__.name, JOBS, rounds=3, seconds=600), row]


def _model(units: int) -> Any:
    import torch
    from torch import Tensor, nn

    from ventralrnn.networks import Preprocessing

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.preprocessing = Preprocessing(size=SIZE, degrees=8)
            self.enter = nn.Linear(3 * SIZE * SIZE, units)
            self.it = nn.Tanh()
            self.gain = nn.Parameter(torch.rand(units))

        def forward(self, x: Tensor) -> Tensor:
            entering = self.enter(x.flatten(1))
            state = entering
            for _ in range(BINS):
                state = self.it(entering + self.gain * state.roll(1, 1))
            return state

    torch.manual_seed(0)
    return Recurrent().eval()


def _pictures(stimuli: int, folder: Path) -> Any:
    """Return a stimulus set of as many pictures."""
    import numpy as np
    import pandas as pd
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
    from PIL import Image

    draw = np.random.default_rng(0)
    names = [f"{i:06d}" for i in range(stimuli)]
    for name in names:
        Image.fromarray(draw.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(folder / f"{name}.png")
    table = pd.DataFrame({"stimulus_id": names, "object_name": [f"o{i % OBJECTS}" for i in range(stimuli)]})
    found = StimulusSet(table)
    found.stimulus_paths = {name: folder / f"{name}.png" for name in names}
    found.identifier = f"drawings-{stimuli}"
    return found


def _target(stimuli: int, neuroids: int, bins: int, latent: Any) -> Any:
    """Return responses of a brain, (presentation, neuroid, time_bin)."""
    import numpy as np
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    draw = np.random.default_rng(1)
    values = latent @ draw.standard_normal((latent.shape[1], neuroids))
    values = values[:, :, None] * np.linspace(0.5, 1, bins) + 3 * draw.standard_normal((stimuli, neuroids, bins))
    return NeuroidAssembly(
        values,
        coords={**_stimuli(stimuli), **_others("n", neuroids, bins)},
        dims=["presentation", "neuroid", "time_bin"],
    )


def _stimuli(stimuli: int) -> dict[str, Any]:
    # Names sort as the stimuli are.
    names = [f"{i:06d}" for i in range(stimuli)]
    kinds = [f"o{i % OBJECTS}" for i in range(stimuli)]
    return {"stimulus_id": ("presentation", names), "object_name": ("presentation", kinds)}


def _others(prefix: str, neuroids: int, bins: int) -> dict[str, Any]:
    return {
        "neuroid_id": ("neuroid", [f"{prefix}{i:05d}" for i in range(neuroids)]),
        "region": ("neuroid", ["IT"] * neuroids),
        "time_bin_start": ("time_bin", [10 * b for b in range(bins)]),
        "time_bin_end": ("time_bin", [10 * b + 10 for b in range(bins)]),
    }


def _assemblies(stimuli: int, units: int, neuroids: int, bins: int) -> tuple[Any, Any]:
    """Return what a model and a brain respond."""
    import numpy as np
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    draw = np.random.default_rng(0)
    latent = draw.standard_normal((stimuli, 30))
    states = np.empty((bins, stimuli, units), np.float32)
    for state in states:
        state[:] = latent @ draw.standard_normal((30, units)) + draw.standard_normal((stimuli, units))
    coords = {**_stimuli(stimuli), **_others("m", units, bins)}
    source = NeuroidAssembly(states.transpose(1, 2, 0), coords=coords, dims=["presentation", "neuroid", "time_bin"])
    return source, _target(stimuli, neuroids, bins, latent)


def _metric(splits: int) -> Any:
    # What load_metric("spantime_pls") returns, without the packages that it installs first.
    from brainscore_vision.metrics.regression_correlation import metric

    return metric.SpanTimeCrossRegressedCorrelation(
        metric.pls_regression(), metric.pearsonr_correlation(), crossvalidation_kwargs={"splits": splits}
    )


def _raw(score: Any) -> Any:
    return score.attrs["raw"].transpose("split", "time_bin", "neuroid").values


def _ours(data: Any) -> Callable[[], Any]:
    from ventralrnn.brains.brainscore.metric import CarefulMetric

    return lambda: _raw(CarefulMetric(_metric(SPLITS))(*data))


def _theirs(data: Any) -> Callable[[], Any]:
    return lambda: _raw(_metric(1)(*data))


def _shown(stimuli: int, units: int) -> tuple[Any, Any]:
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return _model(units), _pictures(stimuli, Path(folder.name))


def _record(data: Any) -> Callable[[], Any]:
    from ventralrnn.brains.brainscore import VentralBrainModel
    from ventralrnn.graph import Clock

    model, pictures = data
    subject = VentralBrainModel(model, {"IT": "it"}, clock=Clock(10, {"IT": 0}), device="cpu")
    subject.start_recording("IT", [(10 * b, 10 * b + 10) for b in range(BINS)])

    def run() -> None:
        assert subject.look_at(pictures).sizes["time_bin"] == BINS

    return run


def _repeat(data: Any) -> Callable[[], Any]:
    import numpy as np
    from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper
    from brainscore_vision.model_helpers.brain_transformation import ModelCommitment
    from PIL import Image

    from ventralrnn.brains.brainscore.environment import load_brainscore

    load_brainscore()  # or it would keep what it records
    model, pictures = data

    def load(paths: list[str]) -> Any:
        return np.stack([np.asarray(Image.open(path)).transpose(2, 0, 1) / 255 for path in paths]).astype(np.float32)

    wrapper = PytorchWrapper(identifier="recurrent", model=model, preprocessing=load)
    subject = ModelCommitment("recurrent", wrapper, layers=["it"], region_layer_map={"IT": "it"}, visual_degrees=8)
    subject.start_recording("IT", [(10 * b, 10 * b + 10) for b in range(BINS)])

    def run() -> None:
        assert subject.look_at(pictures).sizes["time_bin"] == BINS

    return run


def _peak(stimuli: int) -> tuple[float, float]:
    """Return the memory, in bytes, that scoring takes above what was there before; and the size of the responses."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", __spec__.name, "memory", str(stimuli)],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
    )  # fmt: skip
    taken, size = json.loads(done.stdout)
    return taken, size


def _measure_memory(stimuli: int) -> None:
    import numpy as np

    from ventralrnn.brains.brainscore import VentralBrainModel, model
    from ventralrnn.brains.brainscore.metric import CarefulMetric
    from ventralrnn.graph import Clock

    model._RESIDENT_BYTES = 0  # the smaller set's responses go to a file as well
    few = 4
    latent = np.random.default_rng(0).standard_normal((stimuli, 30))
    target = _target(stimuli, few, BINS, latent)
    with tempfile.TemporaryDirectory() as folder:
        pictures = _pictures(stimuli, Path(folder))
        subject = VentralBrainModel(_model(UNITS), {"IT": "it"}, clock=Clock(10, {"IT": 0}), device="cpu")
        subject.start_recording("IT", [(10 * b, 10 * b + 10) for b in range(BINS)])
        metric, before = CarefulMetric(_metric(SPLITS)), _own_memory()
        highest, over = [before], threading.Event()

        def watch() -> None:
            while not over.wait(0.02):
                highest.append(_own_memory())

        watcher = threading.Thread(target=watch)
        watcher.start()
        source = subject.look_at(pictures)
        metric(source, target)
        over.set()
        watcher.join()
    print(json.dumps([max(highest) - before, float(source.nbytes)]))


def _own_memory() -> float:
    """Return the memory in use, in bytes, without pages of files, which can be put out at any time."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return float(line.split()[1]) * 1024
    raise OSError("/proc/self/status: no RssAnon")


_LARGE = {"stimuli": STIMULI, "units": UNITS}
_SMALL = {"stimuli": 80, "units": 40}
JOBS = {
    "record": Job(
        f"recording {STIMULI} stimuli x {BINS} bins x {UNITS} neuroids",
        _shown,
        _LARGE,
        _SMALL,
        {
            "ours": Side(OURS, _record),
            "brainscore": Side(
                "Brain-Score's PytorchWrapper, one state repeated", _repeat, PEER,
                package="brainscore_vision", module="brainscore_vision",
            ),
        },
        0,
        own_python,
    ),
    "metric": Job(
        f"spantime_pls, {STIMULI} stimuli x {BINS} bins x {UNITS} -> {NEUROIDS} neuroids, {SPLITS} splits",
        _assemblies,
        {**_LARGE, "neuroids": NEUROIDS, "bins": BINS},
        {**_SMALL, "neuroids": 4, "bins": 3},
        {
            "ours": Side(OURS, _ours),
            "brainscore": Side(
                "Brain-Score's metric, one split, scaled", _theirs, PEER, 1 / SPLITS,
                "brainscore_vision", "brainscore_vision",
            ),
        },
        1e-6,
        own_python,
    ),
}  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == "memory":
        _measure_memory(int(sys.argv[2]))
    else:
        serve_side(JOBS)
