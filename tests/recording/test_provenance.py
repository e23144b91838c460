"""What a recording says about how it was made."""

import json
import platform
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import ventralrnn
from tests.recording import models
from tests.recording.common import assert_same_store, inputs, tiny
from ventralrnn import extract, open_recording
from ventralrnn.graph import from_plain
from ventralrnn.networks import NetworkSpec, Preprocessing, RecurrentNetwork
from ventralrnn.networks.weights import hash_weights
from ventralrnn.stimuli import load_stimuli


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> ventralrnn.recording.Recording:
    out = tmp_path_factory.mktemp("provenance") / "a.zarr"
    return extract(tiny(), inputs(3), out, cut=["IT-V2@3:5"], seed=11, command="ventralrnn extract ...")


def test_the_specification_rebuilds_the_network(recording: Any) -> None:
    network = tiny()
    spec = from_plain(NetworkSpec, recording.attrs["model_details"]["specification"])
    assert spec == network.spec
    assert RecurrentNetwork(spec).state_dict().keys() == network.state_dict().keys()
    assert recording.attrs["model"] == "stream"
    assert recording.attrs["model_details"]["cut"] == ["IT-V2@3:5"]


def test_weights_are_identified(recording: Any) -> None:
    assert recording.attrs["weights_sha256"] == hash_weights(tiny())
    assert recording.attrs["weights_sha256"] != hash_weights(tiny(seed=1))


def test_preprocessing_and_settings(recording: Any) -> None:
    assert from_plain(Preprocessing, recording.attrs["preprocessing"]) == Preprocessing(8)
    expected = {"pool": "none", "seed": 11, "batch_size": 64, "device": "cpu", "command": "ventralrnn extract ..."}
    assert {name: recording.attrs[name] for name in expected} == expected
    assert recording.attrs["areas"] == ["V1", "V2", "IT"]
    assert recording.attrs["skipped_stimuli"] == []


def test_versions(recording: Any) -> None:
    assert recording.attrs["versions"] == {
        "ventralrnn": ventralrnn.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def test_stimuli_are_identified(recording: Any, tmp_path: Path) -> None:
    stimuli = recording.attrs["stimuli"]
    fingerprint = load_stimuli(inputs(3)).fingerprint()
    assert stimuli == {"name": "array", "degrees": None, "number": 3, "fingerprint": fingerprint}


def test_visual_angles_are_kept_and_said(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    network = tiny(preprocessing=Preprocessing(8, degrees=8.0))
    recording = extract(network, load_stimuli(tmp_path, degrees=4), tmp_path / "a.zarr")
    assert recording.attrs["stimuli"]["degrees"] == 4
    assert recording.attrs["preprocessing"]["degrees"] == 8
    assert "the pictures span 4 degrees, the model's input 8" in recording.attrs["rendering"]


def test_modules_of_any_other_model(tmp_path: Path) -> None:
    recording = extract(models.cor(), inputs(2), tmp_path / "a.zarr", areas={"V1": "V1.output", "IT": "IT[1]"})
    assert recording.attrs["model"] == "Cor"
    assert recording.attrs["model_details"] == {"class": "Cor", "modules": {"V1": "V1.output", "IT": "IT[1]"}}
    by_file = extract(f"{models.__file__}:cor", inputs(2), tmp_path / "b.zarr", areas={"V1": "V1.output"})
    assert by_file.attrs["model"] == f"{models.__file__}:cor"


def test_the_command_line_is_kept_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/ventralrnn", "extract", "a model", "--out", "b"])
    assert extract(tiny(), inputs(2), tmp_path / "a.zarr").attrs["command"] == "ventralrnn extract 'a model' --out b"


def test_all_of_it_is_plain_json(recording: Any) -> None:
    assert json.loads(json.dumps(recording.attrs)) == recording.attrs


def test_nothing_depends_on_the_time_of_day_or_the_place(recording: Any, tmp_path: Path) -> None:
    options: Any = {"cut": ["IT-V2@3:5"], "seed": 11, "command": "ventralrnn extract ..."}
    again = extract(tiny(), inputs(3), tmp_path / "elsewhere" / "b.zarr", **options)
    assert_same_store(again.path, recording.path)


def test_a_copy_of_the_recording_says_the_same(recording: Any, tmp_path: Path) -> None:
    assert open_recording(recording.path).attrs == recording.attrs
