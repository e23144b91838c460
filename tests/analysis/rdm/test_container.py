"""The form of RDMs, against scipy's."""

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import squareform

from ventralrnn.analysis.rdm import make_rdms, match_stimuli, select_stimuli, square_rdms
from ventralrnn.analysis.rdm.container import as_rows, count_stimuli, pair_indices, pair_position
from ventralrnn.errors import AnalysisError


def some(count: int = 5, shape: tuple[int, ...] = (2, 3), names: str = "abcdefgh") -> np.ndarray:
    return np.random.default_rng(0).random((*shape, count * (count - 1) // 2))


def test_square_is_scipy_s() -> None:
    values = some()
    values[1, 2] = np.nan
    rdms = make_rdms(values, ("area", "time"), {"area": ["V1", "IT"]}, list("abcde"))
    square = square_rdms(rdms)
    assert square.dims == ("area", "time", "stimulus", "stimulus_other")
    np.testing.assert_array_equal(square.sel(area="V1")[1], squareform(values[0, 1]))
    assert np.isnan(square.values[1, 2]).all()


@pytest.mark.parametrize("count", [2, 3, 17])
def test_pairs(count: int) -> None:
    first, second = pair_indices(count)
    assert count_stimuli(len(first)) == count
    np.testing.assert_array_equal(pair_position(second, first, count), np.arange(len(first)))


def test_stimuli_are_selected_and_matched_by_name() -> None:
    values = some()
    rdms = make_rdms(values, ("area", "time"), {"time_ms": (("area", "time"), np.ones((2, 3)))}, list("abcde"))
    order = [3, 0, 4, 1]
    chosen = select_stimuli(rdms, order)
    np.testing.assert_array_equal(square_rdms(chosen)[1, 1], squareform(values[1, 1])[np.ix_(order, order)])
    assert chosen.stimulus_id.values.tolist() == list("daeb")
    assert chosen.time_ms.shape == (2, 3)
    first, second = match_stimuli(rdms, select_stimuli(rdms, [4, 3, 2, 1, 0]))
    np.testing.assert_array_equal(first.dissimilarity, second.dissimilarity)
    assert second.stimulus_id.values.tolist() == list("abcde")


def test_other_stimuli_are_refused() -> None:
    rdms = make_rdms(some(), ("area", "time"), stimulus_id=list("abcde"))
    with pytest.raises(
        AnalysisError,
        match="first: stimulus 'e' is not in `second` \\(1 of 5 are not, 4 are in both\\).*select_stimuli",
    ):
        match_stimuli(rdms, make_rdms(some(), ("area", "time"), stimulus_id=list("abcdx")))
    with pytest.raises(AnalysisError, match="first: RDMs of 5 stimuli, and of 4 in `second`"):
        match_stimuli(rdms, make_rdms(some(4), ("area", "time")))
    with pytest.raises(AnalysisError, match="no number of stimuli"):
        make_rdms(np.zeros(4))
    with pytest.raises(AnalysisError, match="same name"):
        make_rdms(np.zeros(3), stimulus_id=list("aba"))
    with pytest.raises(AnalysisError, match="each once"):
        select_stimuli(rdms, [1, 1])
    with pytest.raises(AnalysisError, match="index: 'x' and 1 more are no stimuli"):
        select_stimuli(rdms, ["a", "x", "y"])
    with pytest.raises(AnalysisError, match="index: there are 5 stimuli, 0 to 4, not -1 to 2"):
        select_stimuli(rdms, [-1, 2])
    with pytest.raises(AnalysisError, match="do not name their stimuli: give positions"):
        select_stimuli(make_rdms(some(), ("area", "time")), ["a", "b"])


def test_stimuli_are_selected_by_name() -> None:
    rdms = make_rdms(some(), ("area", "time"), stimulus_id=list("abcde"))
    for names in (["d", "a", "c"], np.array(["d", "a", "c"]), rdms["stimulus_id"][[3, 0, 2]].values):
        xr.testing.assert_identical(select_stimuli(rdms, names), select_stimuli(rdms, [3, 0, 2]))


def test_rows() -> None:
    values = some()
    rows, dims = as_rows(make_rdms(values, ("area", "time")))
    assert dims == {"area": 2, "time": 3}
    np.testing.assert_array_equal(rows, values.reshape(6, -1))
    assert as_rows(make_rdms(values[0, 0]))[0].shape == (1, 10)
