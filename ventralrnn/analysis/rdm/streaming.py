"""RDMs while a model runs: activations are never stored."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Literal

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from ventralrnn.analysis.rdm.container import make_rdms, pair_indices, pair_position
from ventralrnn.analysis.rdm.distances import PLAIN, check_distance, check_shape
from ventralrnn.analysis.rdm.patterns import Frame, Patterns, place, squared_lengths
from ventralrnn.analysis.rdm.tiles import put_between, put_within
from ventralrnn.analysis.results import provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError
from ventralrnn.graph import Clock, Cut
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.progress import progress_bar
from ventralrnn.recording.job import Job, default_batch_size
from ventralrnn.recording.layout import AreaLayout
from ventralrnn.recording.preparation import describe_job, prepared_job
from ventralrnn.recording.provenance import describe_recording
from ventralrnn.recording.sources import States

_MEMORY = 1 << 30
_STATE_BYTES = 4  # a value of float32


@checked(AnalysisError)
def extract_rdm(
    model: nn.Module | str | os.PathLike[str],
    stimuli: Any,
    *,
    distance: str = "correlation",
    constant: str = "raise",
    memory: int = _MEMORY,
    areas: Sequence[str] | Mapping[str, str] | None = None,
    steps: str | int | Sequence[int] | None = None,
    pool: Literal["none", "mean"] = "none",
    currents: bool | Sequence[str] = False,
    cut: Sequence[str | Cut] = (),
    states: States | None = None,
    preprocessing: Preprocessing | None = None,
    clock: Clock | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    seed: int = 0,
    skip_bad: bool = False,
    workers: int = 2,
    progress: bool = False,
    command: str | None = None,
) -> xr.Dataset:
    """Compute the RDMs of areas of a model at every time step, without storing activations.

    Parameters
    ----------
    model, stimuli
        As in :func:`ventralrnn.extract`.
    distance : {'correlation', 'euclidean', 'sqeuclidean', 'cosine'}
        See :func:`compute_distances`.
    constant : {'raise', 'nan'}
        What becomes of stimuli to which the distance is not defined, see :func:`compute_distances`.
    memory : int
        Bytes for states that are held at a time. If those of all stimuli have no room, tiles of stimuli are held one
        after the other, and the model runs once for each: tile k meets itself and every stimulus after it, so that
        k passes take about (k + 1) / 2 times as long as one. The progress bar says how many passes there are.
    areas, steps, pool, currents, cut, states, preprocessing, clock, batch_size, device, seed, skip_bad, workers
        As in :func:`ventralrnn.extract`.
    progress : bool
        Show a progress bar.
    command : str, optional
        Kept with the result; the command line by default.

    Returns
    -------
    xarray.Dataset
        As :func:`compute_rdm` returns for a recording of the same, to rounding: about 1e-6 of the largest
        dissimilarity (of its square for 'euclidean').

    Raises
    ------
    AnalysisError, RecordingError, StimulusError, GraphError, SpecificationError
        If something does not fit; the message says what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import extract_rdm
    >>> pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    >>> rdms = extract_rdm("ventral", pictures, areas=["V1", "IT"])
    >>> dict(rdms.dissimilarity.sizes)
    {'area': 2, 'time': 8, 'pair': 6}
    """
    check_distance(distance, PLAIN)
    if constant not in ("raise", "nan"):
        raise AnalysisError(f"constant {constant!r}: raise or nan")
    with prepared_job(
        model,
        stimuli,
        areas=areas,
        steps=steps,
        pool=pool,
        dtype="float32",
        currents=currents,
        cut=cut,
        states=states,
        preprocessing=preprocessing,
        clock=clock,
        device=device,
        seed=seed,
        skip_bad=skip_bad,
    ) as job:
        layouts, calls = job.probe()
        for layout in layouts:
            check_shape((len(job.stimuli), layout.neuroids), distance, f" of {layout.name}")
        size = batch_size or default_batch_size(layouts)
        run = _Run(job, layouts, distance, constant, tile_size(layouts, size, memory))
        bad = run.compute(calls, size, workers, progress)
        header = describe_job(job, layouts, size, command)
        source = {**describe_recording(header, job.stimuli, job.preprocessing), "command": None}
    attrs = provenance(source, distance=distance, constant=constant, command=header["command"])
    return run.to_dataset(attrs | ({"skipped_stimuli": [list(item) for item in bad]} if bad else {}))


def tile_size(layouts: Sequence[AreaLayout], batch_size: int, memory: int) -> int:
    """Return how many stimuli are held at a time: whole batches, at least one.

    Parameters
    ----------
    layouts : sequence of AreaLayout
        The areas.
    batch_size : int
        Stimuli a batch.
    memory : int
        Bytes for states.

    Returns
    -------
    int
        A multiple of `batch_size`.
    """
    row = sum((len(a.steps) - len(a.unreached)) * a.neuroids * _STATE_BYTES for a in layouts)
    return max(1, memory // (max(row, 1) * batch_size)) * batch_size


class _Run:
    """Tiles of stimuli that meet all stimuli after them."""

    def __init__(self, job: Job, layouts: Sequence[AreaLayout], distance: str, constant: str, tile: int) -> None:
        self.job, self.layouts, self.distance, self.constant, self.tile = job, layouts, distance, constant, tile
        # Which has no float64.
        self.device = torch.device("cpu") if job.device.type == "mps" else job.device
        self.count = len(job.stimuli)
        self.steps = sorted({step for layout in layouts for step in layout.steps})
        pairs = self.count * (self.count - 1) // 2
        self.result = np.full((len(layouts), len(self.steps), pairs), np.nan, np.float32)
        self.good = np.ones(self.count, bool)
        self._frames: dict[tuple[str, int], Frame] = {}

    def compute(
        self, calls: Mapping[str, int], batch_size: int, workers: int, progress: bool
    ) -> Sequence[tuple[str, str]]:
        """Run the model once for every tile, and return the stimuli that could not be read."""
        starts = range(0, self.count, self.tile)
        bad: dict[str, str] = {}
        total, passes = sum(self.count - start for start in starts), len(starts)
        with progress_bar(progress, total, "stimuli", f"{passes} passes" if passes > 1 else None) as advance:
            for start in starts:
                held = _Tile(self, start, min(start + self.tile, self.count))
                stream = self.job.stream(self.layouts, calls, batch_size, workers, start)
                with closing(stream):
                    for batch, states in stream:
                        bad |= dict(batch.bad)
                        at = np.array(batch.indices, int)
                        self.good[batch.start : batch.stop] = False
                        self.good[at] = True
                        if batch.start < held.stop:
                            held.add(at, states)
                            if batch.stop >= held.stop:
                                held.close()
                        elif len(at):
                            held.meet(at, states)
                        advance(batch.stop - batch.start)
        return list(bad.items())

    def each_state(self) -> Iterator[tuple[str, int, int, np.ndarray]]:
        """Yield area, step, its row among the area's states, and where its RDM goes."""
        for i, layout in enumerate(self.layouts):
            for row, step in enumerate(layout.steps):
                if step not in layout.unreached:
                    yield layout.name, step, row, self.result[i, self.steps.index(step)]

    def place(self, area: str, step: int, values: Tensor, at: np.ndarray) -> Patterns:
        """Return patterns of some stimuli, all from the origin of the first tile."""
        names = [self.job.stimuli.ids[i] for i in at]
        where = f" of {area}, step {step}"
        patterns = place(values[None], self.distance, self._frames.get((area, step)), self.constant, where, names)
        self._frames.setdefault((area, step), patterns.frame)
        return patterns

    def to_dataset(self, attrs: Mapping[str, Any]) -> xr.Dataset:
        """Return the RDMs of the stimuli that could be read."""
        good = np.flatnonzero(self.good)
        if len(good) < 2:
            raise AnalysisError(f"{self.job.stimuli.name}: {len(good)} picture could be read: RDMs need at least two")
        result = self.result
        if len(good) < self.count:
            first, second = pair_indices(len(good))
            result = result[..., pair_position(good[first], good[second], self.count)]
        time_ms = np.full(result.shape[:2], np.nan)
        for i, layout in enumerate(self.layouts):
            time_ms[i, np.searchsorted(self.steps, layout.steps)] = layout.time_ms
        coords: dict[str, Any] = {
            "area": [layout.name for layout in self.layouts],
            "time_step": ("time", np.array(self.steps, np.int32)),
            "time_ms": (("area", "time"), time_ms, {"units": "ms"}),
        }
        stimuli = self.job.stimuli
        if stimuli.labels is not None:
            coords["label"] = ("stimulus", [stimuli.labels[i] for i in good])
        return make_rdms(result, ("area", "time"), coords, [stimuli.ids[i] for i in good], attrs)


class _Tile:
    """The states of some stimuli, held while others pass."""

    def __init__(self, run: _Run, start: int, stop: int) -> None:
        self.stop = stop
        self._run = run
        self._at: list[np.ndarray] = []
        self._values = {
            (area, step): torch.empty(stop - start, layout.neuroids, dtype=torch.float32, device=run.device)
            for layout in run.layouts
            for area, step in ((layout.name, step) for step in layout.steps if step not in layout.unreached)
        }
        self._filled = 0
        self._patterns: dict[tuple[str, int], Patterns] = {}
        self._lengths: dict[tuple[str, int], Tensor] = {}

    def add(self, at: np.ndarray, states: Mapping[str, Tensor]) -> None:
        """Hold the states of a batch."""
        for area, step, row, _ in self._run.each_state():
            self._values[area, step][self._filled : self._filled + len(at)] = states[area][row]
        self._at.append(at)
        self._filled += len(at)

    def close(self) -> None:
        """Compute the RDMs of the tile's own stimuli."""
        self.at = np.concatenate(self._at)
        if not len(self.at):
            return
        for area, step, _, result in self._run.each_state():
            patterns = self._run.place(area, step, self._values[area, step][: self._filled], self.at)
            patterns = self._patterns[area, step] = patterns.settle()
            self._lengths[area, step] = squared_lengths(patterns)
            if len(self.at) > 1:
                put_within(result, self._run.count, self.at, patterns)

    def meet(self, at: np.ndarray, states: Mapping[str, Tensor]) -> None:
        """Compute the dissimilarities of the tile's stimuli to those of a later batch."""
        for area, step, row, result in self._run.each_state():
            if (area, step) in self._patterns:
                other = self._run.place(area, step, states[area][row].to(self._run.device), at)
                held, lengths = self._patterns[area, step], self._lengths[area, step]
                put_between(result, self._run.count, self.at, held, at, other, lengths)
