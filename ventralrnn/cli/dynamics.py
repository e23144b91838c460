"""``ventralrnn dynamics``: when each area of a recording responds, how selectively, and how its state moves."""

import csv
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventralrnn.cli import options
from ventralrnn.cli.tables import columns, fill
from ventralrnn.errors import AnalysisError

if TYPE_CHECKING:
    import xarray as xr

_NONE = "-"


@click.command(
    epilog=options.examples(
        "ventralrnn dynamics all.zarr --out dynamics.nc",
        "ventralrnn dynamics all.zarr --labels labels.csv --threshold fraction:0.5 --out dynamics.nc",
    )
)
@click.argument("recording", type=click.Path(path_type=Path), metavar="FILE.zarr")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE.nc",
    help="The result to write; an older one there is replaced.",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="For selectivity: a CSV file with columns stimulus_id and label; by default the recording's own labels.",
)
@click.option("--areas", metavar="V1,IT", help="Areas, separated by commas; all by default.")
@click.option(
    "--threshold",
    metavar="RULE",
    help="Of the onset: fraction:0.1 of the maximum, or baseline:3:2, mean + 3 standard deviations of the time before "
    "the stimulus, twice in a row. By default the second where the recording begins before the stimulus.",
)
@click.option(
    "--response",
    default="rms",
    show_default=True,
    type=click.Choice(["rms", "mean"]),
    help="Strength of a response: the root mean square, over neuroids, of the deviation from the time before the "
    "stimulus (from 0 in a model); or the mean.",
)
@click.option(
    "--bootstrap",
    default=1000,
    show_default=True,
    metavar="N",
    type=click.IntRange(0),
    help="Bootstrap samples of stimuli, for 95 % intervals of latencies; 0 for none.",
)
@click.option("--no-neuroids", is_flag=True, help="Areas only: leave out what each neuroid does.")
@click.option(
    "--seed", default=0, show_default=True, metavar="N", type=click.IntRange(0), help="Seed of the bootstrap."
)
@options.as_json
def command(
    recording: Path,
    out: Path,
    labels: Path | None,
    areas: str | None,
    threshold: str | None,
    response: str,
    bootstrap: int,
    no_neuroids: bool,
    seed: int,
    as_json: bool,
) -> None:
    """When each area of a recording responds, how selectively, and how its state moves.

    FILE.zarr is a recording made by `ventralrnn extract`. The result holds latencies, durations and strengths with
    intervals, sparseness, selectivity, dimensionality, speed and curvature, timescales, and, if currents were
    recorded, the share of each connection: of areas and of neuroids, at every time.
    """
    from ventralrnn.analysis import compute_dynamics
    from ventralrnn.analysis.results import save_result
    from ventralrnn.recording import open_recording

    options.check_result(out, "--out", recording)
    chosen = options.names(areas, "--areas")
    given = None if labels is None else _read_labels(labels)
    result = compute_dynamics(
        open_recording(recording),
        given,
        areas=chosen,
        threshold=threshold,
        response=response,
        bootstrap=bootstrap,
        neuroids=not no_neuroids,
        seed=seed,
        progress=options.is_terminal(),
    )
    result.attrs["command"] = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    save_result(result, out)
    if as_json:
        options.print_json(_plain(result, out))
    else:
        click.echo("\n\n".join(_report(result, out)))


def _read_labels(path: Path) -> dict[str, str]:
    """Return the label of each stimulus from a CSV file."""
    found: dict[str, str] = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            lacking = {"stimulus_id", "label"} - set(reader.fieldnames or ())
            if lacking:
                raise AnalysisError(f"labels: {path} has no column {min(lacking)}: give a CSV file, stimulus_id,label")
            for row in reader:
                name, label = row["stimulus_id"], row["label"]
                if not name or not label:
                    raise AnalysisError(f"labels: {path}, line {reader.line_num}: a stimulus or its label is missing")
                if found.setdefault(name, label) != label:
                    raise AnalysisError(f"labels: {path}, line {reader.line_num}: {name!r} has two labels")
    except FileNotFoundError:
        raise AnalysisError(f"labels: there is no file {path}") from None
    except IsADirectoryError:
        raise AnalysisError(f"labels: {path} is a folder: give a CSV file with columns stimulus_id and label") from None
    except (UnicodeDecodeError, csv.Error):
        raise AnalysisError(f"labels: {path} is not a CSV file in UTF-8") from None
    return found


def _plain(result: "xr.Dataset", out: Path) -> dict[str, Any]:
    """Return what areas and connections do, as JSON holds it."""
    plain: dict[str, Any] = {"out": str(out), "units": result.attrs["units"], "response": result.attrs["response"]}
    plain |= {name: result[name].values.tolist() for name in ("time_step", "time_ms", "lag")}
    for what in ("area", "connection"):
        if what in result.coords:
            names = [n for n, v in result.data_vars.items() if what in v.dims and "stimulus" not in v.dims]
            plain[f"{what}s"] = {
                str(key): {str(name): result[name].sel({what: key}).values.tolist() for name in names}
                for key in result[what].values
            }
    return plain


def _report(result: "xr.Dataset", out: Path) -> Iterator[str]:
    units = result.attrs["units"]
    after = "ms after stimulus onset" if units == "ms" else "steps, as the model has no clock"
    stimuli = result.sizes["stimulus"]
    yield fill(f"{result.attrs.get('model', 'recording')}, {stimuli:,} stimuli; times in {after}")
    yield _when(result)
    yield _last(result, units)
    if "connection" in result.coords:
        yield _connections(result)
    neuroids = f"; it holds {result.sizes['neuroid']:,} neuroids too" if "neuroid" in result.dims else ""
    yield f"Everything over time is in {out}{neuroids}."


def _when(result: "xr.Dataset") -> str:
    """Return the table of latencies."""
    rows = [("AREA", "ONSET", "95 % INTERVAL", "HALF", "PEAK", "DURATION", "STRENGTH")]
    for area in result["area"].values:
        one = result.sel(area=area)
        last = _last_time(result, area)
        half = float(one["half_maximum"])
        peak = f">{last:g}" if bool(one["peak_at_end"]) else _number(one["peak"])
        duration = _number(one["duration"])
        if duration == _NONE and half == half:
            duration = f">{last - half:.1f}"
        interval = _NONE
        if "onset_low" in one:
            interval = f"{_number(one['onset_low'])} to {_number(one['onset_high'])}"
        onset = f"{_number(one['onset'])}{'*' if bool(one['onset_at_start']) else ''}"
        rows.append((str(area), onset, interval, _number(half), peak, duration, _figures(one["strength"])))
    notes = [f"Threshold of the onset {result.attrs['threshold']}; HALF: half of the maximum is reached."]
    if bool(result["onset_at_start"].any()):
        notes.append("* the first time with a state: nothing before it tells of an earlier onset.")
    if bool(result["peak_at_end"].any()):
        notes.append(
            ">: the response is largest at the end of the recording, so it holds no peak; fractions of the maximum "
            "are of the largest value recorded, and would change with a longer recording."
        )
    return "\n".join([columns(rows), *(fill(note) for note in notes)])


def _last(result: "xr.Dataset", units: str) -> str:
    """Return the table of the state at the end."""
    unit = "ms" if units == "ms" else "step"
    names = {
        "DIMENSIONS": "participation_ratio",
        "SPEED": "speed_mean",
        "CURVATURE": "curvature_mean",
        "SPARSENESS": "population_sparseness_mean",
        "OMEGA^2": "omega_squared",
    }
    shown = {head: name for head, name in names.items() if name in result}
    rows: list[tuple[str, ...]] = [("AREA", *shown, "TIMESCALE")]
    for area in result["area"].values:
        one = result.sel(area=area)
        cells = [_figures(_final(one[name].values)) for name in shown.values()]
        rows.append((str(area), *cells, _number(one["timescale"])))
    said = (
        "At the last time that has each. DIMENSIONS: participation ratio. SPEED: root mean square change a "
        f"{unit}. CURVATURE: degrees. SPARSENESS: of the population, 0 to 1. "
    )
    if "omega_squared" in result:
        said += "OMEGA^2: share of a neuroid's variance that labels explain, mean over neuroids. "
    said += f"TIMESCALE: of the decay of the autocorrelation, in {units}; {_NONE} if it does not decay exponentially."
    return f"{columns(rows)}\n{fill(said)}"


def _connections(result: "xr.Dataset") -> str:
    """Return the table of the shares of connections at the end."""
    rows: list[tuple[str, ...]] = [("CONNECTION", "INTO", "SHARE %", "OF VARIANCE %")]
    for name in result["connection"].values:
        one = result.sel(connection=name)
        shares = [100 * _final(one[what].values) for what in ("share", "variance_share")]
        rows.append((str(name), str(one["target"].values), *(f"{share:.1f}" for share in shares)))
    said = "Share of each current in the last state (those into an area sum to 100), and in what differs over stimuli."
    return f"{columns(rows)}\n{fill(said)}"


def _last_time(result: "xr.Dataset", area: str) -> float:
    import numpy as np

    there = np.isfinite(result["response_pooled"].sel(area=area).values)
    times = result["time_ms"].sel(area=area).values if result.attrs["units"] == "ms" else result["time_step"].values
    return float(times[there][-1])


def _final(values: Any) -> float:
    """Return the last value that is there; NaN if none is."""
    return next((float(v) for v in values[::-1] if v == v), float("nan"))


def _number(value: Any) -> str:
    return f"{float(value):.1f}" if float(value) == float(value) else _NONE


def _figures(value: Any) -> str:
    return f"{float(value):.3g}" if float(value) == float(value) else _NONE
