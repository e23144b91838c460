"""Models against each other: which of them is more like a brain, on the same stimuli and subjects."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import xarray as xr

from ventralrnn.analysis.inference.bootstrap import Resample, state_differences
from ventralrnn.analysis.inference.discovery import false_discovery, holm
from ventralrnn.analysis.inference.intervals import check_bootstrap, check_level
from ventralrnn.analysis.inference.pairs import arrange, model_pairs, to_matrix
from ventralrnn.analysis.inference.rsa import add_intervals, add_settings, compare_with_ceilings
from ventralrnn.analysis.rdm.container import match_stimuli
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError


@checked(AnalysisError)
def contrast_models(
    models: Mapping[str, xr.Dataset],
    brain: xr.Dataset,
    method: str = "spearman",
    *,
    bootstrap: int = 1000,
    resample: Resample = "stimuli",
    level: float = 0.95,
    correction: Literal["holm", "bh", "by"] = "holm",
    seed: int = 0,
) -> xr.Dataset:
    """Compare several models with one state of a brain, and with each other.

    Parameters
    ----------
    models : mapping of str to xarray.Dataset
        One RDM (pair) of each, for example an area at a step, chosen before the comparison:
        ``rdms.sel(area="IT").isel(time=-1)``.
    brain : xarray.Dataset
        RDMs (subject, pair) or one (pair) of the same stimuli.
    method : str
        As in :func:`rsa`.
    bootstrap : int
        Number of samples.
    resample : {'stimuli', 'subjects', 'both'}
        What intervals and tests generalise to.
    level : float
        Of the intervals; 1 - level is the error rate.
    correction : {'holm', 'bh', 'by'}
        Of the p values for the number of pairs: family-wise error after Holm, or the false discovery rate
        (:func:`false_discovery`).
    seed : int
        Of the samples.

    Returns
    -------
    xarray.Dataset
        ``similarity``, ``low``, ``high`` (model), ceilings as in :func:`rsa`, and ``difference``, ``difference_low``,
        ``difference_high``, ``p_value``, ``p_corrected`` (model, model_other): how much more similar a model is than
        the other, all on the same samples; NaN on the diagonal. p values are two-sided, for no difference.

    Raises
    ------
    AnalysisError
        If there are fewer than two models, one has several states, or the stimuli differ.

    See Also
    --------
    state_differences : the same for states of a model.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import contrast_models
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> rng = np.random.default_rng(0)
    >>> good, bad = rng.random((2, 190))
    >>> brain = make_rdms(good + 0.5 * rng.random((4, 190)), ("subject",))
    >>> result = contrast_models({"good": make_rdms(good), "bad": make_rdms(bad)}, brain, bootstrap=100)
    >>> bool(result.p_corrected.sel(model="good", model_other="bad") < 0.05)
    True
    """
    check_level(level)
    check_bootstrap(bootstrap)
    stacked, names = _stack(models), list(models)
    if correction not in ("holm", "bh", "by"):
        raise AnalysisError(f"correction: {correction!r} is not 'holm', 'bh' or 'by'")
    if set(brain["dissimilarity"].dims) - {"subject", "pair"}:
        raise AnalysisError("brain: has several states; choose one, with sel(area=...) and isel(time=...)")
    compared = compare_with_ceilings(stacked, brain, method)
    samples = add_intervals(compared, method, bootstrap, resample, level, "t", seed)
    result = compared.result
    add_settings(result, level, seed, bootstrap=bootstrap, resample=resample, interval="t", correction=correction)
    found = state_differences(result["similarity"].values[:, None], samples, model_pairs(len(names)), level=level)
    p_value = found.p_value[:, 0]
    matrices = arrange(len(names), found.difference[:, 0], found.low[:, 0], found.high[:, 0], p_value)
    corrected = holm(p_value) if correction == "holm" else false_discovery(p_value, correction)
    dims = ("model", "model_other")
    result = result.assign_coords(model_other=names)
    for name, matrix in zip(("difference", "difference_low", "difference_high", "p_value"), matrices, strict=True):
        result[name] = (dims, matrix)
    result["p_corrected"] = (dims, to_matrix(len(names), corrected, corrected))
    return result


def _stack(models: Mapping[str, xr.Dataset]) -> xr.Dataset:
    if len(models) < 2:
        raise AnalysisError(f"models: {len(models)} of them; give at least two")
    first = next(iter(models.values()))
    rows = []
    for name, rdms in models.items():
        if rdms["dissimilarity"].dims != ("pair",):
            raise AnalysisError(f"models: {name} has several states; choose one, with sel(area=...) and isel(time=...)")
        rows.append(match_stimuli(first, rdms)[1]["dissimilarity"].values)
    coords = {name: c for name, c in first.coords.items() if c.dims == ("stimulus",)}
    attrs = {"distance": first.attrs["distance"]} if "distance" in first.attrs else {}
    return xr.Dataset({"dissimilarity": (("model", "pair"), np.stack(rows))}, {**coords, "model": list(models)}, attrs)
