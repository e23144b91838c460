"""Plugins for Brain-Score: its own checks, as far as they run offline."""

import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import ventralrnn
from tests.brains.brainscore.common import Data, injected
from ventralrnn.brains.brainscore import VentralBrainModel, submit
from ventralrnn.brains.brainscore.environment import load_brainscore, nothing_kept
from ventralrnn.errors import RecordingError, SpecificationError
from ventralrnn.graph import Clock

pytest.importorskip("brainscore_vision")

FACTORY = """
import sys
sys.path.insert(0, {root!r})
from tests.brains.brainscore.common import Clocked

def build():
    return Clocked()
"""
CLOCK = Clock(20, {"IT": 70})


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes a plugin one of Brain-Score's models, and the module with its models."""
    brainscore = load_brainscore()
    import brainscore_vision.models as models

    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path / "models")])
    monkeypatch.setattr(brainscore, "model_registry", dict(brainscore.model_registry))

    def install(*args: Any, **how: Any) -> tuple[Path, types.ModuleType]:
        folder = submit(*args, tmp_path / "models", **how)
        package = f"brainscore_vision.models.{folder.name}"
        __import__(package)
        for name in (package, f"{package}.model"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        __import__(f"{package}.model")
        return folder, sys.modules[f"{package}.model"]

    return install


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_passes_brain_scores_own_checks(
    plugin: Any, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Brain-Score's runner imports it for its reports, but does not require it.
    monkeypatch.setitem(sys.modules, "pytest_check", types.ModuleType("pytest_check"))
    from brainscore_core.plugin_management.handle_metadata import validate_metadata_file
    from brainscore_core.plugin_management.parse_plugin_changes import get_plugin_ids
    from brainscore_core.plugin_management.test_plugins import PluginTestRunner
    from brainscore_core.submission.repository import find_submission_directory
    from brainscore_vision.model_helpers.check_submission import check_models
    from brainscore_vision.model_interface import BrainModel

    folder, module = plugin("ventral")
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        "__init__.py",
        "metadata.yml",
        "model.py",
        "requirements.txt",
        "test.py",
        "weights.safetensors",
    ]
    assert validate_metadata_file(folder / "metadata.yml")[0] == []
    assert get_plugin_ids("models", [folder.name], str(folder.parent.parent)) == ["ventral"]
    runner = PluginTestRunner.__new__(PluginTestRunner)  # its __init__ asks for conda
    runner.plugin_directory = folder
    runner.validate_plugin()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"{folder.name}/{path.name}")
    zipfile.ZipFile(tmp_path / "a.zip").extractall(tmp_path / "unpacked")
    assert find_submission_directory(tmp_path / "unpacked") == folder.name
    assert isinstance(module.get_model("ventral"), BrainModel)
    with injected(data), nothing_kept():
        # It imports by a name without dots.
        monkeypatch.setitem(sys.modules, "submitted", module)
        check_models.check_brain_models("submitted")


def test_the_plugin_is_the_model(plugin: Any, data: Data) -> None:
    _, module = plugin("ventral")
    found = []
    for model in (module.get_model("ventral"), VentralBrainModel("ventral")):
        model.start_recording("IT", [(80, 90), (85, 130)])
        found.append(model.look_at(data.stimuli))
    np.testing.assert_array_equal(found[0].values, found[1].values)
    assert load_brainscore().model_registry["ventral"]().identifier == module.get_model("ventral").identifier


def test_a_model_of_ones_own_comes_with_its_file_its_weights_and_its_clock(
    plugin: Any, data: Data, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FACTORY.format(root=str(Path(__file__).parents[3])))
    folder, module = plugin(f"{file}:build", name="mine-1.0", areas={"IT": "it"}, clock=CLOCK, visual_degrees=8)
    assert folder.name == "mine_1_0" and (folder / "factory.py").read_text() == file.read_text()
    about = yaml.safe_load((folder / "metadata.yml").read_text())["models"]["mine-1.0"]["model"]
    assert about["parameter_count"] == sum(p.numel() for p in ventralrnn.load_model(f"{file}:build").parameters())
    model = module.get_model("mine-1.0")
    direct = VentralBrainModel(f"{file}:build", {"IT": "it"}, clock=CLOCK)
    for one in (model, direct):
        one.start_recording("IT", [(70, 90), (90, 170)])
    np.testing.assert_array_equal(model.look_at(data.stimuli).values, direct.look_at(data.stimuli).values)


def test_what_cannot_be_handed_in_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FACTORY.format(root=str(Path(__file__).parents[3])))
    with pytest.raises(SpecificationError, match="cannot rebuild a module"):
        submit(torch.nn.Linear(2, 2), tmp_path / "out")
    with pytest.raises(SpecificationError, match="name 'a b'"):
        submit("ventral", tmp_path / "out", name="a b")
    with pytest.raises(RecordingError, match="no module 'nothing'"):
        submit(f"{file}:build", tmp_path / "out", areas={"IT": "nothing"})
    assert not (tmp_path / "out").exists()
    submit("ventral", tmp_path / "out")
    with pytest.raises(RecordingError, match="is there already"):
        submit("ventral", tmp_path / "out")
