"""Checkpoints: what is written comes back, and whatever else is in a file is refused by name."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import ventralrnn
from tests.networks.common import build, pictures, stream
from ventralrnn.errors import SpecificationError
from ventralrnn.networks import Norm, RecurrentNetwork
from ventralrnn.networks.weights import hash_weights
from ventralrnn.zoo import load_checkpoint, load_model, read_header, save_checkpoint


@pytest.fixture
def network() -> RecurrentNetwork:
    return build(stream(norm=Norm(affine="step"), readouts=(2, 4)), dtype=torch.float32)


@pytest.fixture
def saved(network: RecurrentNetwork, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_checkpoint(network, path, {"accuracy": {"4": 0.9}})
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_weights_come_back_bit_for_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    network = build(stream(), dtype=dtype)
    save_checkpoint(network, tmp_path / "model.safetensors")
    again = load_checkpoint(tmp_path / "model.safetensors")
    assert hash_weights(again) == hash_weights(network)
    assert {p.dtype for p in again.parameters()} == {dtype} and all(p.requires_grad for p in again.parameters())
    with torch.no_grad():
        picture = pictures(network.spec).to(dtype)
        assert torch.equal(again(picture), network(picture))


def test_other_memory_formats_are_saved_too(network: RecurrentNetwork, tmp_path: Path) -> None:
    first = hash_weights(network)
    save_checkpoint(network.to(memory_format=torch.channels_last), tmp_path / "model.safetensors")
    assert hash_weights(load_checkpoint(tmp_path / "model.safetensors")) == first


def test_loading_takes_no_random_numbers(saved: Path) -> None:
    before = torch.get_rng_state()
    load_checkpoint(saved)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loaded_network_trains_on(saved: Path) -> None:
    network = load_checkpoint(saved).train()
    network(pictures(network.spec, 4).float()).sum().backward()
    assert network.kernels["V1-V2:0"].weight.grad is not None


def test_the_header_says_everything_without_the_weights(saved: Path, network: RecurrentNetwork) -> None:
    header = read_header(saved)
    assert header.specification == network.spec
    assert header.info == {"accuracy": {"4": 0.9}} and header.version == ventralrnn.__version__
    assert load_checkpoint(saved).checkpoint_info == header.info
    assert network.checkpoint_info == {}


def test_a_file_appears_whole_or_not_at_all(
    network: RecurrentNetwork, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with open(self, "wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device"):
        save_checkpoint(network, saved)
    assert saved.read_bytes() == before and os.listdir(saved.parent) == [saved.name]


def test_a_missing_folder_is_an_error_that_names_it(network: RecurrentNetwork, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        save_checkpoint(network, tmp_path / "nowhere" / "model.safetensors")


# -- files that are no checkpoints -----------------------------------------------------------------------------------


def refused(path: Path, why: str) -> None:
    """Assert that a file is refused with a message that begins with its path."""
    with pytest.raises(SpecificationError) as error:
        load_checkpoint(path)
    assert str(error.value).startswith(f"{path}: ") and why in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.safetensors", "no such checkpoint")
    refused(tmp_path, "no such checkpoint")


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.3, 0.9, 0.99999])
def test_truncated_files_are_refused(saved: Path, share: float) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(share * len(whole))])
    refused(saved, "damaged, or not a safetensors file")


def test_other_files_are_refused_and_not_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "sprung"),)

    for name, content in (("text", b"hello, world" * 100), ("zeros", bytes(1000)), ("pickle", pickle.dumps(Trap()))):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content)
        refused(path, "damaged, or not a safetensors file")
    torch.save({"weight": Trap()}, tmp_path / "torch.safetensors")
    refused(tmp_path / "torch.safetensors", "damaged, or not a safetensors file")
    assert not (tmp_path / "sprung").exists()


def test_safetensors_of_others_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(3)}, tmp_path / "bare.safetensors")
    refused(tmp_path / "bare.safetensors", "holds no ventralrnn specification")
    save_file({"weight": torch.ones(3)}, tmp_path / "other.safetensors", {"format": "pt"})
    refused(tmp_path / "other.safetensors", "holds no ventralrnn specification")


def _header(path: Path) -> dict:
    size = int.from_bytes(path.read_bytes()[:8], "little")
    return json.loads(json.loads(path.read_bytes()[8 : 8 + size])["__metadata__"]["ventralrnn"])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda h: "not json {", "its ventralrnn header is damaged"),
        (lambda h: json.dumps([h]), "its ventralrnn header is damaged"),
        (lambda h: json.dumps({"info": {}, "version": "1"}), "its ventralrnn header is damaged"),
        (lambda h: json.dumps({**h, "specification": {**h["specification"], "colour": 1}}), "unknown field 'colour'"),
        (lambda h: json.dumps({**h, "specification": {**h["specification"], "steps": "8"}}), "steps: expected int"),
        (lambda h: json.dumps({**h, "specification": {**h["specification"], "steps": 2}}), "nothing to read out"),
        (
            lambda h: json.dumps({**h, "specification": {**h["specification"], "steps": 6}}),
            "connections.IT-IT.affine.scale does not fit the specification in the same file",
        ),
        (
            lambda h: json.dumps({**h, "specification": {**h["specification"], "shared": False}}),
            "does not fit the specification in the same file",
        ),
    ],
)
def test_damaged_headers_are_refused(saved: Path, change, why: str) -> None:
    save_file(load_file(saved), saved, {"ventralrnn": change(_header(saved))})
    refused(saved, why)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("key", ["kernels.V1-V2:0.weight", "norms.V1.running_var"])
def test_values_that_are_not_finite_are_refused(saved: Path, key: str, value: float) -> None:
    tensors, header = load_file(saved), json.dumps(_header(saved))
    tensors[key].view(-1)[0] = value
    save_file(tensors, saved, {"ventralrnn": header})
    refused(saved, f"{key} has values that are not finite")


def test_missing_additional_and_misshapen_tensors_are_refused(saved: Path) -> None:
    header = {"ventralrnn": json.dumps(_header(saved))}
    whole = load_file(saved)
    key = "kernels.V1-V2:0.weight"
    save_file({k: v for k, v in whole.items() if k != key}, saved, header)
    refused(saved, f"{key} does not fit")
    save_file({**whole, "more": torch.ones(1)}, saved, header)
    refused(saved, "more does not fit")
    save_file({**whole, key: whole[key].flatten()}, saved, header)
    refused(saved, f"{key} does not fit")


def test_a_checkpoint_of_another_model_is_that_model(saved: Path) -> None:
    assert load_model(saved).spec.name == load_model(str(saved)).spec.name == "stream"
