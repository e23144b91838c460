"""
Latency ladders: when areas begin, and when they peak
=====================================================

Onset and peak of every area, with intervals over pictures, for a model and beside it for a brain.
"""

import tempfile
from pathlib import Path

import ventralrnn
from ventralrnn.analysis import compute_dynamics
from ventralrnn.brains import Experiment, simulate_recording
from ventralrnn.plots import plot_latencies
from ventralrnn.stimuli import load_stimuli

recording = ventralrnn.extract(
    "ventral", load_stimuli("embedded"), Path(tempfile.mkdtemp()) / "ventral.zarr", pool="mean"
)
model = compute_dynamics(recording, bootstrap=100, neuroids=False)

# %%
# Recordings **simulated** from the model itself, 15 ms a step in place of 10: a brain that is slower than the model's
# clock.
experiment = Experiment(subjects=1, neuroids=30, repeats=20, ms_per_step=15, bin_ms=10, snr=5)
cells = {area: simulate_recording(recording[area], experiment) for area in recording}
brain = compute_dynamics(cells, bootstrap=100, neuroids=False)
ax = plot_latencies({"model": model, "brain (SIMULATED)": brain})

# %%
# The model's responses grow to the end of the recording, which therefore holds no peak: a triangle says so. The clock
# of the simulation was set to the model's onsets, and they are found again, to within a bin.
# An interval that reaches far to the left says that with other pictures noise might cross the threshold earlier.
print(model.onset.to_series().round(0).to_dict())
print(brain.onset.to_series().round(0).to_dict())
