"""Recurrent models of the primate ventral stream, recorded at every area and time step.

The names below load what they need when they are first used, so that ``import ventralrnn`` costs next to nothing.
"""

from ventralrnn.facade import attach

__version__ = "0.1.0"
_HOMES = {
    "load_model": "zoo",
    "extract": "recording",
    "open_recording": "recording",
    "compute_rdm": "analysis",
    "compare_rdms": "analysis",
    "load_brain": "brains",
    "score": "brains",
}
__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
__all__.append("__version__")
