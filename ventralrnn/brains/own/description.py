"""The small YAML file that describes a user's own responses: read, and every mistake in it named."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ventralrnn.errors import DataError

AXES = ("repeat", "stimulus", "time", "neuroid", "presentation")
#: Of every key an example line.
EXAMPLES = {
    "responses": "responses: responses.npy",
    "axes": "axes: [repeat, stimulus, time, neuroid]",
    "presentations": "presentations: trials.csv",
    "stimuli": "stimuli: pictures/",
    "time": "time: {start_ms: 0, bin_ms: 10}",
    "neuroids": "neuroids: {area: V4}",
    "subject": "subject: M1",
    "distance": "distance: correlation",
    "name": "name: my-experiment",
    "description": "description: V4, 40 sites",
    "units": "units: spikes a bin",
    "licence": "licence: CC BY 4.0",
    "citation": "citation: Smith et al. 2026",
}
_RESPONSES = {
    "file": "responses: {file: session.mat}",
    "variable": "responses: {file: session.mat, variable: counts}",
    "subject": "responses: [{file: m1.npy, subject: M1}, {file: m2.npy, subject: M2}]",
    "area": "responses: [{file: v4.npy, area: V4}, {file: it.npy, area: IT}]",
    "table": "responses: {file: session.nwb, table: trials, stimulus: image, onset: start_time}",
    "stimulus": "responses: {file: session.nwb, table: trials, stimulus: image, onset: start_time}",
    "onset": "responses: {file: session.nwb, table: trials, stimulus: image, onset: start_time}",
}
_TIME = {
    "start_ms": EXAMPLES["time"],
    "bin_ms": EXAMPLES["time"],
    "step_ms": "time: {start_ms: 0, bin_ms: 20, step_ms: 10}",
    "end_ms": "time: {start_ms: 0, end_ms: 300, bin_ms: 10}",
    "file": "time: times.csv",
}
_NEUROIDS = {"area": EXAMPLES["neuroids"], "file": "neuroids: neurons.csv"}
_ABOUT = ("name", "description", "units", "licence", "citation")


@dataclass(frozen=True)
class Source:
    """One file of responses, and what is true of all that it holds.

    Parameters
    ----------
    file : pathlib.Path
        The file, which is there.
    variable : str or None
        Which of its variables.
    subject, area : str or None
        In whom and where its neuroids were recorded.
    table, stimulus, onset : str or None
        Of NWB: the table of presentations and two of its columns.
    """

    file: Path
    variable: str | None = None
    subject: str | None = None
    area: str | None = None
    table: str | None = None
    stimulus: str | None = None
    onset: str | None = None


@dataclass(frozen=True)
class Time:
    """Where time bins lie: from a file, or by numbers in ms after stimulus onset."""

    file: Path | None = None
    start_ms: float | None = None
    bin_ms: float | None = None
    step_ms: float | None = None
    end_ms: float | None = None


@dataclass(frozen=True)
class Description:
    """What a description says, checked for itself, before any data are read.

    Parameters
    ----------
    path : pathlib.Path
        The YAML file.
    sources : tuple of Source
        One or more files of responses.
    axes : tuple of str or None
        Of the arrays in these files, in order.
    presentations, stimuli : pathlib.Path, str, tuple of str or None
        A file or folder, the name of a set, or the names themselves.
    time : Time or None
        Where the bins lie.
    neuroids : pathlib.Path or None
        A CSV table with a row a neuroid.
    distance : str or None
        Of RDMs.
    about : mapping of str to str
        Name, description, units, licence, citation, as far as stated.
    """

    path: Path
    sources: tuple[Source, ...]
    axes: tuple[str, ...] | None
    presentations: Path | tuple[str, ...] | None
    stimuli: Path | str | tuple[str, ...] | None
    time: Time | None
    neuroids: Path | None
    distance: str | None
    about: Mapping[str, str]

    def fail(self, key: str, problem: str, example: str | None = None) -> NoReturn:
        """Raise the error that a key is missing or does not fit, with an example line."""
        fail(self.path, key, problem, example)


def fail(path: Path, key: str, problem: str, example: str | None = None) -> NoReturn:
    """Raise a DataError in one line that names the file, the key and an example."""
    raise DataError(f"{path}: {key}: {problem}; for example `{example or EXAMPLES[key]}`")


def read_description(path: Path) -> Description:
    """Read a description.

    Parameters
    ----------
    path : pathlib.Path
        YAML; files that it names are relative to it.

    Returns
    -------
    Description
        Complete, and all files that it names are there.

    Raises
    ------
    DataError
        It cannot be read; or names the key that is missing, misspelt or does not fit, with an example line.
    """
    content = _load(path)
    _check_keys(path, "", content, EXAMPLES)
    if content.get("responses") is None:
        fail(path, "responses", "is missing: say which file holds them")
    neuroids, area = _neuroids(path, content.get("neuroids"))
    subject = _text(path, "subject", content.get("subject"))
    return Description(
        path=path,
        sources=_sources(path, content["responses"], subject, area),
        axes=_axes(path, content.get("axes")),
        presentations=_names(path, "presentations", content.get("presentations")),  # type: ignore[arg-type]
        stimuli=_names(path, "stimuli", content.get("stimuli")),
        time=_time(path, content.get("time")),
        neuroids=neuroids,
        distance=_text(path, "distance", content.get("distance")),
        about={key: str(_text(path, key, content[key])) for key in _ABOUT if content.get(key) is not None},
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise DataError(f"{path}{where}: not YAML ({problem}); give lines such as `{EXAMPLES['axes']}`") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: no description of responses; give lines such as `{EXAMPLES['responses']}`")
    return content


def _check_keys(path: Path, within: str, content: Mapping[Any, Any], known: Mapping[str, str]) -> None:
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key).lower(), known, n=1)
            guess = f"did you mean {near[0]}" if near else f"the keys are {', '.join(known)}"
            example = known[near[0]] if near else next(iter(known.values()))
            fail(path, f"{within}{key}", f"there is no such key; {guess}", example)


def _sources(path: Path, value: Any, subject: str | None, area: str | None) -> tuple[Source, ...]:
    entries = value if isinstance(value, list) else [value]
    if not entries:
        fail(path, "responses", "is empty: say which file holds them")
    found = []
    for entry in entries:
        stated = entry if isinstance(entry, dict) else {"file": entry}
        _check_keys(path, "responses: ", stated, _RESPONSES)
        if stated.get("file") is None:
            fail(path, "responses", "file is missing", _RESPONSES["file"])
        texts = {k: _text(path, f"responses: {k}", v, _RESPONSES[k]) for k, v in stated.items()}
        file = _existing(path, "responses", str(texts.pop("file")))
        if file.is_dir():
            fail(path, "responses", f"{file} is a folder: name its files", _RESPONSES["subject"])
        found.append(Source(file, **{"subject": subject, "area": area, **texts}))
    return tuple(found)


def _axes(path: Path, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    axes = [value] if isinstance(value, str) else value
    if not isinstance(axes, list) or not axes:
        fail(path, "axes", f"{value!r} is no list")
    for axis in axes:
        if axis not in AXES:
            near = difflib.get_close_matches(str(axis).lower(), AXES, n=1)
            guess = f"did you mean {near[0]}?" if near else f"there are {', '.join(AXES)}"
            fail(path, "axes", f"{axis!r} is none; {guess}")
        if axes.count(axis) > 1:
            fail(path, "axes", f"{axis} stands there twice")
    if "presentation" in axes and {"stimulus", "repeat"} & set(axes):
        fail(
            path,
            "axes",
            "presentation stands for both stimulus and repeat, which cannot stand beside it",
            "axes: [presentation, time, neuroid]",
        )
    if not {"stimulus", "presentation"} & set(axes):
        fail(path, "axes", "stimulus (or presentation) is missing")
    return tuple(axes)


def _names(path: Path, key: str, value: Any) -> Path | str | tuple[str, ...] | None:
    """Return a file, a set that has a name, or the names themselves."""
    from ventralrnn.stimuli.loading import EMBEDDED
    from ventralrnn.stimuli.named import NAMES

    if value is None:
        return None
    if isinstance(value, list):
        return tuple(str(entry) for entry in value)
    text = _text(path, key, value)
    if key == "stimuli" and text in (EMBEDDED, *NAMES) and not (path.parent / text).exists():
        return text
    return _existing(path, key, str(text), [EMBEDDED, *NAMES] if key == "stimuli" else [])


def _time(path: Path, value: Any) -> Time | None:
    if value is None:
        return None
    stated = value if isinstance(value, dict) else {"file": value}
    _check_keys(path, "time: ", stated, _TIME)
    if "file" in stated:
        if len(stated) > 1:
            fail(path, "time", "a file states all times; leave out the numbers", _TIME["file"])
        return Time(file=_existing(path, "time", str(_text(path, "time", stated["file"]))))
    for key in ("start_ms", "bin_ms"):
        if stated.get(key) is None:
            fail(path, "time", f"{key} is missing")
    for key, number in stated.items():
        if isinstance(number, bool) or not isinstance(number, int | float):
            fail(path, "time", f"{key} is {number!r}: give a number of ms", _TIME[key])
        if key in ("bin_ms", "step_ms") and not number > 0:
            fail(path, "time", f"{key} is {number}: give a number above 0", _TIME[key])
    numbers: dict[str, Any] = {key: float(number) for key, number in stated.items()}
    return Time(**numbers)


def _neuroids(path: Path, value: Any) -> tuple[Path | None, str | None]:
    if value is None:
        return None, None
    stated = value if isinstance(value, dict) else {"file": value}
    _check_keys(path, "neuroids: ", stated, _NEUROIDS)
    file, area = (_text(path, "neuroids", stated.get(key), _NEUROIDS[key]) for key in ("file", "area"))
    return None if file is None else _existing(path, "neuroids", file), area


def _text(path: Path, key: str, value: Any, example: str | None = None) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        switch = "is true or false, as YAML reads yes, no, on and off; put it in quotes"
        problem = switch if isinstance(value, bool) else f"give text, not {value!r}"
        fail(path, key, problem, example or EXAMPLES.get(key) or EXAMPLES["responses"])
    return str(value)


def _existing(path: Path, key: str, name: str, more: Sequence[str] = ()) -> Path:
    found = path.parent / Path(name).expanduser()
    if not found.exists():
        entries = found.parent.iterdir() if found.parent.is_dir() else ()
        # The description itself is never meant, however much its name is like what is missing.
        beside = [entry.name for entry in entries if entry.resolve() != path.resolve()]
        near = [str(Path(name).parent / one) for one in difflib.get_close_matches(Path(name).name, beside, n=1)]
        near += difflib.get_close_matches(name, more, n=1)
        guess = f"did you mean {near[0]}?" if near else "paths are relative to the YAML file"
        raise DataError(f"{path}: {key}: there is no file or folder {found}; {guess}")
    return found
