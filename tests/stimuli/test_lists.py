"""CSV lists of pictures, and Brain-Score's StimulusSets."""

from pathlib import Path
from typing import Any

import pytest

from ventralrnn.errors import StimulusError
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import FileStimuli, load_stimuli

P = Preprocessing(size=16)


def listed(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("column", ["path", "image_path", "filename", "stimulus_path"])
def test_paths_are_relative_to_the_list_and_keep_its_order(folder: Path, column: str) -> None:
    stimuli = load_stimuli(listed(folder, f"{column}\ndog/b.jpg\ncat/c.jpg\n"))
    assert stimuli.ids == ("dog/b.jpg", "cat/c.jpg")
    assert stimuli.labels is None
    assert stimuli.name == "list"
    assert stimuli.load(0, P)[0].shape == (16, 16, 3)


@pytest.mark.parametrize("label", ["label", "object_name"])
def test_optional_columns(folder: Path, label: str) -> None:
    text = f"n, stimulus_id ,{label},path,degrees\n1,one,DOG,dog/b.jpg,8\n2,two,CAT,{folder}/cat/c.jpg,8.0\n"
    stimuli = load_stimuli(str(listed(folder, text)))
    assert stimuli.ids == ("one", "two")
    assert stimuli.labels == ("DOG", "CAT")
    assert stimuli.degrees == 8


def test_what_spreadsheets_add(folder: Path) -> None:
    text = '\ufeff"path","label"\r\n"dog/b.jpg","a, b"\r\n\r\n,\r\n"cat/c.jpg",""\r\n'
    stimuli = load_stimuli(listed(folder, text))
    assert stimuli.ids == ("dog/b.jpg", "cat/c.jpg")
    assert stimuli.labels == ("a, b", "")


def test_visual_angles_that_differ(folder: Path) -> None:
    stimuli = load_stimuli(listed(folder, "path,degrees\ndog/b.jpg,8\ncat/c.jpg,4\n"))
    assert stimuli.degrees is None
    assert [stimuli.degrees_at(i) for i in (0, 1)] == [8, 4]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the list is empty"),
        ("path,label\n", "a header and no pictures"),
        ("file,label\ndog/b.jpg,x\n", r"line 1: no column of paths; .* path, .*\(found: file, label\)"),
        ("path;label\ndog/b.jpg;x\n", r"line 1: no column of paths.*\(found: path;label\)"),
        ("path\ndog/b.jpg\ndog/x.jpg\ndog/y.jpg\n", r"line 3: there is no file .*dog/x\.jpg \(and 1 more\)"),
        ("path\ndog\n", r"line 2: there is no file"),
        ("path,label\ndog/b.jpg,x\n,y\n", "line 3: a path is missing"),
        ("path,stimulus_id\ndog/b.jpg,\n", "line 2: an id is missing"),
        ("path,label\ndog/b.jpg,x,y\n", "line 2: 3 values for 2 columns"),
        ("path\ndog/b.jpg\n\ncat/c.jpg\ndog/b.jpg\n", r"'dog/b.jpg' occurs twice, at line 2 and line 5"),
        ("path,stimulus_id\ndog/b.jpg,1\ncat/c.jpg,1\n", r"'1' occurs twice, at line 2 and line 3"),
        ("path,degrees\ndog/b.jpg,8\ncat/c.jpg,\n", "line 3: degrees is ''; give .* every picture, or for none"),
        ("path,degrees\ndog/b.jpg,wide\n", "line 2: degrees is 'wide'"),
        ("path,degrees\ndog/b.jpg,-1\n", "-1 degrees"),
    ],
)
def test_a_list_that_cannot_be_used(folder: Path, text: str, words: str) -> None:
    with pytest.raises(StimulusError, match=words) as error:
        load_stimuli(listed(folder, text))
    assert "list" in str(error.value)


def test_a_list_that_is_no_text(folder: Path) -> None:
    (folder / "list.csv").write_bytes(b"path\n\xff\xfe\n")
    with pytest.raises(StimulusError, match=r"list\.csv: not a CSV list in UTF-8"):
        load_stimuli(folder / "list.csv")


def stimulus_set(folder: Path, **columns: Any) -> Any:
    """Return Brain-Score's own StimulusSet over two pictures."""
    pytest.importorskip("brainscore_core")
    pytest.importorskip("pandas")
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    result = StimulusSet({"stimulus_id": ["one", "two"], **columns})
    result.stimulus_paths = {"one": folder / "dog/b.jpg", "two": folder / "cat/c.jpg"}
    result.identifier = "lab2020"
    return result


def test_stimulus_set(folder: Path) -> None:
    stimuli = load_stimuli(stimulus_set(folder, object_name=["dog", "cat"], degrees=[8, 8]))
    assert isinstance(stimuli, FileStimuli)
    assert (stimuli.name, stimuli.ids, stimuli.labels) == ("lab2020", ("one", "two"), ("dog", "cat"))
    assert stimuli.degrees == 8
    assert stimuli.sources[1] == str(folder / "cat/c.jpg")
    assert stimuli.load(1, P)[0].shape == (16, 16, 3)


def test_stimulus_set_without_degrees_takes_them_from_the_caller(folder: Path) -> None:
    assert load_stimuli(stimulus_set(folder)).degrees is None
    assert load_stimuli(stimulus_set(folder), degrees=6).degrees == 6
    with pytest.raises(StimulusError, match="lab2020 states 8 degrees already"):
        load_stimuli(stimulus_set(folder, degrees=[8, 8]), degrees=6)


def test_a_copy_of_a_stimulus_set_that_lost_its_paths(folder: Path) -> None:
    original = stimulus_set(folder)
    with pytest.raises(StimulusError, match="lost its paths"):
        load_stimuli(type(original)(original.copy()))


def test_stimulus_set_with_duplicates_or_missing_files(folder: Path) -> None:
    twice = stimulus_set(folder)
    twice["stimulus_id"] = ["one", "one"]
    with pytest.raises(StimulusError, match="lab2020: stimulus id 'one' occurs twice, at row 0 and row 1"):
        load_stimuli(twice)
    unknown = stimulus_set(folder)
    unknown["stimulus_id"] = ["one", "three"]
    with pytest.raises(StimulusError, match="no path for the stimulus id 'three'"):
        load_stimuli(unknown)
    gone = stimulus_set(folder)
    (folder / "dog/b.jpg").unlink()
    with pytest.raises(StimulusError, match=r"lab2020: there is no file .*dog/b\.jpg"):
        load_stimuli(gone)


def test_a_stimulus_set_is_recognised_by_what_it_can_do(folder: Path) -> None:
    class Column(list):
        def tolist(self) -> list:
            return list(self)

    class Table(dict):
        columns = ("stimulus_id",)

        def get_stimulus(self, stimulus_id: int) -> Path:
            return folder / "dog/b.jpg"

    stimuli = load_stimuli(Table(stimulus_id=Column([7])))
    assert stimuli.ids == ("7",)
    with pytest.raises(StimulusError, match="no column stimulus_id"):
        load_stimuli(type("Bare", (Table,), {"columns": ("image",)})())
