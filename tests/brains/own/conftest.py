"""A folder with a user's own data."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.io import savemat

from tests.brains.own.common import NAMES, blocks, write_csv, write_pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all that the page names."""
    here = tmp_path_factory.mktemp("own")
    names = write_pictures(here, 24)
    rng = np.random.default_rng(1)
    means = rng.gamma(2, 3, (24, 10, 12))
    counts = rng.poisson(means, (4, 24, 10, 12)).astype(np.float32)
    np.save(here / "responses.npy", counts)
    order = rng.permutation(np.repeat(np.arange(24), 4))
    np.savez(here / "trials.npz", counts=rng.poisson(means[order]), order=order)
    write_csv(here / "trials.csv", ["trial", "stimulus_id"], [(i, names[o]) for i, o in enumerate(order)])
    write_csv(here / "times.csv", ["start_ms", "end_ms"], [(20 * i, 20 * i + 20) for i in range(10)])
    write_csv(here / "neurons.csv", ["neuroid_id", "area", "depth"], [(f"n{i}", "V4", i / 2) for i in range(12)])
    savemat(here / "m1.mat", {"rates": rng.random((8, 6, 3)), "fs": 1000.0})
    savemat(here / "m2.mat", {"rates": rng.random((5, 6, 2))})
    write_csv(here / "table.csv", ["stimulus_id", "a1", "a2"], [(n, 1, i) for i, n in enumerate("bacbca")])
    rates = xr.Dataset({"rate": (("image", "cell", "bin"), rng.random((6, 5, 4))), "other": ("image", np.zeros(6))})
    rates.to_netcdf(here / "responses.nc", engine="netcdf4")
    write_csv(here / "stimuli.csv", ["stimulus_id", "label"], [(n, "ab"[i % 2]) for i, n in enumerate(NAMES)])
    for block in blocks("yaml"):
        name = block.splitlines()[0].removeprefix("# ")
        assert name.endswith(".yaml")
        (here / name).write_text(block)
    return here
