"""Spikes are counted where they are, and hold what is known of them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import NearestCentroid

from ventralrnn.brains import load_spikes
from ventralrnn.errors import AnalysisError, DataError
from ventralrnn.stimuli import cache, registry

Needs = Callable[[str], Path]
LABELS = ["car_upper", "kiwi_lower", "car_upper", "kiwi_lower", "car_upper"]


@pytest.fixture
def two_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Let a data set of two units stand for zhang2011; return its spikes (unit, trial, ms)."""
    rng = np.random.default_rng(0)
    spikes = (rng.random((2, 5, 1000)) < 0.05).astype(np.uint8)
    files = []
    for unit, raster in enumerate(spikes):
        # The second unit lacks the last trial.
        n = 5 - unit
        labels = np.array(LABELS[:n], object)
        path = tmp_path / "zhang2011" / f"bp100{unit}spk_01A_raster_data.mat"
        path.parent.mkdir(exist_ok=True)
        savemat(path, {"raster_data": raster[:n], "raster_labels": {"combined_ID_position": labels}})
        files.append({"path": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    entry = {"description": "d", "licence": "l", "citation": "c", "pictures": None, "base": "b", "files": files}
    sets = {"zhang2011": registry._data_set("zhang2011", entry)}
    monkeypatch.setattr(registry, "_registry", lambda: sets)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    return spikes


@pytest.mark.parametrize(("width", "step", "window"), [(50, None, (-500, 500)), (30, 10, (-100, 200)), (1, 7, (0, 90))])
def test_spikes_are_counted_in_their_bins(
    two_units: np.ndarray, width: int, step: int | None, window: tuple[int, int]
) -> None:
    spikes = load_spikes(bin_ms=width, step_ms=step, window_ms=window)
    assert spikes.dims == ("repeat", "stimulus", "time", "neuroid") and spikes.attrs["bin_ms"] == width
    assert spikes.stimulus_id.values.tolist() == ["car_upper", "kiwi_lower"]
    assert spikes.object.values.tolist() == ["car", "kiwi"] and spikes.position.values.tolist() == ["upper", "lower"]
    starts = np.arange(window[0], window[1] - width + 1, step or width)
    np.testing.assert_array_equal(spikes.time_start_ms, starts)
    np.testing.assert_array_equal(spikes.time_ms, starts + width / 2)
    for index, start in enumerate(starts):
        # Sample 500 is the first after stimulus onset.
        counted = two_units[:, :, 500 + start : 500 + start + width].sum(-1)
        np.testing.assert_array_equal(spikes[:, 0, index, 0], counted[0, [0, 2, 4]])
        np.testing.assert_array_equal(spikes[:2, 1, index, 1], counted[1, [1, 3]])
    assert np.isnan(spikes[2, 1]).all() and np.isnan(spikes[2, 0, :, 1]).all()
    assert spikes.session.values.tolist() == ["bp1000", "bp1001"] and spikes.attrs["licence"] == "l"


def test_what_cannot_be_counted_is_named(two_units: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="bin_ms: 0 is no whole number"):
        load_spikes(bin_ms=0)
    with pytest.raises(AnalysisError, match="step_ms: 2.5"):
        load_spikes(step_ms=2.5)  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="the recording is from -500 to 500 ms"):
        load_spikes(window_ms=(0, 501))
    with pytest.raises(AnalysisError, match=r"window_ms: \(0, 40\) with bins of 50"):
        load_spikes(window_ms=(0, 40))
    with pytest.raises(DataError, match="there is zhang2011"):
        load_spikes("kriegeskorte2008")
    next((tmp_path / "zhang2011").iterdir()).unlink()
    with pytest.raises(DataError, match="ventralrnn data get zhang2011"):
        load_spikes()


def test_objects_are_decoded_when_they_are_known_to_be(needs: Needs) -> None:
    folder = needs("zhang2011")
    spikes = load_spikes(bin_ms=50)
    assert spikes.shape == (20, 21, 20, 132)
    # Seven units lack a trial of one condition.
    assert int(np.isnan(spikes.values[:, :, 0]).sum()) == 7
    file = folder / "Zhang_Desimone_7object_raster_data_mat" / "bp1001spk_01A_raster_data.mat"
    assert spikes.sel(neuroid=spikes.unit.values == "bp1001spk_01A").sum() == loadmat(file)["raster_data"].sum()
    trials = spikes[:19]
    objects = np.tile(trials.object.values, 19)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    accuracy = []
    for time in range(20):
        counts = trials[:, :, time].values.reshape(-1, 132)
        scaled = (counts - counts.mean(0)) / (counts.std(0) + 1e-9)
        accuracy.append(cross_val_score(NearestCentroid(), scaled, objects, cv=folds).mean())
    found, ms = np.array(accuracy), spikes.time_ms.values
    assert np.abs(found[ms < 0] - 1 / 7).max() < 0.06
    assert found[(ms > 100) & (ms < 200)].min() > 0.5
    assert 150 <= ms[found.argmax()] <= 250
