"""Spikes in NWB files: counted in bins around the onset of each stimulus, every mistake named."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.brains.own.common import described
from ventralrnn.brains import load_responses
from ventralrnn.errors import DataError


@pytest.fixture
def session(folder: Path) -> Callable[..., Path]:
    """Return a function that writes an NWB file whose spikes are known."""
    pynwb = pytest.importorskip("pynwb")
    from datetime import UTC, datetime

    def write(name: str = "session.nwb", **without: bool) -> Path:
        file = pynwb.NWBFile("a session", "id", datetime(2026, 1, 1, tzinfo=UTC))
        file.subject = pynwb.file.Subject(subject_id="M7", species="Macaca mulatta", sex="M", age="P5Y")
        file.add_trial_column("image", "what was shown")
        if not without.get("stim_on"):
            file.add_trial_column("stim_on", "when")
        names = [p.relative_to(folder / "pictures").as_posix() for p in sorted((folder / "pictures").rglob("*.png"))]
        for trial, image in enumerate([*names, *names[:3], ""]):
            more = {} if without.get("stim_on") else {"stim_on": trial + 0.1 if image else np.nan}
            file.add_trial(start_time=float(trial), stop_time=trial + 0.9, image=image, **more)
        if not without.get("units"):
            file.add_unit_column("area", "where")
            # The first fires at 5 and 25 ms, and exactly where a bin ends; the second is observed from trial 2 on.
            first = np.concatenate([trial + np.array([0.105, 0.125, 0.14]) for trial in range(28)])
            file.add_unit(spike_times=first, obs_intervals=[[0, 100]], area="V4")
            file.add_unit(spike_times=[2.15, 3.15, 3.16], obs_intervals=[[2, 100]], area="IT")
        with pynwb.NWBHDF5IO(folder / name, "w") as opened:
            opened.write(file)
        return folder / name

    return write


def test_nwb(folder: Path, session: Callable[..., Path]) -> None:
    session()
    found = load_responses(folder / "nwb.yaml")
    assert found.shape == (2, 24, 10, 2) and found.area.values.tolist() == ["V4", "IT"]
    assert found.subject.values.tolist() == ["M7", "M7"] and found.attrs["units"] == "spikes a bin"
    assert found.time_start_ms.values.tolist() == [*range(0, 200, 20)]
    repeated = found.isel(repeat=1).notnull().any(("time", "neuroid"))
    assert repeated.values.tolist() == [True] * 3 + [False] * 21
    # The spike at 40 ms may round to either side of the bin's edge, but is counted once.
    counts = found.values[:, :, :, 0]
    np.testing.assert_array_equal(counts[0, :, :3].sum(1), 3)
    np.testing.assert_array_equal(counts[0, :, 0], 1)
    assert np.isnan(found.values[0, :2, :, 1]).all() and not np.isnan(found.values[0, 2:, :, 1]).any()
    np.testing.assert_array_equal(found.values[0, 2:4, :, 1].sum(1), [1, 2])


def test_nwb_that_lacks_something(folder: Path, session: Callable[..., Path], tmp_path: Path) -> None:
    session("plain.nwb", stim_on=True)
    session("silent.nwb", units=True)
    session()
    good = {"stimuli": str(folder / "pictures"), "time": {"start_ms": 0, "end_ms": 100, "bin_ms": 20}}
    base = {"file": str(folder / "session.nwb")}
    assert load_responses(described(tmp_path, responses=str(folder / "plain.nwb"), **good)).sizes["time"] == 5
    for responses, change, message in (
        (base, {}, "onset: say whether start_time or stim_on is when the stimulus came on"),
        ({**base, "onset": "on"}, {}, "trials has no column 'on'; it has start_time, stop_time, image"),
        ({**base, "stimulus": "picture"}, {}, "stimulus: say which column of trials names the stimuli; it has"),
        ({**base, "table": "flashes"}, {}, "say which table holds the presentations; it has trials"),
        ({**base, "onset": "stim_on"}, {"time": {"start_ms": 0, "bin_ms": 20}}, "time: end_ms missing"),
        ({**base, "onset": "stim_on"}, {"time": {"start_ms": 0, "end_ms": 10, "bin_ms": 20}}, "no bin of 20 ms fits"),
        ({**base, "onset": "stim_on"}, {"axes": ["stimulus"]}, "axes: is not for NWB"),
        ({"file": str(folder / "silent.nwb"), "onset": "stim_on"}, {}, "silent.nwb has no units with spike times"),
    ):
        with pytest.raises(DataError, match=message):
            load_responses(described(tmp_path, responses=responses, **{**good, **change}))
    (tmp_path / "no.nwb").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read as NWB"):
        load_responses(described(tmp_path, responses="no.nwb", **good))


def test_nwb_without_pynwb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynwb", None)
    (tmp_path / "r.nwb").write_bytes(b"")
    with pytest.raises(DataError, match="pip install pynwb"):
        load_responses(described(tmp_path, responses="r.nwb"))
