"""Mean ranks are those of scipy, to the last bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata

from ventralrnn.analysis.comparison import mean_ranks, ranks
from ventralrnn.errors import AnalysisError


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (3, 1), (7,), (2, 3, 50), (3, 300_001), (0, 4), (4, 0)])
def test_against_scipy(dtype: type, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    for values in (rng.standard_normal(shape), rng.integers(-5, 5, shape)):
        found = mean_ranks(values.astype(dtype))
        assert found.dtype == dtype and found.shape == shape
        np.testing.assert_array_equal(found, rankdata(values.astype(dtype), axis=-1) if values.size else found)


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.float16]),
        st.tuples(st.integers(1, 4), st.integers(1, 30)),
        elements=st.one_of(
            st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0**-14, -(2.0**-14), np.inf, -np.inf]),
            st.floats(width=16, allow_nan=False),
        ),
    )
)
def test_any_values(values: np.ndarray) -> None:
    expected = rankdata(values, axis=-1)
    np.testing.assert_array_equal(mean_ranks(values), expected)
    ranked = torch.empty(values.shape)
    ranks._rank_on_device(torch.from_numpy(values).float(), ranked)
    np.testing.assert_array_equal(ranked.numpy(), expected)


def test_values_that_differ_in_the_last_bit_are_not_tied() -> None:
    one = np.float32(1)
    values = np.array([np.nextafter(one, np.float32(2)), one, -one, np.nextafter(-one, np.float32(-2))])
    assert mean_ranks(values).tolist() == [4, 3, 2, 1]


def test_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).integers(0, 40, (13, 60)).astype(np.float32)
    whole = mean_ranks(values)
    for block in (1, 60, 3 * 60 + 1):
        monkeypatch.setattr(ranks, "_BLOCK_VALUES", block)
        np.testing.assert_array_equal(mean_ranks(values), whole)


def test_beyond_what_float32_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "_EXACT_IN_FLOAT32", 50)
    values = np.random.default_rng(2).integers(0, 40, (2, 50)).astype(np.float32)
    found = mean_ranks(values)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, rankdata(values, axis=-1))


def test_rows_with_nan_are_nan() -> None:
    values = np.random.default_rng(3).random((3, 20))
    values[1, 4] = np.nan
    found = mean_ranks(values)
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(found[[0, 2]], rankdata(values[[0, 2]], axis=-1))


def test_kinds() -> None:
    values = np.random.default_rng(4).random((3, 20))
    backwards = values[:, ::-1]
    np.testing.assert_array_equal(mean_ranks(backwards), rankdata(backwards, axis=-1))
    tensor = mean_ranks(torch.from_numpy(values).T)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), rankdata(values.T, axis=-1))
    np.testing.assert_array_equal(mean_ranks(np.array([[3, 1, 3]])), [[2.5, 1, 2.5]])
    with pytest.raises(AnalysisError, match="values: give real numbers"):
        mean_ranks(np.array(["a"]))
