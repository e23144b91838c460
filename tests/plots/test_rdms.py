"""The figure of RDMs: what it shows is what it was given."""

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import squareform

from tests.plots.common import drawn
from ventralrnn.analysis.rdm import make_rdms, square_rdms
from ventralrnn.errors import AnalysisError
from ventralrnn.plots import plot_rdms


def some(steps: int = 3, labels: bool = True, clock: bool = True) -> xr.Dataset:
    values = np.random.default_rng(0).random((2, steps, 15))
    values[1, 0] = np.nan  # IT is not reached at first
    ms = np.stack([50 + 10.0 * np.arange(steps)] * 2) if clock else np.full((2, steps), np.nan)
    coords = {
        "area": ["V1", "IT"],
        "time_step": ("time", np.arange(steps)),
        "time_ms": (("area", "time"), ms),
        **({"label": ("stimulus", list("babcac"))} if labels else {}),
    }
    return make_rdms(values, ("area", "time"), coords, list("uvwxyz"), {"distance": "correlation"})


def panels(rdms: xr.Dataset, **how: object) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    figure = plot_rdms(rdms, "a title", "a note", **how)  # type: ignore[arg-type]
    picture = drawn(figure)
    count = 2 * min(rdms.sizes["time"], len(how.get("times", range(10))))  # type: ignore[arg-type]
    return picture, [[np.asarray(image.get_array()) for image in ax.images] for ax in figure.axes[:count]]


def test_each_state_is_a_picture_sorted_by_label() -> None:
    rdms = some()
    picture, images = panels(rdms)
    assert picture.std() > 10
    assert [len(of_panel) for of_panel in images] == [1, 1, 1, 0, 1, 1]
    order = [1, 4, 0, 2, 3, 5]  # a, a, b, b, c, c
    expected = square_rdms(rdms).values[1, 2][np.ix_(order, order)]
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_allclose(np.ma.filled(images[5][0].astype(float), np.nan), expected)


def test_states_that_do_not_exist_are_hatched() -> None:
    figure = plot_rdms(some())
    hatched = [bool([p for p in ax.patches if p.get_hatch()]) for ax in figure.axes[:6]]
    assert hatched == [False, False, False, True, False, False]


def test_times_and_labels_are_told() -> None:
    figure = plot_rdms(some())
    assert [ax.get_title() for ax in figure.axes[:3]] == ["50 ms", "60 ms", "70 ms"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]
    bare = plot_rdms(some(labels=False, clock=False))
    assert [ax.get_title() for ax in bare.axes[:3]] == ["step 0", "step 1", "step 2"]
    assert not bare.legends
    np.testing.assert_allclose(
        np.nan_to_num(np.asarray(bare.axes[0].images[0].get_array(), float)),
        squareform(some().dissimilarity.values[0, 0]),
    )


def test_long_movies_are_thinned() -> None:
    figure = plot_rdms(some(steps=40))
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert len(titles) == 10 and titles[0] == "50 ms" and titles[-1] == "440 ms"
    assert len(panels(some(steps=40), times=[1, 5])[1]) == 4


def test_the_colour_scale_is_one_for_an_area() -> None:
    figure = plot_rdms(some())
    limits = {ax.images[0].get_clim() for ax in figure.axes[:3]}
    assert len(limits) == 1
    values = some().dissimilarity.values[0]
    assert limits.pop() == pytest.approx(tuple(np.percentile(values, [1, 99])))


def test_what_has_no_areas_is_refused() -> None:
    with pytest.raises(AnalysisError, match="area and time"):
        plot_rdms(make_rdms(np.zeros(3)))
