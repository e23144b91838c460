"""Figures as pixels, and what in them can be read."""

from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def drawn(drawing: Figure | Axes) -> np.ndarray:
    """Return a figure as it is seen, (y, x, RGBA)."""
    figure = drawing if isinstance(drawing, Figure) else drawing.get_figure()
    assert isinstance(figure, Figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def overlapping_texts(drawing: Figure | Axes) -> list[tuple[str, str]]:
    """Return pairs of texts that lie on each other, or on the edge, of all that is shown; a pixel is allowed."""
    figure = drawing if isinstance(drawing, Figure) else drawing.get_figure()
    assert isinstance(figure, Figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    hidden = _hidden(figure)
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and id(t) not in hidden]
    boxes = [(t.get_text().strip(), t.get_window_extent(canvas.get_renderer())) for t in texts]
    found = []
    for (one, a), (two, b) in combinations(boxes, 2):
        wide = min(a.x1, b.x1) - max(a.x0, b.x0)
        high = min(a.y1, b.y1) - max(a.y0, b.y0)
        # Boxes hold the room of ascenders and descenders, which most letters leave empty.
        if wide > 1 and high > 0.25 * min(a.height, b.height):
            found.append((one, two))
    edge = figure.bbox.padded(1)
    inside = {name: edge.x0 < b.x0 and b.x1 < edge.x1 and edge.y0 < b.y0 and b.y1 < edge.y1 for name, b in boxes}
    return found + [(name, "the edge") for name, fits in inside.items() if not fits]


def _hidden(figure: Figure) -> set[int]:
    """Return the labels of ticks that lie outside of their axis, which are not drawn."""
    hidden: set[int] = set()
    axes = [ax for ax in figure.findobj(Axes) if isinstance(ax, Axes)]
    for axis in (axis for ax in axes for axis in (ax.xaxis, ax.yaxis)):
        seen = axis._update_ticks()  # type: ignore[attr-defined]
        for tick in (*axis.majorTicks, *axis.minorTicks):  # type: ignore[attr-defined]
            if tick not in seen:
                hidden |= {id(tick.label1), id(tick.label2)}
    return hidden


def smallest_text(drawing: Figure | Axes) -> float:
    """Return the smallest size of a text that is shown, in points."""
    figure = drawing if isinstance(drawing, Figure) else drawing.get_figure()
    assert isinstance(figure, Figure)
    return min(t.get_fontsize() for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip())


def hatched(ax: Axes) -> list[Any]:
    """Return what is hatched in an axes."""
    return [patch for patch in ax.patches if patch.get_hatch()]


def legend_texts(drawing: Figure | Axes) -> list[str]:
    """Return the entries of a figure's first legend, or of an axes'."""
    legend = drawing.legends[0] if isinstance(drawing, Figure) else drawing.get_legend()
    return [text.get_text() for text in legend.get_texts()]
