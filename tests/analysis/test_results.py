"""Results on disk come back as they were, whole or not at all."""

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from ventralrnn.analysis.results import open_result, provenance, save_result
from ventralrnn.errors import AnalysisError


def result(**attrs: Any) -> xr.Dataset:
    values = np.random.default_rng(0).random((2, 3), np.float32)
    values[1] = np.nan
    return xr.Dataset(
        {"similarity": (("area", "time"), values)},
        {"area": ["V1", "IT"], "time_ms": ("time", [50.0, 60.0, 70.0]), "time_step": ("time", [0, 1, 2])},
        attrs,
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    source = {"model": "ventral", "stimuli": {"number": 2}, "command": "extract", "device": "cpu"}
    attrs = provenance(source, distance="correlation", bootstrap=None, flag=True, size=np.int64(3))
    saved = save_result(result(**attrs), tmp_path / "a.nc")
    back = open_result(saved)
    xr.testing.assert_identical(back, result(**attrs))
    assert back.similarity.dtype == np.float32
    assert back.attrs["model"] == "ventral" and back.attrs["source_command"] == "extract" and back.attrs["size"] == 3
    assert json.loads(back.attrs["stimuli"]) == {"number": 2}
    assert json.loads(back.attrs["flag"]) is True
    assert "numpy" in json.loads(back.attrs["versions"]) and "device" not in back.attrs


def test_a_result_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_result(result(size=1), tmp_path / "a.nc")

    def full(self: Any, path: Path, **_: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", full)
    with pytest.raises(OSError, match="No space") as error:
        save_result(result(size=2), tmp_path / "a.nc")
    assert error.value.filename == str(tmp_path / "a.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]
    assert open_result(tmp_path / "a.nc").attrs["size"] == 1


def test_what_is_no_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="b.nc: no result is there"):
        open_result(tmp_path / "b.nc")
    (tmp_path / "c.nc").write_bytes(b"nothing of the kind")
    with pytest.raises(AnalysisError, match="c.nc: is not a netCDF file"):
        open_result(tmp_path / "c.nc")


def test_what_is_computed_from_simulated_arrays_is_known_to_be() -> None:
    from ventralrnn.analysis import compare_states, compute_dynamics, compute_rdm, decode, encode, time_courses

    random = np.random.default_rng(0)
    coords = {
        "time_step": ("time", [0, 1, 2]),
        "time_ms": ("time", [50.0, 60, 70]),
        "label": ("stimulus", ["a", "b"] * 6),
        "stimulus_id": ("stimulus", [f"s{i}" for i in range(12)]),
    }
    dims = ("stimulus", "time", "neuroid")
    real, simulated = (xr.DataArray(random.normal(size=(12, 3, 4)), coords, dims) for _ in range(2))
    simulated.attrs["simulated"] = "yes"
    for arrays, expected in (({"V4": real, "IT": simulated}, "yes"), ({"V4": real}, None)):
        results = [
            compute_rdm(arrays),
            decode(arrays, folds=2, bootstrap=2),
            compute_dynamics(arrays, bootstrap=0, neuroids=False),
            compare_states(arrays),
            list(time_courses(arrays).values())[-1],
        ]
        assert [result.attrs.get("simulated") for result in results] == [expected] * 5
    cells = simulated.isel(time=0, drop=True)
    assert encode({"V4": real}, cells, folds=2).attrs["brain_simulated"] == "yes"
