"""Labelled comparison: every state of a model with every subject, area and time of a brain."""

from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from ventralrnn.analysis.arrays import to_tensor
from ventralrnn.analysis.comparison.combination import partial_vectors
from ventralrnn.analysis.comparison.comparators import compare_vectors
from ventralrnn.analysis.rdm.container import as_rows, count_stimuli, make_rdms, match_stimuli, pair_indices
from ventralrnn.analysis.results import provenance
from ventralrnn.arguments import checked
from ventralrnn.errors import AnalysisError

_PREFIX = "brain_"
_FEWEST_STIMULI = 3


@checked(AnalysisError)
def compare_rdms(
    model: xr.Dataset | xr.DataArray | np.ndarray | Tensor,
    brain: xr.Dataset | xr.DataArray | np.ndarray | Tensor,
    method: str = "spearman",
    *,
    controls: xr.Dataset | xr.DataArray | np.ndarray | Tensor | None = None,
    sigma_k: np.ndarray | Tensor | None = None,
) -> xr.Dataset:
    """Compare every RDM of a model with every RDM of a brain.

    Parameters
    ----------
    model : xarray.Dataset, or array (..., pair) or (..., stimulus, stimulus)
        RDMs as :func:`~ventralrnn.analysis.rdm.make_rdms` returns, upper triangles, or square matrices, which are
        told by their symmetry and a diagonal of zeros.
    brain : xarray.Dataset, or array (..., pair) or (..., stimulus, stimulus)
        RDMs of the same stimuli; matched by name where both name them, else by their order.
    method : str
        How, see :func:`~ventralrnn.analysis.comparison.compare_vectors`.
    controls : xarray.Dataset or array, optional
        RDMs of the same stimuli, such as those of pixels or of categories, whose share is taken out of both sides, see
        :func:`~ventralrnn.analysis.comparison.partial_vectors`.
    sigma_k : array, (stimulus, stimulus) or (stimulus,), optional
        Noise covariance of the stimuli of `model` for the whitened methods.

    Returns
    -------
    xarray.Dataset
        ``similarity`` over the leading dimensions of `model`, then those of `brain`, float64; NaN where a state does
        not exist or the method is undefined. A name that both sides have gets the prefix ``brain_`` on the brain's
        side: (area, time, subject, brain_area, brain_time), with coordinates ``time_ms`` and ``brain_time_ms`` in ms.
        Leading dimensions of plain arrays are ``model`` and ``brain``, numbered from 0 if there are several. The
        attributes say how it was made; those of `brain` have the prefix as well.

    Raises
    ------
    AnalysisError
        If the stimuli differ or are less than three, an argument holds no RDMs, or as
        :func:`~ventralrnn.analysis.comparison.compare_vectors`.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn import compare_rdms
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> rng = np.random.default_rng(0)
    >>> model = make_rdms(rng.random((2, 5, 45)), ("area", "time"), {"area": ["V1", "IT"]})
    >>> brain = make_rdms(rng.random((3, 7, 45)), ("subject", "time"))
    >>> compare_rdms(model, brain, "whitened").similarity.dims
    ('area', 'time', 'subject', 'brain_time')
    """
    ours = as_rdms(model, "model")
    one, two = match_stimuli(ours, _renamed(ours, as_rdms(brain, "brain")), ("model", "brain"))
    count = count_stimuli(one.sizes["pair"])
    if count < _FEWEST_STIMULI:
        raise AnalysisError(f"RDMs of {count} stimuli have one pair: give at least {_FEWEST_STIMULI} stimuli")
    (first, rows), (second, columns) = as_rows(one), as_rows(two)
    if controls is None:
        similarity = compare_vectors(first, second, method, sigma_k=sigma_k)
    else:
        further, _ = as_rows(match_stimuli(one, as_rdms(controls, "controls"), ("model", "controls"))[1])
        similarity = partial_vectors(first, second, further, method, sigma_k=sigma_k)
    sizes = {**rows, **columns}
    coords = {name: c for rdms in (one, two) for name, c in rdms.coords.items() if set(c.dims) <= set(sizes)}
    attrs = {f"{_PREFIX}{name}": value for name, value in two.attrs.items() if name != "versions"}
    source = {str(name): value for name, value in one.attrs.items()}
    if "distance" in source:
        attrs["distance"] = source["distance"]
    return xr.Dataset(
        {"similarity": (tuple(sizes), similarity.reshape(tuple(sizes.values())))},
        coords,
        provenance(source, **attrs, method=method, stimuli_compared=count, controlled=controls is not None),
    )


def as_rdms(rdms: Any, name: str) -> xr.Dataset:
    """Return RDMs in whatever form as a Dataset.

    Parameters
    ----------
    rdms : xarray.Dataset, or array (..., pair) or (..., stimulus, stimulus)
        As :func:`compare_rdms` takes them.
    name : str
        Of the argument: of the leading dimensions of plain arrays, and for messages.

    Returns
    -------
    xarray.Dataset
        With ``dissimilarity`` (..., pair).

    Raises
    ------
    AnalysisError
        If it holds no RDMs.
    """
    if isinstance(rdms, xr.DataArray) and "pair" in rdms.dims:
        rdms = rdms.to_dataset(name="dissimilarity").assign_attrs(rdms.attrs)
    if isinstance(rdms, xr.Dataset):
        if "dissimilarity" not in rdms or "pair" not in rdms["dissimilarity"].dims:
            raise AnalysisError(f"{name}: a Dataset without `dissimilarity` (..., pair); make it with make_rdms")
        return rdms
    if isinstance(rdms, xr.DataArray):
        raise AnalysisError(f"{name}: a DataArray without the dimension pair; make a Dataset with make_rdms")
    values = to_tensor(rdms, name, finite=False).cpu().numpy()
    if values.ndim == 0:
        raise AnalysisError(f"{name}: a single number is no RDM")
    if _is_square(values):
        values = values[(..., *pair_indices(values.shape[-1]))]
    dims = [name] if values.ndim == 2 else [f"{name}_{i}" for i in range(values.ndim - 1)]
    return make_rdms(values, dims)


def _is_square(values: np.ndarray) -> bool:
    if values.ndim < 2 or values.shape[-1] != values.shape[-2] or values.shape[-1] < 2:
        return False
    diagonal = np.diagonal(values, axis1=-2, axis2=-1)
    symmetric = np.allclose(values, np.swapaxes(values, -1, -2), equal_nan=True)
    return symmetric and bool(((diagonal == 0) | np.isnan(diagonal)).all())


def _renamed(model: xr.Dataset, brain: xr.Dataset) -> xr.Dataset:
    """Prefix the brain's names that the model has too, and those of the coordinates along them."""

    def names(rdms: xr.Dataset) -> set[Any]:
        leading = set(rdms["dissimilarity"].dims) - {"pair"}
        return leading | {name for name, c in rdms.coords.items() if set(c.dims) <= leading}

    shared = names(model) & names(brain)
    along = {name for name in names(brain) if name in brain.coords and shared & set(brain[name].dims)}
    return brain.rename({name: f"{_PREFIX}{name}" for name in shared | along})
