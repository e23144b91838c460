"""The figure of a comparison: what it shows is what it was given."""

import numpy as np
import pytest
import xarray as xr

from tests.plots.common import drawn
from ventralrnn.analysis import rsa
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.errors import AnalysisError
from ventralrnn.plots import plot_comparison

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
    brain = make_rdms(values, ("subject", "area", "time"), coords)
    return rsa(model, brain, bootstrap=20, permutations=99)


def test_matrices_over_time(over_time: xr.Dataset) -> None:
    figure = plot_comparison(over_time, "a title", "a note")
    assert drawn(figure).std() > 10
    v1, it, best = figure.axes[:3]
    for ax, area in ((v1, "V1"), (it, "IT")):
        assert ax.get_title() == f"model {area}"
        shown = np.ma.filled(ax.collections[0].get_array().astype(float), np.nan)
        np.testing.assert_allclose(shown, over_time.similarity.sel(area=area)[:, 0].values)
    assert v1.get_xlim() == pytest.approx((55, 105)) and it.get_ylim() == pytest.approx((45, 75))
    assert v1.get_ylabel() == "model time (ms)" and "brain\nIT" in [text.get_text() for text in v1.texts]
    np.testing.assert_allclose(best.lines[1].get_ydata(), over_time.similarity.sel(area="IT")[1:, 0].max("time").values)
    band = next(c for c in best.collections if c.get_label() == "noise ceiling")
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(float(over_time.ceiling_lower.min()))
    assert heights.max() == pytest.approx(float(over_time.ceiling_upper.max()))


def test_significant_clusters_are_outlined(over_time: xr.Dataset) -> None:
    assert over_time.significant.sel(area="IT").any()
    figure = plot_comparison(over_time)
    mask = over_time.significant.sel(area="IT")[:, 0].values
    edges = abs(np.diff(np.pad(mask, 1).astype(int), axis=0)).sum() + abs(np.diff(np.pad(mask, 1).astype(int))).sum()
    assert len(figure.axes[1].lines) == edges


@pytest.mark.parametrize("subjects", [0, 3])
def test_courses_without_brain_time(model: xr.Dataset, subjects: int) -> None:
    values = np.random.default_rng(2).random((max(subjects, 1), 5, model.sizes["pair"]))
    dims = ("subject", "area") if subjects else ("area",)
    brain = make_rdms(values if subjects else values[0], dims, {"area": list("abcde")})
    result = rsa(model, brain, bootstrap=20)
    figure = plot_comparison(result)
    assert drawn(figure).std() > 5
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in shown] == [f"brain {name}" for name in "abcde"]
    ends = np.asarray(shown[2].lines[1].get_xydata())
    assert shown[2].get_xlabel() == "model time (ms)" and ends[:, 0].tolist() == [60, 70]
    np.testing.assert_allclose(ends[:, 1], result.similarity.sel(area="IT", brain_area="c")[1:])
    assert len({ax.get_ylim() for ax in shown}) == 1
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == (["noise ceiling"] if subjects else []) + ["V1", "IT"]


def test_a_brain_of_one_area_and_a_model_without_a_clock(model: xr.Dataset) -> None:
    brain = make_rdms(
        np.random.default_rng(2).random((2, model.sizes["pair"])), ("time",), {"time_ms": ("time", [1, 2])}
    )
    result = rsa(model.drop_vars("time_ms"), brain).drop_vars("brain_time_ms", errors="ignore")
    figure = plot_comparison(result)
    drawn(figure)
    assert figure.axes[0].get_ylabel() == "model step"


def test_several_data_sets(model: xr.Dataset) -> None:
    values = np.random.default_rng(2).random((3, model.sizes["pair"]))
    one = rsa(model, make_rdms(values, ("subject",), {"subject": list("xyz")}))
    two = rsa(model, make_rdms(values[:2], ("area",), {"area": ["V4", "IT"]}))
    figure = plot_comparison({"first": one, "second": two})
    drawn(figure)
    assert [ax.get_title() for ax in figure.axes] == ["brain first", "brain V4\n(second)", "brain IT\n(second)"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["noise ceiling", "V1", "IT"]


def test_what_has_no_areas_is_refused() -> None:
    result = xr.Dataset({"similarity": ("brain_area", [0.1])})
    with pytest.raises(AnalysisError, match="area and time"):
        plot_comparison(result)
