"""What all figures share: the style sheet, one colour an area, hatching of states that do not exist, saving."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, ParamSpec, TypeVar

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch, Rectangle
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from ventralrnn.errors import AnalysisError
from ventralrnn.files import whole

if TYPE_CHECKING:  # curves of training are drawn without it
    import xarray as xr

MM = 1 / 25.4
#: Width of a column and of a page, in mm.
COLUMN, PAGE = 85, 180

#: Cold to warm from low to high areas; those of Okabe & Ito (2008), which differ in lightness too.
AREA_COLOURS = {"V1": "#0072B2", "EVC": "#0072B2", "V2": "#56B4E9", "V4": "#E69F00", "IT": "#D55E00"}
_MARKERS = {"V1": "o", "EVC": "o", "V2": "s", "V4": "^", "IT": "D"}
_OTHERS = ("#009E73", "#CC79A7", "#000000", "#F0E442", "#0072B2", "#56B4E9", "#E69F00", "#D55E00")
_OTHER_MARKERS = ("v", "P", "X", "*", "o", "s", "^", "D")
UNREACHED = "not reached yet"
ENDED = "no state any more"
_NONE = "no state at this time"
#: How a state looks that does not exist: the input has not reached it.
ABSENT: dict[str, Any] = {"facecolor": "white", "edgecolor": "0.6", "hatch": "//////"}
_HATCHES = (ABSENT["hatch"], r"\\\\\\")
SIMULATED = "simulated data"
_WARNING = "#882255"

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def use_style() -> Iterator[None]:
    """Draw and save in the package's style; afterwards matplotlib's settings are what they were.

    Every function of :mod:`ventralrnn.plots` does so itself. Use it for what you add to their Axes, and to save, or
    save with :func:`save_figure`: how text is stored in a vector file is decided when it is written.

    Yields
    ------
    None
        Nothing; the settings hold within the ``with`` block.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ventralrnn.plots import use_style
    >>> with use_style():
    ...     ax = Figure().subplots()
    """
    with as_file(files("ventralrnn.plots") / "ventral.mplstyle") as sheet, matplotlib.rc_context(fname=sheet):
        yield


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function draw in the package's style."""

    @wraps(function)
    def drawing(*args: P.args, **kwargs: P.kwargs) -> R:
        with use_style():
            return function(*args, **kwargs)

    return drawing


def save_figure(drawn: Figure | Axes, path: str | Path, *, dpi: int = 300) -> Path:
    """Save a figure in the package's style; the file appears when it is whole.

    Parameters
    ----------
    drawn : matplotlib.figure.Figure or matplotlib.axes.Axes
        A figure, or what is in one.
    path : path
        The file; its suffix says which kind. Text is text in ``.pdf`` and ``.svg``.
    dpi : int
        Dots an inch, for ``.png`` and for matrices in vector files.

    Returns
    -------
    pathlib.Path
        The same path.

    Raises
    ------
    AnalysisError
        If matplotlib does not know the suffix.

    Examples
    --------
    >>> from ventralrnn.plots import plot_transition_matrix, save_figure
    >>> from ventralrnn.zoo import model_spec
    >>> save_figure(plot_transition_matrix(model_spec("ventral")), "matrix.svg").name
    'matrix.svg'
    """
    figure, path = figure_of(drawn), Path(path)
    kind = path.suffix.removeprefix(".").lower()
    if kind not in figure.canvas.get_supported_filetypes():
        raise AnalysisError(f"{path}: {kind or 'no suffix'} is no kind of picture; give .png, .pdf or .svg")
    with use_style(), whole(path) as partial:
        figure.savefig(partial, format=kind, dpi=dpi)
    return path


def figure_of(drawn: Figure | Axes) -> Figure:
    """Return the figure that something is drawn in."""
    figure = drawn if isinstance(drawn, Figure) else drawn.get_figure()
    assert isinstance(figure, Figure)
    return figure


def take_axes(ax: Axes | None, width: float = COLUMN, height: float = 60, layout: str = "constrained") -> Axes:
    """Return the Axes that were given, or new ones of a size in mm; what is square needs the layout ``compressed``."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(width * MM, height * MM), layout=layout)[1]


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in mm, which no list of open figures keeps."""
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.03, hspace=0.04)
    return Figure(figsize=(width * MM, height * MM), layout=layout)


def area_colours(areas: Sequence[str]) -> dict[str, Any]:
    """Return the colour of each area: always the same for V1, V2, V4 and IT, in order for any other.

    Parameters
    ----------
    areas : sequence of str
        Names, from low to high.

    Returns
    -------
    dict of str to colour
        Areas of other names take colours that are left; of more than there are colours, equal steps of viridis.
    """
    others = [area for area in areas if area not in AREA_COLOURS]
    if len(others) > len(_OTHERS) - 4 * (len(others) < len(areas)):
        left = list(colormaps["viridis"](np.linspace(0, 0.9, len(others))))
    else:
        left = list(_OTHERS)
    return {area: AREA_COLOURS[area] if area in AREA_COLOURS else left[others.index(area)] for area in areas}


def area_markers(areas: Sequence[str]) -> dict[str, str]:
    """Return the marker of each area, which tells it without its colour."""
    others = [area for area in areas if area not in _MARKERS]
    return {a: _MARKERS.get(a) or _OTHER_MARKERS[others.index(a) % len(_OTHER_MARKERS)] for a in areas}


class Times(NamedTuple):
    """Times of states, and whether they are ms after stimulus onset or steps."""

    values: np.ndarray
    in_ms: bool

    @property
    def label(self) -> str:
        """What stands at an axis of such times."""
        return "time after stimulus onset (ms)" if self.in_ms else "time step"


def times_of(result: "xr.Dataset | xr.DataArray", prefix: str = "", suffix: str = "", *, clock: bool = True) -> Times:
    """Return the times of one area of a result: in ms where there is a clock (and it is wanted), else in steps."""
    ms, step = (f"{prefix}time_{unit}{suffix}" for unit in ("ms", "step"))
    if clock and ms in result.coords and bool(np.isfinite(result[ms].values).all()):
        return Times(np.asarray(result[ms].values, float), True)
    if step in result.coords:
        return Times(np.asarray(result[step].values, float), False)
    return Times(np.arange(result.sizes[f"{prefix}time{suffix}"], dtype=float), False)


def edges(times: np.ndarray) -> np.ndarray:
    """Return the borders of cells around times, which need not be evenly spaced."""
    if len(times) == 1:
        return np.array([times[0] - 0.5, times[0] + 0.5])
    middles = (times[1:] + times[:-1]) / 2
    return np.concatenate([[2 * times[0] - middles[0]], middles, [2 * times[-1] - middles[-1]]])


def choose(result: "xr.Dataset", argument: str, dim: str, name: str | None) -> "xr.Dataset":
    """Return one position of a dimension, which has to be named if there are several.

    Raises
    ------
    AnalysisError
        If it is not there, or not named; the message says what there is.
    """
    if dim not in result.dims:
        return result
    known = [str(value) for value in result[dim].values]
    if name is None and len(known) == 1:
        return result.isel({dim: 0})
    if name is None or str(name) not in known:
        raise AnalysisError(f"{argument}: {'name one' if name is None else f'no {name} here'}; there are {known}")
    return result.isel({dim: known.index(str(name))})


def unreached_patch(label: str = UNREACHED) -> Patch:
    """Return what stands in a legend for states that the input has not reached."""
    return Patch(**{**ABSENT, "hatch": _HATCHES[label == ENDED]}, lw=0, label=label)


def absence(there: np.ndarray) -> str:
    """Return what states that do not exist are called in a legend.

    Parameters
    ----------
    there : numpy.ndarray of bool, (..., time)
        At which times each area has a state. One that had a state before has not been waiting for the input.
    """
    return _NONE if (~there & np.logical_or.accumulate(there, -1)).any() else UNREACHED


def hatch(
    ax: Axes,
    left: float,
    right: float,
    bottom: float = 0,
    top: float = 1,
    colour: Any = "0.6",
    label: str = UNREACHED,
) -> None:
    """Mark times, of an axes from one fraction of its height to another, in which a state does not exist."""
    span = ax.axvspan(left, right, bottom, top, facecolor="white", edgecolor=colour, lw=0, zorder=0.5)
    span.set_hatch(_HATCHES[label == ENDED])
    span.set_label(label)


def unreached_times(times: np.ndarray, reached: np.ndarray, left: float, right: float) -> list[tuple[float, float]]:
    """Return from when to when an area has no state, on an axis from left to right.

    Before its first time it has none; nothing is known of what comes after its last.
    """
    if not reached.any():
        return [(left, right)]
    borders = edges(times)
    borders[0] = min(left, borders[0])
    runs = np.flatnonzero(np.diff(np.concatenate([[False], ~reached, [False]]).astype(int)))
    found = [(float(borders[start]), float(borders[stop])) for start, stop in runs.reshape(-1, 2)]
    begin = float(edges(times)[0])
    return [(left, begin), *found] if reached[0] and begin > left else found


def is_simulated(*results: Any) -> bool:
    """Whether any of some results, or what they were compared with, says that it is simulated."""
    for result in results:
        attrs: Mapping[str, Any] = getattr(result, "attrs", {})
        if any(str(attrs.get(name, "no")) == "yes" for name in ("simulated", "brain_simulated")):
            return True
        if isinstance(result, Mapping) and not hasattr(result, "attrs") and is_simulated(*result.values()):
            return True
    return False


def mark_simulated(ax: Axes, *results: Any) -> None:
    """Say above an axes that its data are simulated, if they are."""
    if is_simulated(*results):
        # The empty line is that of the title, which it must not touch.
        ax.set_title(f"{SIMULATED}\n", loc="right", color=_WARNING, fontstyle="italic", fontweight="bold")


@styled
def finish_figure(figure: Figure, title: str, note: str, *results: Any, handles: Sequence[Any] = ()) -> Figure:
    """Put a title and a legend above and a note below a figure, for which it grows, and say if data are simulated."""
    simulated = is_simulated(*results)
    words = " · ".join(filter(None, [title, SIMULATED.upper() if simulated else ""]))
    width, height = figure.get_size_inches() / MM
    lines = textwrap.wrap(note, int(0.84 * width))
    heading = textwrap.wrap(words, int(0.56 * width))
    columns = fitting_columns([str(handle.get_label()) for handle in handles], width)
    above = 4.2 * len(heading) + (3.3 * -(-len(handles) // columns) + 2.0 if handles else 0)
    below = 3.0 * len(lines) + (1.5 if lines else 0)
    total = height + above + below
    figure.set_size_inches(width * MM, total * MM)
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    engine.set(rect=(0, below / total, 1, height / total))
    if heading:
        drawn = figure.suptitle("\n".join(heading), x=1.5 / width, y=1 - 0.8 / total, ha="left", va="top")
        drawn.set(color=_WARNING if simulated else "black", in_layout=False)
    if handles:
        place = (0.5 / width, 1 - (0.8 + 4.2 * len(heading)) / total)
        legend = figure.legend(handles=list(handles), loc="upper left", bbox_to_anchor=place, ncols=columns)
        legend.set_in_layout(False)
    if lines:
        small: dict[str, Any] = {"fontsize": 6, "color": "0.3"}
        figure.text(1.5 / width, 0.8 / total, "\n".join(lines), va="bottom", in_layout=False, **small)
    # What trims a figure to what is in its layout, as notebooks do, leaves the title and the note.
    figure.add_artist(Rectangle((0, 0), 1, 1, transform=figure.transFigure, fill=False, lw=0))
    return figure


def fitting_columns(labels: Sequence[str], width: float) -> int:
    """Return in how many columns a legend of so many mm can stand."""
    for columns in range(len(labels), 1, -1):
        rows = -(-len(labels) // columns)
        # Handle and gaps, and letters at 6 points.
        needed = [8.5 + 1.2 * max(map(len, labels[i : i + rows])) for i in range(0, len(labels), rows)]
        if sum(needed) <= width:
            return len(needed)
    return 1


def legend_below(ax: Axes, handles: Sequence[Any], points: float, **how: Any) -> None:
    """Put a legend below an axes, so many points away that it clears what stands at the axis."""
    figure = figure_of(ax)
    width = figure.get_figwidth() / MM * ax.get_position().width
    columns = fitting_columns([str(handle.get_label()) for handle in handles], width)
    shifted = ax.transAxes + ScaledTranslation(0, -points / 72, figure.dpi_scale_trans)
    place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "bbox_transform": shifted}
    ax.legend(handles=list(handles), ncols=columns, **place, **how)


def axes_beside(ax: Axes, side: Literal["above", "below"], size: float, gap: float) -> Axes:
    """Return Axes as wide as given ones, above or below; size and gap are in mm, so that the layout can fit them."""
    edge, start = (1, gap) if side == "above" else (0, -gap - size)
    corner: Any = ax.transAxes
    up = figure_of(ax).dpi_scale_trans + ScaledTranslation(0, edge, corner)
    return ax.inset_axes((0, start * MM, 1, size * MM), transform=blended_transform_factory(ax.transAxes, up))


def share_limits(axes: Sequence[Axes]) -> None:
    """Give axes the same vertical scale."""
    limits = [ax.get_ylim() for ax in axes]
    for ax in axes:
        ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def legend_of(axes: Sequence[Axes], extra: Sequence[Any] = ()) -> list[Any]:
    """Return the handles of several axes, each label once, and further ones."""
    found = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    found.update({handle.get_label(): handle for handle in extra})
    return list(found.values())
