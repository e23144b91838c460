"""Linear CKA of all pairs of states, against loops over pairs."""

from collections.abc import Callable
from itertools import combinations, islice
from typing import Any

from benchmarks.speed.common import Row
from benchmarks.speed.environment import own_python
from benchmarks.speed.jobs import OURS, Job, Side, measure_jobs, serve_side

STATES, STIMULI, FEATURES = 60, 1000, 512
PAIRS = STATES * (STATES - 1) // 2
# All pairs take the plain loop half a minute and more; it does some, and its time is scaled.
SOME_PAIRS = 60
# At least thirty times a loop over pairs.
LOOP = 1 / 30


def measure() -> list[Row]:
    """Return all pairs at once against one pair after another."""
    return measure_jobs(__spec__.name, JOBS)


def _states(states: int, stimuli: int, features: int) -> Any:
    import numpy as np

    draw = np.random.default_rng(0)
    first = draw.standard_normal((stimuli, features), np.float32)
    # Each state goes a little further from the first.
    share = np.linspace(0, 1, states, dtype=np.float32)[:, None, None]
    return (1 - share) * first + share * draw.standard_normal((states, stimuli, features), np.float32)


def _ours(debiased: bool) -> Callable[[Any], Callable[[], Any]]:
    def prepare(states: Any) -> Callable[[], Any]:
        import numpy as np

        from ventralrnn.analysis.similarity import cka

        return lambda: cka(states, debiased=debiased)[np.triu_indices(len(states), 1)]

    return prepare


def _centred_gram(features: Any) -> Any:
    """Return what every definition of CKA begins with."""
    gram = features @ features.T
    means = gram.mean(0)
    return gram - means - means[:, None] + means.mean()


def _plain_loop(states: Any) -> Callable[[], Any]:
    """Return a function of two states, as Kornblith et al. 2019 define it, called for every pair."""
    import numpy as np

    def alignment(one: Any, two: Any) -> Any:
        first, second = _centred_gram(one), _centred_gram(two)
        return (first * second).sum() / (np.linalg.norm(first) * np.linalg.norm(second))

    return lambda: np.array([alignment(*pair) for pair in islice(combinations(states, 2), SOME_PAIRS)])


def _kept_loop(states: Any) -> Callable[[], Any]:
    """Return a loop that makes each centred Gram matrix once."""
    import numpy as np

    def run() -> Any:
        grams = [_centred_gram(state) for state in states]
        grams = [gram / np.linalg.norm(gram) for gram in grams]
        return np.array([(one * two).sum() for one, two in combinations(grams, 2)])

    return run


def _brainscore(states: Any) -> Callable[[], Any]:
    import numpy as np
    from brainscore_vision.metrics.cka.metric import unbiased_linear_CKA as alignment

    return lambda: np.array([alignment(*pair) for pair in islice(combinations(states, 2), SOME_PAIRS)])


JOBS = {
    "cka": Job(
        f"linear CKA among {STATES} states, {STIMULI} x {FEATURES}, float32",
        _states,
        {"states": STATES, "stimuli": STIMULI, "features": FEATURES},
        {"states": 4, "stimuli": 20, "features": 10},
        {
            "ours": Side(OURS, _ours(debiased=False)),
            "loop": Side(
                f"numpy, a function of two states for each pair, {SOME_PAIRS} of {PAIRS} pairs, scaled",
                _plain_loop, LOOP, SOME_PAIRS / PAIRS, "numpy", "numpy",
            ),
            "kept": Side(
                "numpy, each Gram matrix once, then a loop over pairs",
                _kept_loop, package="numpy", module="numpy",
            ),
        },
        1e-4,
    ),
    "cka-debiased": Job(
        f"debiased CKA among {STATES} states, {STIMULI} x {FEATURES}, float32",
        _states,
        {"states": STATES, "stimuli": STIMULI, "features": FEATURES},
        {"states": 4, "stimuli": 20, "features": 10},
        {
            "ours": Side(OURS, _ours(debiased=True)),
            "brainscore": Side(
                f"Brain-Score's function of two states for each pair, {SOME_PAIRS} of {PAIRS} pairs, scaled",
                _brainscore, LOOP, SOME_PAIRS / PAIRS, "brainscore_vision", "brainscore_vision",
            ),
        },
        1e-4,
        own_python,
    ),
}  # fmt: skip


if __name__ == "__main__":
    serve_side(JOBS)
