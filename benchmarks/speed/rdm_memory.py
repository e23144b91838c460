"""Memory of RDMs of a recording: as much as the tiles and the n x n sums take, whatever the size of the area."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.speed.common import ROOT, Row, peak_memory
from benchmarks.speed.pictures import make_array

STIMULI, FEATURES = 1000, 50176
TIMES = 4
# Bytes that tiles may take: less than one state of any of the recordings, so that all are read in tiles.
MEMORY = 1 << 27
LIMIT = 1.05
MB = 1e6


def measure() -> list[Row]:
    """Return what an area, and a set of stimuli, four times as large need."""
    with tempfile.TemporaryDirectory() as scratch:
        before, base = _peak(scratch, STIMULI, FEATURES)
        _, larger = _peak(scratch, STIMULI, TIMES * FEATURES)
        _, more = _peak(scratch, TIMES * STIMULI, FEATURES)
    against = f"{STIMULI} x {FEATURES} ({base / MB:.0f} MB, {before / MB:.0f} MB of it to begin with)"
    states = [STIMULI * FEATURES * 4 * times / MB for times in (1, TIMES)]
    tiles = f"states of {states[0]:.0f} and {states[1]:.0f} MB, read in tiles of {MEMORY / MB:.0f} MB in all"
    area = Row(f"compute_rdm, {STIMULI} stimuli x {TIMES * FEATURES}", larger / MB, "MB", against, larger / base)
    area.limit, area.note = LIMIT, tiles
    few, many = _sums(STIMULI), _sums(TIMES * STIMULI)
    stimuli = Row(f"compute_rdm, {TIMES * STIMULI} stimuli x {FEATURES}", more / MB, "MB", against, more / base)
    stimuli.limit = LIMIT + (many - few) / base
    stimuli.note = f"{tiles}; n x n sums: {few / MB:.0f} MB, and here {many / MB:.0f} MB"
    return [area, stimuli]


def _sums(stimuli: int) -> float:
    """Return the bytes of what has to be there for n stimuli: the result in float32, and in float64 as it is made."""
    return (4 + 8) * stimuli**2 / 2


def _peak(scratch: str, stimuli: int, features: int) -> tuple[float, float]:
    """Return the peak memory, in bytes, of a process before and after it has computed the RDM of a recording."""
    path = f"{scratch}/{stimuli}-{features}.zarr"
    make_array(Path(scratch) / f"{stimuli}.npy", stimuli)
    for line in (["record", f"{scratch}/{stimuli}.npy", str(features), path], ["compute", path]):
        command = [sys.executable, "-W", "ignore", "-m", __spec__.name, *line]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    before, after = json.loads(done.stdout)
    return before, after


def _record(pictures: str, features: str, out: str) -> None:
    """Record a layer of any size."""
    import numpy as np
    import torch
    from torch import Tensor, nn

    from ventralrnn import extract
    from ventralrnn.networks import Preprocessing

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3 * 8 * 8, int(features))

        def forward(self, x: Tensor) -> Any:
            return self.layer(x.flatten(1))

    torch.manual_seed(0)
    extract(Layer(), np.load(pictures), out, areas={"IT": "layer"}, preprocessing=Preprocessing(size=8), device="cpu")


def _compute(path: str) -> None:
    from ventralrnn import open_recording
    from ventralrnn.analysis.rdm import compute_rdm

    recording, before = open_recording(path), peak_memory()
    compute_rdm(recording, memory=MEMORY, device="cpu")
    print(json.dumps([before * MB, peak_memory() * MB]))


if __name__ == "__main__":
    {"record": _record, "compute": _compute}[sys.argv[1]](*sys.argv[2:])
