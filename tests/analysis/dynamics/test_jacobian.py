"""The map of a network against its own steps; spectra against dense matrices and closed forms."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import aslinearoperator

from tests.analysis.dynamics.common import EYE, dense, linear
from tests.networks.common import build, pictures, stream, thin_zoo
from ventralrnn.analysis import jacobian_spectrum
from ventralrnn.analysis.dynamics import StateMap, leading_spectrum
from ventralrnn.errors import AnalysisError
from ventralrnn.networks import RecurrentNetwork


def states_of(network: RecurrentNetwork, picture: torch.Tensor, steps: int | None = None) -> dict:
    with torch.no_grad():
        run = network.states(picture, steps=steps)
    return {area: [None if s is None else s[0] for s in kept] for area, kept in run.items()}


@pytest.mark.parametrize(
    "spec", [stream(), thin_zoo("ventral"), thin_zoo("ventral").untied(), thin_zoo("recurrent-3state")]
)
def test_the_map_of_a_step_makes_the_state_of_that_step(spec) -> None:
    network = build(spec)
    picture = pictures(spec, 1)
    states = states_of(network, picture)
    for step in range(1, spec.steps):
        there = StateMap(network, picture[0], step)
        with torch.no_grad():
            after = there(there.join(states, step - 1))
        expected = there.join(states, step)
        for area, back in there.slots:
            if states[area][step] is not None and back == 1:
                torch.testing.assert_close(there.take_apart(after)[area], states[area][step], rtol=1e-10, atol=1e-10)
        if all(states[area][step] is not None for area in states):
            torch.testing.assert_close(after, expected, rtol=1e-10, atol=1e-10)


def test_the_map_without_time_has_the_last_statistics() -> None:
    network = build(stream())
    picture = pictures(network.spec, 1)
    last = network.spec.steps - 1
    with torch.no_grad():
        for norm in network.norms.values():  # so that every step has those of the last
            norm.running_mean[:] = norm.running_mean[last].clone()
            norm.running_var[:] = norm.running_var[last].clone()
        for c in network.connections.values():
            if c.middle is not None:
                c.middle.running_mean[:] = c.middle.running_mean[last].clone()
                c.middle.running_var[:] = c.middle.running_var[last].clone()
    there, at = StateMap(network, picture[0]), StateMap(network, picture[0], last)
    point = there.join(states_of(network, picture), last - 1)
    torch.testing.assert_close(there(point), at(point), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("transition", ["C", "C+Id"])
def test_a_linear_network_has_the_spectrum_of_its_matrix(transition: str) -> None:
    network = linear(transition)
    k = dense(network) + (EYE if transition == "C+Id" else 0)
    found = jacobian_spectrum(network, pictures(network.spec), steps=[2, 3], count=4)
    singular = torch.linalg.svdvals(k)[:4].numpy()
    eigen = torch.linalg.eigvals(k).abs().sort(descending=True).values[:4].numpy()
    assert found.singular_value.dims == ("stimulus", "time", "mode")
    for stimulus in range(2):
        for time in range(2):
            np.testing.assert_allclose(found.singular_value[stimulus, time], singular, rtol=1e-10)
            magnitude = np.hypot(found.eigenvalue_real, found.eigenvalue_imag)[stimulus, time]
            np.testing.assert_allclose(magnitude, eigen, rtol=1e-10)
    np.testing.assert_allclose(found.spectral_radius, eigen[0], rtol=1e-10)


def test_a_delay_of_two_steps_takes_the_root() -> None:
    network = linear("C", delay=2)
    found = jacobian_spectrum(network, pictures(network.spec, 1), steps=[3], tolerance=1e-12)
    # h(t) = K h(t - 2): eigenvalues are the roots of those of K; the shift of the past has singular values of 1.
    np.testing.assert_allclose(found.spectral_radius, 0.5**0.5, rtol=1e-10)
    np.testing.assert_allclose(
        found.singular_value, max(1.0, float(torch.linalg.svdvals(dense(network))[0])), rtol=1e-10
    )


def test_products_are_those_of_the_dense_jacobian() -> None:
    network = build(stream())
    picture = pictures(network.spec, 1)
    there = StateMap(network, picture[0], 4)
    point = there.join(states_of(network, picture), 3)
    full = torch.func.jacrev(there, chunk_size=64)(point).detach().numpy()
    operator = there.operator(point)
    vectors = np.random.default_rng(0).standard_normal((3, there.size))
    for vector in vectors:
        np.testing.assert_allclose(operator.matvec(vector), full @ vector, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(operator.rmatvec(vector), full.T @ vector, rtol=1e-9, atol=1e-9)
    assert there.size > 128, "or iteration was not tested"
    singular, eigen = leading_spectrum(operator, 3, tolerance=1e-8)
    np.testing.assert_allclose(singular, np.linalg.svd(full, compute_uv=False)[:3], rtol=1e-6)
    expected = np.sort(np.abs(np.linalg.eigvals(full)))[::-1][:3]
    np.testing.assert_allclose(np.abs(eigen), expected, rtol=1e-5)
    found = jacobian_spectrum(network, picture, steps=[4], count=3, tolerance=1e-8)
    np.testing.assert_allclose(found.singular_value[0, 0], singular, rtol=1e-6)


def test_fewer_values_than_asked_for() -> None:
    singular, eigen = leading_spectrum(aslinearoperator(np.diag([3.0, -4.0])), 3)
    np.testing.assert_array_equal(singular, [4, 3, np.nan])
    np.testing.assert_array_equal(eigen[:2], [-4, 3])
    assert np.isnan(eigen[2])


def test_by_default_every_step_that_reads_the_past() -> None:
    network = linear()
    assert jacobian_spectrum(network, pictures(network.spec, 1)).time_step.values.tolist() == [1, 2, 3, 4]


def test_what_is_refused_is_named() -> None:
    network = build(stream())
    picture = pictures(network.spec, 1)
    with pytest.raises(AnalysisError, match="steps: no area reads a past state at step 0"):
        jacobian_spectrum(network, picture, steps=[0])
    with pytest.raises(AnalysisError, match="pictures: give"):
        jacobian_spectrum(network, picture[0])
    with pytest.raises(AnalysisError, match="training mode"):
        StateMap(build(stream()).train(), picture[0])
    with pytest.raises(AnalysisError, match="no map without time"):
        StateMap(build(stream().untied()), picture[0])
    with pytest.raises(AnalysisError, match=r"state: give \(\d+,\) values"):
        StateMap(network, picture[0])(torch.zeros(3, dtype=torch.float64))
