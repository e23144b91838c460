"""The numbers in which a network computes while it learns."""

from contextlib import AbstractContextManager
from pathlib import Path

import torch


def choose_precision(wanted: str, device: torch.device) -> str:
    """Return 'float32' or 'bfloat16'.

    Parameters
    ----------
    wanted : str
        'auto', 'float32' or 'bfloat16'.
    device : torch.device
        Where the network is.

    Returns
    -------
    str
        For 'auto', bfloat16 where the device has instructions for it: it emulates them elsewhere, which is slower than
        float32.
    """
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if device.type == "cpu" and _cpu_has_bfloat16() else "float32"


def computing_in(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Compute convolutions and matrix products in a precision; weights and statistics stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def _cpu_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return bool({"avx512_bf16", "amx_bf16"} & set(flags))
