"""How states unfold in time: latencies, selectivity, trajectories, timescales, fixed points."""

from ventralrnn.analysis.dynamics.compute import compute_dynamics
from ventralrnn.analysis.dynamics.contributions import compute_contributions
from ventralrnn.analysis.dynamics.fixed_points import find_fixed_points
from ventralrnn.analysis.dynamics.jacobian import StateMap, jacobian_spectrum, leading_spectrum
from ventralrnn.analysis.dynamics.latencies import Threshold, find_latencies
from ventralrnn.analysis.dynamics.selectivity import compute_selectivity, sparseness
from ventralrnn.analysis.dynamics.timescales import Autocorrelation, fit_decay
from ventralrnn.analysis.dynamics.trajectories import curvature, distance_to_end, participation_ratio, speed

__all__ = [
    "Autocorrelation",
    "StateMap",
    "Threshold",
    "compute_contributions",
    "compute_dynamics",
    "compute_selectivity",
    "curvature",
    "distance_to_end",
    "find_fixed_points",
    "find_latencies",
    "fit_decay",
    "jacobian_spectrum",
    "leading_spectrum",
    "participation_ratio",
    "sparseness",
    "speed",
]
