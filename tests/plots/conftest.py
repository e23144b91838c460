"""Figures are closed after each test."""

from collections.abc import Iterator

import matplotlib
import pytest

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Close all figures that pyplot keeps, and hold that a test leaves matplotlib's settings as they were."""
    from matplotlib import pyplot

    before = dict(matplotlib.rcParams)
    yield
    pyplot.close("all")
    assert dict(matplotlib.rcParams) == before
