"""Folders and zip archives of pictures."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import FileStimuli, load_stimuli
from ventralrnn.stimuli.files import ZipStimuli

P = Preprocessing(size=16)


def save(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (value, value, value)).save(path)


def test_pictures_of_mixed_sizes_in_class_folders(folder: Path) -> None:
    stimuli = load_stimuli(folder)
    assert stimuli.ids == ("cat/c.jpg", "cat/d.jpeg", "dog/a.JPG", "dog/b.jpg")
    assert stimuli.labels == ("cat", "cat", "dog", "dog")
    assert stimuli.name == "pictures"
    assert stimuli.degrees is None
    assert stimuli.sources[0] == str(folder / "cat/c.jpg")
    for index in range(4):
        assert stimuli.load(index, P)[0].shape == (16, 16, 3)


def test_the_digest_is_that_of_the_file(folder: Path) -> None:
    stimuli = load_stimuli(str(folder))
    assert stimuli.load(2, P)[1] == stimuli.digest(2)
    (folder / "dog/a.JPG").write_bytes((folder / "dog/a.JPG").read_bytes() + b"!")
    assert stimuli.load(2, P)[1] == stimuli.digest(2) != load_stimuli(folder).digest(1)


def test_other_files_are_counted_and_hidden_ones_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / ".hidden.png")
    save(tmp_path / ".git/b.png")
    save(tmp_path / "__MACOSX/._a.png")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/table.csv").write_text("x")
    stimuli = load_stimuli(tmp_path)
    assert isinstance(stimuli, FileStimuli)
    assert stimuli.ids == ("a.png",)
    assert stimuli.ignored == 2
    assert stimuli.labels is None


@pytest.mark.parametrize("names", [("a.png", "x/b.png"), ("a.png", "b.png"), ("x/y/a.png", "x/b.png")])
def test_labels_only_where_all_lie_one_folder_deep(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        save(tmp_path / name)
    assert load_stimuli(tmp_path).labels is None


def test_the_order_is_that_of_the_relative_paths_whatever_the_file_system_says(tmp_path: Path) -> None:
    names = ["b.png", "a10.png", "a2.png", "B.png", "a/z.png", "ä.png"]
    for name in names:
        save(tmp_path / name)
    assert list(load_stimuli(tmp_path).ids) == sorted(names)


def test_names_that_differ_in_extension_or_folder_only_are_distinct(tmp_path: Path) -> None:
    for name in ("a.png", "a.bmp", "x/a.png"):
        save(tmp_path / name)
    assert len(load_stimuli(tmp_path)) == 3


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    save(tmp_path / "elsewhere/a.png")
    (tmp_path / "set").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "set/cat")
    os.symlink(tmp_path / "set", tmp_path / "set/ring")
    os.symlink(tmp_path / "gone.png", tmp_path / "set/dangling.png")
    assert load_stimuli(tmp_path / "set").ids == ("cat/a.png",)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(StimulusError, match=rf"{tmp_path}: no pictures in this folder \(looked for \.jpg, .*\.gif\)$"):
        load_stimuli(tmp_path)
    (tmp_path / "a.heic").write_text("x")
    with pytest.raises(StimulusError, match="it holds 1 other files"):
        load_stimuli(tmp_path)


def test_a_file_that_went_away_or_cannot_be_read(folder: Path) -> None:
    stimuli = load_stimuli(folder)
    (folder / "cat/c.jpg").unlink()
    for call in (lambda: stimuli.load(0, P), lambda: stimuli.digest(0), stimuli.fingerprint):
        with pytest.raises(StimulusError, match=r"cat/c\.jpg: No such file"):
            call()


def test_the_fingerprint_does_not_depend_on_where_the_folder_lies(folder: Path, tmp_path: Path) -> None:
    before = load_stimuli(folder).fingerprint()
    folder.rename(tmp_path / "moved")
    assert load_stimuli(tmp_path / "moved").fingerprint() == before
    with open(tmp_path / "moved/cat/c.jpg", "ab") as stream:
        stream.write(b"!")
    assert load_stimuli(tmp_path / "moved").fingerprint() != before


def test_zip_members_are_sorted_by_name(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("dog/b.jpg", "cat/d.jpeg", "cat/c.jpg"):
            archive.write(folder / name, name)
        archive.writestr("notes.txt", "x")
        archive.writestr("__MACOSX/._b.jpg", "x")
    stimuli = ZipStimuli(tmp_path / "a.zip", "zipped")
    assert stimuli.ids == ("cat/c.jpg", "cat/d.jpeg", "dog/b.jpg")
    from_folder = load_stimuli(folder)
    pixels, digest = stimuli.load(0, P)
    np.testing.assert_array_equal(pixels, from_folder.load(0, P)[0])
    assert digest == stimuli.digest(0) == from_folder.digest(0)
    assert stimuli.byte_size(0) == from_folder.byte_size(0)


def test_a_damaged_zip(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(folder / "dog/b.jpg", "b.jpg")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[60:64] = b"!!!!"
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(StimulusError, match=r"a\.zip:b\.jpg: .*CRC"):
        ZipStimuli(tmp_path / "a.zip", "zipped").load(0, P)
    (tmp_path / "b.zip").write_bytes(content[:100])
    with pytest.raises(StimulusError, match=r"b\.zip: not a readable zip"):
        ZipStimuli(tmp_path / "b.zip", "zipped")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("notes.txt", "x")
    with pytest.raises(StimulusError, match=r"c\.zip: no pictures"):
        ZipStimuli(tmp_path / "c.zip", "zipped")
