"""The one way in which analyses read states: areas over time, state by state or block by block."""

from ventralrnn.analysis.reading.area import AreaStates
from ventralrnn.analysis.reading.grid import (
    Features,
    State,
    StateGrid,
    check_labels,
    connections,
    match_names,
    open_areas,
    stimulus_names,
)

__all__ = [
    "AreaStates",
    "Features",
    "State",
    "StateGrid",
    "check_labels",
    "connections",
    "match_names",
    "open_areas",
    "stimulus_names",
]
