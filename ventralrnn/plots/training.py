"""Curves of a training run."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def plot_curves(log: Mapping[str, Sequence[float]], title: str = "") -> Figure:
    """Draw loss and accuracy over the epochs of a run.

    Parameters
    ----------
    log : mapping of str to sequence of float
        Column -> value of every epoch, as :func:`ventralrnn.training.journal.read_metrics` returns it.
    title : str
        Above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Loss on the left: as it is learnt from, and plain cross-entropy at the last readout time on held-out pictures.
        Accuracy on the right, one line a readout time, on held-out pictures where there are some and on training
        pictures (augmented, while learning) where there are none.
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    for key, style, label in (("train_loss", "-", "training"), ("validation_loss", "--", "validation")):
        if key in log:
            loss.plot(log["epoch"], log[key], style, color="0.15", label=label, marker=_marker(log), markersize=3)
    loss.set(xlabel="Epoch", ylabel="Loss")
    loss.legend(frameon=False)
    _accuracy(accuracy, log)
    for ax in (loss, accuracy):
        ax.spines[["top", "right"]].set_visible(False)
    if title:
        figure.suptitle(title, fontsize=11, fontweight="bold")
    return figure


def _accuracy(ax: Axes, log: Mapping[str, Sequence[float]]) -> None:
    held_out = any(key.startswith("validation_accuracy_") for key in log)
    prefix = "validation_accuracy_" if held_out else "train_accuracy_"
    steps = [key.removeprefix(prefix) for key in log if key.startswith(prefix)]
    for step, colour in zip(steps, colormaps["viridis"](np.linspace(0.85, 0.1, len(steps))), strict=True):
        percent = 100 * np.asarray(log[prefix + step])
        ax.plot(log["epoch"], percent, color=colour, label=f"step {step}", marker=_marker(log), markersize=3)
    where = "validation pictures" if held_out else "training pictures, augmented"
    ax.set_title(where, fontsize=9)
    ax.set(xlabel="Epoch", ylabel="Accuracy (%)")
    ax.legend(frameon=False, title="Readout time", ncols=2 if len(steps) > 4 else 1)


def _marker(log: Mapping[str, Sequence[float]]) -> str:
    # A single epoch makes no line.
    return "o" if len(log["epoch"]) == 1 else ""
