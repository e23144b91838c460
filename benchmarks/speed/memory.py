"""Peak memory of an extraction of 500 and of 5,000 stimuli: it does not grow with their number."""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.speed.common import BATCH, ROOT, Row
from benchmarks.speed.pictures import make_array, make_folder

MODEL = "ventral"
FEW, MANY = 500, 5000
LIMIT = 1.05


def measure() -> list[Row]:
    """Return one row a kind of stimuli and of recording."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in (FEW, MANY):
            array = make_array(Path(scratch) / f"{number}.npy", number)
            make_folder(Path(scratch) / str(number), array)
        for pictures, suffix in (("a folder of PNG files", ""), ("a memory-mapped array", ".npy")):
            for pool in ("mean", "none"):
                few, many = (_peak(f"{scratch}/{number}{suffix}", pool, scratch) for number in (FEW, MANY))
                kind = "pooled" if pool == "mean" else "full float32"
                what, against = f"{MANY:,} stimuli from {pictures}, {kind}", f"{FEW} stimuli ({few:.0f} MB)"
                rows.append(Row(what, many, "MB", against, many / few, limit=LIMIT))
    return rows


def _peak(stimuli: str, pool: str, scratch: str) -> float:
    """Return the peak memory of a process of its own, in MB.

    The process that starts it must be small: Linux counts the parent's peak as the child's.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        line = [sys.executable, "-W", "ignore", "-m", __spec__.name, stimuli, pool, f"{folder}/out.zarr"]
        done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return float(json.loads(done.stdout)) / 1e6


def _extract(stimuli: str, pool: str, out: str) -> None:
    import numpy as np

    from ventralrnn import extract

    pictures = np.load(stimuli, mmap_mode="r") if stimuli.endswith(".npy") else stimuli
    extract(MODEL, pictures, out, pool=pool, batch_size=BATCH, device="cpu")  # type: ignore[arg-type]
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


if __name__ == "__main__":
    _extract(*sys.argv[1:])
