"""Bootstrap over stimuli of every model state against every brain time, against rsatoolbox."""

from collections.abc import Callable
from typing import Any

from benchmarks.speed.common import Row
from benchmarks.speed.comparison import make_rdms
from benchmarks.speed.jobs import OURS, Job, Side, measure_jobs, serve_side

CONDITIONS, STATES, TIMES, SAMPLES = 100, 20, 20, 1000
# rsatoolbox does so many samples, for all of them would take it a quarter of an hour; its time is scaled.
PEER_SAMPLES, LOOP_SAMPLES = 5, 100
# At least a hundred times rsatoolbox.
PEER = 1 / 100


def measure() -> list[Row]:
    """Return the bootstrap against rsatoolbox's own, and against a loop over its functions."""
    return measure_jobs(__spec__.name, JOBS)


def _make(conditions: int, states: int, times: int, samples: int) -> tuple[Any, Any, Any]:
    """Return RDMs, and how often each stimulus is in each sample: the same for all sides."""
    import numpy as np

    chosen = np.random.default_rng(1).multinomial(conditions, np.full(conditions, 1 / conditions), samples)
    return *make_rdms(conditions, states, times), chosen


def _ours(data: Any) -> Callable[[], Any]:
    from ventralrnn.analysis.inference import bootstrap_similarity

    model, brain, chosen = data
    return lambda: bootstrap_similarity(model, brain[None], "spearman", draws=(chosen, None)).similarity[0]


def _positions(chosen: Any) -> list[Any]:
    import numpy as np

    return [np.repeat(np.arange(len(times)), times) for times in chosen]


def _rsatoolbox(data: Any) -> Callable[[], Any]:
    """Return its own bootstrap, one call a brain time, for it takes the mean over the RDMs that it is given."""
    from unittest import mock

    import numpy as np
    from rsatoolbox.inference import evaluate
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs

    model, brain, chosen = data
    models = [ModelFixed(str(i), vector) for i, vector in enumerate(model)]
    times, samples = [RDMs(vector[None]) for vector in brain], _positions(chosen[:PEER_SAMPLES])

    def one(time: Any) -> Any:
        # It draws what the others draw, by the function with which it draws itself.
        drawn = iter(samples)

        def draw(rdms: Any, name: str) -> Any:
            index = next(drawn)
            return rdms.subsample_pattern(name, index), index

        with mock.patch.object(evaluate, "bootstrap_sample_pattern", draw):
            result = evaluate.eval_bootstrap_pattern(
                models, time, method="spearman", N=len(samples), boot_noise_ceil=False
            )
        return result.evaluations

    return lambda: np.stack([one(time) for time in times], -1)


def _loop(data: Any) -> Callable[[], Any]:
    import numpy as np
    from rsatoolbox.rdm import RDMs, compare

    model, brain, chosen = data
    one, two = RDMs(model), RDMs(brain)
    samples = _positions(chosen[:LOOP_SAMPLES])

    def run() -> Any:
        both = ((rdms.subsample_pattern("index", index) for rdms in (one, two)) for index in samples)
        return np.stack([compare(*pair, "spearman") for pair in both])

    return run


JOBS = {
    "bootstrap": Job(
        f"{SAMPLES:,} samples of {CONDITIONS} stimuli, Spearman of {STATES} model states x {TIMES} brain times",
        _make,
        {"conditions": CONDITIONS, "states": STATES, "times": TIMES, "samples": SAMPLES},
        {"conditions": 12, "states": 4, "times": 3, "samples": PEER_SAMPLES},
        {
            "ours": Side(OURS, _ours),
            "rsatoolbox": Side(
                f"rsatoolbox eval_bootstrap_pattern, {PEER_SAMPLES} samples, scaled",
                _rsatoolbox, PEER, PEER_SAMPLES / SAMPLES, "rsatoolbox", "rsatoolbox",
            ),
            "loop": Side(
                f"a loop over rsatoolbox's subsample_pattern and compare, {LOOP_SAMPLES} samples, scaled",
                _loop, None, LOOP_SAMPLES / SAMPLES, "rsatoolbox", "rsatoolbox",
            ),
        },
        1e-5,
    ),
}  # fmt: skip


if __name__ == "__main__":
    serve_side(JOBS)
