"""The specification: what it refuses, what it derives, and that it needs no torch."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import yaml

from tests.networks.common import stream
from ventralrnn.errors import GraphError, SpecificationError, VentralrnnError
from ventralrnn.graph import Area, Clock, Graph, from_plain, to_plain
from ventralrnn.networks import NetworkSpec, Norm, PostNet, PreNet, Preprocessing
from ventralrnn.zoo.registry import list_models, model_spec


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"steps": 0}, "stream: steps is 0: a run has at least one step"),
        ({"input_steps": 0}, "stream: input_steps is 0: a picture enters at least once"),
        ({"readouts": ()}, "stream: readouts are empty"),
        (
            {"readouts": (1, 4)},
            "stream: nothing to read out: IT at step 1 is not reached by the input; it is at 2, 3, 4",
        ),
        ({"readouts": (5,)}, "stream: nothing to read out: IT at step 5: the run has steps 0 to 4"),
        ({"steps": 2}, "stream: nothing to read out: IT at step 1"),
        (
            {"preprocessing": Preprocessing(10)},
            "stream: a picture of 10 pixels does not divide by the stride 4 of area IT",
        ),
        ({"clock": Clock(onset_ms={"MT": 50.0})}, "stream: clock.onset_ms names 'MT', which is no area"),
    ],
)
def test_a_specification_that_cannot_run_is_refused(changes: dict, why: str) -> None:
    with pytest.raises((GraphError, SpecificationError), match=why):
        stream(**changes)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: PreNet(layers=0), "pre_net: layers 0 must be at least 1"),
        (lambda: PreNet(kernel=4), "pre_net: .* kernel 4 odd"),
        (lambda: PreNet(downsample="middle"), "pre_net: downsample is 'middle': give first or last"),  # type: ignore[arg-type]
        (lambda: PostNet(classes=0), "post_net.classes is 0"),
        (lambda: Preprocessing(size=0), "preprocessing.size is 0"),
        (lambda: Preprocessing(crop=1.5), "preprocessing.crop is 1.5"),
        (lambda: Preprocessing(interpolation="nearest"), "preprocessing.interpolation is 'nearest'"),
        (lambda: Preprocessing(std=(1.0, 0.0, 1.0)), "std above 0"),
        (lambda: Preprocessing(mean=(0.0, 0.0)), "three numbers each"),  # type: ignore[arg-type]
        (lambda: Preprocessing(degrees=0.0), "preprocessing.degrees is 0"),
    ],
)
def test_a_part_that_cannot_be_is_refused(make, why: str) -> None:
    with pytest.raises(SpecificationError, match=why):
        make()


@pytest.mark.parametrize("name", list_models())
def test_specifications_survive_json_and_yaml(name: str) -> None:
    spec = model_spec(name)
    for full in (False, True):
        plain = to_plain(spec, full)
        assert from_plain(NetworkSpec, json.loads(json.dumps(plain))) == spec
        assert from_plain(NetworkSpec, yaml.safe_load(yaml.safe_dump(plain))) == spec


def test_a_field_that_does_not_fit_is_named_with_its_place() -> None:
    plain = to_plain(stream(clock=Clock(onset_ms={"V1": 50.0})))
    plain["clock"]["onset_ms"]["V1"] = "early"
    with pytest.raises(VentralrnnError, match="model.clock.onset_ms.V1: expected float, found 'early'"):
        from_plain(NetworkSpec, plain, "model")
    plain["clock"]["onset_ms"]["V1"] = 50
    plain["norm"] = {"statistics": "batch"}
    with pytest.raises(VentralrnnError, match="model.norm.statistics: 'batch' is not one of step, shared"):
        from_plain(NetworkSpec, plain, "model")


def test_what_follows_from_a_specification() -> None:
    spec = stream(readouts=(4, 2, 4), clock=Clock(12.0, {"IT": 80.0}))
    assert spec.readout_steps == (2, 4) and spec.readout_states == (("IT", 2), ("IT", 4))
    assert stream().readout_steps == (4,)
    assert [spec.size(name) for name in spec.graph.names] == [8, 4, 2]
    assert [spec.time_ms("IT", t) for t in (2, 4)] == [80.0, 104.0]
    assert spec.time_ms("V1", 2) == 24.0
    assert [list(replace(spec, input_steps=n).entering(3)) for n in (1, 2, 9, None)] == [
        [0],
        [0, 1],
        [0, 1, 2],
        [0, 1, 2],
    ]
    assert spec.untied() == replace(spec, shared=False)
    assert spec.depend(7).reached_steps("IT") == (2, 3, 4, 5, 6)


def test_norms_compare_by_value() -> None:
    assert Norm() == Norm("step", "none") != Norm("shared")
    assert Graph((Area("a", 1),), ()) == Graph((Area("a", 1),), ())


def test_specifications_zoo_and_counts_need_no_torch() -> None:
    code = (
        "import sys\n"
        "from ventralrnn.networks import NetworkSpec, count_multiply_adds, count_parameters\n"
        "from ventralrnn.zoo import list_models, model_spec, read_header\n"
        "total = sum(count_parameters(model_spec(n)) + count_multiply_adds(model_spec(n)) for n in list_models())\n"
        "assert total > 0\n"
        "print(*(m for m in ('torch', 'numpy') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
