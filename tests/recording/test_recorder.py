"""The recorder on any module: each call of a module during one forward pass is one time step."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.recording.common import hear
from tests.recording.models import STEPS, Cor, Recurrent
from ventralrnn.errors import RecordingError
from ventralrnn.recording import Recorder


class Returns(nn.Module):
    """Calls a part twice, which returns what it is told to."""

    class Part(nn.Module):
        def __init__(self, make: Any) -> None:
            super().__init__()
            self.make = make

        def forward(self, x: Tensor) -> Any:
            return self.make(x)

    def __init__(self, make: Any) -> None:
        super().__init__()
        self.part = self.Part(make)

    def forward(self, x: Tensor) -> Any:
        self.part(x)
        return self.part(2 * x)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def assert_steps(got: list[Any], expected: list[Any]) -> None:
    assert len(got) == len(expected)
    assert all(torch.equal(g, e) for g, e in zip(got, expected, strict=True))


def test_every_call_is_a_step(x: Tensor) -> None:
    model = Recurrent().eval()
    states = Recorder(model, {"IT": "it.output", "stem": "stem", "all": ""}).record(x)
    heard = hear(model, {"IT": model.it.output, "stem": model.stem, "all": model}, x)
    assert {area: len(steps) for area, steps in states.items()} == {"IT": STEPS, "stem": 1, "all": 1}
    for area in states:
        assert_steps(states[area], heard[area])


def test_hooks_are_gone_afterwards(x: Tensor) -> None:
    model = Recurrent()
    recorder = Recorder(model, {"IT": "it"})
    recorder.record(x)
    assert not any(module._forward_hooks for module in model.modules())
    with pytest.raises(RuntimeError):
        recorder.record(torch.randn(2, 5, 8, 8))
    assert not any(module._forward_hooks for module in model.modules())
    # A recorder counts each forward pass from 0.
    assert len(recorder.record(x)["IT"]) == STEPS


@pytest.mark.parametrize(
    ("path", "make", "factor"),
    [
        ("part", lambda x: (x, -x), 1),
        ("part", lambda x: [x, -x], 1),
        ("part", lambda x: (3, None, -x), -1),
        ("part[1]", lambda x: (x, -x), -1),
        ("part[0][1]", lambda x: ((x, -x), 5), -1),
        ("part['state']", lambda x: {"out": x, "state": -x}, -1),
        ('part["state"][1]', lambda x: {"state": [x, -x]}, -1),
    ],
)
def test_parts_of_what_a_module_returns(x: Tensor, path: str, make: Any, factor: int) -> None:
    states = Recorder(Returns(make), {"a": path}).record(x)
    assert_steps(states["a"], [factor * x, factor * 2 * x])


@pytest.mark.parametrize(
    ("path", "make", "message"),
    [
        ("part", lambda x: {"out": x, "state": x}, r"area a: .* a mapping with 'out', 'state'; choose a tensor"),
        ("part", lambda x: (1, "two"), r"area a: .* a tuple of int, str; choose"),
        ("part", lambda x: 7, r"area a: .* a int; choose"),
        ("part[2]", lambda x: (x, x), r"area a: .* a tuple of Tensor, Tensor, which has no part 2"),
        ("part['in']", lambda x: {"out": x}, r"area a: .* a mapping with 'out', which has no part 'in'"),
        ("part[0]", lambda x: 7, r"area a: .* a int, which has no part 0"),
        ("part[0]", lambda x: ("text",), r"area a: .* a str; choose"),
    ],
)
def test_returned_things_that_are_no_tensor(x: Tensor, path: str, make: Any, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        Recorder(Returns(make), {"a": path}).record(x)


def test_none_is_a_step_without_a_state(x: Tensor) -> None:
    outputs = iter([None, x])
    states = Recorder(Returns(lambda x: next(outputs)), {"a": "part"}).record(x)["a"]
    assert states[0] is None and states[1] is x


@pytest.mark.parametrize("path", ["part[-1]", "part[a]", "part[1", "part['a]", "part[1].b"])
def test_bad_index(path: str) -> None:
    with pytest.raises(RecordingError, match=r"write an index as \[1\] or \['name'\]"):
        Recorder(Returns(lambda x: x), {"a": path})


def test_a_module_that_is_never_called(x: Tensor) -> None:
    with pytest.raises(RecordingError, match="area a: module 'unused' was never called in the forward pass"):
        Recorder(Recurrent(), {"IT": "it", "a": "unused"}).record(x)


def test_an_unknown_path_names_the_nearest() -> None:
    with pytest.raises(RecordingError, match=r"area IT: the model has no module 'it\.outputs'; it has it\.output"):
        Recorder(Recurrent(), {"IT": "it.outputs"})
    with pytest.raises(RecordingError, match="it has no parts"):
        Recorder(nn.ReLU(), {"a": "x"})


def test_no_areas() -> None:
    with pytest.raises(RecordingError, match="name at least one"):
        Recorder(Recurrent(), {})


def test_nested_lists_and_sequences(x: Tensor) -> None:
    class Nested(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.levels = nn.ModuleList([nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()) for _ in range(2)])
            self.named = nn.ModuleDict({"top": nn.Sequential(nn.Sequential(nn.Conv2d(3, 2, 1)))})

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(3):
                for level in self.levels:
                    x = level(x)
            return self.named["top"](x)

    model = Nested().eval()
    parts = {"a": "levels.0", "b": "levels.1.1", "c": "named.top.0.0"}
    states = Recorder(model, parts).record(x)
    heard = hear(model, {area: model.get_submodule(path) for area, path in parts.items()}, x)
    assert [len(states[area]) for area in parts] == [3, 3, 1]
    for area in parts:
        assert_steps(states[area], heard[area])


def test_a_shared_module_has_all_its_calls_under_each_of_its_names(x: Tensor) -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 3, 1)
            self.second = self.first

        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x))

    model = Shared().eval()
    states = Recorder(model, {"a": "first", "b": "second"}).record(x)
    once = model.first(x)
    assert_steps(states["a"], [once, model.first(once)])
    assert_steps(states["b"], states["a"])


def test_two_areas_from_one_module(x: Tensor) -> None:
    states = Recorder(Cor().eval(), {"out": "V1[0]", "state": "V1[1]", "output": "V1.output"}).record(x)
    assert_steps(states["out"], states["state"])
    assert_steps(states["out"], states["output"])
    assert len(states["out"]) == STEPS


def test_parallel_copies_are_refused() -> None:
    with pytest.raises(RecordingError, match=r"DataParallel .* give its \.module"):
        Recorder(nn.DataParallel(Recurrent()), {"IT": "it"})


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_models(x: Tensor, backend: str) -> None:
    model = Recurrent().eval()
    expected = Recorder(model, {"IT": "it.output"}).record(x)["IT"]
    compiled: Any = torch.compile(model, backend=backend)
    with torch.no_grad():
        scores = compiled(x)
        for path in ("it.output", "_orig_mod.it.output"):
            assert_steps(Recorder(compiled, {"IT": path}).record(x)["IT"], expected)
        torch.testing.assert_close(compiled(x), scores)


def test_a_model_compiled_in_place_and_compiled_parts(x: Tensor) -> None:
    model = Recurrent().eval()
    expected = Recorder(model, {"IT": "it.output"}).record(x)["IT"]
    model.compile(backend="eager")
    with torch.no_grad():
        model(x)
        assert_steps(Recorder(model, {"IT": "it.output"}).record(x)["IT"], expected)
    other = Recurrent().eval()
    other.load_state_dict(model.state_dict())
    other.it = torch.compile(other.it, backend="eager")  # type: ignore[assignment]
    with torch.no_grad():
        other(x)
        for path in ("it", "it.output"):
            assert_steps(Recorder(other, {"IT": path}).record(x)["IT"], expected)
