"""Primate data in the form in which models are compared with them, and recordings simulated from a known truth."""

from ventralrnn.brains.brainscore.scoring import score
from ventralrnn.brains.datasets.peterson2019 import label_entropies, label_probabilities
from ventralrnn.brains.datasets.zhang2011 import load_spikes
from ventralrnn.brains.load import load_brain, load_responses
from ventralrnn.brains.own.rdms import read_rdms
from ventralrnn.brains.simulate import Experiment, simulate_rdms, simulate_recording

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
