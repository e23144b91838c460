"""Which of two models fits a brain better, at every state, with intervals and tests."""

from typing import Literal

import numpy as np
import xarray as xr
from scipy import stats

from ventralrnn.analysis.comparison import as_rdms, compare_rdms
from ventralrnn.analysis.inference.bootstrap import Bootstrap, Resample, bootstrap_similarity, state_differences
from ventralrnn.analysis.inference.discovery import false_discovery
from ventralrnn.analysis.inference.intervals import Kind, check_bootstrap, check_level
from ventralrnn.analysis.inference.permutation import count_p_values
from ventralrnn.analysis.inference.persons import mean_over_persons, person_names
from ventralrnn.analysis.rdm.container import match_stimuli
from ventralrnn.analysis.results import provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError


@checked(AnalysisError)
def contrast_states(
    first: xr.Dataset,
    second: xr.Dataset,
    brain: xr.Dataset,
    method: str = "spearman",
    *,
    bootstrap: int = 1000,
    resample: Resample = "stimuli",
    level: float = 0.95,
    interval: Kind = "t",
    correction: Literal["max", "bh", "by"] = "max",
    seed: int = 0,
) -> xr.Dataset:
    """Compare how well two models fit a brain, state by state, on the same samples.

    Parameters
    ----------
    first, second : xarray.Dataset
        RDMs of the models, (area, time, pair) or some of these. Both have the same dimensions; areas, and time steps,
        that both have are compared. Two areas, or two steps, of one model are compared after ``.sel(area=...)`` or
        ``.isel(time=...)``.
    brain : xarray.Dataset
        RDMs of the same stimuli, as :func:`rsa` takes them.
    method : str
        How RDMs are compared, see :func:`~ventralrnn.analysis.comparison.compare_vectors`.
    bootstrap : int
        Number of samples, 2 or more.
    resample : {'stimuli', 'subjects', 'both'}
        What intervals and p values generalise to.
    level : float
        Of the intervals.
    interval : {'t', 'percentile'}
        How intervals and p values are found, see :func:`rsa`.
    correction : {'max', 'bh', 'by'}
        Of the p values for the number of states: the smallest p value of any state in the samples (family-wise error
        [1]_), or the false discovery rate after Benjamini & Hochberg or Benjamini & Yekutieli.
    seed : int
        Of the samples.

    Returns
    -------
    xarray.Dataset
        Over the states of the models, then those of the brain: ``difference``, the similarity of the first less that
        of the second, mean over subjects; ``low`` and ``high``, its interval; ``p_value``, two-sided, for no
        difference, and ``p_corrected`` over all states; ``similarity_first`` and ``similarity_second``. NaN for states
        that do not exist in both.

    Raises
    ------
    AnalysisError
        If stimuli differ, the models have no states in common, or an argument does not fit.

    See Also
    --------
    contrast_models : several models, one state of each.

    Notes
    -----
    Samples are shared by all states. With 'max' each sample's deviations from their mean, in units of their standard
    deviation, give p values as if there were no difference; ``p_corrected`` is the share of samples in which the
    smallest of these is at most the p value found. So the dependence of states is that of the data.

    References
    ----------
    .. [1] Westfall & Young 1993, Resampling-Based Multiple Testing, Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import contrast_states
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> rng = np.random.default_rng(0)
    >>> right, wrong = rng.random((2, 190))  # 20 stimuli
    >>> brain = make_rdms(right + 0.5 * rng.random((6, 190)), ("subject",))
    >>> result = contrast_states(make_rdms(right), make_rdms(wrong), brain, bootstrap=200)
    >>> bool(result.difference > 0.5), bool(result.p_corrected < 0.05)
    (True, True)
    """
    check_level(level)
    check_bootstrap(bootstrap)
    if interval not in ("t", "percentile"):
        raise AnalysisError(f"interval: {interval!r} is not 't' or 'percentile'")
    if correction not in ("max", "bh", "by"):
        raise AnalysisError(f"correction: {correction!r} is not 'max', 'bh' or 'by'")
    one, other = _align(as_rdms(first, "first"), as_rdms(second, "second"))
    theirs = as_rdms(brain, "brain")
    each = [compare_rdms(rdms, theirs, method) for rdms in (one, other)]
    matched = match_stimuli(one, theirs)[1]
    brains = matched["dissimilarity"].transpose(*(["subject"] if "subject" in matched.dims else []), ..., "pair")
    rows = brains.values.reshape(brains.sizes.get("subject", 1), -1, brains.shape[-1])
    persons = person_names(matched) if "subject" in brains.dims else None
    models = np.concatenate([_rows(one), _rows(match_stimuli(one, other)[1])])
    samples = bootstrap_similarity(
        models, rows, method, samples=bootstrap, resample=resample, seed=seed, persons=persons
    )
    means = [mean_over_persons(found["similarity"], persons) for found in each]
    states = len(models) // 2
    found = np.stack([mean.values.reshape(states, -1) for mean in means]).reshape(2 * states, -1)
    pairs = [(state, state + states) for state in range(states)]
    result = state_differences(found, samples, pairs, level=level, kind=interval)
    corrected = _smallest(result.p_value, samples, pairs) if correction == "max" else None
    if corrected is None:
        corrected = false_discovery(result.p_value, "bh" if correction == "bh" else "by")
    values = {"difference": result.difference, "low": result.low, "high": result.high}
    values |= {"p_value": result.p_value, "p_corrected": corrected}
    data = {name: (means[0].dims, value.reshape(means[0].shape)) for name, value in values.items()}
    data |= {f"similarity_{name}": (m.dims, m.values) for name, m in zip(("first", "second"), means, strict=True)}
    settings = {"bootstrap": bootstrap, "resample": resample, "level": level, "interval": interval}
    attrs = provenance(None, analysis="difference of fits", method=method, correction=correction, seed=seed, **settings)
    attrs |= {f"{side}_{k}": v for side, rdms in (("first", one), ("second", other)) for k, v in rdms.attrs.items()}
    return xr.Dataset(data, means[0].coords, attrs)


def _align(first: xr.Dataset, second: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the states that both models have, in the order of the first."""
    dims = [rdms["dissimilarity"].dims for rdms in (first, second)]
    if set(dims[0]) != set(dims[1]) or "subject" in dims[0]:
        raise AnalysisError(
            f"first, second: RDMs over ({', '.join(map(str, dims[0]))}) and ({', '.join(map(str, dims[1]))}): give the "
            "same dimensions of area and time, without subject"
        )
    second = second.transpose(*dims[0], ...)
    for dim, name in (("area", "area"), ("time", "time_step")):
        if dim not in dims[0]:
            continue
        if name not in first.coords or name not in second.coords:
            if first.sizes[dim] != second.sizes[dim]:
                raise AnalysisError(f"first, second: {first.sizes[dim]} and {second.sizes[dim]} along {dim}, unnamed")
            continue
        ours, theirs = first[name].values.tolist(), second[name].values.tolist()
        common = [value for value in ours if value in theirs]
        if not common:
            raise AnalysisError(f"first, second: no {name} is in both; select one of each to compare them")
        first = first.isel({dim: [ours.index(value) for value in common]})
        second = second.isel({dim: [theirs.index(value) for value in common]})
    return first, second


def _rows(rdms: xr.Dataset) -> np.ndarray:
    array = rdms["dissimilarity"].transpose(..., "pair")
    return np.asarray(array.values, float).reshape(-1, array.shape[-1])


def _smallest(p_value: np.ndarray, samples: Bootstrap, pairs: list[tuple[int, int]]) -> np.ndarray:
    """Return p values that hold the family-wise error, by the smallest p value of any state in the samples."""
    first, second = np.array(pairs).T
    found = samples.similarity[0][:, first] - samples.similarity[0][:, second]
    found = found[~np.isnan(found).all((1, 2))]  # samples of too few different stimuli
    moved = found - found.mean(0)
    spread = moved.std(0)
    standard = np.abs(moved) / np.where(spread > 0, spread, np.nan)
    largest = np.where(np.isnan(standard), -np.inf, standard).max((1, 2))
    # The same order as of the smallest p values: of one normal distribution.
    corrected = count_p_values(stats.norm.isf(p_value / 2), largest[:, None, None])
    return np.maximum(corrected, p_value)
