"""A comparison of models as text, and as rows of a table."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

_PREFIX = "ventralrnn."
_HEAD = ("BENCHMARK", "CEILING", "DIFF.", "P")
_GAP = "  "
_SMALLEST_P = 0.001


def show_table(table: xr.Dataset) -> str:
    """Return a comparison of models as text.

    Parameters
    ----------
    table : xarray.Dataset
        What :func:`compare_models` returns.

    Returns
    -------
    str
        The first model beside each of the others: a line a benchmark with its ceiling, both scores with their
        intervals, their difference and its p value; benchmarks on real data first, then those on simulated ones, under
        a heading that says so. At most 100 columns wide for names of models of up to 19.
    """
    first, *others = (str(name) for name in table["model"].values)
    pairs: list[str | None] = [*others] or [None]
    return "\n\n".join("\n".join(_pair(table, first, other)) for other in pairs)


def table_rows(table: xr.Dataset) -> list[dict[str, Any]]:
    """Return a comparison of models as rows, one a benchmark and model.

    Parameters
    ----------
    table : xarray.Dataset
        What :func:`compare_models` returns.

    Returns
    -------
    list of dict
        ``benchmark``, ``region``, ``metric``, ``data`` ('real' or 'simulated'), ``ceiling_lower``, ``ceiling``,
        ``model``, ``score``, ``low``, ``high``, ``best_step``, ``best_ms``, ``best_score``; and against the first model
        ``compared_with``, ``difference``, ``difference_low``, ``difference_high``, ``p_value``. None where there is
        none.
    """
    first, rows = str(table["model"].values[0]), []
    for benchmark in table["benchmark"].values:
        for model in table["model"].values:
            cell = table.sel(benchmark=benchmark, model=model)
            against = cell.sel(model_other=first)
            other = str(model) != first
            rows.append(
                {
                    "benchmark": str(benchmark),
                    "region": str(cell["region"].item()),
                    "metric": str(cell["metric"].item()),
                    "data": "simulated" if bool(cell["simulated"]) else "real",
                    **{name: _plain(cell[name]) for name in ("ceiling_lower", "ceiling")},
                    "model": str(model),
                    **{name: _plain(cell[name]) for name in ("score", "low", "high", "best_step", "best_ms")},
                    "best_score": _plain(cell["best_score"]),
                    "compared_with": first if other else None,
                    **{
                        name: _plain(against[name])
                        for name in ("difference", "difference_low", "difference_high", "p_value")
                    },
                }
            )
    return rows


def _pair(table: xr.Dataset, first: str, other: str | None) -> Iterator[str]:
    models = [first] if other is None else [first, other]
    name, ceiling, *comparison = _HEAD
    head = [name, ceiling, *models, *(comparison if other else [])]
    simulated = table["simulated"].values.astype(bool)
    parts = [(bool(kind), [_line(table, i, models) for i in np.flatnonzero(simulated == kind)]) for kind in (0, 1)]
    rows = [head, *(line for _, lines in parts for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield _join(head, widths)
    for kind, lines in parts:
        if lines:
            yield f"SIMULATED DATA: a noisy brain made of {table.attrs['truth']}" if kind else "REAL DATA"
            yield from (_join(line, widths) for line in lines)


def _line(table: xr.Dataset, position: int, models: list[str]) -> list[str]:
    row = table.isel(benchmark=position)
    cells = [str(row["benchmark"].item()).removeprefix(_PREFIX), _ceiling(row)]
    for model in models:
        score, low, high = (float(row[part].sel(model=model)) for part in ("score", "low", "high"))
        cells.append(f"{score:5.2f} [{low:5.2f},{high:5.2f}]")
    if len(models) == 2:
        cell = row.sel(model=models[0], model_other=models[1])
        cells += [f"{float(cell['difference']):+.2f}", _p(float(cell["p_value"]))]
    return cells


def _join(cells: list[str], widths: list[int]) -> str:
    return _GAP.join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _ceiling(row: xr.Dataset) -> str:
    lower, upper = float(row["ceiling_lower"]), float(row["ceiling"])
    if math.isnan(upper):
        return "unknown"
    return f"{upper:.2f}" if math.isnan(lower) else f"{lower:.2f}-{upper:.2f}"


def _p(value: float) -> str:
    return f"<{_SMALLEST_P}" if value < _SMALLEST_P else f" {value:.3f}"


def _plain(value: xr.DataArray) -> float | None:
    number = float(value)
    return None if math.isnan(number) else number
