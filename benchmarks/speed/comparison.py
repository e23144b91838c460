"""Comparing every state of a model with every time of a brain: rank correlations of RDMs, against rsatoolbox."""

from collections.abc import Callable
from typing import Any

from benchmarks.speed.common import Row
from benchmarks.speed.jobs import OURS, Job, Side, measure_jobs, serve_side

CONDITIONS, STATES, TIMES = 1000, 80, 20
# tau-a takes rsatoolbox a sixth of a second a pair of RDMs; the time of both grows with the number of pairs.
KENDALL_STATES, KENDALL_TIMES = 8, 2
# At least five times rsatoolbox.
PEER = 1 / 5


def measure() -> list[Row]:
    """Return every method against rsatoolbox."""
    return measure_jobs(__spec__.name, JOBS)


def make_rdms(conditions: int, states: int, times: int) -> tuple[Any, Any]:
    """Return RDMs of a model and of a brain, as far alike as later states are like early ones.

    Parameters
    ----------
    conditions, states, times : int
        Numbers of stimuli, of the model's RDMs and of the brain's.

    Returns
    -------
    tuple of numpy.ndarray of float32, (states, pair) and (times, pair)
        Dissimilarities.
    """
    import numpy as np

    draw = np.random.default_rng(0)
    pairs = conditions * (conditions - 1) // 2
    truth = draw.random(pairs, np.float32)
    share = np.linspace(0, 1, states, dtype=np.float32)[:, None]
    return (
        share * truth + (1 - share) * draw.random((states, pairs), np.float32),
        truth + draw.random((times, pairs), np.float32),
    )


def _ours(method: str) -> Callable[[Any], Callable[[], Any]]:
    def prepare(rdms: Any) -> Callable[[], Any]:
        from ventralrnn.analysis.comparison import compare_vectors

        return lambda: compare_vectors(*rdms, method)

    return prepare


def _rsatoolbox(method: str) -> Callable[[Any], Callable[[], Any]]:
    def prepare(rdms: Any) -> Callable[[], Any]:
        from rsatoolbox.rdm import RDMs, compare

        model, brain = (RDMs(vectors) for vectors in rdms)
        return lambda: compare(model, brain, method)

    return prepare


def _job(name: str, ours: str, theirs: str, states: int, times: int, most: float | None) -> Job:
    return Job(
        f"{name} of {states} x {times} RDMs of {CONDITIONS} conditions",
        make_rdms,
        {"conditions": CONDITIONS, "states": states, "times": times},
        {"conditions": 12, "states": 4, "times": 3},
        {
            "ours": Side(OURS, _ours(ours)),
            "rsatoolbox": Side("rsatoolbox", _rsatoolbox(theirs), most, package="rsatoolbox", module="rsatoolbox"),
        },
        1e-6,
    )


JOBS = {
    "spearman": _job("Spearman", "spearman", "spearman", STATES, TIMES, PEER),
    "kendall": _job("Kendall tau-a", "kendall", "tau-a", KENDALL_STATES, KENDALL_TIMES, None),
}


if __name__ == "__main__":
    serve_side(JOBS)
