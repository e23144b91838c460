"""``ventralrnn demo``: the main job on what the package holds, and on real recordings where they can be had."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventralrnn.cli import options
from ventralrnn.errors import DataError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ventralrnn.networks import RecurrentNetwork
    from ventralrnn.recording import Recording

_MODEL = "ventral"
# Every so many of the embedded pictures are shown to the simulated brain: ten of each category.
_EVERY = 4
_SAMPLES = 500
# Recordings of primates for the same pictures, and what their areas are called after.
_PRIMATES = {"kriegeskorte2008": "", "cichy2016": "human "}


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
def command(out: Path, offline: bool, device: str, as_json: bool) -> None:
    """Record V1, V2, V4 and IT at every time step, and compare them with brains.

    The package holds all that this needs: a trained model, pictures, and brains simulated from a known truth. Where
    recordings of primates are in the data cache, or can be fetched (6 MB), they are used as well. Running it again with
    the same --out takes up the recordings that are there and computes the rest anew.
    """
    from ventralrnn.analysis import compute_rdm, time_courses
    from ventralrnn.analysis.results import save_result
    from ventralrnn.plots import make_rdm_figure, make_time_course_figure

    out.mkdir(parents=True, exist_ok=True)
    model, weights = _model()
    recording = _record(model, "embedded", out / f"{_MODEL}.zarr", device)
    pictures = f"{recording['IT'].sizes['stimulus']} embedded pictures (CIFAR-10 test set)"
    note = f"Median over pictures, 10th to 90th percentile. {weights}"
    made = {
        "timecourses.png": _draw(
            make_time_course_figure(time_courses(recording), f"{_MODEL}: {pictures}", note), out / "timecourses.png"
        )
    }
    click.echo("computing RDMs of every area at every step, and comparing them with a simulated brain ...", err=True)
    rdms = compute_rdm(recording, constant="nan", device=device, command="ventralrnn demo")
    save_result(rdms, out / "rdms.nc")
    note = "1 - correlation of two pictures' patterns, pictures sorted by category."
    made["rdms.png"] = _draw(make_rdm_figure(rdms, f"{_MODEL}: RDMs of {pictures}", note), out / "rdms.png")
    made["simulated.png"] = _simulated(recording, rdms, out)
    said = _have_primates(offline)
    if said is None:
        made["primates.png"] = _primates(model, out, device)
    if as_json:
        options.print_json(
            {
                "recording": str(recording.path),
                "results": [str(path) for path in sorted(out.glob("*.nc"))],
                "figures": [str(path) for path in made.values()],
                "weights": weights,
            }
        )
    else:
        click.echo("\n".join(_report(recording, made, weights, said)))


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


def _have_primates(offline: bool) -> str | None:
    """Find or fetch recordings of primates; return why they are not used, None where they are here."""
    from ventralrnn.stimuli import cache, registry

    for name in _PRIMATES:
        if cache.find(name) is not None:
            continue
        if offline:
            return f"{name} is not in the data cache, and nothing was fetched (--offline)"
        data = registry.data_set(name)
        click.echo(f"fetching {name} ({data.bytes / 1e6:.1f} MB; cite {data.citation}) ...", err=True)
        try:
            cache.get(name)
        except DataError as error:
            return str(error).partition(". To put it")[0]
    return None


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


_SHOWS = {
    "timecourses.png": "when each area responds, and how its state changes",
    "rdms.png": "the geometry of every area at every step",
    "simulated.png": "model steps against times of a SIMULATED brain, with the noise ceiling",
    "primates.png": "model steps against macaque and human recordings",
}


def _report(recording: "Recording", made: dict[str, Path], weights: str, said: str | None) -> Iterator[str]:
    yield f"\n{recording}\n"
    if said is not None:
        yield f"No recordings of primates were used: {said}.\nThe brain in the figures is simulated, and labelled so.\n"
    yield "Look at"
    width = max(len(str(path)) for path in made.values())
    for name, path in made.items():
        yield f"  {path!s:<{width}}   {_SHOWS[name]}"
    yield f"""  {recording.path}   the recording itself; from Python:

    import ventralrnn
    it = ventralrnn.open_recording("{recording.path}")["IT"]    # (stimulus, time, neuroid)
    it.sel(time=it.time_ms == 100).mean("neuroid")

{weights}"""
