"""Arguments are held against annotations; what is wrong is said in one line that names it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

from ventralrnn.arguments import check_argument, checked
from ventralrnn.errors import AnalysisError, RecordingError


@pytest.mark.parametrize(
    ("value", "hint", "taken"),
    [
        ("IT", Sequence[str] | None, ("IT",)),
        (["V1", "IT"], Sequence[str], ["V1", "IT"]),
        ({"V1": 0}.keys(), Sequence[str], ("V1",)),
        (3, str | int | Sequence[int] | None, 3),
        (3, Sequence[int], (3,)),
        ("0:8", str | Sequence[int], "0:8"),
        (range(3), Sequence[int], range(3)),
        (np.int64(3), int, 3),
        (np.array(3), int, 3),
        (xr.DataArray(0.5), float, 0.5),
        (2, float, 2),
        (None, int | None, None),
        (True, bool, True),
        ("max", Literal["max", "bh"], "max"),
        ("other", Literal["max", "bh"], "other"),  # of which the function knows more to say
        ([[1, 2]], np.ndarray | Tensor, [[1, 2]]),
        ({"V1": 1}, Mapping[str, int], {"V1": 1}),
        ([(1, 2)], int | list[tuple[int, int]], [(1, 2)]),
        ("anything", Any, "anything"),
    ],
)
def test_what_fits_is_taken(value: Any, hint: Any, taken: Any) -> None:
    found = check_argument(value, hint, "name", AnalysisError)
    assert found == taken and type(found) is type(taken)


@pytest.mark.parametrize("values", [np.arange(3), torch.arange(3), xr.DataArray(np.arange(3))])
def test_arrays_are_sequences_of_their_values(values: Any) -> None:
    assert check_argument(values, Sequence[int], "steps", AnalysisError) is values
    assert check_argument(values, np.ndarray | Tensor, "features", AnalysisError) is values


@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        ("3", int, "name: give a whole number, not '3'"),
        (3.5, int | None, "name: give a whole number, not 3.5"),
        (True, int, "name: give a whole number, not True"),
        ("0.9", float, "name: give a number, not '0.9'"),
        (1, bool, "name: give True or False, not 1"),
        (3, str, "name: give a string, not 3"),
        ([1, 2], Sequence[str] | None, "name: give names, not a list"),
        (3.5, str | int | Sequence[int], "name: give a string, a whole number or whole numbers, not 3.5"),
        ([0.5], Sequence[int], "name: give whole numbers, not a list"),
        (np.zeros(3), xr.DataArray, "name: give an xarray.DataArray, not a numpy.ndarray"),
        (None, xr.Dataset, "name: give an xarray.Dataset, not None"),
        ("a.zarr", Mapping[str, int] | np.ndarray, "name: give a mapping or an array, not 'a.zarr'"),
        (3, Literal["t", "mean"], "name: give 't' or 'mean', not 3"),
    ],
)
def test_what_does_not_fit_is_named(value: Any, hint: Any, message: str) -> None:
    with pytest.raises(AnalysisError) as caught:
        check_argument(value, hint, "name", AnalysisError)
    assert str(caught.value) == message


def test_functions() -> None:
    @checked(RecordingError)
    def take(areas: Sequence[str], *, steps: int = 1) -> tuple[Any, int]:
        """Take what is given."""
        return areas, steps

    assert take("IT", steps=2) == (("IT",), 2) and take(["V1"]) == (["V1"], 1)
    assert take.__doc__ == "Take what is given."
    with pytest.raises(RecordingError, match="steps: give a whole number, not 'two'"):
        take("IT", steps="two")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unexpected keyword argument 'step'"):
        take("IT", step=2)  # type: ignore[call-arg]
