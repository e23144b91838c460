"""RDMs that move: a panel an area, a frame a time step.

Draws what :func:`ventralrnn.compute_rdm` returns.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from ventralrnn.errors import AnalysisError
from ventralrnn.files import whole
from ventralrnn.plots.rdms import (
    category_patches,
    draw_square,
    headings_of,
    limits_of,
    prepare_rdms,
    sort_rdms,
)
from ventralrnn.plots.style import area_colours, finish_figure, new_figure, styled, use_style

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation


@styled
def animate_rdms(rdms: xr.Dataset, title: str = "", *, areas: Sequence[str] | None = None) -> "FuncAnimation":
    """Make a movie of RDMs: a panel an area, a frame a time step.

    Parameters
    ----------
    rdms : xarray.Dataset
        As for :func:`make_rdm_figure`.
    title : str
        Above the panels; the time is added.
    areas : sequence of str, optional
        All by default.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        To be saved with :func:`save_animation`, or shown in a notebook with its ``to_jshtml``.

    Raises
    ------
    AnalysisError
        If there is no dimension ``area`` or ``time``.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> import ventralrnn
    >>> from ventralrnn.plots import animate_rdms, save_animation
    >>> states = np.random.default_rng(0).normal(size=(6, 3, 40))
    >>> recording = {"IT": xr.DataArray(states, dims=("stimulus", "time", "neuroid"))}
    >>> movie = animate_rdms(ventralrnn.compute_rdm(recording))
    >>> save_animation(movie, "rdms.gif", dpi=50).name
    'rdms.gif'
    """
    from matplotlib.animation import FuncAnimation

    rdms = prepare_rdms(rdms, areas)
    square, labels = sort_rdms(rdms, True)
    names = [str(area) for area in rdms["area"].values]
    figure = new_figure(10 + 40 * len(names), 56)
    axes = figure.subplots(1, len(names), squeeze=False)[0]
    values = [square.sel(area=area).transpose("time", ...).values for area in names]
    limits = [limits_of(rdms["dissimilarity"].sel(area=area).values) for area in names]
    headings = {area: headings_of(rdms, area) for area in names}
    words = finish_figure(figure, title, "", rdms).get_suptitle()

    def draw(frame: int) -> list[Any]:
        with use_style():
            for ax, area, of_area, ends in zip(axes, names, values, limits, strict=True):
                ax.clear()
                draw_square(ax, of_area[frame], labels, ends)
                ax.set_title(f"{area}  {headings[area][frame]}", color=area_colours(names)[area])
            figure.suptitle(words or title)
        return list(axes)

    if handles := category_patches(labels):
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), handlelength=0.9)
    return FuncAnimation(figure, draw, frames=rdms.sizes["time"], interval=500, init_func=lambda: list(axes))


def save_animation(animation: "FuncAnimation", path: str | Path, *, fps: int = 2, dpi: int = 150) -> Path:
    """Save a movie; the file appears when it is whole.

    Parameters
    ----------
    animation : matplotlib.animation.FuncAnimation
        What :func:`animate_rdms` returns.
    path : path
        ``.gif``, ``.html`` (one file, with a slider), or ``.mp4`` if the program ffmpeg is installed.
    fps : int
        Time steps a second.
    dpi : int
        Dots an inch.

    Returns
    -------
    pathlib.Path
        The same path.

    Raises
    ------
    AnalysisError
        If it is of another kind, or ffmpeg is missing.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> import ventralrnn
    >>> from ventralrnn.plots import animate_rdms, save_animation
    >>> states = np.random.default_rng(0).normal(size=(6, 2, 40))
    >>> recording = {"IT": xr.DataArray(states, dims=("stimulus", "time", "neuroid"))}
    >>> movie = animate_rdms(ventralrnn.compute_rdm(recording))
    >>> save_animation(movie, "rdms.gif", fps=1, dpi=50).exists()
    True
    """
    from matplotlib.animation import FFMpegWriter, HTMLWriter, PillowWriter, writers

    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".gif", ".html", ".mp4"):
        raise AnalysisError(f"{path}: a movie is .gif, .html or .mp4")
    if kind == ".mp4" and not writers.is_available("ffmpeg"):
        raise AnalysisError(f"{path}: .mp4 needs the program ffmpeg, which is not installed; save .gif or .html")
    writer: Any = {
        ".gif": PillowWriter(fps=fps),
        ".html": HTMLWriter(fps=fps, embed_frames=True, default_mode="loop"),
        ".mp4": FFMpegWriter(fps=fps),
    }[kind]
    with use_style(), whole(path) as partial:
        # The writers go by the suffix.
        named = partial.with_name(partial.name + kind)
        try:
            animation.save(str(named), writer=writer, dpi=dpi)
            named.replace(partial)
        finally:
            named.unlink(missing_ok=True)
    return path
