"""From what a user writes for MODEL to a module."""

import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.networks.common import build, thin_zoo
from ventralrnn import load_model
from ventralrnn.errors import SpecificationError
from ventralrnn.networks.weights import hash_weights
from ventralrnn.zoo import save_checkpoint
from ventralrnn.zoo.load import load_object

FILE = """
import random
import torch
from torch import nn
from helper_beside_it import WIDTH

def make():
    return nn.Sequential(nn.Conv2d(3, WIDTH, 3), nn.BatchNorm2d(WIDTH))

ready = nn.Identity()
Model = nn.Identity
number = 3

def wrong():
    return "a model"

def broken():
    return 1 / 0

def greedy(size):
    return nn.Linear(size, size)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "helper_beside_it.py").write_text("WIDTH = 5\n")
    path = tmp_path / "my_model.py"
    path.write_text(FILE)
    return path


def test_a_zoo_model_without_trained_weights_says_so() -> None:
    with pytest.warns(UserWarning, match=r"recurrent-4state has no trained weights here: they are random \(seed 3\)"):
        load_model("recurrent-4state", seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model("recurrent-4state", trained=False)


def test_seeds_are_reproducible_and_leave_the_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = hash_weights(load_model("ventral-feedforward", seed=1, trained=False))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert hash_weights(load_model("ventral-feedforward", seed=1, trained=False)) == first
    assert hash_weights(load_model("ventral-feedforward", seed=2, trained=False)) != first


def test_shipped_weights_are_taken_unless_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkpoints").mkdir()
    monkeypatch.setattr("ventralrnn.zoo.headers.data_dir", lambda: tmp_path)
    trained = build(thin_zoo("recurrent-2state"), dtype=torch.float32)
    save_checkpoint(trained, tmp_path / "checkpoints" / "recurrent-2state.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hash_weights(load_model("recurrent-2state")) == hash_weights(trained)
    assert load_model("recurrent-4state", trained=False).spec.graph.areas[0].channels == 64


def test_a_factory_in_a_file(file: Path) -> None:
    path = list(sys.path)
    model = load_model(f"{file}:make")
    assert isinstance(model, nn.Sequential) and not model.training
    assert sys.path == path
    before = torch.get_rng_state()
    assert hash_weights(load_model(f"{file}:make", seed=1)) == hash_weights(load_model(f"{file}:make", seed=1))
    assert hash_weights(load_model(f"{file}:make", seed=2)) != hash_weights(load_model(f"{file}:make", seed=1))
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(load_model(f"{file}:ready"), nn.Identity)
    assert isinstance(load_model(f"{file}:Model"), nn.Identity)


def test_a_factory_in_a_package() -> None:
    assert isinstance(load_model("torch.nn:Identity"), nn.Identity)


def test_a_factory_in_a_module_of_the_working_directory(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    monkeypatch.delitem(sys.modules, "my_model", raising=False)
    path = list(sys.path)
    assert isinstance(load_model("my_model:make"), nn.Sequential)
    assert sys.path == path
    monkeypatch.delitem(sys.modules, "my_model", raising=False)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "absent",
            "has no 'absent'; it has random, torch, nn, WIDTH, make, ready, Model, number, wrong, broken, greedy",
        ),
        ("", "has no ''"),
        ("number", "is a int, not a function that returns a model"),
        ("wrong", "returned a str, not a torch.nn.Module"),
        ("broken", "calling it failed: ZeroDivisionError: division by zero"),
        ("greedy", "calling it failed: TypeError: greedy() missing 1 required positional argument: 'size'"),
    ],
)
def test_what_is_no_factory_is_refused_by_name(file: Path, name: str, why: str) -> None:
    with pytest.raises(SpecificationError) as error:
        load_model(f"{file}:{name}")
    assert str(error.value).startswith(f"{file}:{name}: ") and why in str(error.value)


def test_files_and_modules_that_cannot_be_imported_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=r"none.py: no such file"):
        load_model(f"{tmp_path}/none.py:make")
    (tmp_path / "syntax.py").write_text("def make(:\n")
    with pytest.raises(SpecificationError, match=r"syntax.py: importing it failed: SyntaxError"):
        load_model(f"{tmp_path}/syntax.py:make")
    (tmp_path / "needs.py").write_text("import a_module_that_is_not_there\n")
    with pytest.raises(
        SpecificationError, match=r"needs.py: importing it failed: ModuleNotFoundError: .*a_module_that"
    ):
        load_model(f"{tmp_path}/needs.py:make")
    (tmp_path / "script.py").write_text("raise SystemExit(2)\n")
    with pytest.raises(SpecificationError, match=r"script.py: importing it failed: SystemExit: 2"):
        load_model(f"{tmp_path}/script.py:make")
    with pytest.raises(SpecificationError, match=r"no_such_package:make: importing 'no_such_package' failed"):
        load_model("no_such_package:make")
    with pytest.raises(SpecificationError, match=r":make: importing '' failed"):
        load_model(":make")
    assert not {"_ventralrnn_user_syntax", "_ventralrnn_user_needs"} & set(sys.modules), "nothing half-imported stays"


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SpecificationError, match="no model 'resnet-2states': did you mean resnet-2state"):
        load_model("resnet-2states")
    with pytest.raises(SpecificationError, match="a.safetensors: no such checkpoint"):
        load_model("a.safetensors")


def test_any_object_can_be_named(file: Path) -> None:
    assert load_object(f"{file}:number") == 3
