"""Recordings whose answer is known, many data sets at once, and how often inference is right about them."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ventralrnn.analysis.comparison import compare_prepared, compare_vectors, prepare
from ventralrnn.analysis.inference import (
    PermutationTest,
    bootstrap_similarity,
    cluster_test,
    flip_signs,
    noise_ceilings,
    permute_stimuli,
    state_differences,
)
from ventralrnn.analysis.inference.bootstrap import Resample
from ventralrnn.analysis.inference.intervals import Kind
from ventralrnn.analysis.rdm.distances import compute_distances

AREAS, STEPS, FEATURES = 3, 4, 20
# Share of the variance that a state has from the state before it.
INHERITED = 0.8
# The area and step that brains are recorded from, and the step that is hardest to tell from it.
TRUE, NEXT = 2 * STEPS + 1, 2 * STEPS + 2
# Standard deviation of the noise of a trial; that of responses to stimuli is 1.
NOISE = 4.0
SUBJECTS = 4
# Data sets that share their bootstrap's draws, which saves time and leaves each its own data.
STACK = 50


def make_states(rng: np.random.Generator, stimuli: int, datasets: int = 1) -> np.ndarray:
    """Return patterns, (data set, area x step, stimulus, feature), each inherited in part from the one before."""
    new = rng.standard_normal((AREAS, STEPS, datasets, stimuli, FEATURES))
    states = np.empty_like(new)
    for area in range(AREAS):
        for step in range(STEPS):
            before = states[area, step - 1] if step else states[area - 1, 0] if area else None
            inherited = 0 if before is None else np.sqrt(INHERITED) * before
            states[area, step] = inherited + np.sqrt(1 - INHERITED if before is not None else 1) * new[area, step]
    return np.moveaxis(states.reshape(-1, *states.shape[2:]), 1, 0)


def make_neurons(rng: np.random.Generator, neuroids: int, subjects: int = SUBJECTS, datasets: int = 1) -> np.ndarray:
    """Return what neurons weigh features with, (subject, data set, feature, neuroid)."""
    return rng.standard_normal((subjects, datasets, FEATURES, neuroids)) / np.sqrt(FEATURES)


def geometry(states: np.ndarray) -> np.ndarray:
    """Return RDMs, (..., pair), that infinitely many neurons without noise would show of patterns (..., feature).

    Weights of neurons have no mean, so that patterns are compared as they are and not relative to their mean feature.
    """
    return compute_distances(states, "cosine")


def record(rng: np.random.Generator, patterns: np.ndarray, neurons: np.ndarray, trials: int) -> np.ndarray:
    """Return RDMs, (subject, data set, pair), of neurons' mean responses to patterns, (data set, stimulus, feature)."""
    responses = patterns @ neurons
    noise = NOISE / np.sqrt(trials) * rng.standard_normal(responses.shape)
    return compute_distances(responses + noise)


@dataclass(frozen=True)
class Coverage:
    """How often intervals hold the true value.

    Parameters
    ----------
    resample, interval : str
        What was resampled in data sets that differ in just that, and how intervals were made of it.
    stimuli, subjects, datasets : int
        Sizes.
    coverage : float
        Share of data sets whose interval holds the mean over all data sets.
    """

    resample: str
    interval: str
    stimuli: int
    subjects: int
    datasets: int
    coverage: float


def measure_coverage(
    resample: Resample, stimuli: int, subjects: int, datasets: int, *, samples: int = 400, seed: int = 0
) -> list[Coverage]:
    """Return the coverage of 95 % intervals of both kinds, where only what is resampled differs between data sets."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    kinds: tuple[Kind, ...] = ("t", "percentile")
    points, ends = [], {kind: [] for kind in kinds}
    same_states = make_states(fixed, stimuli)[:, TRUE]
    same_neurons = make_neurons(fixed, 30, subjects)
    for start in range(0, datasets, STACK):
        number = min(STACK, datasets - start)
        states = same_states if resample == "subjects" else make_states(rng, stimuli, number)[:, TRUE]
        states = np.broadcast_to(states, (number, *states.shape[1:]))
        neurons = same_neurons if resample == "stimuli" else make_neurons(rng, 30, subjects, number)
        brain, model = record(rng, states, neurons, 4), geometry(states)
        points.append(np.mean([compare_prepared(prepare(model), prepare(one)).diagonal() for one in brain], 0))
        found = bootstrap_similarity(model, brain, samples=samples, resample=resample, seed=start)
        own = np.einsum("fbii->fbi", found.similarity)
        for kind in kinds:
            ends[kind].append(np.stack(found.interval(points[-1], own, kind=kind)))
    truth = np.concatenate(points).mean()
    held = {kind: np.concatenate(ends[kind], 1) for kind in kinds}
    return [
        Coverage(resample, kind, stimuli, subjects, datasets, float(((low <= truth) & (truth <= high)).mean()))
        for kind, (low, high) in held.items()
    ]


@dataclass(frozen=True)
class ErrorRate:
    """How often a test finds what is not there.

    Parameters
    ----------
    test : str
        Name.
    stimuli, datasets : int
        Sizes.
    rate : float
        Share of data sets with a p value of at most 0.05, for families of tests with at least one.
    """

    test: str
    stimuli: int
    datasets: int
    rate: float


def measure_errors(stimuli: int, datasets: int, *, permutations: int = 199, seed: int = 0) -> list[ErrorRate]:
    """Return the error rates of all tests, for brains that have nothing to do with the model."""
    rng = np.random.default_rng(seed)
    wrong: dict[str, list[bool]] = {}
    for dataset in range(datasets):
        model, brain = unrelated(rng, stimuli)
        test = permute_stimuli(model, brain, permutations=permutations, seed=dataset)
        standard = test.standardised()
        maps = PermutationTest(
            standard.observed.reshape(AREAS, STEPS, -1), standard.null.reshape(len(test.null), AREAS, STEPS, -1)
        )
        clusters = cluster_test(maps, float(stats.norm.isf(0.05)), dimensions=2)
        similarity = np.stack([compare_vectors(model[:1], one)[0, 0] for one in brain])
        geometries = make_states(rng, stimuli, len(brain))[:, TRUE]
        own = record(rng, geometries, make_neurons(rng, 30, 1, len(brain)), 100)[0]
        apart = compare_vectors(model[:1], own)[0]
        found = {
            "permutation of stimuli, one state": test.p_values()[0, 0] <= 0.05,
            "largest statistic, all states": bool((standard.max_p_values() <= 0.05).any()),
            "clusters over model time x brain time": bool((clusters.p_value <= 0.05).any()),
            "flips of subjects' signs, each with a geometry of its own": flip_signs(apart).p_values() <= 0.05,
            "flips of subjects' signs, all with the same geometry": flip_signs(similarity).p_values() <= 0.05,
        }
        for name, answer in found.items():
            wrong.setdefault(name, []).append(bool(answer))
    return [ErrorRate(name, stimuli, datasets, float(np.mean(found))) for name, found in wrong.items()]


def measure_differences(stimuli: int, datasets: int, *, seed: int = 0) -> list[ErrorRate]:
    """Return how often bootstraps tell two equally good models apart."""
    rows = []
    resamples: tuple[Resample, ...] = ("stimuli", "both")
    for resample in resamples:
        rng = np.random.default_rng(seed)
        wrong = [equally_good(rng, stimuli, resample) for _ in range(datasets)]
        name = f"difference of two equally good models, bootstrap over {resample}"
        rows.append(ErrorRate(name, stimuli, datasets, float(np.mean(wrong))))
    return rows


def equally_good(rng: np.random.Generator, stimuli: int, resample: Resample) -> bool:
    """Return whether a bootstrap tells two models apart that differ from the brain alike, each in its own way."""
    state = make_states(rng, stimuli)[:, TRUE]
    models = np.sqrt(INHERITED) * state + np.sqrt(1 - INHERITED) * rng.standard_normal((2, *state.shape[1:]))
    model, brain = geometry(models), record(rng, state, make_neurons(rng, 30), 10)
    point = np.mean([compare_vectors(model, one) for one in brain], 0)
    found = bootstrap_similarity(model, brain, samples=200, resample=resample, seed=int(rng.integers(2**31)))
    return bool(state_differences(point, found, [(0, 1)]).p_value[0, 0] <= 0.05)


def unrelated(rng: np.random.Generator, stimuli: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a model, (area x step, pair), and a brain of its own, (subject, time, pair), that is as smooth in time."""
    model = geometry(make_states(rng, stimuli)[0])
    times = make_states(rng, stimuli)[0, -STEPS:]
    return model, record(rng, times, make_neurons(rng, 30, 6), 100)


@dataclass(frozen=True)
class Power:
    """How often the true state is found in recordings of one size.

    Parameters
    ----------
    stimuli, neuroids, trials, datasets : int
        Sizes; neuroids are those of each of four subjects.
    similarity : float
        Of the true state, mean over data sets.
    lower, upper : float
        Noise ceilings, mean over data sets.
    best : float
        Share of data sets in which the true of all 12 states is the most similar one.
    detected : float
        Share in which its p value, corrected for all states by the largest statistic, is at most 0.05.
    told_apart : float
        Share in which it fits better than the area's next step with p at most 0.05 (bootstrap over stimuli).
    """

    stimuli: int
    neuroids: int
    trials: int
    datasets: int
    similarity: float
    lower: float
    upper: float
    best: float
    detected: float
    told_apart: float


def measure_power(
    stimuli: int, neuroids: int, trials: int, datasets: int, *, samples: int = 200, seed: int = 0
) -> Power:
    """Return how often the true state is found."""
    rng = np.random.default_rng([seed, stimuli, neuroids, trials])
    rows = []
    for dataset in range(datasets):
        states = make_states(rng, stimuli)
        brain = record(rng, states[:, TRUE], make_neurons(rng, neuroids), trials)
        model = geometry(states[0])
        test = permute_stimuli(model, brain, permutations=samples - 1, seed=dataset)
        ceilings = noise_ceilings(brain)
        pair = model[[TRUE, NEXT]]
        found = bootstrap_similarity(pair, brain, samples=samples, seed=dataset)
        difference = state_differences(test.observed[[TRUE, NEXT]], found, [(0, 1)])
        apart = difference.difference > 0 and difference.p_value <= 0.05
        detected = test.standardised().max_p_values()[TRUE, 0] <= 0.05
        best = int(test.observed[:, 0].argmax()) == TRUE
        rows.append([test.observed[TRUE, 0], ceilings.lower[0], ceilings.upper[0], best, detected, bool(apart)])
    return Power(stimuli, neuroids, trials, datasets, *(float(value) for value in np.mean(rows, 0)))
