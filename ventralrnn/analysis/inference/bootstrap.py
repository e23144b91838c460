"""Bootstraps over stimuli, over subjects and over both: samples of every comparison and of its ceilings at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.analysis.comparison import PRODUCT_METHODS, compare_prepared, compare_vectors, prepare
from ventralrnn.analysis.inference.ceilings import ceilings_of
from ventralrnn.analysis.inference.existing import check_pairs, existing
from ventralrnn.analysis.inference.intervals import (
    Kind,
    percentile_interval,
    percentile_p_values,
    sample_variance,
    stimulus_dof,
    stimulus_variance,
    t_interval,
    t_p_values,
    two_factor_variance,
)
from ventralrnn.analysis.inference.persons import Persons
from ventralrnn.analysis.inference.resampling import ResampledRows, draw
from ventralrnn.analysis.rdm.container import pair_indices
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError
from ventralrnn.progress import track

Resample = Literal["stimuli", "subjects", "both"]
# A correlation of RDMs needs three pairs of different stimuli.
_FEWEST_STIMULI = 3
# Pairs of so many rows are held in ranked form at a time.
_BLOCK_VALUES = 1 << 24


@dataclass(frozen=True)
class Bootstrap:
    """Comparisons of RDMs in samples of stimuli, of subjects or of both.

    Parameters
    ----------
    resample : {'stimuli', 'subjects', 'both'}
        What was resampled.
    similarity : numpy.ndarray, (factor, sample, model state, brain state)
        Mean over subjects. What was resampled: ``('stimuli', 'pairs')``, ``('subjects',)``, or ``('both', 'subjects',
        'stimuli', 'pairs')``. NaN where a state does not exist, in samples of fewer than three different stimuli, and
        after the last sample of pairs, of which there are fewer.
    lower, upper : numpy.ndarray, (factor, sample, brain state)
        Noise ceilings of each sample; NaN for one subject, and in samples of one subject alone.
    n_stimuli, n_subjects : int
        What there was to resample from; subjects are persons.
    """

    resample: Resample
    similarity: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    n_stimuli: int
    n_subjects: int

    def dof(self, samples: np.ndarray) -> int | np.ndarray:
        """Return the degrees of freedom of the variance of an estimate.

        Parameters
        ----------
        samples : numpy.ndarray, (factor, sample, ...)
            The estimate in every sample.

        Returns
        -------
        int or numpy.ndarray, (...)
            The smaller number of things resampled, minus 1; over stimuli less where the correction for pairs is large
            (:func:`stimulus_dof`).
        """
        if self.resample == "stimuli":
            return stimulus_dof(samples[0], samples[1], self.n_stimuli)
        return (self.n_subjects if self.resample == "subjects" else min(self.n_stimuli, self.n_subjects)) - 1

    def variance(self, samples: np.ndarray) -> np.ndarray:
        """Return the variance of an estimate.

        Parameters
        ----------
        samples : numpy.ndarray, (factor, sample, ...)
            The estimate in every sample, computed from the fields of this bootstrap.

        Returns
        -------
        numpy.ndarray, (...)
            Corrected for small numbers, for pairs where these were sampled (:func:`stimulus_variance`), and for two
            factors (:func:`two_factor_variance`).
        """
        if self.resample == "subjects":
            return sample_variance(samples[0], self.n_subjects)
        if self.resample == "stimuli":
            return stimulus_variance(samples[0], samples[1], self.n_stimuli)
        return two_factor_variance(samples[0], samples[1], samples[2], self.n_subjects, self.n_stimuli, samples[3])

    def interval(
        self, estimate: np.ndarray, samples: np.ndarray, level: float = 0.95, kind: Kind = "t"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the interval of an estimate.

        Parameters
        ----------
        estimate : numpy.ndarray, (...)
            What was found in the data.
        samples : numpy.ndarray, (factor, sample, ...)
            The estimate in every sample.
        level : float
            Share of data sets whose interval holds the true value.
        kind : {'t', 'percentile'}
            Estimate plus and minus a multiple of the standard error, or quantiles of the samples. With two factors
            quantiles are too wide, for they cannot be corrected.

        Returns
        -------
        tuple of numpy.ndarray, (...)
            Low and high ends.
        """
        if kind == "percentile":
            return percentile_interval(samples[0], level)
        return t_interval(estimate, self.variance(samples), self.dof(samples), level)


@dataclass(frozen=True)
class Differences:
    """How much better some model states fit than others.

    Parameters
    ----------
    difference, low, high : numpy.ndarray, (pair of states, brain state)
        Similarity of the first minus that of the second, and its interval.
    p_value : numpy.ndarray, (pair of states, brain state)
        Two-sided, for no difference.
    """

    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray


@checked(AnalysisError)
def bootstrap_similarity(
    model: Any,
    brain: Any,
    method: str = "spearman",
    *,
    samples: int = 1000,
    resample: Resample = "stimuli",
    seed: int = 0,
    rerank: bool = True,
    pair_samples: int = 400,
    draws: tuple[np.ndarray | None, np.ndarray | None] | None = None,
    persons: Sequence[Any] | np.ndarray | None = None,
) -> Bootstrap:
    """Compare all model states with all brain states in samples of stimuli, subjects or both.

    Parameters
    ----------
    model : numpy.ndarray or torch.Tensor, (model state, pair)
        RDMs, upper triangles; a state that does not exist is NaN throughout. A pair that is NaN in all RDMs of the
        models, or of the brain, was not measured and is left out, in every sample.
    brain : numpy.ndarray or torch.Tensor, (subject, brain state, pair)
        RDMs of every subject. A brain state counts only if all subjects have it.
    method : str
        How RDMs are compared; over stimuli one of ``'spearman'``, ``'rho-a'``, ``'corr'``, ``'cosine'``, over subjects
        whatever :func:`~ventralrnn.analysis.comparison.compare_vectors` knows.
    samples : int
        Number of samples.
    resample : {'stimuli', 'subjects', 'both'}
        What is drawn with replacement.
    seed : int
        Of the draws.
    rerank : bool
        Rank the pairs of every sample among themselves (see :class:`ResampledRows`). Without, ranks of all pairs are
        kept: faster, and an approximation.
    pair_samples : int
        Samples of single pairs, at most as many as `samples`, by which variances over stimuli are corrected (see
        :func:`stimulus_variance`). With 0 they are those of rsatoolbox, which are too large.
    draws : tuple of numpy.ndarray, (sample, stimulus) and (sample, subject), optional
        Multiplicities to use instead of drawing, None for what is not resampled.
    persons : sequence, (subject,), optional
        Whose RDMs the brain's are, as :func:`noise_ceilings` takes it: persons are drawn with all that is theirs.

    Returns
    -------
    Bootstrap
        Samples of the similarities and of the noise ceilings. Ceilings of samples use the mean of ranks as it is,
        where :func:`noise_ceilings` ranks it again.

    Raises
    ------
    AnalysisError
        If there are too few stimuli or subjects, numbers of pairs differ, or the method does not fit.

    References
    ----------
    .. [1] Schütt, Kipnis, Diedrichsen & Kriegeskorte 2023, Statistical inference on representational geometries,
       eLife 12:e82566.
    """
    models, brains = to_tensor(model, "model", ndim=2, finite=False), to_tensor(brain, "brain", ndim=3, finite=False)
    brains = brains.to(models.device)
    states = brains.shape[1]
    whose = Persons.of(len(brains), persons)
    n_subjects = whose.number
    n_stimuli = check_pairs(models, brains)
    _check(resample, samples, n_stimuli, n_subjects)
    rng = np.random.default_rng(seed)
    stimuli, subjects = draws or (
        draw(n_stimuli, samples, rng) if resample != "subjects" else None,
        draw(n_subjects, samples, rng) if resample != "stimuli" else None,
    )
    there, ours = existing(models, "model")
    seen, theirs = existing(brains, "brain")
    seen = seen.all(0)
    number = len(stimuli) if stimuli is not None else len(subjects) if subjects is not None else samples
    singles = min(pair_samples, number) if stimuli is not None else 0
    pairs = rng.integers(2**32, size=singles)
    factors = {"stimuli": 2, "subjects": 1, "both": 4}[resample]
    similarity = np.full((factors, number, len(models), states), np.nan)
    bounds = np.full((2, factors, number, states), np.nan)
    if bool(there.any()) and bool(seen.any()):
        inner, edges = _sample(
            models[there], brains[:, seen], method, stimuli, subjects, pairs, rerank, whose, ours & theirs
        )
        rows, columns = there.cpu().numpy(), seen.cpu().numpy()
        within = np.full((factors, number, len(models), int(columns.sum())), np.nan)
        within[:, :, rows] = inner
        similarity[..., columns] = within
        bounds[..., columns] = edges
    return Bootstrap(resample, similarity, bounds[0], bounds[1], n_stimuli, n_subjects)


def state_differences(
    similarity: np.ndarray,
    bootstrap: Bootstrap,
    pairs: Sequence[tuple[int, int]] | np.ndarray,
    *,
    level: float = 0.95,
    kind: Kind = "t",
) -> Differences:
    """Compare how well model states fit, on the same samples.

    Parameters
    ----------
    similarity : numpy.ndarray, (model state, brain state)
        Found in the data, mean over subjects.
    bootstrap : Bootstrap
        Samples of the same.
    pairs : sequence of (int, int)
        Model states to compare, the first minus the second.
    level : float
        Of the intervals.
    kind : {'t', 'percentile'}
        How intervals and p values are found.

    Returns
    -------
    Differences
        With intervals and p values, which are not corrected for their number.
    """
    first, second = np.asarray(pairs, int).reshape(-1, 2).T
    difference = similarity[first] - similarity[second]
    sampled = bootstrap.similarity[:, :, first] - bootstrap.similarity[:, :, second]
    low, high = bootstrap.interval(difference, sampled, level, kind)
    if kind == "percentile":
        p_value = percentile_p_values(sampled[0])
    else:
        p_value = t_p_values(difference, bootstrap.variance(sampled), bootstrap.dof(sampled))
    return Differences(difference, low, high, p_value)


def _check(resample: str, samples: int, n_stimuli: int, n_subjects: int) -> None:
    if resample not in ("stimuli", "subjects", "both"):
        raise AnalysisError(f"resample: {resample!r} is not 'stimuli', 'subjects' or 'both'")
    if samples < 2:
        raise AnalysisError(f"samples: {samples} are too few for an interval; 1000 are usual")
    if resample != "subjects" and n_stimuli <= _FEWEST_STIMULI:
        raise AnalysisError(f"resample: {n_stimuli} stimuli are too few to resample")
    if resample != "stimuli" and n_subjects < 2:
        raise AnalysisError("resample: the brain has one subject; resample stimuli")


def _sample(
    models: Tensor,
    brains: Tensor,
    method: str,
    stimuli: np.ndarray | None,
    subjects: np.ndarray | None,
    pairs: np.ndarray,
    rerank: bool,
    whose: Persons,
    measured: Tensor,
) -> tuple[np.ndarray, np.ndarray]:
    """Return (factor, sample, model, state) and (bound, factor, sample, state) of states that all exist.

    `pairs` are seeds of the samples of single pairs.
    """
    if stimuli is None:
        assert subjects is not None
        return _sample_subjects(models, brains, method, subjects, whose, measured)
    # Subjects stand together, since ceilings compare them; brain states may stand apart, but every block of them ranks
    # the model's states again.
    block = max(1, _BLOCK_VALUES // (len(brains) * brains.shape[-1]), len(models) // len(brains))
    parts = [
        _sample_stimuli(
            models, brains[:, start : start + block], method, stimuli, subjects, pairs, rerank, whose, measured
        )
        for start in range(0, brains.shape[1], block)
    ]
    return np.concatenate([p[0] for p in parts], -1), np.concatenate([p[1] for p in parts], -1)


def _sample_subjects(
    models: Tensor, brains: Tensor, method: str, subjects: np.ndarray, whose: Persons, measured: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    rows = brains.flatten(0, 1)
    found = compare_vectors(models, rows, method).unflatten(1, brains.shape[:2]).cpu().numpy()
    similarity = np.einsum("bs,msk->bmk", _shares(subjects, whose), found)
    bounds = np.full((2, 1, len(subjects), brains.shape[1]), np.nan)
    if method in PRODUCT_METHODS:
        gram = _gram(prepare(rows, method, pairs=measured).unflatten(0, brains.shape[:2])).cpu().numpy()
        bounds[:, 0] = np.stack(ceilings_of(gram[:, None], subjects, whose)).swapaxes(-1, -2)
    return similarity[None], bounds


def _sample_stimuli(
    models: Tensor,
    brains: Tensor,
    method: str,
    stimuli: np.ndarray,
    subjects: np.ndarray | None,
    pairs: np.ndarray,
    rerank: bool,
    whose: Persons,
    measured: Tensor,
) -> tuple[np.ndarray, np.ndarray]:
    # In one stack, which is one call of every step for small RDMs.
    rows = torch.cat([models.to(brains.dtype), brains.flatten(0, 1)])
    rows_of = ResampledRows(_filled(rows, measured), method, rerank=rerank)
    found, grams = _evaluate(rows_of, len(models), brains, _stimulus_weights(stimuli, measured), len(stimuli))
    alone, own = _evaluate(rows_of, len(models), brains, _pair_weights(pairs, measured), len(stimuli))
    even = np.ones((1, whose.number), int)
    share = _shares(even, whose)[0]
    similarity = [np.einsum("s,bmsk->bmk", share, each)[None] for each in (found, alone)]
    bounds = [_bounds(each, even, whose) for each in (grams, own)]
    if subjects is not None:
        of_subjects, bounds_of_subjects = _sample_subjects(models, brains, method, subjects, whose, measured)
        both = np.einsum("bs,bmsk->bmk", _shares(subjects, whose), found)
        similarity = [both[None], of_subjects, *similarity]
        bounds = [_bounds(grams, subjects, whose), bounds_of_subjects, *bounds]
    return np.concatenate(similarity), np.concatenate(bounds, 1)


def _evaluate(
    rows_of: ResampledRows, count: int, brains: Tensor, weights: Iterator[Tensor | None], samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return similarities, (sample, model, subject, state), and subjects' products, (state, sample, subject, subject).

    NaN where there are no weights.
    """
    shape = brains.shape[:2]
    found = np.full((samples, count, *shape), np.nan)
    grams = np.full((shape[1], samples, shape[0], shape[0]), np.nan)
    for sample, of_pairs in enumerate(track(weights, samples, "samples", "bootstrap")):
        if of_pairs is None:
            continue
        rows = rows_of(of_pairs)
        found[sample] = compare_prepared(rows[:count], rows[count:]).unflatten(1, shape).cpu().numpy()
        if shape[0] > 1:
            grams[:, sample] = _gram(rows[count:].unflatten(0, shape)).cpu().numpy()
    return found, grams


def _filled(rows: Tensor, measured: Tensor) -> Tensor:
    """Return rows (row, pair) with a number above all others for pairs that were not measured: these have no weight."""
    if bool(measured.all()):
        return rows
    highest = rows[:, measured].amax(1, keepdim=True)
    return torch.where(measured, rows, highest + highest.abs() + 1)


def _stimulus_weights(stimuli: np.ndarray, measured: Tensor) -> Iterator[Tensor | None]:
    device = measured.device
    first, second = (torch.from_numpy(i).to(device) for i in pair_indices(stimuli.shape[1]))
    for often in stimuli:
        drawn = torch.from_numpy(often.astype(np.float32)).to(device)
        enough = (often > 0).sum() >= _FEWEST_STIMULI
        yield drawn.index_select(0, first) * drawn.index_select(0, second) * measured if enough else None


def _pair_weights(seeds: np.ndarray, measured: Tensor) -> Iterator[Tensor | None]:
    there = measured.nonzero().flatten().cpu().numpy()
    for seed in seeds:
        drawn = there[np.random.default_rng(seed).integers(len(there), size=len(there))]
        often = np.bincount(drawn, minlength=len(measured)).astype(np.float32)
        yield torch.from_numpy(often).to(measured.device)


def _shares(persons: np.ndarray, whose: Persons) -> np.ndarray:
    """Return what rows count in each sample, (sample, row), of how often each person is in it."""
    return whose.spread(persons / persons.sum(1, keepdims=True))


def _bounds(grams: np.ndarray, subjects: np.ndarray, whose: Persons) -> np.ndarray:
    """Return ceilings, (bound, 1, sample, state)."""
    return np.stack(ceilings_of(grams, subjects, whose)).swapaxes(-1, -2)[:, None]


def _gram(rows: Tensor) -> Tensor:
    """Return the products of subjects, (state, subject, subject), of (subject, state, pair)."""
    by_state = rows.movedim(1, 0)
    return by_state @ by_state.mT
