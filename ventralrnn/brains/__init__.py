"""Primate data in the form in which models are compared with them, and recordings simulated from a known truth."""

from ventralrnn.brains.brainscore.scoring import score
from ventralrnn.brains.load import load_brain
from ventralrnn.brains.peterson2019 import label_entropies, label_probabilities
from ventralrnn.brains.rdm_files import read_rdms
from ventralrnn.brains.responses import load_responses
from ventralrnn.brains.simulate import Experiment, simulate_rdms, simulate_recording
from ventralrnn.brains.spikes import load_spikes

__all__ = [
    "Experiment",
    "label_entropies",
    "label_probabilities",
    "load_brain",
    "load_responses",
    "load_spikes",
    "read_rdms",
    "score",
    "simulate_rdms",
    "simulate_recording",
]
