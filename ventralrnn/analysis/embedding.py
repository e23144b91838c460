"""States as points: multidimensional scaling of how different the geometries of all areas and times are."""

import numpy as np
import xarray as xr

from ventralrnn.analysis.comparison import compare_rdms
from ventralrnn.analysis.results import provenance
from ventralrnn.errors import AnalysisError

_FEWEST = 3
_ITERATIONS, _TOLERANCE = 1000, 1e-9


def embed_states(result: xr.Dataset, method: str = "spearman", *, dimensions: int = 2) -> xr.Dataset:
    """Place every state of a model or brain so that those with similar geometries are near each other.

    Parameters
    ----------
    result : xarray.Dataset
        RDMs (area, time, pair), whose second-stage distances are taken: 1 - similarity of every two of them [1]_. Or
        what :func:`~ventralrnn.analysis.compare_states` returns for one recording: its distances, or 1 - similarity.
    method : str
        How RDMs are compared, see :func:`~ventralrnn.analysis.compare_rdms`.
    dimensions : int
        Of the space in which they are placed.

    Returns
    -------
    xarray.Dataset
        ``position`` (area, time, dimension), NaN where a state does not exist. Attributes: ``stress``, Kruskal's
        stress-1, the root of the squared errors of distances relative to their squares, 0 where they are all right;
        ``distance``, what is scaled, in words.

    Raises
    ------
    AnalysisError
        If there are fewer than three states, or the result is of another kind.

    Notes
    -----
    Metric scaling by stress majorisation (SMACOF [2]_, scikit-learn's), which begins at classical scaling and therefore
    does not depend on chance. Axes are turned so that the first has the largest variance.

    References
    ----------
    .. [1] Kriegeskorte, Mur & Bandettini 2008, Representational similarity analysis - connecting the branches of
       systems neuroscience, Frontiers in Systems Neuroscience 2:4.
    .. [2] Borg & Groenen 2005, Modern Multidimensional Scaling, chapter 8.

    Examples
    --------
    >>> import numpy as np
    >>> from ventralrnn.analysis import embed_states
    >>> from ventralrnn.analysis.rdm import make_rdms
    >>> rdms = make_rdms(np.random.default_rng(0).random((2, 4, 45)), ("area", "time"), {"area": ["V1", "IT"]})
    >>> embed_states(rdms).position.shape
    (2, 4, 2)
    """
    distances, words = _distances(result, method)
    shape = distances.shape[:2]
    flat = distances.reshape(int(np.prod(shape)), -1)
    there = np.isfinite(flat).any(1)
    if there.sum() < _FEWEST:
        raise AnalysisError(f"result: {int(there.sum())} states; at least {_FEWEST} can be placed")
    found, stress = _scale(flat[np.ix_(there, there)], dimensions)
    position = np.full((len(flat), dimensions), np.nan)
    position[there] = found
    coords = {
        str(name): coordinate
        for name, coordinate in result.coords.items()
        if set(coordinate.dims) <= {"area", "time"} and not str(name).endswith("_other")
    }
    return xr.Dataset(
        {"position": (("area", "time", "dimension"), position.reshape(*shape, dimensions))},
        coords,
        provenance(
            {str(k): v for k, v in result.attrs.items()},
            analysis="multidimensional scaling",
            stress=stress,
            distance=words,
        ),
    )


def _distances(result: xr.Dataset, method: str) -> tuple[np.ndarray, str]:
    """Return distances (area, time, area, time), NaN where there is no state, and what they are."""
    if "dissimilarity" in result:
        rdms = result.mean("subject", keep_attrs=True) if "subject" in result["dissimilarity"].dims else result
        if set(rdms["dissimilarity"].dims) != {"area", "time", "pair"}:
            raise AnalysisError("result: give RDMs with the dimensions area and time")
        rdms = rdms.transpose("area", "time", "pair", ...)
        similarity = compare_rdms(rdms, rdms, method)["similarity"].values
        return 1 - similarity, f"1 - {method} similarity of RDMs"
    name = next((n for n in ("similarity", "distance") if n in result), None)
    dims = ("area", "time", "area_other", "time_other")
    if name is None or set(result[name].dims) != set(dims):
        raise AnalysisError("result: give RDMs, or what compare_states returns")
    values = result[name].transpose(*dims).values
    if values.shape[:2] != values.shape[2:]:
        raise AnalysisError("result: compares two recordings; give what compare_states returns for one")
    measure = str(result.attrs.get("measure", name))
    return (1 - values, f"1 - {measure.upper()}") if name == "similarity" else (values, f"{measure} distance")


def _scale(distances: np.ndarray, dimensions: int) -> tuple[np.ndarray, float]:
    from sklearn.manifold import smacof

    # Rounding leaves traces on the diagonal and between the halves, and unbiased similarities may exceed 1.
    square = np.clip((distances + distances.T) / 2, 0, None)
    np.fill_diagonal(square, 0)
    start = _classical(square, dimensions)
    placed = smacof(
        square,
        metric=True,
        n_components=dimensions,
        init=start,
        n_init=1,
        max_iter=_ITERATIONS,
        eps=_TOLERANCE,
        normalized_stress=False,
    )[0]
    placed = placed - placed.mean(0)
    _, _, turned = np.linalg.svd(placed, full_matrices=False)
    # Of the two signs of an axis, that with the longer side positive.
    placed = placed @ turned.T
    placed *= np.where(np.abs(placed.min(0)) > placed.max(0), -1, 1)
    reached = np.linalg.norm(placed[:, None] - placed[None], axis=-1)
    total = float((square**2).sum())
    return placed, float(np.sqrt(((reached - square) ** 2).sum() / total)) if total else 0.0


def _classical(distances: np.ndarray, dimensions: int) -> np.ndarray:
    count = len(distances)
    centre = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centre @ distances**2 @ centre)
    order = np.argsort(values)[::-1][:dimensions]
    start = np.zeros((count, dimensions))
    start[:, : len(order)] = vectors[:, order] * np.sqrt(np.clip(values[order], 0, None))
    return start
