"""Models beside each other on several benchmarks, with intervals and ceilings."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Literal

import numpy as np
import xarray as xr

from ventralrnn.analysis.results import provenance
from ventralrnn.brains.benchmarks.base import Benchmark, Observed
from ventralrnn.brains.benchmarks.recordings import as_observed
from ventralrnn.brains.benchmarks.registry import BENCHMARKS, find_benchmark
from ventralrnn.brains.benchmarks.scoring import evaluate
from ventralrnn.brains.benchmarks.simulation import STIMULI
from ventralrnn.errors import AnalysisError

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
    **options
        Further arguments of :func:`ventralrnn.extract`, for all models.

    Returns
    -------
    xarray.Dataset
        ``score``, ``low``, ``high`` of what stands for the brain, and ``best_score``, ``best_step``, ``best_ms`` of the
        step that is most like it (benchmark, model); ``ceiling``, ``ceiling_lower`` (benchmark); ``simulated``
        (benchmark), with coordinates benchmark, model, ``region`` and ``metric`` (benchmark). NaN where there is none.

    Raises
    ------
    AnalysisError, DataError
        As :func:`evaluate`.

    Notes
    -----
    Intervals are each model's own. Models are compared on the same data and samples, so that a difference can be
    resolved although the intervals overlap; :func:`ventralrnn.analysis.inference.state_differences` tests it.
    """
    if simulate not in ("missing", "always", "never"):
        raise AnalysisError(f"simulate: {simulate!r} is not 'missing', 'always' or 'never'")
    chosen = [find_benchmark(name) for name in (BENCHMARKS if benchmarks is None else benchmarks)]
    rows, bounds, simulated = [], [], []
    with ExitStack() as stack:
        shown = _Shown(stack, options)
        for benchmark in chosen:
            brains = simulate == "always" or (simulate == "missing" and not benchmark.here)
            stimuli = STIMULI if brains else benchmark.stimuli
            data = benchmark.simulate(shown.to(benchmark, truth, stimuli), seed) if brains else benchmark.load()
            row = []
            for model in models.values():
                observed = _only(shown.to(benchmark, model, stimuli), benchmark, all_areas)
                result = evaluate(benchmark, observed, data=data, samples=samples, seed=seed)
                row.append([result.attrs.get(_key(name), np.nan) for name in _NUMBERS])
            rows.append(row)
            bounds.append([float(result[name]) if name in result else np.nan for name in ("ceiling", "ceiling_lower")])
            simulated.append(brains)
    dims = ("benchmark", "model")
    numbers = np.array(rows, float)
    return xr.Dataset(
        {
            **{name: (dims, numbers[..., i]) for i, name in enumerate(_NUMBERS)},
            **{name: ("benchmark", np.array(bounds)[:, i]) for i, name in enumerate(("ceiling", "ceiling_lower"))},
            "simulated": ("benchmark", simulated),
        },
        {
            "benchmark": [b.identifier for b in chosen],
            "model": list(models),
            "region": ("benchmark", [b.region for b in chosen]),
            "metric": ("benchmark", [b.metric for b in chosen]),
        },
        provenance(None, analysis="benchmarks", bootstrap=samples, resampling_seed=seed, truth=str(truth)),
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


def _key(name: str) -> str:
    return name if name.startswith("best_") else f"committed_{name}"


def show_table(table: xr.Dataset) -> str:
    """Return a comparison of models as text.

    Parameters
    ----------
    table : xarray.Dataset
        What :func:`compare_models` returns.

    Returns
    -------
    str
        A line a benchmark: its ceiling, every model's score with its interval, and whether the data are simulated.
    """
    models = [str(name) for name in table["model"].values]
    lines = []
    for name in table["benchmark"].values:
        row = table.sel(benchmark=name)
        ceiling = "no ceiling" if np.isnan(row["ceiling"]) else f"ceiling {float(row['ceiling']):.2f}"
        data = "SIMULATED data" if bool(row["simulated"]) else "real data"
        lines.append(f"{str(name).removeprefix('ventralrnn.')} ({row['region'].item()}, {ceiling}, {data})")
        for model in models:
            cell = row.sel(model=model)
            best = "" if np.isnan(cell["best_step"]) else f"   best at step {int(cell['best_step'])}"
            best += "" if np.isnan(cell["best_ms"]) else f", {float(cell['best_ms']):g} ms"
            interval = f"{float(cell['low']):.3f} to {float(cell['high']):.3f}"
            lines.append(f"  {model:<22} {float(cell['score']):6.3f}  ({interval}){best}")
    return "\n".join(lines)
