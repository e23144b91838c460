"""Analyses: pure functions on arrays and labelled arrays."""

from ventralrnn.analysis.comparison import compare_rdms
from ventralrnn.analysis.timecourses import time_courses

__all__ = ["compare_rdms", "time_courses"]
