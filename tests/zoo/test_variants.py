"""Changed models."""

import pytest

from ventralrnn.errors import GraphError, SpecificationError
from ventralrnn.networks import count_parameters
from ventralrnn.zoo.registry import model_spec
from ventralrnn.zoo.variants import vary


def test_nothing_changed_is_the_same() -> None:
    spec = model_spec("ventral")
    assert vary(spec) == vary(spec, width=1, steps=8, shared=True) == spec


def test_width_multiplies_channels() -> None:
    spec = vary(model_spec("ventral"), width=0.5)
    assert [area.channels for area in spec.graph.areas] == [16, 32, 64, 64]
    assert spec.name == "ventral-width0.5"
    # Nearly all weights are between two areas, so half of the channels are a quarter of the weights.
    assert count_parameters(spec) / count_parameters(model_spec("ventral")) == pytest.approx(0.25, rel=0.02)


def test_fewer_steps_keep_the_readouts_that_fit_and_more_read_the_last() -> None:
    assert vary(model_spec("ventral"), steps=6).readout_steps == (3, 4, 5)
    assert vary(model_spec("ventral"), steps=12).readout_steps == (11,)


def test_unshared_is_the_untied_twin() -> None:
    assert vary(model_spec("recurrent-2state"), shared=False).shared is False


def test_connections_left_out() -> None:
    spec = vary(model_spec("ventral"), without=("IT-V4", "V4-V2", "V2-V1"))
    assert spec.graph == model_spec("ventral-lateral").graph


def test_what_makes_no_network() -> None:
    with pytest.raises(GraphError, match="V9-V1"):
        vary(model_spec("ventral"), without=("V9-V1",))
    with pytest.raises(GraphError, match="nothing to read out"):
        vary(model_spec("ventral"), steps=2)
    with pytest.raises(SpecificationError, match="steps is 0"):
        vary(model_spec("ventral"), steps=0)
