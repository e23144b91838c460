"""Decoding, latencies and paths of states: what is drawn is what was given."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot
from matplotlib.colors import to_rgb

from tests.plots.common import drawn, legend_texts, overlapping_texts, smallest_text
from ventralrnn.analysis import compare_states, compute_dynamics, decode, embed_states
from ventralrnn.analysis.clocks import best_lag, fit_clock
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.errors import AnalysisError
from ventralrnn.plots import (
    plot_clock,
    plot_generalisation,
    plot_latencies,
    plot_state_similarity,
    plot_trajectories,
)
from ventralrnn.plots.style import AREA_COLOURS

STIMULI, STEPS = 24, 4


@pytest.fixture(scope="module")
def recording() -> dict[str, xr.DataArray]:
    """Return two areas that tell two categories; the first step of IT is not reached."""
    random = np.random.default_rng(0)
    found = {}
    for area, first in (("V1", 0), ("IT", 1)):
        values = random.normal(size=(STIMULI, STEPS, 6)).astype(np.float32)
        values[::2, :, 0] += 4
        values *= np.array([0.5, 1, 2, 1.5], np.float32)[:, None]
        values[:, :first] = np.nan
        coords = {
            "time_step": ("time", range(STEPS)),
            "time_ms": ("time", 50 + 10.0 * np.arange(STEPS)),
            "label": ("stimulus", ["a", "b"] * (STIMULI // 2)),
            "stimulus_id": ("stimulus", [f"s{i}" for i in range(STIMULI)]),
        }
        attrs = {"unreached_steps": list(range(first)), "simulated": "yes"}
        found[area] = xr.DataArray(values, coords, ("stimulus", "time", "neuroid"), area, attrs)
    return found


def test_temporal_generalisation(recording: dict[str, xr.DataArray]) -> None:
    result = decode(recording, "label", generalise=True, folds=3, bootstrap=50)
    _, given = pyplot.subplots()
    ax = plot_generalisation(result, area="IT", ax=given)
    assert ax is given
    drawn(ax)
    one = result.sel(area="IT")
    mesh = next(c for c in ax.collections if c.get_array() is not None)
    shown = np.ma.filled(mesh.get_array().astype(float), np.nan)
    np.testing.assert_allclose(shown, one.accuracy.transpose("time", "time_other").values)
    assert mesh.norm.vcenter == pytest.approx(0.5) and np.isnan(shown[0]).all()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("tested at (ms)", "trained at (ms)")
    assert ax.get_xlim() == ax.get_ylim() == pytest.approx((45, 85))
    diagonal = ax.lines[-1].get_xydata()
    np.testing.assert_allclose(diagonal, [[45, 45], [85, 85]])
    mask = np.pad(one.lower.values > 0.5, 1).astype(int)
    assert len(ax.lines) - 1 == abs(np.diff(mask, axis=0)).sum() + abs(np.diff(mask)).sum() > 0
    assert ax.patch.get_hatch() and legend_texts(ax) == ["not reached yet"]
    bar = ax.figure.axes[1]
    assert "chance" in [t.get_text() for t in bar.get_yticklabels()] and bar.get_ylabel() == "balanced accuracy"
    assert not overlapping_texts(plot_generalisation(result, area="IT"))


def test_decoding_at_its_own_time_is_no_generalisation(recording: dict[str, xr.DataArray]) -> None:
    with pytest.raises(AnalysisError, match="generalise=True"):
        plot_generalisation(decode(recording, "label", folds=3, bootstrap=2), area="IT")


def find(ax: Any, label: str) -> Any:
    return next(line for line in ax.lines if line.get_label() == label)


def test_a_ladder_of_latencies(recording: dict[str, xr.DataArray]) -> None:
    result = compute_dynamics(recording, bootstrap=50, neuroids=False, threshold="fraction:0.4")
    ax = plot_latencies(result)
    drawn(ax)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["V1", "IT"]
    for row, area in enumerate(("V1", "IT")):
        for kind in ("onset", "peak"):
            line = find(ax, f"{area} {kind}")
            np.testing.assert_allclose(line.get_xydata(), [[float(result[kind].sel(area=area)), row]])
            assert to_rgb(line.get_color()) == to_rgb(AREA_COLOURS[area])
            filled = line.get_markerfacecolor() != "white"
            assert filled == (kind == "onset")
    interval = find(ax, "V1 onset interval").get_xdata()
    np.testing.assert_allclose(interval, [float(result[f"onset_{end}"].sel(area="V1")) for end in ("low", "high")])
    # IT holds no state before its first, which exceeds the threshold.
    assert bool(result.onset_at_start.sel(area="IT")) and find(ax, "IT onset").get_marker() == "<"
    assert legend_texts(ax) == ["onset", "onset then or before", "peak"]
    assert ax.get_xlabel() == "time after stimulus onset (ms)"
    assert ax.get_title(loc="right").strip() == "simulated data"
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6


def test_a_model_beside_a_brain(recording: dict[str, xr.DataArray]) -> None:
    rising = {area: array.isel(time=slice(3)) for area, array in recording.items()}
    model, brain = (compute_dynamics(r, bootstrap=0, neuroids=False) for r in (rising, {"V1": recording["V1"]}))
    ax = plot_latencies({"model": model, "brain": brain})
    drawn(ax)
    heights = [float(line.get_ydata()[0]) for line in ax.lines if line.get_label() == "V1 onset"]
    assert heights == pytest.approx([-0.11, 0.11])
    late = find(ax, "IT peak")
    assert late.get_marker() == ">" and late.get_xdata().tolist() == [70]
    assert legend_texts(ax)[-3:] == ["still rising at the end", "model", "brain"]
    steps = brain.assign_attrs(units="steps")
    with pytest.raises(AnalysisError, match="some latencies are in ms and some in steps"):
        plot_latencies({"model": model, "brain": steps})
    with pytest.raises(AnalysisError, match="has no onset"):
        plot_latencies(xr.Dataset())


def test_paths_of_states() -> None:
    values = np.random.default_rng(0).random((2, 4, 45)).cumsum(1)
    values[1, 0] = np.nan
    coords = {
        "area": ["V1", "IT"],
        "time_step": ("time", range(4)),
        "time_ms": (("area", "time"), [[50.0, 60, 70, 80]] * 2),
    }
    rdms = make_rdms(values, ("area", "time"), coords, attrs={"simulated": "yes"})
    placed = embed_states(rdms)
    ax = plot_trajectories(placed)
    drawn(ax)
    for line, area, steps in zip(ax.lines, ("V1", "IT"), (range(4), range(1, 4)), strict=True):
        points = placed.position.sel(area=area).values[list(steps)]
        np.testing.assert_allclose(line.get_xydata(), points)
        assert line.get_label() == area and to_rgb(line.get_color()) == to_rgb(AREA_COLOURS[area])
    arrows = [text for text in ax.texts if text.arrow_patch is not None]
    assert len(arrows) == 3 + 2
    np.testing.assert_allclose(arrows[0].xy, placed.position.values[0, 1])
    assert [t.get_text() for t in ax.texts if t.get_text()] == ["50 ms", "80 ms", "60 ms", "80 ms"]
    assert f"stress-1 {placed.attrs['stress']:.2f}" in ax.get_title(loc="left")
    assert ax.get_title(loc="right").strip() == "simulated data"
    # RDMs are embedded with the defaults.
    direct = plot_trajectories(rdms, areas=["IT"])
    np.testing.assert_allclose(direct.lines[0].get_xydata(), ax.lines[1].get_xydata())
    assert len(direct.lines) == 1
    with pytest.raises(AnalysisError, match="areas: no V7 here"):
        plot_trajectories(placed, areas=["V7"])


def test_all_states_against_all_others(recording: dict[str, xr.DataArray]) -> None:
    result = compare_states(recording)
    ax = plot_state_similarity(result)
    drawn(ax)
    mesh = next(c for c in ax.collections if c.get_array() is not None)
    shown = np.ma.filled(mesh.get_array().astype(float), np.nan)
    np.testing.assert_allclose(shown, result.similarity.values.reshape(8, 8))
    assert [t.get_text() for t in ax.get_xticklabels()] == [t.get_text() for t in ax.get_yticklabels()] == ["V1", "IT"]
    assert ax.get_xticks().tolist() == [1.5, 5.5]
    bars = [p for p in ax.patches if p.get_label() in ("V1", "IT")]
    assert [to_rgb(p.get_facecolor()) for p in bars] == [to_rgb(AREA_COLOURS[a]) for a in ("V1", "IT")] * 2
    # V1 comes first: at the left, and at the top.
    assert bars[0].get_x() < bars[1].get_x() and bars[2].get_y() > bars[3].get_y()
    assert ax.patch.get_hatch() and legend_texts(ax) == ["not reached yet"]
    assert ax.figure.axes[1].get_ylabel() == "CKA"
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6
    with pytest.raises(AnalysisError, match="compare_states"):
        plot_state_similarity(xr.Dataset())


@pytest.fixture(scope="module")
def sides() -> tuple[xr.Dataset, xr.Dataset]:
    """Return a model of 4 steps and a brain that takes 20 ms for each of them."""
    rng = np.random.default_rng(0)
    steps = rng.random((4, 190))
    coords = {"time_step": ("time", range(4)), "time_ms": ("time", 50 + 10.0 * np.arange(4))}
    times = {"time_ms": ("time", 60 + 10.0 * np.arange(8))}
    brain = np.repeat(steps, 2, 0) + 0.2 * rng.random((3, 8, 190))
    return make_rdms(steps, ("time",), coords), make_rdms(brain, ("subject", "time"), times, attrs={"simulated": "yes"})


def test_a_fitted_clock(sides: tuple[xr.Dataset, xr.Dataset]) -> None:
    result = fit_clock(*sides, splits=3, permutations=19, bootstrap=20)
    ax = plot_clock(result)
    drawn(ax)
    (points,) = [c for c in ax.containers]
    np.testing.assert_allclose(points[0].get_xydata(), [[75, 1], [95, 2], [115, 3]])
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in ax.lines}
    np.testing.assert_allclose(lines["20 ms a step"], [[55, 0], [115, 3]])
    np.testing.assert_allclose(lines["the model's own clock"], [[50, 0], [60, 1], [70, 2], [80, 3]])
    assert "p = 0.05" in points.get_label() and (ax.get_xlabel(), ax.get_ylabel()) == ("brain time (ms)", "model step")
    assert ax.get_title(loc="right").strip() == "simulated data"
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6


def test_the_step_that_each_time_is_most_like(sides: tuple[xr.Dataset, xr.Dataset]) -> None:
    result = best_lag(*sides, bootstrap=20)
    ax = plot_clock(result)
    drawn(ax)
    line = next(line for line in ax.lines if line.get_label().startswith("most similar step"))
    np.testing.assert_allclose(line.get_xdata(), 60 + 10.0 * np.arange(8))
    assert line.get_ydata().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert f"lag {float(result.lag_ms):g} ms" in line.get_label()
    with pytest.raises(AnalysisError, match="no map of steps"):
        plot_clock(xr.Dataset())
