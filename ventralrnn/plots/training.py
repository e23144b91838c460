"""Curves of a training run: loss and accuracy over its epochs.

Draws what :func:`ventralrnn.training.journal.read_metrics` returns.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ventralrnn.plots.style import finish_figure, new_figure, styled, take_axes

Log = Mapping[str, Sequence[float]]


@styled
def plot_loss(log: Log, *, ax: Axes | None = None) -> Axes:
    """Draw loss over the epochs of a run.

    Parameters
    ----------
    log : mapping of str to sequence of float
        Column -> value of every epoch, as :func:`ventralrnn.training.journal.read_metrics` returns it.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        Loss as it is learnt from, and plain cross-entropy at the last readout time on held-out pictures.

    Examples
    --------
    >>> from ventralrnn.plots import plot_loss
    >>> ax = plot_loss({"epoch": [1, 2, 3], "train_loss": [2.3, 1.7, 1.4], "validation_loss": [2.2, 1.8, 1.6]})
    """
    ax = take_axes(ax)
    for key, line, label in (("train_loss", "-", "training"), ("validation_loss", "--", "validation")):
        if key in log:
            ax.plot(log["epoch"], log[key], line, color="0.15", label=label, marker=_marker(log))
    ax.set(xlabel="epoch", ylabel="loss")
    ax.legend()
    return ax


@styled
def plot_accuracy(log: Log, *, ax: Axes | None = None) -> Axes:
    """Draw accuracy over the epochs of a run, one line a readout time.

    Parameters
    ----------
    log : mapping of str to sequence of float
        As for :func:`plot_loss`.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        On held-out pictures where there are some, and on training pictures (augmented, while learning) where there are
        none.

    Examples
    --------
    >>> from ventralrnn.plots import plot_accuracy
    >>> log = {"epoch": [1, 2, 3], "validation_accuracy_4": [0.3, 0.5, 0.6], "validation_accuracy_7": [0.3, 0.6, 0.7]}
    >>> ax = plot_accuracy(log)
    """
    ax = take_axes(ax)
    held_out = any(key.startswith("validation_accuracy_") for key in log)
    prefix = "validation_accuracy_" if held_out else "train_accuracy_"
    steps = [key.removeprefix(prefix) for key in log if key.startswith(prefix)]
    for step, colour in zip(steps, colormaps["viridis"](np.linspace(0.85, 0.1, len(steps))), strict=True):
        percent = 100 * np.asarray(log[prefix + step])
        ax.plot(log["epoch"], percent, color=colour, label=f"step {step}", marker=_marker(log))
    ax.set_title("validation pictures" if held_out else "training pictures, augmented")
    ax.set(xlabel="epoch", ylabel="accuracy (%)")
    if steps:
        ax.legend(title="readout time", ncols=2 if len(steps) > 4 else 1)
    return ax


@styled
def make_training_figure(log: Log, title: str = "") -> Figure:
    """Draw loss and accuracy over the epochs of a run.

    Parameters
    ----------
    log : mapping of str to sequence of float
        As for :func:`plot_loss`.
    title : str
        Above the figure.

    Returns
    -------
    matplotlib.figure.Figure
        :func:`plot_loss` on the left, :func:`plot_accuracy` on the right.

    Examples
    --------
    >>> from ventralrnn.plots import make_training_figure
    >>> log = {"epoch": [1, 2, 3], "train_loss": [2.3, 1.7, 1.4], "validation_accuracy_7": [0.3, 0.6, 0.7]}
    >>> figure = make_training_figure(log, title="three epochs")
    """
    figure = new_figure(170, 60)
    loss, accuracy = figure.subplots(1, 2)
    plot_loss(log, ax=loss)
    plot_accuracy(log, ax=accuracy)
    return finish_figure(figure, title, "")


def _marker(log: Log) -> str:
    # A single epoch makes no line.
    return "o" if len(log["epoch"]) == 1 else ""
