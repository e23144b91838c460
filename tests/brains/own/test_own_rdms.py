"""A user's own RDMs: what is written one way or another is read as the same, and what is wrong is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.io import savemat
from scipy.spatial.distance import pdist, squareform

from ventralrnn.analysis.rdm import make_rdms
from ventralrnn.analysis.results import save_result
from ventralrnn.brains import load_brain, read_rdms
from ventralrnn.brains.formats.matrices import condense
from ventralrnn.errors import AnalysisError, DataError

STIMULI = 6
PAIRS = STIMULI * (STIMULI - 1) // 2


def rdm(seed: int = 0, count: int = STIMULI) -> np.ndarray:
    """Return an RDM as scipy computes it, (count, count)."""
    return squareform(pdist(np.random.default_rng(seed).standard_normal((count, 4))))


def stack(*shape: int) -> np.ndarray:
    """Return RDMs (*shape, stimulus, stimulus), all different."""
    total = int(np.prod(shape))
    return np.stack([rdm(i) for i in range(total)]).reshape(*shape, STIMULI, STIMULI)


def triangles(square: np.ndarray) -> np.ndarray:
    flat = square.reshape(-1, STIMULI, STIMULI)
    return np.stack([squareform(matrix) for matrix in flat]).reshape(*square.shape[:-2], PAIRS)


def write_csv(path: Path, table: np.ndarray) -> None:
    np.savetxt(path, table, delimiter=",", fmt="%.17g")


WRITERS: dict[str, Callable[[Path, np.ndarray], Any]] = {
    "npy": np.save,
    "npz": lambda path, values: np.savez(path, rdms=values, version=np.array("1")),
    "csv": write_csv,
    "mat": lambda path, values: savemat(path, {"rdms": values, "version": 1.0}),
}


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("form", ["square", "triangle"])
def test_every_kind_of_file_holds_the_same(tmp_path: Path, suffix: str, form: str) -> None:
    path = tmp_path / f"a.{suffix}"
    WRITERS[suffix](path, rdm() if form == "square" else squareform(rdm()))
    read = load_brain(path)
    assert read["dissimilarity"].dims == ("pair",)
    np.testing.assert_array_equal(read["dissimilarity"], squareform(rdm()))


@pytest.mark.parametrize(
    ("shape", "dims"),
    [((3,), ("subject",)), ((3, 2), ("subject", "time")), ((3, 2, 4), ("subject", "area", "time"))],
)
@pytest.mark.parametrize("form", ["square", "triangle"])
def test_what_comes_before_the_stimuli(
    tmp_path: Path, shape: tuple[int, ...], dims: tuple[str, ...], form: str
) -> None:
    values = stack(*shape)
    np.save(tmp_path / "a.npy", values if form == "square" else triangles(values))
    read = load_brain(tmp_path / "a.npy")
    assert read["dissimilarity"].dims == (*dims, "pair")
    np.testing.assert_array_equal(read["dissimilarity"], triangles(values))


def test_dims_can_be_said(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", stack(3, 2))
    read = load_brain(tmp_path / "a.npy", dims=("area", "time"), time_ms=(50, 60), stimuli=list("abcdef"))
    assert read["dissimilarity"].dims == ("area", "time", "pair")
    assert read.time_ms.values.tolist() == [50, 60] and read.stimulus_id.values.tolist() == list("abcdef")
    with pytest.raises(AnalysisError, match=r"dims: area for the 2 dimensions .*a\.npy"):
        load_brain(tmp_path / "a.npy", dims=("area",))
    with pytest.raises(AnalysisError, match=r"dims: area, session for the 2"):
        load_brain(tmp_path / "a.npy", dims=("area", "session"))
    np.save(tmp_path / "b.npy", stack(2, 1, 1, 2))
    with pytest.raises(AnalysisError, match=r"b\.npy: 4 dimensions before the stimuli; say with dims="):
        load_brain(tmp_path / "b.npy")


def test_times_tell_a_movie_from_subjects(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", stack(3))
    (tmp_path / "time_ms.txt").write_text("50\n60, 70\n")
    read = load_brain(tmp_path / "a.npy")
    assert read["dissimilarity"].dims == ("time", "pair") and read.time_ms.values.tolist() == [50, 60, 70]
    (tmp_path / "time_ms.txt").write_text("50 60")
    with pytest.raises(AnalysisError, match=r"time_ms: 2 times, and .*a\.npy has no dimension of time"):
        load_brain(tmp_path / "a.npy")
    (tmp_path / "time_ms.txt").write_text("50 ms")
    with pytest.raises(AnalysisError, match=r"time_ms\.txt: give times in ms"):
        load_brain(tmp_path / "a.npy")


def test_a_folder_of_subjects(tmp_path: Path) -> None:
    for subject, name in enumerate(("s10.npy", "s02.mat", "s01.csv")):
        WRITERS[name[-3:]](tmp_path / name, rdm(subject))
    (tmp_path / "stimuli.txt").write_text("a\nb\nc\n\nd\ne\nf\n")
    (tmp_path / "notes.md").write_text("about")
    read = load_brain(tmp_path)
    assert read["dissimilarity"].dims == ("subject", "pair")
    assert read.subject.values.tolist() == ["s01", "s02", "s10"]
    assert read.stimulus_id.values.tolist() == list("abcdef")
    np.testing.assert_array_equal(read["dissimilarity"], [squareform(rdm(i)) for i in (2, 1, 0)])


def test_a_folder_of_movies(tmp_path: Path) -> None:
    for subject in range(2):
        np.save(tmp_path / f"{subject}.npy", stack(3) + 0 * subject)
    (tmp_path / "time_ms.txt").write_text("50 60 70")
    read = load_brain(tmp_path)
    assert read["dissimilarity"].dims == ("subject", "time", "pair") and read.time_ms.dims == ("time",)


def test_a_folder_of_areas(tmp_path: Path) -> None:
    for number, area in enumerate(("V1", "IT")):
        (tmp_path / area).mkdir()
        for subject in range(2):
            np.save(tmp_path / area / f"s{subject}.npy", rdm(2 * number + subject))
    (tmp_path / "stimuli.csv").write_text("label,stimulus_id\n" + "".join(f"x,{s}\n" for s in "abcdef"))
    read = load_brain(tmp_path)
    assert read["dissimilarity"].dims == ("area", "subject", "pair")
    assert read.area.values.tolist() == ["IT", "V1"] and read.stimulus_id.values.tolist() == list("abcdef")
    np.testing.assert_array_equal(read["dissimilarity"].sel(area="IT", subject="s1"), squareform(rdm(3)))
    (tmp_path / "IT" / "s1.npy").rename(tmp_path / "IT" / "s2.npy")
    with pytest.raises(AnalysisError, match=r"V1: other subjects than in IT"):
        load_brain(tmp_path)
    np.save(tmp_path / "all.npy", rdm())
    with pytest.raises(AnalysisError, match="holds both RDMs and folders"):
        load_brain(tmp_path)


@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("index", [True, False])
def test_names_in_a_table(tmp_path: Path, head: bool, index: bool) -> None:
    lines = [",".join(["", *"abcdef"] if index else "abcdef")] if head else []
    for name, row in zip("abcdef", rdm(), strict=True):
        lines.append(",".join([*([name] if index else []), *(repr(float(v)) for v in row)]))
    (tmp_path / "a.csv").write_text("\n".join(lines))
    read = load_brain(tmp_path / "a.csv")
    np.testing.assert_array_equal(read["dissimilarity"], squareform(rdm()))
    named = head or index
    assert ("stimulus_id" in read.coords) == named
    assert not named or read.stimulus_id.values.tolist() == list("abcdef")


def test_a_table_with_numbers_for_names(tmp_path: Path) -> None:
    rows = [",".join(["", *map(str, range(STIMULI))])]
    rows += [",".join([str(i), *(repr(float(v)) for v in row)]) for i, row in enumerate(rdm())]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    np.testing.assert_array_equal(load_brain(tmp_path / "a.csv")["dissimilarity"], squareform(rdm()))


def test_a_table_with_an_empty_diagonal(tmp_path: Path) -> None:
    rows = [",".join("" if i == j else repr(float(v)) for j, v in enumerate(row)) for i, row in enumerate(rdm())]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    np.testing.assert_array_equal(load_brain(tmp_path / "a.csv")["dissimilarity"], squareform(rdm()))


def test_matlab_keeps_subjects_last(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"rdms": np.moveaxis(stack(3), 0, 2)})
    np.testing.assert_array_equal(load_brain(tmp_path / "a.mat")["dissimilarity"], triangles(stack(3)))
    structs = np.array([(rdm(i), f"s{i}") for i in range(3)], [("RDM", "O"), ("name", "O")])
    savemat(tmp_path / "b.mat", {"RDMs": structs})
    np.testing.assert_array_equal(load_brain(tmp_path / "b.mat")["dissimilarity"], triangles(stack(3)))


def test_matlab_7_3(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        # HDF5 has the axes reversed: this is what MATLAB calls (stimulus, stimulus, subject).
        file["rdms"] = stack(3)
    np.testing.assert_array_equal(load_brain(tmp_path / "a.mat")["dissimilarity"], triangles(stack(3)))


def test_one_variable_of_several(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", first=rdm(0), second=rdm(1))
    np.testing.assert_array_equal(
        load_brain(tmp_path / "a.npz", variable="second")["dissimilarity"], squareform(rdm(1))
    )
    with pytest.raises(AnalysisError, match=r"a\.npz: .*several \(first, second\): name one with variable="):
        load_brain(tmp_path / "a.npz")
    with pytest.raises(AnalysisError, match="has no 'third'; it has first, second"):
        load_brain(tmp_path / "a.npz", variable="third")


def test_what_an_analysis_wrote(tmp_path: Path) -> None:
    mine = make_rdms(triangles(stack(2)), ("area",), {"area": ["V1", "IT"]}, list("abcdef"), {"distance": "euclidean"})
    save_result(mine, tmp_path / "a.nc")
    assert load_brain(tmp_path / "a.nc").identical(mine)
    save_result(mine.rename(dissimilarity="other"), tmp_path / "b.nc")
    with pytest.raises(AnalysisError, match=r"b\.nc: holds no RDMs"):
        load_brain(tmp_path / "b.nc")


def with_value(where: tuple[int, int], value: float, symmetric: bool = True) -> np.ndarray:
    matrix = rdm()
    matrix[where] = value
    if symmetric:
        matrix[where[::-1]] = value
    return matrix


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (with_value((1, 3), 9.0, symmetric=False), "not symmetric, for example rows 2 and 4"),
        (with_value((2, 2), 1.0), "1 on the diagonal.*give 1 - r"),
        (with_value((0, 1), np.nan), "NaN for some pairs"),
        (np.full((6, 6), np.nan), "nothing but NaN"),
        (with_value((0, 1), np.inf), "infinity"),
        (np.zeros((3, 5)), r"shape \(3, 5\) is neither"),
        (np.zeros((1, 1)), "1 stimulus"),
        (np.array(["a", "b"]), "not RDMs"),
        (np.array(3.0), "not RDMs"),
        (np.array([{}], object), "Python objects are not loaded"),
    ],
)
def test_what_is_no_rdm_is_refused_by_name(tmp_path: Path, values: np.ndarray, message: str) -> None:
    np.save(tmp_path / "mine.npy", values, allow_pickle=True)
    with pytest.raises(AnalysisError, match=rf"mine\.npy: .*{message}"):
        load_brain(tmp_path / "mine.npy")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "1,2\n3\n", "rows differ in length"),
        ("a.csv", "x,y,z\n1,b,3\n1,2,3\n", "no table of numbers"),
        ("a.npy", "nonsense", "cannot be read"),
        ("a.npz", "nonsense", "cannot be read"),
        ("a.mat", "nonsense", "cannot be read as a MATLAB file"),
        ("a.txt", "1", "none of .npy"),
    ],
)
def test_what_is_no_file_of_rdms_is_refused_by_name(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(AnalysisError, match=f"{name}: .*{message}"):
        load_brain(tmp_path / name)


def test_files_of_a_folder_fit_each_other(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", rdm())
    np.save(tmp_path / "b.npy", rdm(count=5))
    with pytest.raises(AnalysisError, match=r"b\.npy: RDMs of 5 stimuli, and of 6 in a\.npy"):
        load_brain(tmp_path)
    np.save(tmp_path / "b.npy", stack(2))
    with pytest.raises(AnalysisError, match=r"b\.npy: sizes"):
        load_brain(tmp_path)
    (tmp_path / "b.npy").unlink()
    (tmp_path / "stimuli.txt").write_text("a\nb\n")
    with pytest.raises(AnalysisError, match="2 names for RDMs of 6 stimuli"):
        load_brain(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(AnalysisError, match="empty: no RDMs are there"):
        load_brain(tmp_path / "empty")
    with pytest.raises(DataError, match="source: give "):
        load_brain(5)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="nowhere: no such file"):
        load_brain(tmp_path / "nowhere")
    with pytest.raises(AnalysisError, match="nowhere: no such file"):
        read_rdms(tmp_path / "nowhere")


def test_states_that_do_not_exist_stay_missing(tmp_path: Path) -> None:
    values = stack(3)
    values[1] = np.nan
    np.save(tmp_path / "a.npy", values)
    read = load_brain(tmp_path / "a.npy")["dissimilarity"].values
    assert np.isnan(read[1]).all() and np.isfinite(read[[0, 2]]).all()


def test_a_diagonal_may_be_undefined(tmp_path: Path) -> None:
    values = rdm()
    np.fill_diagonal(values, np.nan)
    np.save(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(load_brain(tmp_path / "a.npy")["dissimilarity"], squareform(rdm()))


@settings(deadline=None, max_examples=30)
@given(arrays(np.float64, st.sampled_from([1, 3, 6, 10, 15]), elements=st.floats(0, 1e6)), st.integers(0, 2))
def test_squares_and_triangles_are_the_same(pairs: np.ndarray, leading: int) -> None:
    deep = pairs.reshape(*[1] * leading, -1)
    square = squareform(pairs).reshape(*[1] * leading, *squareform(pairs).shape)
    if pairs.size > 1 or leading == 0:
        np.testing.assert_array_equal(condense(square, Path("a")), deep)
    np.testing.assert_array_equal(condense(square.astype(np.float32), Path("a")), deep.astype(np.float32))
