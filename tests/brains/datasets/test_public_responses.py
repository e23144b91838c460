"""Public responses in one shape, against what is known of them."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.stats import entropy, pearsonr

from ventralrnn.analysis.reliability import split_half_reliability
from ventralrnn.brains import label_entropies, label_probabilities, load_brain, load_responses, load_spikes
from ventralrnn.brains.datasets.registry import JUDGEMENTS, RESPONSES
from ventralrnn.brains.responses.shape import make_responses
from ventralrnn.errors import DataError
from ventralrnn.stimuli import cache, load_stimuli, registry

Needs = Callable[[str], Path]
DIMS = ("repeat", "stimulus", "time", "neuroid")


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, **files: np.ndarray) -> None:
    """Let small files stand for those of a data set."""
    entries = []
    for path, values in files.items():
        (folder / name).mkdir(exist_ok=True, parents=True)
        np.save(folder / name / f"{path}.npy", values)
        digest = hashlib.sha256((folder / name / f"{path}.npy").read_bytes()).hexdigest()
        entries.append({"path": f"{path}.npy", "sha256": digest})
    entry = {
        "description": "d", "licence": "l", "citation": "c", "pictures": name, "base": "https://b/", "files": entries,
    }  # fmt: skip
    sets = {**registry._registry(), name: registry._data_set(name, entry)}
    monkeypatch.setattr(registry, "_registry", lambda: sets)
    monkeypatch.setenv(cache.VARIABLE, str(folder))


@pytest.mark.parametrize("name", RESPONSES)
def test_one_shape(needs: Needs, name: str) -> None:
    needs(name)
    responses = load_responses(name)
    assert responses.dims == DIMS and not np.isnan(responses.values).all((0, 2, 3)).any()
    assert {"stimulus_id", "time_ms", "neuroid_id", "area"} <= set(responses.coords)
    assert {"licence", "citation", "description", "source"} <= responses.attrs.keys()
    assert responses.attrs["name"] == name and responses.attrs["unreached_steps"] == []
    for dim, coordinate in (("stimulus", "stimulus_id"), ("neuroid", "neuroid_id")):
        assert len(set(responses[coordinate].values.tolist())) == responses.sizes[dim]


def test_cowley(needs: Needs) -> None:
    folder = needs("cowley2023")
    responses = load_responses("cowley2023")
    assert responses.shape == (10, 640, 1, 50) and set(responses.area.values) == {"V4"}
    assert responses.stimulus_id.values.tolist() == list(load_stimuli("cowley2023").ids)
    averaged = np.load(folder / "responses_repeat_averaged_210325.npy")
    np.testing.assert_allclose(np.nanmean(responses.values[:, :, 0], 0), averaged.T, rtol=1e-12)
    there = responses.notnull().all("neuroid")[:, :, 0].values
    assert np.unique(there.sum(0)).tolist() == [6, 7, 8, 9, 10]
    assert (responses.isnull().any("neuroid") == responses.isnull().all("neuroid")).all()
    # Halves of the six repeats that all pictures have.
    first, second = responses.values[:3, :, 0].mean(0), responses.values[3:6, :, 0].mean(0)
    r = [pearsonr(first[:, neuron], second[:, neuron]).statistic for neuron in range(50)]
    assert np.median(r) == pytest.approx(0.57, abs=0.005)
    six = split_half_reliability(responses[:6], 20)
    assert float(six.split_half.median()) == pytest.approx(0.57, abs=0.01)
    # All 6 to 10 repeats say more.
    assert float(split_half_reliability(responses, 20).split_half.median()) > 0.6


def test_cowley_by_a_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """(neuron, picture, repeat) on disk; pictures by name."""
    counts = np.arange(24.0).reshape(3, 4, 2)
    counts[:, 1, 1] = np.nan
    names = [f"image{i:04d}.jpg" for i in range(4)]
    stand_in(monkeypatch, tmp_path, "cowley2023", responses_raw_210325=counts)
    monkeypatch.setattr(
        "ventralrnn.brains.datasets.cowley2023.load_stimuli", lambda _: xr.DataArray(0, attrs={"ids": names})
    )
    responses = load_responses("cowley2023")
    assert responses.shape == (2, 4, 1, 3) and responses.stimulus_id.values.tolist() == names
    np.testing.assert_array_equal(responses[:, :, 0].values, counts.transpose(2, 1, 0))
    assert responses.attrs["source"] == "https://b" and responses.attrs["licence"] == "l"
    names.append("image0005.jpg")
    with pytest.raises(DataError, match=r"shape \(3, 4, 2\) for 5 pictures"):
        load_responses("cowley2023")


def test_zhang_is_what_load_spikes_counts(needs: Needs) -> None:
    needs("zhang2011")
    options: dict[str, Any] = {"bin_ms": 100, "step_ms": 50, "window_ms": (-100, 300)}
    responses = load_responses("zhang2011", **options)
    np.testing.assert_array_equal(responses, load_spikes(**options))
    np.testing.assert_array_equal(responses.time_end_ms - responses.time_start_ms, 100)
    reliable = split_half_reliability(responses, 10).reliability.median("neuroid")
    before, late = responses.time_end_ms <= 0, (responses.time_start_ms >= 100) & (responses.time_end_ms <= 200)
    assert abs(reliable[before.values]).max() < 0.25 and reliable[late.values].min() > 0.55


def test_peterson(needs: Needs) -> None:
    folder = needs("peterson2019")
    counts = load_responses("peterson2019")
    assert counts.dims == ("stimulus", "category") and counts.shape == (10_000, 10)
    np.testing.assert_array_equal(counts, np.load(folder / "cifar10h-counts.npy"))
    assert counts.sum("category").min() >= 47 and counts.attrs["licence"].startswith("CC BY-NC-SA")
    np.testing.assert_allclose(label_entropies(counts), entropy(counts.values, axis=1), atol=1e-12)


def test_peterson_has_the_names_of_the_pictures(needs: Needs) -> None:
    needs("peterson2019")
    needs("cifar10")
    counts, pictures = load_responses("peterson2019"), load_stimuli("cifar10-test")
    assert counts.stimulus_id.values.tolist() == list(pictures.ids)
    assert pictures.labels is not None
    agree = counts.category.values[counts.argmax("category")] == np.array(pictures.labels)
    assert agree.mean() > 0.98


def test_probabilities_and_entropies() -> None:
    coords = {"stimulus_id": ("stimulus", ["a", "b"]), "category": ["cat", "dog"]}
    counts = xr.DataArray([[50.0, 0], [25, 25]], coords, ("stimulus", "category"))
    assert label_probabilities(counts.T).values.tolist() == [[1, 0], [0.5, 0.5]]
    np.testing.assert_allclose(label_entropies(counts.T), [0, np.log(2)])
    assert label_entropies(counts).stimulus_id.values.tolist() == ["a", "b"]


def test_peterson_of_another_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, "peterson2019", **{"cifar10h-counts": np.ones((5, 10))})
    with pytest.raises(DataError, match=r"cifar10h-counts.npy: shape \(5, 10\) for 10000 pictures"):
        load_responses("peterson2019")


@pytest.mark.parametrize("name", [*RESPONSES, *JUDGEMENTS])
def test_what_is_missing_is_told_and_not_fetched(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: Any) -> None:
        raise AssertionError("fetched without being asked")

    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr("ventralrnn.stimuli.download.fetch", fetch)
    for load in (load_responses, load_brain) if name in RESPONSES else (load_responses,):
        with pytest.raises(DataError, match=f"ventralrnn data get {name}`") as error:
            load(name)
        assert "\n" not in str(error.value)


def test_names_that_come_near() -> None:
    with pytest.raises(DataError, match=r"cowley2032: no such .* of responses; did you mean cowley2023\?"):
        load_responses("cowley2032")
    with pytest.raises(DataError, match="there are cowley2023, zhang2011, peterson2019"):
        load_responses("x")


def test_rdms_of_public_responses(needs: Needs) -> None:
    needs("zhang2011")
    rdms = load_brain("zhang2011", distance="euclidean")
    assert rdms["dissimilarity"].dims == ("area", "time", "pair") and rdms.attrs["distance"] == "euclidean"
    means = load_responses("zhang2011").mean("repeat").values
    apart = [np.linalg.norm(means[0, t] - means[1, t]) for t in range(20)]
    np.testing.assert_allclose(rdms["dissimilarity"][0, :, 0], apart, rtol=1e-5)
    assert rdms.attrs["licence"] == "GPL-3 (repository)" and rdms.time_ms.values[0] == -475


def test_shape_is_checked() -> None:
    values = np.zeros((2, 3, 1, 2), np.uint8)
    made = make_responses(values, ["a", "b", "c"], time_start_ms=[70], time_end_ms=[170], area=["V4", "IT"])
    assert made.dtype == np.float32 and made.name == "responses" and made.time_ms.values.tolist() == [120]
    assert made.neuroid_id.values.tolist() == ["0", "1"]
    assert make_responses(values.astype(np.int64), ["a", "b", "c"]).dtype == np.float64
    assert make_responses(values, ["a", "b", "c"], area=["V4", "V4"]).name == "V4"
    for given, message in (
        ((values[0], ["a"]), "responses: shape (3, 1, 2); give (repeat, stimulus, time, neuroid)"),
        ((values, ["a", "b"]), "stimulus_id: 2 for an axis stimulus of 3"),
        ((values, ["a", "b", "a"]), "stimulus_id: 'a' occurs twice"),
    ):
        with pytest.raises(DataError, match=re.escape(message)):
            make_responses(*given)
