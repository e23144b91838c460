"""Accuracy against readout time: what a network answers when it is asked at every step.

Draws what :func:`ventralrnn.training.evaluate` returns.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ventralrnn.plots.style import styled, take_axes
from ventralrnn.training import Evaluation

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@styled
def plot_readout_accuracy(evaluation: Evaluation | Mapping[str, Evaluation], *, ax: Axes | None = None) -> Axes:
    """Draw accuracy at every readout time, with its interval.

    Parameters
    ----------
    evaluation : Evaluation, or mapping of str to Evaluation
        What :func:`ventralrnn.training.evaluate` returns; several models by their names.
    ax : matplotlib.axes.Axes, optional
        Where; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
        Per cent of right answers with 95 % intervals. Readout times that training had a loss at are filled, others
        open. A dotted line is chance, if it is near enough to be seen.

    Examples
    --------
    >>> from ventralrnn.plots import plot_readout_accuracy
    >>> from ventralrnn.resources import data_dir
    >>> from ventralrnn.training import evaluate
    >>> ax = plot_readout_accuracy(evaluate("ventral", str(data_dir() / "stimuli" / "cifar10")))
    """
    ax = take_axes(ax)
    several = {evaluation.model: evaluation} if isinstance(evaluation, Evaluation) else dict(evaluation)
    for row, (name, one) in enumerate(several.items()):
        steps = np.array([r.step for r in one.readouts])
        values, low, high = (
            100 * np.array([getattr(r, part) for r in one.readouts]) for part in ("accuracy", "low", "high")
        )
        trained = np.array([r.trained for r in one.readouts])
        marker = _MARKERS[row % len(_MARKERS)]
        (line,) = ax.plot(steps, values, marker=marker, mfc="white", label=name)
        ax.fill_between(steps, low, high, color=line.get_color(), alpha=0.2, lw=0)
        ax.plot(steps[trained], values[trained], marker=marker, ls="", color=line.get_color())
    everything = sorted({r.step for one in several.values() for r in one.readouts})
    clocks = {tuple((r.step, r.ms) for r in one.readouts) for one in several.values()}
    ms = {r.step: r.ms for one in several.values() for r in one.readouts}
    shared = len(clocks) == 1 or all(ms[r.step] == r.ms for one in several.values() for r in one.readouts)
    every = -(-len(everything) // 10)
    ticks = everything[::every]
    ax.set_xticks(ticks, [f"{step}\n{ms[step]:g}" if shared else f"{step}" for step in ticks])
    ax.set_xlabel("readout time: step, and ms after stimulus onset" if shared else "readout time (step)")
    ax.set_ylabel("accuracy (%)")
    chance = 100 / min(len(one.classes) for one in several.values())
    bottom, top = ax.get_ylim()
    if chance > bottom - 0.5 * (top - bottom):
        ax.axhline(chance, color="0.3", lw=0.8, ls=":", label="chance")
    handles = [*ax.get_legend_handles_labels()[0]] if len(several) > 1 or ax.lines[-1].get_label() == "chance" else []
    known = [r.trained for one in several.values() for r in one.readouts]
    if any(known):
        handles.append(Line2D([], [], marker="o", ls="", color="0.3", label="trained at this time"))
    if not all(known):
        handles.append(Line2D([], [], marker="o", ls="", color="0.3", mfc="white", label="not trained at this time"))
    ax.legend(handles=handles)
    ax.set_title(" / ".join(dict.fromkeys(f"{len(one.labels):,} pictures" for one in several.values())))
    return ax
