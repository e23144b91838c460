"""
When each area responds, and how long it goes on changing
=========================================================

A recording holds every area at every time step, with time in milliseconds. Its time courses show how strongly each area
responds and how much its state still changes.
"""

import tempfile
from pathlib import Path

import numpy as np

import ventralrnn
from ventralrnn.analysis import time_courses
from ventralrnn.plots import make_time_course_figure

# %%
# Record the trained model ``ventral`` on pictures of any kind: here the 400 that the package holds. A folder of
# pictures or a CSV list is given in the same way.
from ventralrnn.stimuli import load_stimuli

pictures = load_stimuli("embedded")
folder = Path(tempfile.mkdtemp())
recording = ventralrnn.extract("ventral", pictures, folder / "ventral.zarr")
print(recording["IT"])

# %%
# The input reaches one area after the other. Before, there is no state: the time is hatched, not drawn as zero.
courses = time_courses(recording)
figure = make_time_course_figure(courses, "Response of each area over time")

# %%
# The same as numbers: the mean response strength, by time in ms.
for area, course in courses.items():
    strength = course["strength"].mean("stimulus")
    reached = np.isfinite(strength.values)
    print(
        area,
        dict(zip(course.time_ms.values[reached].tolist(), strength.values[reached].round(2).tolist(), strict=True)),
    )
