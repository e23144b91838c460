"""What tests of several packages share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ventralrnn.stimuli import cache


@pytest.fixture
def needs() -> Callable[[str], Path]:
    """Return a function that gives the folder of a data set, and skips the test where it is not on this computer."""

    def here(name: str) -> Path:
        found = cache.find(name)
        if found is None:
            pytest.skip(f"{name} is not in ${cache.VARIABLE}")
        return found

    return here
