"""
Paths of geometries through time
================================

Each state of each area has a geometry, its RDM. States with similar geometries lie near each other; arrows follow time.
"""

import tempfile
from pathlib import Path

import ventralrnn
from ventralrnn.analysis import embed_states
from ventralrnn.plots import plot_trajectories
from ventralrnn.stimuli import load_stimuli

recording = ventralrnn.extract("ventral", load_stimuli("embedded"), Path(tempfile.mkdtemp()) / "ventral.zarr")
some = {area: recording[area][::4] for area in recording}  # every fourth picture
rdms = ventralrnn.compute_rdm(some)
places = embed_states(rdms)
ax = plot_trajectories(places)

# %%
# Distances in the plane stand for 1 - Spearman's correlation of two RDMs. How far they are off is the stress:
print(f"stress {places.attrs['stress']:.2f}")
