"""Matplotlib figures."""

from ventralrnn.plots.timecourses import plot_time_courses

__all__ = ["plot_time_courses"]
