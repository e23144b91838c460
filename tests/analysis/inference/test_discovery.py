"""False discovery rates against scipy and the definition."""

import numpy as np
import pytest
from scipy import stats

from ventralrnn.analysis.inference import false_discovery
from ventralrnn.errors import AnalysisError


@pytest.mark.parametrize("method", ["bh", "by"])
def test_as_scipy_and_without_missing_tests(method: str) -> None:
    p_values = np.random.default_rng(0).random((3, 5)) ** 2
    p_values[1, 2] = np.nan
    found = false_discovery(p_values, method)  # type: ignore[arg-type]
    tested = ~np.isnan(p_values)
    np.testing.assert_array_equal(np.isnan(found), ~tested)
    np.testing.assert_allclose(found[tested], stats.false_discovery_control(p_values[tested], method=method))
    assert np.isnan(false_discovery(np.full(3, np.nan))).all()


def test_by_the_definition() -> None:
    p_values = np.array([0.01, 0.02, 0.03, 0.5])
    # The largest i with p <= 0.05 i / n is the third: three are believed.
    assert (false_discovery(p_values) <= 0.05).tolist() == [True, True, True, False]
    assert false_discovery(p_values) == pytest.approx([0.04, 0.04, 0.04, 0.5])


def test_what_is_refused_is_named() -> None:
    with pytest.raises(AnalysisError, match="method: 'holm'"):
        false_discovery(np.ones(2), "holm")  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="p_values: lie between 0 and 1"):
        false_discovery(np.array([1.5]))
