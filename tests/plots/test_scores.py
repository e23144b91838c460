"""Scores, readout times and models beside each other: what is drawn is what was given."""

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot

from tests.plots.common import drawn, legend_texts, overlapping_texts, smallest_text
from ventralrnn.analysis import contrast_models
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.errors import AnalysisError
from ventralrnn.plots import plot_models, plot_readout_accuracy, plot_scores
from ventralrnn.training import Evaluation
from ventralrnn.training.measures import ReadoutScore


def scored(**attrs: object) -> xr.Dataset:
    """Return what a benchmark of ours does: IT is not reached at the first step."""
    values = np.array([[0.1, 0.2, 0.3], [np.nan, 0.25, 0.5]])
    dims = ("area", "time")
    ms = np.array([[50.0, 60, 70], [60.0, 70, 80]])
    return xr.Dataset(
        {"score": (dims, values), "low": (dims, values - 0.05), "high": (dims, values + 0.1), "ceiling": 0.8},
        {"area": ["V1", "IT"], "time_step": ("time", [0, 1, 2]), "time_ms": (dims, ms)},
        {
            "benchmark": "ventralrnn.Some2000.IT-rdm",
            "metric": "rdm",
            "simulated": "no",
            "committed_area": "IT",
            "committed_steps": "[1, 2]",
            "committed_covered_ms": "[70.0, 90.0]",
            "committed_score": 0.4,
            "committed_low": 0.3,
            "committed_high": 0.45,
            **attrs,
        },
    )


def test_scores_of_areas_and_steps() -> None:
    ax = plot_scores(scored())
    drawn(ax)
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in ax.lines}
    # Areas stand a little apart, so that their intervals can be told.
    np.testing.assert_allclose(lines["IT"], [[70.5, 0.25], [80.5, 0.5]])
    np.testing.assert_allclose(lines["V1"][:, 1], [0.1, 0.2, 0.3])
    bars = np.concatenate([np.array(c.get_segments()) for c in ax.collections if hasattr(c, "get_segments")])
    np.testing.assert_allclose(bars[-1, :, 1], [0.45, 0.6])
    np.testing.assert_allclose(lines["committed: IT, averaged"], [[70, 0.4], [90, 0.4]])
    band = next(c for c in ax.collections if not hasattr(c, "get_segments")).get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((0.3, 0.45))
    assert set(lines["noise ceiling"][:, 1]) == {0.8}
    assert ax.get_title(loc="left") == "Some2000.IT-rdm" and ax.get_title(loc="right") == ""
    assert ax.get_ylabel() == "score (similarity of RDMs)" and ax.get_xlabel() == "time after stimulus onset (ms)"
    assert legend_texts(ax) == ["noise ceiling", "V1", "IT", "committed: IT, averaged"]
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6


def test_a_ceiling_of_two_bounds_without_a_window() -> None:
    result = scored(committed_covered_ms="null", simulated="yes").assign(ceiling_lower=0.6)
    _, given = pyplot.subplots()
    ax = plot_scores(result, ax=given)
    assert ax is given and ax.get_title(loc="right").strip() == "simulated data"
    drawn(ax)
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in ax.lines}
    np.testing.assert_allclose(lines["committed: IT, averaged"][:, 0], [65, 85])
    band = next(p for p in ax.patches if p.get_label() == "noise ceiling, lower to upper")
    box = band.get_window_extent().transformed(ax.transData.inverted())
    assert (box.y0, box.y1) == pytest.approx((0.6, 0.8))


def test_a_score_an_area() -> None:
    result = scored().isel(time=2, drop=True)
    ax = plot_scores(result)
    drawn(ax)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["V1", "IT"]
    assert [float(c[0].get_ydata()[0]) for c in ax.containers] == [0.3, 0.5]


def test_scores_of_brainscore() -> None:
    raw, ceiling = np.array([0.2, np.nan, 0.4]), np.array([0.8, 0.8, 0.5])
    result = xr.Dataset(
        {
            "score": ("time_bin", raw / ceiling),
            "raw": ("time_bin", raw),
            "ceiling": ("time_bin", ceiling),
            "error": ("time_bin", [0.01, np.nan, 0.02]),
        },
        {"time_bin_start": ("time_bin", [70, 90, 110]), "time_bin_end": ("time_bin", [90, 110, 130])},
        {"benchmark": "Some-temporal"},
    )
    ax = plot_scores(result)
    drawn(ax)
    steps = [np.asarray(line.get_xydata()) for line in ax.lines if line.get_label() == "score before the ceiling"]
    np.testing.assert_allclose(steps, [[[70, 0.2], [90, 0.2]], [[110, 0.4], [130, 0.4]]])
    assert legend_texts(ax) == ["noise ceiling", "score before the ceiling"]
    one = plot_scores(result.isel(time_bin=0, drop=True).drop_vars(["time_bin_start", "time_bin_end"], errors="ignore"))
    assert [t.get_text() for t in one.texts] == ["0.25 of the ceiling"]
    assert not overlapping_texts(one)
    with pytest.raises(AnalysisError, match="has no score"):
        plot_scores(xr.Dataset())


def test_states_on_a_static_benchmark_of_brainscore() -> None:
    raw = np.array([[0.2, np.nan, np.nan], [0.1, 0.3, 0.4]])
    dims = ("area", "time")
    result = xr.Dataset(
        {
            **{name: ((), value) for name, value in (("score", 0.5), ("raw", 0.35), ("low", 0.3), ("high", 0.4))},
            "error": 0.01,
            "ceiling": 0.7,
            "state_raw": (dims, raw),
            "state_low": (dims, raw - 0.02),
            "state_high": (dims, raw + 0.02),
        },
        {
            "area": ["V4", "IT"],
            "time_step": ("time", [0, 1, 2]),
            "time_ms": (dims, [[50, np.nan, np.nan], [70.0, 90, 110]]),
        },
        {"benchmark": "Some.IT-pls", "region": "IT", "areas": '{"IT": "it"}', "time_bins_ms": "[[70.0, 170.0]]"},
    )
    ax = plot_scores(result)
    drawn(ax)
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in ax.lines}
    np.testing.assert_allclose(lines["V4"], [[49, 0.2]])
    np.testing.assert_allclose(lines["IT"], [[71, 0.1], [91, 0.3], [111, 0.4]])
    np.testing.assert_allclose(lines["committed: IT, averaged"], [[70, 0.35], [170, 0.35]])
    assert set(lines["noise ceiling"][:, 1]) == {0.7}
    assert not overlapping_texts(ax)


def evaluation(accuracy: list[float], trained: list[int], first: int = 3) -> Evaluation:
    readouts = tuple(
        ReadoutScore(first + i, 80 + 10.0 * i, first + i in trained, False, a, a - 0.01, a + 0.02, 0, 0, 0, (), ())
        for i, a in enumerate(accuracy)
    )
    scores, labels = np.zeros((1200, len(accuracy), 10), np.float32), np.zeros(1200, int)
    return Evaluation("ventral", "cifar10", None, tuple("abcdefghij"), readouts, 1, {}, (), None, scores, labels)


def test_accuracy_against_readout_time() -> None:
    ax = plot_readout_accuracy(evaluation([0.8, 0.85, 0.9], [4, 5]))
    drawn(ax)
    line, trained = (np.asarray(line.get_xydata()) for line in ax.lines)
    np.testing.assert_allclose(line, [[3, 80], [4, 85], [5, 90]])
    np.testing.assert_allclose(trained, line[1:])
    assert ax.lines[0].get_markerfacecolor() == "white" != ax.lines[1].get_markerfacecolor()
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((79, 92))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["3\n80", "4\n90", "5\n100"]
    assert "ms" in ax.get_xlabel() and ax.get_ylabel() == "accuracy (%)"
    assert ax.get_title(loc="left") == "1,200 pictures"
    assert legend_texts(ax) == ["trained at this time", "not trained at this time"]
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6


def test_several_models_and_chance() -> None:
    both = {"one": evaluation([0.12, 0.2], [3, 4]), "two": evaluation([0.1, 0.15], [1, 2], first=1)}
    _, given = pyplot.subplots()
    ax = plot_readout_accuracy(both, ax=given)
    assert ax is given
    assert legend_texts(ax) == ["one", "two", "chance", "trained at this time"]
    assert ax.get_xlabel() == "readout time: step, and ms after stimulus onset"
    clash = plot_readout_accuracy({"one": evaluation([0.5, 0.6], [3]), "two": evaluation([0.5, 0.6], [3], first=4)})
    assert clash.get_xlabel() == "readout time (step)"
    assert [t.get_text() for t in clash.get_xticklabels()] == ["3", "4", "5"]


@pytest.fixture(scope="module")
def contrast() -> xr.Dataset:
    rng = np.random.default_rng(0)
    true, *others = rng.random((6, 190))
    brain = make_rdms(true + 0.5 * rng.random((4, 190)), ("subject",), attrs={"simulated": "yes"})
    models = {"true": make_rdms(true), **{f"other-{i}": make_rdms(values) for i, values in enumerate(others)}}
    return contrast_models(models, brain, bootstrap=100)


def test_few_models_with_brackets(contrast: xr.Dataset) -> None:
    few = contrast.isel(model=slice(3), model_other=slice(3))
    ax = plot_models(few)
    drawn(ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), few.similarity)
    ends = np.array(ax.collections[0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, np.stack([few.low, few.high], 1))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["true", "other-0", "other-1"]
    p = few.p_corrected.values
    significant = [f"_{i}-{j}" for i in range(3) for j in range(i + 1, 3) if p[i, j] <= 0.05]
    assert sorted(line.get_label() for line in ax.lines if line.get_label()[:1] == "_" and "-" in line.get_label()) == (
        significant
    )
    assert len(significant) >= 2 and len(ax.texts) == len(significant)
    assert all(t.get_text().startswith("p ") for t in ax.texts)
    assert legend_texts(ax) == ["noise ceiling, lower to upper"]
    assert ax.get_title(loc="right").strip() == "simulated data"
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6


def test_many_models_with_a_matrix(contrast: xr.Dataset) -> None:
    ax = plot_models(contrast)
    drawn(ax)
    (below,) = ax.child_axes
    dots = {(int(x), int(y)) for x, y in below.collections[0].get_offsets()}
    p, better = contrast.p_corrected.values, contrast.difference.values > 0
    assert dots == {(i, j) for i in range(6) for j in range(6) if better[i, j] and p[i, j] <= 0.05}
    assert {(0, j) for j in range(1, 6)} <= dots
    assert [t.get_text() for t in below.get_yticklabels()][1] == "than other-0"
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6
    assert not plot_models(contrast, pairs="none").child_axes


def test_models_on_benchmarks() -> None:
    dims = ("benchmark", "model")
    values = np.array([[0.2, 0.3], [0.4, np.nan]])
    table = xr.Dataset(
        {
            "score": (dims, values),
            "low": (dims, values - 0.1),
            "high": (dims, values + 0.1),
            "ceiling": ("benchmark", [0.6, np.nan]),
            "ceiling_lower": ("benchmark", [np.nan, np.nan]),
            "simulated": ("benchmark", [True, False]),
        },
        {"benchmark": ["ventralrnn.A.IT", "ventralrnn.B.V4"], "model": ["one", "two"]},
    )
    ax = plot_models(table, benchmark="A.IT")
    drawn(ax)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), values[0])
    assert ax.get_title(loc="left") == "A.IT" and ax.get_title(loc="right").strip() == "simulated data"
    assert legend_texts(ax) == ["noise ceiling"]
    # p values of its pairs are corrected for their number, within the benchmark.
    p = np.full((2, 3, 3), np.nan)
    p[0, 0, 1] = p[0, 1, 0] = 0.01
    p[0, 0, 2] = p[0, 2, 0] = 0.03
    p[0, 1, 2] = p[0, 2, 1] = 0.2
    three = xr.Dataset(
        {
            "score": (dims, np.ones((2, 3))),
            "low": (dims, np.zeros((2, 3))),
            "high": (dims, np.full((2, 3), 1.5)),
            "p_value": ((*dims, "model_other"), p),
        },
        {"benchmark": ["A", "B"], "model": list("xyz"), "model_other": list("xyz")},
    )
    assert [t.get_text() for t in plot_models(three, benchmark="A").texts] == ["p = 0.03"]
    real = plot_models(table, benchmark="ventralrnn.B.V4")
    assert real.get_title(loc="right") == "" and real.get_legend() is None
    with pytest.raises(AnalysisError, match="benchmark: name one"):
        plot_models(table)
    with pytest.raises(AnalysisError, match="has no models"):
        plot_models(xr.Dataset())
