"""Comparisons with brains: what is drawn is what was given."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot

from tests.plots.common import drawn, hatched, legend_texts, overlapping_texts, smallest_text
from ventralrnn.analysis import rsa
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.errors import AnalysisError
from ventralrnn.plots import (
    make_comparison_figure,
    plot_best_steps,
    plot_lag_ceilings,
    plot_similarity,
    plot_similarity_matrix,
)
from ventralrnn.plots.ceilings import CEILING, PALE

STIMULI, STEPS, TIMES = 8, 3, 5


@pytest.fixture(scope="module")
def model() -> xr.Dataset:
    values = np.random.default_rng(0).random((2, STEPS, STIMULI * (STIMULI - 1) // 2))
    values[1, 0] = np.nan
    ms = np.stack([50 + 10.0 * np.arange(STEPS)] * 2)
    coords = {"area": ["V1", "IT"], "time_step": ("time", np.arange(STEPS)), "time_ms": (("area", "time"), ms)}
    return make_rdms(values, ("area", "time"), coords)


@pytest.fixture(scope="module")
def over_time(model: xr.Dataset) -> xr.Dataset:
    """Return a comparison with subjects whose IT is the model's at the last three times."""
    random = np.random.default_rng(1)
    values = random.random((3, 1, TIMES, model.sizes["pair"]))
    values[:, 0, 2:] = model.dissimilarity.values[1, 1:][[0, 1, 1]] + 0.1 * values[:, 0, 2:]
    coords = {"area": ["IT"], "time_ms": ("time", 60 + 10.0 * np.arange(TIMES))}
    brain = make_rdms(values, ("subject", "area", "time"), coords, attrs={"simulated": "yes"})
    return rsa(model, brain, bootstrap=20, permutations=99)


@pytest.fixture(scope="module")
def without_time(model: xr.Dataset) -> xr.Dataset:
    values = np.random.default_rng(2).random((3, 2, model.sizes["pair"]))
    values[:, 1] += 2 * model.dissimilarity.values[1, 2]
    return rsa(model, make_rdms(values, ("subject", "area"), {"area": ["V4", "IT"]}), bootstrap=20, permutations=99)


def mesh(ax: Any) -> np.ndarray:
    found = next(c for c in ax.collections if c.get_array() is not None)
    return np.ma.filled(found.get_array().astype(float), np.nan)


def band(ax: Any, label: str) -> np.ndarray:
    found = next(c for c in ax.collections if c.get_label() == label)
    return np.concatenate([path.vertices for path in found.get_paths()])


def edges_of(mask: np.ndarray) -> int:
    padded = np.pad(mask, 1).astype(int)
    return int(abs(np.diff(padded, axis=0)).sum() + abs(np.diff(padded)).sum())


def test_a_matrix_of_steps_and_times(over_time: xr.Dataset) -> None:
    ax = plot_similarity_matrix(over_time, area="IT")
    drawn(ax)
    np.testing.assert_allclose(mesh(ax), over_time.similarity.sel(area="IT")[:, 0].values)
    assert ax.get_xlim() == pytest.approx((55, 105)) and ax.get_ylim() == pytest.approx((45, 75))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("brain time (ms)", "model time (ms)")
    assert ax.get_title(loc="left") == "model IT × brain IT" and ax.get_title(loc="right").strip() == "simulated data"
    # The first step does not exist.
    box = hatched(ax)[0].get_window_extent().transformed(ax.transData.inverted())
    assert (box.y0, box.y1) == pytest.approx((45, 55))
    mask = over_time.significant.sel(area="IT")[:, 0].values
    assert mask.any() and len(ax.lines) == edges_of(mask)
    (top,) = ax.child_axes
    np.testing.assert_allclose(top.lines[0].get_ydata(), over_time.similarity.sel(area="IT")[:, 0].max("time"))
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6


def test_the_ceiling_is_pale_where_nothing_can_be_explained(over_time: xr.Dataset) -> None:
    ax = plot_best_steps(over_time, brain_area="IT")
    drawn(ax)
    sure = over_time.ceiling_lower_low[0].values > 0
    assert sure.tolist() == [False, False, True, True, True]
    solid, pale = band(ax, CEILING), band(ax, PALE)
    assert solid[:, 0].min() == 80 and pale[:, 0].min() == 60
    assert solid[:, 1].max() == pytest.approx(float(over_time.ceiling_upper.max()))
    assert pale[:, 1].min() == pytest.approx(float(over_time.ceiling_lower.min()))
    best = over_time.similarity.sel(area="IT")[1:, 0].max("time").values
    np.testing.assert_allclose(ax.lines[1].get_ydata(), best)
    assert legend_texts(ax) == [CEILING, PALE, "V1", "IT"]
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6


@pytest.mark.parametrize("bound", ["lower", "upper"])
def test_ceilings_between_times(over_time: xr.Dataset, bound: str) -> None:
    ax = plot_lag_ceilings(over_time, bound)
    drawn(ax)
    values = over_time[f"ceiling_lag_{bound}"][0].values.copy()
    if bound == "upper":
        values[:2] = values[:, :2] = np.nan
    # Across the brain's time, upwards that of the geometry.
    np.testing.assert_allclose(mesh(ax), values.T)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("brain time (ms)", "geometry of brain time (ms)")
    assert not overlapping_texts(ax)


def test_similarity_to_a_brain_without_time(without_time: xr.Dataset) -> None:
    _, given = pyplot.subplots()
    ax = plot_similarity(without_time, areas=["IT"], brain_area="IT", ax=given)
    assert ax is given
    drawn(ax)
    line, sure = (np.asarray(line.get_xydata()) for line in ax.lines[:2])
    one = without_time.sel(area="IT", brain_area="IT")
    np.testing.assert_allclose(line, np.stack([[60, 70], one.similarity[1:]], 1))
    # Filled where p, corrected, is small.
    p = one.p_corrected.values[1:]
    assert (p <= 0.05).any()
    np.testing.assert_allclose(sure, line[p <= 0.05])
    assert ax.lines[0].get_markerfacecolor() == "white" != ax.lines[1].get_markerfacecolor()
    heights = ax.collections[-1].get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(float(one.low.min())) and heights.max() == pytest.approx(
        float(one.high.max())
    )
    box = hatched(ax)[0].get_window_extent().transformed(ax.transData.inverted())
    assert (box.x0, box.x1) == pytest.approx((45, 55))
    several = plot_similarity(without_time.assign_coords(area=["state1", "state2"]), brain_area="V4")
    assert len({line.get_color() for line in several.lines if line.get_label() in ("state1", "state2")}) == 2
    several = plot_similarity(without_time, brain_area="V4")
    assert len(several.containers) == 2 and not hatched(several)
    assert not overlapping_texts(several)


def test_what_is_not_there_is_refused(over_time: xr.Dataset, without_time: xr.Dataset) -> None:
    for call, message in (
        (lambda: plot_similarity_matrix(over_time), "^area: name one"),
        (lambda: plot_similarity_matrix(without_time, area="IT", brain_area="IT"), "no dimension brain_time"),
        (lambda: plot_best_steps(without_time, brain_area="IT"), "no dimension brain_time"),
        (lambda: plot_similarity(over_time), "the brain has times"),
        (lambda: plot_lag_ceilings(without_time), "has no ceiling_lag_lower"),
        (lambda: make_comparison_figure(xr.Dataset({"similarity": ("brain_area", [0.1])})), "area and time"),
    ):
        with pytest.raises(AnalysisError, match=message):
            call()


def test_the_figure_over_time(over_time: xr.Dataset) -> None:
    figure = make_comparison_figure(over_time, "a title", "a note")
    assert drawn(figure).std() > 10
    v1, it, best = figure.axes[:3]
    for ax, area in ((v1, "V1"), (it, "IT")):
        assert ax.get_title(loc="left") == f"model {area}"
        np.testing.assert_allclose(mesh(ax), over_time.similarity.sel(area=area)[:, 0].values)
    assert "brain IT" in v1.get_ylabel() and best.get_title(loc="left") == "best step of each area"
    assert figure.get_suptitle() == "a title · SIMULATED DATA"
    assert "includes the subject itself" in " ".join(" ".join(t.get_text().split()) for t in figure.texts)
    assert legend_texts(figure) == [CEILING, PALE, "V1", "IT", "significant cluster", "not reached yet"]
    assert not overlapping_texts(figure) and smallest_text(figure) >= 6


def test_the_figure_without_time(without_time: xr.Dataset, model: xr.Dataset) -> None:
    alone = rsa(
        model, make_rdms(np.random.default_rng(2).random((1, model.sizes["pair"])), ("area",), {"area": ["V4"]})
    )
    figure = make_comparison_figure({"first": without_time, "second": alone})
    assert drawn(figure).std() > 5
    grid = np.reshape(np.array(figure.axes, object), (3, 2))
    assert [ax.get_ylabel() for ax in grid[:, 0]] == ["V4\n(first)", "IT\n(first)", "V4\n(second)"]
    assert [ax.get_title(loc="left") for ax in grid[0]] == ["model V1", "model IT"]
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    shown = np.asarray(grid[1, 1].lines[0].get_xydata())
    np.testing.assert_allclose(shown[:, 1], without_time.similarity.sel(area="IT", brain_area="IT")[1:])
    assert [bool(hatched(ax)) for ax in figure.axes] == [False, True] * 3
    assert legend_texts(figure) == [PALE, "not reached yet", CEILING, "p ≤ 0.05, corrected", "n. s."]
    assert not overlapping_texts(figure) and smallest_text(figure) >= 6


def test_a_model_and_a_brain_without_clock_or_areas(model: xr.Dataset) -> None:
    brain = make_rdms(
        np.random.default_rng(2).random((2, model.sizes["pair"])), ("time",), {"time_ms": ("time", [1, 2])}
    )
    result = rsa(model.drop_vars("time_ms"), brain).drop_vars("brain_time_ms", errors="ignore")
    figure = make_comparison_figure(result)
    drawn(figure)
    assert "model step" in figure.axes[0].get_ylabel()


def test_models_of_different_lengths_in_one_figure(over_time: xr.Dataset) -> None:
    figure = make_comparison_figure({"long": over_time, "short": over_time.isel(time=slice(1, None))})
    assert len(figure.axes) >= 6 and "not reached yet" in legend_texts(figure)
