"""Data of a benchmark, simulated from a model that is known: for places without the real ones."""

from typing import Any

from ventralrnn.brains.benchmarks.base import Benchmark
from ventralrnn.brains.benchmarks.recordings import as_observed
from ventralrnn.brains.benchmarks.registry import find_benchmark

#: The shipped pictures, which simulated brains and the models that are held against them have seen.
STIMULI = "embedded"


def simulate_data(
    benchmark: str | Benchmark, truth: Any = "ventral", *, stimuli: Any = STIMULI, seed: int = 0, **options: Any
) -> Any:
    """Simulate the data of a benchmark: a brain whose areas are those of a model, recorded with noise.

    Parameters
    ----------
    benchmark : str or Benchmark
        Identifier.
    truth : Module, str, path or Recording
        The model that is the brain; or a recording of it.
    stimuli : str or Stimuli
        What the brain has seen; models have to see the same (``evaluate(..., stimuli=)``).
    seed : int
        Of neurons and noise.
    **options
        Further arguments of :func:`ventralrnn.extract`.

    Returns
    -------
    What the benchmark's ``load`` returns
        The attribute ``simulated`` is ``'yes'``.
    """
    chosen = find_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    given = as_observed(truth)
    if given is not None:
        return chosen.simulate(given, seed)
    with chosen.observe(truth, stimuli, **options) as observed:
        return chosen.simulate(observed, seed)
