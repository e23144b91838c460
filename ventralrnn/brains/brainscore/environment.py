"""Brain-Score, loaded so that it installs nothing, and run so that no stored result comes back."""

import functools
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ventralrnn.errors import VentralrnnError

# Read by Brain-Score: the first when a plugin is loaded, the second at every call of a function whose result is kept.
_SETTINGS = {"BS_INSTALL_DEPENDENCIES": "no", "RESULTCACHING_DISABLE": "1"}


def load_brainscore() -> ModuleType:
    """Import Brain-Score.

    Returns
    -------
    module
        ``brainscore_vision``. Unless the user has set ``BS_INSTALL_DEPENDENCIES`` or ``RESULTCACHING_DISABLE``, it
        installs no requirements of plugins, and keeps no results.

    Raises
    ------
    VentralrnnError
        If it is not installed.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own classes, which nobody here can change
            import brainscore_vision
    except ImportError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in ("", "brainscore_vision"):
            raise VentralrnnError(f"Brain-Score cannot be imported: {error}") from error
        raise VentralrnnError("Brain-Score is not installed: pip install 'ventralrnn[brainscore]'") from None
    return brainscore_vision


@contextmanager
def nothing_kept(benchmark: Any = None) -> Iterator[None]:
    """Run Brain-Score without any result of an earlier run, whatever the user's settings.

    Its caches know ceilings by the name of the benchmark, activations by that of the model and pictures placed on a
    screen by that of the stimulus set: other data under the same name get the old result. Here, nothing is read from
    them or written to them, and pictures are placed in a folder that goes when the run ends.

    Parameters
    ----------
    benchmark : Benchmark, optional
        Its ceiling is computed once, from the data that it holds, and kept while the context lasts.
    """
    load_brainscore()
    from brainscore_vision.benchmark_helpers import screen

    with ExitStack() as stack:
        stack.enter_context(_disabled())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ventralrnn-screen-"))
        stack.enter_context(replaced(screen, "root_path", Path(folder)))
        ceiling = getattr(benchmark, "_ceiling_func", None)
        if ceiling is not None:
            stack.enter_context(replaced(benchmark, "_ceiling_func", functools.cache(ceiling)))
        yield


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Give an attribute another value for a while.

    Parameters
    ----------
    owner : object
        A module, class or object.
    name : str
        Of its attribute.
    value : object
        What it is meanwhile.
    """
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def _disabled() -> Iterator[None]:
    name = "RESULTCACHING_DISABLE"
    before = os.environ.get(name)
    os.environ[name] = _SETTINGS[name]
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
