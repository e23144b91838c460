"""
Does a recurrent network come to rest?
======================================

A picture that stays on holds a network in a *fixed point* if the network, run on, stops changing. Small changes die out
where the map from one step to the next has a spectral radius below 1.
"""

import numpy as np
import torch
from matplotlib.figure import Figure

from ventralrnn.analysis import find_fixed_points
from ventralrnn.graph import Area, Connection, Graph
from ventralrnn.networks import NetworkSpec, RecurrentNetwork
from ventralrnn.plots import use_style

# %%
# One area with lateral connections, without batch norm; its weights are drawn once and then made stronger and stronger.
graph = Graph((Area("V1", channels=4, stride=4),), (Connection("V1", "V1", "RC"),))
picture = torch.rand(1, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
gains = np.array([0.2, 0.4, 0.6, 0.8, 1.0, 1.2])
speeds, radii = [], []
for gain in gains:
    torch.manual_seed(0)
    network = RecurrentNetwork(NetworkSpec("small", graph, steps=40, input_steps=None)).double().eval()
    for weights in network.kernels.parameters():
        weights.data = gain * weights.data
    with torch.no_grad():
        states = torch.stack(network.states(picture)["V1"])
    change = (states[1:] - states[:-1]).flatten(1).norm(dim=1) / states[1:].flatten(1).norm(dim=1)
    speeds.append(change.numpy())
    radii.append(float(find_fixed_points(network, picture).spectral_radius[0]))

# %%
# Left: how much the state changes from step to step. Where it falls on a straight line, changes shrink by the same
# factor in every step: by about the spectral radius, on the right, which is computed at the fixed point alone. Where
# it is above 1 there is a fixed point too, but the network leaves it.
with use_style():
    figure = Figure(figsize=(6.5, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for gain, speed, shade in zip(gains, speeds, np.linspace(0.75, 0, len(gains)), strict=True):
        left.semilogy(np.arange(1, 40), np.maximum(speed, 1e-16), color=str(shade), label=f"{gain:.1f}")
    left.set(xlabel="step", ylabel="change, share of the state")
    left.legend(title="gain", ncols=2)
    right.plot(gains, radii, "o-", color="0.2")
    right.axhline(1, color="0.5", ls=":")
    right.set(xlabel="gain of the recurrent weights", ylabel="spectral radius")

# %%
for gain, speed, radius in zip(gains, speeds, radii, strict=True):
    factor = (speed[24] / speed[14]) ** 0.1
    print(f"gain {gain:.1f}: changes by a factor of {factor:.3f} a step; spectral radius {radius:.3f}")
