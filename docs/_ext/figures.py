"""Figures that an example made without pyplot, as ventralrnn.plots makes them, belong to the block that named them."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

from ventralrnn.plots import save_figure


def scrape(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figures that a block bound to a name, and return where they are as reStructuredText."""
    made = []
    for value in block_vars["example_globals"].values():
        value = value.figure if isinstance(value, Axes) else value
        if isinstance(value, Figure) and not hasattr(value, "_in_the_gallery"):
            value._in_the_gallery = True  # type: ignore[attr-defined]
            path = next(block_vars["image_path_iterator"])
            save_figure(value, path, dpi=220)
            made.append(path)
    return figure_rst(made, gallery_conf["src_dir"])


def _get_sg_image_scraper() -> Any:
    return scrape
