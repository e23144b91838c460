"""A model on a benchmark: the score of what stands for the brain, and of every area and step beside it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.analysis.results import provenance
from ventralrnn.brains.benchmarks.base import Benchmark, Committed, Observed, Settings
from ventralrnn.brains.benchmarks.recordings import as_observed
from ventralrnn.brains.benchmarks.registry import find_benchmark


def evaluate(
    benchmark: str | Benchmark,
    model: Any,
    *,
    area: str | None = None,
    data: Any = None,
    stimuli: Any = None,
    samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    **options: Any,
) -> xr.Dataset:
    """Score a model on a benchmark, at every area and step.

    Parameters
    ----------
    benchmark : str or Benchmark
        Identifier, see ``ventralrnn benchmarks``.
    model : torch.nn.Module, str, path, Recording or mapping of str to xarray.DataArray
        A model, which is shown the benchmark's stimuli; or a recording of it for these stimuli.
    area : str, optional
        Area of the model that stands for the brain's; by default the one of the same name (V1 for EVC).
    data : optional
        What the model is held against, by default the benchmark's data from the cache; see :func:`simulate_data`.
    stimuli : optional
        What a model is shown, by default the benchmark's stimuli; see :func:`ventralrnn.stimuli.load_stimuli`.
    samples, level, seed
        Bootstrap samples, level of intervals, and seed of all that is random.
    **options
        For a model: further arguments of :func:`ventralrnn.extract`, such as ``areas``, ``clock``, ``device``.

    Returns
    -------
    xarray.Dataset
        ``score``, ``low``, ``high`` (area, time), ``ceiling`` () and, for several subjects, ``ceiling_lower`` ();
        coordinates ``area``, ``time_step`` (time), ``time_ms`` (area, time). NaN where a state does not exist; a
        ceiling is NaN where the data cannot tell. A benchmark of time courses has scores (area).

        Attributes: ``committed_score``, ``committed_low``, ``committed_high``, of ``committed_area`` averaged over
        ``committed_steps``, which was chosen before anything was scored; ``best_area``, ``best_step``, ``best_ms``,
        ``best_score``, the highest of all states, which was chosen because it is; ``simulated``; licence, citation and
        how the result was made.

    Raises
    ------
    AnalysisError, DataError, RecordingError
        If the model does not fit, or the data are not here; the message says how to get them.

    Notes
    -----
    The committed score averages the area's states over the benchmark's window of time (each step weighted by the
    milliseconds that it lasts in it; what the model's steps do not cover is left out, ``committed_covered_ms``), before
    anything is compared. A benchmark without time averages over all steps at which the area responds.
    """
    chosen = find_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    brain = chosen.load() if data is None else data
    with _observed(chosen, model, stimuli, options) as observed:
        return score_observed(chosen, observed, brain, area, Settings(samples, level, seed))[0]


def score_observed(
    benchmark: Benchmark, observed: Observed, data: Any, area: str | None, settings: Settings
) -> tuple[xr.Dataset, Committed]:
    """Return what :func:`evaluate` does, and what stands for the brain, by which models are compared.

    Parameters
    ----------
    benchmark : Benchmark
        Which one.
    observed : mapping of str to xarray.DataArray
        What the model does, by area.
    data : Any
        What it is held against.
    area : str or None
        Area of the model that stands for the brain's.
    settings : Settings
        Of intervals.
    """
    name = area or benchmark.area
    benchmark.check(observed, name)
    result = benchmark.score(observed, data, settings)
    committed = benchmark.commit(observed, data, result, name, settings)
    source = dict(getattr(observed, "attrs", None) or result.attrs)
    result.attrs = provenance(source, **_about(benchmark, data, settings), **_told(committed), **_best(result))
    return result, committed


@contextmanager
def _observed(benchmark: Benchmark, model: Any, stimuli: Any, options: dict[str, Any]) -> Iterator[Observed]:
    given = as_observed(model)
    if given is not None:
        yield given
        return
    with benchmark.observe(model, benchmark.stimuli if stimuli is None else stimuli, **options) as found:
        yield found


def _about(benchmark: Benchmark, brain: Any, settings: Settings) -> dict[str, Any]:
    attrs = getattr(brain, "attrs", {})
    simulated = str(attrs.get("simulated", "no"))
    about = {
        "analysis": "benchmark",
        "benchmark": benchmark.identifier,
        "metric": benchmark.metric,
        "brain_region": benchmark.region,
        "window_ms": json.dumps(benchmark.window_ms),
        "ceiling_from": benchmark.ceiling,
        "simulated": simulated,
        "bootstrap": settings.samples,
        "level": settings.level,
        "resampling_seed": settings.seed,
    }
    if simulated == "no":
        about |= {"licence": benchmark.licence, "citation": benchmark.citation}
    else:
        about |= {key: value for key, value in attrs.items() if key.startswith("true_")}
    return about


def _told(committed: Committed) -> dict[str, Any]:
    covered = None if committed.covered_ms is None else list(committed.covered_ms)
    return {
        "committed_area": committed.area,
        "committed_steps": list(committed.steps),
        "committed_weights": [round(w, 6) for w in committed.weights],
        "committed_covered_ms": covered,
        "committed_score": committed.score,
        "committed_low": committed.low,
        "committed_high": committed.high,
    }


def _best(result: xr.Dataset) -> dict[str, Any]:
    values = result["score"].values
    if np.isnan(values).all():
        return {}
    place = dict(zip(result["score"].dims, np.unravel_index(np.nanargmax(values), values.shape), strict=True))
    state = result.isel(place)
    found: dict[str, Any] = {"best_area": str(state["area"].values), "best_score": float(state["score"])}
    if "time" in place:
        found["best_step"] = int(state["time_step"])
        if "time_ms" in state.coords:
            found["best_ms"] = float(state["time_ms"])
    return found
