"""
Which area, and when, is like the brain?
========================================

Every area at every step is compared with every time of a brain. Here the brain is **simulated** from the model's own
V4 and IT, so that the right answer is known; real recordings are used in the same way.
"""

import tempfile
from pathlib import Path

import ventralrnn
from ventralrnn.analysis import rsa
from ventralrnn.brains import Experiment, simulate_rdms
from ventralrnn.plots import make_comparison_figure, plot_similarity_matrix
from ventralrnn.stimuli import load_stimuli

recording = ventralrnn.extract("ventral", load_stimuli("embedded"), Path(tempfile.mkdtemp()) / "ventral.zarr")

# %%
# Four subjects, 100 noisy neurons each in V4 and in IT, recorded in bins of 10 ms while they look at every sixth
# picture.
some = slice(None, None, 6)
experiment = Experiment(subjects=4, neuroids=100, repeats=20, bin_ms=10, snr=0.1, latency_sd_ms=5)
brain = simulate_rdms({area: recording[area][some] for area in ("V4", "IT")}, experiment)
model = ventralrnn.compute_rdm({area: recording[area][some] for area in recording})
result = rsa(model, brain, bootstrap=100, permutations=100)

# %%
# A row for each area of the brain. Clusters that are significant are outlined; on the right the best step of each area
# at every brain time, beside the noise ceiling.
figure = make_comparison_figure(result, title="A brain made of the model's own V4 and IT")

# %%
# One of the panels by itself, with its ceiling on top.
panel = plot_similarity_matrix(result, area="IT", brain_area="IT")

# %%
# Which model area wins at the last brain time?
for area in ("V4", "IT"):
    late = result.similarity.sel(brain_area=area).isel(brain_time=-1).max("time")
    print(
        f"brain {area}: model {str(late.idxmax('area').values)}",
        dict(zip(late.area.values.tolist(), late.values.round(2), strict=True)),
    )
