"""Models beside each other, on real data or on simulated ones, which is said."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tests.brains.benchmarks.common import model
from ventralrnn.brains.benchmarks import BENCHMARKS, compare_models, evaluate, show_table, simulate_data, table_rows
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
    lines = show_table(table).splitlines()
    assert lines[0].split() == ["BENCHMARK", "CEILING", "true", "other", "DIFF.", "P"]
    assert lines[1] == "SIMULATED DATA: a noisy brain made of true" and len(lines) == 4
    assert lines[2].startswith("Kriegeskorte2008.macaque-IT-rdm  unknown  ") and "Cowley2023.V4-ridge" in lines[3]
    for line, name in zip(lines[2:], NAMES, strict=True):
        cell = table.sel(benchmark=name)
        for number in (cell["score"].sel(model="other"), cell["high"].sel(model="true")):
            assert f"{float(number):.2f}" in line
        assert f"{float(cell['difference'].sel(model='true', model_other='other')):+.2f}" in line
    first, second, *_ = rows = table_rows(table)
    assert len(rows) == 4 and first["data"] == "simulated" and first["ceiling"] is None is first["p_value"]
    assert second["compared_with"] == "true" and second["difference"] < 0 < second["p_value"] < 1
    json.dumps(rows, allow_nan=False)
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


def test_names_of_the_shipped_models_fit_into_100_columns() -> None:
    names = ("ventral", "ventral-feedforward", "ventral-lateral")
    shape, square = (len(BENCHMARKS), 3), (len(BENCHMARKS), 3, 3)
    dims = ("benchmark", "model")
    table = xr.Dataset(
        {
            **{name: (dims, np.full(shape, -0.123)) for name in ("score", "low", "high", "best_score")},
            **{name: (dims, np.full(shape, np.nan)) for name in ("best_step", "best_ms")},
            **{name: ((*dims, "model_other"), np.full(square, -0.123)) for name in ("difference", "p_value")},
            "ceiling": ("benchmark", np.full(len(BENCHMARKS), 0.5)),
            "ceiling_lower": ("benchmark", np.full(len(BENCHMARKS), 0.4)),
            "simulated": ("benchmark", np.arange(len(BENCHMARKS)) % 2 == 1),
        },
        {"benchmark": list(BENCHMARKS), "model": list(names), "model_other": list(names)},
        {"truth": "ventral"},
    )
    first, second = show_table(table).split("\n\n")
    assert "ventral-feedforward" in first and "ventral-lateral" in second and max(map(len, first.splitlines())) <= 100
    lines = first.splitlines()
    assert lines[1] == "REAL DATA" and lines[6].startswith("SIMULATED DATA") and len(lines) == 11
    alone = show_table(table.isel(model=[0], model_other=[0]))
    assert alone.splitlines()[0].split() == ["BENCHMARK", "CEILING", "ventral"]
