"""The dynamics of all areas of a recording, of a model or of neurons, as one labelled result."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.analysis.dynamics.contributions import compute_contributions
from ventralrnn.analysis.dynamics.latencies import Threshold, default_threshold
from ventralrnn.analysis.dynamics.measures import Settings, measure_neuroids, measure_population
from ventralrnn.analysis.dynamics.timescales import fit_decay
from ventralrnn.analysis.reading import AreaStates, connections, open_areas
from ventralrnn.analysis.results import attributes_of, provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError
from ventralrnn.progress import showing, track

Labels = str | Sequence[Any] | np.ndarray | Mapping[str, Any]
_AVERAGED = (
    "lifetime_sparseness",
    "f",
    "eta_squared",
    "omega_squared",
    "d_prime",
    "selectivity_index",
)
_PER_NEUROID = ("channel", "y", "x", "neuroid_id")
# Units of measures without _mean, _low and _high; TIME is that of the recording, ms or steps.
_TIME, _STATE = "TIME", "units of the recording"
_UNITS = {
    **dict.fromkeys(("onset", "half_maximum", "peak", "duration", "time_above", "timescale", "lag"), _TIME),
    **dict.fromkeys(("strength", "response", "response_pooled", "distance_to_end"), _STATE),
    "d_prime": "standard deviations",
    "speed": f"{_STATE} per {_TIME}",
    "curvature": "degrees",
    "participation_ratio": "dimensions",
    "participation_ratio_unbiased": "dimensions",
    **dict.fromkeys(("population_sparseness", "lifetime_sparseness", "f", "eta_squared", "omega_squared"), "1"),
    **dict.fromkeys(("selectivity_index", "autocorrelation", "share", "variance_share"), "1"),
}


@checked(AnalysisError)
def compute_dynamics(
    recording: Mapping[str, xr.DataArray] | xr.DataArray,
    labels: Labels | None = None,
    *,
    areas: Sequence[str] | None = None,
    response: str = "rms",
    threshold: Threshold | str | None = None,
    bootstrap: int = 1000,
    confidence: float = 0.95,
    neuroids: bool = True,
    seed: int = 0,
    progress: bool = False,
) -> xr.Dataset:
    """Return when each area and neuroid responds, how selectively, and how its state moves.

    Parameters
    ----------
    recording : mapping of str to xarray.DataArray, or one xarray.DataArray, (stimulus, time, neuroid)
        A :class:`ventralrnn.recording.Recording`, or responses of neurons by area, with a dimension ``repeat``, or
        several rows with the same ``stimulus_id``, where stimuli were shown more than once. Read in blocks.
    labels : sequence (stimulus,), mapping of stimulus_id to label, or str, optional
        For selectivity; or the name of a coordinate that holds them. By default the recording's own ``label``, if it
        has some that repeat. None and NaN are refused.
    areas : sequence of str, optional
        All by default.
    response : {'rms', 'mean'}
        What the strength of a response is. ``'rms'``: the root mean square over neuroids (for an area) or stimuli (for
        a neuroid) of the deviation from what the neuroid does before the stimulus, on average; from 0 where the
        recording does not begin before. It sees excitation and suppression alike. ``'mean'``: the mean, as of firing
        rates; it sees only what is left when neuroids, or stimuli, that excite and that suppress cancel.
    threshold : Threshold or str, optional
        Of the onset: ``'baseline:3:2'`` (mean + 3 standard deviations of the time before the stimulus, twice in a row)
        or ``'fraction:0.1'`` (of the maximum); by default the first where the recording begins before the stimulus,
        the second elsewhere.
    bootstrap : int
        Samples of stimuli for intervals; 0 for none.
    confidence : float
        Of the intervals.
    neuroids : bool
        Return latencies and all else of each neuroid too, not only of areas.
    seed : int
        Of the bootstrap.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Times are ms after stimulus onset, or steps if an area has no clock (attribute ``units``).

        Of each area, (area): ``onset``, ``half_maximum``, ``peak``, ``duration``, ``time_above``, ``strength``,
        ``onset_at_start``, ``peak_at_end`` as :func:`find_latencies` defines them on the mean response; ``_low`` and
        ``_high`` of the first three; ``timescale`` of the mean autocorrelation (area, lag).

        Over time, (area, time): ``response_pooled``, which is `response` over all stimuli and neuroids at once, with
        its interval; ``speed_mean``, ``curvature_mean``, ``distance_to_end_mean``, ``population_sparseness_mean``,
        ``participation_ratio`` (and ``_unbiased``), and the means over neuroids of ``lifetime_sparseness`` and, with
        labels, of ``f``, ``eta_squared``, ``omega_squared``, ``d_prime``, ``selectivity_index``. For each stimulus
        ``response``, ``speed``, ``curvature``, ``distance_to_end``, ``population_sparseness`` (area, stimulus, time).
        All have the attribute ``units``.

        Of each neuroid, all areas one after another with their name in the coordinate ``neuroid_area`` (neuroid):
        the same with the prefix ``neuroid_``, (neuroid) or (time, neuroid).

        If currents were recorded: ``share`` and ``variance_share`` (connection, time), means over stimuli of
        :func:`compute_contributions`.

    Raises
    ------
    AnalysisError
        If an argument does not fit the recording, or a state holds NaN.

    Notes
    -----
    The intrinsic timescale is that of the time before the stimulus where there are at least five such times, and of
    the whole response elsewhere; over single presentations where stimuli were shown more than once. Speed and
    dimensionality of noisy responses are largely those of the noise: average over presentations, and over time bins
    that are not too narrow.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from ventralrnn.analysis import compute_dynamics
    >>> rise = 1 - np.exp(-np.arange(20) / 5.0)  # from stimulus onset on
    >>> rates = rise[None, :, None] * np.random.default_rng(0).uniform(1, 2, (10, 1, 8))
    >>> cells = xr.DataArray(
    ...     rates, dims=("stimulus", "time", "neuroid"), coords={"time_ms": ("time", np.arange(20) * 10.0)}
    ... )
    >>> dynamics = compute_dynamics({"IT": cells}, bootstrap=0, neuroids=False)
    >>> round(float(dynamics.half_maximum.sel(area="IT")))  # ms after stimulus onset
    34
    """
    currents = connections(recording)
    held = [name for name in recording if name not in currents] if currents and areas is None else areas
    opened = open_areas(recording, held)
    times, units = _times(opened)
    settings = Settings(
        _labels(next(iter(opened.values())), labels),
        _response(response),
        _threshold(threshold, times),
        _at_least_0(bootstrap),
        confidence,
        neuroids,
        seed,
    )
    steps = np.unique(np.concatenate([area.time_step for area in opened.values()]))
    with showing(progress):
        each = track(opened.items(), len(opened), "areas")
        found = [_area(area, times[name], steps, settings) for name, area in each]
    lags = np.unique(np.concatenate([areal["lag"] for areal, _ in found]))
    data = _stack([areal for areal, _ in found], lags)
    coords = {**_coordinates(opened, steps), "lag": lags}
    if neuroids:
        data |= _join([own for _, own in found])
        coords |= _neuroid_coordinates(opened)
    shares, where = _contributions(recording, list(opened), steps) if currents else ({}, {})
    result = xr.Dataset({**data, **shares}, {**coords, **where})
    own = next(iter(opened.values())).array.attrs
    for name, variable in result.variables.items():
        plain = str(name).removeprefix("neuroid_").removesuffix("_low").removesuffix("_high").removesuffix("_mean")
        if plain in _UNITS:
            time = "step" if units == "steps" and plain == "speed" else units
            of_states = str(own.get("units", "arbitrary units"))
            variable.attrs["units"] = _UNITS[plain].replace(_TIME, time).replace(_STATE, of_states)
    result["time_ms"].attrs["units"] = "ms"
    result.attrs = provenance(
        attributes_of(recording),
        units=units,
        response=settings.response,
        threshold=str(settings.threshold),
        bootstrap=bootstrap,
        confidence=confidence,
        seed=seed,
    )
    return result


def _at_least_0(bootstrap: int) -> int:
    if bootstrap < 0:
        raise AnalysisError(f"bootstrap: {bootstrap} samples; give 0 for none")
    return bootstrap


def _times(opened: Mapping[str, AreaStates]) -> tuple[dict[str, np.ndarray], str]:
    """Return the times of the states that exist of every area, and their unit."""
    for name, area in opened.items():
        if not area.exists.any():
            raise AnalysisError(f"area {name}: the recording holds no state of it, at any time")
    ms = {name: area.time_ms[area.exists] for name, area in opened.items()}
    if all(np.isfinite(t).all() for t in ms.values()):
        return ms, "ms"
    return {name: area.time_step[area.exists].astype(float) for name, area in opened.items()}, "steps"


def _threshold(threshold: Threshold | str | None, times: Mapping[str, np.ndarray]) -> Threshold:
    if threshold is None:
        return default_threshold(_latest_start(times))
    return Threshold.parse(threshold) if isinstance(threshold, str) else threshold


def _latest_start(times: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the times of the area with the fewest before the stimulus: one rule for all."""
    return min(times.values(), key=lambda t: int((t < 0).sum()))


def _response(response: str) -> str:
    if response not in ("rms", "mean"):
        raise AnalysisError(f"response: {response!r} is unknown: rms or mean")
    return response


def _labels(area: AreaStates, labels: Labels | None) -> Sequence[Any] | np.ndarray | None:
    if labels is None:
        own = area.per_stimulus("label")
        return own if own is not None and 1 < len(np.unique(own)) < len(own) else None
    if isinstance(labels, str):
        found = area.per_stimulus(labels)
        if found is None:
            raise AnalysisError(f"labels: stimuli have no coordinate {labels!r}; give a label for each")
        return found
    if isinstance(labels, Mapping):
        names = area.per_stimulus("stimulus_id")
        if names is None:
            raise AnalysisError("labels: the recording names no stimuli: give labels in their order")
        missing = [str(name) for name in names if str(name) not in labels]
        if missing:
            raise AnalysisError(f"labels: there is none for stimulus {missing[0]!r} ({len(missing)} of {len(names)})")
        return [labels[str(name)] for name in names]
    if len(labels) != area.stimuli:
        raise AnalysisError(f"labels: {len(labels)} of them for {area.stimuli} stimuli")
    return labels


def _area(
    area: AreaStates, times: np.ndarray, steps: np.ndarray, settings: Settings
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the measures of an area on the time axis of all areas: its own, and those of its neuroids."""
    areal = measure_population(area, times, settings)
    own = measure_neuroids(area, times, settings)
    place = np.searchsorted(steps, area.time_step[area.exists])
    areal |= {name: _mean_finite(own[name]) for name in _AVERAGED if name in own}
    areal = {name: _spread(v, place, len(steps), -1) if np.ndim(v) else v for name, v in areal.items()}
    areal["lag"], memory = own.pop("lag"), own.pop("autocorrelation")
    areal["autocorrelation"] = _mean_finite(memory.T)
    areal["timescale"] = fit_decay(areal["autocorrelation"], areal["lag"]).timescale
    return areal, {name: _spread(v, place, len(steps), 0) if v.ndim == 2 else v for name, v in own.items()}


def _stack(areas: list[dict[str, np.ndarray]], lags: np.ndarray) -> dict[str, Any]:
    """Return the measures of areas as variables with a dimension area."""
    memories = [_spread(a.pop("autocorrelation"), np.searchsorted(lags, a.pop("lag")), len(lags), -1) for a in areas]
    dims = ((), ("time",), ("stimulus", "time"))
    data: dict[str, Any] = {"autocorrelation": (("area", "lag"), np.stack(memories))}
    for name, first in areas[0].items():
        data[name] = (("area", *dims[np.ndim(first)]), np.stack([areal[name] for areal in areas]))
    return data


def _join(areas: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    """Return the measures of neuroids as variables, those of one area after those of another."""
    dims = (("neuroid",), ("time", "neuroid"))
    return {
        f"neuroid_{name}": (dims[first.ndim - 1], np.concatenate([own[name] for own in areas], -1))
        for name, first in areas[0].items()
    }


def _neuroid_coordinates(opened: Mapping[str, AreaStates]) -> dict[str, Any]:
    names = [[name] * area.neuroids for name, area in opened.items()]
    coords: dict[str, Any] = {"neuroid_area": ("neuroid", np.concatenate(names))}
    for name in _PER_NEUROID:
        if all(name in area.array.coords for area in opened.values()):
            coords[name] = ("neuroid", np.concatenate([area.array[name].values for area in opened.values()]))
    return coords


def _spread(values: np.ndarray, place: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Put values at their places on a longer time axis, NaN elsewhere."""
    moved = np.moveaxis(values, axis, -1)
    result = np.full((*moved.shape[:-1], length), np.nan)
    result[..., place] = moved
    return np.moveaxis(result, -1, axis)


def _mean_finite(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is finite; NaN where nothing is."""
    there = np.isfinite(values)
    number = there.sum(-1)
    total = np.where(there, values, 0).sum(-1)
    return np.divide(total, number, out=np.full(number.shape, np.nan), where=number > 0)


def _coordinates(opened: Mapping[str, AreaStates], steps: np.ndarray) -> dict[str, Any]:
    ms = np.stack([_spread(a.time_ms, np.searchsorted(steps, a.time_step), len(steps), -1) for a in opened.values()])
    coords: dict[str, Any] = {
        "area": list(opened),
        "time_step": ("time", steps),
        "time_ms": (("area", "time"), ms),
    }
    first = next(iter(opened.values()))
    for name in ("stimulus_id", "label"):
        values = first.per_stimulus(name)
        if values is not None:
            coords[name] = ("stimulus", values)
    return coords


def _contributions(recording: Any, areas: list[str], steps: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return variables and coordinates of the shares of connections, where all currents into an area were recorded."""
    known = connections(recording)
    whole = [
        area
        for area in areas
        if (own := [name for name, c in known.items() if c["target"] == area]) and all(n in recording for n in own)
    ]
    if not whole:
        return {}, {}
    shares = compute_contributions(recording, whole, split_identity=_can_split(recording, known, whole))
    place = np.searchsorted(steps, shares["time_step"].values)
    dims = ("connection", "time")
    mean = _mean_finite(np.moveaxis(shares["share"].values, 1, -1))
    data = {
        "share": (dims, _spread(mean, place, len(steps), -1)),
        "variance_share": (dims, _spread(shares["variance_share"].values, place, len(steps), -1)),
    }
    return data, {name: ("connection", shares[name].values) for name in ("connection", "source", "target")}


def _can_split(
    recording: Mapping[str, xr.DataArray], known: Mapping[str, Mapping[str, Any]], areas: Sequence[str]
) -> bool:
    """Whether the states that identity carries over are all recorded."""
    carried = {c["source"] for c in known.values() if c["target"] in areas and c["transition"].endswith("+Id")}
    if not all(source in recording for source in carried):
        return False
    steps = [recording[source]["time_step"].values for source in carried]
    return all(s[0] == 0 and (np.diff(s) == 1).all() for s in steps)
