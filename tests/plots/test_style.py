"""The style of all figures: readable, safe for all kinds of colour vision, and out of the user's way."""

import re
import zlib
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot
from matplotlib.colors import to_rgb

from tests.plots.common import drawn
from ventralrnn.errors import AnalysisError
from ventralrnn.plots import plot_loss, save_figure, use_style
from ventralrnn.plots.network import ROLES
from ventralrnn.plots.rdms import CATEGORIES
from ventralrnn.plots.style import (
    AREA_COLOURS,
    area_colours,
    area_markers,
    choose,
    edges,
    finish_figure,
    is_simulated,
    mark_simulated,
    new_figure,
    take_axes,
)

# Machado, Oliveira & Fernandes 2009, severity 1: what is left of linear red, green and blue.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
LOG = {"epoch": [1.0, 2.0], "train_loss": [2.0, 1.0]}


def cielab(colour: Any, vision: np.ndarray) -> np.ndarray:
    rgb = np.asarray(to_rgb(colour))
    linear = np.clip(vision @ np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4), 0, 1)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = to_xyz @ linear / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), (29 / 3) ** 3 / 116 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(
    ("colours", "least"),
    [
        ([AREA_COLOURS[area] for area in ("V1", "V2", "V4", "IT")], 18),
        ([colour for colour, _ in ROLES.values()], 11),
        (CATEGORIES, 7),
    ],
    ids=["areas", "connections", "categories"],
)
def test_colours_can_be_told_apart(vision: str, colours: list[str], least: float) -> None:
    """A difference of 2.3 in CIELAB is just noticeable."""
    seen = [cielab(colour, VISION[vision]) for colour in colours]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) > least


def test_red_and_green_would_not_pass() -> None:
    red, green = (cielab(c, VISION["deuteranopia"]) for c in ("#cc4444", "#668844"))
    assert np.linalg.norm(red - green) < 18


def test_an_area_has_one_colour() -> None:
    assert area_colours(["IT"])["IT"] == area_colours(["V1", "V2", "V4", "IT"])["IT"] == AREA_COLOURS["IT"]
    names = ["V1", "MT", "IT", "PFC"]
    assert len({to_rgb(c) for c in area_colours(names).values()}) == 4
    assert len(set(area_markers(names).values())) == 4
    many = [f"layer{i}" for i in range(30)]
    assert len({to_rgb(c) for c in area_colours(many).values()}) == 30


def test_the_users_settings_are_left_alone() -> None:
    with matplotlib.rc_context({"font.size": 33, "axes.facecolor": "red", "pdf.fonttype": 3}):
        before = dict(matplotlib.rcParams)
        ax = plot_loss(LOG)
        assert dict(matplotlib.rcParams) == before
        # Nor do they get into our figures.
        assert ax.xaxis.label.get_fontsize() == 7 and to_rgb(ax.get_facecolor()) == (1, 1, 1)
        with pytest.raises(ZeroDivisionError), use_style():
            1 / 0  # noqa: B018
        assert dict(matplotlib.rcParams) == before


def test_given_axes_are_drawn_on_and_returned() -> None:
    _, ax = pyplot.subplots()
    assert plot_loss(LOG, ax=ax) is ax and len(ax.lines) == 1
    assert take_axes(None).get_figure().get_size_inches()[0] * 25.4 == pytest.approx(85)


def test_text_stays_text_in_vector_files(tmp_path: Path) -> None:
    ax = plot_loss(LOG)
    save_figure(ax, tmp_path / "a.svg")
    assert ">loss</text>" in (tmp_path / "a.svg").read_text()
    save_figure(ax, tmp_path / "a.pdf")
    raw = (tmp_path / "a.pdf").read_bytes()
    assert b"/Subtype /Type0" in raw and b"/Type3" not in raw  # TrueType, which stays text
    streams = [s for s in re.findall(rb"stream\n(.*?)\nendstream", raw, re.DOTALL)]
    pages = b"".join(zlib.decompress(s) for s in streams if s[:1] == b"x")
    assert b"BT" in pages and re.search(rb"Tj|TJ", pages)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.pdf", "a.svg"]


def test_a_picture_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"a\.docx: docx is no kind of picture"):
        save_figure(plot_loss(LOG), tmp_path / "a.docx")


def test_simulated_data_are_known_by_their_attributes() -> None:
    plain, simulated = xr.Dataset(), xr.Dataset(attrs={"simulated": "yes"})
    assert not is_simulated(plain, {"a": plain}, xr.Dataset(attrs={"simulated": "no"}))
    assert is_simulated(plain, simulated) and is_simulated({"a": plain, "b": simulated})
    assert is_simulated(xr.Dataset(attrs={"brain_simulated": "yes"}))
    ax = take_axes(None)
    mark_simulated(ax, plain)
    assert ax.get_title(loc="right") == ""
    mark_simulated(ax, simulated)
    assert ax.get_title(loc="right").strip() == "simulated data"
    figure = finish_figure(new_figure(80, 40), "a title", "", simulated)
    assert figure.get_suptitle() == "a title · SIMULATED DATA"


def test_a_figure_grows_for_what_stands_around_it() -> None:
    figure = new_figure(80, 40)
    figure.subplots()
    note = "word " * 40
    finish_figure(figure, "title", note, handles=[matplotlib.patches.Patch(label="one")])
    drawn(figure)
    (ax,) = figure.axes
    text = next(t for t in figure.texts if t.get_text().startswith("word"))
    assert " ".join(text.get_text().split()) == note.strip()
    panel, below = ax.get_tightbbox(), text.get_window_extent()
    legend, above = figure.legends[0].get_window_extent(), figure._suptitle.get_window_extent()  # type: ignore[attr-defined]
    assert below.y1 < panel.y0 < panel.y1 < legend.y0 < legend.y1 <= above.y0
    assert below.x1 < figure.bbox.x1
    # A notebook shows what the tight box holds, in inches.
    shown = figure.get_tightbbox()
    assert shown.y0 * figure.dpi <= below.y0 and shown.y1 * figure.dpi >= above.y1


def test_edges_of_uneven_times() -> None:
    assert edges(np.array([0.0, 10, 30])).tolist() == [-5, 5, 20, 40]
    assert edges(np.array([7.0])).tolist() == [6.5, 7.5]


def test_what_has_to_be_named() -> None:
    result = xr.Dataset({"x": ("area", [1, 2])}, {"area": ["V1", "IT"]})
    assert int(choose(result, "area", "area", "IT").x) == 2
    for name, why in ((None, "name one"), ("V7", "no V7 here")):
        with pytest.raises(AnalysisError, match=rf"^area: {why}; there are \['V1', 'IT'\]$"):
            choose(result, "area", "area", name)
