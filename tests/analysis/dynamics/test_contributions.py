"""Shares of connections in states: recorded currents against dense sums."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from tests.recording.common import hear, inputs, tiny
from ventralrnn import extract
from ventralrnn.analysis import compute_contributions
from ventralrnn.analysis.dynamics import contributions
from ventralrnn.errors import AnalysisError
from ventralrnn.recording import Recording


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return extract(tiny(), inputs(), tmp_path_factory.mktemp("r") / "r.zarr", currents=True, device="cpu")


@pytest.fixture(scope="module")
def shares(recording: Recording) -> xr.Dataset:
    return compute_contributions(recording)


def into(shares: xr.Dataset, area: str) -> xr.Dataset:
    return shares.isel(connection=np.flatnonzero(shares.target.values == area))


def test_shares_of_every_state_sum_to_one(recording: Recording, shares: xr.Dataset) -> None:
    for area in ("V1", "V2", "IT"):
        there = ~np.isin(recording[area].time_step, recording[area].attrs["unreached_steps"])
        for name, rounding in (("share", 1e-12), ("variance_share", 1e-12)):
            total = into(shares, area)[name].sum("connection").values[..., there]
            np.testing.assert_allclose(total, 1, rtol=0, atol=rounding)
            assert np.isnan(into(shares, area)[name].values[..., ~there]).all()


def test_the_terms_and_where_they_lead(shares: xr.Dataset) -> None:
    pairs = dict(zip(shares.connection.values.tolist(), shares.target.values.tolist(), strict=True))
    assert pairs == {
        "V1:input": "V1",
        "V1-V1:identity": "V1",
        "V1-V1": "V1",
        "V2-V1": "V1",
        "V1-V2": "V2",
        "IT-V2": "V2",
        "V2-IT": "IT",
        "V1-IT": "IT",
        "IT-IT:identity": "IT",
        "IT-IT": "IT",
    }
    assert shares.source.sel(connection=["V1-V1:identity", "V1:input"]).values.tolist() == ["V1", "input"]
    assert shares.share.dims == ("connection", "stimulus", "time")
    # The ms are those of the target.
    np.testing.assert_array_equal(shares.time_ms.sel(connection="V1-IT"), shares.time_ms.sel(connection="IT-IT"))
    assert shares.attrs["model"] == "stream"


def test_against_what_hooks_hear(shares: xr.Dataset) -> None:
    network = tiny()
    modules = {n: network.connections[n] for n in ("IT-IT", "V1-IT", "V2-IT")} | {"IT": network.areas["IT"]}
    heard = hear(network, modules, torch.from_numpy(inputs()))
    last = {name: outputs[4].double().flatten(1).numpy() for name, outputs in heard.items()}
    before = heard["IT"][3].double().flatten(1).numpy()
    parts = {
        "IT-IT:identity": before,
        "IT-IT": last["IT-IT"] - before,
        "V1-IT": last["V1-IT"],
        "V2-IT": last["V2-IT"],
    }
    state = last["IT"]
    centred = state - state.mean(0)
    for name, part in parts.items():
        one = shares.sel(connection=name).isel(time=4)
        np.testing.assert_allclose(one.share, (part * state).sum(1) / (state**2).sum(1), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.norm, np.sqrt((part**2).mean(1)), rtol=1e-5)
        covariance = ((part - part.mean(0)) * centred).sum() / (centred**2).sum()
        assert float(one.variance_share) == pytest.approx(covariance, rel=1e-4, abs=1e-5)


def test_the_picture_makes_the_first_state(shares: xr.Dataset) -> None:
    first = into(shares, "V1").isel(time=0)
    assert (first.share.sel(connection="V1:input") == 1).all()
    assert first.share.drop_sel(connection="V1:input").isnull().all(), "nothing else arrives"
    assert shares.share.sel(connection="V1:input").isel(time=slice(1, None)).isnull().all(), "it is shown once"


def test_identity_and_what_is_added_are_the_current(recording: Recording, shares: xr.Dataset) -> None:
    whole = compute_contributions(recording, split_identity=False)
    for name in ("V1-V1", "IT-IT"):
        both = shares.share.sel(connection=[name, f"{name}:identity"]).sum("connection", skipna=False)
        np.testing.assert_allclose(whole.share.sel(connection=name), both, rtol=1e-9, atol=1e-12)
    assert "V1-V1:identity" not in whole.connection


def test_a_picture_that_stays_on_brings_the_same_at_every_step(tmp_path: Path) -> None:
    network = tiny(input_steps=None)
    shares = compute_contributions(extract(network, inputs(), tmp_path / "r.zarr", currents=True, device="cpu"))
    norms = shares.norm.sel(connection="V1:input").values
    np.testing.assert_allclose(norms[:, 1:], norms[:, :1].repeat(4, 1), rtol=1e-4)
    np.testing.assert_allclose(into(shares, "V1").share.sum("connection"), 1, atol=1e-12)


def test_a_connection_that_is_cut(tmp_path: Path) -> None:
    arguments = {"currents": True, "device": "cpu", "cut": ["IT-V2@3:5"]}
    shares = compute_contributions(extract(tiny(), inputs(), tmp_path / "r.zarr", **arguments))
    assert shares.share.sel(connection="IT-V2").isnull().all()
    np.testing.assert_allclose(into(shares, "V2").share.sum("connection").values[:, 1:], 1, atol=1e-12)


def test_half_precision(tmp_path: Path) -> None:
    recording = extract(tiny(), inputs(), tmp_path / "r.zarr", currents=True, device="cpu", dtype="float16")
    total = into(compute_contributions(recording), "IT").share.sum("connection").values[:, 2:]
    np.testing.assert_allclose(total, 1, atol=1e-12)


def test_block_by_block_is_the_same(recording: Recording, shares: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contributions, "_BLOCK_VALUES", 3 * 192 * 5)
    again = compute_contributions(recording)
    for name in ("share", "norm", "variance_share"):
        np.testing.assert_allclose(again[name], shares[name], rtol=1e-9, atol=1e-12)


def test_one_area_of_which_all_is_there(tmp_path: Path) -> None:
    names = ["V2-IT", "V1-IT", "IT-IT"]
    recording = extract(tiny(), inputs(), tmp_path / "r.zarr", currents=names, areas=["IT", "V2"], device="cpu")
    assert set(compute_contributions(recording).target.values) == {"IT"}
    with pytest.raises(AnalysisError, match="area V2: the recording lacks V1-V2, IT-V2; record them with"):
        compute_contributions(recording, ["V2"])


def test_what_is_refused_is_named(recording: Recording, tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="areas: the network has no area 'V9'"):
        compute_contributions(recording, ["V9"])
    with pytest.raises(AnalysisError, match="recording: is not of one of ventralrnn's own networks"):
        compute_contributions({"IT": recording["IT"]})
    plain = extract(tiny(), inputs(), tmp_path / "plain.zarr", device="cpu")
    with pytest.raises(AnalysisError, match="currents: none are recorded"):
        compute_contributions(plain)
    part = extract(tiny(), inputs(), tmp_path / "part.zarr", currents=True, steps=[2, 4], device="cpu")
    with pytest.raises(AnalysisError, match="area V1: step 1 is not recorded"):
        compute_contributions(part)
    np.testing.assert_allclose(into(compute_contributions(part, split_identity=False), "IT").share.sum("connection"), 1)

    class Other(dict):
        attrs = recording.attrs

    wrong = Other({name: recording[name] for name in recording})
    wrong["IT"] = wrong["IT"] * 2
    with pytest.raises(AnalysisError, match="area IT: its currents at step 2 do not sum to its state"):
        compute_contributions(wrong, ["IT"])
