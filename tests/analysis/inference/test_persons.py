"""Sessions of one person are one subject: drawn and left out together, in ceilings, bootstrap and tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.stats import rankdata, spearmanr

from ventralrnn.analysis import rsa
from ventralrnn.analysis.clocks.sides import take_sides
from ventralrnn.analysis.inference import bootstrap_similarity, ceilings_of, noise_ceilings, permute_stimuli
from ventralrnn.analysis.inference.persons import Persons
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.brains import load_brain
from ventralrnn.errors import AnalysisError

STIMULI = 14
PAIRS = STIMULI * (STIMULI - 1) // 2
# Three people with one, three and two sessions, which do not stand side by side.
WHOSE = np.array(list("acbcbc"))
ALIKE = ("spearman", "corr", "cosine")


def sessions(seed: int = 0, states: int = 2, whose: np.ndarray = WHOSE, own: float = 1.0) -> np.ndarray:
    """Return RDMs (session, state, pair): what all share, what is a person's own, and noise."""
    rng = np.random.default_rng(seed)
    codes = np.unique(whose, return_inverse=True)[1]
    people = own * rng.standard_normal((codes.max() + 1, states, PAIRS))
    return rng.standard_normal((states, PAIRS)) + people[codes] + rng.standard_normal((len(whose), states, PAIRS)) + 9


def prepared(rows: np.ndarray, method: str) -> np.ndarray:
    if method == "spearman":
        # Six times the ranks, so that means over sessions and people are whole numbers, and what is tied stays tied.
        return 6 * rankdata(rows, axis=-1)
    if method != "cosine":
        rows = rows - rows.mean(-1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def by_hand(rows: np.ndarray, whose: np.ndarray, method: str) -> tuple[float, float]:
    """Return lower and upper ceilings of one state, person by person."""
    z = prepared(rows, method)
    people = {p: z[whose == p] for p in sorted(set(whose))}
    means = {p: each.mean(0) for p, each in people.items()}

    def alike(each: np.ndarray, best: np.ndarray) -> float:
        if method == "spearman":
            return float(np.mean([spearmanr(row, best).statistic for row in each]))
        return float(np.mean(each @ best / np.linalg.norm(best)))

    upper = [alike(each, np.mean(list(means.values()), 0)) for each in people.values()]
    lower = [alike(people[p], np.mean([m for q, m in means.items() if q != p], 0)) for p in people]
    return float(np.mean(lower)), float(np.mean(upper))


@pytest.mark.parametrize("method", ALIKE)
def test_ceilings_leave_out_persons(method: str) -> None:
    rdms = sessions()
    found = noise_ceilings(rdms, method, persons=WHOSE)
    for state in range(2):
        lower, upper = by_hand(rdms[:, state], WHOSE, method)
        assert (found.lower[state], found.upper[state]) == pytest.approx((lower, upper), abs=2e-6)


def test_ceilings_from_products_are_the_same() -> None:
    rdms = sessions(states=1)[:, 0]
    z = prepared(rdms, "corr")
    found = ceilings_of(z @ z.T, persons=Persons.of(6, WHOSE))
    assert found == pytest.approx(by_hand(rdms, WHOSE, "corr"), abs=1e-12)
    # Twice the person a, and c: every copy of a person is left out, and both count alike.
    often = np.array([[2, 0, 1]])
    copies = np.concatenate([np.repeat(z[WHOSE == "a"], 2, 0), z[WHOSE == "c"]])
    mean_a, mean_c = z[WHOSE == "a"].mean(0), z[WHOSE == "c"].mean(0)

    def alike(rows: np.ndarray, best: np.ndarray) -> float:
        return float(np.mean(rows @ best / np.linalg.norm(best)))

    lower, upper = ceilings_of(z @ z.T, often, Persons.of(6, WHOSE))
    assert len(copies) == 5
    assert lower == pytest.approx([(alike(z[WHOSE == "a"], mean_c) + alike(z[WHOSE == "c"], mean_a)) / 2])
    both = 2 * mean_a + mean_c
    assert upper == pytest.approx([(alike(z[WHOSE == "a"], both) + alike(z[WHOSE == "c"], both)) / 2])


def test_names_change_nothing_where_each_is_a_person() -> None:
    rdms = sessions()
    names = list("fabced")
    plain, named = noise_ceilings(rdms), noise_ceilings(rdms, persons=names)
    for field in ("lower", "upper", "lag_lower", "lag_upper"):
        np.testing.assert_allclose(getattr(named, field), getattr(plain, field), rtol=1e-12)


def test_lower_ceiling_takes_no_help_from_other_sessions_of_the_same_person() -> None:
    """People share nothing but what is their own in every session: as subjects, sessions would have a ceiling."""
    whose = np.repeat(np.arange(6), 2)
    rng = np.random.default_rng(1)
    people = rng.standard_normal((6, 1, 80 * 79 // 2))
    rdms = people[whose] + 0.5 * rng.standard_normal((12, *people.shape[1:]))
    wrong, right = noise_ceilings(rdms).lower[0], noise_ceilings(rdms, persons=whose).lower[0]
    # Of the eleven other rows one is the same person's, and like it but for noise.
    assert wrong > 0.15 and abs(right) < 0.02


def test_bootstrap_draws_persons() -> None:
    rdms, model = sessions(), np.random.default_rng(2).standard_normal((3, PAIRS))
    often = np.array([[2, 0, 1], [1, 1, 1], [0, 3, 0]])
    found = bootstrap_similarity(model, rdms, resample="subjects", draws=(None, often), persons=WHOSE)
    assert found.n_subjects == 3
    each = np.array([[[spearmanr(m, r).statistic for r in row] for row in rdms] for m in model])
    people = np.stack([each[:, p == WHOSE].mean(1) for p in "abc"])
    for sample, weights in enumerate(often):
        np.testing.assert_allclose(found.similarity[0, sample], np.average(people, 0, weights), atol=1e-6)
    lower, upper = by_hand(rdms[:, 0], WHOSE, "spearman")
    # The mean of ranks is not ranked again in samples.
    assert found.lower[0, 1, 0] == pytest.approx(lower, abs=0.02) and np.isnan(found.lower[0, 2]).all()
    once = (np.ones((1, STIMULI), int), np.ones((1, 3), int))
    both = bootstrap_similarity(model, rdms, resample="both", draws=once, persons=WHOSE)
    np.testing.assert_allclose(both.similarity[:3, 0], np.broadcast_to(people.mean(0), (3, 3, 2)), atol=1e-6)
    assert found.upper[0, 1, 0] == pytest.approx(both.upper[0, 0, 0], abs=1e-6) == pytest.approx(upper, abs=0.02)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_tests_take_the_mean_over_persons(method: str) -> None:
    rdms, model = sessions(), np.random.default_rng(2).standard_normal((3, PAIRS))
    found = permute_stimuli(model, rdms, method, permutations=3, persons=WHOSE)
    each = np.stack([permute_stimuli(model, rdms[i : i + 1], method, permutations=3).observed for i in range(6)])
    people = np.stack([each[p == WHOSE].mean(0) for p in "abc"])
    np.testing.assert_allclose(found.observed, people.mean(0), atol=1e-6)


def labelled(person: bool = True) -> tuple[xr.Dataset, xr.Dataset]:
    coords = {"subject": [f"{p} {i}" for i, p in enumerate(WHOSE)], "time_ms": ("time", [50.0, 60.0])}
    if person:
        coords["person"] = ("subject", WHOSE)
    model = make_rdms(np.random.default_rng(2).standard_normal((3, PAIRS)), ("time",))
    return model, make_rdms(sessions(), ("subject", "time"), coords)


def test_rsa_goes_by_the_coordinate() -> None:
    model, brain = labelled()
    result = rsa(model, brain, bootstrap=40, resample="subjects", permutations=9)
    rows = brain["dissimilarity"].values
    samples = bootstrap_similarity(model["dissimilarity"].values, rows, samples=40, resample="subjects", persons=WHOSE)
    people = np.stack([result.similarity_subject.values[p == WHOSE].mean(0) for p in "abc"])
    np.testing.assert_allclose(result.similarity, people.mean(0), atol=1e-12)
    low, high = samples.interval(result.similarity.values, samples.similarity)
    np.testing.assert_allclose(result.low, low)
    np.testing.assert_allclose(result.high, high)
    np.testing.assert_allclose(result.ceiling_lower, noise_ceilings(rows, persons=WHOSE).lower)
    assert result.sizes["subject"] == 6 and result.person.values.tolist() == list(WHOSE)
    # Two degrees of freedom, not five: the interval is wider than that of six subjects.
    loose = rsa(*labelled(person=False), bootstrap=40, resample="subjects")
    assert float((result.high - result.low).mean()) > 1.2 * float((loose.high - loose.low).mean())
    one = rsa(model, brain.isel(subject=[1, 3, 5]), bootstrap=20)
    assert "ceiling_lower" not in one and one.similarity.dims == ("time", "brain_time")


def test_clocks_go_by_it_too() -> None:
    model, brain = labelled()
    model = model.assign_coords(time_step=("time", [0, 1, 2]))
    similarity = take_sides(model, brain).compare("spearman")
    np.testing.assert_allclose(similarity[0, 0], rsa(model, brain).similarity, atol=1e-6)


def test_names_fit_the_rows() -> None:
    with pytest.raises(AnalysisError, match="persons: 2 names for the RDMs of 6 subjects or sessions"):
        noise_ceilings(sessions(), persons=["a", "b"])


def test_human_it_sessions(needs: Callable[[str], Path]) -> None:
    """Left out by sessions, the ceiling would be 0.328."""
    needs("kriegeskorte2008")
    brain = load_brain("kriegeskorte2008/human-it-sessions")
    rows = brain["dissimilarity"].values[:, 0]
    model = brain.isel(subject=0).drop_vars(["subject", "person", "session", "area"]).isel(area=0)
    result = rsa(model, brain, bootstrap=20, resample="subjects")
    assert noise_ceilings(rows[:, None]).lower[0] == pytest.approx(0.3280, abs=5e-5)
    assert result.ceiling_lower.item() == pytest.approx(0.3063, abs=5e-5)
    assert result.ceiling_lower.item() == pytest.approx(by_hand(rows, brain.person.values, "spearman")[0], abs=1e-4)
