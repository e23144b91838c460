"""RDMs while extracting are those of a recording, whatever is held in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from tests.recording import models
from tests.recording.common import inputs, tiny, write_pictures
from ventralrnn import compute_rdm, extract
from ventralrnn.analysis.rdm import extract_rdm, streaming
from ventralrnn.errors import AnalysisError, RecordingError
from ventralrnn.networks import Preprocessing
from ventralrnn.recording.job import Job
from ventralrnn.stimuli import ArrayStimuli

# V1 has 192 neuroids at 5 steps, V2 64 at 4, IT 20 at 3: floats a stimulus.
ROW = 4 * (192 * 5 + 64 * 4 + 20 * 3)


def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that the first stimulus of every pass is added to."""
    starts: list[int] = []
    stream = Job.stream

    def noting(self: Job, layouts: Any, calls: Any, size: int, workers: int, start: int = 0) -> Any:
        starts.append(start)
        return stream(self, layouts, calls, size, workers, start)

    monkeypatch.setattr(Job, "stream", noting)
    return starts


@pytest.mark.parametrize("distance", ["correlation", "euclidean", "sqeuclidean", "cosine"])
@pytest.mark.parametrize(("held", "starts"), [(24, [0]), (8, [0, 8, 16]), (15, [0, 12]), (1, [0, 4, 8, 12, 16, 20])])
def test_equal_to_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, distance: str, held: int, starts: list[int]
) -> None:
    stimuli = ArrayStimuli(inputs(23), labels=["cat", "dog", *["owl"] * 21])
    recording = extract(tiny(), stimuli, tmp_path / "a.zarr", batch_size=4)
    expected = compute_rdm(recording, distance)
    assert expected.label.values.tolist() == list(stimuli.labels or ())
    seen = passes(monkeypatch)
    got = extract_rdm(tiny(), stimuli, distance=distance, memory=held * ROW + 100, batch_size=4)
    assert seen == starts  # whole batches are held
    power = 2 if distance == "euclidean" else 1
    left, right = (rdms.dissimilarity**power for rdms in (got, expected))
    largest = right.max("pair")
    assert float((np.abs(left - right) / largest).max()) < 2e-6
    np.testing.assert_array_equal(np.isnan(left), np.isnan(right))
    xr.testing.assert_equal(got.drop_vars("dissimilarity"), expected.drop_vars("dissimilarity"))
    for key in ("model", "weights_sha256", "clock", "distance", "stimuli", "preprocessing"):
        assert got.attrs[key] == expected.attrs[key]


def test_options_are_those_of_extract(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "areas": ["IT", "V1"], "steps": "1:4", "pool": "mean", "currents": ["V2-IT"], "cut": ["V1-V1@2:"], "seed": 3,
    }  # fmt: skip
    expected = compute_rdm(extract(tiny(), inputs(9), tmp_path / "a.zarr", **options))
    got = extract_rdm(tiny(), inputs(9), memory=1, batch_size=2, **options)
    np.testing.assert_allclose(got.dissimilarity, expected.dissimilarity, atol=3e-6)
    assert got.area.values.tolist() == ["IT", "V1", "V2-IT"]
    assert got.attrs["pool"] == "mean"


class Noisy(nn.Module):
    """Has noise of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.it = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.it(x.flatten(1) + torch.randn(len(x), 192))


def test_what_is_random_in_a_model_is_the_same_in_every_pass(tmp_path: Path) -> None:
    x = inputs(11)
    recording = extract(Noisy(), x, tmp_path / "a.zarr", areas={"IT": "it"}, batch_size=3)
    got = extract_rdm(Noisy(), x, areas={"IT": "it"}, batch_size=3, memory=1)
    np.testing.assert_allclose(got.dissimilarity, compute_rdm(recording).dissimilarity, atol=2e-6)


def test_pictures_that_cannot_be_read(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "pictures", 9)
    for name in ("000.png", "004.png", "005.png"):
        (folder / name).write_bytes(b"nothing")
    options: dict[str, Any] = {
        "areas": {"IT": "it", "V1": "stem"}, "preprocessing": Preprocessing(8), "skip_bad": True, "batch_size": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    model = models.recurrent()
    expected = compute_rdm(extract(model, folder, tmp_path / "a.zarr", **options))
    for memory in (1, 1 << 30):
        got = extract_rdm(model, folder, memory=memory, **options)
        np.testing.assert_allclose(got.dissimilarity, expected.dissimilarity, atol=2e-6)
        assert got.stimulus_id.values.tolist() == expected.stimulus_id.values.tolist()
        assert [name for name, _ in got.attrs["skipped_stimuli"]] == ["000.png", "004.png", "005.png"]
    for name in ("001.png", "002.png", "003.png", "006.png", "007.png"):
        (folder / name).write_bytes(b"nothing")
    with pytest.raises(AnalysisError, match="1 picture could be read: RDMs need at least two"):
        extract_rdm(model, folder, **options)


def test_refusals() -> None:
    with pytest.raises(AnalysisError, match="distance 'crossnobis': correlation, euclidean, sqeuclidean or cosine"):
        extract_rdm(tiny(), inputs(3), distance="crossnobis")
    with pytest.raises(AnalysisError, match="of V1: 1 stimuli have no pairs"):
        extract_rdm(tiny(), inputs(1))
    with pytest.raises(RecordingError, match="pool 'max'"):
        extract_rdm(tiny(), inputs(3), pool="max")  # type: ignore[arg-type]
    silent = tiny()
    with torch.no_grad():
        for weight in silent.parameters():
            weight.zero_()
    with pytest.raises(AnalysisError, match="of V1, step 0: stimulus .* has the same value in all features"):
        extract_rdm(silent, inputs(3))
    assert np.isnan(extract_rdm(silent, inputs(3), constant="nan").dissimilarity).all()


def test_tiles_are_whole_batches() -> None:
    job = type("Layout", (), {"steps": range(5), "unreached": (0,), "neuroids": 10})
    assert streaming.tile_size([job], 8, 160 * 8) == 8
    assert streaming.tile_size([job], 8, 160 * 25) == 24
    assert streaming.tile_size([job], 8, 1) == 8
