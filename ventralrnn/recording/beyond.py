"""Steps beyond those that a network was trained for: said in one line, and refused where states explode."""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator

from torch import Tensor

from ventralrnn.errors import RecordingError
from ventralrnn.networks.network import RecurrentNetwork
from ventralrnn.recording.recorder import Take
from ventralrnn.recording.sources import NetworkSource

# A state may grow a little after the last trained step, as it does from step to step before. What is larger by this
# factor than any state that the network was trained with is nothing that it has learnt.
_EXPLODED = 10.0


def check_beyond(source: NetworkSource, run: Callable[[NetworkSource, Take], object]) -> None:
    """Say that steps lie beyond those trained, and how much states grow there.

    Parameters
    ----------
    source : NetworkSource
        What is recorded.
    run : callable
        Runs one picture through a source, and hands every state over.

    Raises
    ------
    RecordingError
        If the states of an area explode; the message names the area and the first such step.

    Warns
    -----
    UserWarning
        If there are such steps.
    """
    network, total = source.network, source.total
    trained = network.spec.steps
    if total <= trained:
        return
    sizes: dict[str, dict[int, float]] = {area: {} for area in network.spec.graph.names}

    def take(area: str, step: int, state: Tensor | None) -> None:
        if state is not None:
            sizes[area][step] = float(state.float().square().mean().sqrt())

    run(NetworkSource(network, None, tuple(range(total)), cut=source.cut), take)
    growth: dict[tuple[int, str], float] = {}
    for area, of_area in sizes.items():
        largest = max((size for step, size in of_area.items() if step < trained), default=0.0)
        for step, size in of_area.items():
            if step >= trained and largest > 0:
                growth[step, area] = size / largest
    name, why = network.spec.name, ""
    if network.spec.norm.statistics == "step":
        why = ", with the batch norm statistics of earlier steps"
    for step, area in sorted(growth):
        if not growth[step, area] <= _EXPLODED:  # nor NaN
            times = growth[step, area]
            how = f"{times:.3g} times the largest of those" if math.isfinite(times) else "not finite"
            raise RecordingError(
                f"steps: {name} was trained for {trained}, steps 0 to {trained - 1}; at step {step} the response of "
                f"{area} is {how}{why}: keep to steps below {step}, or compute statistics for {total} steps first, "
                f"`ventralrnn.networks.recalibrate(network, pictures, steps={total})`"
            )
    grown = max(growth, key=lambda key: growth[key], default=None)
    drift = f": the response of {grown[1]} grows to {growth[grown]:.2g} times that of any trained step" if grown else ""
    which = f"step {trained} is" if total == trained + 1 else f"steps {trained} to {total - 1} are"
    warnings.warn(
        f"{name} was trained for {trained} steps; {which} beyond{why}{drift}. Keep to steps "
        f"below {trained}, or compute statistics first, "
        f"`ventralrnn.networks.recalibrate(network, pictures, steps={total})`",
        stacklevel=2,
    )


@contextlib.contextmanager
def quiet_beyond(network: RecurrentNetwork, total: int) -> Iterator[None]:
    """Keep still what every batch norm says of steps beyond the trained ones: :func:`check_beyond` says it once."""
    with warnings.catch_warnings():
        if total > network.spec.steps:
            warnings.filterwarnings("ignore", "no batch norm statistics for step")
        yield
