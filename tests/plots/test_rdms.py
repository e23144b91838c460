"""RDMs as pictures: what they show is what they were given."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot
from PIL import Image
from scipy.spatial.distance import squareform

from tests.plots.common import drawn, hatched, legend_texts, overlapping_texts, smallest_text
from ventralrnn.analysis.rdm import make_rdms, square_rdms
from ventralrnn.errors import AnalysisError
from ventralrnn.plots import animate_rdms, make_rdm_figure, plot_rdm, save_animation

ORDER = [1, 4, 0, 2, 3, 5]  # a, a, b, b, c, c


def some(steps: int = 3, labels: bool = True, clock: bool = True) -> xr.Dataset:
    values = np.random.default_rng(0).random((2, steps, 15))
    values[1, 0] = np.nan  # IT is not reached at first
    ms = np.stack([50 + 10.0 * np.arange(steps)] * 2) if clock else np.full((2, steps), np.nan)
    coords = {
        "area": ["V1", "IT"],
        "time_step": ("time", np.arange(steps)),
        "time_ms": (("area", "time"), ms),
        **({"label": ("stimulus", list("babcac"))} if labels else {}),
    }
    return make_rdms(values, ("area", "time"), coords, list("uvwxyz"), {"distance": "correlation"})


def expected(area: int, time: int, rdms: xr.Dataset | None = None) -> np.ndarray:
    square = square_rdms(some() if rdms is None else rdms).values[area, time][np.ix_(ORDER, ORDER)].copy()
    np.fill_diagonal(square, np.nan)
    return square


def shown(ax: Any) -> np.ndarray:
    return np.ma.filled(np.asarray(ax.images[0].get_array(), float), np.nan)


def test_one_rdm_with_its_categories() -> None:
    ax = plot_rdm(some(), area="IT")
    drawn(ax)
    np.testing.assert_allclose(shown(ax), expected(1, 2))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]
    assert ax.get_yticks().tolist() == [0.5, 2.5, 4.5]  # the middle of each run
    assert ax.get_title(loc="left") == "IT 70 ms"
    bars = [p for p in ax.patches if p.get_y() < -0.5]
    assert [(p.get_x(), p.get_width()) for p in bars] == [(-0.5, 2), (1.5, 2), (3.5, 2)]
    assert len({p.get_facecolor() for p in bars}) == 3
    assert ax.figure.axes[1].get_ylabel() == "correlation distance"
    assert not overlapping_texts(ax) and smallest_text(ax) >= 6


@pytest.mark.parametrize("names", [("airplane", "cat", "frog", "ship"), ("nonhuman bodypart", "face")])
def test_names_of_categories_are_not_cut_off(names: tuple[str, ...]) -> None:
    rdms = make_rdms(np.random.default_rng(0).random(780), (), {}, None, {"distance": "correlation"})
    ax = plot_rdm(rdms.assign_coords(label=("stimulus", np.repeat(names, 40 // len(names)))))
    figure = ax.figure
    drawn(ax)
    box = figure.get_tightbbox()
    assert box.x0 >= 0 and box.x1 <= figure.get_size_inches()[0]


def test_a_state_that_does_not_exist_is_hatched() -> None:
    ax = plot_rdm(some(), area="IT", time=0)
    assert hatched(ax) and not ax.images and legend_texts(ax) == ["not reached yet"]


def test_subjects_are_averaged_or_chosen() -> None:
    values = np.random.default_rng(1).random((3, 15))
    brain = make_rdms(values, ("subject",), {"subject": list("xyz")}, attrs={"simulated": "yes"})
    ax = plot_rdm(brain, colorbar=False)
    np.testing.assert_allclose(np.nan_to_num(shown(ax)), squareform(values.mean(0)))
    assert ax.get_title(loc="right").strip() == "simulated data"
    np.testing.assert_allclose(np.nan_to_num(shown(plot_rdm(brain, subject="y"))), squareform(values[1]))
    _, given = pyplot.subplots()
    assert plot_rdm(brain, ax=given) is given


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(AnalysisError, match="^area: name one"):
        plot_rdm(some())
    with pytest.raises(AnalysisError, match="area and time"):
        make_rdm_figure(make_rdms(np.zeros(3)))
    with pytest.raises(AnalysisError, match="^areas: no V7 here; there are V1, IT"):
        make_rdm_figure(some(), areas=["V7"])


def test_every_state_is_a_picture_sorted_by_label() -> None:
    figure = make_rdm_figure(some(), "a title", "a note")
    assert drawn(figure).std() > 10
    assert [len(ax.images) for ax in figure.axes[:6]] == [1, 1, 1, 0, 1, 1]
    assert [bool(hatched(ax)) for ax in figure.axes[:6]] == [False, False, False, True, False, False]
    np.testing.assert_allclose(shown(figure.axes[5]), expected(1, 2))
    assert [ax.get_title() for ax in figure.axes[:3]] == ["50 ms", "60 ms", "70 ms"]
    assert legend_texts(figure) == ["a", "b", "c", "not reached yet"]
    # Each area has its scale, and each scale its name.
    assert [ax.get_ylabel() for ax in figure.axes[6:]] == ["correlation distance"] * 2
    limits = [{ax.images[0].get_clim() for ax in row if ax.images} for row in (figure.axes[:3], figure.axes[3:6])]
    for area, (pair,) in enumerate(limits):
        values = some().dissimilarity.values[area]
        assert pair == pytest.approx(tuple(np.nanpercentile(values, [1, 99])))
    assert not overlapping_texts(figure) and smallest_text(figure) >= 6


def test_without_labels_and_clock() -> None:
    bare = make_rdm_figure(some(labels=False, clock=False), areas=["V1"])
    assert [ax.get_title() for ax in bare.axes[:3]] == ["step 0", "step 1", "step 2"]
    assert not bare.legends
    np.testing.assert_allclose(np.nan_to_num(shown(bare.axes[0])), squareform(some().dissimilarity.values[0, 0]))


def test_long_movies_are_thinned() -> None:
    figure = make_rdm_figure(some(steps=40))
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert len(titles) == 10 and titles[0] == "50 ms" and titles[-1] == "440 ms"
    assert len(make_rdm_figure(some(steps=40), times=[1, 5]).axes) == 6


@pytest.mark.parametrize("suffix", [".gif", ".html"])
def test_a_movie_has_a_frame_a_step(tmp_path: Path, suffix: str) -> None:
    path = save_animation(animate_rdms(some(), "a title"), tmp_path / f"movie{suffix}", dpi=50)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if suffix == ".gif":
        with Image.open(path) as movie:
            assert movie.n_frames == 3 and movie.info["duration"] == 500  # type: ignore[attr-defined]
    else:
        page = path.read_text()
        assert page.count("data:image/png") == 3 and "http://" not in page.split("</script>")[-1]


def test_frames_of_a_movie_show_their_step() -> None:
    movie = animate_rdms(some(), "a title")
    axes = movie._draw_frame(1) or movie._fig.axes  # type: ignore[attr-defined]
    np.testing.assert_allclose(shown(axes[0]), expected(0, 1))
    assert [ax.get_title(loc="left") for ax in movie._fig.axes] == ["V1  60 ms", "IT  60 ms"]  # type: ignore[attr-defined]
    movie._draw_was_started = True  # type: ignore[attr-defined]  # else it warns that it was never shown


def test_other_movies_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.animation import writers

    monkeypatch.setattr(writers, "is_available", lambda name: False)
    movie = animate_rdms(some())
    movie._draw_was_started = True  # type: ignore[attr-defined]
    with pytest.raises(AnalysisError, match=r"m\.mp4: \.mp4 needs the program ffmpeg"):
        save_animation(movie, tmp_path / "m.mp4")
    with pytest.raises(AnalysisError, match=r"m\.avi: a movie is"):
        save_animation(movie, tmp_path / "m.avi")
    assert not list(tmp_path.iterdir())


def test_a_state_that_has_ended_is_not_said_to_be_waited_for() -> None:
    rdms = some()
    assert "not reached yet" in legend_texts(make_rdm_figure(rdms))
    ended = rdms.assign(dissimilarity=rdms["dissimilarity"].where(rdms["time_step"] < 2))
    assert "no state at this time" in legend_texts(make_rdm_figure(ended))
