"""Models against each other: what is true is found, and what is not is not."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr

from ventralrnn.analysis import contrast_models
from ventralrnn.analysis.inference import holm
from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.errors import AnalysisError

NAMES = [f"s{i}" for i in range(20)]


@pytest.fixture(scope="module")
def models() -> dict[str, xr.Dataset]:
    rng = np.random.default_rng(0)
    true, other = rng.random((2, 190))
    return {
        name: make_rdms(values, (), None, NAMES)
        for name, values in (("true", true), ("twin", true + 0.02 * rng.random(190)), ("other", other))
    }


@pytest.fixture(scope="module")
def brain(models: dict[str, xr.Dataset]) -> xr.Dataset:
    noisy = models["true"].dissimilarity.values + 0.5 * np.random.default_rng(1).random((4, 190))
    return make_rdms(noisy, ("subject",), {"subject": list("abcd")}, NAMES, {"simulated": "yes"})


@pytest.mark.parametrize("resample", ["stimuli", "subjects", "both"])
def test_a_better_model_is_found(models: dict[str, xr.Dataset], brain: xr.Dataset, resample: str) -> None:
    result = contrast_models(models, brain, bootstrap=100, resample=resample)  # type: ignore[arg-type]
    each = {
        name: np.mean([spearmanr(m.dissimilarity, subject)[0] for subject in brain.dissimilarity])
        for name, m in models.items()
    }
    for name, value in each.items():
        assert float(result.similarity.sel(model=name)) == pytest.approx(value)
    cell = {"model": "true", "model_other": "other"}
    turned = {"model": "other", "model_other": "true"}
    assert float(result.difference.sel(cell)) == pytest.approx(each["true"] - each["other"])
    assert float(result.difference_low.sel(cell)) > 0 and float(result.p_corrected.sel(cell)) < 0.05
    assert float(result.p_corrected.sel({"model": "true", "model_other": "twin"})) > 0.05
    assert float(result.difference_low.sel(turned)) == pytest.approx(-float(result.difference_high.sel(cell)))
    np.testing.assert_allclose(result.p_value.values, result.p_value.values.T)
    assert np.isnan(result.p_corrected.values.diagonal()).all()
    assert {"low", "high", "ceiling_lower", "ceiling_upper"} <= set(result)
    assert result.attrs["brain_simulated"] == "yes" and result.attrs["correction"] == "holm"


def test_stimuli_are_matched_by_name(models: dict[str, xr.Dataset], brain: xr.Dataset) -> None:
    from ventralrnn.analysis.rdm import select_stimuli

    turned = {"true": models["true"], "other": select_stimuli(models["other"], range(20)[::-1])}
    straight = contrast_models({k: models[k] for k in turned}, brain, bootstrap=20)
    xr.testing.assert_allclose(contrast_models(turned, brain, bootstrap=20).difference, straight.difference)


def test_holm() -> None:
    """The example of Holm 1979 as statsmodels and R (p.adjust) have it."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005])), [0.03, 0.06, np.nan, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1, 1])


def test_what_cannot_be_compared_is_refused(models: dict[str, xr.Dataset], brain: xr.Dataset) -> None:
    several = make_rdms(np.random.default_rng(0).random((2, 190)), ("time",))
    for given, other, how, message in (
        ({"true": models["true"]}, brain, {}, "models: 1 of them"),
        ({"true": models["true"], "b": several}, brain, {}, "models: b has several states"),
        (models, several, {}, "brain: has several states"),
        (models, brain, {"correction": "max"}, "correction: 'max' is not"),
    ):
        with pytest.raises(AnalysisError, match=message):
            contrast_models(given, other, **how)
