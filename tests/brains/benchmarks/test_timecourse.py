"""Time courses: what decodes at the same times correlates, what decodes late does not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tests.brains.benchmarks.common import SETTINGS, model
from ventralrnn.analysis.decoding import decode
from ventralrnn.brains.benchmarks import evaluate, find_benchmark, timecourse
from ventralrnn.brains.benchmarks.timecourse import decode_units, half_rise
from ventralrnn.errors import AnalysisError

NAME = "ventralrnn.Zhang2011.IT-timecourse"


def brain(rise_ms: float, rise_sd: float = 10) -> xr.Dataset:
    """Return time courses that rise from chance to 0.8 at a time, and samples of them with a little noise."""
    ms = np.arange(-40.0, 290, 10)
    curve = 1 / 7 + 0.65 / (1 + np.exp(-(ms - rise_ms) / rise_sd))
    rng = np.random.default_rng(0)
    noisy = curve + 0.02 * rng.standard_normal((60, len(ms)))
    halves = curve + 0.02 * rng.standard_normal((10, 2, len(ms)))
    parts = {
        "decoding": ("time", curve),
        "samples": (("sample", "time"), noisy),
        "halves": (("split", "half", "time"), halves),
    }
    return xr.Dataset(parts, {"time_ms": ("time", ms)}, {"simulated": "yes"})


def test_a_brain_that_rises_when_the_model_does_is_most_like_it() -> None:
    areas = model(stimuli=80, gain=2)
    early, late = (evaluate(NAME, areas, data=brain(ms)) for ms in (80, 160))
    assert early["score"].dims == ("area",) and early["decoding"].dims == ("area", "time")
    assert early.attrs["committed_score"] > 0.9 > late.attrs["committed_score"]
    low, score, high = (early.attrs[f"committed_{n}"] for n in ("low", "score", "high"))
    assert low < score < high and high - low < 0.2
    assert 0.95 < float(early["ceiling"]) <= 1
    assert float(early["brain_rise_ms"]) == pytest.approx(80, abs=1) and float(late["brain_rise_ms"]) > 155
    assert float(early["brain_rise_low"]) < float(early["brain_rise_ms"]) < float(early["brain_rise_high"])
    # IT is reached two steps after V1, and decodes at chance before.
    rise = early["rise_ms"]
    assert float(rise.sel(area="IT")) > float(rise.sel(area="V1")) + 10


def test_the_score_is_the_correlation_over_the_models_times() -> None:
    areas = model(stimuli=80, gain=2)
    data = brain(85)
    result = evaluate(NAME, areas, data=data)
    accuracy = decode(areas, "label", bootstrap=1).accuracy.sel(area="IT").values[2:]
    # Steps are 10 ms long and IT is reached at 80 ms: eight steps at chance, then what is decoded.
    expected = np.concatenate([np.full(8, 0.25), accuracy])
    brains = np.interp(5 + 10 * np.arange(11), data.time_ms, data.decoding)
    assert result.attrs["committed_score"] == pytest.approx(np.corrcoef(expected, brains)[0, 1], abs=1e-12)


def test_half_of_a_rise() -> None:
    assert half_rise(np.array([0.0, 10, 20, 30]), np.array([0.1, 0.1, 0.5, 0.4])) == pytest.approx(15)
    assert np.isnan(half_rise(np.array([0.0, 10]), np.array([0.5, 0.5])))


def test_units_decode_what_they_were_made_to_tell() -> None:
    rng = np.random.default_rng(0)
    signal = np.zeros((8, 7, 20))
    signal[:, 3:] = 3 * rng.standard_normal((4, 20))[np.arange(8) % 4][:, None]
    values = signal + rng.standard_normal((6, 8, 7, 20))
    values[5, 0, :, 3] = np.nan  # a trial that one unit lacks is left out for all
    coords = {"object": ("stimulus", list("abcdabcd")), "time_ms": ("time", 10.0 * np.arange(7))}
    spikes = xr.DataArray(values, coords, ("repeat", "stimulus", "time", "neuroid"))
    found = decode_units(spikes, "object")
    assert np.abs(found.decoding.values[:3] - 0.25).max() < 0.25 and found.decoding.values[3:].min() > 0.9
    assert found["samples"].shape == (40, 7) and found["halves"].shape == (10, 2, 7)
    # Half of the units know less than all of them.
    assert found["halves"].values[..., 3:].mean() < found.decoding.values[3:].mean()


def test_a_model_without_a_clock_has_no_time_course() -> None:
    areas = {name: area.drop_vars("time_ms") for name, area in model().items()}
    with pytest.raises(AnalysisError, match="no clock"):
        evaluate(NAME, areas, data=brain(80))


def test_macaque_it_rises_when_it_is_known_to(needs: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    needs("zhang2011")
    monkeypatch.setattr(timecourse, "_UNIT_SAMPLES", 10)
    monkeypatch.setattr(timecourse, "_SPLITS", 3)
    benchmark = find_benchmark(NAME)
    data = benchmark.load()
    assert data.decoding.values[data.time_ms.values < 50].max() < 0.25 and data.decoding.max() > 0.5
    result = benchmark.score(model(stimuli=80, gain=2), data, SETTINGS)
    assert 85 < float(result["brain_rise_ms"]) < 120 and float(result["ceiling"]) > 0.9
