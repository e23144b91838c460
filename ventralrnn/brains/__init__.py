"""Primate data in the form in which models are compared with them, and recordings simulated from a known truth."""

from ventralrnn.brains.load import load_brain
from ventralrnn.brains.rdm_files import read_rdms

__all__ = ["load_brain", "read_rdms"]
