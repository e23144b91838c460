"""``ventralrnn rdm``: the RDMs of every area at every time step of a recording."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventralrnn.cli import options
from ventralrnn.cli.tables import columns, fill

if TYPE_CHECKING:
    import xarray as xr

_DISTANCES = (
    "correlation", "euclidean", "sqeuclidean", "cosine", "mahalanobis", "crossnobis", "poisson", "poisson_cv",
)  # fmt: skip
_NOISE = ("shrinkage_diag", "shrinkage_eye", "ledoit_wolf", "oas", "diag", "full")
_NONE = "-"


@click.command(
    epilog=options.examples(
        "ventralrnn rdm all.zarr --out rdms.nc",
        "ventralrnn rdm all.zarr --out it.nc --areas IT --distance crossnobis --condition label",
    )
)
@click.argument("recording", type=click.Path(path_type=Path), metavar="FILE.zarr")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE.nc",
    help="The RDMs to write; an older result there is replaced.",
)
@click.option(
    "--distance", type=click.Choice(_DISTANCES), default="correlation", show_default=True, help="The dissimilarity."
)
@click.option("--areas", metavar="V1,IT", help="Areas, separated by commas; all by default.")
@click.option("--steps", metavar="FROM:TO", help="Time steps, for example 0:8 (steps 0 to 7) or 3,5; all by default.")
@click.option(
    "--condition",
    metavar="NAME",
    help="A coordinate of the stimuli, for example label: those of the same value are repeats of one condition. For "
    "mahalanobis, crossnobis and poisson_cv.",
)
@click.option(
    "--noise",
    type=click.Choice(_NOISE),
    help="How the noise covariance is estimated from repeats: shrinkage_diag by default for mahalanobis, none for "
    "crossnobis.",
)
@click.option(
    "--constant",
    type=click.Choice(["raise", "nan"]),
    default="raise",
    show_default=True,
    help="What becomes of a stimulus to which the distance is not defined, such as one that leaves an area silent.",
)
@options.device
@options.as_json
def command(recording: Path, out: Path, areas: str | None, as_json: bool, **rest: Any) -> None:
    """Compute the RDMs of every area at every time step.

    FILE.zarr is a recording made by `ventralrnn extract`. It is read in tiles of stimuli, so that no area has to fit
    into memory. `ventralrnn extract --rdm` computes the same without storing the recording.
    """
    options.check_result(out, "--out", recording)
    from ventralrnn.analysis.rdm import compute_rdm
    from ventralrnn.analysis.results import save_result
    from ventralrnn.recording import open_recording

    rdms = compute_rdm(
        open_recording(recording),
        areas=options.names(areas, "--areas"),
        progress=options.is_terminal(),
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        **rest,
    )
    save_result(rdms, out)
    show(rdms, out, as_json)


def show(rdms: "xr.Dataset", out: Path, as_json: bool) -> None:
    """Print what RDMs there are, as a table or as JSON."""
    if as_json:
        options.print_json(_summary(rdms, out))
    else:
        click.echo(_report(rdms, out))


def _means(rdms: "xr.Dataset") -> list[list[float]]:
    import numpy as np

    values = rdms.dissimilarity.values
    return [[float(np.nanmean(row)) if not np.isnan(row).all() else float("nan") for row in area] for area in values]


def _stimuli(rdms: "xr.Dataset") -> int:
    from ventralrnn.analysis.rdm.container import count_stimuli

    return count_stimuli(rdms.sizes["pair"])


def _summary(rdms: "xr.Dataset", out: Path) -> dict[str, Any]:
    means, times = _means(rdms), rdms.time_ms.values.tolist()
    return {
        "path": str(out),
        "distance": rdms.attrs["distance"],
        "stimuli": _stimuli(rdms),
        "skipped_stimuli": rdms.attrs.get("skipped_stimuli", []),
        "time_step": rdms.time_step.values.tolist(),
        "areas": {
            str(name): {"time_ms": times[i], "mean_dissimilarity": means[i]} for i, name in enumerate(rdms.area.values)
        },
    }


def _report(rdms: "xr.Dataset", out: Path) -> str:
    areas, times = [str(name) for name in rdms.area.values], rdms.time_ms.values
    # Areas whose clocks differ have no common time to write beside the step.
    common = [{f"{ms:g}" for ms in column if ms == ms} for column in times.T]
    known = all(len(ms) == 1 for ms in common)
    rows = [("STEP", *(["MS"] if known else []), *areas)]
    for step, ms, means in zip(rdms.time_step.values, common, zip(*_means(rdms), strict=True), strict=True):
        rows.append((str(step), *(ms if known else ()), *(_number(mean) for mean in means)))
    head = f"{rdms.attrs['distance']} RDMs of {_stimuli(rdms):,} stimuli; mean dissimilarity by time step and area"
    table = columns(rows, left=(), keys=2 if known else 1)
    skipped = options.left_out(rdms.attrs.get("skipped_stimuli", ()))
    return "\n".join([fill(head), table, *skipped, f"They are in {out}."])


def _number(value: float) -> str:
    return _NONE if value != value else f"{value:.4g}"
