"""Every area at every step on benchmarks of Brain-Score, against its own metrics on these states."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.stats import bootstrap

import ventralrnn
from tests.brains.brainscore.common import STATIC, TEMPORAL, Clocked, Data, injected, some, write_data
from ventralrnn.analysis.results import open_result
from ventralrnn.brains.brainscore import VentralBrainModel, each_state
from ventralrnn.brains.brainscore.catalogue import load_benchmark
from ventralrnn.brains.brainscore.environment import load_brainscore, nothing_kept
from ventralrnn.brains.brainscore.numbers import read_numbers
from ventralrnn.graph import Clock

pytest.importorskip("brainscore_vision")
AREAS = {"V4": "enter", "IT": "it"}
CLOCK = Clock(20, {"V4": 50, "IT": 70})


def subject(steps: int = 3, seed: int = 0) -> VentralBrainModel:
    return VentralBrainModel(Clocked(steps, seed=seed), AREAS, clock=CLOCK, device="cpu", uncovered="nan")


def states_of(area: str, stimuli: Any) -> Any:
    """Return all states of an area, (presentation, neuroid, time_bin), by what is tested elsewhere."""
    model = subject()
    model.start_recording(area, [(70, 90), (90, 110), (110, 130)] if area == "IT" else [(50, 70)])
    return model.look_at(stimuli)


def test_a_static_benchmark_scores_every_state(data: Data) -> None:
    with injected(data):
        found = ventralrnn.score(subject(), STATIC)
        judge = load_benchmark(STATIC)
    assert found["area"].values.tolist() == ["V4", "IT"] and found["time_step"].values.tolist() == [0, 1, 2]
    assert np.isnan(found["state_score"].values).tolist() == [[False, True, True], [False, False, False]]
    np.testing.assert_array_equal(found["time_ms"], [[50, np.nan, np.nan], [70, 90, 110]])
    states = states_of("IT", data.stimuli)
    with nothing_kept():
        for step in range(3):
            theirs = judge._similarity_metric(states[..., step].astype(np.float64), judge._assembly)
            here = found.sel(area="IT").isel(time=step)
            assert float(here["state_raw"]) == pytest.approx(float(theirs), abs=1e-6)
            assert float(here["state_score"]) == pytest.approx(float(theirs) ** 2 / float(found["ceiling"]), abs=1e-6)
            assert float(here["state_low"]) < float(here["state_raw"]) < float(here["state_high"])
    best = found["state_score"].max()
    assert found.attrs["best_score"] == float(best) and found.attrs["best_area"] in AREAS
    # What is committed is the mean of states, and its score is no state's.
    assert float(found["low"]) < float(found["raw"]) < float(found["high"])


def test_a_temporal_benchmark_holds_every_state_against_every_bin(data: Data, tmp_path: Path) -> None:
    short = write_data(tmp_path / "short", until_ms=30)
    with injected(short):
        model = VentralBrainModel(Clocked(2), {"IT": "it"}, clock=Clock(10, {"IT": 10}), device="cpu", uncovered="nan")
        found = ventralrnn.score(model, TEMPORAL)
        judge = load_benchmark(TEMPORAL)
    assert found["state_raw"].dims == ("area", "time", "time_bin") and found["state_raw"].shape == (1, 2, 2)
    model.start_recording("IT", [(20, 30)])
    state = model.look_at(short.stimuli)
    repeated = judge._assembly.__class__(
        np.repeat(state.values[..., None], 2, -1).astype(np.float64),
        coords={
            **{name: ("presentation", state[name].values) for name in ("stimulus_id", "object_name")},
            **{name: ("neuroid", state[name].values) for name in ("neuroid_id", "region")},
            **{name: ("time_bin", judge._assembly[name].values) for name in ("time_bin_start", "time_bin_end")},
        },
        dims=["presentation", "neuroid", "time_bin"],
    )
    with nothing_kept():
        theirs = judge._similarity_metric(repeated, judge._assembly)
    np.testing.assert_allclose(found["state_raw"].values[0, 1], theirs.values, atol=1e-6)


def test_all_areas_of_a_network_are_scored_whatever_is_committed(data: Data) -> None:
    with injected(data):
        found = ventralrnn.score("ventral", STATIC, areas={"IT": "V4"}, device="cpu", steps="0:4", min_coverage=0.1)
    assert found["area"].values.tolist() == ["V1", "V2", "V4", "IT"]
    assert np.isfinite(found["state_score"]).sum("time").values.tolist() == [4, 3, 2, 1]
    assert json.loads(found.attrs["areas"])["IT"] == "V4"


def test_finished_states_are_kept_and_taken_over_and_those_of_others_are_not(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, counted = tmp_path / "score.nc", []
    judge_one = each_state._score

    def score_one(*args: Any) -> Any:
        if stop and len(counted) == 2:
            raise KeyboardInterrupt
        counted.append(args[2:])
        return judge_one(*args)

    monkeypatch.setattr(each_state, "_score", score_one)
    with injected(data):
        stop = True
        with pytest.raises(KeyboardInterrupt):
            ventralrnn.score(subject(), STATIC, out=out)
        assert not out.exists() and counted == [("V4", 0), ("IT", 0)]
        journal = tmp_path / "score.nc.states"
        journal.write_text(journal.read_text() + '\n{"key": "cut sh')
        kept = journal.read_text()
        stop = False
        counted.clear()
        resumed = ventralrnn.score(subject(), STATIC, out=out, resume=True)
        assert counted == [("IT", 1), ("IT", 2)] and not journal.exists()
        xr.testing.assert_identical(open_result(out)["state_score"], resumed["state_score"])
        whole = ventralrnn.score(subject(), STATIC)
        xr.testing.assert_equal(resumed, whole)
        for other in (subject(seed=1), subject()):
            journal.write_text(kept)
            counted.clear()
            resume = other.identifier != subject().identifier
            ventralrnn.score(other, STATIC, out=out, resume=resume)
            assert len(counted) == 4, "other weights, or a run that is not to be resumed, take nothing over"
    noisy = write_data(tmp_path / "noisy", noise=1.0)
    with injected(noisy):
        journal.write_text(kept)
        counted.clear()
        ventralrnn.score(subject(), STATIC, out=out, resume=True)
        assert len(counted) == 4, "nor do other data under the same name"


class Behaviour:
    """A benchmark of behaviour: how often the answer is right."""

    identifier, version, bibtex = "behaviour", 1, ""

    def __init__(self, data: Data, task: str) -> None:
        self._data, self._task, self.trials = data, task, 3

    def __call__(self, candidate: Any) -> Any:
        from brainscore_core.metrics import Score

        test = some(self._data, range(30, 40))
        if self._task == "probabilities":
            candidate.start_task("probabilities", some(self._data, range(30)))
            found = candidate.look_at(test, number_of_trials=self.trials)
            value = float(found.sel(choice="label0").mean())
        elif self._task == "odd_one_out":
            candidate.start_task("odd_one_out")
            chosen = candidate.look_at(some(self._data, range(9)), number_of_trials=self.trials)
            value = float(np.mean(chosen.values == "p000"))
        else:
            candidate.start_task("label", ["one", "two"])
            value = float(np.mean(candidate.look_at(test, number_of_trials=self.trials).values == "one"))
        return Score(value)


@pytest.mark.parametrize("task", ["probabilities", "odd_one_out", "label"])
def test_behaviour_is_read_out_of_every_state(data: Data, task: str) -> None:
    model = VentralBrainModel(
        Clocked(3), AREAS, clock=CLOCK, device="cpu", labels=["one", "two", *map(str, range(8))], readout=("IT", 1)
    )
    benchmark = Behaviour(data, task)
    found = ventralrnn.score(model, benchmark)
    assert np.isfinite(found["score"]) and np.isnan(found["ceiling"])
    if task == "label":
        assert "state_score" not in found, "a model's own answers are of no state"
        return
    assert found["state_score"].shape == (2, 3)
    assert float(found["state_score"].sel(area="IT").isel(time=1)) == pytest.approx(float(found["score"]), abs=1e-9)
    if task == "probabilities":
        assert len(set(found["state_score"].values[1].tolist())) == 3


def test_intervals_are_those_of_scipy() -> None:
    load_brainscore()
    from brainscore_core.metrics import Score

    values = np.random.default_rng(1).normal(0.5, 0.2, 61)
    raw = Score(np.median(values), attrs={"raw": Score(values[None], dims=["split", "neuroid"])})
    found = read_numbers(Score(0.3, attrs={"raw": raw, "ceiling": Score(0.9)}))
    theirs = bootstrap((values,), np.median, n_resamples=4000, method="percentile", random_state=0)
    interval = theirs.confidence_interval
    np.testing.assert_allclose([found.low[0], found.high[0]], interval, atol=0.015)
    other = Score(0.1, attrs={"raw": raw.attrs["raw"]})
    assert np.isnan(read_numbers(Score(0.3, attrs={"raw": other})).low[0]), "not a median: no interval is made up"
