"""Stimuli: sets of pictures and movies, read one at a time and brought to a model's input."""

from ventralrnn.stimuli.arrays import ArrayStimuli
from ventralrnn.stimuli.base import Stimuli
from ventralrnn.stimuli.batches import Batch, read_batches
from ventralrnn.stimuli.files import FileStimuli
from ventralrnn.stimuli.loading import load_stimuli
from ventralrnn.stimuli.rendering import rendering_note
from ventralrnn.stimuli.tensors import standardise
from ventralrnn.stimuli.timing import grey_level, present

__all__ = [
    "ArrayStimuli",
    "Batch",
    "FileStimuli",
    "Stimuli",
    "grey_level",
    "load_stimuli",
    "present",
    "read_batches",
    "rendering_note",
    "standardise",
]
