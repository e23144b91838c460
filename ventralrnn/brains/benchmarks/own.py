"""A user's own data as a benchmark: responses that a YAML file describes, or RDMs in files and folders."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr
from torch import nn

from ventralrnn.analysis.inference.repeats import ceilings_of_repeats, keep_repeats
from ventralrnn.brains.benchmarks.base import Benchmark, Observed, Settings
from ventralrnn.brains.benchmarks.predictivity import Predictivity
from ventralrnn.brains.benchmarks.rdms import Geometry
from ventralrnn.brains.benchmarks.recordings import as_observed
from ventralrnn.brains.benchmarks.scoring import evaluate
from ventralrnn.brains.load import load_brain, load_responses
from ventralrnn.brains.own.responses import DESCRIPTIONS, describe, is_described
from ventralrnn.brains.responses.rdms import compute_response_rdms
from ventralrnn.errors import AnalysisError, DataError
from ventralrnn.networks import RecurrentNetwork

Metric = Literal["ridge", "pls", "rdm"]
_TRIALS = "square root of the reliability of mean responses, from halves of the repeats"
_SUBJECTS = "each subject with the mean of all (upper), and with the mean of the others (lower)"
_ARRAYS = (*DESCRIPTIONS, ".nc", ".npy", ".npz", ".csv", ".mat")
_ANY = "brain"
_OPTIONS = {"clock", "steps", "preprocessing", "device", "batch_size", "seed", "workers", "samples", "level"}


class _Some(dict[str, xr.DataArray]):
    """Areas for some of the stimuli of a recording, and how the recording was made."""

    attrs: dict[str, Any]


@dataclass(frozen=True)
class _Own(Benchmark):
    """What is known of a user's own data beside their numbers."""

    values: Any
    about: Mapping[str, Any]
    simulated_pictures: ClassVar[int | None] = None

    @property
    def here(self) -> bool:
        """They are."""
        return True

    @property
    def citation(self) -> str:
        """Whom to cite, as far as stated."""
        return str(self.about.get("citation", ""))

    @property
    def licence(self) -> str:
        """Under which licence they come, as far as stated."""
        return str(self.about.get("licence", ""))

    def load(self) -> Any:
        """Return the data."""
        return self.values

    @contextmanager
    def observe(self, model: Any, stimuli: Any, **options: Any) -> Iterator[Observed]:
        """Show stimuli to a model, and hold what it does for those that the brain saw too."""
        with super().observe(model, stimuli, **options) as found:
            yield self.of_common_stimuli(found)

    def of_common_stimuli(self, observed: Observed) -> Observed:
        """Return what a model does for the brain's stimuli, where it has seen all of these and more."""
        wanted = [str(s) for s in self.values["stimulus_id"].values] if "stimulus_id" in self.values.coords else []
        chosen = _Some()
        chosen.attrs = dict(getattr(observed, "attrs", {}))
        for name, area in observed.items():
            seen = {str(s): i for i, s in enumerate(area["stimulus_id"].values)} if "stimulus_id" in area.coords else {}
            if not wanted or len(seen) <= len(wanted) or not all(s in seen for s in wanted):
                return observed
            chosen[name] = area[sorted(seen[s] for s in wanted)]
        return chosen


@dataclass(frozen=True)
class OwnResponses(_Own, Predictivity):
    """Neurons of one's own, predicted from every area and step."""


@dataclass(frozen=True)
class OwnGeometry(_Own, Geometry):
    """RDMs of one's own, held against that of every area and step.

    Parameters
    ----------
    bound_by_repeats : float
        Ceiling of RDMs of one subject, from halves of the repeats; NaN where there are none.
    """

    bound_by_repeats: float = float("nan")

    def bound(self, data: xr.Dataset, settings: Settings) -> float:
        """Return the upper ceiling over subjects, or that from repeats for a single one."""
        found = super().bound(data, settings)
        return self.bound_by_repeats if np.isnan(found) else found


def is_own_data(benchmark: Any) -> bool:
    """Whether what is asked for is a file or folder of a user's own, and no identifier."""
    if isinstance(benchmark, os.PathLike):
        return True
    text = str(benchmark)
    return isinstance(benchmark, str) and (text.lower().endswith(_ARRAYS) or os.sep in text or Path(text).is_dir())


def own_benchmark(
    source: str | os.PathLike[str], *, metric: Metric | None = None, brain_area: str | None = None
) -> "OwnResponses | OwnGeometry":
    """Make a benchmark of a user's own data.

    Parameters
    ----------
    source : str or path
        Responses as :func:`ventralrnn.brains.load_responses` takes them (docs/your-data.md), or RDMs as
        :func:`ventralrnn.brains.read_rdms` does: a file, a folder of subjects, a folder of areas.
    metric : {'ridge', 'pls', 'rdm'}, optional
        How responses are compared: predicted by ridge or PLS regression, or by their RDM; 'ridge' by default. RDMs have
        'rdm' alone.
    brain_area : str, optional
        Which area, where there are several.

    Returns
    -------
    OwnResponses or OwnGeometry
        For :func:`ventralrnn.brains.benchmarks.evaluate`. Responses are averaged over the time bins that begin at or
        after stimulus onset, and the model's states over the same window. The ceiling is that of subjects where RDMs
        are of several, else that of repeats.

    Raises
    ------
    DataError
        There is no such file, its areas have to be told apart, or RDMs are of several times.
    AnalysisError
        The metric does not fit.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise DataError(f"{source}: no such file or folder of responses or RDMs (docs/your-data.md)")
    if metric not in (None, "ridge", "pls", "rdm"):
        raise AnalysisError(f"metric: {metric!r} is not 'ridge', 'pls' or 'rdm'")
    responses = _responses(path)
    if responses is None:
        if metric not in (None, "rdm"):
            raise AnalysisError(f"metric: {path} holds RDMs; {metric} predicts responses")
        rdms = load_brain(path)
        if rdms.sizes.get("time", 1) > 1:
            raise DataError(f"{path}: RDMs at {rdms.sizes['time']} times; `ventralrnn rsa` compares all with all")
        return _geometry(path, rdms.isel(time=0, drop=True) if "time" in rdms.dims else rdms, brain_area, None)
    means, window = _after_onset(responses, path)
    if metric == "rdm":
        stated = describe(path).distance if is_described(path) else None
        rdms = compute_response_rdms(means, stated or "correlation")
        rdms = keep_repeats(rdms, means).isel(time=0, drop=True)
        return _geometry(path, rdms, brain_area, window, means)
    area = _choose(path, _areas(means), brain_area)
    if "area" in means.coords:
        means = means.isel(neuroid=np.flatnonzero(means["area"].values.astype(str) == area))
    kind = metric or "ridge"
    return OwnResponses(
        identifier=f"{path}-{kind}",
        area=area,
        region=area,
        metric=kind,
        data_sets=(),
        stimuli=str(means.attrs.get("stimuli", "")),
        window_ms=window,
        ceiling=_TRIALS,
        method=kind,
        values=means,
        about={str(key): value for key, value in means.attrs.items()},
    )


def score_own(
    source: str | os.PathLike[str],
    model: Any,
    *,
    areas: Mapping[str, str] | None = None,
    metric: Metric | None = None,
    stimuli: Any = None,
    **options: Any,
) -> xr.Dataset:
    """Score a model on a user's own data.

    Parameters
    ----------
    source, metric
        As :func:`own_benchmark` takes them.
    model : torch.nn.Module, str, path or Recording
        As :func:`ventralrnn.brains.benchmarks.evaluate` takes it.
    areas : mapping of str to str, optional
        The area of the brain -> the model's area, or its module where it is no model of ventralrnn.
    stimuli : str, path or Stimuli, optional
        What a model is shown, where the data do not say or hold no pictures.
    **options
        As :func:`ventralrnn.brains.benchmarks.evaluate` takes them.

    Returns
    -------
    xarray.Dataset
        As :func:`ventralrnn.brains.benchmarks.evaluate` returns.

    Raises
    ------
    AnalysisError, DataError
        As :func:`own_benchmark`; or there is nothing to show the model.
    """
    options = {key: value for key, value in options.items() if value is not None}
    if unknown := sorted(set(options) - _OPTIONS):
        raise AnalysisError(f"{unknown[0]}: goes with benchmarks of Brain-Score, not with {source}")
    if areas and len(areas) > 1:
        raise AnalysisError(f"areas: {', '.join(areas)}; name one area of {source} at a time")
    brain_area, of_model = next(iter(areas.items())) if areas else (None, None)
    benchmark = own_benchmark(source, metric=metric, brain_area=brain_area)
    given = as_observed(model)
    if given is not None:
        model = benchmark.of_common_stimuli(given)
    else:
        if not (stimuli or benchmark.stimuli):
            raise DataError(f"{source}: does not say what was shown; name the pictures with --stimuli (stimuli=)")
        ours = isinstance(model, RecurrentNetwork) or (not isinstance(model, nn.Module) and ":" not in str(model))
        if of_model and not ours:
            options["areas"], of_model = {benchmark.area: of_model}, None
    return evaluate(benchmark, model, area=of_model, stimuli=stimuli or None, **options)


def _responses(path: Path) -> xr.DataArray | None:
    """Return responses, or None where a path holds RDMs."""
    if is_described(path):
        return load_responses(path)
    if path.suffix.lower() == ".nc":
        try:
            return load_responses(path)
        except DataError:
            return None
    return None


def _after_onset(responses: xr.DataArray, path: Path) -> tuple[xr.DataArray, tuple[float, float] | None]:
    """Return responses with one time, the mean over bins that begin at or after onset, and the window of these."""
    if "time_start_ms" not in responses.coords or np.isnan(responses["time_start_ms"].values).any():
        if responses.sizes["time"] > 1:
            raise DataError(
                f"{path}: has {responses.sizes['time']} time bins, and does not say when; add a line `time:`"
            )
        return responses, None
    starts, ends = (responses[f"time_{name}_ms"].values.astype(float) for name in ("start", "end"))
    after = np.flatnonzero(starts >= 0)
    if not len(after):
        raise DataError(f"{path}: no time bin begins after stimulus onset")
    mean = responses.isel(time=after).mean("time", skipna=False, keep_attrs=True).expand_dims(time=1)
    mean = mean.transpose(*responses.dims).astype(np.float64)
    window = float(starts[after].min()), float(ends[after].max())
    return mean.assign_coords(time_ms=("time", [sum(window) / 2])), window


def _areas(responses: xr.DataArray) -> list[str]:
    return list(dict.fromkeys(responses["area"].values.astype(str).tolist())) if "area" in responses.coords else []


def _choose(path: Path, there: list[str], asked: str | None) -> str:
    """Return the area of the brain that is scored."""
    there = [name for name in there if name]
    if asked is not None:
        if there and asked not in there:
            raise DataError(f"--area: {path} holds {', '.join(there)}, and no {asked}")
        return asked
    if len(there) > 1:
        raise DataError(f"{path}: holds {', '.join(there)}; say which, for example --area {there[0]}={there[0]}")
    if not there:
        raise DataError(f"{path}: does not say which area it is from; say what is compared with it: --area {_ANY}=IT")
    return there[0]


def _geometry(
    path: Path,
    rdms: xr.Dataset,
    asked: str | None,
    window: tuple[float, float] | None,
    responses: xr.DataArray | None = None,
) -> OwnGeometry:
    named = [str(a) for a in np.atleast_1d(rdms["area"].values)] if "area" in rdms.coords else []
    area = _choose(path, [n for n in named if n != "responses"], asked)
    bound, known = _by_repeats(rdms, area if area in named else "responses")
    rdms = rdms.drop_vars(["responses", "neuroid_area"], errors="ignore")
    if "area" in rdms.dims:
        rdms = rdms.isel(area=named.index(area) if area in named else 0, drop=True)
    several = rdms.sizes.get("subject", 1) > 1
    about = {**(responses.attrs if responses is not None else {}), **rdms.attrs}
    return OwnGeometry(
        identifier=f"{path}-rdm",
        area=area,
        region=area,
        metric="rdm",
        data_sets=(),
        stimuli=str(about.get("stimuli", "")),
        window_ms=window,
        ceiling=_SUBJECTS if several else known,
        source=str(path),
        brain_area=area,
        values=rdms,
        about={str(key): value for key, value in about.items()},
        bound_by_repeats=bound,
    )


def _by_repeats(rdms: xr.Dataset, area: str) -> tuple[float, str]:
    """Return the ceiling of the RDM of one subject, and what it is from, or why there is none."""
    try:
        return float(ceilings_of_repeats(rdms, area).ceiling[0]), "halves of the repeats"
    except AnalysisError as error:
        return float("nan"), f"none: {error}"
