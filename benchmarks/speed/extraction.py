"""Extraction of all areas and steps to disk, against the same model's bare forward pass over the same states."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed.common import BATCH, Arm, Row, compare, serve, take_turns
from benchmarks.speed.pictures import make_array, make_folder

MODEL = "ventral"
NUMBER = 3072
ROUNDS, SECONDS = 7, 170.0
BARE = {"bare": "bare forward pass", "bare-kept": "bare forward pass, freed memory kept"}
# Arm -> (name of the row, arguments of extract, pictures, limit of the ratio)
EXTRACTIONS: dict[str, tuple[str, dict[str, str], str, float]] = {
    "pooled": ("extract, pooled", {"pool": "mean"}, "array", 1.15),
    "pooled-png": ("extract, pooled, from PNG files", {"pool": "mean"}, "folder", 1.15),
    "full-float32": ("extract, full float32", {}, "array", 1.3),
    "full-float16": ("extract, full float16", {"dtype": "float16"}, "array", 1.3),
    "full-float32-png": ("extract, full float32, from PNG files", {}, "folder", 1.3),
}


def measure() -> list[Row]:
    """Return one row an extraction and a bare pass that it is compared with."""
    with tempfile.TemporaryDirectory() as scratch:
        array = make_array(Path(scratch) / "array.npy", NUMBER)
        make_folder(Path(scratch) / "folder", array)
        arms = {name: Arm(__spec__.name, [name, scratch]) for name in (*BARE, *EXTRACTIONS)}
        answers, others = take_turns(arms, ROUNDS, SECONDS)
        startup = {name: arm.startup for name, arm in arms.items()}
        for arm in arms.values():
            arm.close()
    rows = [compare(name, answers, arm, "bare", "ms/stimulus", others) for arm, name in BARE.items()]
    rows[0].note = f"process, imports and model ready in {startup['bare']:.1f} s"
    for arm, (name, _, _, limit) in EXTRACTIONS.items():
        fixed = statistics.median(answer["fixed"] for answer in answers[arm])
        note = f"besides, once: {fixed:.2f} s in extract(); process, imports and model ready in {startup[arm]:.1f} s"
        for against in BARE:
            rows.append(compare(name, answers, arm, against, "ms/stimulus", others, limit=limit, note=note))
    for row in rows:
        row.against = BARE.get(row.against, row.against)
    return rows


def _bare(kept: bool, scratch: Path) -> Callable[[], dict[str, Any]]:
    import numpy as np
    import torch

    from ventralrnn import load_model
    from ventralrnn.memory import keep_freed_memory
    from ventralrnn.stimuli import standardise

    if kept:
        keep_freed_memory()
    model = load_model(MODEL).eval().to(memory_format=torch.channels_last)
    pictures = standardise(torch.from_numpy(np.load(scratch / "array.npy")), model.spec.preprocessing)
    record = dict.fromkeys(model.spec.graph.names)

    def run(number: int = NUMBER) -> dict[str, Any]:
        start = time.perf_counter()
        with torch.inference_mode():
            for first in range(0, number, BATCH):
                model(pictures[first : first + BATCH], readout=(), record=record)
        return {"value": (time.perf_counter() - start) / number * 1e3}

    run(4 * BATCH)
    return run


def _extraction(arguments: dict[str, Any], pictures: str, scratch: Path) -> Callable[[], dict[str, Any]]:
    import numpy as np

    from ventralrnn import extract, load_model

    model = load_model(MODEL)
    stimuli: Any = scratch / "folder" if pictures == "folder" else np.load(scratch / "array.npy")
    starts: list[float] = []
    model.register_forward_pre_hook(lambda *_: starts.append(time.perf_counter()))

    def run() -> dict[str, Any]:
        starts.clear()
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            start = time.perf_counter()
            extract(model, stimuli, Path(folder) / "out.zarr", batch_size=BATCH, device="cpu", **arguments)
            total = time.perf_counter() - start
        batches = starts[1:]  # the first is the probe that learns the shapes
        value = (batches[-1] - batches[0]) / (len(batches) - 1) / BATCH
        return {"value": value * 1e3, "fixed": total - value * NUMBER}

    return run


if __name__ == "__main__":
    name, place = sys.argv[1], Path(sys.argv[2])
    if name in BARE:
        serve(lambda: ({}, _bare(name == "bare-kept", place)))
    else:
        serve(lambda: ({}, _extraction(EXTRACTIONS[name][1], EXTRACTIONS[name][2], place)))
