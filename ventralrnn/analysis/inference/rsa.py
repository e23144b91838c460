"""Representational similarity analysis over time, with ceilings, intervals and tests in one call."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from scipy import stats

from ventralrnn.analysis.comparison import as_rdms, compare_rdms
from ventralrnn.analysis.inference.bootstrap import Bootstrap, Resample, bootstrap_similarity
from ventralrnn.analysis.inference.ceilings import NoiseCeilings, noise_ceilings
from ventralrnn.analysis.inference.clusters import cluster_test
from ventralrnn.analysis.inference.discovery import false_discovery
from ventralrnn.analysis.inference.intervals import Kind, check_level
from ventralrnn.analysis.inference.permutation import PermutationTest, permute_stimuli
from ventralrnn.analysis.inference.persons import Persons, mean_over_persons, person_names
from ventralrnn.analysis.inference.repeats import ceilings_of_repeats
from ventralrnn.analysis.rdm.container import match_stimuli
from ventralrnn.analysis.results import provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError
from ventralrnn.progress import showing

Correction = Literal["max", "bh", "by"]
_OTHER = "_other"
_SUBJECTS = "each subject with the mean of all (upper), and with the mean of the others (lower)"
_REPEATS = "halves of the repeats: RDM without noise (upper), RDM of as many new repeats (lower)"


@checked(AnalysisError)
def rsa(
    model: xr.Dataset,
    brain: xr.Dataset,
    method: str = "spearman",
    *,
    bootstrap: int = 0,
    resample: Resample = "stimuli",
    permutations: int = 0,
    level: float = 0.95,
    interval: Kind = "t",
    correction: Correction = "max",
    cluster_p: float = 0.05,
    seed: int = 0,
    progress: bool = False,
) -> xr.Dataset:
    """Compare every state of a model with every state of a brain, with ceilings, intervals and tests.

    Parameters
    ----------
    model : xarray.Dataset
        RDMs, (area, time, pair) or some of these, as :func:`~ventralrnn.analysis.rdm.make_rdms` returns.
    brain : xarray.Dataset
        RDMs of the same stimuli, (subject, area, time, pair) or some of these. Stimuli are matched by name. Where it
        has a coordinate ``person`` (subject), rows of one person, such as sessions, are one subject: drawn and left out
        together, and all persons count alike.
    method : str
        How RDMs are compared, see :func:`~ventralrnn.analysis.comparison.compare_vectors`.
    bootstrap : int
        Number of bootstrap samples; without any there are no intervals.
    resample : {'stimuli', 'subjects', 'both'}
        What the intervals generalise to: other stimuli, other subjects, or both at once.
    permutations : int
        Number of permutations of the stimuli; without any there are no tests.
    level : float
        Of the intervals; 1 - level is the error rate of `significant`.
    interval : {'t', 'percentile'}
        From the bootstrap's variance and Student's t, or from quantiles of the samples. Intervals of ceilings are
        always from the variance.
    correction : {'max', 'bh', 'by'}
        Of the p values for the number of states: the largest statistic (family-wise error), or the false discovery
        rate after Benjamini & Hochberg or Benjamini & Yekutieli.
    cluster_p : float
        States whose statistic a normal distribution exceeds with this probability form clusters.
    seed : int
        Of resampling and permuting.
    progress : bool
        Show progress bars.

    Returns
    -------
    xarray.Dataset
        Dimensions of the model, then those of the brain, which have the prefix ``brain_`` where the model has the same
        ones: (area, time, brain_area, brain_time).

        - ``similarity``: mean over subjects. ``similarity_subject``: (subject, ...), where the brain has subjects.
        - ``ceiling_lower``, ``ceiling_upper`` (brain_area, brain_time), and ``ceiling_lag_lower``,
          ``ceiling_lag_upper`` (brain_area, brain_time, brain_time_other), see :func:`noise_ceilings`; where the brain
          has several subjects. Where it has one, and :func:`~ventralrnn.brains.load_brain` has kept the responses to
          repeats, those of :func:`repeat_ceilings`: a model without noise is expected at the upper bound, a second
          recording of as many repeats at the lower. The attribute ``ceiling_from`` says which, or why there are none.
        - ``low``, ``high``: interval of `similarity`; ``ceiling_lower_low``, ``ceiling_lower_high``,
          ``ceiling_upper_low``, ``ceiling_upper_high``: of the ceilings. With `bootstrap`.
        - ``p_value``: for no relation between the RDMs, one-sided; ``p_corrected``: over all states; ``significant``:
          in a cluster over model time x brain time (or what there is of the two) that is significant at
          1 - `level`, family-wise over all areas. With `permutations`.

        All are NaN, or False, for states that do not exist.

    Raises
    ------
    AnalysisError
        If stimuli differ, the model has subjects, or an argument does not fit.

    References
    ----------
    .. [1] Schütt, Kipnis, Diedrichsen & Kriegeskorte 2023, Statistical inference on representational geometries,
       eLife 12:e82566.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import rsa
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> rng = np.random.default_rng(0)
    >>> geometry = rng.random((2, 45))  # two steps, ten stimuli
    >>> model = make_rdms(geometry[None], ("area", "time"), {"area": ["IT"]})
    >>> brain = make_rdms(geometry[1] + 0.3 * rng.random((4, 45)), ("subject",))  # four noisy subjects
    >>> result = rsa(model, brain, bootstrap=50, permutations=50)
    >>> int(result.similarity.sel(area="IT").argmax()), bool(result.significant.sel(area="IT")[1])
    (1, True)
    >>> bool(result.ceiling_lower < result.ceiling_upper)
    True
    """
    check_level(level)
    if not 0 < cluster_p < 1:
        raise AnalysisError(f"cluster_p: {cluster_p} does not lie between 0 and 1")
    if interval not in ("t", "percentile"):
        raise AnalysisError(f"interval: {interval!r} is not 't' or 'percentile'")
    if correction not in ("max", "bh", "by"):
        raise AnalysisError(f"correction: {correction!r} is not 'max', 'bh' or 'by'")
    if min(bootstrap, permutations) < 0:
        raise AnalysisError("bootstrap, permutations: give 0 for none, or for example 1000")
    if bootstrap == 1:
        raise AnalysisError("bootstrap: 1 sample is too few for an interval: give 0 for none, or for example 1000")
    compared = compare_with_ceilings(model, brain, method)
    result = compared.result
    with showing(progress):
        if bootstrap:
            add_intervals(compared, method, bootstrap, resample, level, interval, seed)
        if permutations:
            _add_tests(compared, method, permutations, level, correction, cluster_p, seed)
    settings: dict[str, float | str] = {}
    if bootstrap:
        settings |= {"bootstrap": bootstrap, "resample": resample, "interval": interval}
    if permutations:
        settings |= {"permutations": permutations, "correction": correction, "cluster_p": cluster_p}
    add_settings(result, level, seed, **settings)
    return result


@dataclass(frozen=True)
class Compared:
    """The comparison so far, with RDMs as arrays whose stimuli are in the same order."""

    result: xr.Dataset
    brain: xr.Dataset
    models: np.ndarray  # (model state, pair)
    brains: np.ndarray  # (subject, brain state, pair)
    model_dims: tuple[str, ...]
    brain_dims: tuple[str, ...]
    persons: np.ndarray | None  # (subject,), where they are not the subjects

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the dimensions of the model, then of the brain."""
        return tuple(self.result.sizes[d] for d in self.model_dims + self.brain_dims)

    def add(self, name: str, values: np.ndarray) -> None:
        """Add a variable over all states."""
        self.result[name] = (self.model_dims + self.brain_dims, values.reshape(self.shape))

    def add_brain(self, name: str, values: np.ndarray) -> None:
        """Add a variable over the states of the brain."""
        self.result[name] = (self.brain_dims, values.reshape([self.result.sizes[d] for d in self.brain_dims]))


def compare_with_ceilings(model: xr.Dataset, brain: xr.Dataset, method: str) -> Compared:
    """Return similarities and noise ceilings, to which intervals and tests are added."""
    compared = _compare(as_rdms(model, "model"), as_rdms(brain, "brain"), method)
    _add_ceilings(compared, method)
    return compared


def add_settings(result: xr.Dataset, level: float, seed: int, **settings: float | str) -> None:
    """Say among the attributes how intervals and tests were made."""
    found = provenance(None, level=level, resampling_seed=seed, **settings)
    result.attrs.update({key: value for key, value in found.items() if key != "versions"})


def _compare(model: xr.Dataset, brain: xr.Dataset, method: str) -> Compared:
    if "subject" in model["dissimilarity"].dims:
        raise AnalysisError("model: RDMs have the dimension subject; take one, or their mean")
    each = compare_rdms(model, brain, method)
    one, two = match_stimuli(model, brain, ("model", "brain"))
    ours, theirs = (rdms["dissimilarity"].transpose(..., "pair") for rdms in (one, two))
    if "subject" in theirs.dims:
        theirs = theirs.transpose("subject", ..., "pair")
    leading = tuple(str(d) for d in each["similarity"].dims)
    model_dims = leading[: ours.ndim - 1]
    brain_dims = tuple(d for d in leading[ours.ndim - 1 :] if d != "subject")
    pairs = ours.shape[-1]
    subjects = theirs.sizes.get("subject", 1)
    result = each.drop_vars("similarity")
    found = each["similarity"].transpose(..., *model_dims, *brain_dims)
    result["similarity"] = mean_over_persons(found, person_names(two))
    if "subject" in leading:
        result["similarity_subject"] = found
    result.attrs = dict(each.attrs)
    return Compared(
        result,
        two,
        ours.values.reshape(-1, pairs),
        theirs.values.reshape(subjects, -1, pairs),
        model_dims,
        brain_dims,
        person_names(two) if "subject" in theirs.dims else None,
    )


def _add_ceilings(compared: Compared, method: str) -> None:
    subjects, states, _ = compared.brains.shape
    several = Persons.of(subjects, compared.persons).number > 1
    by_area: list[NoiseCeilings] = []
    if not several:
        names = np.atleast_1d(compared.brain["area"].values) if "area" in compared.brain.coords else ["responses"]
        try:
            by_area = [_of_repeats(compared.brain, str(name), method) for name in names]
        except AnalysisError as error:
            compared.result.attrs["ceiling_from"] = f"none: {error}"
            return
    compared.result.attrs["ceiling_from"] = _SUBJECTS if several else _REPEATS
    sizes = compared.result.sizes
    along = next((d for d in compared.brain_dims if d in ("brain_time", "time")), None)
    apart = [d for d in compared.brain_dims if d != along]
    times = sizes[along] if along else 1
    place = np.arange(states).reshape([sizes[d] for d in compared.brain_dims])
    if along:
        place = np.moveaxis(place, compared.brain_dims.index(along), -1)
    bounds, lags = np.full((2, states), np.nan), np.full((2, states // times, times, times), np.nan)
    for area, index in enumerate(place.reshape(-1, times)):
        if several:
            found = noise_ceilings(compared.brains[:, index], method, persons=compared.persons)
        else:
            found = by_area[area]
        bounds[:, index] = found.lower, found.upper
        lags[:, area] = found.lag_lower, found.lag_upper
    for name, bound, lag in zip(("lower", "upper"), bounds, lags, strict=True):
        compared.add_brain(f"ceiling_{name}", bound)
        if along:
            dims = (*apart, along, along + _OTHER)
            compared.result[f"ceiling_lag_{name}"] = (dims, lag.reshape(*(sizes[d] for d in apart), times, times))
    if along:
        for name, coordinate in list(compared.result.coords.items()):
            if along in coordinate.dims:
                new = tuple(along + _OTHER if d == along else d for d in coordinate.dims)
                compared.result.coords[f"{name}{_OTHER}"] = (new, coordinate.values)


def _of_repeats(brain: xr.Dataset, area: str, method: str) -> NoiseCeilings:
    found = ceilings_of_repeats(brain, area, method)
    lag = found.lag_ceiling * found.ceiling
    np.fill_diagonal(lag, found.reliability)
    return NoiseCeilings(found.reliability, found.ceiling, lag, found.lag_ceiling)


def add_intervals(
    compared: Compared, method: str, samples: int, resample: Resample, level: float, kind: Kind, seed: int
) -> Bootstrap:
    """Add intervals of similarities and ceilings; return the samples that they come from."""
    found = bootstrap_similarity(
        compared.models,
        compared.brains,
        method,
        samples=samples,
        resample=resample,
        seed=seed,
        persons=compared.persons,
    )
    point = compared.result["similarity"].values.reshape(len(compared.models), -1)
    low, high = found.interval(point, found.similarity, level, kind)
    compared.add("low", low)
    compared.add("high", high)
    if found.n_subjects > 1:
        _add_ceiling_intervals(compared, found, level)
    return found


def _add_ceiling_intervals(compared: Compared, found: Bootstrap, level: float) -> None:
    for name, samples in (("ceiling_lower", found.lower), ("ceiling_upper", found.upper)):
        # The samples' own mean may differ a little from the bound, whose mean of ranks is ranked again.
        low, high = found.interval(compared.result[name].values.reshape(-1), samples, level, "t")
        compared.add_brain(f"{name}_low", low)
        compared.add_brain(f"{name}_high", high)


def _add_tests(
    compared: Compared,
    method: str,
    permutations: int,
    level: float,
    correction: Correction,
    cluster_p: float,
    seed: int,
) -> None:
    test = permute_stimuli(
        compared.models, compared.brains, method, permutations=permutations, seed=seed, persons=compared.persons
    )
    p_value = test.p_values()
    compared.add("p_value", p_value)
    standard = test.standardised()
    corrected = standard.max_p_values() if correction == "max" else false_discovery(p_value, correction)
    compared.add("p_corrected", corrected)
    compared.add("significant", np.zeros(compared.shape, bool))
    times = [d for d in compared.model_dims + compared.brain_dims if d in ("time", "brain_time")]
    if not times:
        compared.add("significant", p_value <= 1 - level)
        return
    dims = compared.model_dims + compared.brain_dims
    order = [dims.index(d) for d in dims if d not in times] + [dims.index(d) for d in times]
    observed = standard.observed.reshape(compared.shape).transpose(order)
    null = standard.null.reshape(-1, *compared.shape).transpose(0, *(1 + axis for axis in order))
    clusters = cluster_test(PermutationTest(observed, null), float(stats.norm.isf(cluster_p)), dimensions=len(times))
    compared.add("significant", clusters.significant(1 - level).transpose(np.argsort(order)))
