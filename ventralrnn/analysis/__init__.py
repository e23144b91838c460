"""Analyses: pure functions on arrays and labelled arrays."""

from ventralrnn.analysis.timecourses import time_courses

__all__ = ["time_courses"]
