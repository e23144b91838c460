"""From a model and stimuli to a recording on disk: the main job."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import nn

from ventralrnn.arguments import checked
from ventralrnn.errors import RecordingError
from ventralrnn.files import named
from ventralrnn.graph import Clock, Cut
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.progress import progress_bar
from ventralrnn.recording.job import default_batch_size
from ventralrnn.recording.preparation import describe_job, prepared_job
from ventralrnn.recording.provenance import describe_recording
from ventralrnn.recording.recording import Recording, open_recording
from ventralrnn.recording.sources import States
from ventralrnn.recording.store import OtherRecordingError, check_same, check_space, finish, open_partial
from ventralrnn.stimuli import Stimuli


@checked(RecordingError)
def extract(
    model: nn.Module | str | os.PathLike[str],
    stimuli: Any,
    out: str | os.PathLike[str],
    *,
    areas: Sequence[str] | Mapping[str, str] | None = None,
    steps: str | int | Sequence[int] | None = None,
    pool: Literal["none", "mean"] = "none",
    dtype: Literal["float32", "float16"] = "float32",
    currents: bool | Sequence[str] = False,
    cut: Sequence[str | Cut] = (),
    states: States | None = None,
    preprocessing: Preprocessing | None = None,
    clock: Clock | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    seed: int = 0,
    resume: bool = False,
    skip_bad: bool = False,
    workers: int = 2,
    progress: bool = False,
    command: str | None = None,
) -> Recording:
    """Record areas of a model at every time step for a set of stimuli.

    Parameters
    ----------
    model : torch.nn.Module, str or path
        A model, or what :func:`ventralrnn.load_model` takes.
    stimuli : str, path, array or Stimuli
        What :func:`ventralrnn.stimuli.load_stimuli` takes: a folder, a CSV list, the name of a set, an array.
    out : path
        The recording, ``*.zarr``; it appears under this name when it is whole and lies in ``*.zarr.partial`` before.
    areas : sequence of str, or mapping of str to str, optional
        For our networks names of areas (all by default); for any other module a mapping from area name to module
        path, see :class:`Recorder`. Modules that are called a different number of times in a forward pass have time
        axes of their own.
    steps : str or sequence of int, optional
        Time steps to keep, ``'0:8'`` or ``[0, 4]``; all by default. Networks with shared weights run beyond their
        trained steps if asked, with a warning that says how states grow, and an error where they explode;
        :func:`ventralrnn.networks.recalibrate` makes a network for more steps.
    pool : {'none', 'mean'}
        Keep every position, or the average over positions.
    dtype : {'float32', 'float16'}
        Type on disk.
    currents : bool or sequence of str
        Also record what connections deliver (True: all), one group a connection. Our networks only.
    cut : sequence of str or Cut
        Connections that deliver nothing, ``'IT-V4'`` or ``'IT-V4@3:8'``. Our networks only.
    states : callable, optional
        For models that keep their steps in attributes: ``states(model, batch)`` runs the model and returns area name
        -> sequence over steps of tensors.
    preprocessing : Preprocessing, optional
        Of the pictures; the model's own by default, and that of torchvision's ImageNet classifiers for a module that
        states none.
    clock : Clock, optional
        Milliseconds a step and onset latencies, for a model other than our networks, which have their own. Without
        one (and without an attribute ``clock`` of the model), ``time_ms`` is NaN.
    batch_size : int, optional
        Stimuli a forward pass; chosen from the size of the states by default.
    device : str
        'auto', 'cpu', 'cuda', 'mps'.
    seed : int
        Of random weights, and of anything random in the model; 0 or more.
    resume : bool
        Continue an unfinished recording; the result is the same as without the interruption. A finished one is
        returned as it is.
    skip_bad : bool
        Leave out pictures that cannot be read, and list them, instead of stopping.
    workers : int
        Threads that decode pictures.
    progress : bool
        Show a progress bar.
    command : str, optional
        Kept with the recording; the command line by default.

    Returns
    -------
    Recording
        What :func:`ventralrnn.open_recording` returns.

    Raises
    ------
    RecordingError, StimulusError, GraphError, SpecificationError
        If something does not fit; the message says what to do. Everything written so far is kept.

    Examples
    --------
    >>> import numpy as np
    >>> import ventralrnn
    >>> pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    >>> recording = ventralrnn.extract("ventral", pictures, "four.zarr", areas=["V4", "IT"], pool="mean")
    >>> recording.areas
    ('V4', 'IT')
    >>> recording["IT"].dims, recording["IT"].shape
    (('stimulus', 'time', 'neuroid'), (4, 8, 128))
    >>> recording["IT"].attrs["unreached_steps"]  # the input has not reached IT yet
    [0, 1, 2]
    """
    path = Path(out)
    with prepared_job(
        model,
        stimuli,
        areas=areas,
        steps=steps,
        pool=pool,
        dtype=dtype,
        currents=currents,
        cut=cut,
        states=states,
        preprocessing=preprocessing,
        clock=clock,
        device=device,
        seed=seed,
        skip_bad=skip_bad,
    ) as job:
        pictures = job.stimuli
        layouts, calls = job.probe()
        size = batch_size or default_batch_size(layouts)
        header = describe_job(job, layouts, size, command)
        if path.exists():
            return _finished(path, header, pictures, resume)
        journal = open_partial(path, header, resume)
        if journal is None:
            return _finished(path, header, pictures, resume)
        try:
            done = [pair for e in journal.entries for pair in zip(e.indices, e.digests, strict=True)]
            _check_digests(pictures, done, journal.path.parent)
            check_space(journal.path.parent, layouts, journal.rows)
            with (
                named(journal.path.parent),
                progress_bar(progress, len(pictures), "stimuli", done=journal.consumed) as advance,
            ):
                job.run(layouts, calls, journal, size, workers, advance)
            if not journal.rows:
                raise RecordingError(f"{pictures.name}: none of {len(pictures)} pictures could be read")
            about = describe_recording(journal.header, pictures, job.preprocessing)
            with named(journal.path.parent):
                finish(path, journal, layouts, about, pictures.labels, pictures.ids)
        finally:
            if not journal.entries:  # nothing is lost, and nothing stays in the way
                shutil.rmtree(journal.path.parent, ignore_errors=True)
            journal.close()
    return open_recording(path)


def _finished(path: Path, header: Mapping[str, Any], stimuli: Stimuli, resume: bool) -> Recording:
    """Return a recording that is there already, if it is the one asked for."""
    if not resume:
        raise RecordingError(f"{path}: is there already: give another name for `out`, or remove it")
    recording = open_recording(path)
    check_same(recording.attrs, header, str(path))
    rows = recording[recording.areas[0]]
    index = {stimulus_id: i for i, stimulus_id in enumerate(stimuli.ids)}
    done = zip((index[str(i)] for i in rows.stimulus_id.values), map(str, rows.stimulus_digest.values), strict=True)
    _check_digests(stimuli, done, path)
    return recording


def _check_digests(stimuli: Stimuli, recorded: Iterable[tuple[int, str]], where: Path) -> None:
    """Refuse to continue if a stimulus that is already recorded, given with its digest, has changed."""
    for index, digest in recorded:
        if stimuli.digest(index) != digest:
            raise OtherRecordingError(
                f"{stimuli.sources[index] or stimuli.ids[index]}: has changed since it was recorded, so {where} cannot "
                "be continued: restore it, or remove that folder and start again"
            )
