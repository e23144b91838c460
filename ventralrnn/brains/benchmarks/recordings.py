"""What models do, recorded for as long as it is needed."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ventralrnn.brains.benchmarks.base import Observed
from ventralrnn.errors import AnalysisError
from ventralrnn.recording import Recording, extract, open_recording


@contextmanager
def recorded(model: Any, stimuli: Any, **options: Any) -> Iterator[Observed]:
    """Record a model, into a folder that goes when the context ends.

    Parameters
    ----------
    model : Module, str or path
        What :func:`ventralrnn.extract` takes.
    stimuli : str or Stimuli
        What it is shown.
    **options
        Further arguments of :func:`ventralrnn.extract`.

    Yields
    ------
    Recording
        Of all areas at all steps.
    """
    with tempfile.TemporaryDirectory(prefix="ventralrnn-benchmark-") as folder:
        yield extract(model, stimuli, Path(folder) / "recording.zarr", **options)


def as_observed(model: Any) -> Observed | None:
    """Return a recording, which is opened where it is a path; None for a model.

    Raises
    ------
    AnalysisError
        If a mapping holds anything but labelled arrays.
    """
    if isinstance(model, Recording):
        return model
    if isinstance(model, Mapping):
        for name, array in model.items():
            if not hasattr(array, "dims"):
                raise AnalysisError(f"{name}: give a recording, or a mapping from area to xarray.DataArray")
        return model
    if isinstance(model, str | os.PathLike) and str(model).rstrip("/").endswith(".zarr"):
        return open_recording(model)
    return None
