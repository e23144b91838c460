"""Metrics in memory of a block: the scores of Brain-Score's own code on the whole."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ventralrnn
from tests.brains.brainscore.common import Clocked, Data
from ventralrnn.brains.brainscore.compact import compact
from ventralrnn.brains.brainscore.environment import load_brainscore
from ventralrnn.brains.brainscore.metric import CarefulMetric
from ventralrnn.graph import Clock

pytest.importorskip("brainscore_vision")
STIMULI, UNITS, BINS = 40, 400, 3
SYMMETRIC = ("rdm", "rdm_cv", "cka", "cka_cv", "cka_biased")
REGRESSIONS = ("ridge", "linear_predictivity", "neuron_to_neuron", "pls")


def assembly(values: np.ndarray, prefix: str = "m") -> Any:
    """Return responses (presentation, neuroid) or (presentation, neuroid, time_bin) in Brain-Score's form."""
    load_brainscore()
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    stimuli, neuroids = values.shape[:2]
    coords: dict[str, Any] = {
        "stimulus_id": ("presentation", [f"s{i:03}" for i in range(stimuli)]),
        "object_name": ("presentation", [f"o{i % 4}" for i in range(stimuli)]),
        "neuroid_id": ("neuroid", [f"{prefix}{i:04}" for i in range(neuroids)]),
        "region": ("neuroid", ["IT"] * neuroids),
    }
    dims = ["presentation", "neuroid"]
    if values.ndim == 3:
        starts = 10 * np.arange(values.shape[2])
        coords |= {"time_bin_start": ("time_bin", starts), "time_bin_end": ("time_bin", starts + 10)}
        dims.append("time_bin")
    return NeuroidAssembly(values, coords=coords, dims=dims)


def responses(units: int = UNITS, bins: int = BINS, stimuli: int = STIMULI) -> tuple[Any, Any]:
    """Return a model's responses, float32, and a brain's, of 6 neuroids with noise."""
    draw = np.random.default_rng(0)
    latent = draw.standard_normal((stimuli, 10))
    model = np.einsum("sl,lut->sut", latent, draw.standard_normal((10, units, bins)))
    model += draw.standard_normal(model.shape) + 2
    brain = np.einsum("sl,lnt->snt", latent, draw.standard_normal((10, 6, bins)))
    return assembly(model.astype(np.float32)), assembly(brain + draw.standard_normal(brain.shape), "n")


def load_metric(name: str) -> Any:
    return load_brainscore().load_metric(name)


@pytest.mark.parametrize("name", [*SYMMETRIC, *REGRESSIONS])
def test_wide_responses_have_the_score_of_the_whole(name: str) -> None:
    source, target = (one[..., 0] for one in responses())
    theirs = load_metric(name)(source.astype(np.float64), target)
    found = CarefulMetric(load_metric(name))(source, target)
    assert float(found) == pytest.approx(float(theirs), abs=1e-6)
    if "error" in theirs.attrs:
        assert float(found.attrs["error"]) == pytest.approx(float(theirs.attrs["error"]), abs=1e-6)


@pytest.mark.parametrize(
    "name", ["ridge_split", "ridgecv_split", "dual_ridge_split", "pls_split", "neuron_to_neuron_split"]
)
def test_metrics_of_separate_sets_have_the_score_of_the_whole(name: str) -> None:
    source, target = (one[..., 0] for one in responses())
    sets = {
        "source_train": source[:30], "source_test": source[30:], "target_train": target[:30], "target_test": target[30:]
    }  # fmt: skip
    exact = {key: one.astype(np.float64) for key, one in sets.items()}
    found, theirs = CarefulMetric(load_metric(name))(**sets), load_metric(name)(**exact)
    assert float(found) == pytest.approx(float(theirs), abs=1e-6)


def test_compact_responses_keep_products_and_correlations() -> None:
    source, _ = (one[..., 0] for one in responses())
    values = source.values.astype(np.float64)
    (small,) = compact([source])
    assert small.shape == (STIMULI, STIMULI) and small.dtype == np.float64
    centred = values - values.mean(0)
    np.testing.assert_allclose(small.values @ small.values.T, centred @ centred.T, atol=1e-9)
    (turned,) = compact([source], center_rows=True)
    np.testing.assert_allclose(np.corrcoef(turned.values), np.corrcoef(values), atol=1e-12)
    (narrow,) = compact([source[:, :50]])
    np.testing.assert_allclose(narrow.values, values[:, :50] - values[:, :50].mean(0), atol=1e-12)


def test_weights_for_all_of_time_are_brain_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = responses(units=50)
    careful = CarefulMetric(load_metric("spantime_ridge"))
    found, theirs = careful(source, target), load_metric("spantime_ridge")(source.astype(np.float64), target)
    assert careful.computed_by == "ventralrnn (ridge)"
    np.testing.assert_allclose(found.values, theirs.values, atol=1e-6)
    raw, other = (one.attrs["raw"].transpose("split", "time_bin", "neuroid").values for one in (found, theirs))
    np.testing.assert_allclose(raw, other, atol=1e-6)
    constant = assembly(np.repeat(source.values[..., :1], BINS, -1))
    view = assembly(np.broadcast_to(source.values[..., 0], (BINS, STIMULI, 50)).transpose(1, 2, 0))
    for name in ("spantime_ridge", "spantime_pls"):
        known = CarefulMetric(load_metric(name))
        np.testing.assert_allclose(known(view, target).values, known(constant, target).values, atol=1e-9)


@pytest.mark.parametrize("name", ["rdm", "ridge"])
def test_bins_without_a_response_stay_out(name: str) -> None:
    from brainscore_vision.metric_helpers.temporal import PerTime

    source, target = responses()
    source.values[..., 1] = np.nan
    for metric in (load_metric(name), PerTime(load_metric(name))):
        found = CarefulMetric(metric)(source, target)
        assert np.isnan(found.values).tolist() == [False, True, False]
        for i in (0, 2):
            alone = load_metric(name)(source[..., i].astype(np.float64), target[..., i])
            assert float(found[i]) == pytest.approx(float(alone), abs=1e-6)


@pytest.mark.parametrize("name", ["rdm", "cka", "ridge", "linear_predictivity"])
def test_no_more_than_a_bin_is_in_memory(name: str, tmp_path: Path) -> None:
    """The responses lie in a file, as those of a model do, and four times the bins take no more memory."""
    few = {"crossvalidation_kwargs": {"splits": 2}} if name in REGRESSIONS else {}
    metric = CarefulMetric(load_brainscore().load_metric(name, **few))
    metric(*responses(units=90, bins=2))  # what is loaded at the first use
    peaks, units = {}, 6000
    for bins in (2, 8):
        file = np.memmap(tmp_path / f"{bins}.bin", np.float32, "w+", shape=(bins, STIMULI, units))
        draw = np.random.default_rng(0)
        for values in file:
            values[:] = draw.standard_normal(values.shape)
        source = assembly(file.transpose(1, 2, 0))
        _, target = responses(units=4, bins=bins)
        tracemalloc.start()
        metric(source, target)
        peaks[bins] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    one_bin = STIMULI * units * 8
    assert peaks[8] < 1.2 * peaks[2] and peaks[8] < 6 * one_bin


def test_a_benchmark_of_separate_sets_is_scored(data: Data) -> None:
    from brainscore_core.metrics import Score
    from brainscore_vision.benchmark_helpers.neural_common import TrainTestNeuralBenchmark

    from tests.brains.brainscore.common import STATIC, injected
    from ventralrnn.brains.brainscore.catalogue import load_benchmark

    with injected(data):
        whole = load_benchmark(STATIC)._assembly
    halves = []
    for rows in (range(0, 30), range(30, 40)):
        half = whole.isel(presentation=list(rows))
        stimuli = data.stimuli.iloc[list(rows)]
        stimuli.stimulus_paths, stimuli.identifier = data.stimuli.stimulus_paths, f"half{rows[0]}"
        half.attrs["stimulus_set"] = stimuli
        halves.append(half)
    benchmark = TrainTestNeuralBenchmark(
        "separate", lambda: Score(0.9), 1, halves[0], halves[1], load_metric("ridge_split"), 8, 1, parent="IT"
    )
    model = ventralrnn.brains.brainscore.VentralBrainModel(
        Clocked(), {"IT": "it"}, clock=Clock(20, {"IT": 70}), device="cpu"
    )
    found = ventralrnn.score(model, benchmark)
    theirs = benchmark(model)
    assert float(found["score"]) == pytest.approx(float(theirs), abs=1e-6)
    assert found["state_score"].shape == (1, 5) and np.isfinite(found["state_score"]).all()
    assert "data_sha256" in found.attrs
