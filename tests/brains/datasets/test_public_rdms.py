"""Public data sets against what is known of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from scipy.stats import pearsonr, spearmanr

import ventralrnn
from ventralrnn.analysis.rdm import match_stimuli
from ventralrnn.brains import load_brain
from ventralrnn.brains.datasets.cichy2016 import MEG_FILE
from ventralrnn.brains.datasets.registry import RDMS
from ventralrnn.errors import AnalysisError, DataError
from ventralrnn.stimuli import cache, load_stimuli

Needs = Callable[[str], Path]


def test_monkey_and_human_agree_as_published(needs: Needs) -> None:
    needs("kriegeskorte2008")
    both = ventralrnn.load_brain("kriegeskorte2008")
    assert both["dissimilarity"].dims == ("area", "pair") and both.area.values.tolist() == ["macaque IT", "human IT"]
    assert spearmanr(*both["dissimilarity"].values).statistic == pytest.approx(0.4389, abs=5e-5)
    macaque = load_brain("kriegeskorte2008/macaque-it")
    np.testing.assert_array_equal(macaque["dissimilarity"][0], both["dissimilarity"].sel(area="macaque IT"))


def test_sessions_agree_as_published(needs: Needs) -> None:
    needs("kriegeskorte2008")
    rdms = load_brain("kriegeskorte2008/human-it-sessions")
    assert rdms.person.values.tolist() == [p for p in ("BE", "KO", "SN", "TI") for _ in range(2)]
    assert rdms.session.values.tolist() == [1, 2] * 4
    rows = rdms["dissimilarity"].values[:, 0]
    agreement = [pearsonr(rows[i], rows[i + 1]).statistic for i in range(0, 8, 2)]
    assert [f"{r:.2f}" for r in agreement] == ["0.29", "0.10", "0.40", "0.12"]


def test_people_are_means_of_sessions_and_their_mean_is_the_figure(needs: Needs) -> None:
    needs("kriegeskorte2008")
    people = load_brain("kriegeskorte2008/human-it")
    sessions = load_brain("kriegeskorte2008/human-it-sessions")["dissimilarity"].values
    assert people.subject.values.tolist() == ["BE", "KO", "SN", "TI"]
    np.testing.assert_allclose(people["dissimilarity"].values, sessions.reshape(4, 2, 1, -1).mean(1), rtol=1e-12)
    figure = load_brain("kriegeskorte2008")["dissimilarity"].sel(area="human IT")
    np.testing.assert_allclose(people["dissimilarity"].values.mean((0, 1)), figure, rtol=1e-6)


def test_judgements(needs: Needs) -> None:
    needs("kriegeskorte2008")
    rdms = load_brain("kriegeskorte2008/judgements")
    assert dict(rdms["dissimilarity"].sizes) == {"subject": 16, "area": 1, "pair": 4186}
    human = load_brain("kriegeskorte2008")["dissimilarity"].sel(area="human IT")
    # Judgements agree with human IT: Mur et al. 2013.
    assert spearmanr(rdms["dissimilarity"].mean("subject")[0], human).statistic > 0.3


def test_cichy(needs: Needs) -> None:
    folder = needs("cichy2016")
    rdms = load_brain("cichy2016")
    assert dict(rdms["dissimilarity"].sizes) == {"subject": 15, "area": 2, "pair": 4186}
    with np.load(folder / "fmri_IT_RDMs.npz") as file:
        third = squareform(file["Net_RDM"][2], checks=False)
    np.testing.assert_array_equal(rdms["dissimilarity"].sel(area="IT", subject="03"), third)


@pytest.mark.parametrize("name", [n for n in RDMS if n != "cichy2016/meg"])
def test_stimuli_licence_and_citation(needs: Needs, name: str) -> None:
    needs("kriegeskorte2008")
    needs(RDMS[name].data_set)
    rdms = load_brain(name)
    assert rdms.stimulus_id.values.tolist() == list(load_stimuli("kriegeskorte2008").ids)
    assert {"licence", "citation", "description", "distance"} <= rdms.attrs.keys() and rdms.attrs["name"] == name
    assert "simulated" not in rdms.attrs
    other = load_brain("kriegeskorte2008")
    assert match_stimuli(other, rdms)[1] is rdms


def test_what_is_missing_is_told_and_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: Any) -> None:
        raise AssertionError("fetched without being asked")

    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr("ventralrnn.stimuli.download.fetch", fetch)
    for name in (n for n in RDMS if n != "cichy2016/meg"):
        with pytest.raises(DataError, match=f"ventralrnn data get {RDMS[name].data_set}`") as error:
            load_brain(name)
        assert "\n" not in str(error.value)
    with pytest.raises(DataError, match=rf"save the file .* {tmp_path}/cichy2016/MEG_decoding_RDMs\.mat"):
        load_brain("cichy2016/meg")


def test_names_that_come_near() -> None:
    with pytest.raises(DataError, match="did you mean kriegeskorte2008"):
        load_brain("kriegeskorte208")
    with pytest.raises(DataError, match="dims: is for files of your own"):
        load_brain("cichy2016", dims=("subject",))


@pytest.fixture
def meg() -> np.ndarray:
    """Return decoding accuracies as the authors' file holds them, (subject, session, time, stimulus, stimulus)."""
    values = np.random.default_rng(0).random((3, 2, 5, 4, 4))
    values = values + values.swapaxes(-1, -2)
    values[..., np.arange(4), np.arange(4)] = np.nan
    return values


def write_meg(path: Path, values: np.ndarray) -> None:
    h5py = pytest.importorskip("h5py")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        file["MEG_decoding_RDMs"] = values.T


def test_meg(tmp_path: Path, meg: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cichy2016" / MEG_FILE
    write_meg(file, meg)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    rdms = load_brain("cichy2016/meg")
    assert rdms["dissimilarity"].dims == ("subject", "area", "time", "pair")
    assert rdms.time_ms.values.tolist() == [-100, -99, -98, -97, -96]
    assert rdms.stimulus_id.values[0] == "kriegeskorte2008-01"
    expected = meg.mean(1)[..., *np.triu_indices(4, 1)]
    np.testing.assert_allclose(rdms["dissimilarity"].values[:, 0], expected, rtol=1e-6)
    np.testing.assert_array_equal(load_brain(file)["dissimilarity"], rdms["dissimilarity"])


def test_meg_that_is_another_file(tmp_path: Path, meg: np.ndarray) -> None:
    file = tmp_path / MEG_FILE
    file.write_bytes(b"MATLAB 5.0")
    with pytest.raises(AnalysisError, match="not HDF5"):
        load_brain(file)
    write_meg(file, meg[0])
    with pytest.raises(AnalysisError, match=r"has shape \(4, 4, 5, 2\)"):
        load_brain(file)
    meg[0, 0, 0, [1, 2], [2, 1]] = np.nan
    write_meg(file, meg)
    with pytest.raises(AnalysisError, match="NaN or infinity beside the diagonal"):
        load_brain(file)
