"""Time courses: what is drawn is what was given."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot
from matplotlib.axes import Axes

from tests.plots.common import drawn, hatched, legend_texts, overlapping_texts, smallest_text
from ventralrnn.errors import AnalysisError
from ventralrnn.plots import make_time_course_figure, plot_time_courses
from ventralrnn.plots.style import AREA_COLOURS


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


def areal(level: bool = True) -> xr.Dataset:
    """Return a result over (area, time) with an interval, as decode does."""
    values = np.array([[0.1, 0.2, 0.4], [np.nan, 0.3, 0.6]])
    dims = ("area", "time")
    ms = np.array([[50.0, 60, 70]] * 2)
    return xr.Dataset(
        {"accuracy": (dims, values), "lower": (dims, values - 0.05), "upper": (dims, values + 0.05), "chance": 0.1},
        {"area": ["V1", "IT"], "time_step": ("time", [0, 1, 2]), "time_ms": (dims, ms)},
        {"confidence": 0.9, "simulated": "yes"} if level else {},
    )


def span(patch: Any, ax: Axes) -> tuple[float, float]:
    box = patch.get_window_extent().transformed(ax.transData.inverted())
    return box.x0, box.x1


def lines(ax: Axes) -> list[np.ndarray]:
    return [np.asarray(line.get_xydata()) for line in ax.lines]


def test_areas_on_one_axes() -> None:
    courses = {"V1": course(), "IT": course(unreached=2)}
    ax = plot_time_courses(courses, stimulus=(0, 40))
    drawn(ax)
    v1, it = lines(ax)
    assert v1[:, 0].tolist() == [50, 60, 70, 80, 90] and it[:, 0].tolist() == [70, 80, 90]
    median = np.median(courses["V1"].strength.values, 0)
    np.testing.assert_allclose(v1[:, 1], median / median.max())
    assert [line.get_color() for line in ax.lines] == [AREA_COLOURS["V1"], AREA_COLOURS["IT"]]
    low, high = np.percentile(courses["V1"].strength.values, [10, 90], axis=0) / median.max()
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(low.min()) and heights.max() == pytest.approx(high.max())
    assert legend_texts(ax) == ["stimulus on", "not reached yet", "V1", "IT"]
    shaded = next(p for p in ax.patches if p.get_label() == "stimulus on")
    assert span(shaded, ax) == pytest.approx((0, 40))
    # V1 is there from 45 ms on, IT from 65 ms; each has its strip.
    assert sorted(span(p, ax)[1] for p in hatched(ax)) == pytest.approx([45, 65])
    assert ax.get_xlabel() == "time after stimulus onset (ms)" and "response strength" in ax.get_ylabel()
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6
    raw = plot_time_courses(courses, normalise=False, areas=["V1"])
    np.testing.assert_allclose(lines(raw)[0][:, 1], median)


def test_results_with_an_interval() -> None:
    result = areal()
    ax = plot_time_courses(result)
    v1, it, chance = lines(ax)
    np.testing.assert_allclose(v1[:, 1], [0.1, 0.2, 0.4])
    np.testing.assert_allclose(it, [[60, 0.3], [70, 0.6]])
    assert set(chance[:, 1]) == {0.1}
    assert ax.collections[1].get_paths()[0].vertices[:, 1].max() == pytest.approx(0.65)
    assert ax.get_legend().get_title().get_text() == "band: 90 % interval"
    assert ax.get_title(loc="right").strip() == "simulated data"
    assert plot_time_courses(areal(level=False)).get_title(loc="right") == ""


def test_neuroids_and_connections() -> None:
    ms = ("area", "time"), [[50.0, 60, 70]] * 2
    scores = np.random.default_rng(0).random((2, 3, 30))
    encoded = xr.Dataset(
        {"score": (("area", "time", "neuroid"), scores)},
        {"area": ["V4", "IT"], "time_step": ("time", range(3)), "time_ms": ms},
    )
    ax = plot_time_courses(encoded)
    np.testing.assert_allclose(lines(ax)[1][:, 1], np.median(scores[1], 1))
    assert "percentile of neuroids" in ax.get_legend().get_title().get_text()
    shares = xr.Dataset(
        {"share": (("connection", "time"), [[np.nan, 0.4, 0.5], [np.nan, 0.6, 0.5]])},
        {
            "connection": ["V4-IT", "IT-IT"],
            "target": ("connection", ["IT", "IT"]),
            "area": ["V4", "IT"],
            "time_step": ("time", range(3)),
            "time_ms": ms,
        },
    )
    ax = plot_time_courses(shares, "share")
    np.testing.assert_allclose(lines(ax)[0], [[60, 0.4], [70, 0.5]])
    assert legend_texts(ax) == ["not reached yet", "V4-IT", "IT-IT"]
    assert ax.get_xlabel() == "time after stimulus onset (ms)"
    assert drawn(ax).std() > 5
    with pytest.raises(AnalysisError, match="what: score is no time course"):
        plot_time_courses(encoded.expand_dims(time_bin=2), "score")


def test_a_given_axes_is_returned() -> None:
    _, ax = pyplot.subplots()
    assert plot_time_courses(areal(), "accuracy", ax=ax) is ax


@pytest.mark.parametrize(
    ("how", "message"),
    [({"areas": ["V7"]}, "areas: no V7 here; there are V1, IT"), ({"what": "speed"}, "what: speed is no time course")],
)
def test_what_is_not_there_is_refused(how: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        plot_time_courses(areal(), **how)


def test_a_row_an_area() -> None:
    courses = {"V1": course(), "IT": course(unreached=2)}
    figure = make_time_course_figure(courses, "a title", "a note")
    assert drawn(figure).std() > 10
    assert len(figure.axes) == 4
    (strength,), (change,), (it_strength,), (it_change,) = map(lines, figure.axes)
    np.testing.assert_allclose(change[:, 1], np.median(courses["V1"].change.values, 0)[1:])
    assert it_strength[:, 0].tolist() == [70, 80, 90] and it_change[:, 0].tolist() == [80, 90]
    assert strength[:, 0].tolist() == [50, 60, 70, 80, 90]
    assert figure.get_suptitle() == "a title" and "a note" in [text.get_text() for text in figure.texts]
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["V1", "IT"]
    assert figure.axes[-1].get_xlabel() == "time after stimulus onset (ms)"
    # Both panels of IT say that it is not reached, and one legend what that means.
    assert [[span(p, ax) for p in hatched(ax)] for ax in figure.axes] == [[], [], *[[pytest.approx((45, 65))]] * 2]
    assert legend_texts(figure) == ["not reached yet"]
    assert not overlapping_texts(figure)


def test_a_state_that_ends_is_hatched_again() -> None:
    """As the states of an unrolled ResNet do."""
    ended = course()
    ended["strength"][:, 3:] = np.nan
    ax = plot_time_courses({"V1": ended})
    drawn(ax)
    assert [span(p, ax) for p in hatched(ax)] == [pytest.approx((75, 95))]
    assert "no state any more" in legend_texts(ax) and "not reached yet" not in legend_texts(ax)
    broken = course()
    broken["strength"][:, [0, 2]] = np.nan
    ax = plot_time_courses({"V1": broken})
    drawn(ax)
    assert sorted(span(p, ax) for p in hatched(ax)) == [pytest.approx((45, 55)), pytest.approx((65, 75))]


def test_areas_of_other_names_have_the_colour_of_their_name() -> None:
    figure = make_time_course_figure({"state1": course(), "state2": course()}, what=["strength"])
    colours = [ax.yaxis.label.get_color() for ax in figure.axes]
    assert len(set(colours)) == 2 and colours == [ax.lines[-1].get_color() for ax in figure.axes]


def test_without_a_clock_time_is_in_steps() -> None:
    ax = plot_time_courses({"IT": course(clock=False)})
    assert lines(ax)[0][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert ax.get_xlabel() == "time step" and ax.get_xlim() == (-0.5, 4.5)


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
    for drawing in (make_time_course_figure(courses), plot_time_courses(courses)):
        assert drawn(drawing).std() > 5
    figure = make_time_course_figure(courses)
    for area, axes in zip(courses, figure.axes[::2], strict=True):
        reached = int(np.isfinite(courses[area].strength.values).any(0).sum())
        assert sum(len(line.get_xdata()) for line in axes.lines) == reached
        assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()


def test_a_silent_area() -> None:
    silent = course()
    silent["strength"][:] = 0
    silent["change"][:] = np.nan
    figure = make_time_course_figure({"V1": course(), "IT": silent})
    drawn(figure)
    assert lines(figure.axes[2])[0][:, 1].tolist() == [0] * 5
