"""
What noise does to distances: crossnobis
========================================

Noise makes any two patterns look different. The crossnobis distance multiplies differences from independent repeats, so
that noise cancels: it is right on average however few repeats there are.
"""

import numpy as np
from matplotlib.figure import Figure

from ventralrnn.analysis.rdm import compute_crossnobis, compute_distances
from ventralrnn.plots import use_style

# %%
# Ten stimuli, 50 neurons. The true distances are known. Each of 200 experiments has some repeats, with much noise.
random = np.random.default_rng(0)
patterns = random.normal(size=(10, 50))
truth = compute_distances(patterns, "sqeuclidean").mean()
repeats = np.array([2, 3, 4, 6, 8, 12, 16, 24])
plain, crossed = np.zeros((2, len(repeats), 200))
for i, number in enumerate(repeats):
    for experiment in range(200):
        trials = patterns + 2 * random.normal(size=(number, 10, 50))
        plain[i, experiment] = compute_distances(trials.mean(0), "sqeuclidean").mean()
        crossed[i, experiment] = compute_crossnobis(trials).mean()

# %%
# The squared distance of mean patterns is too large by twice the variance of the noise that is left in the mean, times
# the number of neurons. Crossnobis is not, at the price of a little more scatter.
with use_style():
    figure = Figure(figsize=(3.5, 2.5), layout="constrained")
    ax = figure.subplots()
    for values, name, colour in ((plain, "of the means", "#d55e00"), (crossed, "crossnobis", "#0072b2")):
        low, high = np.percentile(values, [2.5, 97.5], axis=1)
        ax.fill_between(repeats, low, high, color=colour, alpha=0.25, lw=0)
        ax.plot(repeats, values.mean(1), "o-", color=colour, label=name, markersize=3)
    ax.plot(repeats, truth + 2 * 4 * 50 / repeats, ":", color="0.3", label="truth + bias, computed")
    ax.axhline(truth, color="0.3", lw=1, ls="--", label="truth")
    ax.set(xlabel="repeats of each stimulus", ylabel="squared distance, mean over pairs", ylim=(0, None))
    ax.legend()

# %%
for number, one, other in zip(repeats, plain.mean(1), crossed.mean(1), strict=True):
    print(f"{number:2} repeats: {one:6.1f} and {other:6.1f}; true {truth:.1f}")
