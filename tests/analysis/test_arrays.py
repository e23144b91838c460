"""Arrays become tensors and come back as the kind that they were."""

import numpy as np
import pytest
import torch

from ventralrnn.analysis.arrays import to_kind, to_tensor
from ventralrnn.errors import AnalysisError


@pytest.mark.parametrize(
    ("given", "expected"),
    [("float16", "float32"), ("float32", "float32"), ("float64", "float64"), ("int32", "float64"), ("bool", "float64")],
)
def test_types(given: str, expected: str) -> None:
    array = np.ones((2, 3), given)
    assert str(to_tensor(array, "x").numpy().dtype) == expected
    assert str(to_tensor(torch.from_numpy(array), "x").dtype) == f"torch.{expected}"


def test_no_copy_where_there_need_be_none() -> None:
    array = np.ones((2, 3), np.float32)
    to_tensor(array, "x")[0, 0] = 5
    assert array[0, 0] == 5


def test_memory_that_torch_does_not_know() -> None:
    array = np.arange(6.0).reshape(2, 3)
    fixed = array.copy()
    fixed.flags.writeable = False
    for other in (array[::-1][::-1], array[:, ::-1][:, ::-1], array.astype(">f8"), fixed, array.tolist()):
        np.testing.assert_array_equal(to_tensor(other, "x"), array)
    assert fixed[0, 0] == 0


def test_kind() -> None:
    array = np.ones(3)
    assert isinstance(to_kind(to_tensor(array, "x"), array), np.ndarray)
    tensor = torch.ones(3)
    assert to_kind(tensor, tensor) is tensor


def test_what_is_refused_is_named() -> None:
    with pytest.raises(AnalysisError, match="features: give 2 dimensions"):
        to_tensor(np.ones(3), "features", ndim=2)
    with pytest.raises(AnalysisError, match="features: holds NaN"):
        to_tensor([1.0, np.nan], "features")
    with pytest.raises(AnalysisError, match="features: give real numbers"):
        to_tensor(np.array(["a"]), "features")
    assert to_tensor([1.0, np.inf], "features", finite=False)[1] == np.inf
    # A sum that overflows is no infinity among the values.
    assert to_tensor(np.full(4, 3e38, np.float32), "features").shape == (4,)
