"""Models beside each other, on real data or on simulated ones, which is said."""

from pathlib import Path

import numpy as np
import pytest

from tests.brains.benchmarks.common import model
from ventralrnn.brains.benchmarks import BENCHMARKS, compare_models, evaluate, show_table, simulate_data
from ventralrnn.errors import AnalysisError, DataError
from ventralrnn.stimuli import cache

NAMES = ["ventralrnn.Kriegeskorte2008.macaque-IT-rdm", "ventralrnn.Cowley2023.V4-ridge"]


def test_models_are_scored_on_simulated_brains_where_the_data_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    true, other = model(), model()
    other = {name: area.copy(data=area.values[:, :, ::-1] ** 3) for name, area in other.items()}
    table = compare_models({"true": true, "other": other}, NAMES, truth=true, samples=30)
    assert table["score"].dims == ("benchmark", "model") and table["simulated"].values.all()
    assert (table["score"].sel(model="true") > table["score"].sel(model="other")).all()
    assert np.isnan(table["ceiling"][0]) and 0 < float(table["ceiling"][1]) < 1
    for name in NAMES:
        alone = evaluate(name, {"IT": true["IT"], "V4": true["V4"]}, data=simulate_data(name, true), samples=30)
        assert float(table["score"].sel(benchmark=name, model="true")) == alone.attrs["committed_score"]
    text = show_table(table)
    assert text.count("SIMULATED data") == 2 and "no ceiling" in text and max(map(len, text.splitlines())) <= 80
    with pytest.raises(DataError):
        compare_models({"true": true}, NAMES, simulate="never")
    with pytest.raises(AnalysisError, match="simulate"):
        compare_models({"true": true}, NAMES, simulate="sometimes")  # type: ignore[arg-type]


def test_every_benchmark_runs_on_the_shipped_models_without_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    fast = [name for name in BENCHMARKS if "human-IT" in name or "ridge" in name or "uncertainty" in name]
    table = compare_models({"ventral": "ventral", "control": "ventral-feedforward"}, fast, samples=20)
    # The brain is ventral's, so it is the more alike; nothing is above the ceiling by more than noise.
    assert (table["score"].sel(model="ventral") > table["score"].sel(model="control")).all()
    assert (table["score"] < table["ceiling"] + 0.03).all()
    assert np.isfinite(table["best_step"].values).all()
