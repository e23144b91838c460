"""Encoding from recordings: against loops over scikit-learn, and simulated truth."""

import os
import warnings
from typing import Any

import joblib
import numpy as np
import pytest
import xarray as xr
from scipy import stats
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge, RidgeCV

from ventralrnn.analysis import encode
from ventralrnn.analysis.encoding import encode_bands, make_folds
from ventralrnn.errors import AnalysisError

STIMULI = [f"s{i:03d}" for i in range(60)]


def recording(widths: dict[str, int], steps: int = 3, seed: int = 0) -> dict[str, xr.DataArray]:
    """Return areas whose first step is not reached."""
    rng = np.random.default_rng(seed)
    found = {}
    for area, width in widths.items():
        states = rng.standard_normal((60, steps, width)).astype(np.float32)
        states[:, 0] = np.nan
        coords = {
            "stimulus_id": ("stimulus", STIMULI),
            "time_step": ("time", np.arange(steps)),
            "time_ms": ("time", 40.0 + 10 * np.arange(steps)),
        }
        found[area] = xr.DataArray(states, coords, ("stimulus", "time", "neuroid"), attrs={"unreached_steps": [0]})
    return found


def responses(values: np.ndarray, dims: tuple[str, ...] = ("stimulus", "neuroid", "time_bin")) -> xr.DataArray:
    coords: dict[str, Any] = {"stimulus_id": ("stimulus", STIMULI), "site": ("neuroid", np.arange(values.shape[1]))}
    if "time_bin" in dims:
        coords["time_bin_start"] = ("time_bin", 70 + 10 * np.arange(values.shape[2]))
    return xr.DataArray(values, coords, dims)


def brain(seed: int = 1, bins: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((60, 4, bins))


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_against_a_loop(method: str) -> None:
    areas, values = recording({"V1": 20, "IT": 150}), brain()
    values[..., 1] += areas["IT"].values[:, 2, :4]
    penalties = np.logspace(0, 3, 4)
    result = encode(areas, responses(values), method, folds=4, penalties=penalties, inner_folds=None, components=3)
    assert result.score_fold.dims == ("fold", "area", "time", "neuroid", "time_bin")
    folds = make_folds(60, 4)
    for area, step, b in [("V1", 1, 0), ("IT", 2, 0), ("IT", 2, 1)]:
        x, y = areas[area].values[:, step].astype(float), values[..., b]
        for i, (train, test) in enumerate(folds):
            if method == "ridge":
                model: Any = RidgeCV(penalties, alpha_per_target=True).fit(x[train], y[train])
                chosen = result.penalty.sel(area=area).values[i, step, :, b]
                np.testing.assert_allclose(chosen, model.alpha_)
            else:
                model = PLSRegression(3, scale=False).fit(x[train], y[train])
            expected = [stats.pearsonr(p, t)[0] for p, t in zip(model.predict(x[test]).T, y[test].T, strict=True)]
            found = result.score_fold.sel(area=area).values[i, step, :, b]
            np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(result.score, result.score_fold.mean("fold"))
    assert result.score.values[:, 0].size and np.isnan(result.score.values[:, 0]).all(), "not reached"
    assert np.isfinite(result.score.values[:, 1:]).all()


def test_labels() -> None:
    areas = recording({"V1": 20})
    result = encode(areas, responses(brain()), steps=[2], folds=3)
    assert result.time_ms.values.tolist() == [[60]]
    assert result.time_bin_start.values.tolist() == [70, 80]
    assert result.site.dims == ("neuroid",)
    assert result.attrs["method"] == "ridge"
    flat = encode(areas, responses(brain()[..., 0], ("stimulus", "neuroid")), steps=[2], folds=3)
    assert flat.score.dims == ("area", "time", "neuroid")
    np.testing.assert_allclose(flat.score, result.score[..., 0])
    one = encode(areas["V1"].values[:, 2], responses(brain()), folds=3)
    np.testing.assert_allclose(one.score.values, result.score.values)


def test_stimuli_are_matched_by_name() -> None:
    areas, known = recording({"V1": 20}), responses(brain())
    order = np.random.default_rng(0).permutation(60)
    xr.testing.assert_allclose(encode(areas, known[order], folds=3), encode(areas, known, folds=3))


def test_known_weights_are_found_and_noise_is_corrected_for() -> None:
    """Responses are weights times one state plus noise: that state wins, and its corrected score is that without."""
    rng = np.random.default_rng(3)
    areas = recording({"V1": 10, "IT": 10})
    signal = areas["IT"].values[:, 2].astype(float) @ rng.standard_normal((10, 40))
    signal /= signal.std(0)
    trials = signal[..., None] + 1.5 * rng.standard_normal((60, 40, 8))
    result = encode(areas, responses(trials, ("stimulus", "neuroid", "repeat")))
    means = result.score.mean("neuroid")
    assert float(means.sel(area="IT")[2]) > 0.7
    assert abs(float(means.sel(area="V1")[2])) < 0.1 and abs(float(means.sel(area="IT")[1])) < 0.1
    truth = []
    for train, test in make_folds(60, 5):
        model = Ridge(1).fit(areas["IT"].values[train, 2], trials[train].mean(-1))
        predicted = model.predict(areas["IT"].values[test, 2])
        truth.append([stats.pearsonr(p, t)[0] for p, t in zip(predicted.T, signal[test].T, strict=True)])
    corrected = result.score_corrected.sel(area="IT").values[2]
    assert corrected.mean() == pytest.approx(np.mean(truth), abs=0.03)
    assert result.score.sel(area="IT").values[2].mean() < np.mean(truth) - 0.08
    assert result.reliability.dims == ("neuroid",)


@pytest.mark.parametrize("method", ["ridge", "pls"])
def test_test_stimuli_do_not_leak(method: str) -> None:
    """From 500 features of 60 stimuli anything can be fitted, and nothing of noise predicted."""
    rng = np.random.default_rng(0)
    noise = responses(rng.standard_normal((60, 100)), ("stimulus", "neuroid"))
    score = encode(rng.standard_normal((60, 500)), noise, method, components=5)
    assert abs(float(score.score.mean())) < 0.05


def test_shared_weights_are_brain_scores_spantime() -> None:
    os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")
    rng = np.random.default_rng(5)
    x = rng.standard_normal((60, 3, 30))
    y = np.einsum("stf,fn->snt", x, rng.standard_normal((30, 4))) + 5 * rng.standard_normal((60, 4, 3))
    labels = np.arange(60) % 3
    folds = make_folds(60, 10, labels=labels, test_share=0.1, seed=1)
    ours = encode(x, responses(y), "pls", share_weights=True, folds=folds, components=25)
    assert ours.score.dims == ("area", "neuroid", "time_bin")
    # The same, by hand.
    train, test = folds[0]
    stacked = [values.transpose(2, 0, 1).reshape(-1, 4) for values in (y[train], y[test])]
    model = PLSRegression(25, scale=False).fit(x[train].transpose(1, 0, 2).reshape(-1, 30), stacked[0])
    predicted = model.predict(x[test].transpose(1, 0, 2).reshape(-1, 30)).reshape(3, -1, 4)
    expected = [[stats.pearsonr(predicted[b, :, n], y[test, n, b])[0] for b in range(3)] for n in range(4)]
    np.testing.assert_allclose(ours.score_fold.values[0, 0], expected, atol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = pytest.importorskip("brainscore_vision.metrics.regression_correlation.metric")
        from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

        def assembly(values: np.ndarray) -> "NeuroidAssembly":
            coords = {
                "stimulus_id": ("presentation", STIMULI),
                "object_name": ("presentation", labels),
                "neuroid_id": ("neuroid", np.arange(values.shape[1])),
                "region": ("neuroid", ["IT"] * values.shape[1]),
                "time_bin_start": ("time_bin", [70, 80, 90]),
                "time_bin_end": ("time_bin", [80, 90, 100]),
            }
            return NeuroidAssembly(values, coords=coords, dims=("presentation", "neuroid", "time_bin"))

        metric = peer.SpanTimeCrossRegressedCorrelation(peer.pls_regression(), peer.pearsonr_correlation())
        with joblib.parallel_config("threading"):  # it would start processes
            score = metric(assembly(x.transpose(0, 2, 1)), assembly(y))
    per_bin = ours.score_fold.median("neuroid").mean("fold").values.squeeze()
    np.testing.assert_allclose(np.ravel(score.values), per_bin, atol=1e-6)


def test_shared_weights_with_ridge() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((60, 3, 30))
    y = np.einsum("stf,fn->snt", x, rng.standard_normal((30, 4))) + rng.standard_normal((60, 4, 3))
    shared = encode(x, responses(y), share_weights=True)
    separate = encode(x, responses(y))
    matched = np.stack([separate.score.values[0, t, :, t] for t in range(3)], -1)
    assert shared.score.values.mean() > matched.mean(), "three times the data for the same weights"
    assert (shared.penalty.values == shared.penalty.values[..., :1]).all()
    with pytest.raises(AnalysisError, match="steps: 3 for 2 time bins"):
        encode(x, responses(y[..., :2]), share_weights=True)


def test_neuroids_that_do_not_vary_and_single_ones() -> None:
    values = brain()
    values[:, 1] = 3.3
    result = encode(recording({"V1": 1}), responses(values), steps=[1, 2])
    assert np.isnan(result.score.values[:, :, 1]).all()
    assert np.isfinite(result.score.values[:, :, [0, 2, 3]]).all()


def test_bands() -> None:
    areas, values = recording({"V1": 20, "IT": 100}), brain()
    values += 2 * areas["V1"].values[:, 2, :4, None]
    bands = {"V1": areas["V1"][:, 2], "IT": areas["IT"][:, 1]}
    result = encode_bands(bands, responses(values), folds=3)
    assert result.explained.dims == ("band", "neuroid", "time_bin")
    assert result.band.values.tolist() == ["V1", "IT"]
    assert result.score.dims == ("neuroid", "time_bin")
    assert (result.explained.sel(band="V1") > result.explained.sel(band="IT") + 0.3).all()
    with pytest.raises(AnalysisError, match="bands: V1 is a state that does not exist"):
        encode_bands({"V1": areas["V1"][:, 0]}, responses(values))
    with pytest.raises(AnalysisError, match="bands: V1 has dimensions"):
        encode_bands({"V1": areas["V1"]}, responses(values))


def test_what_is_refused_is_named() -> None:
    areas, known = recording({"V1": 20}), responses(brain())
    with pytest.raises(AnalysisError, match="method: 'lasso' is none"):
        encode(areas, known, "lasso")
    with pytest.raises(AnalysisError, match="responses: hold NaN"):
        encode(areas, known.where(known < 2))
    with pytest.raises(AnalysisError, match="responses: 59 stimuli for features of 60"):
        encode(areas, known[:59])
    with pytest.raises(AnalysisError, match="responses: 's059' is only in one"):
        encode(areas, known.assign_coords(stimulus_id=("stimulus", ["x", *STIMULI[:-1]])))
    with pytest.raises(AnalysisError, match="responses: two stimuli have the same name"):
        encode(areas, known.assign_coords(stimulus_id=("stimulus", ["s000", *STIMULI[:-1]])))
    with pytest.raises(AnalysisError, match="responses: give dimensions"):
        encode(areas, known.rename(time_bin="bin"))
    with pytest.raises(AnalysisError, match="components: 25 are beyond"):
        encode(areas, known, "pls", folds=2)


def test_responses_as_brains_have_them() -> None:
    """(repeat, stimulus, time, neuroid) with repeats missing: as their means in the dimensions of the analysis."""
    areas, means = recording({"V1": 20}), brain()
    noise = np.random.default_rng(5).standard_normal((3, *means.shape))
    noise[2, ::2] = np.nan
    trials = (means + noise).transpose(0, 1, 3, 2)
    coords: dict[str, Any] = {
        "stimulus_id": ("stimulus", STIMULI),
        "time_step": ("time", [0, 1]),
        "time_ms": ("time", [75.0, 85.0]),
        "time_start_ms": ("time", [70.0, 80.0]),
        "area": ("neuroid", ["V4", "V4", "IT", "IT"]),
    }
    given = xr.DataArray(trials, coords, ("repeat", "stimulus", "time", "neuroid"))
    result = encode(areas, given, folds=3)
    expected = encode(areas, responses(np.nanmean(trials, 0).swapaxes(1, 2)), folds=3)
    np.testing.assert_allclose(result.score, expected.score, atol=1e-12)
    assert result.score.dims == ("area", "time", "neuroid", "time_bin")
    assert result.time_bin_ms.values.tolist() == [75, 85] and result.time_bin_start_ms.values.tolist() == [70, 80]
    assert result.time_ms.dims == ("area", "time") and result.area.values.tolist() == ["V1"]
    assert result.neuroid_area.values.tolist() == ["V4", "V4", "IT", "IT"]
    assert result.reliability.dims == ("neuroid", "time_bin") and result.reliability.notnull().all()
    bands = encode_bands({"V1": areas["V1"][:, 2]}, given, folds=3)
    assert bands.neuroid_area.values.tolist() == ["V4", "V4", "IT", "IT"]
    given[:, 7, 0, 1] = np.nan
    with pytest.raises(AnalysisError, match="responses: hold NaN"):
        encode(areas, given)
