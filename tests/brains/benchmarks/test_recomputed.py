"""A score of each benchmark, computed again with scipy, scikit-learn or Brain-Score from the published files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import xarray as xr
from scipy.spatial.distance import pdist, squareform
from scipy.stats import entropy, rankdata, spearmanr
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict, cross_val_score

from tests.brains.benchmarks.common import model
from ventralrnn.brains import load_responses, load_spikes
from ventralrnn.brains.benchmarks import evaluate, simulate_data, timecourse
from ventralrnn.networks.preprocessing import Preprocessing
from ventralrnn.stimuli import load_stimuli

Needs = Callable[[str], Path]


def observe(area: str, stimuli: str, size: int = 16) -> dict[str, xr.DataArray]:
    """Return a model's one state: the pictures' own values at a small size, and noise."""
    pictures = load_stimuli(stimuli)
    rows = [pictures.load(i, Preprocessing(size=size))[0].ravel() for i in range(len(pictures))]
    values = np.array(rows, np.float32) / 255
    values += 0.2 * np.random.default_rng(0).standard_normal(values.shape).astype(np.float32)
    return {area: labelled(values, area, list(pictures.ids))}


def labelled(values: np.ndarray, area: str, ids: list[str]) -> xr.DataArray:
    coords = {"stimulus_id": ("stimulus", ids), "time_step": ("time", [0]), "time_ms": ("time", [80.0])}
    return xr.DataArray(values[:, None], coords, ("stimulus", "time", "neuroid"), area, {"unreached_steps": []})


def similarity(values: np.ndarray, rows: np.ndarray) -> float:
    """Return the mean over subjects of the rank correlation of RDMs."""
    own = pdist(values.astype(np.float64), "correlation")
    return float(np.mean([spearmanr(own, row)[0] for row in np.atleast_2d(rows)]))


@pytest.mark.parametrize(("name", "which"), [("macaque-IT", 0), ("human-IT", None)])
def test_kriegeskorte2008_by_scipy(needs: Needs, name: str, which: int | None) -> None:
    folder = needs("kriegeskorte2008")
    observed = observe("IT", "kriegeskorte2008")
    if which is None:
        published = scipy.io.loadmat(folder / "92_brainRDMs.mat", squeeze_me=True)["RDMs"]
        # Two sessions of each of four people are one RDM of the person.
        sessions = np.array([[session["RDM"] for session in person] for person in published])
        rows = np.array([squareform(rdm, checks=False) for rdm in sessions.mean(1)])
    else:
        (rows, _) = scipy.io.loadmat(folder / "Kriegeskorte_Neuron2008_supplementalData.mat", squeeze_me=True)[
            "RDMs_mIT_hIT_fig1"
        ]["RDM"]
    result = evaluate(f"Kriegeskorte2008.{name}-rdm", observed, samples=10)
    assert float(result["score"].item()) == pytest.approx(similarity(observed["IT"].values[:, 0], rows), abs=1e-6)


@pytest.mark.parametrize(("name", "area"), [("EVC", "V1"), ("IT", "IT")])
def test_cichy2016_by_scipy(needs: Needs, name: str, area: str) -> None:
    needs("kriegeskorte2008")
    subjects = np.load(needs("cichy2016") / f"fmri_{name}_RDMs.npz")["Net_RDM"]
    rows = np.array([squareform(rdm, checks=False) for rdm in subjects])
    observed = observe(area, "kriegeskorte2008")
    result = evaluate(f"Cichy2016.{name}-rdm", observed, samples=10)
    assert float(result["score"].item()) == pytest.approx(similarity(observed[area].values[:, 0], rows), abs=1e-6)
    ranks = np.array([rankdata(row) for row in rows])
    upper = np.mean([spearmanr(row, ranks.mean(0))[0] for row in rows])
    others = [spearmanr(row, np.delete(ranks, i, 0).mean(0))[0] for i, row in enumerate(rows)]
    assert float(result["ceiling"]) == pytest.approx(upper, abs=1e-6)
    assert float(result["ceiling_lower"]) == pytest.approx(np.mean(others), abs=1e-6)


def test_geometry_of_simulated_brains_by_scipy() -> None:
    areas = model()
    data = simulate_data("Cichy2016.IT-rdm", areas)
    result = evaluate("Cichy2016.IT-rdm", areas, data=data, samples=10)
    rows = data["dissimilarity"].transpose("subject", "pair").values
    expected = similarity(areas["IT"].values[:, 4], rows)
    assert float(result["score"].sel(area="IT")[4]) == pytest.approx(expected, abs=1e-6)


def test_cowley2023_by_brain_score(needs: Needs) -> None:
    pytest.importorskip("brainscore_vision")
    from ventralrnn.brains.brainscore.environment import load_brainscore

    responses = np.nanmean(np.load(needs("cowley2023") / "responses_raw_210325.npy"), 2).T
    observed = observe("V4", "cowley2023", size=8)
    metric = load_brainscore().load_metric("pls", crossvalidation_kwargs={"stratification_coord": None})
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    source, target = (
        NeuroidAssembly(
            values.astype(np.float64),
            coords={
                "stimulus_id": ("presentation", observed["V4"]["stimulus_id"].values),
                "number": ("presentation", np.arange(len(values))),
                "neuroid_id": ("neuroid", [f"n{i:03}" for i in range(values.shape[1])]),
                "region": ("neuroid", ["V4"] * values.shape[1]),
            },
            dims=["presentation", "neuroid"],
        )
        for values in (observed["V4"].values[:, 0], responses)
    )
    theirs = metric(source, target).attrs["raw"].mean("split").values
    result = evaluate("Cowley2023.V4-pls", observed, samples=10)
    np.testing.assert_allclose(result["score_neuroid"].values[0, 0], theirs, atol=1e-6)


def test_cowley2023_by_scikit_learn(needs: Needs) -> None:
    responses = np.nanmean(np.load(needs("cowley2023") / "responses_raw_210325.npy"), 2).T
    observed = observe("V4", "cowley2023", size=8)
    features = observed["V4"].values[:, 0].astype(np.float64)
    scale = ((features - features.mean(0)) ** 2).sum(1).mean()
    fit = RidgeCV(scale * np.logspace(-5, 2, 8), alpha_per_target=True)
    predicted = cross_val_predict(fit, features, responses, cv=KFold(5, shuffle=True, random_state=3))
    theirs = np.median([np.corrcoef(p, r)[0, 1] for p, r in zip(predicted.T, responses.T, strict=True)])
    result = evaluate("Cowley2023.V4-ridge", observed, samples=10)
    # Other folds, and penalties chosen by leaving out one stimulus in place of a fifth.
    assert float(result["score"].item()) == pytest.approx(theirs, abs=0.02)


def test_zhang2011_by_scikit_learn(needs: Needs, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("zhang2011")
    monkeypatch.setattr(timecourse, "_UNIT_SAMPLES", 1)
    monkeypatch.setattr(timecourse, "_SPLITS", 1)
    spikes = load_spikes("zhang2011", bin_ms=20, step_ms=30, window_ms=(-50, 200))
    found = timecourse.decode_units(spikes, "object")
    trials = spikes.transpose("repeat", "stimulus", "time", "neuroid")
    values, objects = trials.values.reshape(-1, *trials.shape[2:]), np.tile(trials["object"].values, len(trials))
    whole = np.isfinite(values).all((1, 2))
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    curve = [
        cross_val_score(lda, values[whole, t], objects[whole], cv=folds, scoring="balanced_accuracy").mean()
        for t in range(values.shape[1])
    ]
    assert np.corrcoef(curve, found["decoding"].values)[0, 1] > 0.97
    np.testing.assert_allclose(found["decoding"].values, curve, atol=0.1)


def test_peterson2019_by_scipy(needs: Needs) -> None:
    counts = np.load(needs("peterson2019") / "cifar10h-counts.npy")
    people = load_responses("peterson2019")
    scores = np.log(counts + 3.0) + np.random.default_rng(0).standard_normal(counts.shape)
    coords = {
        "stimulus_id": ("stimulus", people["stimulus_id"].values),
        "category": ("neuroid", people["category"].values),
        "time_step": ("time", [7]),
        "time_ms": ("time", [120.0]),
    }
    answers = xr.DataArray(scores[:, None], coords, ("stimulus", "time", "neuroid"), "answers")
    result = evaluate("Peterson2019.human-uncertainty", {"answers": answers}, samples=10)
    chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    # Sorted, so that entropies of the same counts of other labels are equal to the last digit.
    expected = spearmanr(entropy(chances.T), entropy(np.sort(counts, 1).T))[0]
    assert float(result["score"].item()) == pytest.approx(expected, abs=1e-6)
