"""Batch normalisation in time: whose statistics, when they are learned, and what happens beyond the trained steps."""

import warnings
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.networks.common import build, listening, pictures, stream, thin_zoo
from ventralrnn.errors import SpecificationError
from ventralrnn.networks import Norm, PreNet, RecurrentNetwork, TimeBatchNorm, recalibrate

STEPS, CHANNELS = 4, 3


def normalised(x: Tensor, mean: Tensor, variance: Tensor, eps: float = 1e-5) -> Tensor:
    return (x - mean[:, None, None]) / (variance[:, None, None] + eps).sqrt()


def states(number: int = STEPS, seed: int = 0) -> list[Tensor]:
    """Return one state a step, each with a mean and a spread of its own."""
    generator = torch.Generator().manual_seed(seed)
    shape = (2, CHANNELS, 5, 5)
    return [3 * t + (1 + t) * torch.randn(shape, generator=generator, dtype=torch.float64) for t in range(number)]


def moments(x: Tensor, unbiased: bool) -> tuple[Tensor, Tensor]:
    return x.mean((0, 2, 3)), x.var((0, 2, 3), correction=int(unbiased))


def test_training_keeps_statistics_for_every_step() -> None:
    norm = TimeBatchNorm(CHANNELS, STEPS, Norm(momentum=0.2)).double()
    for t, x in enumerate(states()):
        torch.testing.assert_close(norm(x, t), normalised(x, *moments(x, unbiased=False)))
    for t, x in enumerate(states(seed=1)):
        norm(x, t)
    for t, (a, b) in enumerate(zip(states(), states(seed=1), strict=True)):
        (mean_a, var_a), (mean_b, var_b) = moments(a, unbiased=True), moments(b, unbiased=True)
        torch.testing.assert_close(norm.running_mean[t], 0.8 * 0.2 * mean_a + 0.2 * mean_b)
        torch.testing.assert_close(norm.running_var[t], 0.8 * (0.8 + 0.2 * var_a) + 0.2 * var_b)
    assert norm.batches.tolist() == [2] * STEPS


def test_evaluation_uses_the_statistics_of_the_step_and_keeps_none() -> None:
    norm = TimeBatchNorm(CHANNELS, STEPS, Norm()).double()
    for t, x in enumerate(states()):
        norm(x, t)
    norm.eval()
    before = norm.running_mean.clone(), norm.running_var.clone()
    for t, x in enumerate(states(seed=1)):
        torch.testing.assert_close(norm(x, t), normalised(x, before[0][t], before[1][t]))
    assert torch.equal(norm.running_mean, before[0]) and torch.equal(norm.running_var, before[1])


def test_shared_statistics_mix_all_steps() -> None:
    norm = TimeBatchNorm(CHANNELS, STEPS, Norm(statistics="shared", momentum=0.5)).double()
    for t, x in enumerate(states()):
        norm(x, t)
    mean, variance = torch.zeros(CHANNELS, dtype=torch.float64), torch.ones(CHANNELS, dtype=torch.float64)
    for x in states():
        batch = moments(x, unbiased=True)
        mean, variance = (mean + batch[0]) / 2, (variance + batch[1]) / 2
    assert norm.running_mean.shape == (1, CHANNELS)
    norm.eval()
    for t, x in enumerate(states(STEPS + 3)):  # no step lies beyond statistics that know no steps
        torch.testing.assert_close(norm(x, t), normalised(x, mean, variance))


@pytest.mark.parametrize(("affine", "rows"), [("none", 0), ("shared", 1), ("step", STEPS)])
def test_scale_and_shift_are_none_one_or_one_a_step(affine: str, rows: int) -> None:
    norm = TimeBatchNorm(CHANNELS, STEPS, Norm(affine=affine)).double().eval()  # type: ignore[arg-type]
    assert sum(p.numel() for p in norm.parameters()) == 2 * rows * CHANNELS
    x = states()[2]
    plain = normalised(x, torch.zeros(CHANNELS), torch.ones(CHANNELS)).double()
    if affine == "none":
        torch.testing.assert_close(norm(x, 2), plain)
        return
    torch.nn.init.normal_(norm.affine.scale)
    torch.nn.init.normal_(norm.affine.shift)
    for step in range(STEPS):
        scale, shift = (p[step if affine == "step" else 0, :, None, None] for p in norm.affine.parameters())
        torch.testing.assert_close(norm(x, step), plain * scale + shift)


def test_steps_beyond_the_trained_repeat_the_last_with_a_warning() -> None:
    norm = TimeBatchNorm(CHANNELS, STEPS, Norm(affine="step")).double()
    for t, x in enumerate(states()):
        norm(x, t)
    norm.eval()
    x = states()[0]
    with pytest.warns(
        UserWarning, match=r"no batch norm statistics for step 9: repeating those of step 3; recalibrate"
    ):
        beyond = norm(x, 9)
    assert torch.equal(beyond, norm(x, 3))


def test_steps_left_out_in_training_repeat_the_one_before() -> None:
    norm = TimeBatchNorm(CHANNELS, STEPS, Norm()).double()
    norm(states()[1], 1)
    norm(states()[3], 3)
    norm.eval()
    for step, stand_in in ((0, 1), (2, 1)):
        with pytest.warns(UserWarning, match=f"for step {step}: repeating those of step {stand_in}"):
            assert torch.equal(norm(states()[0], step), norm(states()[0], stand_in))


def test_nothing_is_said_where_nothing_is_missing() -> None:
    norm = TimeBatchNorm(CHANNELS, STEPS, Norm()).double()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        norm.eval()(states()[0], 2)  # untrained: all steps alike
        norm.train()
        for t, x in enumerate(states()):
            norm(x, t)
        norm.eval()
        for t, x in enumerate(states()):
            norm(x, t)


def test_training_beyond_the_steps_of_the_network_is_refused() -> None:
    with pytest.raises(ValueError, match="step 4 has no statistics to train: the network has 4 steps"):
        TimeBatchNorm(CHANNELS, STEPS, Norm())(states()[0].float(), STEPS)


def test_statistics_loaded_after_a_run_are_seen() -> None:
    trained = TimeBatchNorm(CHANNELS, STEPS, Norm()).double()
    trained(states()[1], 1)
    other = TimeBatchNorm(CHANNELS, STEPS, Norm()).double().eval()
    other(states()[0], 2)
    other.load_state_dict(trained.state_dict())
    with pytest.warns(UserWarning, match="for step 2: repeating those of step 1"):
        other(states()[0], 2)


@pytest.mark.parametrize("fields", [{"statistics": "batch"}, {"affine": "yes"}])
def test_another_kind_of_norm_is_refused(fields: dict) -> None:
    with pytest.raises(SpecificationError, match="norm: statistics .* must be step or shared"):
        Norm(**fields)


# -- in a network ----------------------------------------------------------------------------------------------------


def norm_inputs(network: RecurrentNetwork, picture: Tensor, **run: object) -> dict[str, list[Tensor]]:
    """Return what each batch norm is given, call by call, in a run of the network as it is."""
    found: dict[str, list[Tensor]] = {}
    modules = {name: m for name, m in network.named_modules() if isinstance(m, TimeBatchNorm)}
    hooks = [
        m.register_forward_hook(lambda m, i, o, name=name: found.setdefault(name, []).append(i))
        for name, m in modules.items()
    ]
    with torch.no_grad():
        network(picture, **run)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("statistics", ["step", "shared"])
def test_training_fills_the_statistics_of_every_state_and_transition(statistics: str) -> None:
    spec = stream(norm=Norm(statistics), input_steps=None)  # type: ignore[arg-type]
    network = RecurrentNetwork(spec).double().train()
    inputs = norm_inputs(network, pictures(spec, 4), readout="all", record=dict.fromkeys(spec.graph.names))
    assert set(inputs) == {
        *(f"norms.{area}" for area in spec.graph.names),
        "connections.V1-V1.middle",
        "connections.V2-IT.middle",
        "post_net.norm",
    }
    for name, calls in inputs.items():
        norm = network.get_submodule(name)
        mean, variance = torch.zeros_like(norm.running_mean), torch.ones_like(norm.running_var)
        for x, step in calls:
            row = step if statistics == "step" else 0
            batch = moments(x, unbiased=True)
            mean[row] = 0.9 * mean[row] + 0.1 * batch[0]
            variance[row] = 0.9 * variance[row] + 0.1 * batch[1]
        torch.testing.assert_close(norm.running_mean, mean)
        torch.testing.assert_close(norm.running_var, variance)
        assert int(norm.batches.sum()) == len(calls)
    assert [step for _, step in inputs["norms.V2"]] == [1, 2, 3], "nothing reads V2 at the last step"
    assert [step for _, step in inputs["connections.V2-IT.middle"]] == [2, 3, 4], "by the step at which it arrives"


def test_in_training_a_batch_norm_sees_the_state_that_the_area_made() -> None:
    spec = stream()
    network = RecurrentNetwork(spec).double().train()
    with listening(network.areas["V1"]) as made:
        inputs = norm_inputs(network, pictures(spec, 4))["norms.V1"]
    assert len(inputs) == 4, "steps 0 to 3; nothing reads V1 at the last"
    for x, step in inputs:
        assert torch.equal(x, made[step])


def test_longer_runs_repeat_the_last_statistics() -> None:
    spec = thin_zoo("recurrent-2state")
    network = build(spec)
    picture, last = pictures(spec), spec.steps - 1
    with torch.no_grad(), pytest.warns(UserWarning, match=f"repeating those of step {last}"):
        longer = network(picture, steps=spec.steps + 2)
    by_hand = RecurrentNetwork(replace(spec, steps=spec.steps + 2)).double().eval()
    state = network.state_dict()
    for key, value in by_hand.state_dict().items():
        if value.shape != state[key].shape:
            state[key] = torch.cat([state[key], state[key][-1:], state[key][-1:]])
    by_hand.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(by_hand(picture), longer)


# -- recalibration ---------------------------------------------------------------------------------------------------


def test_recalibration_is_the_average_over_batches_of_what_training_mode_sees() -> None:
    spec = stream(input_steps=None)
    network = build(spec)
    batches = [pictures(spec, 4, seed=seed) for seed in (5, 6, 7)]
    again = recalibrate(network, batches, steps=spec.steps + 2)
    longer = RecurrentNetwork(again.spec).double().train()
    longer.load_state_dict({k: again.state_dict()[k] for k in longer.state_dict()})
    everything = dict.fromkeys(spec.graph.names)
    runs = [norm_inputs(longer, batch, readout="all", record=everything) for batch in batches]
    for name in runs[0]:
        norm = again.get_submodule(name)
        for calls in zip(*(run[name] for run in runs), strict=True):
            step = calls[0][1]
            means, variances = zip(*(moments(x, unbiased=True) for x, _ in calls), strict=True)
            torch.testing.assert_close(norm.running_mean[step], torch.stack(means).mean(0))
            torch.testing.assert_close(norm.running_var[step], torch.stack(variances).mean(0))
            assert norm.batches[step] == 3


@pytest.mark.parametrize("name", ["resnet-2state", "recurrent-2state", "ventral"])
def test_recalibration_fits_steps_that_were_never_trained(name: str) -> None:
    spec = thin_zoo(name)
    network = RecurrentNetwork(spec).double()
    # The connections of a resnet end with its steps, so there is nothing beyond.
    picture, steps = pictures(spec, 128), spec.steps + 4 * (not name.startswith("resnet"))
    with torch.no_grad():
        for _ in range(3):
            network(picture, readout="all")  # a little training, so that there are statistics, though not these
    network.eval()

    def worst(net: RecurrentNetwork) -> float:
        found = norm_inputs(net, picture, steps=steps, readout="all", record=dict.fromkeys(spec.graph.names))
        outputs = [
            normalised(x, m.running_mean[m.evaluation_row(t)], m.running_var[m.evaluation_row(t)])
            for key, calls in found.items()
            for x, t in calls
            for m in [net.get_submodule(key)]
        ]
        return max(float((v - g).abs().max()) for y in outputs for v, g in zip(moments(y, False), (0, 1), strict=True))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = worst(network)
    again = recalibrate(network, [picture], steps=steps)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        after = worst(again)
    assert before > 0.3, "without recalibration nothing fits, or nothing is tested"
    assert after < 0.02


def test_recalibration_leaves_the_network_and_the_weights_as_they_are() -> None:
    spec = stream(norm=Norm(affine="step", momentum=0.3), readouts=(3, 4))
    network = build(spec)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    generator = torch.get_rng_state()
    again = recalibrate(network, [pictures(spec)], steps=7)
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    for key, value in again.named_parameters():
        assert torch.equal(value[: len(before[key])], before[key])
        assert value.data_ptr() != network.get_parameter(key).data_ptr()
    assert (again.spec.steps, again.spec.readouts, again.training) == (7, (3, 4), False)
    assert {m.momentum for m in again.modules() if isinstance(m, TimeBatchNorm)} == {0.3}
    assert torch.equal(
        again.connections["V1-V2"].affine.scale[5:], before["connections.V1-V2.affine.scale"][-1:].expand(2, -1)
    )


def test_recalibration_reaches_the_norms_of_the_pre_net() -> None:
    spec = stream(pre_net=PreNet(3))
    network = build(spec)
    picture = pictures(spec, 4)
    again = recalibrate(network, [picture])
    with torch.no_grad():
        x = again.pre_net.first(picture)
    mean, variance = moments(x, unbiased=True)
    torch.testing.assert_close(again.pre_net.norms[0].running_mean[0], mean)
    torch.testing.assert_close(again.pre_net.norms[0].running_var[0], variance)
    assert again.pre_net.norms[0].momentum == spec.norm.momentum


def test_shorter_runs_keep_the_readouts_that_are_left() -> None:
    spec = stream(readouts=(2, 4))
    shorter = recalibrate(build(spec), [pictures(spec)], steps=4).spec
    assert (shorter.steps, shorter.readout_steps) == (4, (2,))
    assert recalibrate(build(spec), [pictures(spec)], steps=3).spec.readout_steps == (2,)


def test_recalibration_that_cannot_be_says_why() -> None:
    spec = stream()
    with pytest.raises(SpecificationError, match="at least one batch"):
        recalibrate(build(spec), [])
    with pytest.raises(SpecificationError, match="stream has weights of its own for each step and cannot run 9 steps"):
        recalibrate(build(spec.untied()), [pictures(spec)], steps=9)


def test_an_untied_network_is_not_given_random_weights_for_another_readout() -> None:
    spec = thin_zoo("ventral-feedforward", readouts=(5,)).untied()
    with pytest.raises(SpecificationError, match="has no weights kernels.V1-V2:0@2.* which a run of 5 steps needs"):
        recalibrate(build(spec), [pictures(spec)], steps=5)
