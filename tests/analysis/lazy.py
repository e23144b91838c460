"""Arrays that are read when they are needed, and tell what was read or are made when they are."""

from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing


class _Spied(BackendArray):
    def __init__(self, values: np.ndarray, reads: list[tuple[int, ...]]) -> None:
        self.values, self.shape, self.dtype, self.reads = values, values.shape, values.dtype, reads

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        found = self.values
        for axis, index in enumerate(key):
            index = slice(index, index + 1) if isinstance(index, int | np.integer) else index
            found = found[(*[slice(None)] * axis, index)]
        self.reads.append(found.shape)
        whole = tuple(0 if isinstance(index, int | np.integer) else slice(None) for index in key)
        return np.array(found[whole])


def lazy(array: xr.DataArray) -> tuple[xr.DataArray, list[tuple[int, ...]]]:
    """Return the same array on a disk that it only seems to be on, and the shapes of what is read of it."""
    reads: list[tuple[int, ...]] = []
    data = indexing.LazilyIndexedArray(_Spied(array.values, reads))
    coords = {name: c.variable for name, c in array.coords.items()}
    variable = xr.Variable(array.dims, data, array.attrs)
    return xr.Dataset({"values": variable}, coords)["values"].rename(array.name), reads


class _Made(BackendArray):
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.dtype = shape, np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._make)

    def _make(self, key: tuple[Any, ...]) -> np.ndarray:
        sizes = [len(np.atleast_1d(np.arange(n)[k])) for n, k in zip(self.shape, key, strict=True)]
        shape = [s for s, k in zip(sizes, key, strict=True) if not isinstance(k, int | np.integer)]
        return np.random.default_rng(0).random(shape, np.float32)


def made(**sizes: int) -> xr.DataArray:
    """Return an area of states that take no memory before they are read, as a recording's do not."""
    data = indexing.LazilyIndexedArray(_Made(tuple(sizes.values())))
    return xr.Dataset({"IT": xr.Variable(tuple(sizes), data)})["IT"]
