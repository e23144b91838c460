"""Fixed points against closed forms of linear networks."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.analysis.dynamics.common import EYE, dense, linear
from tests.networks.common import build, pictures, stream
from ventralrnn import extract
from ventralrnn.analysis import find_fixed_points
from ventralrnn.analysis.dynamics import StateMap
from ventralrnn.errors import AnalysisError
from ventralrnn.networks import RecurrentNetwork


def limit(network: RecurrentNetwork, picture: torch.Tensor) -> np.ndarray:
    """Return (I - K)^-1 x for every picture."""
    with torch.no_grad():
        x = network.pre_net(picture).flatten(1).T
    return torch.linalg.solve(EYE - dense(network), x).T.numpy()


def test_by_optimisation() -> None:
    network = linear()
    picture = pictures(network.spec)
    found = find_fixed_points(network, picture)
    np.testing.assert_allclose(found.state_A, limit(network, picture), rtol=1e-7, atol=1e-7)
    assert found.is_fixed.values.all() and (found.residual < 1e-8).all() and (found.residual_start > 1e-3).all()
    np.testing.assert_allclose(found.spectral_radius, 0.5, rtol=1e-9)


def test_by_running_on() -> None:
    network = linear()
    picture = pictures(network.spec)
    found = find_fixed_points(network, picture, run_steps=60, iterations=0, spectrum=False)
    np.testing.assert_allclose(found.state_A, limit(network, picture), rtol=1e-10, atol=1e-10)
    assert found.is_fixed.values.all() and np.isnan(found.spectral_radius).all()


def test_an_unstable_fixed_point_is_found_by_optimisation_only() -> None:
    network = linear()
    with torch.no_grad():
        network.kernels["A-A:0"].weight.mul_(3)  # a spectral radius of 1.5
    picture = pictures(network.spec, 1)
    found = find_fixed_points(network, picture)
    np.testing.assert_allclose(found.state_A, limit(network, picture), rtol=1e-6, atol=1e-6)
    assert found.is_fixed.all() and found.spectral_radius.values == pytest.approx(1.5)
    assert not find_fixed_points(network, picture, run_steps=30, iterations=0).is_fixed.any()


def test_the_measures() -> None:
    network = build(stream())
    picture = pictures(network.spec, 1)
    found = find_fixed_points(network, picture, iterations=3, spectrum=False)
    there = StateMap(network, picture[0])
    with torch.no_grad():
        run = network.states(picture)
    begin = there.join({a: [None if s is None else s[0] for s in kept] for a, kept in run.items()}, 4)
    moved = (there(begin) - begin).detach()
    assert found.residual_start.values[0] == pytest.approx(float(moved.norm() / begin.norm()))
    assert found.residual.values[0] < found.residual_start.values[0]
    assert found.state_IT.shape == (1, 5 * 2 * 2) and found.state_V1.shape == (1, 3 * 8 * 8)
    still = find_fixed_points(network, picture, iterations=0, spectrum=False)
    assert still.distance.values[0] == 0 and still.q.values[0] == pytest.approx(float(moved.square().sum() / 2))


def test_from_a_recording(tmp_path: Path) -> None:
    network = build(stream(), dtype=torch.float32)
    picture = pictures(network.spec).float()
    recording = extract(network, picture.numpy(), tmp_path / "r.zarr", device="cpu")
    own = find_fixed_points(network, picture, iterations=0, spectrum=False)
    found = find_fixed_points(network, picture, recording, iterations=0, spectrum=False)
    for area in network.spec.graph.names:
        np.testing.assert_allclose(found[f"state_{area}"], own[f"state_{area}"], rtol=1e-4, atol=1e-5)


def test_what_every_evaluation_warns_of_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = StateMap.__call__

    def loud(self: StateMap, state: Any) -> Any:
        warnings.warn("loud", stacklevel=2)
        return evaluate(self, state)

    monkeypatch.setattr(StateMap, "__call__", loud)
    network = linear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        find_fixed_points(network, pictures(network.spec))
    assert [str(warning.message) for warning in said if str(warning.message) == "loud"] == ["loud"]
    assert said[0].filename == __file__


def test_what_is_refused_is_named(tmp_path: Path) -> None:
    network = build(stream(), dtype=torch.float32)
    picture = pictures(network.spec).float()
    pooled = extract(network, picture.numpy(), tmp_path / "pooled.zarr", device="cpu", pool="mean")
    with pytest.raises(AnalysisError, match="start: V1 holds 2 stimuli and 3 neuroids"):
        find_fixed_points(network, picture, pooled)
    part = extract(network, picture.numpy(), tmp_path / "part.zarr", device="cpu", steps=[3, 4])
    with pytest.raises(AnalysisError, match=r"start: V1 holds steps \[3, 4\]"):
        find_fixed_points(network, picture, part)
    full = extract(network, picture.numpy(), tmp_path / "full.zarr", device="cpu")
    with pytest.raises(AnalysisError, match="start: the recording lacks area IT"):
        find_fixed_points(network, picture, {area: full[area] for area in ("V1", "V2")})
    with pytest.raises(AnalysisError, match="pictures: give"):
        find_fixed_points(network, picture[0])
