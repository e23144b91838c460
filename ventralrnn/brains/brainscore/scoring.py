"""A model's score on a benchmark."""

import hashlib
import json
import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from joblib import parallel_backend
from torch import nn

from ventralrnn.analysis.results import provenance, save_result
from ventralrnn.brains.brainscore.catalogue import check_id, load_benchmark
from ventralrnn.brains.brainscore.each_state import Journal, score_states
from ventralrnn.brains.brainscore.environment import nothing_kept, replaced
from ventralrnn.brains.brainscore.metric import CarefulMetric
from ventralrnn.brains.brainscore.missing import local_data
from ventralrnn.brains.brainscore.model import VentralBrainModel
from ventralrnn.brains.brainscore.numbers import NUMBERS, read_numbers
from ventralrnn.brains.brainscore.timing import to_bins
from ventralrnn.errors import AnalysisError, DataError, VentralrnnError
from ventralrnn.networks.network import RecurrentNetwork
from ventralrnn.recording import Recording

_PACKAGES = ("brainscore-vision", "brainscore-core", "scikit-learn", "torch")
_METRIC = "_similarity_metric"
# Where benchmarks of Brain-Score hold their data.
_DATA = ("_assembly", "train_assembly", "test_assembly")
_OF_EXTRACTION = {"clock", "steps", "preprocessing", "device", "batch_size", "seed", "workers"}


def score(
    model: nn.Module | Recording | VentralBrainModel | str | os.PathLike[str],
    benchmark: Any,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    areas: Mapping[str, str] | None = None,
    reference: bool = False,
    download: bool = False,
    uncovered: Literal["error", "nan"] = "error",
    states: bool = True,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = False,
    command: str | None = None,
    **how: Any,
) -> xr.Dataset:
    """Score a model on a benchmark of Brain-Score, or on one of ours.

    Parameters
    ----------
    model : torch.nn.Module, Recording, VentralBrainModel, str or path
        A model, or what :class:`VentralBrainModel` takes.
    benchmark : str or Benchmark
        Id of a benchmark (``ventralrnn benchmarks`` lists them), or an object of Brain-Score's interface; or data of
        one's own, a file or folder as :func:`ventralrnn.brains.benchmarks.own_benchmark` takes it.
    data_dir : path, optional
        Folder of Brain-Score's data, ``$BRAINIO_HOME`` (``~/.brainio``) by default.
    areas : mapping of str to str, optional
        Area of the brain -> area of the model.
    reference : bool
        Whether Brain-Score's own code computes everything, from everything at once; the same score to 1e-6.
    download : bool
        Whether data that are not here may be fetched from Brain-Score's public storage.
    uncovered : {'error', 'nan'}
        What becomes of time bins that the model's steps do not cover; those that are NaN take no part in the fit.
    states : bool
        Whether every area at every step is scored too, besides what is committed. Benchmarks of ours always do.
    out : path, optional
        Also write the result here, ``*.nc``. States that are finished are kept beside it, in ``<out>.states``, until it
        is there.
    resume : bool
        Take over such states of an earlier run, if it was with the same data, weights and all else that counts.
    progress : bool
        Show a progress bar.
    command : str, optional
        Kept with the result; the command line by default.
    **how
        Further arguments of :class:`VentralBrainModel`.

    Returns
    -------
    xarray.Dataset
        ``score``, which is 1 at the ceiling, ``raw`` before it is held against the ceiling, with ``low`` and ``high``
        (its interval over neuroids, 95 %), ``error`` (its standard error over splits), and ``ceiling``; for benchmarks
        over time all (time_bin), with coordinates time_bin_start and time_bin_end in ms. ``state_score``,
        ``state_raw`` and so on (area, time), for benchmarks over time (area, time, time_bin): the same of every state,
        held against all time bins. NaN where there is no such number. Attributes say how they were made. For a
        benchmark of ours what :func:`ventralrnn.brains.benchmarks.evaluate` returns.

    Raises
    ------
    DataError
        If there is no such benchmark, or its data are not here: what, from where, and where a copy goes.
    RecordingError
        If the model has no such area, or its steps do not cover the benchmark's time bins.
    AnalysisError
        If the benchmark's metric cannot take the responses.
    VentralrnnError
        If Brain-Score is not installed.

    Notes
    -----
    Nothing is cached, and Brain-Score's caches are neither read nor written: they know a ceiling by the name of the
    benchmark and activations by the name of the model, whatever the data and the weights.

    Examples
    --------
    >>> import ventralrnn
    >>> result = ventralrnn.score("ventral", "ventralrnn.Cichy2016.IT-rdm")  # doctest: +SKIP
    """
    from ventralrnn.brains.benchmarks.own import is_own_data, score_own

    if is_own_data(benchmark):
        result = score_own(benchmark, model, areas=areas, **how)
        result.attrs["command"] = command or _command()
        return _written(result, out)
    given = isinstance(benchmark, str)
    own = _own(benchmark) if given else None
    if own is not None:
        if data_dir is not None:
            raise DataError(f"data_dir: goes with benchmarks of Brain-Score; the data of {own} are in $VENTRALRNN_DATA")
        return _written(_evaluate(own, model, areas, command, how), out)
    name = benchmark if given else str(benchmark.identifier)
    # Brain-Score's workers are threads here: processes of their own would each load all of it.
    folder = None if data_dir is None else Path(data_dir)
    with nothing_kept(), parallel_backend("threading"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Brain-Score's way with xarray, one a split and time bin
        if given:
            check_id(benchmark)
        if not isinstance(model, VentralBrainModel):
            subject = VentralBrainModel(model, areas, uncovered=uncovered, **how)
        elif areas is not None or how:
            raise VentralrnnError(f"{', '.join(['areas', *how])}: the VentralBrainModel has its own")
        else:
            subject = model
        # Data are large: what is wrong with the model is said before they are asked for.
        judge = load_benchmark(benchmark, folder, download) if given else benchmark
        with nothing_kept(judge), _careful(judge, reference) as metric, local_data(name, folder, download):
            found = _to_dataset(_judge(judge, subject, name), judge, subject, name, metric, command)
            if states:
                journal = _journal(found, out, resume)
                found = _add_states(found, score_states(partial(_judge, judge, name=name), subject, journal, progress))
    return _written(found, out)


def _journal(found: xr.Dataset, out: str | os.PathLike[str] | None, resume: bool) -> Journal:
    """Return where finished states are kept, by all that their scores depend on; data that are not known keep none."""
    if out is None or "data_sha256" not in found.attrs:
        return Journal(None)
    kept = {key: value for key, value in found.attrs.items() if key != "command"}
    return Journal(states_path(out), json.dumps(kept, sort_keys=True), resume)


def states_path(out: str | os.PathLike[str]) -> Path:
    """Return where states that are finished are kept until the result is there."""
    return Path(f"{os.fspath(out)}.states")


def _written(found: xr.Dataset, out: str | os.PathLike[str] | None) -> xr.Dataset:
    if out is not None:
        save_result(found, out)
        states_path(out).unlink(missing_ok=True)
    return found


def _add_states(found: xr.Dataset, states: xr.Dataset | None) -> xr.Dataset:
    if states is None or states["state_score"].isnull().all():
        return found
    merged = xr.merge([found, states.drop_vars("state_ceiling")], combine_attrs="override")
    merged.attrs = found.attrs
    means = states["state_score"]
    means = means.mean("time_bin") if "time_bin" in means.dims else means
    area, time = np.unravel_index(np.nanargmax(means.values), means.shape)
    best = {"best_area": str(states["area"].values[area]), "best_step": int(states["time_step"].values[time])}
    best |= {"best_score": float(means.values[area, time]), "best_ms": float(states["time_ms"].values[area, time])}
    merged.attrs |= {key: value for key, value in best.items() if value == value}
    return merged


def _own(identifier: str) -> str | None:
    """Return the full id of a benchmark of ours, whose first part may be left out, or None."""
    from ventralrnn.brains.benchmarks import BENCHMARKS

    return next((name for name in (identifier, f"ventralrnn.{identifier}") if name in BENCHMARKS), None)


def _evaluate(
    identifier: str, model: Any, areas: Mapping[str, str] | None, command: str | None, how: Mapping[str, Any]
) -> xr.Dataset:
    from ventralrnn.brains.benchmarks import BENCHMARKS, evaluate

    options = {key: value for key, value in how.items() if value is not None}
    unknown = sorted(set(options) - _OF_EXTRACTION)
    if unknown:
        raise AnalysisError(f"{unknown[0]}: goes with benchmarks of Brain-Score, not with {identifier}")
    if isinstance(model, VentralBrainModel):
        raise AnalysisError(f"model: {identifier} takes the model itself, not a VentralBrainModel")
    ours = isinstance(model, RecurrentNetwork | Recording) or (
        not isinstance(model, nn.Module) and ":" not in str(model)
    )
    if areas and ours:
        options["area"] = areas.get(BENCHMARKS[identifier].area)
    elif areas:
        options["areas"] = dict(areas)
    result = evaluate(identifier, model, **options)
    result.attrs["command"] = command or _command()
    return result


@contextmanager
def _careful(benchmark: Any, reference: bool) -> Iterator[CarefulMetric | None]:
    """Have a benchmark's metric given what it can take, for a while."""
    metric = getattr(benchmark, _METRIC, None)
    if metric is None or type(benchmark).__module__.startswith("ventralrnn."):
        yield None
        return
    careful = CarefulMetric(metric, reference)
    with replaced(benchmark, _METRIC, careful):
        yield careful


def _judge(benchmark: Any, subject: Any, name: str) -> Any:
    try:
        return benchmark(subject)
    except (VentralrnnError, OSError, ImportError, MemoryError):
        raise
    except Exception as error:
        message = " ".join(str(error).split()) or "no reason given"
        raise AnalysisError(f"{name}: Brain-Score's benchmark failed: {type(error).__name__}: {message}") from error


def _to_dataset(
    result: Any,
    benchmark: Any,
    subject: VentralBrainModel,
    name: str,
    metric: CarefulMetric | None,
    command: str | None,
) -> xr.Dataset:
    if isinstance(result, xr.Dataset):
        return result
    numbers = read_numbers(result)
    values, parts = numbers.score, {name: getattr(numbers, name) for name in NUMBERS}
    bins = _bins(benchmark)
    timed = values.size > 1 and bins is not None and values.shape == (len(bins),)
    dims = ["time_bin"] if timed else [f"part_{i}" for i in range(values.ndim)] if values.size > 1 else []
    data = {key: (dims, part.reshape(values.shape) if dims else part.reshape(())) for key, part in parts.items()}
    dataset = xr.Dataset(data)
    if timed and bins is not None:
        dataset = dataset.assign_coords(
            time_bin_start=("time_bin", bins[:, 0], {"units": "ms"}),
            time_bin_end=("time_bin", bins[:, 1], {"units": "ms"}),
        )
    dataset.attrs = _provenance(benchmark, subject, name, metric, bins, command)
    return dataset


def _bins(benchmark: Any) -> np.ndarray | None:
    found = getattr(benchmark, "timebins", None)
    return None if found is None else to_bins(found)


def _provenance(
    benchmark: Any,
    subject: VentralBrainModel,
    name: str,
    metric: CarefulMetric | None,
    bins: np.ndarray | None,
    command: str | None,
) -> dict[str, Any]:
    data = [found for name in _DATA if (found := getattr(benchmark, name, None)) is not None]
    about = {
        "model": subject.states.name,
        "model_identifier": subject.identifier,
        "weights_sha256": subject.states.weights(),
        "areas": subject.areas,
        **subject.states.describe(),
        "visual_degrees": subject.visual_degrees(),
        "uncovered": subject.uncovered,
        "stochastic": subject.stochastic,
        "min_coverage": subject.min_coverage,
        "benchmark": name,
        "benchmark_version": str(benchmark.version),
        "region": str(getattr(benchmark, "region", "") or ""),
        "metric_computed_by": "Brain-Score" if metric is None else metric.computed_by,
        "time_bins_ms": None if bins is None else bins.tolist(),
        "data_sha256": _digest(data) if data else None,
        "citation": str(getattr(benchmark, "bibtex", "") or ""),
        "command": command or _command(),
        "packages": {package: version(package) for package in _PACKAGES},
    }
    return provenance(**{key: value for key, value in about.items() if value is not None})


def _command() -> str:
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def _digest(data: list[Any]) -> str:
    found = hashlib.sha256()
    for assembly in data:
        found.update(np.ascontiguousarray(assembly.values).tobytes())
        found.update("\n".join(map(str, assembly["stimulus_id"].values.tolist())).encode())
    return found.hexdigest()
