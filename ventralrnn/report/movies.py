"""RDM movies: which stimuli and times are shown, and how the page holds them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.analysis import compute_rdm
from ventralrnn.analysis.rdm import select_stimuli
from ventralrnn.analysis.rdm.container import count_stimuli
from ventralrnn.errors import AnalysisError
from ventralrnn.report.collect import Source
from ventralrnn.report.encode import base64_of, encode_positions, map_movie, plain, quantise
from ventralrnn.report.pictures import Album

# How many stimuli a movie shows at most; fewer, where all movies together would make a page too large to be sent about.
_STIMULI = (300, 200, 150, 100, 70, 50, 30, 20)
_TIMES = 60
_BYTES = 5_000_000
_PICTURE_BYTES = 2_500
_FEWEST = 3


@dataclass(frozen=True)
class _Shape:
    """How large a movie is, before anything is computed."""

    stimuli: int
    areas: int
    times: int

    def bytes(self, most: int) -> int:
        count = -(-self.stimuli // -(-self.stimuli // most))
        pairs = count * (count - 1) // 2
        return self.areas * min(self.times, _TIMES) * (pairs + 4 * count) + count * _PICTURE_BYTES


def make_movies(sources: Sequence[Source], album: Album) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the RDM movies of recordings and of RDMs on file.

    Parameters
    ----------
    sources : sequence of Source
        Recordings whose RDMs are on file too are not computed again.
    album : Album
        Pictures of the stimuli.

    Returns
    -------
    movies : list of dict
        As the page holds them: ``areas`` with one byte a pair and time, positions in a plane, ``times``, ``stimuli``.
    notes : list of str
        Which have no movie, and why.
    """
    chosen = [source for source in sources if source.kind == "rdms"]
    known = {_identity(source) for source in chosen} - {None}
    chosen += [s for s in sources if s.kind == "recording" and _identity(s) not in known]
    chosen.sort(key=sources.index)
    for source in chosen:
        album.look(source.attrs, source.path)
    shapes = [_shape(source) for source in chosen]
    most = next((m for m in _STIMULI if sum(s.bytes(m) for s in shapes) <= _BYTES), _STIMULI[-1])
    movies, notes = [], []
    for source in chosen:
        try:
            movies.append(_movie(source, most, album))
        except AnalysisError as error:
            notes.append(f"{source.path.name} has no RDM movie: {error}")
    return movies, notes


def _identity(source: Source) -> str | None:
    """Return what a recording and its RDMs share: the model, what was cut of it, its weights, and the stimuli."""
    if not (source.attrs.get("weights_sha256") and source.attrs.get("stimuli")):
        return None
    shared = [source.attrs.get(key) for key in ("model", "model_details", "weights_sha256", "pool", "stimuli")]
    return json.dumps([*shared, _shape(source).stimuli], sort_keys=True, default=str)


def _shape(source: Source) -> _Shape:
    if source.kind == "recording":
        first = source.recording[source.recording.areas[0]]
        return _Shape(first.sizes["stimulus"], len(source.recording.areas), first.sizes["time"])
    sizes = source.dataset["dissimilarity"].sizes
    return _Shape(count_stimuli(sizes["pair"]), sizes.get("area", 1), sizes.get("time", 1))


def _movie(source: Source, most: int, album: Album) -> dict[str, Any]:
    notes: list[str] = []
    total = _shape(source).stimuli
    digests: dict[str, str] = {}
    if source.kind == "recording":
        recording = source.recording
        first = recording[recording.areas[0]]
        order, said = _choose(first, first.sizes["stimulus"], most)
        kept = np.sort(order)
        digests = _digests(first)
        rdms = compute_rdm({area: recording[area][kept] for area in recording.areas}, constant="nan", device="cpu")
        order, _ = _choose(rdms, count_stimuli(rdms.sizes["pair"]), most)
        notes.append("Computed from the recording: 1 - correlation of two pictures' patterns.")
    else:
        rdms, borrowed = _labelled(source.dataset, album)
        notes += borrowed
        order, said = _choose(rdms, count_stimuli(rdms.sizes["pair"]), most)
    if len(order) < _FEWEST:
        raise AnalysisError(f"it has {len(order)} stimuli, and a map of them takes {_FEWEST}")
    notes += said
    rdms, more = _in_shape(select_stimuli(rdms, order))
    notes += more
    stimuli = list(_stimuli(rdms, len(order), digests, album))
    missing = sum(s["picture"] is None for s in stimuli)
    if missing:
        notes.append(
            f"Pictures of {missing} of the {len(stimuli)} stimuli shown were not found, their names stand for them. "
            "Where they lie elsewhere now, name the folder or list: --stimuli PATH."
        )
    title, tab = _title(source)
    areas = _areas(rdms)
    return {
        "title": title,
        "tab": tab,
        "source": source.path.name,
        "model": source.model,
        "simulated": source.simulated,
        "measure": _measure(rdms),
        "stimuli": stimuli,
        "total": total,
        "times": _times(rdms),
        "areas": areas,
        "notes": notes,
    }


def _labelled(rdms: xr.Dataset, album: Album) -> tuple[xr.Dataset, list[str]]:
    """Return RDMs with the categories of their stimuli, as those of brains seldom have."""
    if "label" in rdms.coords or "stimulus_id" not in rdms.coords:
        return rdms, []
    labels = album.labels(rdms["stimulus_id"].values.astype(str).tolist())
    if labels is None:
        return rdms, []
    return rdms.assign_coords(label=("stimulus", labels)), ["Categories are those of the set of pictures."]


def _choose(labelled: Any, count: int, most: int) -> tuple[np.ndarray, list[str]]:
    """Return which stimuli are shown, those of a category side by side, and what is to be said about it."""
    labels = labelled["label"].values.astype(str) if "label" in labelled.coords else None
    order = np.arange(count)
    if labels is not None and len(labels) == count:
        first = {label: place for place, label in reversed(list(enumerate(labels)))}
        order = np.array(sorted(range(count), key=lambda i: (first[labels[i]], i)), int)
    stride = -(-count // most)
    if stride == 1:
        return order, []
    order = order[::stride]
    nth = {2: "2nd", 3: "3rd"}.get(stride, f"{stride}th")
    return order, [f"{len(order)} of {count} stimuli are shown, every {nth} of them, to keep this page small."]


def _digests(area: xr.DataArray) -> dict[str, str]:
    if "stimulus_digest" not in area.coords:
        return {}
    return dict(zip(area["stimulus_id"].values.tolist(), area["stimulus_digest"].values.tolist(), strict=True))


def _in_shape(rdms: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
    """Return RDMs (area, time, pair), averaged over everything else, with few enough times."""
    notes = []
    array = rdms["dissimilarity"]
    for dim in [d for d in array.dims if d not in ("area", "time", "pair")]:
        if array.sizes[dim] > 1:
            notes.append(f"Mean over {array.sizes[dim]} {dim}s.")
        array = array.mean(dim)
    for dim, values in (("time", None), ("area", ["all"])):
        if dim not in array.dims:
            array = array.expand_dims(dim if values is None else {dim: values})
    count = array.sizes["time"]
    rdms = rdms.drop_vars("dissimilarity").assign({"dissimilarity": array.transpose("area", "time", "pair")})
    if count > _TIMES:
        kept = np.linspace(0, count - 1, _TIMES).round().astype(int)
        rdms = rdms.isel(time=kept)
        notes.append(f"{_TIMES} of {count} times are shown, evenly spread, to keep this page small.")
    return rdms, notes


def _stimuli(rdms: xr.Dataset, count: int, digests: dict[str, str], album: Album) -> Iterator[dict[str, Any]]:
    names = rdms["stimulus_id"].values.astype(str) if "stimulus_id" in rdms.coords else None
    labels = rdms["label"].values.astype(str) if "label" in rdms.coords else None
    for place in range(count):
        name = str(names[place]) if names is not None else f"stimulus {place + 1}"
        picture = None if names is None else album.thumbnail(name, digests.get(name, ""))
        yield {"name": name, "label": None if labels is None else str(labels[place]), "picture": picture}


def _areas(rdms: xr.Dataset) -> list[dict[str, Any]]:
    """Return every area's frames and maps; states that do not exist are left out of them, and marked."""
    names = rdms["area"].values.astype(str) if "area" in rdms.coords else [str(i) for i in range(rdms.sizes["area"])]
    found, reference = [], None
    for name, frames in zip(names, rdms["dissimilarity"].values, strict=True):
        reached = np.isfinite(frames).any(-1)
        data, low, high = quantise(frames[reached])
        positions, shares = map_movie(frames, reference)
        if reached.any():
            reference = positions[np.flatnonzero(reached)[-1]] if reference is None else reference
        points, extent = encode_positions(positions[reached])
        finite = frames[np.isfinite(frames)]
        shown = np.percentile(finite, [1, 99]) if finite.size else (low, high)
        found.append(
            {
                "name": str(name),
                "reached": reached.tolist(),
                "low": low,
                "high": high,
                "shown": plain(shown),
                "frames": base64_of(data),
                "points": points,
                "extent": extent,
                "shares": plain(shares, 3),
            }
        )
    return found


def _times(rdms: xr.Dataset) -> dict[str, Any]:
    """Return the steps, and the ms of every area at every step, where there are such."""
    sizes = (rdms.sizes["area"], rdms.sizes["time"])
    steps = rdms["time_step"].values.tolist() if "time_step" in rdms.coords else None
    ms = None
    if "time_ms" in rdms.coords and rdms["time_ms"].size:
        ms = np.broadcast_to(rdms["time_ms"].values.astype(float), sizes)
        ms = plain(ms) if np.isfinite(ms).any() else None
    return {"steps": steps, "ms": ms, "count": sizes[1]}


def _measure(rdms: xr.Dataset) -> str:
    distance = str(rdms.attrs.get("distance", ""))
    known = {"correlation": "1 - correlation", "cosine": "1 - cosine", "euclidean": "Euclidean distance"}
    return known.get(distance, distance or "dissimilarity")


def _title(source: Source) -> tuple[str, str]:
    """Return what a movie is called, and the same in short."""
    attrs = source.attrs
    stimuli = attrs.get("stimuli")
    shown = stimuli.get("name") if isinstance(stimuli, dict) else None
    if model := source.model:
        return f"model {model}{f', {shown} stimuli' if shown else ''}", f"{model}: {shown}" if shown else model
    brain = str(attrs.get("name") or attrs.get("brain") or source.path.stem)
    title = "simulated brain" if source.simulated else f"brain {brain}"
    return title, title
