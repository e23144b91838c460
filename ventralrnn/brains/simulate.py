"""Recordings of a brain whose answer is known: neurons of a model's area, at chosen steps, with the noise of trials."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from ventralrnn.analysis.rdm.container import make_rdms
from ventralrnn.analysis.rdm.distances import compute_distances
from ventralrnn.analysis.results import provenance
from ventralrnn.errors import AnalysisError

_BASELINE_BINS = 5


@dataclass(frozen=True)
class Experiment:
    """How a simulated brain is recorded.

    Parameters
    ----------
    subjects : int
        Animals or people; each has neurons of its own.
    neuroids : int
        Neurons a subject, drawn without replacement from the area.
    repeats : int
        Trials of every stimulus.
    ms_per_step : float or None
        Milliseconds that a model step lasts in the brain; by default what the recording's clock says.
    onset_ms : float or None
        When, in ms after stimulus onset, the first of the chosen steps begins; by default what the recording's clock
        says.
    bin_ms : float
        Width of a time bin.
    window_ms : (float, float) or None
        Begin and end of the recording in ms after stimulus onset; by default five bins before stimulus onset to the
        end of the last step.
    noise : {'gaussian', 'poisson', 'none'}
        What differs from trial to trial.
    snr : float
        With Gaussian noise: variance over stimuli of the response, averaged over neurons and steps, divided by the
        variance of the noise in one bin of one trial.
    rate_hz, spontaneous_hz : float
        With Poisson noise: mean firing rate that stimuli add, and rate without a stimulus. States below zero count as
        zero.
    latency_sd_ms : float
        How much neurons differ in latency, the same in every trial (standard deviation of a normal distribution).
    jitter_sd_ms : float
        How much the latency of a neuron differs from trial to trial.

    Examples
    --------
    >>> from ventralrnn.brains import Experiment
    >>> Experiment(subjects=2, noise="poisson", bin_ms=20).rate_hz
    20.0
    """

    subjects: int = 4
    neuroids: int = 100
    repeats: int = 10
    ms_per_step: float | None = None
    onset_ms: float | None = None
    bin_ms: float = 10.0
    window_ms: tuple[float, float] | None = None
    noise: Literal["gaussian", "poisson", "none"] = "gaussian"
    snr: float = 0.5
    rate_hz: float = 20.0
    spontaneous_hz: float = 2.0
    latency_sd_ms: float = 0.0
    jitter_sd_ms: float = 0.0

    def __post_init__(self) -> None:
        if self.noise not in ("gaussian", "poisson", "none"):
            raise AnalysisError(f"noise: {self.noise!r} is not 'gaussian', 'poisson' or 'none'")
        for name in ("subjects", "neuroids", "repeats", "bin_ms", "snr", "rate_hz"):
            if not 0 < getattr(self, name) < np.inf:
                raise AnalysisError(f"{name}: {getattr(self, name)} is not above zero")
        for name in ("spontaneous_hz", "latency_sd_ms", "jitter_sd_ms"):
            if not 0 <= getattr(self, name) < np.inf:
                raise AnalysisError(f"{name}: {getattr(self, name)} is below zero")
        if self.ms_per_step is not None and not self.ms_per_step > 0:
            raise AnalysisError(f"ms_per_step: {self.ms_per_step} is not above zero")
        if self.window_ms is not None and not self.window_ms[1] - self.window_ms[0] >= self.bin_ms:
            raise AnalysisError(f"window_ms: {self.window_ms} is shorter than a bin of {self.bin_ms:g} ms")


@dataclass(frozen=True)
class _Truth:
    """An area at chosen steps, and when in the brain they begin: states (stimulus, step, neuroid)."""

    area: str
    states: xr.DataArray
    steps: list[int]
    onset_ms: float
    ms_per_step: float

    @property
    def end_ms(self) -> float:
        return self.onset_ms + len(self.steps) * self.ms_per_step


def simulate_recording(
    area: xr.DataArray, experiment: Experiment | None = None, *, steps: Sequence[int] | None = None, seed: int = 0
) -> xr.DataArray:
    """Simulate what electrodes in an area would record.

    Parameters
    ----------
    area : xarray.DataArray, (stimulus, time, neuroid)
        A model's area as it is recorded, see :func:`ventralrnn.open_recording`.
    experiment : Experiment, optional
        Subjects, neurons, trials, time and noise.
    steps : sequence of int, optional
        Time steps (values of ``time_step``) that the brain goes through, one after the other; by default all that the
        input has reached. One step alone is a response without dynamics.
    seed : int
        Of neurons, latencies and noise. A subject is the same however many there are.

    Returns
    -------
    xarray.DataArray of float32, (repeat, stimulus, time, neuroid)
        Spike counts a bin (Poisson) or responses in the area's units. ``time_step`` (time) numbers the bins,
        ``time_ms`` (time) are their centres; their width is the attribute ``bin_ms``. ``subject``, ``source_neuroid``,
        ``latency_ms`` (neuroid). The attribute ``simulated`` is ``'yes'``, and others starting with ``true_`` tell the
        truth.

    Raises
    ------
    AnalysisError
        If a step does not exist, the area has too few neuroids, or the recording has no clock and none is given.

    Notes
    -----
    Step i lasts from ``onset_ms + i ms_per_step`` for ``ms_per_step``; the last one goes on. A neuron follows with its
    latency, a normal deviate with mean zero. Before the first step its state is zero, as a network's is. The response
    r(s, t) in a bin is the average of the steps that it covers, weighted by the time that it covers of each.

    Gaussian: ``r(s, t) + n``, the variance of n being ``mean over neurons and steps of var_s(x) / snr`` for states x.
    Poisson: counts with mean ``(spontaneous_hz + rate_hz max(r(s, t), 0) / m) bin_ms / 1000``, where m is the mean of
    ``max(x, 0)`` over stimuli, steps and neurons of the subject.

    Examples
    --------
    >>> import numpy as np
    >>> import ventralrnn
    >>> from ventralrnn.brains import Experiment, simulate_recording
    >>> pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    >>> recording = ventralrnn.extract("ventral", pictures, "three.zarr", areas=["IT"], pool="mean")
    >>> cells = simulate_recording(recording["IT"], Experiment(subjects=2, neuroids=10, repeats=4, bin_ms=20))
    >>> dict(cells.sizes), cells.attrs["simulated"]
    ({'repeat': 4, 'stimulus': 3, 'time': 12, 'neuroid': 20}, 'yes')
    """
    experiment = experiment or Experiment()
    truth = _choose(area, experiment, steps)
    edges = _edges(experiment, [truth])
    parts = [_subject(truth, experiment, edges, subject, seed) for subject in range(experiment.subjects)]
    latency, source = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
    names = np.repeat(_subject_names(experiment), experiment.neuroids)
    coords: dict[str, Any] = {
        **{name: c for name, c in area.coords.items() if c.dims == ("stimulus",)},
        "repeat": np.arange(experiment.repeats),
        "time_step": ("time", np.arange(len(edges) - 1)),
        "time_ms": ("time", (edges[1:] + edges[:-1]) / 2),
        "subject": ("neuroid", names),
        "source_neuroid": ("neuroid", source),
        "latency_ms": ("neuroid", latency),
    }
    values = np.concatenate([part[0] for part in parts], -1)
    attrs = {**_attrs(area.attrs, experiment, [truth], seed), "unreached_steps": []}
    return xr.DataArray(values, coords, ("repeat", "stimulus", "time", "neuroid"), truth.area, attrs)


def simulate_rdms(
    areas: xr.DataArray | Mapping[str, xr.DataArray],
    experiment: Experiment | None = None,
    *,
    steps: Sequence[int] | None = None,
    distance: str = "correlation",
    seed: int = 0,
) -> xr.Dataset:
    """Simulate the RDMs of subjects, as a comparison takes them.

    Parameters
    ----------
    areas : xarray.DataArray (stimulus, time, neuroid), or mapping of str to it
        One area, or several, for example a :class:`ventralrnn.recording.Recording`; for several the recording's clock
        says when each begins.
    experiment : Experiment, optional
        Like `steps` and `seed`, as :func:`simulate_recording` takes it.
    steps : sequence of int, optional
        Time steps that the brain goes through.
    distance : str
        As :func:`ventralrnn.analysis.rdm.compute_distances` takes it, between averages over trials.
    seed : int
        Of neurons, latencies and noise.

    Returns
    -------
    xarray.Dataset
        ``dissimilarity`` (subject, area, time, pair), without area for one array, ``time_ms`` (time) the centres of the
        bins; the attribute ``simulated`` is ``'yes'``. A bin in which nothing differs is NaN throughout.

    Raises
    ------
    AnalysisError
        As :func:`simulate_recording`; or if some stimuli, but not all, have no response at all in a bin.

    Examples
    --------
    >>> import numpy as np
    >>> import ventralrnn
    >>> from ventralrnn.brains import Experiment, simulate_rdms
    >>> pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    >>> recording = ventralrnn.extract("ventral", pictures, "three.zarr", areas=["IT"], pool="mean")
    >>> brain = simulate_rdms(recording["IT"], Experiment(subjects=2, neuroids=10, repeats=4, bin_ms=20))
    >>> dict(brain.dissimilarity.sizes)
    {'subject': 2, 'time': 12, 'pair': 3}
    """
    experiment = experiment or Experiment()
    several = not isinstance(areas, xr.DataArray)
    given: list[xr.DataArray] = [areas] if isinstance(areas, xr.DataArray) else list(areas.values())
    if several and experiment.onset_ms is not None and len(given) > 1:
        raise AnalysisError("onset_ms: areas begin at different times; leave it to the recording's clock")
    truths = [_choose(area, experiment, steps) for area in given]
    edges = _edges(experiment, truths)
    rows = [
        [_rdms(_subject(truth, experiment, edges, subject, seed)[0], distance, truth.area) for truth in truths]
        for subject in range(experiment.subjects)
    ]
    coords: dict[str, Any] = {"subject": _subject_names(experiment), "time_ms": ("time", (edges[1:] + edges[:-1]) / 2)}
    values = np.array(rows)
    if several:
        coords["area"] = [truth.area for truth in truths]
    else:
        values = values[:, 0]
    dims = ("subject", "area", "time") if several else ("subject", "time")
    names = given[0].coords["stimulus_id"].values if "stimulus_id" in given[0].coords else None
    # What made the areas is written down by the recording that holds them.
    attrs = {**_attrs(getattr(areas, "attrs", {}), experiment, truths, seed), "distance": distance}
    return make_rdms(values, dims, coords, names, attrs)


def _choose(area: xr.DataArray, experiment: Experiment, steps: Sequence[int] | None) -> _Truth:
    name = str(area.name or "area")
    there = [int(s) for s in area["time_step"].values]
    unreached = set(area.attrs.get("unreached_steps", ()))
    chosen = [s for s in there if s not in unreached] if steps is None else [int(s) for s in steps]
    if not chosen or (missing := [s for s in chosen if s not in there or s in unreached]):
        raise AnalysisError(f"steps: {name} has no state at step {missing[0] if chosen else 'any'}")
    if experiment.neuroids > area.sizes["neuroid"]:
        raise AnalysisError(f"neuroids: {experiment.neuroids} of the {area.sizes['neuroid']} that {name} has")
    at = [there.index(s) for s in chosen]
    clock = area["time_ms"].values if "time_ms" in area.coords else np.full(len(there), np.nan)
    onset = float(clock[at[0]]) if experiment.onset_ms is None else experiment.onset_ms
    pace = experiment.ms_per_step
    if pace is None:
        pace = float((clock[-1] - clock[0]) / (there[-1] - there[0])) if len(there) > 1 else np.nan
    for value, argument in ((onset, "onset_ms"), (pace, "ms_per_step")):
        if not np.isfinite(value):
            raise AnalysisError(f"{argument}: the recording of {name} has no clock that says it")
    return _Truth(name, area.isel(time=at), chosen, onset, pace)


def _edges(experiment: Experiment, truths: list[_Truth]) -> np.ndarray:
    width = experiment.bin_ms
    if experiment.window_ms is None:
        bins = int(np.ceil(max(truth.end_ms for truth in truths) / width))
        return width * np.arange(-_BASELINE_BINS, bins + 1)
    start, stop = experiment.window_ms
    return start + width * np.arange(int((stop - start) / width + 1e-9) + 1)


def _subject_names(experiment: Experiment) -> list[str]:
    return [f"simulated {number}" for number in range(1, experiment.subjects + 1)]


def _subject(
    truth: _Truth, experiment: Experiment, edges: np.ndarray, subject: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return responses (repeat, stimulus, time, neuroid), latencies (neuroid) and neuroids of the area (neuroid)."""
    rng = np.random.default_rng([seed, subject, zlib.crc32(truth.area.encode())])
    source = np.sort(rng.choice(truth.states.sizes["neuroid"], experiment.neuroids, replace=False))
    states = truth.states.isel(neuroid=source).values.astype(np.float64)
    if not np.isfinite(states).all():
        raise AnalysisError(f"{truth.area}: holds NaN or infinity at steps {truth.steps}")
    latency = experiment.latency_sd_ms * rng.standard_normal(experiment.neuroids)
    clean = _in_bins(states, truth, edges, latency)
    shape = (experiment.repeats, *clean.shape)
    responses = np.empty(shape, np.float32)
    for repeat in range(experiment.repeats):
        if experiment.jitter_sd_ms:
            shift = experiment.jitter_sd_ms * rng.standard_normal((len(states), experiment.neuroids))
            clean = _in_bins(states, truth, edges, latency + shift)
        responses[repeat] = _noisy(clean, states, experiment, rng)
    return responses, latency, source


def _in_bins(states: np.ndarray, truth: _Truth, edges: np.ndarray, latency: np.ndarray) -> np.ndarray:
    """Average (stimulus, step, neuroid) into bins, for latencies (neuroid) or (stimulus, neuroid)."""
    begin = truth.onset_ms + truth.ms_per_step * np.arange(len(truth.steps))
    end = np.append(begin[1:], np.inf)
    at = edges[:, None] - np.atleast_2d(latency)[:, None, :]
    result = np.zeros((len(states), len(edges) - 1, states.shape[2]))
    for step, (first, last) in enumerate(zip(begin, end, strict=True)):
        # How much of the step has passed by each edge of a bin; its share of a bin is the difference.
        passed = np.clip(at, first, min(last, max(first, at.max())))
        result += np.diff(passed, axis=1) / np.diff(edges)[:, None] * states[:, None, step]
    return result


def _noisy(clean: np.ndarray, states: np.ndarray, experiment: Experiment, rng: np.random.Generator) -> np.ndarray:
    if experiment.noise == "gaussian":
        scale = np.sqrt(states.var(0).mean() / experiment.snr)
        return clean + scale * rng.standard_normal(clean.shape, np.float32)
    if experiment.noise == "none":
        return clean
    mean = np.maximum(states, 0).mean()
    driven = experiment.rate_hz * np.maximum(clean, 0) / mean if mean else 0.0
    return rng.poisson((experiment.spontaneous_hz + driven) * experiment.bin_ms / 1000, clean.shape)


def _rdms(responses: np.ndarray, distance: str, area: str) -> np.ndarray:
    patterns = responses.mean(0, dtype=np.float64).swapaxes(0, 1)
    found = np.asarray(compute_distances(patterns, distance, constant="nan"))
    lost = np.isnan(found)
    found[lost.all(-1)] = np.nan
    if (lost.any(-1) & ~lost.all(-1)).any():
        raise AnalysisError(
            f"rate_hz: some stimuli have no spike in a bin of {area}, so that {distance} is not defined; take a higher "
            "rate, wider bins, more neuroids or more repeats, or distance='euclidean'"
        )
    return found


def _attrs(source: Mapping[str, Any], experiment: Experiment, truths: list[_Truth], seed: int) -> dict[str, Any]:
    settings = {key: value for key, value in asdict(experiment).items() if key not in ("ms_per_step", "onset_ms")}
    truth = {
        "true_areas": [t.area for t in truths],
        "true_steps": [t.steps for t in truths],
        "true_onset_ms": [t.onset_ms for t in truths],
        "true_ms_per_step": [t.ms_per_step for t in truths],
    }
    return provenance(source, simulated="yes", **truth, **settings, seed=seed)
