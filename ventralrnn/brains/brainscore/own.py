"""Benchmarks of our own in Brain-Score's interface, for any BrainModel."""

import functools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.brains.benchmarks.base import Benchmark, Observed, Settings
from ventralrnn.brains.benchmarks.registry import find_benchmark
from ventralrnn.brains.benchmarks.scoring import evaluate
from ventralrnn.brains.brainscore.environment import load_brainscore
from ventralrnn.errors import AnalysisError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import load_stimuli

# The pictures' own sides, in pixels, at which they are written to files as they are.
_SIDES = {"kriegeskorte2008": 175, "cowley2023": 112, "embedded": 32}
# What models without time answer for measurements without time: the bin of most of Brain-Score's benchmarks.
_DEFAULT_BIN = (70.0, 170.0)
_VERSION = 1


def get_benchmark(
    identifier: str, *, data: Any = None, stimuli: str | None = None, samples: int = 1000, seed: int = 0
) -> Any:
    """Return a benchmark of our own as an object of Brain-Score's interface.

    Parameters
    ----------
    identifier : str
        See ``ventralrnn benchmarks``.
    data, stimuli : optional
        As :func:`ventralrnn.brains.benchmarks.evaluate` takes them; for simulated data.
    samples, seed
        Of the intervals.

    Returns
    -------
    brainscore_vision Benchmark
        ``identifier``, ``parent``, ``version``, ``bibtex``, ``ceiling``; called on a BrainModel it returns a Score:
        the committed score divided by the ceiling (as it is where the data have no ceiling), with ``raw``, ``ceiling``
        and ``states``, the score of every area and step, among its attributes. Nothing is loaded or computed before it
        is needed, and nothing is cached.

    Raises
    ------
    AnalysisError
        If there is none of this name, or it is one of a model's answers, which Brain-Score's interface does not give.
    VentralrnnError
        If Brain-Score is not installed.

    Notes
    -----
    A :class:`VentralBrainModel` is recorded at all areas and steps; any other BrainModel at the benchmark's area, in
    the benchmark's window (or in 70-170 ms where the measurement has no time).
    """
    load_brainscore()
    benchmark = find_benchmark(identifier)
    shown = stimuli or benchmark.stimuli
    if shown not in _SIDES:
        raise AnalysisError(f"{identifier}: needs a model's answers before the softmax, which no BrainModel gives")
    return _class()(benchmark, data, shown, Settings(samples, seed=seed))


@functools.cache
def _class() -> type:
    """Return the class, which cannot be made before Brain-Score is imported."""
    from brainscore_core.metrics import Score
    from brainscore_vision.benchmarks import BenchmarkBase

    class OwnBenchmark(BenchmarkBase):
        """A benchmark of ventralrnn."""

        def __init__(self, benchmark: Benchmark, data: Any, stimuli: str, settings: Settings) -> None:
            super().__init__(
                benchmark.identifier, lambda: self.ceiling, _VERSION, parent=benchmark.region.split()[0],
                bibtex=benchmark.citation,
            )  # fmt: skip
            self.region, self._own, self._data = benchmark.area, benchmark, data
            self._stimuli, self._settings = stimuli, settings
            self._known: float | None = None

        @property
        def data(self) -> Any:
            """What models are held against."""
            if self._data is None:
                self._data = self._own.load()
            return self._data

        @property
        def ceiling(self) -> Any:
            """Score of the best possible model; NaN where the data cannot tell."""
            # Brain-Score's own property keeps ceilings on disk, by nothing but the identifier.
            if self._known is None:
                self._known = self._own.bound(self.data, self._settings)
            return Score(self._known)

        def __call__(self, candidate: Any) -> Any:
            with stimulus_set(self._stimuli) as pictures:
                observed = _look(candidate, self._own, pictures)
                states = evaluate(
                    self._own, observed, data=self.data, samples=self._settings.samples, seed=self._settings.seed
                )
            raw = Score(states.attrs["committed_score"])
            self._known = float(states["ceiling"])
            found = Score(float(raw) / self._known if np.isfinite(self._known) else float(raw))
            low, high = states.attrs["committed_low"], states.attrs["committed_high"]
            found.attrs |= {"raw": raw, "ceiling": self.ceiling, "error": (high - low) / 2, "states": states}
            return found

    return OwnBenchmark


@contextmanager
def stimulus_set(name: str) -> Iterator[Any]:
    """Hold pictures as a Brain-Score StimulusSet, whose files go when the context ends.

    Parameters
    ----------
    name : str
        One of those that benchmarks show.

    Yields
    ------
    StimulusSet
        With the columns stimulus_id and, where there are some, label; lossless files of the pictures' own size.
    """
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
    from PIL import Image

    stimuli = load_stimuli(name)
    plain = Preprocessing(size=_SIDES[name], crop=1.0)
    with tempfile.TemporaryDirectory(prefix="ventralrnn-stimuli-") as folder:
        paths = {}
        for index, stimulus_id in enumerate(stimuli.ids):
            path = Path(folder) / f"{index:05d}.png"
            Image.fromarray(stimuli.load(index, plain)[0]).save(path)
            paths[stimulus_id] = path
        columns: dict[str, Any] = {"stimulus_id": list(stimuli.ids)}
        if stimuli.labels is not None:
            columns["label"] = list(stimuli.labels)
        found = StimulusSet(columns)
        found.stimulus_paths, found.identifier = paths, f"ventralrnn.{name}"
        yield found


def _look(candidate: Any, benchmark: Benchmark, stimuli: Any) -> Observed:
    """Show stimuli to a BrainModel, and return what it recorded, by area."""
    areas = getattr(candidate, "areas", None)
    if hasattr(candidate, "states") and areas:
        chosen: list[tuple[str, Any]] = [(area, None) for area in areas]
    else:
        chosen = [(benchmark.area, [benchmark.window_ms or _DEFAULT_BIN])]
    observed = {}
    for area, bins in chosen:
        candidate.start_recording(area, time_bins=bins)
        observed[area] = _to_array(candidate.look_at(stimuli, number_of_trials=1), area, stimuli)
    # Assemblies know times and no steps; those of all areas together are the steps of the model.
    times = sorted(
        {float(t) for array in observed.values() if "time_ms" in array.coords for t in array["time_ms"].values}
    )
    return {
        area: array.assign_coords(time_step=("time", np.searchsorted(times, array["time_ms"].values)))
        if "time_ms" in array.coords
        else array
        for area, array in observed.items()
    }


def _to_array(assembly: Any, area: str, stimuli: Any) -> xr.DataArray:
    """Return an assembly as an area of a recording."""
    timed = "time_bin" in assembly.dims
    ordered = assembly.transpose("presentation", "time_bin", "neuroid") if timed else assembly
    values = np.asarray(ordered.values if timed else assembly.transpose("presentation", "neuroid").values[:, None])
    known = {str(name): i for i, name in enumerate(assembly["stimulus_id"].values)}
    order = [known[str(name)] for name in stimuli["stimulus_id"]]
    coords: dict[str, Any] = {
        "stimulus_id": ("stimulus", [str(name) for name in stimuli["stimulus_id"]]),
        "time_step": ("time", np.arange(values.shape[1])),
    }
    if timed:
        coords["time_ms"] = ("time", np.asarray(assembly["time_bin_start"].values, float))
    if "label" in stimuli.columns:
        coords["label"] = ("stimulus", [str(label) for label in stimuli["label"]])
    unreached = np.flatnonzero(np.isnan(values).all((0, 2)))
    attrs = {"unreached_steps": unreached.tolist(), "model": assembly.attrs.get("model_identifier", "")}
    return xr.DataArray(values[order], coords, ("stimulus", "time", "neuroid"), area, attrs)
