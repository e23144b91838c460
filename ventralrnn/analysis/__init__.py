"""Analyses: pure functions on arrays and labelled arrays."""

from ventralrnn.analysis.comparison import compare_rdms
from ventralrnn.analysis.inference import rsa
from ventralrnn.analysis.timecourses import time_courses

__all__ = ["compare_rdms", "rsa", "time_courses"]
