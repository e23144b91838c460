"""What each incoming connection contributes to the state of an area."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.analysis.reading import AreaStates, connections, open_areas
from ventralrnn.analysis.results import provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

_BLOCK_VALUES = 1 << 22
# What the picture brings to the area that it enters, as a connection's name.
INPUT = "input"
# Rounding of a sum of currents that were recorded in each type, relative to the largest.
_ROUNDING = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-9}


@dataclass(frozen=True)
class _Term:
    """One summand of a state: the recorded current, less or only what identity carries over."""

    name: str
    source: str
    part: str  # 'current', 'transformed', 'carried' or 'input'
    delay: int = 0


@checked(AnalysisError)
def compute_contributions(
    recording: Mapping[str, xr.DataArray], areas: list[str] | None = None, split_identity: bool = True
) -> xr.Dataset:
    """Return the share that each incoming connection has in the states of areas.

    A state is the sum of the currents that arrive at the same step; each is projected on their sum, so shares sum to 1.

    Parameters
    ----------
    recording : mapping of str to xarray.DataArray
        A recording of one of ventralrnn's own networks that holds areas and all currents into them
        (``extract --currents``).
    areas : list of str, optional
        By default all areas of which the recording holds the state and all currents.
    split_identity : bool
        Divide the current of a connection with ``+Id`` into what it carries over unchanged, the source's state
        ``delay`` steps before (``NAME:identity``), and what its convolutions add (``NAME``). Needs the source's states.

    Returns
    -------
    xarray.Dataset
        ``share`` (connection, stimulus, time): <current, state> / <state, state>, signed; over connections of one
        target it sums to 1. ``norm`` (connection, stimulus, time): root mean square of the current over neuroids.
        ``variance_share`` (connection, time): the same projection after the mean over stimuli was taken off: its share
        in what differs between stimuli; sums to 1 too. NaN where a connection delivers nothing or there is no state.
        Coordinates ``connection``, ``source`` and ``target`` (connection), ``time_step`` (time), ``time_ms``
        (connection, time), ``stimulus_id`` (stimulus). What the picture brings is the connection ``TARGET:input``: the
        state less all currents.

    Raises
    ------
    AnalysisError
        If currents are missing, or do not sum to the state.

    Notes
    -----
    A current is recorded at the step of the state that it helps to make, whatever its delay.

    Examples
    --------
    >>> import numpy as np
    >>> import ventralrnn
    >>> from ventralrnn.analysis import compute_contributions
    >>> pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    >>> recording = ventralrnn.extract("ventral", pictures, "three.zarr", currents=True)
    >>> shares = compute_contributions(recording, areas=["IT"]).share.isel(time=-1).mean("stimulus")
    >>> shares.connection.values.tolist(), round(float(shares.sum()), 3)
    (['IT-IT:identity', 'IT-IT', 'V4-IT', 'V2-IT'], 1.0)
    """
    graph = _graph(recording)
    wanted = areas if areas is not None else [a for a in graph["names"] if not _missing(recording, graph, a)]
    if not wanted:
        raise AnalysisError(f"currents: none are recorded with all others into their area; {_HOW}")
    found = [_area(recording, graph, area, split_identity) for area in wanted]
    return _join(found, provenance(getattr(recording, "attrs", {}), split_identity=split_identity))


def _join(areas: list[xr.Dataset], attrs: Mapping[str, Any]) -> xr.Dataset:
    """Put the connections into one area after those into another; all have the same stimuli and steps."""
    first = areas[0]

    def along(name: Any) -> Any:
        dims = first[name].dims
        same = "connection" not in dims
        return dims, first[name].values if same else np.concatenate([area[name].values for area in areas])

    return xr.Dataset({n: along(n) for n in first.data_vars}, {n: along(n) for n in first.coords}, attrs)


_HOW = "record them with `ventralrnn extract MODEL STIMULI --currents`"


def _graph(recording: Mapping[str, xr.DataArray]) -> dict[str, Any]:
    known = connections(recording)
    if not known:
        raise AnalysisError("recording: is not of one of ventralrnn's own networks, so it holds no currents")
    graph = getattr(recording, "attrs", {})["model_details"]["specification"]["graph"]
    names = [area["name"] for area in graph["areas"]]
    return {"names": names, "input": graph["input"] or names[0], "connections": list(known.values())}


def _missing(recording: Mapping[str, xr.DataArray], graph: Mapping[str, Any], area: str) -> list[str]:
    wanted = [area, *(c["name"] for c in graph["connections"] if c["target"] == area)]
    return [name for name in wanted if name not in recording]


def _terms(graph: Mapping[str, Any], area: str, split: bool) -> list[_Term]:
    terms = [_Term(f"{area}:{INPUT}", "", INPUT)] if area == graph["input"] else []
    for c in graph["connections"]:
        if c["target"] != area:
            continue
        if split and c["transition"].endswith("+Id"):
            terms.append(_Term(f"{c['name']}:identity", c["source"], "carried", c["delay"]))
            terms.append(_Term(c["name"], c["source"], "transformed", c["delay"]))
        else:
            terms.append(_Term(c["name"], c["source"], "current", c["delay"]))
    return terms


def _area(recording: Mapping[str, xr.DataArray], graph: Mapping[str, Any], area: str, split: bool) -> xr.Dataset:
    if area not in graph["names"]:
        raise AnalysisError(f"areas: the network has no area {area!r}; it has {', '.join(graph['names'])}")
    missing = _missing(recording, graph, area)
    if missing:
        raise AnalysisError(f"area {area}: the recording lacks {', '.join(missing)}; {_HOW}")
    terms = _terms(graph, area, split)
    lacking = [t.source for t in terms if t.part == "carried" and t.source not in recording]
    if lacking:
        raise AnalysisError(f"area {lacking[0]}: is not recorded, to tell what is carried over: split_identity=False")
    # Opened once: each opening reads the coordinates.
    states = open_areas(recording, [area, *_names(terms)], None)
    own = states[area]
    sizes = (len(terms), own.stimuli, len(own.time_step))
    share, norm = np.full(sizes, np.nan), np.full(sizes, np.nan)
    variance = np.full((len(terms), sizes[2]), np.nan)
    for index, step in enumerate(own.time_step.tolist()):
        share[:, :, index], norm[:, :, index], variance[:, index] = _step(states, area, terms, step)
    # The ms of a state, repeated for each term: targets differ in them.
    times = np.tile(own.time_ms, (len(terms), 1))
    coords: dict[str, Any] = {
        "connection": [t.name for t in terms],
        "source": ("connection", [t.source or INPUT for t in terms]),
        "target": ("connection", [area] * len(terms)),
        "time_step": ("time", own.time_step),
        "time_ms": (("connection", "time"), times),
    }
    of_stimuli = {name: own.per_stimulus(name) for name in ("stimulus_id", "label")}
    coords |= {name: ("stimulus", values) for name, values in of_stimuli.items() if values is not None}
    dims = ("connection", "stimulus", "time")
    data = {"share": (dims, share), "norm": (dims, norm), "variance_share": (("connection", "time"), variance)}
    return xr.Dataset(data, coords)


def _names(terms: list[_Term]) -> Iterator[str]:
    """Yield what of the recording the summands are made of."""
    for term in terms:
        if term.part != INPUT:
            yield term.name.removesuffix(":identity")
        if term.part in ("carried", "transformed"):
            yield term.source


def _step(
    areas: Mapping[str, AreaStates], area: str, terms: list[_Term], step: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return share and norm (term, stimulus) and share in the variance (term,) of one state."""
    shares, norms = [], []
    sums: Tensor | None = None
    products = torch.zeros(len(terms), dtype=torch.float64)
    number, absent = 0, [True] * len(terms)
    for currents, there in _currents(areas, area, terms, step):
        state = currents.sum(0)
        along = (currents * state).sum(-1)
        shares.append(along / state.square().sum(-1))
        norms.append(currents.square().mean(-1).sqrt())
        if sums is None:
            shift = currents[:, :1].clone()
            sums = torch.zeros_like(currents[:, 0])
        moved = currents - shift
        sums += moved.sum(1)
        products += (moved * moved.sum(0)).sum((1, 2))
        number += currents.shape[1]
        absent = [gone and not arrives for gone, arrives in zip(absent, there, strict=True)]
    if sums is None:
        return (*(np.full((len(terms), areas[area].stimuli), np.nan),) * 2, np.full(len(terms), np.nan))
    spread = products - (sums * sums.sum(0)).sum(-1) / number
    scale = products.abs().sum()
    variance = torch.where(spread.sum() > 1e-12 * scale, spread / spread.sum(), torch.nan)
    share, norm = torch.cat(shares, 1), torch.cat(norms, 1)
    for values in (share, norm, variance):
        values[absent] = torch.nan
    return share.numpy(), norm.numpy(), variance.numpy()


def _currents(
    areas: Mapping[str, AreaStates], area: str, terms: list[_Term], step: int
) -> Iterator[tuple[Tensor, list[bool]]]:
    """Yield blocks of all summands of a state, (term, stimulus, neuroid), zero for those that do not arrive."""
    size = max(1, _BLOCK_VALUES // (areas[area].neuroids * (len(terms) + 1)))
    for start in range(0, areas[area].stimuli, size):
        rows = slice(start, start + size)
        state = _state(areas, area, step, rows)
        if state is None:
            return
        currents = torch.zeros(len(terms), *state.shape, dtype=torch.float64)
        there = [True] * len(terms)
        for number, term in enumerate(terms):
            if term.part == INPUT:
                continue
            whole = _state(areas, term.name.removesuffix(":identity"), step, rows)
            there[number] = whole is not None
            if whole is None:
                continue
            if term.part == "current":
                currents[number] = whole
                continue
            before = _state(areas, term.source, step - term.delay, rows)
            if before is None:
                raise AnalysisError(
                    f"area {term.source}: step {step - term.delay} is not recorded, to tell what {term.name} carries "
                    "over: record all steps, or take split_identity=False"
                )
            currents[number] = before if term.part == "carried" else whole - before
        rest = state - currents.sum(0)
        rounding = _ROUNDING[str(areas[area].array.dtype)] * max(float(state.abs().max()), float(currents.abs().max()))
        enters = terms[0].part == INPUT
        if enters:
            # At a step at which nothing enters there is nothing but rounding.
            there[0] = bool(rest.abs().max() > rounding)
            currents[0] = rest if there[0] else 0.0
        elif not rest.abs().max() <= rounding:
            raise AnalysisError(
                f"area {area}: its currents at step {step} do not sum to its state: they are not of one recording"
            )
        yield currents, there


def _state(areas: Mapping[str, AreaStates], name: str, step: int, rows: slice) -> Tensor | None:
    """Return states (stimulus, neuroid) of an area or currents of a connection at a step; None if there are none."""
    position = areas[name].positions.get(step)
    values = None if position is None else areas[name].state(position, rows)
    return None if values is None else to_tensor(values, f"area {name}", finite=False).double()
