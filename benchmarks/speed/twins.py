"""The untied network and its weight-shared twin run at the same speed: sharing weights over time costs nothing."""

import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.speed.common import BATCH, Arm, Row, compare, serve, take_turns

SHARED, UNTIED = "resnet-2state", "resnet-2state-unshared"
BATCHES = 4
ROUNDS, SECONDS = 11, 40.0
LIMIT = 1.05


def measure() -> list[Row]:
    """Return the untied twin against the weight-shared network, and the other way round."""
    arms = {name: Arm(__spec__.name, [name]) for name in (SHARED, UNTIED)}
    answers, others = take_turns(arms, ROUNDS, SECONDS)
    for arm in arms.values():
        arm.close()
    return [
        compare(f"{arm}, forward pass", answers, arm, against, "ms/stimulus", others, limit=LIMIT)
        for arm, against in ((UNTIED, SHARED), (SHARED, UNTIED))
    ]


def _forward(name: str) -> Callable[[], dict[str, Any]]:
    import torch

    from ventralrnn import load_model
    from ventralrnn.memory import keep_freed_memory

    keep_freed_memory()
    model = load_model(name).eval().to(memory_format=torch.channels_last)
    pictures = torch.rand(BATCH, 3, 32, 32).to(memory_format=torch.channels_last)

    def run() -> dict[str, Any]:
        start = time.perf_counter()
        with torch.inference_mode():
            for _ in range(BATCHES):
                model(pictures)
        return {"value": (time.perf_counter() - start) / BATCHES / BATCH * 1e3}

    run()
    return run


if __name__ == "__main__":
    serve(lambda: ({}, _forward(sys.argv[1])))
