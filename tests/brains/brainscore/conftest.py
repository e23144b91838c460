"""Brain-Score on data of our own: nothing is fetched, and no home is written to."""

from pathlib import Path

import pytest

from tests.brains.brainscore.common import Data, write_data


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Return stimuli and responses in Brain-Score's format."""
    pytest.importorskip("brainscore_vision")
    return write_data(tmp_path_factory.mktemp("brainscore"))


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away from the user's own homes."""
    monkeypatch.setenv("BRAINIO_HOME", str(tmp_path / "brainio"))
