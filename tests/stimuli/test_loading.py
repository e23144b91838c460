"""The one way in: names, folders, lists, arrays; the embedded set and the cached ones."""

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ventralrnn.errors import DataError, StimulusError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.resources import data_dir
from ventralrnn.stimuli import ArrayStimuli, load_stimuli
from ventralrnn.stimuli.cifar10 import LABELS

P = Preprocessing(size=32)
CARD = data_dir() / "stimuli" / "cifar10" / "README.md"


def test_embedded() -> None:
    stimuli = load_stimuli("embedded")
    assert len(stimuli) == 400
    assert stimuli.name == "embedded"
    assert stimuli.labels == tuple(label for label in LABELS for _ in range(40))
    assert stimuli.ids[0] == "cifar10-test-00003"
    assert stimuli.degrees is None


def test_embedded_pixels_are_those_that_the_data_card_promises() -> None:
    stimuli = load_stimuli("embedded")
    pixels = np.stack([stimuli.load(index, P)[0] for index in range(400)])
    assert hashlib.sha256(pixels.tobytes()).hexdigest() in CARD.read_text(encoding="utf-8")


def test_embedded_is_the_first_forty_of_each_class(needs: Callable[[str], Path], tmp_path: Path) -> None:
    needs("cifar10")
    embedded, whole = load_stimuli("embedded"), load_stimuli("cifar10-test")
    assert whole.labels is not None
    first = [np.flatnonzero(np.array(whole.labels) == label)[:40] for label in LABELS]
    chosen = np.concatenate(first)
    assert embedded.ids == tuple(whole.ids[i] for i in chosen)
    for row, index in enumerate(chosen):
        np.testing.assert_array_equal(embedded.load(row, P)[0], whole.load(index, P)[0])


def test_the_script_rebuilds_the_same_files(needs: Callable[[str], Path], tmp_path: Path) -> None:
    folder = needs("cifar10")
    spec = importlib.util.spec_from_file_location("make_embedded", data_dir() / "stimuli" / "make_embedded.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(folder, tmp_path)
    rebuilt = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert len(rebuilt) == 401
    for path, content in rebuilt.items():
        assert (CARD.parent / path).read_bytes() == content, path


def test_kriegeskorte2008(needs: Callable[[str], Path]) -> None:
    needs("kriegeskorte2008")
    stimuli = load_stimuli("kriegeskorte2008", degrees=2.9)
    assert len(stimuli) == 92
    assert stimuli.ids[:2] == ("kriegeskorte2008-01", "kriegeskorte2008-02")
    assert stimuli.labels is not None
    assert [stimuli.labels[i] for i in (0, 12, 24, 36, 48, 71)] == [
        *("human bodypart", "human face", "nonhuman bodypart", "nonhuman face"),
        *("natural inanimate", "artificial inanimate"),
    ]
    assert stimuli.load(5, Preprocessing(size=175))[0].std() > 10
    assert stimuli.degrees == 2.9


def test_cowley2023_is_sorted_by_file_name(needs: Callable[[str], Path]) -> None:
    needs("cowley2023")
    stimuli = load_stimuli("cowley2023")
    assert stimuli.ids == tuple(f"image{number:04d}.jpg" for number in range(1, 641))
    assert stimuli.load(639, P)[0].shape == (32, 32, 3)


@pytest.mark.parametrize("name", ["cifar10-test", "cowley2023", "kriegeskorte2008"])
def test_a_named_set_that_is_not_here(empty_cache: Path, name: str) -> None:
    data = name.removesuffix("-test")
    with pytest.raises(
        DataError, match=rf"{data} is not here \(looked in {empty_cache}\).*`ventralrnn data get {data}`"
    ):
        load_stimuli(name)


def test_a_data_set_without_pictures_points_to_them() -> None:
    with pytest.raises(DataError, match="cichy2016 holds no pictures; its pictures are those of kriegeskorte2008"):
        load_stimuli("cichy2016")
    with pytest.raises(DataError, match="zhang2011 holds no pictures$"):
        load_stimuli("zhang2011")


def test_a_folder_named_like_a_set_is_reached_by_its_path(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.rename(tmp_path / "embedded")
    monkeypatch.chdir(tmp_path)
    assert len(load_stimuli("embedded")) == 400
    assert len(load_stimuli("./embedded")) == len(load_stimuli(Path("embedded"))) == 4
    assert load_stimuli("./embedded").name == "embedded"


def test_arrays_and_loaded_sets() -> None:
    array = np.zeros((2, 4, 4, 3), np.uint8)
    stimuli = load_stimuli(array, degrees=3)
    assert isinstance(stimuli, ArrayStimuli)
    assert stimuli.degrees == 3
    assert load_stimuli(stimuli) is stimuli
    assert load_stimuli(stimuli, degrees=3) is stimuli
    with pytest.raises(StimulusError, match="array states 3 degrees already: leave out degrees=4"):
        load_stimuli(stimuli, degrees=4)
    unstated = load_stimuli(array)
    assert load_stimuli(unstated, degrees=4).degrees == 4
    assert unstated.degrees is None


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("embeded", "embeded: no such folder.*did you mean embedded"),
        ("nowhere/at/all", r"no such folder.*embedded, cifar10-test, cowley2023, kriegeskorte2008"),
        ("list.csv", "list.csv: no such"),
        (7, "a int is not a set of stimuli"),
        ([1, 2], "a list is not a set of stimuli"),
    ],
)
def test_what_cannot_be_loaded(source: object, words: str) -> None:
    with pytest.raises(StimulusError, match=words):
        load_stimuli(source)


def test_a_single_picture_is_no_set(folder: Path) -> None:
    with pytest.raises(StimulusError, match=r"b\.jpg: neither a folder of pictures nor a CSV list"):
        load_stimuli(folder / "dog/b.jpg")
