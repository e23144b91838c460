"""The same states of the same model for the same pictures to disk: ventralrnn, torchlens and thingsvision.

Peers get the pictures preprocessed and in memory; ventralrnn preprocesses them itself. A wrapper hands every state of
every area to a module of its own, since torchlens 2.36.1 resolves no pass of a module that returns its input unchanged
and thingsvision keeps one call a module. All that each has written is compared with the model's own states.
"""

import contextlib
import copy
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed.common import BATCH, Arm, Row, compare, serve, take_turns
from benchmarks.speed.environment import peers_python
from benchmarks.speed.pictures import make_array

MODEL = "ventral"
NUMBER = 512
ROUNDS, SECONDS = 3, 60.0
# torchlens traces the model anew for each batch, so large ones serve it best: of 64, 256 and 512 this is the fastest.
TORCHLENS_BATCH = 512
NAMES = {"ventralrnn": "ventralrnn extract", "torchlens": "torchlens extract_dataset", "thingsvision": "thingsvision"}
ARMS = ("bare", *NAMES)


def measure() -> list[Row]:
    """Return each tool against the bare pass, and the peers against ventralrnn."""
    with tempfile.TemporaryDirectory() as scratch:
        make_array(Path(scratch) / "array.npy", NUMBER)
        python = peers_python()
        arms = {name: Arm(__spec__.name, [name, scratch], python) for name in ARMS}
        answers, others = take_turns(arms, ROUNDS, SECONDS)
        said = {name: arm.ready for name, arm in arms.items()}
        for arm in arms.values():
            arm.close()
    rows = []
    for arm, name in NAMES.items():
        for against in ("bare", "ventralrnn"):
            if arm != against:
                row = compare(f"{name}, full float32", answers, arm, against, "ms/stimulus", others)
                row.against = "bare forward pass" if against == "bare" else NAMES[against]
                wrong = max(answer["difference"] for answer in answers[arm])
                row.note = f"{said[arm]['note']}; largest difference from the model's states {wrong:.1g} of their size"
                rows.append(row)
    return rows


class _Setting:
    """The model, the pictures, and the states that everybody must find.

    Parameters
    ----------
    scratch : pathlib.Path
        Holds the pictures.
    """

    def __init__(self, scratch: Path) -> None:
        import numpy as np
        import torch

        from ventralrnn import load_model
        from ventralrnn.stimuli import standardise

        self.network = load_model(MODEL).eval().to(memory_format=torch.channels_last)
        self.raw = np.load(scratch / "array.npy")
        self.pictures = standardise(torch.from_numpy(self.raw), self.network.spec.preprocessing)
        with torch.inference_mode():
            states = self.network.states(self.pictures[-BATCH:])
        # Of the last batch, so that a tool that mixes up batches is found out.
        self.expected = {
            f"{area}_{step}": state.contiguous().numpy()
            for area, of_area in states.items()
            for step, state in enumerate(of_area)
            if state is not None
        }

    def difference(self, found: Callable[[str], Any]) -> float:
        """Return the largest difference from the expected states, relative to the largest value of each."""
        import numpy as np

        worst = 0.0
        for key, right in self.expected.items():
            values = np.asarray(found(key)).reshape(len(right), -1)
            worst = max(worst, float(np.abs(values - right.reshape(len(right), -1)).max() / np.abs(right).max()))
        return worst

    def tapped(self) -> Any:
        """Return the model with one module a state, called once each."""
        from torch import nn

        network, keys = self.network, list(self.expected)

        class Tapped(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network
                self.taps = nn.ModuleDict({key: nn.Identity() for key in keys})

            def forward(self, pictures: Any) -> Any:
                states = self.network.states(pictures)
                for key in keys:
                    area, step = key.rsplit("_", 1)
                    last = self.taps[key](states[area][int(step)])
                return last.mean((1, 2, 3))

        return Tapped().eval()


def _bare(setting: _Setting, _: Path) -> tuple[str, Callable[[Path], None], Callable[[Path, str], Any]]:
    import torch

    record = dict.fromkeys(setting.network.spec.graph.names)

    def run(_: Path) -> None:
        with torch.inference_mode():
            for first in range(0, NUMBER, BATCH):
                setting.network(setting.pictures[first : first + BATCH], readout=(), record=record)

    return f"batches of {BATCH}", run, lambda _, key: setting.expected[key]


def _ventralrnn(setting: _Setting, _: Path) -> tuple[str, Callable[[Path], None], Callable[[Path, str], Any]]:
    from ventralrnn import extract, open_recording

    def run(out: Path) -> None:
        extract(setting.network, setting.raw, out / "out.zarr", batch_size=BATCH, device="cpu")

    def read(out: Path, key: str) -> Any:
        area, step = key.rsplit("_", 1)
        return open_recording(out / "out.zarr")[area].values[-BATCH:, int(step)]

    return f"batches of {BATCH}, preprocessing and finishing counted", run, read


def _torchlens(setting: _Setting, _: Path) -> tuple[str, Callable[[Path], None], Callable[[Path, str], Any]]:
    import torchlens

    model = setting.tapped()
    layers = {key: f"taps.{key}" for key in setting.expected}

    def run(out: Path) -> None:
        torchlens.extract_dataset(
            model, setting.pictures, layers, batch_size=TORCHLENS_BATCH, output_dir=out / "out", progress=False
        )

    def read(out: Path, key: str) -> Any:
        return torchlens.load_extraction(out / "out", [key]).activations[key][-BATCH:]

    return f"{torchlens.__version__}, batches of {TORCHLENS_BATCH}, one module a state", run, read


def _thingsvision(setting: _Setting, scratch: Path) -> tuple[str, Callable[[Path], None], Callable[[Path, str], Any]]:
    import numpy as np
    import thingsvision

    extractor = thingsvision.get_extractor_from_model(setting.tapped(), device="cpu", backend="pt")
    batches = [setting.pictures[first : first + BATCH] for first in range(0, NUMBER, BATCH)]
    names = {key: f"taps.{key}" for key in setting.expected}

    def run(out: Path) -> None:
        # Full maps are not flattened: it cannot flatten channels_last ones. A file for four batches bounds its memory.
        extractor.extract_features(batches, module_names=list(names.values()), output_dir=str(out), step_size=4)

    def read(out: Path, key: str) -> Any:
        last = max((out / names[key]).iterdir(), key=lambda file: int(file.stem.rsplit("-", 1)[1]))
        return np.load(last)[-BATCH:]

    return f"{thingsvision.__version__}, batches of {BATCH}, one module a state ({_as_it_is(setting)})", run, read


def _as_it_is(setting: _Setting) -> str:
    """Say what thingsvision makes of the model's own modules."""
    import thingsvision

    # A copy, since an error leaves its hooks behind.
    extractor = thingsvision.get_extractor_from_model(copy.deepcopy(setting.network), device="cpu", backend="pt")
    names = [f"areas.{area}" for area in setting.network.spec.graph.names]
    try:
        found = extractor.extract_features([setting.pictures[:BATCH]], module_names=names)
    except Exception as error:
        return f"on the areas' own modules it stops with {type(error).__name__}: {error}"
    return f"on the areas' own modules it keeps {len(found)} states of {len(setting.expected)}, the last of each area"


def _prepare(name: str, scratch: Path) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    setting = _Setting(scratch)
    tools = {"bare": _bare, "ventralrnn": _ventralrnn, "torchlens": _torchlens, "thingsvision": _thingsvision}
    note, run, read = tools[name](setting, scratch)

    def job() -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=scratch) as folder, open(os.devnull, "w") as nowhere:
            start = time.perf_counter()
            with contextlib.redirect_stdout(nowhere):
                run(Path(folder))
            seconds = time.perf_counter() - start
            difference = setting.difference(lambda key: read(Path(folder), key))
        return {"value": seconds / NUMBER * 1e3, "difference": difference}

    return {"note": note}, job


if __name__ == "__main__":
    serve(lambda: _prepare(sys.argv[1], Path(sys.argv[2])))
