"""Object solution times against Brain-Score's metric ``ost`` with TensorFlow, on the same input.

``python -m benchmarks.solution_times --tensorflow PYTHON`` runs both and writes ``results/solution_times.csv``; PYTHON
is the interpreter of an environment with brainscore-vision and TensorFlow (``pip install tensorflow-cpu`` in one of its
own: neither ventralrnn nor its tests need it). The decoder's short descent remembers its random first weights, so ours
is given those that TensorFlow drew; the column ``own_weights`` is what ours scores with its own.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.common import machine

RESULTS = Path(__file__).parent / "results" / "solution_times.csv"
ROOT = Path(__file__).parents[1]
STIMULI, TIMES, NEUROIDS = 480, 6, 400
NAMES = np.array(["bear", "car", "dog"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.solution_times", description=__doc__)
    parser.add_argument("--tensorflow", metavar="PYTHON", help="interpreter with brainscore-vision and TensorFlow")
    parser.add_argument("--theirs", metavar="FILE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.theirs:
        print(json.dumps(score_theirs(dict(np.load(given.theirs)))))
        return
    if not given.tensorflow:
        parser.error("--tensorflow: name the interpreter")
    data = make_input()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "input.npz"
        np.savez(file, **data)
        done = subprocess.run(
            [given.tensorflow, "-W", "ignore", "-m", "benchmarks.solution_times", "--theirs", str(file)],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
        )  # fmt: skip
    theirs = json.loads(done.stdout.splitlines()[-1])
    ours = score_ours(data, np.array(theirs["first_weights"], np.float32))
    write(ours, score_ours(data), theirs)
    print(RESULTS.read_text())


def make_input(seed: int = 0) -> dict[str, np.ndarray]:
    """Return an area that tells objects ever better, sooner for some pictures, and when a brain does."""
    rng = np.random.default_rng(seed)
    codes = np.arange(STIMULI) % len(NAMES)
    ease = rng.uniform(0.2, 2, STIMULI)
    gain = np.clip(np.arange(TIMES)[None] * ease[:, None] / 2, 0, 3)
    values = 1.5 * gain[:, :, None] * rng.standard_normal((len(NAMES), NEUROIDS))[codes][:, None]
    values = (values + rng.standard_normal((STIMULI, TIMES, NEUROIDS))).astype(np.float32)
    return {
        "values": values,
        "labels": NAMES[codes],
        "times": 70 + 10 * np.arange(TIMES),
        "thresholds": rng.uniform(0.3, 1.5, STIMULI),
        "targets": 200 - 50 * ease + 5 * rng.standard_normal(STIMULI),
    }


def score_ours(data: dict[str, np.ndarray], weights: np.ndarray | None = None) -> list[float]:
    """Return the score of every split, with these first weights of the decoder (feature, class) or its own."""
    from unittest.mock import patch

    import xarray as xr

    from ventralrnn.brains.solution_times import decoder, ost_score

    coords = {
        "stimulus_id": ("stimulus", _ids()),
        "label": ("stimulus", data["labels"]),
        "time_step": ("time", np.arange(TIMES)),
        "time_ms": ("time", data["times"].astype(float)),
    }
    area = xr.DataArray(data["values"], coords, ("stimulus", "time", "neuroid"), "IT")
    first = decoder.first_weights if weights is None else lambda *_: weights
    with patch.object(decoder, "first_weights", first):
        _, splits = ost_score(area, "label", data["thresholds"], data["targets"])
    return [float(value) for value in splits]


def score_theirs(data: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the score of every split by Brain-Score's metric as it is, and the versions that made it."""
    import os

    os.environ |= {"BS_INSTALL_DEPENDENCIES": "no", "RESULTCACHING_DISABLE": "1", "CUDA_VISIBLE_DEVICES": ""}
    from importlib.metadata import version

    from brainscore_core.supported_data_standards.brainio.assemblies import DataAssembly, NeuroidAssembly
    from brainscore_vision import load_metric
    from brainscore_vision.metrics.ost.metric import TFProbabilitiesClassifier

    drawn: list[np.ndarray] = []
    initialise = TFProbabilitiesClassifier._init_mapper

    def keep(self: Any, *args: Any) -> None:
        initialise(self, *args)
        drawn.append(next(value for value in self._sess.run(self.tvars) if value.ndim == 2))

    TFProbabilitiesClassifier._init_mapper = keep
    about = {name: ("presentation", data["labels"]) for name in ("truth", "image_label")}
    about["stimulus_id"] = ("presentation", _ids())
    source = NeuroidAssembly(
        data["values"].transpose(0, 2, 1),
        coords={
            **about,
            "neuroid_id": ("neuroid", np.arange(NEUROIDS)),
            "region": ("neuroid", ["IT"] * NEUROIDS),
            "time_bin_start": ("time_bin", data["times"]),
            "time_bin_end": ("time_bin", data["times"] + 10),
        },
        dims=["presentation", "neuroid", "time_bin"],
    )
    target = DataAssembly(
        data["targets"], coords={**about, "i1": ("presentation", data["thresholds"])}, dims=["presentation"]
    )
    found = load_metric("ost")(source, target)
    versions = {name: version(name) for name in ("brainscore-vision", "tensorflow-cpu")}
    assert all((weights == drawn[0]).all() for weights in drawn), "every fit begins with the same weights"
    splits = [float(value) for value in found.attrs["raw"].values]
    return {"splits": splits, "versions": versions, "first_weights": drawn[0].tolist()}


def write(ours: list[float], own: list[float], theirs: dict[str, Any]) -> None:
    """Write a line a split, and their means."""
    versions = {**theirs["versions"], **machine()}
    columns = [[*values, float(np.mean(values))] for values in (ours, own, theirs["splits"])]
    names = [*map(str, range(len(ours))), "mean"]
    lines = [
        {
            "split": name,
            "ours": f"{a:.6f}",
            "brainscore": f"{b:.6f}",
            "difference": f"{a - b:.1e}",
            "own_weights": f"{c:.6f}",
        }
        | versions
        for name, a, c, b in zip(names, *columns, strict=True)
    ]
    with open(RESULTS, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _ids() -> list[str]:
    return [f"s{i:03d}" for i in range(STIMULI)]


if __name__ == "__main__":
    sys.exit(main())
