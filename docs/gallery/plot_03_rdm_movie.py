"""
The geometry of every area, step by step
========================================

A representational dissimilarity matrix (RDM) says how differently an area responds to any two pictures. Here is that of
every area at every step, as a strip of film.
"""

import tempfile
from pathlib import Path

import numpy as np

from ventralrnn.analysis import extract_rdm
from ventralrnn.plots import animate_rdms, make_rdm_figure, plot_rdm, save_animation
from ventralrnn.resources import data_dir

# %%
# RDMs can be computed while the model runs; no activations are stored. Folders of pictures are categories.
folder = Path(tempfile.mkdtemp())
for category in ("airplane", "cat", "frog", "ship"):
    (folder / "pictures" / category).mkdir(parents=True)
    for picture in sorted((data_dir() / "stimuli" / "cifar10" / category).glob("*.png"))[:15]:
        (folder / "pictures" / category / picture.name).write_bytes(picture.read_bytes())
rdms = extract_rdm("ventral", folder / "pictures")
strip = make_rdm_figure(rdms)

# %%
# In IT, pictures of one category come to be alike: the blocks on the diagonal grow dark. The last step in full:
last = plot_rdm(rdms, area="IT")

# %%
# The same as a movie, a frame a step; ``.html`` has a slider, ``.gif`` goes into a talk.
movie = save_animation(animate_rdms(rdms), folder / "rdms.gif", dpi=80)
print(movie.name, movie.stat().st_size // 1024, "KB")

# %%
# And as a number: the mean dissimilarity between categories less that within, in IT.
it = rdms.dissimilarity.sel(area="IT")
label = np.repeat(["airplane", "cat", "frog", "ship"], 15)
same = np.equal.outer(label, label)[np.triu_indices(len(label), 1)]
contrast = (it[:, ~same].mean("pair") - it[:, same].mean("pair")).values
for ms, value in zip(rdms.time_ms.sel(area="IT").values, contrast, strict=True):
    print(f"{ms:.0f} ms: {value:.3f}" if np.isfinite(value) else f"{ms:.0f} ms: not reached yet")
