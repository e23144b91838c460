"""All benchmarks, ours and Brain-Score's, listed without loading any."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ventralrnn.brains.benchmarks.registry import BENCHMARKS
from ventralrnn.brains.brainscore.catalogue import brainscore_ids
from ventralrnn.errors import VentralrnnError

_AREAS = ("V1", "V2", "V4", "IT", "PIT", "CIT", "AIT", "anteriorVTC", "posteriorVTC")
_PART = re.compile(r"[A-Za-z0-9]+")
# Author and year, which the names of Brain-Score's data files begin with.
_STUDY = re.compile(r"[A-Za-z]+\d{4}")
# What the ids do not tell, from Brain-Score's own benchmarks.
_REGIONS = {"Igustibagus2024-ridge": "IT"}
_BINS = {"Kar2019-ost": "18 x 10 ms"}


@dataclass(frozen=True)
class Entry:
    """A benchmark in the list.

    Parameters
    ----------
    identifier : str
        What ``ventralrnn score --benchmark`` takes.
    source : {'ventralrnn', 'brain-score'}
        Whose it is.
    area : str
        Of the brain, or 'behaviour'.
    metric : str
        How models and brains are compared.
    time_bins : str
        Window or bins of time; '-' where there is none, 'one' for a single bin that the id does not tell.
    data : {"yes", "no", "some"}
        Whether the data are on this computer; 'some' if files of the study are, which may be not all of them.
    """

    identifier: str
    source: str
    area: str
    metric: str
    time_bins: str
    data: str


def list_benchmarks(text: str = "") -> tuple[list[Entry], str | None]:
    """Return all benchmarks that hold a text, in any case, in their id, area or metric.

    Parameters
    ----------
    text : str
        Every benchmark by default. The name of an area has to stand there as a word of its own.

    Returns
    -------
    entries : list of Entry
        Ours, then Brain-Score's. No data are read and nothing is fetched.
    note : str or None
        Why Brain-Score's are not among them.
    """
    entries, note = _own(), None
    try:
        entries += [_foreign(name, files) for files in [_files()] for name in brainscore_ids()]
    except VentralrnnError as error:
        note = str(error)
    wanted = text.lower()
    held = [(e, f"{e.identifier} {e.area} {e.metric}".lower()) for e in entries]
    if any(wanted == e.area.lower() for e in entries):
        # "IT" is an area, and a part of "similarity".
        return [e for e, words in held if wanted in re.split("[^a-z0-9]", words)], note
    return [e for e, words in held if wanted in words], note


def _own() -> list[Entry]:
    return [
        Entry(
            b.identifier,
            "ventralrnn",
            b.region.split()[0],
            b.metric,
            "-" if b.window_ms is None else b.time_bins,
            "yes" if b.here else "no",
        )
        for b in BENCHMARKS.values()
    ]


def _foreign(identifier: str, files: str) -> Entry:
    where, _, metric = identifier.rpartition("-")
    parts = _PART.findall(where)
    area = next((part for part in reversed(parts) if part in _AREAS), "behaviour")
    if identifier.startswith("ImageNet"):
        area = "-"
    area = _REGIONS.get(identifier, area)
    bins = _BINS.get(identifier) or ("10 ms" if "temporal" in where else "-" if area in ("behaviour", "-") else "one")
    study = _STUDY.search(identifier)
    known = study is not None and study[0].lower() in files
    return Entry(identifier, "brain-score", "IT" if metric == "ost" else area, metric, bins, "some" if known else "no")


def _files() -> str:
    """Return the names of all files of data that Brain-Score would find here."""
    home = Path(os.environ.get("BRAINIO_HOME") or "~/.brainio").expanduser()
    return "\n".join(file.name.lower() for file in home.glob("*/*")) if home.is_dir() else ""
