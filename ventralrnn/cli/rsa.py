"""``ventralrnn rsa``: which area, at which step, is most like a brain, and how sure that is."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ventralrnn.cli import options
from ventralrnn.cli.tables import columns, fill

if TYPE_CHECKING:
    import xarray as xr

_NONE = "-"
_DEFAULT_SAMPLES = 1000
# Not every comparison can be bootstrapped over stimuli.
_WITHOUT_STIMULI = ("kendall", "tau-b", "whitened", "whitened-corr")


@click.command(
    epilog=options.examples(
        "ventralrnn rsa all.zarr --brain kriegeskorte2008 --out rsa.nc",
        "ventralrnn rsa rdms.nc --brain my_rdms --compare rho-a --resample both --out rsa.nc",
    )
)
@click.argument("model", type=click.Path(path_type=Path), metavar="FILE.zarr|rdms.nc")
@click.option(
    "--brain",
    required=True,
    metavar="NAME|FILE|FOLDER",
    help="A data set, such as kriegeskorte2008, kriegeskorte2008/human-it or cichy2016; or RDMs of your own: a file "
    "(.nc, .npy, .npz, .csv, .mat), a folder with one a subject, or a folder of such folders, one an area; or "
    "responses of your own, described in a YAML file (docs/your-data.md).",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE.nc",
    help="The result to write; an older one there is replaced.",
)
@click.option(
    "--compare",
    "method",
    type=click.Choice(["spearman", "kendall", "tau-b", "rho-a", "cosine", "corr", "whitened", "whitened-corr"]),
    default="spearman",
    show_default=True,
    help="How RDMs are compared. Without a bootstrap over stimuli: kendall, tau-b, whitened, whitened-corr.",
)
@click.option(
    "--distance",
    type=click.Choice(["correlation", "euclidean", "sqeuclidean", "cosine"]),
    help="Dissimilarity for the RDMs of a recording; correlation by default.",
)
@click.option(
    "--bootstrap",
    metavar="N",
    type=click.IntRange(0),
    help="Bootstrap samples for 95 % intervals, 0 for none; 1000 by default where the comparison has a bootstrap.",
)
@click.option(
    "--resample",
    type=click.Choice(["stimuli", "subjects", "both"]),
    default="stimuli",
    show_default=True,
    help="What the intervals generalise to: other stimuli, other subjects, or both.",
)
@click.option(
    "--permutations",
    metavar="N",
    type=click.IntRange(0),
    default=_DEFAULT_SAMPLES,
    show_default=True,
    help="Permutations of the stimuli for p values, 0 for none.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    metavar="N",
    type=click.IntRange(0),
    help="Seed of samples and permutations.",
)
@options.device
@options.as_json
def command(
    model: Path,
    brain: str,
    out: Path,
    method: str,
    distance: str | None,
    bootstrap: int | None,
    resample: str,
    permutations: int,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Compare every area and step of a model with brains, with noise ceilings, intervals and tests.

    FILE is a recording (`ventralrnn extract`) or RDMs (`ventralrnn rdm`) of the stimuli that the brains have seen.
    """
    if model.suffix not in (".zarr", ".nc"):
        raise click.BadParameter(f"{model}: give a recording, *.zarr, or RDMs, *.nc", param_hint="FILE")
    if distance and model.suffix == ".nc":
        raise click.BadParameter(f"{model} holds RDMs already, with a distance of their own", param_hint="--distance")
    options.check_result(out, "--out", model, Path(brain))
    from ventralrnn.analysis.inference.rsa import rsa
    from ventralrnn.analysis.results import save_result
    from ventralrnn.brains import load_brain
    from ventralrnn.devices import choose_device

    # Also where RDMs are read and nothing is left to compute there: what is asked for is there, or is refused.
    choose_device(device)
    options.show_warnings_plainly()
    # The brain first: where it is missing, nothing should have been computed.
    brains = load_brain(brain)
    rdms = _complete(_rdms(model, distance or "correlation", device))
    samples = _samples(bootstrap, method, resample)
    result = rsa(
        rdms,
        brains,
        method=method,
        bootstrap=samples,
        resample=resample,  # type: ignore[arg-type]
        permutations=permutations,
        seed=seed,
        progress=options.is_terminal(),
    )
    about = {f"brain_{key}": brains.attrs[key] for key in ("citation", "licence", "simulated") if key in brains.attrs}
    result.attrs |= {"brain": brain, "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]), **about}
    save_result(result, out)
    rows = [row for area in result["area"].values for row in _best(result.sel(area=area))]
    if as_json:
        options.print_json({"path": str(out), "brain": brain, "compare": method, "best": rows})
    else:
        click.echo("\n".join(_report(result, rows, out)))


def _rdms(file: Path, distance: str, device: str) -> "xr.Dataset":
    if file.suffix == ".nc":
        from ventralrnn.brains import read_rdms

        return read_rdms(file)
    from ventralrnn.analysis.rdm.compute import compute_rdm
    from ventralrnn.recording import open_recording

    return compute_rdm(open_recording(file), distance, device=device, progress=options.is_terminal())


def _complete(model: "xr.Dataset") -> "xr.Dataset":
    """Give RDMs an area and a time where they have none, so that the brain's are told from them by their names."""
    missing = {"area": ["model"], "time": 1}
    absent = {name: size for name, size in missing.items() if name not in model["dissimilarity"].dims}
    return model.drop_vars([n for n in absent if n in model.coords]).expand_dims(absent) if absent else model


def _samples(bootstrap: int | None, method: str, resample: str) -> int:
    if bootstrap is not None:
        return bootstrap
    if resample != "subjects" and method in _WITHOUT_STIMULI:
        click.echo(f"ventralrnn: {method} has no bootstrap over stimuli, so there are no intervals", err=True)
        return 0
    return _DEFAULT_SAMPLES


def _best(result: "xr.Dataset") -> Iterator[dict[str, Any]]:
    """Yield the most similar state of one area for every area of the brain."""
    import numpy as np

    areas = [str(a) for a in result["brain_area"].values] if "brain_area" in result.coords else [None]
    for position in range(result.sizes.get("brain_area", 1)):
        one = result.isel(brain_area=position) if "brain_area" in result.dims else result
        similarity = one["similarity"]
        name = {"area": str(one["area"].values), "brain_area": areas[position] if len(areas) > 1 or areas[0] else None}
        if not np.isfinite(similarity.values).any():
            yield {**name, "similarity": float("nan")}
            continue
        at = dict(
            zip(similarity.dims, np.unravel_index(np.nanargmax(similarity.values), similarity.shape), strict=True)
        )
        best = one.isel({d: i for d, i in at.items() if d in one.dims})
        numbers = ("low", "high", "ceiling_lower", "ceiling_upper", "p_value", "p_corrected")
        row: dict[str, Any] = {**name, "similarity": float(best["similarity"])}
        for key, source in (("time_step", "time_step"), ("time_ms", "time_ms"), ("brain_ms", "brain_time_ms")):
            if source in best.coords:
                row[key] = float(best[source])
        row |= {key: float(best[key]) for key in numbers if key in best}
        if "p_corrected" in one:
            row["significant_states"] = int((one["p_corrected"] <= 1 - result.attrs["level"]).sum())
            row["states"] = int(np.isfinite(similarity.values).sum())
        yield row


def _report(result: "xr.Dataset", rows: list[dict[str, Any]], out: Path) -> Iterator[str]:
    attrs = result.attrs
    for key, word in (("brain_citation", "Cite"), ("brain_licence", "Licence")):
        if attrs.get(key):
            yield fill(f"{word}: {attrs[key]}", rest="  ")
    if attrs.get("brain_simulated") == "yes":
        yield "The brain is simulated."
    yield columns([_head(rows), *(_cells(row, rows) for row in rows)], keys=2 if _any(rows, "brain_area") else 1)
    yield fill(_explanation(result, rows))
    yield f"All states are in {out}."


def _head(rows: list[dict[str, Any]]) -> list[str]:
    heads = {
        "brain_area": "BRAIN",
        "time_step": "STEP",
        "time_ms": "MS",
        "brain_ms": "BRAIN MS",
        "similarity": "SIMILARITY",
        "low": "INTERVAL",
        "ceiling_lower": "CEILING",
        "p_corrected": "P",
        "significant_states": "SIGNIFICANT",
    }
    # Similarity stands there even where none is defined.
    return ["AREA", *(head for key, head in heads.items() if key == "similarity" or _any(rows, key))]


def _cells(row: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    cells = [row["area"]]
    if _any(rows, "brain_area"):
        cells.append(row.get("brain_area") or _NONE)
    cells += [
        f"{row[key]:g}" if key in row else _NONE for key in ("time_step", "time_ms", "brain_ms") if _any(rows, key)
    ]
    cells.append(_number(row["similarity"]))
    for low, high in (("low", "high"), ("ceiling_lower", "ceiling_upper")):
        if _any(rows, low):
            cells.append(f"{_number(row[low], 2)}..{_number(row[high], 2)}" if low in row else _NONE)
    if _any(rows, "p_corrected"):
        cells.append(_number(row["p_corrected"]) if "p_corrected" in row else _NONE)
    if _any(rows, "significant_states"):
        cells.append(f"{row['significant_states']} of {row['states']}" if "states" in row else _NONE)
    return cells


def _any(rows: list[dict[str, Any]], key: str) -> bool:
    return any(row.get(key) is not None and row[key] == row[key] for row in rows)


def _explanation(result: "xr.Dataset", rows: list[dict[str, Any]]) -> str:
    attrs = result.attrs
    level = f"{100 * attrs['level']:g} %"
    said = f"The state of each area with the largest {attrs['method']} similarity, mean over subjects; it is the best "
    said += "of many, so that it promises a little too much."
    if _any(rows, "low"):
        said += f" INTERVAL: {level}, for other {_POPULATION[attrs['resample']]}."
    if _any(rows, "ceiling_lower"):
        said += _CEILINGS["repeats" in attrs.get("ceiling_from", "")]
    elif not _any(rows, "similarity"):
        said += " No similarity is defined: all dissimilarities of the model, or of the brain, are equal."
    elif "ceiling_lower" in result:
        said += f" There is no noise ceiling: it is not defined for {attrs['stimuli_compared']} stimuli; show more."
    else:
        why = str(attrs.get("ceiling_from", "one subject")).removeprefix("none: ")
        said += f" There is no noise ceiling, which takes several subjects or repeats ({why})."
    if _any(rows, "p_corrected"):
        said += " P: for no relation, corrected for all states (permutation of stimuli, largest statistic). "
        said += f"SIGNIFICANT: states with P up to {1 - attrs['level']:.2g}; clusters over time are in the file."
    return said


# Without and with repeats of one subject.
_CEILINGS = (
    " CEILING: what the best possible model would reach, lower and upper bound, given how subjects differ.",
    " CEILING: from halves of the repeats. A second recording of as many repeats is expected at the lower bound, the "
    "geometry without noise at the upper.",
)
_POPULATION = {"stimuli": "stimuli", "subjects": "subjects", "both": "stimuli and subjects"}


def _number(value: float, decimals: int = 3) -> str:
    return f"{value:.{decimals}f}" if value == value else _NONE
