"""Assemblies with more neuroids than presentations, made as small as what metrics read from them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import qr

# Beyond this many presentations, products of them with each other are no less than what they stand for.
MOST_ROWS = 4096
_BLOCK_VALUES = 1 << 22


def compact(assemblies: Sequence[Any], *, center_rows: bool = False) -> list[Any]:
    """Return assemblies with as many neuroids as they have presentations, and the same products of presentations.

    Regressions with an intercept that treat all features alike (ridge, PLS without scaling), and CKA, know features
    only through the products of presentations with each other. So they are the same for features turned to as many axes
    as there are presentations, which one pass over blocks of features finds: the triangular factor of a QR
    decomposition that blocks are added to one by one.

    Parameters
    ----------
    assemblies : sequence of NeuroidAssembly, (presentation, neuroid)
        Of one model, with the same neuroids; such as those to fit to and to test with.
    center_rows : bool
        Whether the mean over neuroids of every presentation is taken out, as correlations of patterns do, and not that
        over presentations of every neuroid, as regressions and CKA do (which lose digits to a large one). Features
        then come twice, with either sign, so that they have no mean either.

    Returns
    -------
    list of NeuroidAssembly
        float64, less these means. With all of their neuroids, if these are no more than twice as many as presentations
        (four times with `center_rows`), or there are more than `MOST_ROWS` presentations.
    """
    ordered = [one.transpose("presentation", "neuroid") for one in assemblies]
    turned = turn([one.values for one in ordered], center_rows)
    return [
        one.copy(data=values) if values.shape == one.shape else _like(one, values)
        for one, values in zip(ordered, turned, strict=True)
    ]


def turn(values: Sequence[np.ndarray], center_rows: bool = False) -> list[np.ndarray]:
    """Return arrays (presentation, neuroid) as :func:`compact` returns assemblies."""
    rows, wide = sum(len(one) for one in values), values[0].shape[1]
    if center_rows:
        means = [one.mean(1, keepdims=True, dtype=np.float64) for one in values]
    else:
        means = [sum(one.sum(0, keepdims=True, dtype=np.float64) for one in values) / rows] * len(values)
    if wide <= 2 * rows * (1 + center_rows) or rows > MOST_ROWS:
        return [one - mean for one, mean in zip(values, means, strict=True)]
    size = max(rows, _BLOCK_VALUES // rows)
    factor = np.zeros((0, rows))
    for start in range(0, wide, size):
        columns = slice(start, start + size)
        parts = [
            one[:, columns] - (mean if center_rows else mean[:, columns])
            for one, mean in zip(values, means, strict=True)
        ]
        (factor,) = qr(
            np.concatenate([factor, np.concatenate(parts).T]), mode="r", overwrite_a=True, check_finite=False
        )
        factor = factor[:rows]
    turned = np.ascontiguousarray(factor.T)
    if center_rows:
        turned = np.concatenate([turned, -turned], 1) / np.sqrt(2)
    edges = np.cumsum([0, *(len(one) for one in values)])
    return [turned[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _like(assembly: Any, values: np.ndarray) -> Any:
    from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords

    coords = {name: (dims, v) for name, dims, v in walk_coords(assembly) if dims == ("presentation",)}
    numbers = np.arange(values.shape[1])
    coords |= {"neuroid_id": ("neuroid", numbers), "neuroid_num": ("neuroid", numbers)}
    return type(assembly)(values, coords=coords, dims=["presentation", "neuroid"], attrs=assembly.attrs)
