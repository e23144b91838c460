"""Representational dissimilarity matrices: the geometry of every area at every time step."""

from ventralrnn.analysis.rdm.adapters import from_mne_rsa, from_rsatoolbox, to_mne_rsa, to_rsatoolbox
from ventralrnn.analysis.rdm.compute import compute_rdm
from ventralrnn.analysis.rdm.container import make_rdms, match_stimuli, select_stimuli, square_rdms
from ventralrnn.analysis.rdm.crossnobis import compute_crossnobis, compute_poisson
from ventralrnn.analysis.rdm.crosstemporal import compute_crosstemporal, compute_crosstemporal_rdm
from ventralrnn.analysis.rdm.distances import compute_distances
from ventralrnn.analysis.rdm.noise import Noise, estimate_noise, residuals_of
from ventralrnn.analysis.rdm.streaming import extract_rdm

__all__ = [
    "Noise",
    "compute_crossnobis",
    "compute_crosstemporal",
    "compute_crosstemporal_rdm",
    "compute_distances",
    "compute_poisson",
    "compute_rdm",
    "estimate_noise",
    "extract_rdm",
    "from_mne_rsa",
    "from_rsatoolbox",
    "make_rdms",
    "match_stimuli",
    "residuals_of",
    "select_stimuli",
    "square_rdms",
    "to_mne_rsa",
    "to_rsatoolbox",
]
