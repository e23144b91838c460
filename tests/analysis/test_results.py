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
