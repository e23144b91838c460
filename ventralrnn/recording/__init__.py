"""Hooks, the recorder, the store on disk, and extraction."""

from ventralrnn.facade import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Recorder": "recorder",
        "Recording": "recording",
        "extract": "extraction",
        "open_recording": "recording",
    },
)
