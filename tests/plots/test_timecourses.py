"""The figure of time courses: what it shows is what it was given."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from tests.plots.common import drawn
from ventralrnn.plots import plot_time_courses


def course(steps: int = 5, unreached: int = 0, clock: bool = True, onset: float = 50.0) -> xr.Dataset:
    """Return a time course that rises to 4 and whose change falls."""
    shape = (20, steps)
    scale = 1 + np.random.default_rng(4).uniform(-0.1, 0.1, (20, 1))
    strength = np.broadcast_to(np.linspace(1, 4, steps), shape) * scale
    change = np.broadcast_to(np.linspace(0.9, 0.1, steps), shape) * scale
    strength[:, :unreached] = change[:, : unreached + 1] = np.nan
    ms = onset + 10.0 * np.arange(steps) if clock else np.full(steps, np.nan)
    dims = ("stimulus", "time")
    return xr.Dataset(
        {"strength": (dims, strength), "change": (dims, change)},
        coords={"time_step": ("time", np.arange(steps)), "time_ms": ("time", ms)},
    )


def lines(figure: Figure) -> list[list[Any]]:
    return [[line.get_xydata() for line in axes.lines] for axes in figure.axes]


def hatched(axes: Any) -> tuple[float, float] | None:
    """Return from when to when an axes says that the area is not reached."""
    spans = [patch for patch in axes.patches if patch.get_hatch()]
    if not spans:
        return None
    box = spans[0].get_extents().transformed(axes.transData.inverted())
    return box.x0, box.x1


def test_medians_over_time() -> None:
    courses = {"V1": course(), "IT": course(unreached=2)}
    figure = plot_time_courses(courses, "a title", "a note")
    assert len(figure.axes) == 4
    (strength,), (change,), (it_strength,), (it_change,) = lines(figure)
    assert strength[:, 0].tolist() == [50, 60, 70, 80, 90]
    median = np.median(courses["V1"].strength.values, 0)
    np.testing.assert_allclose(strength[:, 1], median / median.max())
    np.testing.assert_allclose(change[:, 1], np.median(courses["V1"].change.values, 0)[1:])
    assert it_strength[:, 0].tolist() == [70, 80, 90]
    assert it_change[:, 0].tolist() == [80, 90]
    assert figure.axes[-1].get_xlabel() == "Time after stimulus onset (ms)"
    texts = [text.get_text() for text in figure.texts] + [figure.get_suptitle()]
    assert "a title" in texts and "a note" in texts
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["V1", "IT"]
    assert drawn(figure).std() > 10


def test_the_time_before_the_first_response_is_hatched() -> None:
    figure = plot_time_courses({"V1": course(), "IT": course(unreached=2)})
    drawn(figure)
    assert [hatched(axes) for axes in figure.axes[:2]] == [None, None]
    for axes in figure.axes[2:]:
        assert hatched(axes) == pytest.approx((45, 65))
    assert [len(axes.texts) for axes in figure.axes] == [0, 0, 1, 0]


def test_without_a_clock_time_is_in_steps() -> None:
    figure = plot_time_courses({"IT": course(clock=False)})
    assert lines(figure)[0][0][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert figure.axes[-1].get_xlabel() == "Time step"
    assert figure.axes[-1].get_xlim() == (-0.5, 4.5)


@pytest.mark.parametrize(
    "courses",
    [
        {"IT": course(steps=1)},
        {"IT": course(unreached=5)},
        {"V1": course(), "IT": course(unreached=5)},
        {"IT": course(unreached=4)},
        {"V1": course(steps=1, clock=False), "IT": course(clock=False)},
        {"V1": course(), "IT": course(onset=65.0)},
    ],
    ids=["one step", "never reached", "one area never reached", "reached last", "other steps", "other times"],
)
def test_figures_that_lack_something_are_drawn(courses: dict[str, xr.Dataset]) -> None:
    figure = plot_time_courses(courses)
    picture = drawn(figure)
    assert picture.std() > 5
    for area, axes in zip(courses, figure.axes[::2], strict=True):
        reached = int(np.isfinite(courses[area].strength.values).any(0).sum())
        assert sum(len(line.get_xdata()) for line in axes.lines) == reached
        assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()


def test_a_silent_area() -> None:
    silent = course()
    silent["strength"][:] = 0
    silent["change"][:] = np.nan
    figure = plot_time_courses({"V1": course(), "IT": silent})
    drawn(figure)
    assert lines(figure)[2][0][:, 1].tolist() == [0] * 5


def test_areas_have_colours_of_their_own() -> None:
    figure = plot_time_courses({name: course() for name in ("V1", "V2", "V4", "IT")})
    colours = {tuple(axes.lines[0].get_color()) for axes in figure.axes[::2]}
    assert len(colours) == 4
