"""RDMs of other tools, there and back."""

import numpy as np
import pytest
import xarray as xr

from ventralrnn.analysis.rdm import from_mne_rsa, from_rsatoolbox, make_rdms, square_rdms, to_mne_rsa, to_rsatoolbox
from ventralrnn.errors import AnalysisError


def some() -> xr.Dataset:
    values = np.random.default_rng(0).random((2, 3, 6))
    values[1, 0] = np.nan
    coords = {
        "area": ["V1", "IT"],
        "time_step": ("time", [0, 1, 2]),
        "time_ms": (("area", "time"), [[50.0, 60, 70], [np.nan, 80, 90]], {"units": "ms"}),
    }
    return make_rdms(values, ("area", "time"), coords, list("abcd"), {"distance": "correlation"})


def test_rsatoolbox_there_and_back() -> None:
    pytest.importorskip("rsatoolbox", exc_type=ImportError)
    rdms = some()
    theirs = to_rsatoolbox(rdms)
    assert theirs.n_rdm == 5 and theirs.n_cond == 4
    assert theirs.rdm_descriptors["area"] == ["V1"] * 3 + ["IT"] * 2
    assert theirs.rdm_descriptors["time_step"] == [0, 1, 2, 1, 2]
    np.testing.assert_array_equal(theirs.get_matrices()[3], square_rdms(rdms)[1, 1])
    xr.testing.assert_identical(from_rsatoolbox(theirs), rdms)


def test_from_rsatoolbox() -> None:
    data = pytest.importorskip("rsatoolbox.data", exc_type=ImportError)
    from rsatoolbox.rdm import calc_rdm

    x = np.random.default_rng(0).random((3, 5, 8))
    theirs = calc_rdm([data.Dataset(s, obs_descriptors={"conds": list("vwxyz")}) for s in x], method="correlation")
    ours = from_rsatoolbox(theirs)
    assert ours.dissimilarity.dims == ("subject", "pair") and ours.attrs["distance"] == "correlation"
    np.testing.assert_array_equal(ours.dissimilarity, theirs.dissimilarities)
    assert from_rsatoolbox(theirs, "time").time_step.values.tolist() == [0, 1, 2]
    theirs.pattern_descriptors["picture"] = list("vwxyz")
    assert from_rsatoolbox(theirs, stimulus="picture").stimulus_id.values.tolist() == list("vwxyz")
    with pytest.raises(AnalysisError, match="stimulus 'object': no such pattern descriptor"):
        from_rsatoolbox(theirs, stimulus="object")
    with pytest.raises(AnalysisError, match="dimension 'run'"):
        from_rsatoolbox(theirs, "run")
    theirs.rdm_descriptors["area"] = ["V1", "IT", "V1"]
    with pytest.raises(AnalysisError, match="two RDMs have the same area"):
        from_rsatoolbox(theirs)


def test_mne_rsa() -> None:
    mne_rsa = pytest.importorskip("mne_rsa")
    x = np.random.default_rng(0).random((2, 5, 8))
    theirs = [mne_rsa.compute_rdm(s, metric="correlation") for s in x]
    ours = from_mne_rsa(theirs, ("area",), list("vwxyz"), "correlation")
    assert ours.dissimilarity.dims == ("area", "pair") and ours.attrs["distance"] == "correlation"
    square = square_rdms(ours).values
    np.testing.assert_array_equal(from_mne_rsa(square, ("area",)).dissimilarity, ours.dissimilarity)
    np.testing.assert_array_equal(to_mne_rsa(ours), theirs)
    assert mne_rsa.rsa(to_mne_rsa(ours)[0], to_mne_rsa(ours)[0], metric="pearson") == pytest.approx(1)
    with pytest.raises(AnalysisError, match="dims"):
        from_mne_rsa(theirs)
