"""``ventralrnn demo``: the main job on what the package holds, and on real recordings where they can be had."""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventralrnn.cli import options
from ventralrnn.errors import DataError
from ventralrnn.files import whole

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ventralrnn.networks import RecurrentNetwork
    from ventralrnn.recording import Recording

_MODEL = "ventral"
# Every so many of the embedded pictures are shown to the simulated brain: ten of each category.
_EVERY = 4
_SAMPLES = 500
# The table's control, and its bootstrap samples.
_CONTROL = "ventral-feedforward"
_TABLE_SAMPLES = 200
# Left out of the table: they take as long as all others together (`python -m benchmarks.scores` runs them).
_SLOW = ("-pls", "-timecourse")
# Recordings of primates for the same pictures, and what their areas are called after; and what only the table uses.
_PRIMATES = {"kriegeskorte2008": "", "cichy2016": "human "}
_FURTHER = ("cowley2023",)


@click.command(epilog=options.examples("ventralrnn demo --out demo"))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder for recordings, results and figures.",
)
@click.option("--offline", is_flag=True, help="Do not try to fetch recordings of primates that are not here.")
@options.device
@options.as_json
@options.keeping("what lies in --out is kept, and the same command takes the recordings up")
def command(out: Path, offline: bool, device: str, as_json: bool) -> None:
    """Record V1, V2, V4 and IT at every time step, and compare them with brains.

    The package holds all that this needs: a trained model, pictures, and brains simulated from a known truth. Where
    recordings of primates are in the data cache, or can be fetched (11 MB), they are used as well. It ends with a table
    of scores, the model beside its feedforward control. Running it again with the same --out takes up the recordings
    that are there and computes the rest anew.
    """
    from ventralrnn.analysis import compute_rdm, time_courses
    from ventralrnn.analysis.results import save_result
    from ventralrnn.brains.benchmarks import table_rows
    from ventralrnn.plots import make_rdm_figure, make_time_course_figure

    out.mkdir(parents=True, exist_ok=True)
    model, weights = _model()
    recording = _record(model, "embedded", out / f"{_MODEL}.zarr", device)
    pictures = f"{recording['IT'].sizes['stimulus']} embedded pictures (CIFAR-10 test set)"
    note = f"Median over pictures, 10th to 90th percentile. {weights}"
    figure = make_time_course_figure(time_courses(recording), f"{_MODEL}: {pictures}", note)
    made = [_draw(figure, out / "timecourses.png")]
    click.echo("computing RDMs of every area at every step, and comparing them with a simulated brain ...", err=True)
    rdms = compute_rdm(recording, constant="nan", device=device, command="ventralrnn demo")
    save_result(rdms, out / "rdms.nc")
    note = "1 - correlation of two pictures' patterns, pictures sorted by category."
    made.append(_draw(make_rdm_figure(rdms, f"{_MODEL}: RDMs of {pictures}", note), out / "rdms.png"))
    made.append(_simulated(recording, rdms, out))
    missing = _fetch(offline)
    if missing.keys().isdisjoint(_PRIMATES):
        made.append(_primates(model, out, device))
    else:
        _clear(out)
    table = _score(out, device)
    page = _page(out)
    if as_json:
        options.print_json(
            {
                "report": str(page),
                "recording": str(recording.path),
                "results": [str(path) for path in sorted(out.glob("*.nc"))],
                "figures": [str(path) for path in made],
                "weights": weights,
                "scores": table_rows(table),
            }
        )
    else:
        click.echo("\n".join(_report(recording, out, weights, missing, table)))


def _model() -> "tuple[RecurrentNetwork, str]":
    """Return the demo's model, and where its weights come from."""
    from ventralrnn.zoo import load_model

    network: Any = load_model(_MODEL)
    step, accuracy = list(network.checkpoint_info["test_accuracy"].items())[-1]
    return network, f"Weights trained on CIFAR-10 ({100 * accuracy:.1f} % of its test pictures right at step {step})."


def _record(model: "RecurrentNetwork", stimuli: str, path: Path, device: str) -> "Recording":
    """Record, or take up the recording of an earlier run if it is of the same model and stimuli."""
    from ventralrnn.recording import extract
    from ventralrnn.recording.store import OtherRecordingError, partial_path

    what = "taking up" if path.exists() else f"recording every area at every time step for the {stimuli} stimuli:"
    click.echo(f"{what} {path} ...", err=True)
    arguments: dict[str, Any] = {"device": device, "progress": options.is_terminal(), "command": "ventralrnn demo"}
    try:
        return extract(model, stimuli, path, resume=True, **arguments)
    except OtherRecordingError:
        # What lies there is the demo's own, of an older version.
        for old in (path, partial_path(path)):
            shutil.rmtree(old, ignore_errors=True)
        return extract(model, stimuli, path, **arguments)


def _draw(figure: "Figure", path: Path) -> Path:
    from ventralrnn.plots import save_figure

    return save_figure(figure, path, dpi=220)


def _simulated(recording: "Recording", rdms: "xr.Dataset", out: Path) -> Path:
    """Compare the model with a brain that is simulated from itself, so that the right answer is known."""
    from ventralrnn.analysis import rsa
    from ventralrnn.analysis.rdm import select_stimuli
    from ventralrnn.analysis.results import save_result
    from ventralrnn.brains import Experiment, simulate_rdms
    from ventralrnn.plots import make_comparison_figure

    some = slice(0, None, _EVERY)
    fewest = min(array.sizes["neuroid"] for array in recording.values())
    experiment = Experiment(subjects=4, neuroids=min(100, fewest), repeats=20, bin_ms=10, snr=0.1, latency_sd_ms=5)
    areas = [area for area in ("V4", "IT") if area in recording]
    brain = simulate_rdms({area: recording[area][some] for area in areas}, experiment)
    save_result(brain, out / "simulated-brain.nc")
    count = recording["IT"].sizes["stimulus"]
    result = rsa(select_stimuli(rdms, range(count)[some]), brain, bootstrap=_SAMPLES, permutations=_SAMPLES)
    save_result(result, out / "simulated-rsa.nc")
    title = f"{_MODEL} against recordings simulated from its own {' and '.join(areas)}"
    note = (
        f"Not primate data: {experiment.subjects} subjects with {experiment.neuroids} noisy neurons each, which follow "
        f"{' and '.join(areas)} of the model step by step, as its clock says. Bands: 95 % "
        "interval over pictures."
    )
    return _draw(make_comparison_figure(result, title, note), out / "simulated.png")


def _fetch(offline: bool) -> dict[str, str]:
    """Find or fetch recordings of primates; return why those that are missing are."""
    from ventralrnn.stimuli import cache, registry

    missing: dict[str, str] = {}
    for name in (*_PRIMATES, *_FURTHER):
        if cache.find(name) is not None:
            continue
        if offline:
            missing[name] = "not in the data cache, and nothing was fetched (--offline)"
            continue
        if missing:
            # Without a network, one attempt is enough.
            missing[name] = "not in the data cache"
            continue
        data = registry.data_set(name)
        click.echo(f"fetching {name} ({data.bytes / 1e6:.1f} MB; cite {data.citation}) ...", err=True)
        try:
            cache.get(name)
        except DataError as error:
            missing[name] = str(error).partition(". To put it")[0].removeprefix(f"{name} ")
    return missing


def _clear(out: Path) -> None:
    """Take away what an earlier run has left that had recordings of primates: it is no result of this one."""
    shutil.rmtree(out / "primates.zarr", ignore_errors=True)
    for old in ("primates.png", *(f"{name}-rsa.nc" for name in _PRIMATES)):
        (out / old).unlink(missing_ok=True)


def _primates(model: "RecurrentNetwork", out: Path, device: str) -> Path:
    """Compare the model with macaques and people who saw the same objects."""
    from ventralrnn.analysis import compute_rdm, rsa
    from ventralrnn.analysis.results import save_result
    from ventralrnn.brains import load_brain
    from ventralrnn.plots import make_comparison_figure

    recording = _record(model, next(iter(_PRIMATES)), out / "primates.zarr", device)
    rdms = compute_rdm(recording, constant="nan", device=device, command="ventralrnn demo")
    results, sources = {}, []
    for name, who in _PRIMATES.items():
        brain = load_brain(name)
        result = rsa(rdms, brain, bootstrap=_SAMPLES, permutations=_SAMPLES)
        save_result(result, out / f"{name}-rsa.nc")
        results[name] = result.assign_coords(brain_area=[f"{who}{area}" for area in result["brain_area"].values])
        sources.append(brain.attrs["citation"].partition(", doi")[0])
    title = f"{_MODEL} against macaque and human recordings of {rdms.sizes['stimulus']} objects"
    note = (
        "Spearman correlation of RDMs at every model step, 95 % interval over objects. Noise ceiling, where subjects "
        f"are known: lower to upper bound. {'; '.join(sources)}"
    )
    return _draw(make_comparison_figure(results, title, note), out / "primates.png")


def _score(out: Path, device: str) -> "xr.Dataset":
    """Score the model and its feedforward control on the benchmarks that take seconds, and save the table."""
    from ventralrnn.analysis.results import save_result
    from ventralrnn.brains.benchmarks import BENCHMARKS, compare_models, table_rows

    chosen = [name for name in BENCHMARKS if not name.endswith(_SLOW)]
    click.echo(f"scoring {_MODEL} and its control {_CONTROL} on {len(chosen)} benchmarks ...", err=True)
    say = (lambda name: click.echo(f"  {name}", err=True)) if options.is_terminal() else None
    table = compare_models({m: m for m in (_MODEL, _CONTROL)}, chosen, samples=_TABLE_SAMPLES, device=device, say=say)
    save_result(table, out / "scores.nc")
    rows = table_rows(table)
    with whole(out / "scores.csv") as partial, open(partial, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return table


# In the order in which they are best looked at.
def _page(out: Path) -> Path:
    """Write one page over all that lies in the folder."""
    from ventralrnn.report import write_report

    click.echo("putting it all into one page ...", err=True)
    page = out / "report.html"
    write_report(out, page, title="ventralrnn demo")
    return page


_SHOWS = {
    "report.html": "all of this in one page, to open in a browser",
    "timecourses.png": "when each area responds, and how its state changes",
    "rdms.png": "the geometry of every area at every step",
    "simulated.png": "model steps against times of a SIMULATED brain, with the noise ceiling",
    "primates.png": "model steps against macaque and human recordings",
    "scores.csv": "the table below, with best steps and intervals of differences",
    "scores.nc": "the same, as a labelled array",
    "ventral.zarr": "the recording: every area at every step for the embedded pictures",
    "primates.zarr": "the same for the objects that the primates saw",
    "rdms.nc": "RDMs of every area at every step",
    "simulated-brain.nc": "RDMs of the simulated brain",
    "simulated-rsa.nc": "similarity of the model to it, with ceilings, intervals, tests",
    "kriegeskorte2008-rsa.nc": "similarity to macaque and human IT",
    "cichy2016-rsa.nc": "similarity to human early visual cortex and IT",
}


def _report(
    recording: "Recording", out: Path, weights: str, missing: dict[str, str], table: "xr.Dataset"
) -> Iterator[str]:
    from ventralrnn.brains.benchmarks import show_table

    yield f"\n{recording}\n{weights}\n"
    yield f"Written to {out}/"
    here = {name: shows for name, shows in _SHOWS.items() if (out / name).exists()}
    width = max(map(len, here))
    for name, shows in here.items():
        yield f"  {name:<{width}}   {shows}"
    yield f"""
From Python:

    import ventralrnn
    it = ventralrnn.open_recording("{recording.path}")["IT"]    # (stimulus, time, neuroid)
    it.sel(time=it.time_ms == 100).mean("neuroid")
"""
    if missing:
        yield "Not used, so that a SIMULATED brain stands in:"
        yield from (f"  {name}: {why}" for name, why in missing.items())
        yield ""
    yield f"{_MODEL} (recurrent) against its control {_CONTROL}: score [95 % interval], paired p\n"
    yield show_table(table)
    figures = [str(out / name) for name in here if name.endswith(".png")]
    yield f"\nOpen {out / 'report.html'} in a browser: it shows all of this. By themselves:"
    yield f"{', '.join(figures)} and {out / 'scores.csv'}"
