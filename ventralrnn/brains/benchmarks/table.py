"""Models beside each other on several benchmarks, with ceilings, intervals and tests of their differences."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Literal

import numpy as np
import xarray as xr

from ventralrnn.analysis.results import provenance
from ventralrnn.brains.benchmarks.base import Benchmark, Observed, Settings
from ventralrnn.brains.benchmarks.recordings import as_observed
from ventralrnn.brains.benchmarks.registry import BENCHMARKS, find_benchmark
from ventralrnn.brains.benchmarks.scoring import score_observed
from ventralrnn.brains.benchmarks.simulation import STIMULI
from ventralrnn.errors import AnalysisError

_CONTRASTS = {
    "difference": "difference",
    "difference_low": "low",
    "difference_high": "high",
    "p_value": "p_value",
}
_NUMBERS = ("score", "low", "high", "best_score", "best_step", "best_ms")


def compare_models(
    models: Mapping[str, Any],
    benchmarks: Sequence[str] | None = None,
    *,
    truth: Any = "ventral",
    simulate: Literal["missing", "always", "never"] = "missing",
    all_areas: bool = False,
    samples: int = 1000,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
    **options: Any,
) -> xr.Dataset:
    """Score several models on several benchmarks: on real data where they are here, on simulated ones otherwise.

    Parameters
    ----------
    models : mapping of str to Module, str or path
        By a name for the table.
    benchmarks : sequence of str, optional
        Identifiers; all by default.
    truth : Module, str or path
        The model from which a brain is simulated where the real data are missing.
    simulate : {'missing', 'always', 'never'}
        When to simulate; with 'never', missing data are a DataError.
    all_areas : bool
        Score all areas; by default only the one that stands for the brain's.
    samples, seed
        Of the intervals.
    say : callable, optional
        Is told what is scored next.
    **options
        Further arguments of :func:`ventralrnn.extract`, for all models.

    Returns
    -------
    xarray.Dataset
        ``score``, ``low``, ``high`` of what stands for the brain, and ``best_score``, ``best_step``, ``best_ms`` of the
        step that is most like it (benchmark, model); ``difference``, ``difference_low``, ``difference_high``,
        ``p_value`` (benchmark, model, model_other): score of a model minus that of another, its interval, and whether
        they differ, two-sided; ``ceiling``, ``ceiling_lower`` (benchmark); ``simulated`` (benchmark), with coordinates
        benchmark, model, model_other, ``region`` and ``metric`` (benchmark). NaN where there is none.

    Raises
    ------
    AnalysisError, DataError
        As :func:`evaluate`.

    Notes
    -----
    Intervals of scores are each model's own. Those of differences are paired: both models are scored on the same
    samples of what the benchmark's intervals are over (stimuli, and subjects where there are several; neurons; units;
    pictures), so that a difference can be resolved although the intervals of the scores overlap. They come from the
    variance of the difference over samples and Student's t. p values are not corrected for the number of benchmarks.
    """
    if simulate not in ("missing", "always", "never"):
        raise AnalysisError(f"simulate: {simulate!r} is not 'missing', 'always' or 'never'")
    chosen = [find_benchmark(name) for name in (BENCHMARKS if benchmarks is None else benchmarks)]
    settings = Settings(samples, seed=seed)
    rows, bounds, simulated, contrasts = [], [], [], []
    with ExitStack() as stack:
        shown = _Shown(stack, options)
        for benchmark in chosen:
            brains = simulate == "always" or (simulate == "missing" and not benchmark.here)
            if say is not None:
                say(f"{benchmark.identifier}{' (simulated)' if brains else ''}")
            stimuli = STIMULI if brains else benchmark.stimuli
            most = benchmark.simulated_pictures if brains else None
            if brains:
                data = benchmark.simulate(_thin(shown.to(benchmark, truth, stimuli), most), seed)
            else:
                data = benchmark.load()
            row, committed = [], []
            for model in models.values():
                observed = _thin(_only(shown.to(benchmark, model, stimuli), benchmark, all_areas), most)
                result, one = score_observed(benchmark, observed, data, None, settings)
                row.append([result.attrs.get(_key(name), np.nan) for name in _NUMBERS])
                committed.append(one)
            rows.append(row)
            contrasts.append(benchmark.contrast(committed, data, settings))
            bounds.append([float(result[name]) if name in result else np.nan for name in ("ceiling", "ceiling_lower")])
            simulated.append(brains)
    dims = ("benchmark", "model")
    numbers = np.array(rows, float)
    return xr.Dataset(
        {
            **{name: (dims, numbers[..., i]) for i, name in enumerate(_NUMBERS)},
            **{name: ("benchmark", np.array(bounds)[:, i]) for i, name in enumerate(("ceiling", "ceiling_lower"))},
            **{
                name: ((*dims, "model_other"), np.array([getattr(one, part) for one in contrasts]))
                for name, part in _CONTRASTS.items()
            },
            "simulated": ("benchmark", simulated),
        },
        {
            "benchmark": [b.identifier for b in chosen],
            "model": list(models),
            "model_other": list(models),
            "region": ("benchmark", [b.region for b in chosen]),
            "metric": ("benchmark", [b.metric for b in chosen]),
        },
        provenance(None, analysis="benchmarks", bootstrap=samples, resampling_seed=seed, truth=_called(truth, models)),
    )


class _Shown:
    """What models do with stimuli, recorded once for all benchmarks that show them."""

    def __init__(self, stack: ExitStack, options: dict[str, Any]) -> None:
        self._stack, self._options = stack, options
        self._known: dict[tuple[Any, ...], Observed] = {}

    def to(self, benchmark: Benchmark, model: Any, stimuli: str) -> Observed:
        given = as_observed(model)
        if given is not None:
            return given
        kind = type(benchmark).observe
        key = (kind, model if isinstance(model, str) else id(model), stimuli)
        if key not in self._known:
            self._known[key] = self._stack.enter_context(benchmark.observe(model, stimuli, **self._options))
        return self._known[key]


def _only(observed: Observed, benchmark: Benchmark, all_areas: bool) -> Observed:
    benchmark.check(observed, benchmark.area)
    return observed if all_areas else {benchmark.area: observed[benchmark.area]}


def _called(truth: Any, models: Mapping[str, Any]) -> str:
    """Return what a message calls the model that a brain was simulated from."""
    if isinstance(truth, str | os.PathLike):
        return str(truth)
    return next((name for name, model in models.items() if model is truth), f"a {type(truth).__name__}")


def _thin(observed: Observed, most: int | None) -> Observed:
    """Return at most so many stimuli, evenly spaced among those that there are."""
    if most is None:
        return observed
    return {name: area[:: max(1, math.ceil(area.sizes["stimulus"] / most))] for name, area in observed.items()}


def _key(name: str) -> str:
    return name if name.startswith("best_") else f"committed_{name}"
