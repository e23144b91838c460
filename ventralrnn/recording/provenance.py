"""What a recording says about how it was made, and what must agree for it to be continued."""

import platform
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ventralrnn import __version__
from ventralrnn.graph import Clock, to_plain
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.networks.weights import hash_weights
from ventralrnn.recording.layout import AreaLayout
from ventralrnn.recording.sources import Source
from ventralrnn.stimuli import Stimuli, rendering_note


def identify(
    source: Source,
    stimuli: Stimuli,
    preprocessing: Preprocessing,
    clock: Clock | None,
    layouts: Sequence[AreaLayout],
    pool: str,
    seed: int,
    batch_size: int,
) -> dict[str, Any]:
    """Return what must be the same for a recording to be continued."""
    return {
        "model": source.describe(),
        "weights": hash_weights(source.model),
        "stimuli": {"number": len(stimuli), "fingerprint": stimuli.fingerprint()},
        "preprocessing": to_plain(preprocessing, full=True),
        "clock": to_plain(clock, full=True),
        "areas": {a.name: {"steps": list(a.steps), "shape": list(a.unit_shape), "dtype": a.dtype} for a in layouts},
        "pool": pool,
        "seed": seed,
        "batch_size": batch_size,
    }


def describe_recording(header: Mapping[str, Any], stimuli: Stimuli, preprocessing: Preprocessing) -> dict[str, Any]:
    """Return what a recording says about how it was made."""
    identity = dict(header["identity"])
    model = dict(identity.pop("model"))
    return {
        "model": model.pop("name"),
        "model_details": model,
        "weights_sha256": identity.pop("weights"),
        **{key: identity[key] for key in ("preprocessing", "clock", "pool", "seed", "batch_size")},
        "stimuli": {"name": stimuli.name, "degrees": stimuli.degrees, **identity["stimuli"]},
        "rendering": rendering_note(stimuli, preprocessing),
        "versions": {"ventralrnn": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "device": header["device"],
        "command": header["command"],
        "identity": header["identity"],
    }
