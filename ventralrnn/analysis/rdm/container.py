"""RDMs as one labelled object: any number of states, the pairs of stimuli last."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError


@checked(AnalysisError)
def make_rdms(
    dissimilarity: np.ndarray,
    dims: Sequence[str] = (),
    coords: Mapping[str, Any] | None = None,
    stimulus_id: Sequence[str] | np.ndarray | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Put dissimilarities of pairs of stimuli into the form in which all analyses take RDMs.

    Parameters
    ----------
    dissimilarity : numpy.ndarray, (..., pair)
        Upper triangles without the diagonal, row by row, as :func:`scipy.spatial.distance.squareform` orders them. A
        state that does not exist is NaN throughout.
    dims : sequence of str
        Names of the dimensions before the last, of ``'subject'``, ``'area'``, ``'time'`` those that there are.
    coords : mapping, optional
        Coordinates as :class:`xarray.Dataset` takes them: ``area`` (area), ``time_step`` (time), ``time_ms`` (time) or
        (area, time) in ms after stimulus onset, ``subject``, ``label`` (stimulus).
    stimulus_id : sequence of str, optional
        Names of the stimuli. Without, RDMs are compared stimulus by stimulus in the order in which they are.
    attrs : mapping, optional
        Attributes of the Dataset, such as ``distance``.

    Returns
    -------
    xarray.Dataset
        ``dissimilarity`` (..., pair) and the coordinates; ``stimulus_id`` (stimulus) where given.

    Raises
    ------
    AnalysisError
        If the number of pairs is none that stimuli can have, or the names do not fit it.
    """
    values = np.asarray(dissimilarity)
    count = count_stimuli(values.shape[-1])
    if len(dims) != values.ndim - 1:
        raise AnalysisError(f"dims: {len(dims)} names for {values.ndim - 1} dimensions before the pairs")
    coordinates = dict(coords or {})
    if stimulus_id is not None:
        names = np.array([str(s) for s in stimulus_id])
        if len(names) != count:
            raise AnalysisError(f"stimulus_id: {len(names)} names for RDMs of {count} stimuli")
        if len(set(names.tolist())) != count:
            raise AnalysisError("stimulus_id: two stimuli have the same name")
        coordinates["stimulus_id"] = ("stimulus", names)
    return xr.Dataset({"dissimilarity": ((*dims, "pair"), values)}, coordinates, dict(attrs or {}))


def count_stimuli(pairs: int) -> int:
    """Return how many stimuli have so many pairs.

    Parameters
    ----------
    pairs : int
        Number of pairs, n (n - 1) / 2.

    Returns
    -------
    int
        n, at least 2.

    Raises
    ------
    AnalysisError
        If no n has so many.
    """
    count = int((1 + np.sqrt(1 + 8 * pairs)) // 2)
    if count < 2 or count * (count - 1) // 2 != pairs:
        raise AnalysisError(f"RDMs of {pairs} pairs: no number of stimuli has so many; give upper triangles")
    return count


def pair_indices(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the two stimuli of every pair, in the order of the pairs.

    Parameters
    ----------
    count : int
        Number of stimuli.

    Returns
    -------
    tuple of numpy.ndarray of int, (pair,)
        The first and the second stimulus.
    """
    first, second = np.triu_indices(count, 1)
    return first, second


@checked(AnalysisError)
def square_rdms(rdms: xr.Dataset) -> xr.DataArray:
    """Return RDMs as square matrices.

    Parameters
    ----------
    rdms : xarray.Dataset
        As :func:`make_rdms` returns.

    Returns
    -------
    xarray.DataArray, (..., stimulus, stimulus_other)
        Symmetric, zero on the diagonal; NaN throughout, the diagonal included, where a state does not exist.
    """
    array = rdms["dissimilarity"].transpose(..., "pair")
    count = count_stimuli(array.sizes["pair"])
    first, second = pair_indices(count)
    square = np.zeros((*array.shape[:-1], count, count), array.dtype)
    square[..., first, second] = square[..., second, first] = array.values
    square[np.isnan(array.values).all(-1)] = np.nan
    coords: dict[Any, Any] = {name: c for name, c in rdms.coords.items() if "pair" not in c.dims}
    if "stimulus_id" in coords:
        coords["stimulus_id_other"] = ("stimulus_other", coords["stimulus_id"].values)
    return xr.DataArray(square, coords, (*array.dims[:-1], "stimulus", "stimulus_other"), "dissimilarity", rdms.attrs)


@checked(AnalysisError)
def select_stimuli(rdms: xr.Dataset, index: Sequence[int] | Sequence[str] | np.ndarray) -> xr.Dataset:
    """Return the RDMs of some of the stimuli, in an order that is given.

    Parameters
    ----------
    rdms : xarray.Dataset
        As :func:`make_rdms` returns.
    index : sequence of int or of str
        Positions of the stimuli to keep, or their names (``stimulus_id``), each once.

    Returns
    -------
    xarray.Dataset
        RDMs of these stimuli.

    Raises
    ------
    AnalysisError
        If a stimulus is named twice or is not there, or fewer than two are kept.
    """
    array = rdms["dissimilarity"].transpose(..., "pair")
    chosen = _positions(rdms, index, count_stimuli(array.sizes["pair"]))
    rows, columns = pair_indices(len(chosen))
    kept = array.values[..., pair_position(chosen[rows], chosen[columns], count_stimuli(array.sizes["pair"]))]
    rest = rdms.drop_vars("dissimilarity").isel(stimulus=chosen) if "stimulus" in rdms.dims else rdms
    coords = {name: c for name, c in rest.coords.items() if "pair" not in c.dims}
    # What goes with the stimuli, such as the responses that one subject's ceilings are from, goes with them still.
    others = {name: rest[name].variable for name in rest.data_vars if "stimulus" in rest[name].dims}
    return xr.Dataset({"dissimilarity": (array.dims, kept), **others}, coords, rdms.attrs)


def _positions(rdms: xr.Dataset, index: Sequence[int] | Sequence[str] | np.ndarray, count: int) -> np.ndarray:
    """Return the positions of stimuli that are given by their positions or names."""
    given = np.asarray(index)
    if given.dtype.kind in "UO":
        if "stimulus_id" not in rdms.coords:
            raise AnalysisError("index: these RDMs do not name their stimuli: give positions")
        place = {str(name): i for i, name in enumerate(rdms["stimulus_id"].values)}
        unknown = [str(name) for name in given if str(name) not in place]
        if unknown:
            raise AnalysisError(f"index: {unknown[0]!r} and {len(unknown) - 1} more are no stimuli of these RDMs")
        given = np.array([place[str(name)] for name in given], int)
    chosen = given.astype(int)
    if len(set(chosen.tolist())) != len(chosen) or len(chosen) < 2:
        raise AnalysisError(f"index: give at least two stimuli, each once, not {len(chosen)}")
    if chosen.min() < 0 or chosen.max() >= count:
        raise AnalysisError(f"index: there are {count} stimuli, 0 to {count - 1}, not {chosen.min()} to {chosen.max()}")
    return chosen


def pair_position(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """Return where pairs of two different stimuli stand among all pairs of `count` stimuli."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    return low * (2 * count - low - 1) // 2 + high - low - 1


@checked(AnalysisError)
def match_stimuli(
    first: xr.Dataset, second: xr.Dataset, names: tuple[str, str] = ("first", "second")
) -> tuple[xr.Dataset, xr.Dataset]:
    """Bring two sets of RDMs to the same stimuli in the same order.

    Parameters
    ----------
    first, second : xarray.Dataset
        As :func:`make_rdms` returns. Where both name their stimuli, they are matched by name.
    names : tuple of str
        What messages call the two.

    Returns
    -------
    tuple of xarray.Dataset
        Both, the second in the order of the first.

    Raises
    ------
    AnalysisError
        If the stimuli are not the same; the message names one that is missing.
    """
    counts = [count_stimuli(rdms.sizes["pair"]) for rdms in (first, second)]
    if "stimulus_id" not in first.coords or "stimulus_id" not in second.coords:
        if counts[0] != counts[1]:
            raise AnalysisError(
                f"{names[0]}: RDMs of {counts[0]} stimuli, and of {counts[1]} in `{names[1]}`: show both the same"
            )
        return first, second
    ours, others = ([str(s) for s in rdms.stimulus_id.values] for rdms in (first, second))
    if ours == others:
        return first, second
    for has, lacks, name, other in ((ours, others, *names), (others, ours, *names[::-1])):
        missing = sorted(set(has) - set(lacks))
        if missing:
            common = len(set(has) & set(lacks))
            raise AnalysisError(
                f"{name}: stimulus {missing[0]!r} is not in `{other}` ({len(missing)} of {len(has)} are not, {common} "
                "are in both): show both the same stimuli"
                + ", or take these with `ventralrnn.analysis.rdm.select_stimuli(rdms, names)`"
                * (common > 1)
            )
    position = {name: i for i, name in enumerate(others)}
    return first, select_stimuli(second, [position[name] for name in ours])


def as_rows(rdms: xr.Dataset) -> tuple[np.ndarray, dict[str, int]]:
    """Return RDMs as a matrix with a row for every state, also for those that do not exist.

    Parameters
    ----------
    rdms : xarray.Dataset
        As :func:`make_rdms` returns.

    Returns
    -------
    tuple of (numpy.ndarray, (state, pair)) and (dict of str to int)
        The matrix, and the dimensions before the pairs with their sizes, whose product (1 for none) is the number of
        rows.
    """
    array = rdms["dissimilarity"].transpose(..., "pair")
    return array.values.reshape(-1, array.shape[-1]), {str(d): array.sizes[d] for d in array.dims[:-1]}
