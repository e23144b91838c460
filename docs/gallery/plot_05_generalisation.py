"""
Does a code last? Temporal generalisation
=========================================

A classifier is trained on the states of one time and tested on those of every other. A square of high accuracy is a
code that stays the same; a bright diagonal alone is a code that moves on.
"""

import tempfile
from pathlib import Path

import ventralrnn
from ventralrnn.analysis import decode
from ventralrnn.plots import plot_generalisation, plot_time_courses
from ventralrnn.stimuli import load_stimuli

recording = ventralrnn.extract(
    "ventral", load_stimuli("embedded"), Path(tempfile.mkdtemp()) / "ventral.zarr", pool="mean"
)

# %%
# Ten categories, 40 pictures of each, 5 folds. Chance is 10 %.
result = decode(recording, "label", folds=5, generalise=True, bootstrap=200)
it = plot_generalisation(result, area="IT")

# %%
v1 = plot_generalisation(result, area="V1")

# %%
# Trained and tested at the same time, with intervals over pictures:
same_time = decode(recording, "label", folds=5, bootstrap=200)
courses = plot_time_courses(same_time)
print(same_time.accuracy.isel(time=-1).to_series().round(2).to_dict())
