"""Wrong arguments of public functions give one line of ours that names them, and what is obvious is taken."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from ventralrnn import extract, open_recording
from ventralrnn.analysis import (
    compare_rdms,
    compare_states,
    compute_dynamics,
    compute_rdm,
    decode,
    encode,
    find_fixed_points,
    jacobian_spectrum,
    rsa,
    time_courses,
)
from ventralrnn.analysis.clocks import best_lag, fit_clock
from ventralrnn.analysis.rdm import make_rdms, select_stimuli, square_rdms
from ventralrnn.errors import AnalysisError, RecordingError

RNG = np.random.default_rng(0)
STATES = xr.DataArray(
    RNG.random((12, 3, 6)),
    {"label": ("stimulus", list("abcd") * 3), "stimulus_id": ("stimulus", [f"s{i}" for i in range(12)])},
    ("stimulus", "time", "neuroid"),
)
RECORDING = {"V1": STATES, "IT": STATES + 1}
RESPONSES = xr.DataArray(RNG.random((12, 4)), dims=("stimulus", "neuroid"))
RDMS = make_rdms(RNG.random((2, 15)), ("time",))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compute_rdm("all.zarr"), "recording: give a mapping, an xarray.DataArray or an array, not 'all.zarr'"),
        (lambda: compute_rdm(RECORDING, areas=3), "areas: give names, not 3"),
        (lambda: compute_rdm(RECORDING, steps=1.5), "steps: give .* whole numbers, not 1.5"),
        (lambda: compute_rdm(RECORDING, 3), "distance: give a string, not 3"),
        (lambda: compute_rdm(RECORDING, memory="1"), "memory: give a whole number, not '1'"),
        (lambda: compute_rdm([[1, "a"]]), "recording|features: give real numbers"),
        (lambda: decode(RECORDING, folds="5"), "folds: give a whole number or a list, not '5'"),
        (lambda: decode(RECORDING, confidence="0.9"), "confidence: give a number"),
        (lambda: decode(RECORDING, bootstrap=None), "bootstrap: give a whole number, not None"),
        (lambda: decode(3), "features: give a mapping"),
        (lambda: encode(RECORDING, RESPONSES.values), "responses: give an xarray.DataArray, not a numpy.ndarray"),
        (lambda: encode(RECORDING, RESPONSES, steps="a"), "steps 'a'|steps: "),
        (lambda: compare_states(RECORDING, measure=1), "measure: give a string, not 1"),
        (lambda: compute_dynamics(RECORDING, bootstrap=2.5), "bootstrap: give a whole number, not 2.5"),
        (lambda: compute_dynamics(None), "recording: give a mapping"),
        (lambda: time_courses("all.zarr"), "recording: give a mapping"),
        (lambda: rsa(RDMS, RDMS.dissimilarity.values), "brain: give an xarray.Dataset, not a numpy.ndarray"),
        (lambda: rsa(RDMS, RDMS, bootstrap="10"), "bootstrap: give a whole number, not '10'"),
        (lambda: rsa(RDMS, RDMS, resample=1), "resample: give 'stimuli' or 'subjects' or 'both', not 1"),
        (lambda: compare_rdms(None, RDMS), "model: give an xarray.Dataset"),
        (lambda: best_lag(RDMS.dissimilarity.values, RDMS), "give an xarray.Dataset"),
        (lambda: fit_clock(RDMS, 5), "give an xarray.Dataset"),
        (lambda: square_rdms(RDMS.dissimilarity.values), "rdms: give an xarray.Dataset, not a numpy.ndarray"),
        (lambda: select_stimuli(RDMS, "s1"), "index: these RDMs do not name"),
        (
            lambda: jacobian_spectrum("ventral", np.zeros((1, 3, 8, 8))),
            "network: give a RecurrentNetwork, not 'ventral'",
        ),
        (lambda: find_fixed_points(None, np.zeros((1, 3, 8, 8))), "network: give a RecurrentNetwork, not None"),
    ],
)
def test_analyses(call: Any, message: str) -> None:
    with pytest.raises(AnalysisError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: extract("ventral", "cifar", 3), "out: give"),
        (lambda: extract("ventral", "cifar", "a.zarr", batch_size="4"), "batch_size: give a whole number, not '4'"),
        (lambda: extract("ventral", "cifar", "a.zarr", steps=1.5), "steps: give"),
        (lambda: extract(3, "cifar", "a.zarr"), "model: give"),
        (lambda: open_recording(None), "path: give a string or a PathLike, not None"),
    ],
)
def test_recordings(call: Any, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        call()


def test_what_is_obvious_is_taken() -> None:
    one = compute_rdm(RECORDING, areas="IT", steps=1)
    assert one.area.values.tolist() == ["IT"] and one.time_step.values.tolist() == [1]
    assert decode(RECORDING, areas="IT", steps=2, folds=3, bootstrap=0).accuracy.shape == (1, 1)
    assert encode(RECORDING, RESPONSES, areas="V1", steps="1:").sizes["time"] == 2
    assert compare_states(RECORDING, areas="V1", steps=np.int64(2)).similarity.shape == (1, 1, 1, 1)
    assert compute_dynamics(RECORDING, "label", areas="V1", bootstrap=0).area.values.tolist() == ["V1"]
